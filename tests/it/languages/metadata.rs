//! What actions say of themselves in `init`, by the SDKs of languages that have it.

use std::sync::Arc;

use plugbay::PluginOptions;
use serde_json::{Value, json};

use super::{host, load};
use crate::support::{BACKENDS, plugbay, run, sample};

pub(super) fn metadata(language: &str) {
    let module = super::module("midi_velocity", language);
    let wanted = json!({
        "name": module, "version": "0.1.0", "description": "Answers to how hard a key was struck", "author": "",
        "license": "MIT OR Apache-2.0", "type": "action", "capabilities": [],
    });
    for engine in BACKENDS {
        let host = host(engine, &Arc::default()).build().unwrap();
        let plugin = load(&host, &module, PluginOptions::default());
        assert_eq!(serde_json::to_value(plugin.metadata()).unwrap(), wanted, "{engine}");
        assert_eq!(plugin.name(), module);
        let inspect = |more: &[&str]| {
            let mut command = plugbay();
            run(command.arg("inspect").arg(sample(&module)).args(["--backend", engine]).args(more))
                .exits(0)
        };
        let report: Value = inspect(&["--json"]).json();
        assert_eq!((&report["metadata"], &report["name"]), (&wanted, &json!(module)));
        let said = inspect(&[]).stdout;
        for line in ["  version   0.1.0", "  about     Answers to how hard a key was struck"] {
            assert!(said.contains(line), "{said}");
        }
    }
}

/// `plugbay check`, which runs nothing, tells the language.
pub(super) fn language_is_told(language: &str, name: &str) {
    for kind in ["hello", "redactor", "rate_limiter", "midi_velocity", "toolbox", "mirror"] {
        let module = sample(&format!("{kind}_{language}"));
        let report = run(plugbay().arg("check").arg(&module).arg("--json")).exits(0).json();
        assert_eq!(report["language"], name, "{}", module.display());
    }
}
