//! Calls and their time, one build in turn with another.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use plugbay::abi::json::RawObject;
use plugbay::runtime::Backend;
use serde_json::value::RawValue;

use super::figures::{Against, Documents, EngineFigures, Figures, Spread, median, percentile};
use super::typed::Typed;
use crate::command::test::{Case, Module, Stage, Step, call, load};

/// Parts of a run, of each of which there is a ratio.
const PARTS: u32 = 20;
/// Calls before those that count.
const WARM_UP: u32 = 20;
/// What is added to a document to see what a byte more costs.
const MORE: usize = 8 << 10;

/// Where a run ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) calls: u32,
    pub(super) time: Duration,
}

/// One build in the run.
struct Runner {
    stage: Stage,
    step: Step,
    module_bytes: usize,
    load: Duration,
    times: Vec<u64>,
    fuel: Option<u64>,
    memory: Option<u64>,
}

impl Runner {
    /// Loads it; the inner error is the plugin's.
    async fn new(
        case: &Case,
        module: &Module,
        backend: &Arc<dyn Backend>,
    ) -> Result<Result<Self, String>> {
        let step = case.steps().into_iter().next().context("the case has no call")?;
        let begun = Instant::now();
        let stage = match load(case, module, backend).await? {
            Ok(stage) => stage,
            Err(came) => return Ok(Err(came.error.unwrap_or_default())),
        };
        let load = begun.elapsed();
        let module_bytes = module.bytes.len();
        Ok(Ok(Self {
            stage,
            step,
            module_bytes,
            load,
            times: Vec::new(),
            fuel: None,
            memory: None,
        }))
    }

    /// One call, in nanoseconds.
    async fn once(&mut self, counts: bool) -> Result<u64, String> {
        self.stage.begin(&self.step);
        let came = call(&self.stage.plugin, &self.step).await;
        let took = nanos(came.took);
        self.stage.forget();
        // A call that is expected to fail can be measured, too, and so can one whose output nobody compares.
        if let (Some(error), None) = (came.error, &self.step.expect.error)
            && !came.is_too_deep
        {
            return Err(error);
        }
        if counts {
            self.times.push(took);
            self.fuel = self.fuel.max(came.fuel);
            self.memory = self.memory.max(came.memory_bytes);
        }
        Ok(took)
    }

