//! The environment variables that a plugin sees.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The environment variables that a plugin sees, in the order in which they were given.
///
/// In a configuration an object from name to value. What is shown of them for debugging is the names: values may
/// be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(Vec<(String, String)>);

/// What cannot be a variable of an environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VariableError {
    /// A name that a guest could not tell from what follows it.
    #[error(
        "found the name {name:?}, wanted one that is not empty and has neither `=` nor a zero byte"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// A value in which a guest would see an end.
    #[error("found a zero byte in the value of `{name}`, wanted none")]
    Value {
        /// Whose value.
        name: String,
    },
    /// There is one already.
    #[error("found `{name}` twice, wanted each name once")]
    Twice {
        /// Its name.
        name: String,
    },
}

impl Variables {
    /// Adds one.
    ///
    /// # Errors
    ///
    /// When it is none, or there is one of that name.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), VariableError> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(VariableError::Name { name });
        }
        if value.contains('\0') {
            return Err(VariableError::Value { name });
        }
        if self.0.iter().any(|(known, _)| *known == name) {
            return Err(VariableError::Twice { name });
        }
        self.0.push((name, value));
        Ok(())
    }

    /// Names and values.
    pub fn as_slice(&self) -> &[(String, String)] {
        &self.0
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Variables;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from names of variables to texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Variables, A::Error> {
                let mut variables = Variables::default();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    variables.insert(name, value).map_err(A::Error::custom)?;
                }
                Ok(variables)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_could_not_read_is_refused() {
        let parse = serde_json::from_str::<Variables>;
        let variables = parse(r#"{"B": "", "A": "a=b"}"#).unwrap();
        let wanted = [("B", ""), ("A", "a=b")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(variables.as_slice(), wanted);
        assert_eq!(format!("{variables:?}"), r#"["B", "A"]"#, "no values");
        for (json, words) in [
            (r#"{"": "x"}"#, "found the name \"\""),
            (r#"{"A=B": "x"}"#, "found the name \"A=B\", wanted one that is not empty"),
            (r#"{"A\u0000": "x"}"#, "nor a zero byte"),
            (r#"{"A": "x\u0000y"}"#, "found a zero byte in the value of `A`"),
            (r#"{"A": "x", "A": "y"}"#, "found `A` twice"),
            (r#"{"A": 1}"#, "expected a string"),
            (r#"["A=1"]"#, "expected an object from names of variables to texts"),
        ] {
            let error = parse(json).unwrap_err().to_string();
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
