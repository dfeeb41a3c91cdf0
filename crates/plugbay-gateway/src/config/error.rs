//! A configuration that cannot be used: where, what was found, what was wanted.

use std::path::{Path, PathBuf};

use plugbay::abi::json::{JsonError, parse};

use super::{Config, suggest};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says something that it may not.
    #[error("{}: {}{problem}", .file.display(), place(.at))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The place in it, such as `plugins[0].enabled`; empty for the whole.
        at: String,
        /// What was found and what was wanted.
        problem: String,
    },
}

fn place(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!("`{at}`: ") }
}

impl ConfigError {
    pub(super) fn invalid(file: &Path, at: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { file: file.to_owned(), at: at.into(), problem: problem.into() }
    }

    /// What serde says, in this project's words, with the place by path and by line, and the nearest
    /// key for an unknown one.
    pub(super) fn from_json(file: &Path, text: &[u8], plain: &serde_json::Error) -> Self {
        // The plain error knows the line; parsing again finds the path.
        let JsonError { path, message } = match parse::<Config>(text) {
            Err(error) => error,
            Ok(_) => JsonError::new("", plain.to_string()),
        };
        let mut problem = match message.split_once(", expected ") {
            Some((found, wanted)) => format!("{}, wanted {}", in_json(found), in_json(wanted)),
            None => message.clone(),
        };
        if !problem.contains(" at line ") {
            problem.push_str(&format!(" at line {} column {}", plain.line(), plain.column()));
        }
        if let Some(rest) = message.strip_prefix("unknown field") {
            problem = problem.replacen("unknown field", "unknown key", 1);
            problem.push_str(&meant(rest));
        } else if let Some(rest) = message.strip_prefix("unknown variant") {
            problem = problem.replacen("unknown variant", "found", 1);
            problem.push_str(&meant(rest));
        }
        Self::invalid(file, path, problem)
    }
}

/// JSON's own words for lists and objects; types of Rust's are named by nobody here.
fn in_json(serde: &str) -> String {
    let (words, rest) = match serde.split_once(" at line ") {
        Some((words, at)) => (words, format!(" at line {at}")),
        None => (serde, String::new()),
    };
    let words = match words {
        "a sequence" => "a list",
        "a map" => "an object",
        "invalid type: sequence" => "invalid type: a list",
        "invalid type: map" => "invalid type: an object",
        other => other,
    };
    format!("{words}{rest}")
}

/// serde's own list: the name that was found, then those that are known, each in backquotes.
fn meant(names: &str) -> String {
    let mut names = names.split('`').skip(1).step_by(2);
    let found = names.next().unwrap_or_default();
    match suggest::nearest(found, names) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => String::new(),
    }
}