    fn figures(&mut self) -> Figures {
        self.times.sort_unstable();
        Figures {
            calls: self.times.len(),
            p50_ns: percentile(&self.times, 50),
            p99_ns: percentile(&self.times, 99),
            fuel: self.fuel,
            memory_bytes: self.memory,
            instances: self.stage.plugin.usage().instances,
            module_bytes: self.module_bytes,
            load_ns: nanos(self.load),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Measures on one engine; the inner error is a plugin's.
pub(super) async fn measure(
    engine: &str,
    backend: &Arc<dyn Backend>,
    case: &Case,
    module: &Module,
    other: Option<&Module>,
    bounds: Bounds,
) -> Result<Result<EngineFigures, String>> {
    let mut one = match Runner::new(case, module, backend).await? {
        Ok(runner) => runner,
        Err(error) => return Ok(Err(error)),
    };
    let mut two = match other {
        None => None,
        Some(other) => match Runner::new(case, other, backend).await? {
            Ok(runner) => Some(runner),
            Err(error) => return Ok(Err(error)),
        },
    };
    let ratios = match run(engine, &mut one, two.as_mut(), bounds).await {
        Ok(ratios) => ratios,
        Err(error) => return Ok(Err(error)),
    };
    let documents = documents(&one, bounds).await;
    let fuel_per_kib = fuel_per_kib(&one).await;
    let figures = one.figures();
    let against = two.as_mut().map(|two| {
        let figures = two.figures();
        Against { time: Spread::of(ratios), figures }
    });
    for runner in [Some(&one), two.as_ref()].into_iter().flatten() {
        if let Err(error) = runner.stage.plugin.shutdown().await {
            return Ok(Err(error.to_string()));
        }
    }
    let engine = engine.to_owned();
    Ok(Ok(EngineFigures { engine, figures, documents, fuel_per_kib, against }))
}

/// The calls: how many times as long the second took as the first, by part of the run.
async fn run(
    engine: &str,
    one: &mut Runner,
    mut two: Option<&mut Runner>,
    bounds: Bounds,
) -> Result<Vec<f64>, String> {
    for _ in 0..WARM_UP.min(bounds.calls) {
        one.once(false).await?;
        if let Some(two) = two.as_deref_mut() {
            two.once(false).await?;
        }
    }
    let begun = Instant::now();
    let shows = std::io::stderr().is_terminal();
    let of_part = bounds.calls.div_ceil(PARTS);
    let (mut ratios, mut done) = (Vec::new(), 0);
    for part in 1..=PARTS {
        let (mut first, mut second, mut calls) = (Vec::new(), Vec::new(), 0);
        while calls < of_part && done < bounds.calls && begun.elapsed() < bounds.time * part / PARTS
        {
            // Whoever goes second finds the caches warm.
            if calls % 2 == 0 {
                first.push(one.once(true).await?);
            }
            if let Some(two) = two.as_deref_mut() {
                second.push(two.once(true).await?);
            }
            if calls % 2 == 1 {
                first.push(one.once(true).await?);
            }
            (calls, done) = (calls + 1, done + 1);
        }
        // One call that the machine interrupted says nothing of the others.
        let (first, second) = (median(&mut first), median(&mut second));
        if first > 0 {
            #[allow(clippy::cast_precision_loss, reason = "of nanoseconds")]
            ratios.push(second as f64 / first as f64);
        }
        if shows && begun.elapsed() > Duration::from_millis(500) {
            crate::ui::err!("\r{engine}: {}%", part * 100 / PARTS);
        }
    }
    if shows {
        crate::ui::err!("\r\x1b[K");
    }
    if done == 0 {
        // A call that takes longer than all of the time is measured once.
        one.once(true).await?;
        if let Some(two) = two {
            two.once(true).await?;
        }
    }
    Ok(ratios)
}

/// The host's part of a hook's call: to write the input and to read the output, in nanoseconds. It is what calls with
/// documents take longer than calls whose input is written and whose output nobody reads, in turn. It is a part of those
/// calls, and so of their time.
async fn documents(runner: &Runner, bounds: Bounds) -> Option<Documents> {
    let input = runner.step.input.as_deref()?;
    let hook = plugbay::abi::interface::Hook::from_export(runner.step.hook.as_deref()?)?;
    let plugin = &runner.stage.plugin;
    let (mut whole, mut bare) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while whole.len() < bounds.calls as usize
        && (whole.is_empty() || begun.elapsed() < bounds.time / 4)
    {
        let typed = Typed::read(hook, input)?;
        runner.stage.begin(&runner.step);
        let start = Instant::now();
        typed.call(plugin).await.ok()?;
        whole.push(nanos(start.elapsed()));
        runner.stage.begin(&runner.step);
        let start = Instant::now();
        plugin.hook_raw(hook, input.get().as_bytes()).await.ok()?;
        bare.push(nanos(start.elapsed()));
        runner.stage.forget();
    }
    let calls = whole.len();
    let (call, bare) = (median(&mut whole), median(&mut bare));
    Some(Documents { documents: call.saturating_sub(bare), call, calls })
}

/// Fuel of a guest for each KiB more of a document, in a field of the context that nobody knows.
async fn fuel_per_kib(runner: &Runner) -> Option<u64> {
    let input = runner.step.input.as_deref()?;
    runner.step.hook.as_deref()?;
    let mut document = RawObject::parse(input.get().as_bytes()).ok()?;
    let mut context = RawObject::parse(document.raw("context")?.get().as_bytes()).ok()?;
    context.set("padding", &"x".repeat(MORE)).ok()?;
    document.set("context", &context).ok()?;
    let input = RawValue::from_string(document.to_json()).ok()?;
    let longer = Step { input: Some(input), ..runner.step.clone() };
    let mut fuel = [0; 2];
    for (fuel, step) in fuel.iter_mut().zip([&runner.step, &longer]) {
        runner.stage.begin(step);
        let came = call(&runner.stage.plugin, step).await;
        runner.stage.forget();
        *fuel = came.fuel.filter(|_| came.error.is_none() || came.is_too_deep)?;
    }
    let [short, long] = fuel;
    Some(long.saturating_sub(short) / (MORE as u64 >> 10))
}
