//! "Did you mean".

/// The name that was most likely meant, if any of them is near.
pub(crate) fn nearest<'a>(found: &str, names: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&plain(found), &plain(name));
    let near = names.iter().map(|name| (distance(name), *name)).min()?;
    (near.0 <= near.1.len().div_ceil(4)).then_some(near.1)
}

/// Case and what stands between words make no difference.
fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}
