//! One request on its way through the plugins, and back.

use std::collections::VecDeque;
use std::sync::Arc;

use plugbay::abi::hook::{
    ChunkInput, Context, HookError, HttpPostInput, HttpPreInput, HttpPreOutcome, HttpPreOutput,
    HttpRequest, HttpResponse, LlmRequest, LlmResponse, PostInput, PostOutcome, PreInput,
    PreOutcome, PreOutput, ShortCircuit, Written,
};
use plugbay::abi::interface::Hook;
use serde_json::value::RawValue;

use super::slot::Slot;
use super::stream_part::{Next, StreamPart};
use super::watch::{Calling, Watch};
use super::{Choice, Pipeline};
use crate::credentials::Credentials;
use crate::{CallFailure, HookFailure};

/// One request. The phases are called in the order of its life; each may be left out.
///
/// An LLM gateway may call [`pre`](Self::pre) and [`post`](Self::post) once per attempt.
pub struct Exchange {
    /// Who takes part.
    choice: Choice,
    context: Context,
    /// With masks in place of keys.
    request: Written<HttpRequest>,
    credentials: Credentials,
    /// `http_post` runs for the plugins before this place.
    http_reach: usize,
    /// `post` runs for the plugins before this place.
    llm_reach: usize,
    /// The same for a request that is [left](Exchange::left): how far the pre hooks have come up to now, and the post
    /// hooks back.
    http_open: usize,
    llm_open: usize,
    /// By plugin; empty before the first chunk and after the last.
    streams: Vec<StreamPart>,
    watch: Option<Arc<dyn Watch>>,
    /// Let go of last: with it the plugins may end, of whose instances streams have some.
    pipeline: Arc<Pipeline>,
}

/// What somebody says of what a plugin makes of a request: the request before, and after.
pub type Check<'a, T> = &'a (dyn Fn(&T, &T) -> Result<(), String> + Sync);

/// How a request goes on after `http_pre`.
#[derive(Debug)]
pub enum HttpPreFlow {
    /// With what [`Exchange::request`] now is.
    Continue,
    /// A plugin answered it: hand this to [`Exchange::http_post`].
    Respond(HttpResponse),
    /// A plugin failed: make a response of the failure and hand that to
    /// [`Exchange::http_post`].
    Failed(HookFailure),
}

/// How an LLM request goes on after `pre`.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "made once a request, and never stored")]
pub enum PreFlow {
    /// To the provider, like this.
    Send(LlmRequest),
    /// A plugin answered it, or failed: hand this to [`Exchange::post`].
    Answer(PostFlow),
    /// A plugin answered it with the chunks of a stream.
    Stream(Vec<Box<RawValue>>),
}

/// A response, or the error in its place.
pub type PostFlow = Result<LlmResponse, HookError>;

impl Exchange {
    /// A request that just came in, and in which all plugins take part.
    pub fn new(pipeline: Arc<Pipeline>, request_id: &str, request: HttpRequest) -> Self {
        Self::chosen(pipeline, Choice::default(), request_id, request)
    }

    /// A request that just came in, and in which these plugins take part.
    pub fn chosen(
        pipeline: Arc<Pipeline>,
        choice: Choice,
        request_id: &str,
        request: HttpRequest,
    ) -> Self {
        let all = pipeline.slots.len();
        let mut request = Written::new(request);
        let mut credentials = Credentials::default();
        credentials.hide(&mut request);
        Self {
            context: Context::new(request_id),
            request,
            credentials,
            http_reach: all,
            llm_reach: all,
            http_open: all,
            llm_open: 0,
            streams: Vec::new(),
            watch: None,
            pipeline,
            choice,
        }
    }

    /// Has its hook calls told to `watch` from now on.
    pub fn watch(&mut self, watch: Arc<dyn Watch>) {
        self.watch = Some(watch);
    }

    /// The request, as the hooks up to now left it, with masks in place of keys.
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// The request, as the hooks up to now left it, with its keys: for whoever it is sent on to.
    pub fn revealed(&self) -> &HttpRequest {
        self.credentials.reveal(&self.request)
    }

    /// What the hooks up to now left for each other.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Whether any plugin that takes part has the hook.
    pub fn exports(&self, hook: Hook) -> bool {
        self.choice.exports(&self.pipeline, hook)
    }

