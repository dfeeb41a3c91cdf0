//! The pages of docs/cookbook print the plugins that are built. What those do is the pages'
//! [transcripts](crate::transcripts).

use std::collections::BTreeSet;

use crate::support::root;

#[test]
fn each_page_prints_a_plugin_and_each_plugin_has_a_page() {
    let sources = root().join("plugins/rust/cookbook/examples");
    let mut plugins: BTreeSet<String> = std::fs::read_dir(sources)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    for page in std::fs::read_dir(root().join("docs/cookbook")).unwrap() {
        let path = page.unwrap().path();
        if path.ends_with("README.md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("```rust\n").nth(1).unwrap_or_default();
        let code = code.split("```\n").next().unwrap();
        assert!(plugins.remove(code), "{}: no file of the cookbook's is this code", path.display());
    }
    assert!(plugins.is_empty(), "without a page: {plugins:?}");
}
