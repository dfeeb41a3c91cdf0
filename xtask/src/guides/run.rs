//! Runs what was built in the host: through its command line, as the guides' readers will.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Output,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};
use xshell::{Shell, cmd};

use super::{
    Report, Work,
    blocks::{Call, Expected, Fired, Kind},
    extract::{Extracted, quoted},
};

/// Every block is run on each.
const BACKENDS: [&str; 2] = ["wasmtime", "wasmi"];

/// Runs every block that can run.
pub(super) fn all(
    sh: &Shell,
    root: &Path,
    work: &Work,
    blocks: &[Extracted],
    report: &mut Report,
) -> Result<()> {
    let host = Host::build(sh, root)?;
    for block in blocks {
        match block.kind {
            Kind::Input(hook) => report.step(block.id, || {
                let module = work.module("typescript");
                let input = work.sample(block.id, "json");
                for backend in BACKENDS {
                    host.passes_through(&module, hook, &input, backend)?;
                }
                Ok(format!("run through {hook}"))
            }),
            Kind::Output(hook, _) => report.step(block.id, || {
                let sample = fs::read_to_string(work.sample(block.id, "json"))?;
                let module = work.sources.join(format!("{}.wasm", block.id));
                fs::write(&module, canned(hook, &sample)?)?;
                for backend in BACKENDS {
                    host.takes(&module, hook, &sample, backend)?;
                }
                Ok(format!("taken from a plugin's {hook}"))
            }),
            Kind::TypeScript => report.step(block.id, || host.check(&work.module(block.id))),
            // What exports nothing is no plugin; that it compiles is all there is to see.
            Kind::Rust(rust) if rust.calls.is_empty() => {}
            Kind::Rust(rust) => host.calls(work, block.id, rust.calls, report),
            // The first plugin once more, built another way.
            Kind::Profile => {
                let calls = blocks.iter().find_map(|block| match block.kind {
                    Kind::Rust(rust) => Some(rust.calls),
                    _ => None,
                });
                host.calls(work, block.id, calls.unwrap_or_default(), report);
            }
            Kind::Gateway => report.step(block.id, || host.configures(work, block)),
            Kind::Midi(fired) => report.step(block.id, || host.play(work, block, fired)),
            _ => {}
        }
    }
    Ok(())
}

/// The host's command line.
struct Host<'a> {
    sh: &'a Shell,
    plugbay: PathBuf,
    conductor: PathBuf,
}

impl<'a> Host<'a> {
    fn build(sh: &'a Shell, root: &Path) -> Result<Self> {
        // What is compiled here is nothing that the user's own cache should hold.
        sh.set_var("PLUGBAY_CACHE_DIR", root.join("target/plugins-code"));
        ensure!(
            root.join("crates/plugbay-cli").is_dir(),
            "there is no crates/plugbay-cli to run the blocks with; --no-run only builds them"
        );
        let _dir = sh.push_dir(root);
        cmd!(sh, "cargo build --quiet --package plugbay-cli").quiet().run()?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let debug = root.join(target).join("debug");
        let binary = |name: &str| debug.join(name).with_extension(env::consts::EXE_EXTENSION);
        Ok(Self { sh, plugbay: binary("plugbay"), conductor: binary("conductor") })
    }

    fn check(&self, module: &Path) -> Result<String> {
        let Self { sh, plugbay, .. } = self;
        let output = cmd!(sh, "{plugbay} check {module}").quiet().ignore_status().output()?;
        ensure!(output.status.success(), "plugbay check: {}", everything(&output));
        Ok("loaded".to_owned())
    }

    /// Everything that is expected of an action plugin.
    fn calls(&self, work: &Work, id: &'static str, calls: &[Call], report: &mut Report) {
        let module = work.module(id);
        report.step(id, || self.check(&module));
        for call in calls {
            report.step(id, || {
                for backend in BACKENDS {
                    self.call(&module, *call, work, backend)?;
                }
                Ok(match call.expected {
                    Expected::Prints(_) => format!("ran {}", call.export),
                    Expected::Fails(with) => format!("{} failed as it must: {with}", call.export),
                    Expected::Writes { file, .. } => format!("{} wrote {file}", call.export),
                })
            });
        }
    }

