//! MIDI velocity: by the host, with a context and without, and by conductor.

use std::sync::Arc;

use plugbay::abi::action::TriggerContext;
use plugbay::{PluginError, PluginOptions};
use pollster::block_on;
use serde_json::json;
use serde_json::value::to_raw_value;

use super::{Noted, host, load, module, said};
use crate::support::{BACKENDS, conductor, folder, root, run_with, write};

pub(super) fn midi_velocity(language: &str) {
    let module = module("midi_velocity", language);
    let lights = json!({"action": "lights"});
    let context = |velocity: Option<u8>, mode: Option<u8>| TriggerContext {
        velocity,
        mode,
        mode_name: Some("Ünder \"way\"".to_owned()),
        timestamp: 1_700_000_000_000,
        pitch: Some(-8192),
        ..TriggerContext::default()
    };
    let velocities = [0, 40, 41, 80, 81, 127].map(|velocity| {
        let touch =
            ["gently", "firmly", "with force"][usize::from((velocity.max(1) - 1) / 40).min(2)];
        (
            lights.clone(),
            context(Some(velocity), None),
            Ok(format!("lights {touch} (velocity {velocity})")),
        )
    });
    let more = [
        (lights.clone(), TriggerContext::default(), Ok("lights gently (velocity 0)")),
        (
            json!({"action": "né \u{1f600}\"", "x": [1]}),
            context(None, Some(2)),
            Ok("né \u{1f600}\" gently (velocity 0) in mode 2"),
        ),
        (lights.clone(), context(Some(128), None), Err("velocity 128 is above 127")),
        (lights.clone(), context(Some(255), Some(1)), Err("velocity 255 is above 127")),
        (
            json!({}),
            context(Some(1), None),
            Err("failed to parse input JSON: params: missing field `action`"),
        ),
        (
            json!({"action": 1}),
            context(None, None),
            Err("failed to parse input JSON: params.action: expected a string, found a number"),
        ),
        // The next one works.
        (
            lights.clone(),
            context(Some(90), Some(0)),
            Ok("lights with force (velocity 90) in mode 0"),
        ),
    ];
    let more = more.map(|(params, context, line)| (params, context, line.map(str::to_owned)));
    for engine in BACKENDS {
        let noted = Arc::new(Noted::default());
        let host = host(engine, &noted).build().unwrap();
        let plugin = load(&host, &module, PluginOptions::named("velocity"));
        let mut wanted = vec!["midi_velocity is ready".to_owned()];
        for (params, context, line) in velocities.iter().chain(&more) {
            let params = to_raw_value(params).unwrap();
            let result = block_on(plugin.execute(&params, context));
            match (result, line) {
                (Ok(_), Ok(line)) => wanted.push(format!("midi_velocity: {line}")),
                (Err(PluginError::Status { status: 1, output, .. }), Err(line)) => {
                    assert_eq!(output.iter().map(|line| said(line)).collect::<Vec<_>>(), [*line]);
                    wanted.push((*line).to_owned());
                }
                (result, _) => {
                    panic!("{module} on {engine}: {params}: {result:?}, wanted {line:?}")
                }
            }
        }
        block_on(plugin.shutdown()).unwrap();
        wanted.push("midi_velocity is going away".to_owned());
        assert_eq!(*noted.lines.lock().unwrap(), wanted, "{module} on {engine}");
    }
}

pub(super) fn midi_velocity_in_conductor(language: &str) {
    let folder = folder();
    let path = root().join("target/plugins").join(module("midi_velocity", language));
    let config = format!(
        r#"
[[modes]]
name = "Only"

[[modes.mappings]]
trigger = {{ Note = {{ note = 61 }} }}
action = {{ WasmPlugin = {{ path = "{}.wasm", params = {{ action = "lights" }} }} }}
"#,
        path.display()
    );
    let config = write(folder.path(), "config.toml", config);
    for engine in BACKENDS {
        let mut command = conductor();
        command.args(["--backend", engine, "--raw", "-", "--config"]).arg(&config);
        let played = run_with(&mut command, &[0x90, 61, 40, 61, 127]).exits(0);
        let lines = played.stderr.lines().filter_map(|line| line.strip_prefix('['));
        let lines = lines.filter_map(|line| Some(said(line.split_once("] ")?.1)));
        let wanted = [
            "midi_velocity is ready",
            "midi_velocity: lights gently (velocity 40) in mode 0",
            "midi_velocity: lights with force (velocity 127) in mode 0",
            "midi_velocity is going away",
        ];
        assert_eq!(lines.collect::<Vec<_>>(), wanted, "{played}");
    }
}
