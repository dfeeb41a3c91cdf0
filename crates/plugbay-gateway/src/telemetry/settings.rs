//! Where spans go: what the configuration says, and where it says nothing, the environment, by OpenTelemetry's names.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use plugbay_hooks::Sample;

use crate::config::{OtlpConfig, TelemetryConfig};
use crate::provider::Secret;

/// Looks a variable up.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A collector, and what it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) endpoint: String,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) sample: f64,
    pub(crate) service_name: String,
    pub(crate) ca_file: Option<PathBuf>,
}

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

/// The settings; `None` where spans are to go nowhere. An error says which variable cannot be used.
pub(crate) fn settings(
    config: &TelemetryConfig,
    lookup: Lookup<'_>,
) -> Result<Option<Settings>, String> {
    // An empty variable is none.
    let variable =
        |name: &str| lookup(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
    let endpoint = match &config.otlp {
        Some(otlp) => otlp.endpoint.clone().or_else(|| variable(ENDPOINT)),
        None if is_off(&variable) => None,
        None => variable(ENDPOINT),
    };
    if config.otlp.is_none() && endpoint.is_none() {
        return Ok(None);
    }
    let none = OtlpConfig::default();
    let otlp = config.otlp.as_ref().unwrap_or(&none);
    if otlp.endpoint.is_none() {
        check_protocol(&variable)?;
    }
    let headers = match (&otlp.headers, &otlp.endpoint) {
        (Some(headers), _) => headers.iter().map(|(name, it)| (name.clone(), it.clone())).collect(),
        // What is for the environment's collector is not for another one.
        (None, Some(_)) => Vec::new(),
        (None, None) => variable(HEADERS).map_or(Ok(Vec::new()), |it| headers(&it))?,
    };
    let sample = match otlp.sample {
        Some(sample) => sample.fraction(),
        None => sample(&variable)?,
    };
    let name = || variable("OTEL_SERVICE_NAME").unwrap_or_else(|| "plugbay".to_owned());
    let endpoint = endpoint.unwrap_or_else(|| "http://localhost:4318".to_owned());
    Ok(Some(Settings {
        endpoint: base(&endpoint).to_owned(),
        headers,
        sample,
        service_name: otlp.service_name.clone().unwrap_or_else(name),
        ca_file: otlp.ca_file.clone(),
    }))
}

/// Whether the environment wants no spans, whatever else it says.
fn is_off(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let says =
        |name, wanted: &str| variable(name).is_some_and(|it| it.eq_ignore_ascii_case(wanted));
    says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none")
}

fn check_protocol(variable: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
    match variable(PROTOCOL) {
        Some(found) if found != "http/protobuf" => {
            let found = plugbay::plain(&found, 40);
            Err(format!("{PROTOCOL}: found `{found}`, wanted `http/protobuf`"))
        }
        _ => Ok(()),
    }
}

/// Of how many requests spans are made.
fn sample(variable: &dyn Fn(&str) -> Option<String>) -> Result<f64, String> {
    match variable(SAMPLER).as_deref() {
        Some("always_off" | "parentbased_always_off") => return Ok(0.0),
        Some("always_on" | "parentbased_always_on") => return Ok(1.0),
        None | Some("traceidratio" | "parentbased_traceidratio") => {}
        Some(found) => {
            let found = plugbay::plain(found, 40);
            return Err(format!("{SAMPLER}: found `{found}`, wanted `parentbased_traceidratio`"));
        }
    }
    let Some(text) = variable(SAMPLER_ARG) else { return Ok(1.0) };
    let sample = text.parse().ok().and_then(|number: f64| Sample::try_from(number).ok());
    sample.map(Sample::fraction).ok_or_else(|| {
        let found = plugbay::plain(&text, 40);
        format!("{SAMPLER_ARG}: found `{found}`, wanted a fraction from 0 to 1")
    })
}

/// `name=value` pairs between commas, with values as URLs have them.
fn headers(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        Some((name.trim().to_owned(), Secret::from(&*value)))
    };
    // The pair may be somebody's key.
    pairs
        .map(|pair| {
            read(pair).ok_or(format!("{HEADERS}: wanted `name=value` pairs between commas"))
        })
        .collect()
}

