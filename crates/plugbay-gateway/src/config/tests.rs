//! What a configuration may say, and what is said to one that says something else.

use std::num::NonZeroUsize;

use super::*;

fn parse(json: &str) -> Result<Config, String> {
    Config::parse(json.as_bytes(), Path::new("/etc/gateway/config.json"))
        .map_err(|error| error.to_string())
}

#[test]
fn plugins_alone_are_enough() {
    let config = parse(
        r#"{"plugins": [{
            "path": "/opt/plugins/one.wasm", "name": "one", "enabled": true,
            "config": {"greeting": 1.00}
        }]}"#,
    )
    .unwrap();
    let plugin = &config.plugins[0];
    assert_eq!(plugin.path, Path::new("/opt/plugins/one.wasm"));
    assert_eq!(plugin.config.as_ref().unwrap().get(), r#"{"greeting": 1.00}"#);
    assert_eq!((plugin.enabled, plugin.order), (true, 0));
    assert!(!plugin.options().require_signature);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.default_provider(), "mock");
}

#[test]
fn everything_can_be_said() {
    let config = parse(
        r#"{
            "listen": "[::1]:0", "max_body_bytes": 1024, "max_collected_bytes": 2048,
            "audit": {"file": "audit.jsonl", "max_bytes": 4096},
            "metrics": {"listen": "127.0.0.1:9090"}, "access_log": "access.jsonl",
            "timeouts": {"header_ms": 1, "body_ms": 2, "write_ms": 4, "drain_ms": 3}, "server": {"threads": 4},
            "plugins": [{
                "path": "one.wasm", "enabled": false, "placement": "pre_builtin", "order": -1,
                "on_error": "open", "see_credentials": true, "opt_out": true,
                "match": {"paths": ["/v1/chat/*"], "models": ["openai/*"], "headers": {"X-Team": "red"}, "sample": 0.5}, "breaker": {"failures": 2}, "limits": {"fuel": 5},
                "capabilities": {"Network": {"hosts": ["*.example.org"]}, "filesystem": {"max_files": 3}},
                "input": "host-pages", "require_signature": true, "instances": 3, "streams": "sticky", "runtime": "tiered"
            }],
            "providers": {
                "openai": {"base_url": "http://localhost:1/v1", "api_key_env": "KEY",
                           "timeouts": {"idle_ms": 9}},
                "mock": {}
            },
            "default_provider": "mock"
        }"#,
    )
    .unwrap();
    assert_eq!(config.metrics.listen.unwrap().port(), 9090);
    let log = Path::new("/etc/gateway/access.jsonl");
    assert_eq!(config.access_log, AccessLogTarget::File(log.into()));
    assert_eq!(config.server.threads.unwrap().get(), 4);
    let plugin = &config.plugins[0];
    assert_eq!(plugin.path, Path::new("/etc/gateway/one.wasm"), "beside the configuration");
    assert_eq!((config.max_collected_bytes, config.timeouts.write_ms), (2048, 4));
    assert!(plugin.see_credentials && plugin.opt_out);
    assert_eq!(plugin.matching.paths.len(), 1);
    assert_eq!(plugin.breaker, BreakerSettings::new(2, 10_000));
    assert_eq!(plugin.options().instances.unwrap(), NonZeroUsize::new(3).unwrap().into());
    assert_eq!(plugin.options().streams, Streams::Sticky);
    assert_eq!(plugin.options().runtime, Some(Runtime::Tiered));
    assert_eq!(plugin.options().input, InputPlacement::HostPages);
    assert_eq!(plugin.options().grant.filesystem.unwrap().max_files, 3);
    assert_eq!(plugin.capabilities.network.as_ref().unwrap().hosts.len(), 1);
    assert_eq!(config.audit.file.as_deref(), Some(Path::new("/etc/gateway/audit.jsonl")));
    assert!(plugin.options().require_signature);
    assert_eq!(config.providers.openai.as_ref().unwrap().timeouts.idle_ms, 9);
    assert_eq!(config.default_provider(), "mock");
}

