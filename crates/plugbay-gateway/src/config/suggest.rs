//! The key that somebody meant.

/// The known name nearest to `found`, if one is near enough to have been meant.
pub(crate) fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) = known.map(|name| (distance(found, name), name)).min()?;
    // A third of the letters wrong is a typing error; more is another word.
    (distance <= found.chars().count().max(3) / 3).then_some(name)
}

/// Names for a sentence.
pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// How many letters have to be put in, taken out, replaced or swapped with the next.
pub(crate) fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut above_that: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    let mut last = None;
    for (line, letter) in from.chars().enumerate() {
        let mut row = vec![line + 1];
        let mut left = line + 1;
        let mut before = None;
        for (column, &other) in to.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
            let replaced = cell(&above, column) + usize::from(letter != other);
            let mut best = replaced.min(cell(&above, column + 1) + 1).min(left + 1);
            if column > 0 && last == Some(other) && before == Some(letter) {
                best = best.min(cell(&above_that, column - 1) + 1);
            }
            row.push(best);
            left = best;
            before = Some(other);
        }
        above_that = std::mem::replace(&mut above, row);
        last = Some(letter);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, wanted) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("feul", "fuel", 1),
        ] {
            assert_eq!(distance(from, to), wanted, "{from} {to}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["path", "name", "enabled", "config"];
        for (found, wanted) in [
            ("pth", Some("path")),
            ("enable", Some("enabled")),
            ("confg", Some("config")),
            ("timeout", None),
        ] {
            assert_eq!(nearest(found, known.into_iter()), wanted, "{found}");
        }
    }
}
