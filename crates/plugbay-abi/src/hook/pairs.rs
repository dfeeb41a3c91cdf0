//! Headers and query parameters.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names with values, in order: headers, or query parameters. Cheap to clone; reading and
/// changing it is reading and changing the map.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    map: Arc<IndexMap<String, String>>,
}

impl Pairs {
    /// No pairs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether both are the same allocation, or both empty.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.map, &other.map) || (self.is_empty() && other.is_empty())
    }
}

impl Deref for Pairs {
    type Target = IndexMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl DerefMut for Pairs {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.map)
    }
}

impl From<IndexMap<String, String>> for Pairs {
    fn from(map: IndexMap<String, String>) -> Self {
        Self { map: Arc::new(map) }
    }
}

impl<const N: usize> From<[(String, String); N]> for Pairs {
    fn from(pairs: [(String, String); N]) -> Self {
        IndexMap::from(pairs).into()
    }
}

impl FromIterator<(String, String)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        IndexMap::from_iter(pairs).into()
    }
}

impl IntoIterator for Pairs {
    type Item = (String, String);
    type IntoIter = indexmap::map::IntoIter<String, String>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.map).into_iter()
    }
}

impl<'a> IntoIterator for &'a Pairs {
    type Item = (&'a String, &'a String);
    type IntoIter = indexmap::map::Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.map.iter()
    }
}

impl fmt::Debug for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(f)
    }
}

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.map.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IndexMap::deserialize(deserializer).map(Self::from)
    }
}
