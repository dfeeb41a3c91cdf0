//! The LLM hooks' outputs, read in one pass.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    LlmRequest, LlmResponse, PostInput, PostOutcome, PostOutput, PreInput, PreOutcome, PreOutput,
    ShortCircuit,
};
use crate::hook::output::{present, reported};
use crate::hook::read::{ContextChanges, RawFields, Slot};
use crate::hook::scan::{Fields, Scanner};
use crate::hook::{HookError, OutputError};
use crate::json::{RawObject, parse_at};

/// An output of `pre_hook`.
pub(super) struct PreFields<'a> {
    sent: &'a PreInput<'a>,
    context: Slot<RawObject>,
    request: Slot<Option<RawFields<'a>>>,
    short_circuit: Slot<Option<&'a RawValue>>,
    has_short_circuit: Slot<Option<bool>>,
    error: Slot<Option<Cow<'a, str>>>,
}

impl<'a> PreFields<'a> {
    pub(super) fn new(sent: &'a PreInput<'a>) -> Self {
        Self {
            sent,
            context: Slot::default(),
            request: Slot::default(),
            short_circuit: Slot::default(),
            has_short_circuit: Slot::default(),
            error: Slot::default(),
        }
    }

    pub(super) fn output(self) -> Option<Result<PreOutput, OutputError>> {
        if let Err(error) = reported(self.error.flat().as_deref()) {
            return Some(Err(error));
        }
        let outcome = if self.has_short_circuit.flat() == Some(true) {
            let raw = present(self.short_circuit.flat())?;
            PreOutcome::ShortCircuit(ShortCircuit::returned(raw).ok()?)
        } else {
            match self.request.flat() {
                None => PreOutcome::Unchanged,
                Some(fields) if fields.are_sent() => PreOutcome::Request(self.sent.request.clone()),
                Some(fields) => LlmRequest::from_fields(fields.to_object(), self.sent.request)
                    .ok()?
                    .map_or(PreOutcome::Unchanged, PreOutcome::Request),
            }
        };
        Some(Ok(PreOutput { context: self.context.get().unwrap_or_default(), outcome }))
    }
}

impl<'a> Fields<'a> for PreFields<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, value)?),
            "request" => {
                let sent = &*self.sent.request.fields;
                self.request.set(RawFields::read(Some(sent), value)?)
            }
            "short_circuit" => self.short_circuit.set(value.nullable(Scanner::raw)?),
            "has_short_circuit" => self.has_short_circuit.set(value.nullable(Scanner::boolean)?),
            "error" => self.error.set(value.nullable(Scanner::string)?),
            _ => value.raw().map(drop),
        }
    }
}

/// An output of `post_hook`.
pub(super) struct PostFields<'a> {
    sent: &'a PostInput<'a>,
    context: Slot<RawObject>,
    response: Slot<Option<RawFields<'a>>>,
    error: Slot<Option<&'a RawValue>>,
    has_error: Slot<Option<bool>>,
    hook_error: Slot<Option<Cow<'a, str>>>,
}

impl<'a> PostFields<'a> {
    pub(super) fn new(sent: &'a PostInput<'a>) -> Self {
        Self {
            sent,
            context: Slot::default(),
            response: Slot::default(),
            error: Slot::default(),
            has_error: Slot::default(),
            hook_error: Slot::default(),
        }
    }

    pub(super) fn output(self) -> Option<Result<PostOutput, OutputError>> {
        if let Err(error) = reported(self.hook_error.flat().as_deref()) {
            return Some(Err(error));
        }
        let outcome = if self.has_error.flat() == Some(true) {
            match present(self.error.flat()) {
                None if self.sent.result.is_err() => PostOutcome::Unchanged,
                error => {
                    let error: HookError = parse_at(error?, "error").ok()?;
                    PostOutcome::Error(error.into())
                }
            }
        } else {
            match (self.response.flat(), self.sent.result) {
                (None, _) => PostOutcome::Unchanged,
                (Some(fields), Ok(sent)) if fields.are_sent() => {
                    PostOutcome::Response(sent.clone())
                }
                (Some(fields), _) => {
                    PostOutcome::Response(LlmResponse { fields: fields.to_object().into() })
                }
            }
        };
        Some(Ok(PostOutput { context: self.context.get().unwrap_or_default(), outcome }))
    }
}

impl<'a> Fields<'a> for PostFields<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, value)?),
            "response" => {
                let sent = self.sent.result.ok().map(|sent| &*sent.fields);
                self.response.set(RawFields::read(sent, value)?)
            }
            "error" => self.error.set(value.nullable(Scanner::raw)?),
            "has_error" => self.has_error.set(value.nullable(Scanner::boolean)?),
            "hook_error" => self.hook_error.set(value.nullable(Scanner::string)?),
            _ => value.raw().map(drop),
        }
    }
}