#[test]
fn the_default_provider_is_the_one_that_is_configured() {
    for (json, wanted) in [
        ("{}", "mock"),
        (r#"{"providers": {"mock": {}}}"#, "mock"),
        (r#"{"providers": {"openai": {}}}"#, "openai"),
        (r#"{"providers": {"openai": {}, "mock": {}}}"#, "openai"),
    ] {
        assert_eq!(parse(json).unwrap().default_provider(), wanted, "{json}");
    }
}

#[test]
fn errors_give_the_file_the_place_what_was_found_and_what_was_wanted() {
    for (json, wanted) in [
        (r#"{"plugin": []}"#, &["unknown key `plugin`", "did you mean `plugins`?"][..]),
        (
            r#"{"plugins": [{"path": "a", "enable": true}]}"#,
            &["`plugins[0]", "unknown key `enable`", "did you mean `enabled`?"],
        ),
        (
            r#"{"plugins": [{"path": "a", "limits": {"feul": 1}}]}"#,
            &["`plugins[0].limits", "did you mean `fuel`?"],
        ),
        (
            r#"{"plugins": [{"path": "a", "on_error": "opened"}]}"#,
            &[
                "`plugins[0].on_error`",
                "found `opened`, wanted `closed` or `open`",
                "did you mean `open`?",
            ],
        ),
        (
            r#"{"plugins": [{"path": "a", "enabled": "yes"}]}"#,
            &["`plugins[0].enabled`", "string \"yes\", wanted a boolean", "line 1"],
        ),
        (
            r#"{"plugins": [{"path": "a", "instances": {"mode": "per_request"}}]}"#,
            &["`plugins[0].instances.mode`", "found `per_request`", "did you mean `per-request`?"],
        ),
        (
            r#"{"plugins": [{"path": "a", "instances": {"mode": "single", "size": 4}}]}"#,
            &["`plugins[0].instances`", "a size of 4 with the mode `single`, wanted 1 or none"],
        ),
        (
            r#"{"plugins": [{"path": "a", "instances": 0}]}"#,
            &["`plugins[0].instances`", "found 0, wanted at least 1 instance"],
        ),
        (
            r#"{"plugins": [{"path": "a", "instances": "single"}]}"#,
            &["`plugins[0].instances`", "wanted a number of instances or an object"],
        ),
        (
            r#"{"plugins": [{"path": "a", "instances": {"sise": 4}}]}"#,
            &["`plugins[0].instances", "unknown key `sise`", "did you mean `size`?"],
        ),
        (
            r#"{"plugins": [{"path": "a", "streams": "stikcy"}]}"#,
            &["`plugins[0].streams`", "did you mean `sticky`?"],
        ),
        (
            r#"{"plugins": [{"path": "a", "runtime": "wasmtme"}]}"#,
            &["`plugins[0].runtime`", "did you mean `wasmtime`?"],
        ),
        (
            r#"{"plugins": [{"path": "a", "capabilities": ["Netwrok"]}]}"#,
            &["`plugins[0].capabilities", "unknown capability \"Netwrok\"", "Network, Audio"],
        ),
        (
            r#"{"plugins": [{"path": "a", "capabilities": "Network"}]}"#,
            &["`plugins[0].capabilities`", "string \"Network\", wanted a list of capabilities"],
        ),
        (
            r#"{"plugins": [{"path": "a", "capabilities": ["Subprocess"]}]}"#,
            &["`plugins[0].capabilities`", "found Subprocess alone, wanted the programs"],
        ),
        (
            r#"{"plugins": [{"path": "a", "capabilities": {"Network": {"host": []}}}]}"#,
            &["`plugins[0].capabilities.Network", "unknown key `host`", "did you mean `hosts`?"],
        ),
        (
            r#"{"plugins": [{"path": "a", "capabilities": {"Network": {"hosts": ["https://x.org"]}}}]}"#,
            &["`plugins[0].capabilities.Network.hosts[0]`", "a URL", "wanted a name such as"],
        ),
        (
            r#"{"plugins": [{"path": "a", "capabilities": {"Network": {"allow_private": ["localhost:80"]}}}]}"#,
            &["`plugins[0].capabilities.Network.allow_private[0]`", "socket address"],
        ),
        (
            r#"{"plugins": [{"path": "a", "capabilities": {"Subprocess": {"programs": [{"program": "sh"}]}}}]}"#,
            &["`plugins[0].capabilities.Subprocess.programs[0].program`", "a shell"],
        ),
        (
            r#"{"plugins": [{"path": "a", "capabilities": {"SystemControl": {"operations": ["launch"]}}}]}"#,
            &["`plugins[0].capabilities", "without `applications`"],
        ),
        (r#"{"plugins": [{"name": "a"}]}"#, &["`plugins[0]`", "missing field `path`"]),
        (r#"{"plugins": [{"path": ""}]}"#, &["`plugins[0].path`", "wanted a file"]),
        (
            r#"{"plugins": [{"path": "HTTPS://example.com/p.wasm"}]}"#,
            &["`plugins[0].path`", "found the URL", "does not download"],
        ),
        (
            r#"{"plugins": [{"path": "a", "name": "x"}, {"path": "b", "name": "x"}]}"#,
            &["`plugins[1].name`", "found `x` a second time"],
        ),
        (r#"{"listen": "localhost"}"#, &["`listen`", "found `localhost`", "127.0.0.1:8080"]),
        (r#"{"default_provider": "openai"}"#, &["`default_provider`", "wanted one of `mock`"]),
        ("{", &["EOF", "line 1"]),
        ("[]", &["invalid", "wanted"]),
    ] {
        let error = parse(json).unwrap_err();
        assert!(error.starts_with("/etc/gateway/config.json: "), "{error}");
        for part in wanted {
            assert!(error.contains(part), "{json}: {part:?} not in {error:?}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/config.json")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /nowhere/config.json: "), "{error}");
}