    /// Calls an action plugin and compares what is printed.
    fn call(&self, module: &Path, call: Call, work: &Work, backend: &str) -> Result<()> {
        let Self { sh, plugbay, .. } = self;
        let Call { export, input, expected } = call;
        // Of this call's own: what one is granted, the next one is not.
        let own = work.sources.join("own");
        sh.remove_path(&own)?;
        let (grants, data) = (own.join("grants.json"), own.join("data"));
        if let Expected::Writes { .. } = expected {
            cmd!(sh, "{plugbay} grant {module} Filesystem --grants {grants}").quiet().run()?;
        }
        let mut command = cmd!(
            sh,
            "{plugbay} call {module} {export} --backend {backend} --grants {grants} --data-dir {data}"
        );
        if !input.is_empty() {
            let file = work.sources.join("input.json");
            fs::write(&file, input)?;
            command = command.arg("--input").arg(file);
        }
        let output = command.quiet().ignore_status().output()?;
        let printed = everything(&output);
        let (succeeds, text) = match expected {
            Expected::Prints(text) => (true, text),
            Expected::Fails(text) => (false, text),
            Expected::Writes { .. } => (true, ""),
        };
        ensure!(
            output.status.success() == succeeds,
            "{export} on {backend} ended with {}: {printed}",
            output.status
        );
        ensure!(printed.contains(text), "{export} on {backend} did not print {text:?}: {printed}");
        if let Expected::Writes { file, line } = expected {
            let name = module.file_stem().context("a module without a name")?;
            let found = fs::read_to_string(data.join(name).join(file));
            let found = found.with_context(|| format!("{export} on {backend} wrote no {file}"))?;
            ensure!(found.ends_with(line), "{file} is {found:?}, wanted {line:?} at its end");
        }
        Ok(())
    }

    /// Calls a hook and returns what it answers.
    fn hook(&self, module: &Path, hook: &str, input: &Path, backend: &str) -> Result<Value> {
        let Self { sh, plugbay, .. } = self;
        let command =
            cmd!(sh, "{plugbay} call {module} {hook} --input {input} --backend {backend}");
        let output = command.quiet().ignore_status().output()?;
        ensure!(output.status.success(), "{hook} on {backend}: {}", everything(&output));
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{hook} on {backend} answered {}", everything(&output)))
    }

    /// The guide's plugin changes nothing, and must say so.
    fn passes_through(&self, module: &Path, hook: &str, input: &Path, backend: &str) -> Result<()> {
        let output = self.hook(module, hook, input, backend)?;
        for field in ["has_response", "has_short_circuit", "has_error", "skip"] {
            ensure!(output.get(field).is_none_or(|value| value == false), "{field} in {output}");
        }
        if let Some(chunk) = output.get("chunk") {
            let input: Value = serde_json::from_slice(&fs::read(input)?)?;
            ensure!(input.get("chunk") == Some(chunk), "the chunk was changed: {output}");
        }
        Ok(())
    }

    /// What a plugin answers is what the host makes of it; fields that say nothing may be left out.
    fn takes(&self, module: &Path, hook: &str, sample: &str, backend: &str) -> Result<()> {
        let input = module.with_extension("json");
        fs::write(&input, "{\"context\":{\"request_id\":\"abc-123\"}}")?;
        let output = self.hook(module, hook, &input, backend)?;
        let sample: Value = serde_json::from_str(sample)?;
        for (field, wanted) in sample.as_object().context("a sample is an object")? {
            let found = output.get(field);
            ensure!(
                found == Some(wanted) || (found.is_none() && says_nothing(wanted)),
                "{field} came out as {found:?} rather than {wanted} on {backend}"
            );
        }
        Ok(())
    }

    /// Has the gateway check a configuration as it is printed. The module that it names is nowhere, so
    /// what it says of the module, and of nothing else, shows that it has read everything else.
    fn configures(&self, work: &Work, block: &Extracted) -> Result<String> {
        let Self { sh, plugbay, .. } = self;
        let config = work.sample(block.id, "json");
        let output =
            cmd!(sh, "{plugbay} gateway --check {config}").quiet().ignore_status().output()?;
        let printed = everything(&output);
        let strings = quoted(&block.text);
        let named = strings.iter().find(|string| string.ends_with(".wasm"));
        let named = named.context("the configuration names no module")?;
        ensure!(printed.contains(*named), "{named:?} is not what it stopped at: {printed}");
        let wrong = printed.lines().filter(|line| line.starts_with("wrong")).count();
        ensure!(wrong == 1, "something else is wrong, too: {printed}");
        Ok("loaded by the gateway up to the module, which is not there".to_owned())
    }

