//! Patterns with `*` and `?`.

use serde::Deserialize;

/// A pattern over a whole text: `*` is any run of characters, slashes among them, `?` is one
/// character, and everything else is itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Glob(String);

impl Glob {
    /// A pattern.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Whether all of `text` is like this.
    ///
    /// Takes at most the product of both lengths, whatever the pattern.
    pub fn is_match(&self, text: &str) -> bool {
        let (mut pattern, mut rest) = (self.0.chars(), text.chars());
        // What is behind the last `*`, and what is left of the text that it may still swallow.
        let mut star: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
        loop {
            let here = rest.clone();
            match (pattern.next(), rest.next()) {
                (Some('*'), _) => {
                    rest = here.clone();
                    star = Some((pattern.clone(), here));
                }
                (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {}
                (None, None) => return true,
                _ => {
                    let Some((behind, swallowed)) = &mut star else { return false };
                    if swallowed.next().is_none() {
                        return false;
                    }
                    (pattern, rest) = (behind.clone(), swallowed.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "/v1/x", true),
            ("/v1/chat/*", "/v1/chat/completions", true),
            ("/v1/chat/*", "/v1/chat", false),
            ("/v1/*/completions", "/v1/a/b/completions", true),
            ("*gpt-4*", "openai/gpt-4o", true),
            ("*gpt-4*", "openai/gpt-3", false),
            ("gpt-?", "gpt-4", true),
            ("gpt-?", "gpt-", false),
            ("gpt-?", "gpt-44", false),
            ("?", "ä", true),
            ("a*b*c", "aXbXbYc", true),
            ("a*b*c", "aXbXbY", false),
            ("**a", "bba", true),
            ("a[b]", "a[b]", true),
            ("*/*", "*/*", true),
            ("a", "A", false),
        ] {
            assert_eq!(Glob::new(pattern).is_match(text), wanted, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn a_pattern_of_stars_takes_no_exponential_time() {
        let pattern = Glob::new("*a".repeat(50) + "b");
        assert!(!pattern.is_match(&"a".repeat(10_000)));
    }
}
