//! Which plugin comes before which.

use serde::{Deserialize, Serialize};

/// Where a plugin stands relative to those that are built into the gateway.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Before the built-in ones.
    PreBuiltin,
    /// Among the built-in ones.
    Builtin,
    /// After the built-in ones.
    #[default]
    PostBuiltin,
}

/// Sorts by placement, then order; equals stay as they were listed.
pub(crate) fn sort<T>(items: &mut [T], place: impl Fn(&T) -> (Placement, i64)) {
    items.sort_by_key(place);
}

#[cfg(test)]
mod tests {
    use Placement::{Builtin, PostBuiltin, PreBuiltin};

    use super::*;

    #[test]
    fn placement_then_order_then_place_in_the_file() {
        type Row<'a> = (&'a [(Placement, i64)], &'a [usize]);
        let rows: [Row<'_>; 4] = [
            (&[(PostBuiltin, 0), (PostBuiltin, 0), (PostBuiltin, 0)], &[0, 1, 2]),
            (&[(PostBuiltin, 0), (Builtin, 9), (PreBuiltin, 99)], &[2, 1, 0]),
            (&[(PostBuiltin, 5), (PostBuiltin, -5), (PostBuiltin, 0)], &[1, 2, 0]),
            (&[(Builtin, 1), (PreBuiltin, 1), (Builtin, 0), (PreBuiltin, 1)], &[1, 3, 2, 0]),
        ];
        for (given, wanted) in rows {
            let mut places: Vec<usize> = (0..given.len()).collect();
            sort(&mut places, |&index| given[index]);
            assert_eq!(places, wanted, "{given:?}");
        }
    }
}