    /// Runs `http_pre_hook` forward.
    pub async fn http_pre(&mut self) -> HttpPreFlow {
        self.http_pre_checked(&|_, _| Ok(())).await
    }

    /// The same, where `check` says what nobody can do anything with of what a plugin makes of a request: the plugin
    /// has failed then. It is given the request before and after.
    pub async fn http_pre_checked(&mut self, check: Check<'_, HttpRequest>) -> HttpPreFlow {
        let pipeline = Arc::clone(&self.pipeline);
        for (place, slot) in pipeline.slots.iter().enumerate() {
            self.http_open = place;
            if !self.choice.has(place) {
                continue;
            }
            let before: &HttpRequest = &self.request;
            let request = slot.shown(&self.request, &self.credentials);
            let input = HttpPreInput { context: &self.context, request };
            let calling = Calling::new(&*pipeline.clock, Hook::HttpPre, self.watch.as_deref());
            let called = slot.call(&calling, |plugin| {
                let called = plugin.http_pre(input, &calling.meter);
                async move {
                    let output = called.await?;
                    if let Some(HttpPreOutput { outcome: HttpPreOutcome::Request(after), .. }) =
                        &output
                    {
                        check(before, after).map_err(CallFailure::no_use)?;
                    }
                    Ok(output)
                }
            });
            let called = called.await;
            let output = match called {
                Ok(Some(output)) => output,
                Ok(None) => continue,
                Err(failure) => {
                    self.http_reach = place;
                    self.http_open = place;
                    return HttpPreFlow::Failed(failure);
                }
            };
            match output.apply(&mut self.context) {
                HttpPreOutcome::Unchanged => {}
                HttpPreOutcome::Request(mut request) => {
                    self.credentials.hide(&mut request);
                    self.request = request;
                }
                HttpPreOutcome::Respond(response) => {
                    self.http_reach = place + 1;
                    self.http_open = place + 1;
                    return HttpPreFlow::Respond(response);
                }
            }
        }
        self.http_open = pipeline.slots.len();
        HttpPreFlow::Continue
    }

    /// Runs `pre_hook` forward.
    pub async fn pre(&mut self, request: LlmRequest) -> PreFlow {
        self.pre_checked(request, &|_, _| Ok(())).await
    }

    /// The same, where `check` says what no provider can take of what a plugin makes of a request: the plugin has
    /// failed then. It is given the request before and after.
    pub async fn pre_checked(
        &mut self,
        mut request: LlmRequest,
        check: Check<'_, LlmRequest>,
    ) -> PreFlow {
        let pipeline = Arc::clone(&self.pipeline);
        self.llm_reach = pipeline.slots.len();
        for (place, slot) in pipeline.slots.iter().enumerate() {
            self.llm_open = place;
            if !self.choice.has(place) {
                continue;
            }
            let before = &request;
            let input = PreInput { context: &self.context, request: before };
            let calling = Calling::new(&*pipeline.clock, Hook::Pre, self.watch.as_deref());
            let called = slot.call(&calling, |plugin| {
                let called = plugin.pre(input, &calling.meter);
                async move {
                    let output = called.await?;
                    if let Some(PreOutput { outcome: PreOutcome::Request(after), .. }) = &output {
                        check(before, after).map_err(CallFailure::no_use)?;
                    }
                    Ok(output)
                }
            });
            let called = called.await;
            let output = match called {
                Ok(Some(output)) => output,
                Ok(None) => continue,
                Err(failure) => {
                    self.llm_reach = place;
                    return PreFlow::Answer(Err(failure.to_error()));
                }
            };
            match output.apply(&mut self.context) {
                PreOutcome::Unchanged => {}
                PreOutcome::Request(changed) => request = changed,
                PreOutcome::ShortCircuit(answer) => {
                    self.llm_reach = place + 1;
                    self.llm_open = place + 1;
                    return match answer {
                        ShortCircuit::Response(response) => PreFlow::Answer(Ok(response)),
                        ShortCircuit::Error(error) => PreFlow::Answer(Err(error.into_inner())),
                        ShortCircuit::Stream(chunks) => PreFlow::Stream(chunks),
                    };
                }
            }
        }
        self.llm_open = pipeline.slots.len();
        PreFlow::Send(request)
    }