    /// Plays a note to a configuration, in a folder where the module it names is.
    fn play(&self, work: &Work, block: &Extracted, fired: Fired) -> Result<String> {
        let Self { sh, conductor, .. } = self;
        let dir = work.out.join("run").join(block.id);
        let config = dir.join("test_config.toml");
        let song = dir.join("song.mid");
        let strings = quoted(&block.text);
        let named = strings.iter().find(|string| string.ends_with(".wasm"));
        let named = named.context("the configuration names no module")?;
        // The home folder is moved into ours, and the current one is ours.
        let module = dir.join(named.trim_start_matches("~/"));
        fs::create_dir_all(module.parent().context("a module has a folder")?)?;
        fs::copy(work.module(fired.plugin), &module)?;
        fs::write(&config, &block.text)?;
        fs::write(&song, SONG)?;
        let _dir = sh.push_dir(&dir);
        let output = cmd!(sh, "{conductor} --config {config} --midi-file {song}")
            .env("HOME", &dir)
            .env("DEBUG", "1")
            .quiet()
            .ignore_status()
            .output()?;
        let printed = everything(&output);
        ensure!(output.status.success(), "conductor ended with {}: {printed}", output.status);
        ensure!(printed.contains(fired.prints), "{:?} was not printed: {printed}", fired.prints);
        Ok("played".to_owned())
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::String(value) => value.is_empty(),
        Value::Object(value) => value.is_empty(),
        Value::Array(_) | Value::Number(_) => false,
    }
}

fn everything(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// A Standard MIDI File: middle C struck at velocity 100 and released half a quarter note later.
const SONG: &[u8] = &[
    b'M', b'T', b'h', b'd', 0, 0, 0, 6, 0, 0, 0, 1, 0, 96, // format 0, one track, 96 ticks
    b'M', b'T', b'r', b'k', 0, 0, 0, 12, //
    0, 0x90, 60, 100, // on
    48, 0x80, 60, 0, // off
    0, 0xff, 0x2f, 0, // end of track
];

/// A hook plugin whose one hook always answers with `json`.
fn canned(hook: &str, json: &str) -> Result<Vec<u8>> {
    /// Where the name is, where the answer is, and what `malloc` always returns.
    const NAME: u32 = 16;
    const ANSWER: u32 = 1024;
    const INPUT: u32 = 65_536;
    const PLUGIN: &str = "canned";

    let pack = |start: u32, len: usize| -> Result<i64> {
        let len = u32::try_from(len)?;
        ensure!(ANSWER + len < INPUT, "the sample is too long for one page");
        Ok(((u64::from(start) << 32) | u64::from(len)).cast_signed())
    };
    let name = pack(NAME, PLUGIN.len())?;
    let answer = pack(ANSWER, json.len())?;

    let (mut types, mut functions, mut exports) =
        (TypeSection::new(), FunctionSection::new(), ExportSection::new());
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([], [ValType::I64]);
    types.ty().function([ValType::I32, ValType::I32], [ValType::I64]);
    let mut code = CodeSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    for (index, export) in [(0, "malloc"), (1, "get_name"), (2, hook)] {
        functions.function(index);
        exports.export(export, ExportKind::Func, index);
        let mut function = Function::new([]);
        let mut body = function.instructions();
        match index {
            0 => body.i32_const(INPUT.cast_signed()),
            1 => body.i64_const(name),
            _ => body.i64_const(answer),
        };
        body.end();
        code.function(&function);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 2,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(NAME.cast_signed()), PLUGIN.bytes());
    data.active(0, &ConstExpr::i32_const(ANSWER.cast_signed()), json.bytes());

    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports);
    module.section(&code).section(&data);
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::Interface;

    #[test]
    fn a_canned_plugin_is_a_plugin() {
        let wasm = canned("pre_hook", "{}").unwrap();
        let interface = Interface::read(&wasm).unwrap();
        assert!(interface.memory);
        let hook = interface.functions.get("pre_hook").map(String::as_str);
        assert_eq!(hook, Some("(i32, i32) -> i64"));
        wasmparser::validate(&wasm).expect("a valid module");
        canned("pre_hook", &"x".repeat(65_536)).unwrap_err();
    }

    #[test]
    fn fields_that_say_nothing_may_be_left_out() {
        for value in ["null", "false", "\"\"", "{}"] {
            assert!(says_nothing(&serde_json::from_str(value).unwrap()), "{value}");
        }
        for value in ["true", "0", "[]", "\"x\""] {
            assert!(!says_nothing(&serde_json::from_str(value).unwrap()), "{value}");
        }
    }
}
