//! Forms: requests of several parts, as JSON and back.
//!
//! A field is its text, one that comes several times a list of them, and a file is
//! `{"file": base64, "filename", "content_type"}`.

use std::convert::Infallible;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::HeaderValue;
use indexmap::IndexMap;
use multer::{Field, Multipart};
use plugbay::abi::hook::{Body, HookError};
use plugbay::abi::json::{JsonError, RawObject, parse, parse_at};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::api_error::invalid;

/// Most parts of a form that are taken.
const MOST_PARTS: usize = 1024;

#[derive(Serialize, Deserialize)]
struct File {
    file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
}

/// Reads a form.
pub(crate) async fn read(
    content_type: Option<&str>,
    body: Bytes,
) -> Result<RawObject, Box<HookError>> {
    let content_type = content_type.unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|_| {
        let wanted = "wanted multipart/form-data with a boundary";
        wrong(format!("content-type: found `{}`, {wanted}", content_type.escape_debug()))
    })?;
    let pieces = stream::iter([Ok::<_, Infallible>(body)]);
    let mut form = Multipart::new(pieces, boundary);
    let unreadable = |error: multer::Error| wrong(format!("the request's form: {error}"));
    let mut parts: IndexMap<String, Vec<Box<RawValue>>> = IndexMap::new();
    let mut count = 0;
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        count += 1;
        if count > MOST_PARTS {
            return Err(wrong(format!("the request's form has more than {MOST_PARTS} parts")));
        }
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(wrong("the request's form: a part has no name".to_owned()));
        };
        let value = part(&name, field).await?;
        parts.entry(name).or_default().push(value);
    }
    let mut fields = RawObject::new();
    for (name, mut values) in parts {
        let value = match values.len() {
            1 => values.pop(),
            _ => to_raw_value(&values).ok(),
        };
        fields.set_raw(name, value.unwrap_or_default());
    }
    Ok(fields)
}

async fn part(name: &str, field: Field<'_>) -> Result<Box<RawValue>, Box<HookError>> {
    let filename = field.file_name().map(str::to_owned);
    let content_type = field.content_type().map(ToString::to_string);
    let broken = |what: String| wrong(format!("the request's form, `{name}`: {what}"));
    let bytes = field.bytes().await.map_err(|error| broken(error.to_string()))?;
    let written = if filename.is_some() {
        let file = Body::from_bytes(bytes).base64().to_owned();
        to_raw_value(&File { file, filename, content_type })
    } else {
        let text = std::str::from_utf8(&bytes).map_err(|error| broken(error.to_string()))?;
        to_raw_value(text)
    };
    written.map_err(|error| broken(error.to_string()))
}

fn wrong(message: String) -> Box<HookError> {
    Box::new(invalid(400, "invalid_form", message))
}

/// Writes a form with a boundary of its own: what kind of body it is, and the body.
///
/// # Errors
///
/// When a file is not base64.
pub(crate) fn write(fields: &str) -> Result<(HeaderValue, Bytes), JsonError> {
    let fields: RawObject = parse(fields.as_bytes())?;
    // A boundary that nobody can have guessed stands in no part.
    let boundary = format!("plugbay-{}", Uuid::new_v4().simple());
    let mut form = BytesMut::new();
    for (name, value) in fields.iter() {
        let first = value.get().as_bytes().first();
        if first == Some(&b'[') {
            let values: Vec<Box<RawValue>> = parse_at(value, name)?;
            for value in &values {
                write_part(&mut form, &boundary, name, value)?;
            }
        } else {
            write_part(&mut form, &boundary, name, value)?;
        }
    }
    form.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let kind = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"));
    let kind = kind.map_err(|error| JsonError::new("", error.to_string()))?;
    Ok((kind, form.freeze()))
}

