//! Test cases as authors write them: `docs/testing.md`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use plugbay::abi::json;
use plugbay::policy::{Grant, Limits};
use plugbay::{InputPlacement, Variables};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::schema;
use super::scripted::ScriptedCall;

/// A test case of a plugin.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What the case shows.
    pub(crate) name: String,
    /// What `init` is given. Default `{}`.
    #[serde(default)]
    #[schemars(with = "Value")]
    pub(crate) config: Option<Box<RawValue>>,
    /// What the plugin may do. Default: nothing.
    #[serde(default)]
    #[schemars(schema_with = "schema::grants")]
    pub(crate) grants: Grant,
    /// The environment variables that it sees. Default: none.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(crate) environment: Variables,
    /// Its bounds.
    #[serde(default)]
    #[schemars(schema_with = "schema::limits")]
    pub(crate) limits: Limits,
    /// Where its input is written. Default `malloc`.
    #[serde(default)]
    #[schemars(schema_with = "schema::input_placement")]
    pub(crate) input_placement: InputPlacement,
    /// What is kept by key when the case begins: texts, or `{"base64": …}`.
    #[serde(default)]
    pub(crate) kv: Map<String, Value>,
    /// The seed of all random bytes. Default 0.
    #[serde(default)]
    pub(crate) random: u64,
    /// The wall clock: RFC 3339, or seconds since 1970. Default `2026-01-01T00:00:00Z`.
    #[serde(default)]
    #[schemars(schema_with = "schema::time")]
    time: Option<Value>,
    /// The hook that is called.
    #[serde(default)]
    #[schemars(schema_with = "schema::hook")]
    hook: Option<String>,
    /// The export of an action that is called.
    #[serde(default)]
    #[schemars(schema_with = "schema::action")]
    action: Option<String>,
    /// The document that the call is given. Default `{}`.
    #[serde(default)]
    #[schemars(with = "Value")]
    input: Option<Box<RawValue>>,
    /// For `http_stream_chunk_hook`: a whole stream, in place of `input`.
    #[serde(default)]
    stream: Option<StreamInput>,
    /// What the plugin asks of its host, in order. Default: nothing.
    #[serde(default)]
    calls: Vec<ScriptedCall>,
    /// What has to come of it. Default: success.
    #[serde(default)]
    expect: Expect,
    /// Several calls, in place of one.
    #[serde(default)]
    steps: Vec<Step>,
}

/// One call.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The wall clock from here on.
    #[serde(default)]
    #[schemars(schema_with = "schema::time")]
    pub(crate) time: Option<Value>,
    /// The hook that is called.
    #[serde(default)]
    #[schemars(schema_with = "schema::hook")]
    pub(crate) hook: Option<String>,
    /// The export of an action that is called.
    #[serde(default)]
    #[schemars(schema_with = "schema::action")]
    pub(crate) action: Option<String>,
    /// The document that the call is given. Default `{}`.
    #[serde(default)]
    #[schemars(with = "Value")]
    pub(crate) input: Option<Box<RawValue>>,
    /// For `http_stream_chunk_hook`: a whole stream, in place of `input`.
    #[serde(default)]
    pub(crate) stream: Option<StreamInput>,
    /// What the plugin asks of its host, in order. Default: nothing.
    #[serde(default)]
    pub(crate) calls: Vec<ScriptedCall>,
    /// What has to come of it. Default: success.
    #[serde(default)]
    pub(crate) expect: Expect,
}

/// A stream that is shown to a plugin.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamInput {
    /// The context at its beginning. Default `{}`.
    #[serde(default)]
    pub(crate) context: Map<String, Value>,
    /// The request that it answers. Default `{}`.
    #[serde(default)]
    #[schemars(with = "Value")]
    pub(crate) request: Option<Box<RawValue>>,
    /// Its chunks.
    #[schemars(with = "Vec<Value>")]
    pub(crate) chunks: Vec<Box<RawValue>>,
}

/// What has to come of a call.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Expect {
    /// The whole output.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Value")]
    pub(crate) output: Option<Value>,
    /// Values by JSONPath.
    pub(crate) paths: BTreeMap<String, Value>,
    /// A text that the failure has in it.
    pub(crate) error: Option<String>,
    /// Texts, each in a line that the plugin printed, in this order.
    pub(crate) log: Vec<String>,
    /// What is kept by key afterwards; `null` is nothing.
    pub(crate) kv: Map<String, Value>,
    /// Most fuel of the call.
    pub(crate) max_fuel: Option<u64>,
    /// Most linear memory of the instance after it, in bytes.
    pub(crate) max_memory_bytes: Option<u64>,
}