/// The URL below which a collector has its paths; some people name the one of traces.
fn base(endpoint: &str) -> &str {
    let endpoint = endpoint.trim_end_matches('/');
    endpoint.strip_suffix(super::collector::PATH).unwrap_or(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(config: &str, environment: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        let config: TelemetryConfig = serde_json::from_str(config).unwrap();
        let lookup = |name: &str| {
            let found = environment.iter().find(|(its, _)| *its == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        settings(&config, &lookup)
    }

    const ENVIRONMENT: &[(&str, &str)] = &[
        (ENDPOINT, "http://there:1/"),
        (HEADERS, "api-key=a%20b, x=2"),
        ("OTEL_SERVICE_NAME", "mine"),
        (SAMPLER_ARG, "0.25"),
    ];

    #[test]
    fn the_environment_says_what_the_configuration_does_not() {
        assert_eq!(resolved("{}", &[]), Ok(None));
        assert_eq!(
            resolved("{}", &[(HEADERS, "a=b"), (SAMPLER_ARG, "7"), (ENDPOINT, " ")]),
            Ok(None)
        );
        let settings = resolved("{}", ENVIRONMENT).unwrap().unwrap();
        assert_eq!(settings.endpoint, "http://there:1");
        assert_eq!((&*settings.service_name, settings.sample), ("mine", 0.25));
        let headers = [("api-key".to_owned(), "a b".into()), ("x".to_owned(), "2".into())];
        assert_eq!(settings.headers, headers);

        let config = r#"{"otlp": {"endpoint": "http://here:2/v1/traces", "sample": 0.5}}"#;
        let settings = resolved(config, ENVIRONMENT).unwrap().unwrap();
        assert_eq!(settings.endpoint, "http://here:2");
        assert_eq!(settings.headers, [], "they are for the other one");
        assert_eq!((&*settings.service_name, settings.sample), ("mine", 0.5));

        let config = r#"{"otlp": {"headers": {"a": "b"}, "service_name": "its"}}"#;
        let settings = resolved(config, ENVIRONMENT).unwrap().unwrap();
        assert_eq!((&*settings.endpoint, &*settings.service_name), ("http://there:1", "its"));
        assert_eq!(settings.headers, [("a".to_owned(), "b".into())]);

        let settings = resolved(r#"{"otlp": {}}"#, &[]).unwrap().unwrap();
        assert_eq!(settings.endpoint, "http://localhost:4318");
        assert_eq!((&*settings.service_name, settings.sample), ("plugbay", 1.0));
    }

    #[test]
    fn what_turns_it_off_and_what_cannot_be_used() {
        let with = |name, value| resolved("{}", &[(ENDPOINT, "http://there:1"), (name, value)]);
        for (name, value) in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(with(name, value), Ok(None), "{name}");
        }
        assert_eq!(with(SAMPLER, "always_off").unwrap().unwrap().sample, 0.0);
        for (name, value, wanted) in [
            (PROTOCOL, "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL: found `grpc`, wanted `http/protobuf`"),
            (SAMPLER, "jaeger_remote", "OTEL_TRACES_SAMPLER: found `jaeger_remote`"),
            (SAMPLER_ARG, "1.5", "OTEL_TRACES_SAMPLER_ARG: found `1.5`, wanted a fraction"),
            (HEADERS, "sk-secret", "OTEL_EXPORTER_OTLP_HEADERS: wanted `name=value` pairs"),
        ] {
            let error = with(name, value).unwrap_err();
            assert!(error.starts_with(wanted) && !error.contains("secret"), "{error}");
        }
    }
}
