//! What is generated in docs/performance.md: blocks between markers, which a run writes anew.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

const PAGE: &str = "docs/performance.md";

/// Writes `text` into the page, between the markers of `block`.
///
/// # Errors
///
/// The page cannot be read or written, or has no such markers.
pub(crate) fn write(root: &Path, block: &str, text: &str) -> Result<()> {
    let path = root.join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    let page = replace(&page, block, text)?;
    fs::write(&path, page).with_context(|| format!("cannot write {PAGE}"))?;
    println!("    written to {PAGE}: {block}");
    Ok(())
}

/// `page` with `text` between the markers of `block`.
fn replace(page: &str, block: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {block}: begin -->"), format!("<!-- {block}: end -->"));
    let missing = || format!("{PAGE} has no place between `{begin}` and `{end}`");
    let (before, rest) = page.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(&end).with_context(missing)?;
    Ok(format!("{before}{begin}\n{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_goes_between_its_markers() {
        let page = "# Title\n<!-- a: begin -->\nold\n<!-- a: end -->\nrest\n";
        let wanted = "# Title\n<!-- a: begin -->\nnew\n<!-- a: end -->\nrest\n";
        assert_eq!(replace(page, "a", "new\n").unwrap(), wanted);
        let error = replace(page, "b", "new\n").unwrap_err().to_string();
        assert!(error.contains("<!-- b: begin -->"), "{error}");
    }
}