/// `null` that is there is something else than nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Case {
    /// Whether its plugin has files, which lie in a temporary directory.
    pub(crate) fn has_files(&self) -> bool {
        self.grants.filesystem.is_some()
    }

    /// Its calls, of which there is at least one.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let Self { hook, action, input, stream, calls, expect, time, .. } = self;
        if self.steps.is_empty() {
            return vec![Step {
                time: time.clone(),
                hook: hook.clone(),
                action: action.clone(),
                input: input.clone(),
                stream: stream.clone(),
                calls: calls.clone(),
                expect: expect.clone(),
            }];
        }
        let mut steps = self.steps.clone();
        if let Some(first) = steps.first_mut() {
            first.time = first.time.take().or_else(|| time.clone());
        }
        steps
    }

    /// What is wrong with it beyond its shape.
    fn check(&self) -> Result<()> {
        let whole = self.hook.is_some()
            || self.action.is_some()
            || self.input.is_some()
            || self.stream.is_some()
            || !self.calls.is_empty();
        if whole && !self.steps.is_empty() {
            bail!(
                "found `steps` beside a call, wanted one of them: what is beside `steps` belongs into one of them"
            );
        }
        if !self.kv.values().all(|value| super::bytes::of_json(value).is_some()) {
            bail!("kv: wanted texts, or {{\"base64\": …}}");
        }
        for (index, step) in self.steps().iter().enumerate() {
            let place =
                if self.steps.is_empty() { String::new() } else { format!("steps[{index}]") };
            step.check().context(place)?;
        }
        Ok(())
    }
}

impl Step {
    fn check(&self) -> Result<()> {
        use plugbay::abi::interface::Hook;
        match (&self.hook, &self.action) {
            (Some(hook), None) => {
                let known = Hook::ALL.map(Hook::export);
                if Hook::from_export(hook).is_none() {
                    bail!("hook: found `{hook}`, wanted one of {}", known.join(", "));
                }
            }
            (None, Some(action)) => {
                if !schema::ACTIONS.contains(&&**action) {
                    bail!("action: found `{action}`, wanted `execute` or `execute_with_context`");
                }
            }
            (None, None) => {
                bail!("found neither `hook` nor `action`, wanted one of them, or `steps`")
            }
            (Some(_), Some(_)) => bail!("found `hook` and `action`, wanted one of them"),
        }
        if self.stream.is_some() {
            if self.hook.as_deref() != Some(Hook::HttpStreamChunk.export()) {
                bail!("stream: is for `http_stream_chunk_hook`");
            }
            if self.input.is_some() {
                bail!("found `input` and `stream`, wanted one of them");
            }
        }
        if let Some(time) = &self.time {
            super::scripted::time(time)?;
        }
        for call in &self.calls {
            call.check()?;
        }
        self.expect.paths.keys().try_for_each(|path| super::paths::check(path))?;
        Ok(())
    }
}

/// Reads a file with one case, or a list of them.
pub(crate) fn read(path: &Path) -> Result<Vec<Case>> {
    let text = read_text(path)?;
    parse(&text).with_context(|| path.display().to_string())
}

/// A file's text, without the mark that some editors put before it.
pub(super) fn read_text(path: &Path) -> Result<String> {
    Ok(crate::options::without_mark(crate::options::read_text(path)?))
}

pub(crate) fn parse(text: &str) -> Result<Vec<Case>> {
    let cases: Vec<Case> = if text.trim_start().starts_with('[') {
        json::parse(text.as_bytes())?
    } else {
        vec![json::parse(text.as_bytes())?]
    };
    for case in &cases {
        case.check().with_context(|| format!("the case {:?}", case.name))?;
    }
    let mut names: Vec<&str> = cases.iter().map(|case| &*case.name).collect();
    names.sort_unstable();
    if let Some([name, _]) = names.array_windows().find(|[one, next]| one == next) {
        bail!("two cases have the name {name:?}");
    }
    Ok(cases)
}
