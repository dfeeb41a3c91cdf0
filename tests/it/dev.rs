//! `plugbay dev` beside a gateway and a conductor that run: what comes of each edit there. The project is in C, whose compiler
//! is the quickest.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::authoring::{authors_plugbay, plugbay_in};
use crate::support::{Running, Server, conductor, conductorctl, folder, run, tool, write};

/// A project, and `plugbay dev` in it.
struct Author {
    _folder: tempfile::TempDir,
    project: PathBuf,
}

impl Author {
    fn begins(kind: &str) -> Self {
        let folder = folder();
        plugbay_in(folder.path(), &["new", "night-lamp", "--lang", "c", "--kind", kind]).exits(0);
        let project = folder.path().join("night-lamp");
        Self { _folder: folder, project }
    }

    fn builds(&self) {
        plugbay_in(&self.project, &["build"]).exits(0);
    }

    fn dev(&self, arguments: &[&str]) -> Running {
        Running::start(authors_plugbay(&self.project).arg("dev").args(arguments))
    }

    /// Changes a file as an editor does it, which puts another one in its place.
    #[track_caller]
    fn edits(&self, file: &str, from: &str, to: &str) {
        let path = self.project.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}: {text}");
        self.writes(file, &text.replace(from, to));
    }

    fn writes(&self, file: &str, text: &str) {
        let path = self.project.join(file);
        let new = path.with_file_name(".new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }
}

/// What the provider was sent for a question.
#[track_caller]
fn asked(gateway: &Server) -> String {
    let question =
        json!({"model": "mock/request", "messages": [{"role": "user", "content": "hi"}]});
    let answer = curl(&[&gateway.at("/v1/chat/completions"), "-d", &question.to_string()]);
    answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[track_caller]
fn curl(arguments: &[&str]) -> Value {
    let mut curl = tool("curl");
    run(curl.args(["-sS", "--fail-with-body", "--noproxy", "*"]).args(arguments)).exits(0).json()
}

fn admin(gateway: &Server) -> String {
    let line = gateway.log().wait_for("admin API at ");
    let url = line.strip_prefix("admin API at ").unwrap();
    url.strip_suffix("/admin/plugins").unwrap().to_owned()
}

const SOURCE: &str = "src/plugin.c";

#[test]
fn a_gateway_answers_by_the_new_code_once_it_compiles_passes_and_is_taken() {
    let author = Author::begins("hook");
    author.builds();
    let user = json!([{"role": "user", "content": "two words"}]);
    let config = json!({
        "listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "reload": {"watch": false},
        "plugins": [{
            "path": author.project.join("build/night_lamp.wasm"), "name": "night-lamp",
            "canary": {
                "hook": "pre_hook",
                "input": {"context": {}, "request":
                    {"provider": "mock", "model": "echo", "params": {}, "input": user}},
                "output": {"context": {"words": 2}},
            },
        }],
    });
    let gateway = Server::gateway(&write(&author.project, "running.json", config.to_string()));
    assert!(asked(&gateway).contains("Be brief."));
    let admin = admin(&gateway);
    let mut dev = author.dev(&["--gateway", &admin]);
    dev.stdout().wait_for("reloaded  night-lamp in the gateway at ");

    // It does not compile: the compiler says where, and what was there serves on.
    author.edits(SOURCE, "int64_t count = 0;", "int64_t count = nothing;");
    dev.stdout().wait_for("failed    `make BUILD=build/.new` failed (exit status: 2)");
    dev.stderr().wait_for("src/plugin.c:15:19: error: use of undeclared identifier 'nothing'");
    assert!(asked(&gateway).contains("Be brief."));

    // It compiles, and is not what its cases say.
    author.edits(SOURCE, "int64_t count = nothing;", "int64_t count = 0;");
    dev.stdout().wait_for_nth("reloaded  ", 1);
    author.edits(SOURCE, "Be brief.", "Be kind.");
    dev.stdout().wait_for("failed    not all cases passed");
    dev.stderr().wait_for("found  \"Be kind.\"");
    assert!(asked(&gateway).contains("Be brief."));
    // It is not in the place of the other either.
    curl(&["-X", "POST", &format!("{admin}/admin/plugins/night-lamp/reload")]);
    assert!(asked(&gateway).contains("Be brief."));
    author.edits("tests/default.json", "Be brief.", "Be kind.");
    dev.stdout().wait_for_nth("reloaded  ", 2);
    let request = asked(&gateway);
    assert!(request.contains("Be kind.") && !request.contains("Be brief."), "{request}");

    // Its cases are content with it, and the gateway is not.
    author.edits("tests/instruction.json", "\"$.context.words\": 3", "\"$.context.words\": 4");
    author.edits(SOURCE, "int64_t count = 0;\n  struct", "int64_t count = 1;\n  struct");
    author.edits(SOURCE, "Be kind.", "Be wordy.");
    author.edits("tests/default.json", "Be kind.", "Be wordy.");
    let refused = dev.stdout().wait_for("the gateway goes on with the version before: ");
    assert!(refused.contains("`context.words`: found 3, wanted 2"), "{refused}");
    assert!(asked(&gateway).contains("Be kind."));
    author.edits("tests/instruction.json", "\"$.context.words\": 4", "\"$.context.words\": 3");
    author.edits(SOURCE, "int64_t count = 1;\n  struct", "int64_t count = 0;\n  struct");
    dev.stdout().wait_for_nth("reloaded  ", 3);
    assert!(asked(&gateway).contains("Be wordy."));

    dev.interrupt();
    dev.finish().exits(0);
    gateway.stop().exits(0);
}

/// A plugin that says something at each note.
fn says(text: &str) -> String {
    format!(
        "#include \"plugbay.h\"\n\n\
         static void say(struct plugbay_action *action) {{\n  (void)action;\n  plugbay_print(\"{text}\");\n}}\n\n\
         PLUGBAY_ACTION(say)\n"
    )
}

/// Strikes the key, and waits for what the plugin says.
#[track_caller]
fn hears(conductor: &mut Running, word: &str) {
    let line = format!("[night_lamp] {word}");
    let heard = conductor.stderr().text().matches(&line).count();
    conductor.feed(&[0x90, 60, 100]);
    conductor.stderr().wait_for_nth(&line, heard);
}

#[test]
fn a_conductor_plays_the_new_code_once_it_compiles_and_passes() {
    // Whether it looks at files itself or not, as it does without the option.
    for watching in [&["--no-watch"][..], &[]] {
        let author = Author::begins("action");
        std::fs::remove_file(author.project.join("tests/octave.json")).unwrap();
        let case = json!({
            "name": "it speaks", "action": "execute_with_context",
            "input": {"params": {}, "context": {"note": 60, "velocity": 100}},
            "expect": {"log": ["says"]},
        });
        author.writes("tests/speaks.json", &case.to_string());
        author.writes(SOURCE, &says("it says one"));
        author.builds();
        let socket = author.project.join("socket");
        let socket = socket.to_str().unwrap();
        let mut command = conductor();
        command.current_dir(&author.project).args(["--config", "conductor.toml"]);
        command.args(["--raw", "-", "--socket", socket]).args(watching);
        let mut playing = Running::start(&mut command);
        hears(&mut playing, "it says one");
        let dev = author.dev(&["--conductor", socket]);
        dev.stdout().wait_for("reloaded  conductor: ");

        author.writes(SOURCE, &says("it says two").replace("(void)action;", "(void)nobody;"));
        dev.stdout().wait_for("failed    `make BUILD=build/.new` failed");
        dev.stderr().wait_for("error: use of undeclared identifier 'nobody'");
        hears(&mut playing, "it says one");

        // Not what its case says. Who looks at files finds the version before in its place, and whoever is told to look does.
        author.writes(SOURCE, &says("it is silent"));
        dev.stdout().wait_for("failed    not all cases passed");
        run(conductorctl().args(["reload", "--socket", socket])).exits(0);
        hears(&mut playing, "it says one");

        author.writes(SOURCE, &says("it says two"));
        dev.stdout().wait_for_nth("reloaded  conductor: ", 1);
        hears(&mut playing, "it says two");
        dev.stop();
        let ended = playing.stop().exits(0);
        assert_eq!(ended.stderr.matches("it says one").count(), 3, "{ended}");
        assert_eq!(ended.stderr.matches("it says two").count(), 1, "{ended}");
        assert!(!ended.stderr.contains("it is silent"), "{ended}");
    }
}
