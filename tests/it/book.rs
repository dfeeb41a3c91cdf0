//! The book, held against the programs: the JSON and TOML of its pages are read, and loaded where they are
//! configurations; the pages that are made of what programs say are what they say.
//!
//! What pages show of sessions is in [transcripts](crate::transcripts); links, order and languages of blocks are
//! `cargo xtask tidy`'s.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use plugbay_midi::config::Origin;
use serde_json::{Deserializer, Value, json};

use crate::support::{folder, plugbay, root, run, tool, write};

/// A block of code of a page.
struct Block {
    place: String,
    language: String,
    /// The last line of prose above it.
    above: String,
    text: String,
}

/// All blocks of the documentation's pages.
fn blocks() -> Vec<Block> {
    let mut pages = vec![root().join("README.md")];
    pages_below(&root().join("docs"), &mut pages);
    pages_below(&root().join("examples"), &mut pages);
    let crates = std::fs::read_dir(root().join("crates")).unwrap();
    pages.extend(crates.map(|folder| folder.unwrap().path().join("README.md")));
    pages.iter().flat_map(|page| blocks_of(page)).collect()
}

fn pages_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

fn blocks_of(page: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(page).unwrap();
    let shown = page.strip_prefix(root()).unwrap().display().to_string();
    let (mut found, mut above) = (Vec::new(), String::new());
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            let text = inside.fold(String::new(), |text, line| text + line + "\n");
            let place = format!("{shown}:{}", at + 1);
            found.push(Block {
                place,
                language: language.to_owned(),
                above: std::mem::take(&mut above),
                text,
            });
        } else if !line.trim().is_empty() {
            above = line.to_owned();
        }
    }
    found
}