    /// Runs `post_hook` in reverse, from the plugin that answered, if one did.
    ///
    /// A failing plugin's error takes the result's place, and the plugins that are left see it
    /// as they would see a provider's.
    pub async fn post(&mut self, result: PostFlow) -> PostFlow {
        let mut result = result.map_err(Written::new);
        let pipeline = Arc::clone(&self.pipeline);
        for (place, slot) in reverse(&pipeline, self.llm_reach) {
            self.llm_open = place;
            if !self.choice.has(place) {
                continue;
            }
            match self.post_one(slot, &result).await {
                Ok(PostOutcome::Unchanged) => {}
                Ok(PostOutcome::Response(response)) => result = Ok(response),
                Ok(PostOutcome::Error(error)) => result = Err(error),
                Err(failure) => result = Err(failure.to_error().into()),
            }
        }
        result.map_err(Written::into_inner)
    }

    /// Runs `http_stream_chunk_hook` in reverse over one chunk, and adds to `leaving` what comes
    /// of it: nothing, where it was dropped or is held back, or any number of chunks.
    ///
    /// # Errors
    ///
    /// When a plugin failed and the stream has to end. What was added leaves before it does.
    pub async fn chunk(
        &mut self,
        chunk: Box<RawValue>,
        leaving: &mut VecDeque<Box<RawValue>>,
    ) -> Result<(), HookFailure> {
        let pipeline = Arc::clone(&self.pipeline);
        if self.streams.is_empty() {
            self.streams = pipeline.slots.iter().map(|slot| StreamPart::new(slot)).collect();
        }
        self.chunk_below(&pipeline, pipeline.slots.len(), chunk, leaving).await
    }

