//! What a configuration may say, and what is said to one that says something else.

use std::num::NonZeroUsize;

use plugbay::{InputPlacement, Runtime, Streams};
use plugbay_hooks::{BreakerSettings, OnError, Placement};

use super::*;

fn parse(json: &str) -> Result<Config, String> {
    let set = |name: &str| (name == "PLUGIN").then(|| "s3cret".to_owned());
    Config::parse_with(json.as_bytes(), Path::new("/etc/gateway/config.json"), &set)
        .map_err(|error| error.to_string())
}

#[test]
fn an_address_is_listened_to_once() {
    let wrong = |text: &str| parse(text).unwrap_err();
    let error = wrong(r#"{"listen": "127.0.0.1:9", "metrics": {"listen": "127.0.0.1:9"}}"#);
    assert!(
        error.contains("`metrics.listen`: found 127.0.0.1:9, which is that of `listen`"),
        "{error}"
    );
    let error =
        wrong(r#"{"admin": {"listen": "127.0.0.1:9"}, "metrics": {"listen": "127.0.0.1:9"}}"#);
    assert!(error.contains("that of `admin.listen`"), "{error}");
    parse(r#"{"listen": "127.0.0.1:0", "metrics": {"listen": "127.0.0.1:0"}}"#).unwrap();
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
    assert_eq!(plugin.file().unwrap(), Path::new("/opt/plugins/one.wasm"));
    assert_eq!(plugin.config.as_ref().unwrap().get(), r#"{"greeting": 1.00}"#);
    assert_eq!((plugin.enabled, plugin.order), (true, 0));
    assert!(!plugin.options().require_signature);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.default_provider(), "mock");
}

#[test]
fn what_has_another_type_is_told_in_json_s_words() {
    for (json, wanted) in [
        (r#"{"plugins": 5}"#, "`plugins`: invalid type: integer `5`, wanted a list at line 1"),
        (r#"{"plugins": [{"path": "a", "order": "x"}]}"#, "wanted a whole number at line 1"),
        (
            r#"{"plugins": [{"path": "a", "enabled": []}]}"#,
            "invalid type: a list, wanted a boolean",
        ),
        (r#"{"max_body_bytes": -1}"#, "wanted a whole number that is not negative at line 1"),
        (
            r#"{"plugins": [{"path": "a", "capabilities": {"Network": 5}}]}"#,
            "`plugins[0].capabilities.Network`: invalid type: integer `5`, wanted an object at line 1",
        ),
    ] {
        let error = parse(json).unwrap_err();
        assert!(error.contains(wanted), "{json}: {error}");
    }
}

#[test]
fn what_is_not_said_of_a_plugin_has_a_default() {
    let config = parse(r#"{"plugins": [{"path": "one.wasm"}]}"#).unwrap();
    let plugin = &config.plugins[0];
    assert_eq!((plugin.placement, plugin.order), (Placement::PostBuiltin, 0));
    assert_eq!(plugin.on_error, OnError::Closed);
    assert_eq!(plugin.breaker, BreakerSettings::new(5, 10_000));
    assert_eq!(plugin.options().streams, Streams::Any);
    assert_eq!(plugin.options().input, InputPlacement::Malloc);
    assert!(!plugin.opt_out && !plugin.see_credentials);
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
                "required": true, "version": "1.2 (beta)", "sha256": "00000000000000000000000000000000000000000000000000000000000000FF",
                "canary": {"hook": "pre_hook", "input": {"x": 1.00}, "output": {}}, "rollback": 7,
                "see_credentials": true, "opt_out": true,
                "match": {"paths": ["/v1/chat/*"], "models": ["openai/*"], "headers": {"X-Team": "red"}, "sample": 0.5},
                "on_error": "open", "breaker": {"failures": 2}, "limits": {"fuel": 5},
                "capabilities": {"Network": {"hosts": ["*.example.org"]}, "filesystem": {"max_files": 3}},
                "input": "host-pages", "require_signature": true, "instances": 3, "environment": {"TZ": "UTC", "KEY": "${PLUGIN}"}, "streams": "sticky", "runtime": "tiered"
            }],
            "providers": {
                "openai": {"base_url": "http://localhost:1/v1", "api_key_env": "KEY",
                           "timeouts": {"idle_ms": 9}},
                "mock": {}
            },
            "default_provider": "mock", "reload": {"watch": false},
            "admin": {"listen": "0.0.0.0:0", "token_file": "token"}
        }"#,
    )
    .unwrap();
    let admin = config.admin.as_ref().unwrap();
    assert_eq!(admin.token_file.as_deref(), Some(Path::new("/etc/gateway/token")));
    assert!(!config.reload.watch);
    assert_eq!(config.server.threads.unwrap().get(), 4);
    let plugin = &config.plugins[0];
    assert_eq!(
        plugin.file().unwrap(),
        Path::new("/etc/gateway/one.wasm"),
        "beside the configuration"
    );
    assert_eq!(config.metrics.listen.unwrap().port(), 9090);
    let log = Path::new("/etc/gateway/access.jsonl");
    assert_eq!(config.access_log, AccessLogTarget::File(log.into()));
    assert_eq!((config.max_collected_bytes, config.timeouts.write_ms), (2048, 4));
    assert!(plugin.see_credentials && plugin.opt_out);
    assert_eq!(plugin.matching.paths.len(), 1);
    assert_eq!(plugin.breaker, BreakerSettings::new(2, 10_000));
    assert_eq!((plugin.required, plugin.rollback), (true, 7));
    assert_eq!(plugin.version.as_deref(), Some("1.2 (beta)"));
    assert_eq!(plugin.options().sha256.unwrap().0[31], 0xff);
    assert_eq!(plugin.canary.as_ref().unwrap().input.get(), r#"{"x": 1.00}"#);
    assert_eq!(plugin.options().instances.unwrap(), NonZeroUsize::new(3).unwrap().into());
    let variables = [("TZ", "UTC"), ("KEY", "s3cret")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(plugin.options().variables.as_slice(), variables);
    assert!(!format!("{plugin:?}").contains("s3cret"));
    assert_eq!(plugin.options().streams, Streams::Sticky);
    assert_eq!(plugin.options().runtime, Some(Runtime::Tiered));
    assert_eq!(plugin.options().input, InputPlacement::HostPages);
    assert_eq!(plugin.options().grant.filesystem.unwrap().max_files, 3);
    assert_eq!(plugin.capabilities.network.as_ref().unwrap().hosts.len(), 1);
    assert_eq!(config.audit.file.as_deref(), Some(Path::new("/etc/gateway/audit.jsonl")));
    assert!(plugin.options().require_signature);
    assert_eq!(config.providers.get("openai").unwrap().timeouts.idle_ms, 9);
    assert_eq!(config.default_provider(), "mock");
}

#[test]
fn either_key_takes_a_file_and_variables_are_replaced() {
    let config =
        parse(r#"{"plugins": [{"path": "${PLUGIN}.wasm"}, {"url": "/opt/${NO:-b}.wasm"}]}"#);
    let files: Vec<_> =
        config.unwrap().plugins.iter().map(|it| it.file().unwrap().to_owned()).collect();
    assert_eq!(files, [Path::new("/etc/gateway/s3cret.wasm"), Path::new("/opt/b.wasm")]);
}

#[test]
fn a_url_wants_a_signature_unless_it_is_said_otherwise() {
    let config = parse(
        r#"{"plugins": [
            {"path": "https://example.org/p.wasm", "name": "a"},
            {"url": "http://10.0.0.1:8000/p.wasm", "name": "b", "allow_http": true, "require_signature": false,
             "allow_private": ["10.0.0.1:8000"], "limits": {"module_bytes": 1000}}
        ]}"#,
    )
    .unwrap();
    let [a, b] = &config.plugins[..] else { panic!("two plugins") };
    assert_eq!((a.options().require_signature, b.options().require_signature), (true, false));
    assert_eq!(a.remote().unwrap().url, "https://example.org/p.wasm");
    let remote = b.remote().unwrap();
    assert_eq!((remote.limit, remote.allow_private[0].port(), b.file()), (1_000, 8_000, None));
}

#[test]
fn what_is_not_of_plugins_and_differs_is_found() {
    let (a, b) = (r#"{"plugins": [], "listen": "[::1]:0"}"#, r#"{"plugins": [{"path": "a"}]}"#);
    let (a, b) = (parse(a).unwrap(), parse(b).unwrap());
    assert_eq!(a.origin.differing(&b.origin).into_iter().collect::<Vec<_>>(), ["listen"]);
    assert!(a.origin.differing(&a.origin).is_empty());
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
            r#"{"plugins": [{"path": "a", "environment": {"A=B": "x"}}]}"#,
            &["`plugins[0].environment", "found the name \"A=B\""],
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
        (
            r#"{"plugins": [{"path": "a", "url": "b"}]}"#,
            &["`plugins[0]`", "found `path` and `url`, wanted one of them"],
        ),
        (r#"{"plugins": [{"url": ""}]}"#, &["`plugins[0].url`", "wanted a file"]),
        (
            r#"{"plugins": [{"path": "a", "sha256": "00ff"}]}"#,
            &["`plugins[0].sha256`", "wanted a SHA-256"],
        ),
        (
            r#"{"plugins": [{"path": "a", "canary": {"hook": "init", "input": {}}}]}"#,
            &["`plugins[0].canary.hook`", "found `init`, wanted one of http_pre_hook, pre_hook"],
        ),
        (
            r#"{"admin": {"listen": "0.0.0.0:9091"}}"#,
            &["`admin`", "no token, wanted a loopback address"],
        ),
        (
            r#"{"admin": {"token_env": "A", "token_file": "b"}}"#,
            &["`admin`", "found `token_env` and `token_file`"],
        ),
        (
            r#"{"plugins": [{"path": "${NO_PLUGIN}"}]}"#,
            &["`plugins[0].path`", "`NO_PLUGIN` is not set", "${NO_PLUGIN:-default}"],
        ),
        (
            r#"{"plugins": [{"path": "a", "on_error": "${PLUGIN}"}]}"#,
            &[
                "`plugins[0].on_error`",
                "found what `${PLUGIN}` stands for, wanted `closed` or `open`",
            ],
        ),
        (
            r#"{"plugins": [{"path": "a", "name": "${PLUGIN}"}, {"path": "b", "name": "${PLUGIN}"}]}"#,
            &["`plugins[1].name`", "found what `${PLUGIN}` stands for, wanted a name of its own"],
        ),
        (r#"{"plugins": [{"path": ""}]}"#, &["`plugins[0].path`", "wanted a file"]),
        (
            r#"{"plugins": [{"path": "HTTPS://example.com/p.wasm"}]}"#,
            &["`plugins[0]`", "found a URL and no `name`"],
        ),
        (
            r#"{"plugins": [{"url": "http://example.com/p.wasm?t=s3cret", "name": "p"}]}"#,
            &[
                "`plugins[0].url`",
                "found `http://example.com/p.wasm`, wanted https, or `allow_http`",
            ],
        ),
        (
            r#"{"plugins": [{"path": "a", "allow_private": ["localhost:80"]}]}"#,
            &["`plugins[0].allow_private[0]`", "socket address"],
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
        assert!(!error.contains("s3cret"), "{error}");
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
