//! Many plugins on one thread, and one that never ends.

use std::sync::Arc;
use std::time::Duration;

use plugbay::abi::interface::Hook;
use plugbay::policy::Limits;
use plugbay::runtime::{Clock as _, ManualClock};
use plugbay::{Host, PluginOptions};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::guests::hook_plugin;

/// Loops for ever.
const SPINS: &str = r#"
    (func (export "pre_hook") (param i32 i32) (result i64) (loop $l (br $l)) (i64.const 0))"#;

/// Takes a few slices of fuel, as both engines count it.
const WORKS: &str = r#"
    (func (export "pre_hook") (param i32 i32) (result i64)
        (local $left i32)
        (local.set $left (i32.const 400000))
        (loop $l
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $l (local.get $left)))
        (i64.const 0))"#;

/// Time is moved by hand: no deadline passes unless this test says so.
pub(crate) fn a_hundred_plugins_one_of_which_spins(backend: &str) {
    let clock = Arc::new(ManualClock::new());
    let host = Host::builder()
        .backend(plugbay::backend(backend).unwrap())
        .clock(clock.clone())
        .build()
        .unwrap();
    let options = |timeout_ms: u64| {
        let mut limits = Limits::default();
        limits.fuel = (u64::MAX / 4).into();
        limits.timeout_ms = timeout_ms;
        PluginOptions::default().with_limits(limits)
    };
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let spins = wat::parse_str(hook_plugin(SPINS)).unwrap();
        let works = wat::parse_str(hook_plugin(WORKS)).unwrap();
        let spinner = host.load_unsigned("spinner", &spins, options(500)).await.unwrap();
        let mut workers = Vec::new();
        for number in 0..99 {
            workers.push(
                host.load_unsigned(&format!("w{number}"), &works, options(1_000)).await.unwrap(),
            );
        }

        // All begin at 0 ms: the spinner may run until 500, the others until 1,000.
        let spinning = tokio::spawn(async move { spinner.hook_raw(Hook::Pre, b"{}").await });
        let working: Vec<_> = workers
            .iter()
            .cloned()
            .map(|worker| tokio::spawn(async move { worker.hook_raw(Hook::Pre, b"{}").await }))
            .collect();
        // Each has had a slice once this task has its turn again.
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move { tell.send(()) });
        told.await.unwrap();
        assert!(working.iter().all(|call| !call.is_finished()), "all are in the middle of a call");

        // The spinner's moment passes, and one millisecond before the others' they go on.
        clock.advance(Duration::from_millis(999));
        for call in working {
            let raw = call.await.unwrap().unwrap();
            let fuel = raw.report.fuel_used;
            assert!(fuel > Some(1_000_000), "{fuel:?}");
        }
        let error = spinning.await.unwrap().unwrap_err();
        assert_eq!(error.class(), "deadline_exceeded", "{error}");

        // A second spinner begins now; nobody's time is shorter for it.
        let spinner = host.load_unsigned("spinner", &spins, options(500)).await.unwrap();
        let spinning = tokio::spawn(async move { spinner.hook_raw(Hook::Pre, b"{}").await });
        let begun = clock.now();
        for worker in workers.iter().take(9) {
            worker.hook_raw(Hook::Pre, b"{}").await.unwrap();
        }
        assert_eq!(clock.now(), begun);
        assert!(!spinning.is_finished(), "its moment has not come");
        clock.advance(Duration::from_millis(500));
        assert_eq!(spinning.await.unwrap().unwrap_err().class(), "deadline_exceeded");
    });
}
