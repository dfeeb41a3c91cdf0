//! Which program, and with which arguments.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A program as a grant lists it: an absolute path, or a name without a folder that the host looks up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramName(String);

/// A text that names no program that may be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found:?}, {what}; wanted a program's absolute path, or its name alone")]
pub struct ProgramNameError {
    /// The text.
    pub found: String,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Programs whose arguments are programs. A grant for one would be a grant for all; this guards against the slip
/// and is no list of everything that can be made to run something else.
const SHELLS: &[&str] = &[
    "sh",
    "bash",
    "dash",
    "ash",
    "zsh",
    "ksh",
    "csh",
    "tcsh",
    "fish",
    "cmd",
    "command.com",
    "powershell",
    "pwsh",
];

impl ProgramName {
    /// The path or name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProgramName {
    type Err = ProgramNameError;

    fn from_str(found: &str) -> Result<Self, Self::Err> {
        let wrong = |what| Err(ProgramNameError { found: found.to_owned(), what });
        if found.is_empty() {
            return wrong("which is empty");
        }
        if found.chars().any(char::is_control) {
            return wrong("which has a control character");
        }
        let absolute = found.starts_with('/') || found.starts_with("\\\\") || drive(found);
        let file = found.rsplit(['/', '\\']).next().unwrap_or_default();
        if file.len() != found.len() && !absolute {
            return wrong("a path that depends on the current folder");
        }
        if found.split(['/', '\\']).any(|part| part == ".." || part == ".") || file.is_empty() {
            return wrong("which is no program");
        }
        let file = file.to_ascii_lowercase();
        if SHELLS.contains(&file.strip_suffix(".exe").unwrap_or(&file)) {
            return wrong("a shell, which runs any program; list the program itself");
        }
        Ok(Self(found.to_owned()))
    }
}

fn drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

impl fmt::Display for ProgramName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What one argument of a program may be.
///
/// A text stands for itself. At its end it may have one of these: `{text}`, any text, which as a whole argument
/// does not begin with `-`; `{number}`, decimal digits; `{any}`, anything at all; and, as the whole of a
/// program's last argument, `{rest}`, any number of arguments that do not begin with `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArgPattern {
    text: String,
    then: Option<Hole>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Hole {
    Text,
    Number,
    Any,
    Rest,
}

const HOLES: [(&str, Hole); 4] = [
    ("{text}", Hole::Text),
    ("{number}", Hole::Number),
    ("{any}", Hole::Any),
    ("{rest}", Hole::Rest),
];

/// A text that is no pattern of an argument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found {found:?}, {what}; wanted an argument as it is, or one that ends in {{text}}, {{number}} or \
     {{any}}, or {{rest}} alone and last"
)]
pub struct ArgPatternError {
    /// The text.
    pub found: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl FromStr for ArgPattern {
    type Err = ArgPatternError;

    fn from_str(found: &str) -> Result<Self, Self::Err> {
        let wrong = |what| ArgPatternError { found: found.to_owned(), what };
        let hole = HOLES.iter().find_map(|(name, hole)| Some((found.strip_suffix(name)?, *hole)));
        let (text, then) = match hole {
            Some((text, hole)) => (text, Some(hole)),
            None => (found, None),
        };
        if HOLES.iter().any(|(name, _)| text.contains(name)) {
            return Err(wrong("which has something in braces before its end"));
        }
        if then == Some(Hole::Rest) && !text.is_empty() {
            return Err(wrong("in which something comes before {rest}"));
        }
        if text.contains('\0') {
            return Err(wrong("which has a NUL"));
        }
        Ok(Self { text: text.to_owned(), then })
    }
}

impl fmt::Display for ArgPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hole = HOLES.iter().find(|(_, hole)| Some(*hole) == self.then);
        write!(f, "{}{}", self.text, hole.map_or("", |(name, _)| name))
    }
}

