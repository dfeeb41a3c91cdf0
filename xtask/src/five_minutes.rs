//! `cargo xtask five-minutes`: how long it takes from nothing to a plugin of one's own that serves, in each language.
//!
//! What somebody would type is typed here, by the programs themselves: a new project, a change of its source and of its cases, build, test, sign, pack,
//! install, and a gateway that loads nothing that is not signed by a trusted key. Whether the change is in force is told by what reaches the provider.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use xshell::Shell;

use crate::flags;
use crate::plugins::{self, Tools};

/// A language, and where its template says what the model is told.
struct Language {
    name: &'static str,
    source: &'static str,
}

const LANGUAGES: [Language; 5] = [
    Language { name: "rust", source: "src/lib.rs" },
    Language { name: "typescript", source: "assembly/plugin.ts" },
    Language { name: "go", source: "plugin.go" },
    Language { name: "c", source: "src/plugin.c" },
    Language { name: "zig", source: "src/plugin.zig" },
];

/// What the change puts in the place of the template's own words.
const INSTRUCTION: &str = "Answer like a pirate.";

/// Runs the command.
///
/// # Errors
///
/// A tool is missing, or a step does not come out as it should.
pub(crate) fn run(sh: &Shell, root: &Path, flags: &flags::FiveMinutes) -> Result<()> {
    let chosen: Vec<_> = LANGUAGES
        .iter()
        .filter(|language| flags.lang.as_ref().is_none_or(|lang| lang == language.name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = LANGUAGES.iter().map(|language| language.name).collect();
        bail!("there is no such language; there are {}", names.join(", "));
    }
    let program = flags.program.clone().unwrap_or_else(|| root.join("target/release/plugbay"));
    let program = std::path::absolute(program)?;
    ensure!(
        program.is_file(),
        "{} is not there: `cargo build --release -p plugbay-cli` makes it, and --program names another",
        program.display()
    );
    let tools = plugins::tools(sh, root)?;
    let desk = root.join("target/five-minutes");
    // Packages that were fetched and compiled before are not what is measured.
    sh.remove_path(&desk)?;
    fs::create_dir_all(&desk)?;
    let mut rows = Vec::new();
    for language in chosen {
        println!("==> {}", language.name);
        let mut way = Way {
            program: &program,
            tools: &tools,
            desk: desk.join(language.name),
            steps: Vec::new(),
        };
        way.go(language).with_context(|| format!("in {}", language.name))?;
        rows.push((language.name, way.steps));
    }
    print(&rows);
    Ok(())
}

fn print(rows: &[(&str, Vec<(&'static str, f64)>)]) {
    println!();
    for (number, (language, steps)) in rows.iter().enumerate() {
        if number == 0 {
            let names: Vec<_> = steps.iter().map(|(name, _)| format!("{name:>8}")).collect();
            println!("{:<12}{}   together", "seconds", names.concat());
        }
        let times: Vec<_> = steps.iter().map(|(_, seconds)| format!("{seconds:>8.1}")).collect();
        let sum: f64 = steps.iter().map(|(_, seconds)| seconds).sum();
        println!("{language:<12}{}   {sum:>8.1}", times.concat());
    }
}

/// One language's way.
struct Way<'a> {
    program: &'a Path,
    tools: &'a Tools,
    desk: PathBuf,
    steps: Vec<(&'static str, f64)>,
}

impl Way<'_> {
    fn go(&mut self, language: &Language) -> Result<()> {
        fs::create_dir_all(&self.desk)?;
        let project = self.desk.join("polite");
        self.step("new", |way| {
            way.plugbay(&way.desk, &["new", "polite", "--lang", language.name])
        })?;
        self.step("build", |way| way.plugbay(&project, &["build"]))?;
        self.step("edit", |_| edit(&project, language))?;
        self.step("rebuild", |way| way.plugbay(&project, &["build"]))?;
        self.step("test", |way| way.plugbay(&project, &["test"]))?;
        self.step("sign", |way| {
            let key = "../my-key";
            way.plugbay(&project, &["sign", "generate-key", key, "--no-passphrase"])?;
            let who = ["--name", "Ada", "--email", "ada@example.org", "--plugin-version", "0.1.0"];
            way.plugbay(&project, &[&["pack", "--key", key], &who[..]].concat())?;
            way.plugbay(&project, &["sign", "trust", "add", key, "Ada"])?;
            let archive = "build/polite-0.1.0.tar.gz";
            way.plugbay(&project, &["install", archive, "--into", "../installed"])
        })?;
        self.step("serve", Self::serve)
    }

    fn step(&mut self, name: &'static str, step: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let begun = Instant::now();
        step(self).with_context(|| format!("step `{name}`"))?;
        let seconds = begun.elapsed().as_secs_f64();
        println!("    {name} in {seconds:.1} s");
        self.steps.push((name, seconds));
        Ok(())
    }

    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null());
        self.tools.apply(&mut command);
        command.env("CARGO_TARGET_DIR", self.desk.join("target"));
        command.env("XDG_CONFIG_HOME", self.desk.join("configuration"));
        command.env("PLUGBAY_CACHE_DIR", self.desk.join("cache"));
        command.env("PLUGBAY_DATA_DIR", self.desk.join("data"));
        command.env("PLUGBAY_AUDIT_LOG", self.desk.join("audit.jsonl"));
        command.env("PLUGBAY_GRANTS", self.desk.join("grants.json"));
        command
    }

    /// Runs the program; what it says is shown where it fails.
    fn plugbay(&self, folder: &Path, arguments: &[&str]) -> Result<()> {
        let output = self.command(folder, arguments).output()?;
        if !output.status.success() {
            let (out, err) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            bail!("plugbay {} ended with {}:\n{out}{err}", arguments.join(" "), output.status);
        }
        Ok(())
    }

    /// A gateway that wants a signature, and one question, which has to reach the provider with the instruction.
    fn serve(&self) -> Result<()> {
        let provider = TcpListener::bind("127.0.0.1:0")?;
        let config = json!({
            "listen": "127.0.0.1:0",
            "providers": { "openai": { "base_url": format!("http://{}/v1", provider.local_addr()?) } },
            "plugins": [{ "path": "installed/polite.wasm", "name": "polite", "required": true, "require_signature": true }],
        });
        let file = self.desk.join("gateway.json");
        fs::write(&file, config.to_string())?;
        let mut command = self.command(&self.desk, &["gateway", "--config", "gateway.json"]);
        let mut gateway = Stopped(command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?);
        let out = gateway.0.stdout.take().context("a gateway prints")?;
        let line = BufReader::new(out).lines().next().context("the gateway does not serve")??;
        let address = line.strip_prefix("listening on http://").context(line.clone())?.to_owned();
        let question = json!({
            "model": "openai/any",
            "messages": [{ "role": "user", "content": "where is the treasure" }],
        });
        let asking = std::thread::spawn(move || post(&address, &question.to_string()));
        let (mut stream, _) = provider.accept()?;
        let asked = request(&mut stream)?;
        let answer = json!({
            "id": "1", "object": "chat.completion", "created": 1, "model": "any",
            "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "arr" } }],
        });
        respond(&mut stream, &answer.to_string())?;
        let answer = asking.join().map_err(|_| anyhow::anyhow!("the client panicked"))??;
        ensure!(
            asked.contains(INSTRUCTION),
            "the provider was asked without the instruction: {asked}"
        );
        ensure!(answer.contains("arr"), "the client was not answered: {answer}");
        Ok(())
    }
}

/// Changes what the model is told, in the source, and in what the cases expect of it.
fn edit(project: &Path, language: &Language) -> Result<()> {
    let source = project.join(language.source);
    let text = fs::read_to_string(&source).with_context(|| format!("no {}", source.display()))?;
    let own = own_words(&text).with_context(|| {
        format!("{} has no instruction that ends with a full stop", source.display())
    })?;
    fs::write(&source, text.replace(&own, INSTRUCTION))?;
    for entry in fs::read_dir(project.join("tests"))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        fs::write(&path, text.replace(&own, INSTRUCTION))?;
    }
    Ok(())
}

/// The first text in a source that is a sentence to the model.
fn own_words(source: &str) -> Option<String> {
    let texts = source.split('"').skip(1).step_by(2);
    let mut sentences =
        texts.filter(|text| text.ends_with('.') && text.starts_with(char::is_uppercase));
    sentences.next().map(str::to_owned)
}

/// A child that does not outlive its test.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn post(address: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// One request, head and body.
fn request(stream: &mut TcpStream) -> Result<String> {
    let mut lines = BufReader::new(stream);
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        text.push_str(&line);
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    text.push_str(&String::from_utf8(body)?);
    Ok(text)
}

fn respond(stream: &mut TcpStream, body: &str) -> Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_to_the_model_is_found() {
        let source = r#"const NAME: &str = "polite"; let x = "Be brief."; let y = "Be long.";"#;
        assert_eq!(own_words(source).as_deref(), Some("Be brief."));
        assert_eq!(own_words("let x = \"polite\";"), None);
    }
}