fn write_part(
    form: &mut BytesMut,
    boundary: &str,
    name: &str,
    value: &RawValue,
) -> Result<(), JsonError> {
    let shown = quoted(name);
    let mut part = |more: &str, bytes: &[u8]| {
        let head = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{shown}\"{more}\r\n\r\n"
        );
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n");
    };
    if let Ok(file) = serde_json::from_str::<File>(value.get()) {
        let body = Body::from_base64(&file.file).map_err(|error| error.below(name))?;
        let filename = file.filename.as_deref().unwrap_or(name);
        let kind = file.content_type.filter(|kind| HeaderValue::from_str(kind).is_ok());
        let kind = kind.as_deref().unwrap_or("application/octet-stream");
        let more = format!("; filename=\"{}\"\r\ncontent-type: {kind}", quoted(filename));
        part(&more, body.bytes());
        return Ok(());
    }
    match serde_json::from_str(value.get()) {
        Ok(Value::Null) => {}
        Ok(Value::String(text)) => part("", text.as_bytes()),
        // Numbers and the like as they were written.
        _ => part("", value.get().as_bytes()),
    }
    Ok(())
}

/// A name between quotes, escaped as browsers do.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use serde_json::json;

    use super::*;

    fn read_now(kind: Option<&str>, body: &[u8]) -> Result<Value, Box<HookError>> {
        let fields = read(kind, Bytes::copy_from_slice(body)).now_or_never().unwrap()?;
        Ok(serde_json::from_str(&fields.to_json()).unwrap())
    }

    #[test]
    fn a_form_that_is_read_and_written_is_the_same() {
        let body = b"--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\xc3\xb6\r\n\
            --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".wav\"\r\n\
            Content-Type: audio/wav\r\n\r\n\x00\xff\r\n--y\r\n\r\n\
            --x\r\ncontent-disposition: form-data; name=\"t[]\"\r\n\r\n1\r\n\
            --x\r\ncontent-disposition: form-data; name=\"t[]\"\r\n\r\n2\r\n--x--\r\n";
        let wanted = json!({
            "model": "mö",
            "file": {"file": "AP8NCi0teQ0K", "filename": "a \"b\".wav", "content_type": "audio/wav"},
            "t[]": ["1", "2"],
        });
        let read = read_now(Some("multipart/form-data; boundary=x"), body).unwrap();
        assert_eq!(read, wanted);
        let (kind, again) = write(&read.to_string()).unwrap();
        let mut again = read_now(Some(kind.to_str().unwrap()), &again).unwrap();
        // Quotes are escaped as browsers do, who have no way back.
        assert_eq!(again["file"]["filename"], "a %22b%22.wav");
        again["file"]["filename"] = wanted["file"]["filename"].clone();
        assert_eq!(again, wanted);
    }

    #[test]
    fn what_is_no_text_is_written_as_json() {
        let fields = json!({"n": 0.50, "b": true, "none": null, "o": {"a": 1}, "e\r\n\"": "x"});
        let (kind, form) = write(&fields.to_string()).unwrap();
        let read = read_now(Some(kind.to_str().unwrap()), &form).unwrap();
        assert_eq!(read, json!({"n": "0.5", "b": "true", "o": "{\"a\":1}", "e%0D%0A%22": "x"}));
        let error = write(r#"{"file": {"file": "no base64"}}"#).unwrap_err();
        assert!(error.to_string().starts_with("file: not padded"), "{error}");
    }

    #[test]
    fn what_is_no_form_is_told() {
        let part = "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
        let many = format!("{}--x--\r\n", part.repeat(MOST_PARTS + 1));
        for (kind, body, wanted) in [
            (None, &b"x"[..], "wanted multipart/form-data"),
            (Some("application/json"), b"{}", "found `application/json`"),
            (Some("multipart/form-data"), b"{}", "with a boundary"),
            (Some("multipart/form-data; boundary=x"), b"{}", "the request's form: "),
            (Some("multipart/form-data; boundary=x"), part.as_bytes(), "the request's form"),
            (Some("multipart/form-data; boundary=x"), many.as_bytes(), "more than 1024 parts"),
            (
                Some("multipart/form-data; boundary=x"),
                b"--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--x--\r\n",
                "`a`: invalid utf-8",
            ),
            (
                Some("multipart/form-data; boundary=x"),
                b"--x\r\ncontent-disposition: form-data\r\n\r\n1\r\n--x--\r\n",
                "a part has no name",
            ),
        ] {
            let error = read_now(kind, body).unwrap_err();
            assert_eq!(error.status_code, Some(400));
            assert!(error.error.message.contains(wanted), "{}", error.error.message);
        }
    }
}
