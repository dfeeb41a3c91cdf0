//! The documents of `http_pre_hook` and `http_stream_chunk_hook` as one would write them with
//! `serde_json` and `base64` alone: what the host's own way is measured against.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plugbay::abi::hook::{Context, HttpRequest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A request.
pub struct Plain {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    pub query: HashMap<String, String>,
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct Input<'a> {
    context: &'a Map<String, Value>,
    request: WrittenRequest<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct WrittenRequest<'a> {
    method: &'a str,
    path: &'a str,
    headers: &'a HashMap<String, String>,
    query: &'a HashMap<String, String>,
    body: String,
}

#[derive(Deserialize)]
struct Output {
    #[allow(dead_code, reason = "it is read as the host reads it")]
    context: Map<String, Value>,
    request: Option<ReadRequest>,
    #[serde(default)]
    has_response: bool,
    error: String,
}

#[derive(Deserialize)]
struct ReadRequest {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    query: HashMap<String, String>,
    body: String,
}

#[derive(Deserialize)]
pub struct ChunkOutput {
    pub context: Map<String, Value>,
    pub chunk: Option<Box<RawValue>>,
    pub has_chunk: bool,
    pub skip: bool,
    pub error: String,
}

impl Plain {
    pub fn new(request: &HttpRequest) -> Self {
        Self {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request.headers.clone().into_iter().collect(),
            query: request.query.clone().into_iter().collect(),
            body: request.body.bytes().to_vec(),
        }
    }

    pub fn encode(&self, context: &Map<String, Value>) -> Vec<u8> {
        self.write(context, None)
    }

    pub fn encode_chunk(&self, context: &Map<String, Value>, chunk: &RawValue) -> Vec<u8> {
        self.write(context, Some(chunk))
    }

    fn write(&self, context: &Map<String, Value>, chunk: Option<&RawValue>) -> Vec<u8> {
        let request = WrittenRequest {
            method: &self.method,
            path: &self.path,
            headers: &self.headers,
            query: &self.query,
            body: STANDARD.encode(&self.body),
        };
        serde_json::to_vec(&Input { context, request, chunk }).expect("it is JSON")
    }

    pub fn decode(json: &[u8]) -> Self {
        let output: Output = serde_json::from_slice(json).expect("an output");
        assert!(output.error.is_empty() && !output.has_response);
        let request = output.request.expect("a request");
        Self {
            method: request.method,
            path: request.path,
            headers: request.headers,
            query: request.query,
            body: STANDARD.decode(&request.body).expect("base64"),
        }
    }
}

pub fn decode_chunk(json: &[u8]) -> ChunkOutput {
    let output: ChunkOutput = serde_json::from_slice(json).expect("an output");
    assert!(output.error.is_empty() && output.has_chunk && !output.skip);
    output
}

pub fn context(context: &Context) -> Map<String, Value> {
    let value = |(key, value): (&str, &RawValue)| {
        (key.to_owned(), serde_json::from_str(value.get()).expect("it is JSON"))
    };
    context.iter().map(value).collect()
}

/// The output of a plugin that keeps the order of fields and returns `request`.
pub fn output(request: &HttpRequest) -> Vec<u8> {
    let request = serde_json::to_string(request).expect("it is JSON");
    format!(
        r#"{{"context":{{"seen":1}},"request":{request},"response":null,"has_response":false,"error":""}}"#
    )
    .into_bytes()
}
