//! `--profile`, held against the schema that speedscope publishes of its own files.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    BACKENDS, Finished, folder, plugbay, python, root, run, sample, script, tool, write,
};

fn held(files: &[&Path]) -> Finished {
    let schema = root().join("tests/node/node_modules/speedscope/dist/release");
    let schema = schema.join("file-format-schema.json");
    assert!(schema.is_file(), "{} is not there: `cargo xtask ci` makes it", schema.display());
    run(tool(python()).arg(script("schema.py")).arg(schema).args(files))
}

#[test]
fn profiles_are_what_speedscope_opens() {
    let question = json!({"context": {}, "request": {"provider": "mock", "model": "echo", "params": {},
        "input": [{"role": "user", "content": "to ada@example.org"}]}});
    let strike =
        json!({"params": {"action": "lights"}, "context": {"velocity": 90, "timestamp": 1}});
    for (name, export, input) in [
        ("redactor", "pre_hook", &question),
        ("redactor", "pre_hook", &json!({"context": 5})),
        ("midi_velocity", "execute_with_context", &strike),
    ] {
        for engine in BACKENDS {
            let folder = folder();
            let input = write(folder.path(), "input.json", input.to_string());
            let path = folder.path().join("profile.json");
            let mut call = plugbay();
            call.arg("call").arg(sample(name)).args([export, "--backend", engine, "--input"]);
            let called = run(call.arg(input).arg("--profile").arg(&path));
            held(&[&path]).exits(0);

            // It is of this call, which used something.
            let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            assert!(file["profiles"][0]["endValue"].as_u64().unwrap() > 100, "{called}");
            let frames = file["shared"]["frames"].as_array().unwrap();
            assert!(frames.iter().any(|frame| frame["name"] == export), "{called}");

            // And the schema is one that a file can fail.
            file["profiles"][0]["events"][0]["type"] = json!("X");
            let broken = write(folder.path(), "broken.json", file.to_string());
            let told = held(&[&broken]).exits(1);
            assert!(told.stdout.contains("$.profiles[0]"), "{told}");
        }
    }
}