/// The keys that a schema's object has.
fn keys(schema: &Value) -> BTreeSet<&str> {
    schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn json_is_json_and_configurations_load() {
    let schema = std::fs::read(root().join("docs/config.schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let top = keys(&schema);
    let definitions = schema["$defs"].as_object().unwrap();
    let plugin = definitions.values().find(|it| it["properties"].get("on_error").is_some());
    let plugin = keys(plugin.expect("the schema of a plugin"));
    let (mut wrong, mut loaded) = (Vec::new(), 0);
    for block in blocks().iter().filter(|block| block.language == "json") {
        for value in Deserializer::from_str(&block.text).into_iter::<Value>() {
            let value = match value {
                Ok(value) => value,
                Err(error) => {
                    wrong.push(format!("{}: {error}", block.place));
                    break;
                }
            };
            let fields = value.as_object().map(|fields| fields.keys().map(String::as_str));
            let all_of = |known: &BTreeSet<&str>| {
                fields.clone().is_some_and(|mut it| it.all(|key| known.contains(key)))
            };
            let config = if all_of(&top) {
                value.clone()
            } else if value.get("path").is_some() && all_of(&plugin) {
                json!({ "plugins": [value] })
            } else {
                continue;
            };
            // A page may show what is said of a mistake.
            if block.above.contains("`wrong") {
                continue;
            }
            // Variables of the environment are the page's affair.
            let text = config.to_string().replace("${", "$ {");
            match plugbay_gateway::Config::parse(text.as_bytes(), Path::new("/srv/config.json")) {
                Ok(_) => loaded += 1,
                Err(error) => wrong.push(format!("{}: {error}", block.place)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(loaded > 15, "only {loaded} configurations were found");
}

#[test]
fn toml_is_toml_and_configurations_load() {
    let (mut wrong, mut loaded) = (Vec::new(), 0);
    for block in blocks().iter().filter(|block| block.language == "toml") {
        let table = match toml::de::DeTable::parse(&block.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                wrong.push(format!("{}: {error}", block.place));
                continue;
            }
        };
        if table.contains_key("modes") || table.contains_key("global_mappings") {
            let origin = Origin::new("page.toml", "/etc/conductor");
            match plugbay_midi::config::Config::parse(&block.text, &origin) {
                Ok(_) => loaded += 1,
                Err(report) => wrong.push(format!("{}: {report}", block.place)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(loaded > 2, "only {loaded} configurations were found");
}

/// The plugins that do not load, and what is printed of each.
#[test]
fn what_does_not_load_says_what_the_page_says() {
    let folder = folder();
    let blocks = blocks_of(&root().join("docs/troubleshooting.md"));
    let mut tried = 0;
    for pair in blocks.windows(2) {
        let Some(name) = pair[0].above.trim_end_matches("`:").rsplit('`').next() else { continue };
        let Some(stem) = name.strip_suffix(".wat") else { continue };
        let module = wat::parse_str(&pair[0].text).unwrap();
        write(folder.path(), &format!("{stem}.wasm"), module);
        let mut command = plugbay();
        command.current_dir(folder.path()).args(["inspect", &format!("{stem}.wasm")]);
        let said = run(&mut command);
        assert_ne!(said.code(), 0, "{stem}");
        assert_eq!(said.stderr, pair[1].text, "{}", pair[1].place);
        tried += 1;
    }
    assert_eq!(tried, 3);
}

/// `UPDATE_EXPECT=1` writes the page anew.
#[test]
fn each_command_s_help_is_on_its_page() {
    let folder = folder();
    let mut page = String::from(
        "# Commands\n\nWhat `--help` of each command prints. A test holds this page against the programs, and writes it.\n",
    );
    for (name, program) in [
        ("plugbay", env!("CARGO_BIN_EXE_tested-plugbay")),
        ("conductor", env!("CARGO_BIN_EXE_tested-conductor")),
        ("conductorctl", env!("CARGO_BIN_EXE_tested-conductorctl")),
        ("conductor-sign", env!("CARGO_BIN_EXE_tested-conductor-sign")),
    ] {
        // By the name that users know: help repeats it.
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(program, &link).unwrap();
        help(&link, &mut vec![name.to_owned()], &mut page);
    }
    expect_test::expect_file!["../../docs/cli.md"].assert_eq(&page);
}

fn help(program: &Path, words: &mut Vec<String>, page: &mut String) {
    let mut command = tool(program);
    command.args(&words[1..]).arg("--help").env("COLUMNS", "100");
    let said = run(&mut command).exits(0).stdout;
    let depth = "#".repeat(words.len() + 1);
    let text: Vec<&str> = said.lines().map(str::trim_end).collect();
    writeln!(page, "\n{depth} {}\n\n```text\n{}\n```", words.join(" "), text.join("\n")).unwrap();
    let list = said.lines().skip_while(|line| *line != "Commands:").skip(1);
    let list = list.take_while(|line| !line.is_empty());
    // What goes on in the next line is indented further.
    let names = list.filter_map(|line| line.strip_prefix("  ").filter(|it| !it.starts_with(' ')));
    for name in names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help") {
        words.push(name.to_owned());
        help(program, words, page);
        words.pop();
    }
}

/// Each metric that the gateway has is in the table of its page, and no other.
#[test]
fn each_metric_is_on_its_page() {
    let page = std::fs::read_to_string(root().join("docs/observing.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `plugbay_"));
    let cells = rows.filter_map(|line| line.split('|').nth(1));
    let written: BTreeSet<&str> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let mut sources = Vec::new();
    sources_below(&root().join("crates/plugbay-gateway/src"), &mut sources);
    let mut found = BTreeSet::new();
    for source in &sources {
        let code = source.split("#[cfg(test)]").next().unwrap();
        let texts = code.split('"').filter(|text| text.starts_with("plugbay_"));
        found
            .extend(texts.filter(|text| text.bytes().all(|b| b == b'_' || b.is_ascii_lowercase())));
    }
    assert_eq!(written, found);
}

fn sources_below(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources_below(&path, found);
        } else {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}
