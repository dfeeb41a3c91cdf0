//! What may be said of providers, and what is said to what may not.

use std::num::NonZeroU32;

use super::*;
use crate::Config;

fn parse(providers: &str) -> Result<Config, String> {
    let text = format!(r#"{{"providers": {providers}}}"#);
    Config::parse(text.as_bytes(), Path::new("/etc/gateway/config.json"))
        .map_err(|error| error.to_string())
}

#[test]
fn several_of_a_kind_under_any_names() {
    let config = parse(
        r#"{
            "openai": {"api_key_env": "A"},
            "groq": {"type": "openai", "base_url": "https://api.groq.com/openai/v1",
                     "keys": [{"env": "B", "weight": 3}, {"file": "keys/groq"}],
                     "models": ["llama"], "headers": {"x-team": "secret-ish"},
                     "timeouts": {"connect_ms": 1, "first_byte_ms": 2, "idle_ms": 3, "total_ms": 4},
                     "retry": {"attempts": 5, "base_ms": 6, "max_ms": 7},
                     "http2": "prior_knowledge", "ca_file": "ca.pem",
                     "fallbacks": ["claude/sonnet", "openai"]},
            "claude": {"type": "anthropic"},
            "anthropic": {},
            "mock": {"fallbacks": ["groq/llama"]}
        }"#,
    )
    .unwrap();
    let names: Vec<&str> = config.providers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["openai", "groq", "claude", "anthropic", "mock"]);
    assert_eq!(config.default_provider(), "openai");

    let groq = config.providers.get("groq").unwrap();
    assert_eq!(groq.kind, ProviderKind::OpenAi);
    assert_eq!(groq.base_url, "https://api.groq.com/openai/v1");
    assert_eq!(groq.keys[0].source, KeySource::Env("B".to_owned()));
    assert_eq!(groq.keys[0].weight, NonZeroU32::new(3).unwrap());
    assert_eq!(groq.keys[1].source, KeySource::File("/etc/gateway/keys/groq".into()));
    assert_eq!(groq.ca_file.as_deref(), Some(Path::new("/etc/gateway/ca.pem")));
    assert_eq!((groq.timeouts.total_ms, groq.retry.attempts.get()), (4, 5));
    assert_eq!(groq.http2, Http2::PriorKnowledge);
    // A header's value may have come out of the environment.
    assert!(!format!("{config:?}").contains("secret-ish"));

    let kind = |name: &str| config.providers.get(name).unwrap().kind;
    assert_eq!(
        (kind("claude"), kind("anthropic")),
        (ProviderKind::Anthropic, ProviderKind::Anthropic)
    );
    let claude = config.providers.get("claude").unwrap();
    assert_eq!(claude.base_url, "https://api.anthropic.com/v1");
    assert_eq!(config.providers.get("openai").unwrap().keys.len(), 1);
}

#[test]
fn the_default_is_the_first_that_is_not_built_in() {
    for (providers, wanted) in [
        ("{}", "mock"),
        (r#"{"mock": {}, "b": {"type": "openai"}, "a": {"type": "openai"}}"#, "b"),
        (r#"{"b": {"type": "anthropic"}, "openai": {}}"#, "openai"),
    ] {
        assert_eq!(parse(providers).unwrap().default_provider(), wanted, "{providers}");
    }
}

#[test]
fn what_may_not_be_said_is_named_with_its_place() {
    for (providers, wanted) in [
        (r#"{"groq": {}}"#, &["`providers.groq`", "missing field `type`", "wanted `openai`"][..]),
        (r#"{"opnai": {}}"#, &["`providers.opnai`", "did you mean the name `openai`?"]),
        (
            r#"{"groq": {"type": "opnai"}}"#,
            &["`providers.groq.type`", "found `opnai`", "did you mean `openai`?"],
        ),
        (
            r#"{"openai": {"base_ur": "x"}}"#,
            &["`providers.openai", "unknown key `base_ur`", "did you mean `base_url`?"],
        ),
        (r#"{"a/b": {"type": "openai"}}"#, &["`providers.a/b`", "wanted one without `/`"]),
        (r#"{"other": {"type": "mock"}}"#, &["`providers.other`", "there is one mock"]),
        (r#"{"mock": {"type": "openai"}}"#, &["`providers.mock`", "wanted another name"]),
        (r#"{"mock": {"base_url": "x"}}"#, &["`providers.mock`", "unknown key `base_url`"]),
        (
            r#"{"openai": {"api_key_env": "A", "keys": []}}"#,
            &["`providers.openai`", "found `api_key_env` and `keys`"],
        ),
        (
            r#"{"openai": {"keys": [{"env": "A"}, {"weight": 2}]}}"#,
            &["`providers.openai.keys[1]`", "found neither `env` nor `file`"],
        ),
        (
            r#"{"openai": {"keys": [{"env": "A", "file": "b"}]}}"#,
            &["`providers.openai.keys[0]`", "found `env` and `file`"],
        ),
        (
            r#"{"openai": {"keys": [{"env": "A", "weigth": 2}]}}"#,
            &["`providers.openai.keys[0]", "did you mean `weight`?"],
        ),
        (
            r#"{"openai": {"keys": [{"env": "A", "weight": 0}]}}"#,
            &["`providers.openai.keys[0]", "nonzero"],
        ),
        (
            r#"{"openai": {"base_url": "http://127.0.0.1:1/v1/chat/completions/"}}"#,
            &[
                "`providers.openai",
                "ends in `/chat/completions`",
                "such as `http://127.0.0.1:1/v1`",
            ],
        ),
        (
            r#"{"anthropic": {"base_url": "https://example.org/v1/messages"}}"#,
            &["`providers.anthropic", "such as `https://example.org/v1`"],
        ),
        (r#"{"openai": {"keys": ["sk-secret"]}}"#, &["`providers.openai.keys[0]`", "invalid type"]),
        (r#"{"openai": {"models": []}}"#, &["`providers.openai.models`", "an empty list"]),
        (
            r#"{"openai": {"timeouts": {"totl_ms": 2}}}"#,
            &["`providers.openai.timeouts", "did you mean `total_ms`?"],
        ),
        (
            r#"{"openai": {"retry": {"attempts": 0}}}"#,
            &["`providers.openai.retry.attempts`", "nonzero"],
        ),
        (
            r#"{"openai": {"http2": "prior-knowledge"}}"#,
            &["`providers.openai.http2`", "did you mean `prior_knowledge`?"],
        ),
        (
            r#"{"openai": {"fallbacks": ["mock", "groq/x"]}, "mock": {}}"#,
            &["`providers.openai.fallbacks[1]`", "found `groq/x`", "`openai`, `mock`"],
        ),
        (r#"{"openai": {}, "openai": {}}"#, &["`providers", "found `openai` a second time"]),
        ("[]", &["`providers`", "wanted an object from names to providers"]),
    ] {
        let error = parse(providers).unwrap_err();
        for part in wanted {
            assert!(error.contains(part), "{providers}: {part:?} not in {error:?}");
        }
        assert!(!error.contains("sk-secret"), "{error}");
    }
}
