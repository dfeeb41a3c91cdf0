//! A page's files and transcripts.

use std::path::Path;

/// What of a page is done, in order.
pub(super) struct Page {
    pub(super) parts: Vec<Part>,
    /// Lines of code in which `curl` is called, and that no test can run.
    pub(super) strays: Vec<usize>,
}

/// One thing to do.
pub(super) enum Part {
    /// A file that the page prints.
    File {
        /// Its name.
        name: String,
        /// What is in it.
        content: String,
    },
    /// A command, and what is below it.
    Step {
        /// Where it stands, from 1.
        line: usize,
        /// The command, on one line.
        command: String,
        /// What it prints.
        printed: Vec<String>,
    },
}

impl Page {
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        Self::parse(&text)
    }

    pub(super) fn has_transcripts(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Step { .. }))
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut page = Self { parts: Vec::new(), strays: Vec::new() };
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        // The last line that was not empty: it may name a file.
        let mut above = "";
        while let Some((at, line)) = lines.next() {
            if let Some(fence) = fence(line) {
                let inside = lines.by_ref().take_while(|(_, line)| line.trim() != fence);
                page.block(&line.trim()[fence.len()..], above, &inside.collect::<Vec<_>>());
                above = "";
                continue;
            }
            // A block of code by its indentation.
            if line.starts_with("    ") && calls_curl(line) {
                page.strays.push(at);
            }
            if !line.trim().is_empty() {
                above = line;
            }
        }
        page
    }

    fn block(&mut self, language: &str, above: &str, lines: &[(usize, &str)]) {
        if language == "console" {
            return self.transcript(lines);
        }
        self.strays.extend(lines.iter().filter(|(_, line)| calls_curl(line)).map(|(at, _)| at));
        if let Some(name) = named(above) {
            let content = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
            self.parts.push(Part::File { name: name.to_owned(), content });
        }
    }

    fn transcript(&mut self, lines: &[(usize, &str)]) {
        let mut continued = false;
        for &(line, text) in lines {
            if let Some(begun) = text.strip_prefix("$ ") {
                let printed = Vec::new();
                self.parts.push(Part::Step { line, command: begun.to_owned(), printed });
            } else {
                let Some(Part::Step { command, printed, .. }) = self.parts.last_mut() else {
                    panic!("line {line}: a transcript begins with a command");
                };
                match continued {
                    true => *command = format!("{command}\n{text}"),
                    false => printed.push(text.to_owned()),
                }
            }
            continued = (continued || text.starts_with("$ ")) && text.ends_with('\\');
        }
        for part in &mut self.parts {
            if let Part::Step { printed, .. } = part {
                while printed.last().is_some_and(String::is_empty) {
                    printed.pop();
                }
            }
        }
    }
}

/// The fence that a line opens a block with.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let length = line.len() - line.trim_start_matches('`').len();
    (length >= 3).then(|| &line[..length])
}

fn calls_curl(line: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').any(|word| word == "curl")
}

/// The file that a line says is below it.
fn named(line: &str) -> Option<&str> {
    let name = line.trim_end().strip_suffix("`:")?.rsplit('`').next()?;
    let is_file = name.contains('.') && !name.contains([' ', '/', '{', '(']);
    is_file.then_some(name)
}

#[test]
fn parts_of_a_page() {
    let text = "Text.\n\n`a.json`:\n\n```json\n{}\n```\n\n```console\n$ one \\\n    two\nout\n\n$ three\n```\n\n    curl x\n\n```sh\ncurl y\n```\n";
    let page = Page::parse(text);
    let [Part::File { name, content }, one, three] = &page.parts[..] else { panic!() };
    assert_eq!((name.as_str(), content.as_str()), ("a.json", "{}\n"));
    let Part::Step { line: 10, command, printed } = one else { panic!() };
    assert_eq!((command.as_str(), &printed[..]), ("one \\\n    two", &["out".to_owned()][..]));
    let Part::Step { line: 14, command, printed } = three else { panic!() };
    assert!(command == "three" && printed.is_empty());
    assert_eq!(page.strays, [17, 20]);
}
