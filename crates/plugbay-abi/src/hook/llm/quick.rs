//! The LLM hooks' outputs, read in one pass.

use std::borrow::Cow;

use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::{
    LlmRequest, LlmResponse, PostInput, PostOutcome, PostOutput, PreInput, PreOutcome, PreOutput,
    ShortCircuit,
};
use crate::hook::OutputError;
use crate::hook::output::{present, reported};
use crate::hook::read::{ContextChanges, Fields, RawFields, Slot, Text, skip};
use crate::json::{RawObject, parse_at};

/// An output of `pre_hook`.
pub(super) struct PreFields<'de, 's> {
    sent: &'s PreInput<'s>,
    context: Slot<RawObject>,
    request: Slot<Option<RawFields<'de>>>,
    short_circuit: Slot<Option<&'de RawValue>>,
    has_short_circuit: Slot<Option<bool>>,
    error: Slot<Option<Text<'de>>>,
}

impl<'s> PreFields<'_, 's> {
    pub(super) fn new(sent: &'s PreInput<'s>) -> Self {
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
        if let Err(error) = reported(self.error.text().as_deref()) {
            return Some(Err(error));
        }
        let outcome = if self.has_short_circuit.flat() == Some(true) {
            let raw = present(self.short_circuit.flat())?;
            PreOutcome::ShortCircuit(ShortCircuit::returned(raw).ok()?)
        } else {
            match self.request.flat() {
                None => PreOutcome::Unchanged,
                Some(fields) if fields.are(&self.sent.request.fields) => {
                    PreOutcome::Request(self.sent.request.clone())
                }
                Some(fields) => LlmRequest::from_fields(fields.to_object(), self.sent.request)
                    .ok()?
                    .map_or(PreOutcome::Unchanged, PreOutcome::Request),
            }
        };
        Some(Ok(PreOutput { context: self.context.get().unwrap_or_default(), outcome }))
    }
}

impl<'de> Fields<'de> for PreFields<'de, '_> {
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, map)?),
            "request" => self.request.set(RawFields::read(map)?),
            "short_circuit" => self.short_circuit.set(map.next_value()?),
            "has_short_circuit" => self.has_short_circuit.set(map.next_value()?),
            "error" => self.error.set(map.next_value()?),
            _ => skip(map),
        }
    }
}

/// An output of `post_hook`.
pub(super) struct PostFields<'de, 's> {
    sent: &'s PostInput<'s>,
    context: Slot<RawObject>,
    response: Slot<Option<RawFields<'de>>>,
    error: Slot<Option<&'de RawValue>>,
    has_error: Slot<Option<bool>>,
    hook_error: Slot<Option<Text<'de>>>,
}

impl<'s> PostFields<'_, 's> {
    pub(super) fn new(sent: &'s PostInput<'s>) -> Self {
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
        if let Err(error) = reported(self.hook_error.text().as_deref()) {
            return Some(Err(error));
        }
        let outcome = if self.has_error.flat() == Some(true) {
            match present(self.error.flat()) {
                None if self.sent.result.is_err() => PostOutcome::Unchanged,
                error => PostOutcome::Error(parse_at(error?, "error").ok()?),
            }
        } else {
            match (self.response.flat(), self.sent.result) {
                (None, _) => PostOutcome::Unchanged,
                (Some(fields), Ok(sent)) if fields.are(&sent.fields) => {
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

impl<'de> Fields<'de> for PostFields<'de, '_> {
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, map)?),
            "response" => self.response.set(RawFields::read(map)?),
            "error" => self.error.set(map.next_value()?),
            "has_error" => self.has_error.set(map.next_value()?),
            "hook_error" => self.hook_error.set(map.next_value()?),
            _ => skip(map),
        }
    }
}
