//! `run`: listed programs, without a shell.

#![cfg(unix)]

use std::sync::Arc;

use plugbay::{Host, backend};

use super::script::{ENGINES, Records, Script, grant, load, run};

#[test]
fn a_listed_program_runs_and_no_other() {
    let document = |program: &str, args: &[&str]| {
        serde_json::json!({"program": program, "args": args}).to_string()
    };
    let script = Script::new()
        .call("run", [document("cat", &[]).as_str().into(), "in\0put".into()])
        .call("run", [document("cat", &["/etc/passwd"]).as_str().into(), "".into()])
        .call("run", [document("/bin/cat", &[]).as_str().into(), "".into()])
        .call("run", [document("echo", &["; echo $HOME `id`"]).as_str().into(), "".into()])
        .call("run", [document("false", &[]).as_str().into(), "".into()])
        .call("run", [document("no-such-program", &[]).as_str().into(), "".into()])
        .call("run", [r#"{"program":"sleep","args":["600"],"timeout_ms":50}"#.into(), "".into()]);
    let grant = grant(
        r#"{"Subprocess": {"programs": [{"program": "cat"}, {"program": "echo", "args": ["{any}"]},
            {"program": "false"}, {"program": "no-such-program"}, {"program": "sleep", "args": ["{number}"]}]}}"#,
    );
    for engine in ENGINES {
        let records = Arc::new(Records::default());
        let host = Host::builder().backend(backend(engine).unwrap()).audit(records.clone());
        let told = run(&load(&host.build().unwrap(), &script, grant.clone()));
        let results: Vec<i64> = told.iter().map(|told| told.result).collect();
        assert_eq!(results, [0, -1, -1, 0, 1, -5, -4], "{engine}: {told:?}");
        assert_eq!(told[0].text(), "in\0put");
        assert_eq!(told[0].document()["status"], 0);
        assert_eq!(told[3].text(), "; echo $HOME `id`\n", "no shell looked at it");
        assert_eq!(told[4].parts[2], Some(Vec::new()));
        // Of high risk: what was allowed is recorded as well.
        assert_eq!(records.lines().len(), 7, "{:?}", records.lines());
        assert_eq!(records.lines()[0], "Subprocess \"cat\" Granted");
        assert_eq!(records.lines()[1], "Subprocess \"cat\" \"/etc/passwd\" Denied");
    }
}

/// A program that runs when its grant is taken back ends then, and not with its time.
#[test]
fn revoking_ends_a_program_that_runs() {
    let script = Script::new().call(
        "run",
        [r#"{"program":"sleep","args":["600"],"timeout_ms":600000}"#.into(), "".into()],
    );
    let grant =
        grant(r#"{"Subprocess": {"programs": [{"program": "sleep", "args": ["{number}"]}]}}"#);
    for engine in ENGINES {
        let records = Arc::new(Records::default());
        let host = Host::builder().backend(backend(engine).unwrap()).audit(records.clone());
        let host = host.build().unwrap();
        let mut options = plugbay::PluginOptions::named("script").with_grant(grant.clone());
        options.limits.timeout_ms = 600_000;
        let module = script.module(false);
        let plugin = pollster::block_on(host.load_unsigned("script", &module, options)).unwrap();
        let told = std::thread::scope(|scope| {
            let running = scope.spawn(|| run(&plugin));
            // It has begun when it is recorded as granted.
            while records.lines().is_empty() {
                std::thread::yield_now();
            }
            plugin.granted().replace(plugbay::policy::Grant::none());
            running.join().unwrap()
        });
        assert!(told[0].failure("denied").contains("Subprocess is not granted"), "{engine}");
        let wanted =
            ["Subprocess \"sleep\" \"600\" Granted", "Subprocess \"sleep\" \"600\" Denied"];
        assert_eq!(records.lines(), wanted, "{engine}");
    }
}