impl ArgPattern {
    fn is_rest(&self) -> bool {
        self.then == Some(Hole::Rest)
    }

    fn matches(&self, argument: &str) -> bool {
        let Some(filled) = argument.strip_prefix(&*self.text) else { return false };
        if argument.contains('\0') {
            return false;
        }
        match self.then {
            None => filled.is_empty(),
            Some(Hole::Number) => is_number(filled),
            Some(Hole::Text | Hole::Rest) => !self.text.is_empty() || !filled.starts_with('-'),
            Some(Hole::Any) => true,
        }
    }

    /// Whether every argument that `other` matches matches here too.
    fn covers(&self, other: &Self) -> bool {
        let Some(prefix) = other.text.strip_prefix(&*self.text) else { return false };
        let Some(filled) = other.then else { return self.matches(&other.text) };
        match self.then {
            None => false,
            Some(Hole::Any) => true,
            Some(Hole::Number) => {
                filled == Hole::Number && prefix.bytes().all(|byte| byte.is_ascii_digit())
            }
            Some(Hole::Text | Hole::Rest) => {
                let guarded = matches!(filled, Hole::Text | Hole::Rest | Hole::Number);
                !self.text.is_empty()
                    || if prefix.is_empty() { guarded } else { !prefix.starts_with('-') }
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// One program with the shape of its arguments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
#[non_exhaustive]
pub struct ProgramGrant {
    /// The program. A request has to name it in the same spelling.
    pub program: ProgramName,
    /// What each argument may be, in order. Without any, the program runs without arguments.
    pub args: Vec<ArgPattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    program: ProgramName,
    #[serde(default)]
    args: Vec<ArgPattern>,
}

impl TryFrom<Wire> for ProgramGrant {
    type Error = ArgPatternError;

    fn try_from(Wire { program, args }: Wire) -> Result<Self, Self::Error> {
        Self::new(program, args)
    }
}

impl ProgramGrant {
    /// A program with the shape of its arguments.
    ///
    /// # Errors
    ///
    /// When `{rest}` comes before another argument.
    pub fn new(program: ProgramName, args: Vec<ArgPattern>) -> Result<Self, ArgPatternError> {
        match args.split_last() {
            Some((_, before)) if before.iter().any(ArgPattern::is_rest) => Err(ArgPatternError {
                found: "{rest}".to_owned(),
                what: "which is not the last argument",
            }),
            _ => Ok(Self { program, args }),
        }
    }

    /// Whether the arguments have the shape.
    pub fn fits<S: AsRef<str>>(&self, args: &[S]) -> bool {
        let mut args = args.iter().map(AsRef::as_ref);
        for pattern in &self.args {
            if pattern.is_rest() {
                return args.all(|argument| pattern.matches(argument));
            }
            if !args.next().is_some_and(|argument| pattern.matches(argument)) {
                return false;
            }
        }
        args.next().is_none()
    }

    /// Whether everything that fits `other` fits here too.
    pub fn covers(&self, other: &Self) -> bool {
        if self.program != other.program {
            return false;
        }
        let mut others = other.args.iter();
        for pattern in &self.args {
            if pattern.is_rest() {
                return others.all(|other| pattern.covers(other));
            }
            if !others.next().is_some_and(|other| !other.is_rest() && pattern.covers(other)) {
                return false;
            }
        }
        others.next().is_none()
    }
}

impl fmt::Display for ProgramGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program)?;
        self.args.iter().try_for_each(|argument| write!(f, " {:?}", argument.to_string()))
    }
}

macro_rules! as_text {
    ($($ty:ty),*) => {$(
        impl Serialize for $ty {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $ty {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(ProgramName, ArgPattern);

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(args: &[&str]) -> ProgramGrant {
        let args = args.iter().map(|arg| arg.parse().unwrap()).collect();
        ProgramGrant::new("tool".parse().unwrap(), args).unwrap()
    }

    #[test]
    fn arguments_fit_or_do_not() {
        for (shape, args, fits) in [
            (&[][..], &[][..], true),
            (&[], &["x"], false),
            (&["-u"], &["-u"], true),
            (&["-u"], &[], false),
            (&["-u"], &["-u", "x"], false),
            (&["{text}"], &["hello; rm -rf /"], true),
            (&["{text}"], &["--help"], false),
            (&["{text}"], &[""], true),
            (&["{text}"], &["a\0b"], false),
            (&["{any}"], &["--help"], true),
            (&["{number}"], &["12"], true),
            (&["{number}"], &["-12"], false),
            (&["{number}"], &[""], false),
            (&["--title={text}"], &["--title=-x"], true),
            (&["--title={text}"], &["--titles"], false),
            (&["--level={number}"], &["--level=5"], true),
            (&["--level={number}"], &["--level=5x"], false),
            (&["play", "{rest}"], &["play"], true),
            (&["play", "{rest}"], &["play", "a", "b"], true),
            (&["play", "{rest}"], &["play", "a", "-b"], false),
        ] {
            assert_eq!(grant(shape).fits(args), fits, "{shape:?} {args:?}");
        }
    }

    #[test]
    fn what_is_no_program_or_shape_is_told() {
        for (name, word) in [
            ("", "empty"),
            ("bin/tool", "current folder"),
            ("./tool", "current folder"),
            ("/bin/../tool", "no program"),
            ("/bin/", "no program"),
            ("/bin/sh", "a shell"),
            ("PowerShell.EXE", "a shell"),
            ("C:\\Windows\\System32\\cmd.exe", "a shell"),
            ("to\nol", "control character"),
        ] {
            let error = name.parse::<ProgramName>().unwrap_err().to_string();
            assert!(error.contains(word), "{name}: {error}");
        }
        for good in ["notify-send", "/usr/bin/notify-send", "C:\\tools\\a.exe"] {
            assert_eq!(good.parse::<ProgramName>().unwrap().as_str(), good);
        }
        for (text, word) in [("{text}x{text}", "before its end"), ("x{rest}", "comes before")] {
            let error = text.parse::<ArgPattern>().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        let args = ["{rest}", "x"].map(|text| text.parse().unwrap()).to_vec();
        let error = ProgramGrant::new("tool".parse().unwrap(), args).unwrap_err().to_string();
        assert!(error.contains("not the last"), "{error}");
    }

    /// Every pair of shapes over a small alphabet, held against what they match: `covers` may be too careful,
    /// never too generous.
    #[test]
    fn a_shape_covers_only_what_it_matches() {
        let shapes: Vec<ProgramGrant> = [
            &[][..],
            &["a"],
            &["-a"],
            &["1"],
            &["{text}"],
            &["{number}"],
            &["{any}"],
            &["a{text}"],
            &["a{any}"],
            &["1{number}"],
            &["-{text}"],
            &["-{any}"],
            &["{rest}"],
            &["a", "{rest}"],
            &["{text}", "{text}"],
            &["{any}", "{rest}"],
            &["a1"],
            &["a{number}"],
        ]
        .map(grant)
        .to_vec();
        let words = ["", "a", "-a", "1", "12", "a1", "a-", "-", "-1", "ab"];
        let mut lines: Vec<Vec<&str>> = vec![vec![]];
        for first in words {
            lines.push(vec![first]);
            lines.extend(words.map(|second| vec![first, second]));
        }
        let mut covered = 0;
        for (one, other) in shapes.iter().flat_map(|one| shapes.iter().map(move |o| (one, o))) {
            if one.covers(other) {
                covered += 1;
                for line in &lines {
                    assert!(!other.fits(line) || one.fits(line), "{one} covers {other}: {line:?}");
                }
            }
        }
        assert!(shapes.iter().all(|shape| shape.covers(shape)));
        assert!(covered > 2 * shapes.len(), "{covered}");
    }
}
