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