    /// The stream has ended, well or not: what plugins hold back leaves, as
    /// [`chunk`](Self::chunk) does.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub async fn flush(
        &mut self,
        leaving: &mut VecDeque<Box<RawValue>>,
    ) -> Result<(), HookFailure> {
        let pipeline = Arc::clone(&self.pipeline);
        // What one plugin lets go the next may hold until its own turn.
        for place in (0..self.streams.len()).rev() {
            let holds = self.streams.get(place).is_some_and(|part| !part.held.is_empty());
            if !holds {
                continue;
            }
            let mut next = Next::default();
            self.chunk_at(&pipeline, place, None, &mut next).await?;
            while let Some((place, chunk)) = next.pop() {
                self.chunk_below(&pipeline, place, chunk, leaving).await?;
            }
        }
        Ok(())
    }

    /// Shows a chunk to the plugins before `place`, the last one first.
    async fn chunk_below(
        &mut self,
        pipeline: &Pipeline,
        place: usize,
        chunk: Box<RawValue>,
        leaving: &mut VecDeque<Box<RawValue>>,
    ) -> Result<(), HookFailure> {
        let mut next = Next::one(place, chunk);
        while let Some((place, chunk)) = next.pop() {
            match place.checked_sub(1) {
                Some(place) => self.chunk_at(pipeline, place, Some(chunk), &mut next).await?,
                None => leaving.push_back(chunk),
            }
        }
        Ok(())
    }

    /// Shows a chunk, or that there are no more, to one plugin.
    async fn chunk_at(
        &mut self,
        pipeline: &Pipeline,
        place: usize,
        chunk: Option<Box<RawValue>>,
        next: &mut Next,
    ) -> Result<(), HookFailure> {
        let place_of = (pipeline.slots.get(place), self.streams.get_mut(place));
        let (Some(slot), Some(StreamPart { stream, held })) = place_of else {
            debug_assert!(false, "there is a part for each slot");
            return Ok(());
        };
        if !self.choice.has(place) {
            next.follow(place, chunk, held, None);
            return Ok(());
        }
        let input = ChunkInput {
            context: &self.context,
            request: slot.shown(&self.request, &self.credentials),
            held,
            chunk: chunk.as_deref(),
        };
        let watch = self.watch.as_deref();
        let calling = Calling::new(&*pipeline.clock, Hook::HttpStreamChunk, watch);
        let called = slot
            .call(&calling, |plugin| match stream {
                Some(stream) => stream.chunk(input, &calling.meter),
                None => plugin.chunk(input, &calling.meter),
            })
            .await?;
        let outcome = called.map(|output| output.apply(&mut self.context));
        next.follow(place, chunk, held, outcome);
        Ok(())
    }

    /// Runs `http_post_hook` in reverse, from the plugin that answered, if one did.
    ///
    /// A failing plugin's place in the response is taken by what `render` makes of its failure.
    pub async fn http_post(
        &mut self,
        response: HttpResponse,
        render: impl Fn(HookError) -> HttpResponse,
    ) -> HttpResponse {
        let mut response = Written::new(response);
        let pipeline = Arc::clone(&self.pipeline);
        for (place, slot) in reverse(&pipeline, self.http_reach) {
            self.http_open = place;
            if !self.choice.has(place) {
                continue;
            }
            match self.http_post_one(slot, &response).await {
                Ok(None) => {}
                Ok(Some(changed)) => response = changed,
                Err(failure) => response = render(failure.to_error()).into(),
            }
        }
        response.into_inner()
    }

    /// The client left a stream before its end: [`streamed`](Self::streamed), which is called next,
    /// shows what was sent up to then, and `context.cancelled` says so.
    pub fn cancelled(&mut self) {
        if self.context.set("cancelled", &true).is_err() {
            debug_assert!(false, "a boolean is JSON");
        }
    }

    /// The client left before its answer began: `post_hook` and `http_post_hook` of the plugins that took part up to
    /// then, and have not seen its end, are shown `error` and `response`. Nothing that they return is of any use.
    pub async fn left(&mut self, error: HookError, response: &HttpResponse) {
        self.llm_reach = self.llm_open;
        self.http_reach = self.http_open;
        self.shown(Some(&Err(error)), response).await;
    }

    /// Shows a stream that was sent to `post_hook`, from the plugin that answered it, if one
    /// did, and then to `http_post_hook`, with `context.streamed` set. Nothing that they
    /// return changes what was sent, and each is shown what was.
    ///
    /// `result` is `None` where the post hooks ran before the stream began.
    pub async fn streamed(&mut self, result: Option<&PostFlow>, response: &HttpResponse) {
        // Instances that were kept for the chunks are free for others.
        self.streams.clear();
        if self.context.set("streamed", &true).is_err() {
            debug_assert!(false, "a boolean is JSON");
        }
        self.shown(result, response).await;
    }

    /// Shows the post hooks what they can do nothing about.
    async fn shown(&mut self, result: Option<&PostFlow>, response: &HttpResponse) {
        let pipeline = Arc::clone(&self.pipeline);
        // The failures were logged and counted; there is nobody left to tell.
        if let Some(result) = result {
            let result = result.clone().map_err(Written::new);
            for (place, slot) in reverse(&pipeline, self.llm_reach) {
                if self.choice.has(place) {
                    drop(self.post_one(slot, &result).await);
                }
            }
        }
        let response = Written::new(response.clone());
        for (place, slot) in reverse(&pipeline, self.http_reach) {
            if self.choice.has(place) {
                drop(self.http_post_one(slot, &response).await);
            }
        }
    }

    async fn post_one(
        &mut self,
        slot: &Slot,
        result: &Result<LlmResponse, Written<HookError>>,
    ) -> Result<PostOutcome, HookFailure> {
        let input = PostInput { context: &self.context, result: result.as_ref() };
        let calling = Calling::new(&*self.pipeline.clock, Hook::Post, self.watch.as_deref());
        let called = slot.call(&calling, |plugin| plugin.post(input, &calling.meter)).await?;
        Ok(called.map_or(PostOutcome::Unchanged, |output| output.apply(&mut self.context)))
    }

    async fn http_post_one(
        &mut self,
        slot: &Slot,
        response: &Written<HttpResponse>,
    ) -> Result<Option<Written<HttpResponse>>, HookFailure> {
        let request = slot.shown(&self.request, &self.credentials);
        let input = HttpPostInput { context: &self.context, request, response };
        let calling = Calling::new(&*self.pipeline.clock, Hook::HttpPost, self.watch.as_deref());
        let called = slot.call(&calling, |plugin| plugin.http_post(input, &calling.meter)).await?;
        Ok(called.and_then(|output| output.apply(&mut self.context)))
    }
}

fn reverse(pipeline: &Pipeline, reach: usize) -> impl Iterator<Item = (usize, &Slot)> {
    pipeline.slots.iter().map(|slot| &**slot).enumerate().take(reach).rev()
}
