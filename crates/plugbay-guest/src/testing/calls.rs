//! The host's functions, as plugins under test call them.

use super::state::{granted, with};
use super::{HttpRequest, Reply};
use crate::host::Class;
use crate::host::ws::Received;
use crate::json;
use crate::json::Value;

fn read(document: &[u8]) -> Value {
    Value::parse(&text(document)).unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn version() -> i32 {
    with(|_| 1)
}

pub(crate) fn answer_len(part: i32) -> i64 {
    let mut len = -1;
    with(|state| {
        let part = usize::try_from(part).ok().and_then(|part| state.answer.get(part)?.as_ref());
        len = part.map_or(-1, |part| part.len().try_into().unwrap_or(i64::MAX));
        0
    });
    len
}

pub(crate) fn answer_read(part: i32, offset: i64, buffer: &mut [u8]) -> i32 {
    with(|state| {
        let part = usize::try_from(part).ok().and_then(|part| state.answer.get(part)?.as_ref());
        copy(part, offset, buffer)
    })
}

/// Copies what there is from an offset on.
fn copy(from: Option<&Vec<u8>>, offset: i64, buffer: &mut [u8]) -> i32 {
    let Ok(offset) = usize::try_from(offset) else { return 0 };
    let rest = from.and_then(|bytes| bytes.get(offset..)).unwrap_or_default();
    let len = rest.len().min(buffer.len());
    for (to, from) in buffer.iter_mut().zip(rest) {
        *to = *from;
    }
    i32::try_from(len).unwrap_or(i32::MAX)
}

pub(crate) fn log(level: i32, line: &[u8]) -> i32 {
    with(|state| {
        if !(1..=5).contains(&level) {
            return Class::Invalid.code();
        }
        state.logs.push((level, text(line)));
        0
    })
}

pub(crate) fn now() -> i64 {
    let mut now = 0;
    with(|state| {
        now = i64::try_from(state.now.as_nanos()).unwrap_or(i64::MAX);
        0
    });
    now
}

pub(crate) fn random(buffer: &mut [u8]) -> i32 {
    with(|state| {
        for byte in buffer.iter_mut() {
            // SplitMix64: the same numbers in each test, and each bit as often as the other.
            state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state.random ^ (state.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = mixed.to_be_bytes()[0];
        }
        0
    })
}

pub(crate) fn metric(kind: i32, name: &[u8], value: f64) -> i32 {
    with(|state| {
        if !(0..=2).contains(&kind) || !value.is_finite() || (kind == 0 && value < 0.0) {
            return Class::Invalid.code();
        }
        state.metrics.push((text(name), value));
        0
    })
}

pub(crate) fn http_request(document: &[u8], body: &[u8]) -> i32 {
    granted("http_request", |state| {
        let document = read(document);
        let word = |name: &str| document.at(name).as_str().unwrap_or_default().to_owned();
        let headers = document.at("headers").to().unwrap_or_default();
        let (method, url) = (word("method"), word("url"));
        state.requests.push(HttpRequest { method, url: url.clone(), headers, body: body.to_vec() });
        let reply = state.replies.iter().rev().find(|(begin, _)| url.starts_with(begin.as_str()));
        match reply.map(|(_, reply)| reply.clone()) {
            None => state.fail(Class::Failed, &format!("the test has no reply to {url}")),
            Some(Err((class, message))) => state.fail(class, &message),
            Some(Ok(Reply { status, headers, body })) => {
                let headers: Value =
                    headers.into_iter().map(|(a, b)| Value::from([a, b])).collect();
                let head = json!({ "status": status, "url": url, "headers": headers });
                state.leave(&head, Some(body));
                i32::from(status)
            }
        }
    })
}

pub(crate) fn ws_open(document: &[u8]) -> i32 {
    granted("ws_open", |state| {
        let url = read(document).at("url").as_str().unwrap_or_default().to_owned();
        let Some((_, inbox)) =
            state.inboxes.iter().find(|(begin, _)| url.starts_with(begin.as_str()))
        else {
            return state.fail(Class::Failed, &format!("the test has no socket at {url}"));
        };
        let inbox = inbox.clone();
        state.sockets.push(Some(inbox));
        state.leave(&json!({ "protocol": null }), None);
        i32::try_from(state.sockets.len()).unwrap_or(i32::MAX) - 1
    })
}

pub(crate) fn ws_send(socket: i32, kind: i32, data: &[u8]) -> i32 {
    granted("ws_send", |state| {
        let open = usize::try_from(socket).ok().and_then(|socket| state.sockets.get(socket));
        if !matches!(open, Some(Some(_))) {
            return state.fail(Class::Invalid, "the socket is not open");
        }
        state.sent.push((kind, data.to_vec()));
        0
    })
}

pub(crate) fn ws_recv(socket: i32, _wait_ms: i32) -> i32 {
    granted("ws_recv", |state| {
        let place = usize::try_from(socket).ok().and_then(|socket| state.sockets.get_mut(socket));
        let Some(place) = place else {
            return state.fail(Class::Invalid, "the socket is not open");
        };
        let Some(inbox) = place else {
            return state.fail(Class::Invalid, "the socket is not open");
        };
        let received = inbox.pop_front().unwrap_or(Received::Nothing);
        let result = received.result();
        match received {
            Received::Nothing => {}
            Received::Text(text) => state.answer[1] = Some(text.into_bytes()),
            Received::Binary(bytes) => state.answer[1] = Some(bytes),
            Received::Closed { code, reason } => {
                *place = None;
                state.leave(&json!({ "code": code, "reason": reason }), None);
            }
        }
        result
    })
}

pub(crate) fn ws_close(socket: i32) -> i32 {
    granted("ws_close", |state| {
        let place = usize::try_from(socket).ok().and_then(|socket| state.sockets.get_mut(socket));
        match place.and_then(Option::take) {
            Some(_) => 0,
            None => state.fail(Class::Invalid, "the socket is not open"),
        }
    })
}

pub(crate) fn midi_send(output: &[u8], data: &[u8]) -> i32 {
    granted("midi_send", |state| {
        state.midi.push((text(output), data.to_vec()));
        0
    })
}

pub(crate) fn audio_play(document: &[u8]) -> i32 {
    granted("audio_play", |state| {
        let sound = match document.first() {
            Some(b'{') => {
                let document = read(document);
                let name = document.at("sound").as_str().unwrap_or_default().to_owned();
                (name, document.at("volume").as_f64())
            }
            _ => (text(document), None),
        };
        state.sounds.push(sound);
        0
    })
}

pub(crate) fn kv_get(key: &[u8]) -> i32 {
    granted("kv_get", |state| {
        state.answer[1] = state.kv.get(key).cloned();
        i32::from(state.answer[1].is_some())
    })
}

pub(crate) fn kv_set(key: &[u8], value: &[u8]) -> i32 {
    granted("kv_set", |state| {
        state.kv.insert(key.to_vec(), value.to_vec());
        0
    })
}

pub(crate) fn kv_delete(key: &[u8]) -> i32 {
    granted("kv_delete", |state| i32::from(state.kv.remove(key).is_some()))
}

pub(crate) fn kv_swap(key: &[u8], old: Option<&[u8]>, value: Option<&[u8]>) -> i32 {
    granted("kv_swap", |state| {
        let there = state.kv.get(key);
        if there.map(Vec::as_slice) != old {
            state.answer[1] = there.cloned();
            return 0;
        }
        match value {
            Some(value) => state.kv.insert(key.to_vec(), value.to_vec()),
            None => state.kv.remove(key),
        };
        1
    })
}

pub(crate) fn run(document: &[u8], input: &[u8]) -> i32 {
    granted("run", |state| {
        let document = read(document);
        let program = document.at("program").as_str().unwrap_or_default().to_owned();
        let mut words = vec![program.clone()];
        words.extend(document.at("args").to::<Vec<String>>().unwrap_or_default());
        state.runs.push((words, input.to_vec()));
        let output = state.programs.iter().rev().find(|(name, _)| *name == program);
        let Some(output) = output.map(|(_, output)| output.clone()) else {
            return state.fail(Class::Failed, &format!("the test has no program {program}"));
        };
        let (out, err) = (output.stdout_truncated, output.stderr_truncated);
        let document =
            json!({ "status": output.status, "stdout_truncated": out, "stderr_truncated": err });
        state.leave(&document, Some(output.stdout));
        state.answer[2] = Some(output.stderr);
        output.status
    })
}

pub(crate) fn system(document: &[u8]) -> i32 {
    granted("system", |state| {
        let document = read(document);
        let word = |name: &str| document.at(name).as_str().unwrap_or_default().to_owned();
        state.operations.push((word("operation"), word("argument")));
        0
    })
}

fn at(which: i32) -> usize {
    usize::try_from(which).unwrap_or(usize::MAX)
}

pub(crate) fn body_len(which: i32) -> i64 {
    let mut len = -1;
    with(|state| {
        let body = state.bodies.get(at(which)).and_then(Option::as_ref);
        len = body.map_or(-1, |body| body.len().try_into().unwrap_or(i64::MAX));
        0
    });
    len
}

pub(crate) fn body_read(which: i32, offset: i64, buffer: &mut [u8]) -> i32 {
    with(|state| match state.bodies.get(at(which)).and_then(Option::as_ref) {
        Some(body) => copy(Some(body), offset, buffer),
        None => -1,
    })
}

pub(crate) fn body_write(which: i32, offset: i64, bytes: &[u8]) -> i32 {
    with(|state| {
        let Some(body) = state.bodies.get_mut(at(which)).and_then(Option::as_mut) else {
            return -1;
        };
        let Some(start) = usize::try_from(offset).ok().filter(|start| *start <= body.len()) else {
            return -1;
        };
        let end = (start + bytes.len()).min(body.len());
        body.splice(start..end, bytes.iter().copied());
        i32::try_from(bytes.len()).unwrap_or(i32::MAX)
    })
}

pub(crate) fn body_truncate(which: i32, len: i64) -> i32 {
    with(|state| {
        let body = state.bodies.get_mut(at(which)).and_then(Option::as_mut);
        match (body, usize::try_from(len)) {
            (Some(body), Ok(len)) if len <= body.len() => {
                body.truncate(len);
                0
            }
            _ => -1,
        }
    })
}
