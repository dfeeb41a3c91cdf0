//! What a plugin may be called.

use anyhow::{Result, bail};

/// Longest name, in bytes: it is part of file names and of metrics.
const LONGEST: usize = 64;

/// Words that some language keeps for itself, or that a compiler's own library is called: no package of that name builds.
const TAKEN: [&str; 61] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "func",
    "gen",
    "go",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "main",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "package",
    "plugbay",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "unsafe",
    "use",
    "vendor",
    "while",
];

/// Whether a file of this name, whatever follows its first dot, is a device on Windows.
pub(crate) fn is_a_device(file: &str) -> bool {
    const DEVICES: [&str; 6] = ["aux", "con", "conin$", "conout$", "nul", "prn"];
    let stem = file.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = |name: &str| stem.len() == 4 && stem.starts_with(name);
    DEVICES.contains(&&*stem) || numbered("com") || numbered("lpt")
}

/// The name as files and languages without `-` in names have it.
pub(crate) fn ident(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// Takes a name that every language and both front ends take.
pub(crate) fn check(name: &str) -> Result<()> {
    const WANTED: &str =
        "a letter, then letters, digits and `-`, all lower case, such as `night-lamp`";
    if name.is_empty() {
        bail!("found an empty name, wanted {WANTED}");
    }
    if name.len() > LONGEST {
        bail!("found a name of {} bytes, wanted at most {LONGEST}", name.len());
    }
    if TAKEN.contains(&name) || name.starts_with("plugbay-") {
        bail!(
            "`{name}` is a name that compilers or the SDKs keep for themselves: found it, wanted another"
        );
    }
    if is_a_device(name) {
        bail!("`{name}` is a device on Windows, where it is no file's name: wanted another");
    }
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let has_others =
        name.contains(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-');
    if begins && !has_others && !name.ends_with('-') && !name.contains("--") {
        return Ok(());
    }
    let name = plugbay::plain(name, 80);
    match mended(&name) {
        Some(mended) => bail!("found the name `{name}`, wanted {WANTED}; did you mean `{mended}`?"),
        None => bail!("found the name `{name}`, wanted {WANTED}"),
    }
}

/// The name that may have been meant.
fn mended(name: &str) -> Option<String> {
    let mut mended = String::new();
    for c in name.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || (c.is_ascii_digit() && !mended.is_empty()) => {
                mended.push(c);
            }
            _ if mended.is_empty() || mended.ends_with('-') => {}
            _ => mended.push('-'),
        }
    }
    let mended = mended.trim_end_matches('-');
    check_is_fine(mended).then(|| mended.to_owned())
}

fn check_is_fine(name: &str) -> bool {
    !name.is_empty()
        && !TAKEN.contains(&name)
        && !name.starts_with("plugbay-")
        && !is_a_device(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_work_everywhere_are_taken() {
        for name in ["a", "lamp", "night-lamp", "lamp2", "a-1-b"] {
            check(name).unwrap();
        }
        assert_eq!(ident("night-lamp"), "night_lamp");
        assert!(TAKEN.is_sorted());
    }

    #[test]
    fn others_are_refused_and_mended_where_that_can_be() {
        for (name, wanted) in [
            ("", "found an empty name"),
            ("Night_Lamp", "did you mean `night-lamp`?"),
            ("2lamps", "did you mean `lamps`?"),
            ("../lamp", "did you mean `lamp`?"),
            ("lamp-", "did you mean `lamp`?"),
            ("a--b", "did you mean `a-b`?"),
            ("..", "found the name `..`, wanted a letter"),
            ("ランプ", "wanted a letter"),
            ("fn", "keep for themselves"),
            ("con", "a device on Windows"),
            ("lpt1", "a device on Windows"),
            ("plugbay-guest", "keep for themselves"),
            (&"a".repeat(65), "found a name of 65 bytes, wanted at most 64"),
        ] {
            let error = check(name).unwrap_err().to_string();
            assert!(error.contains(wanted), "{name}: {error}");
        }
        assert!(!check("..").unwrap_err().to_string().contains("did you mean"));
    }
}
