//! Host functions that have the guest wait.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use plugbay_runtime::abi::Value;
use plugbay_runtime::abi::interface::Hook;
use plugbay_runtime::{
    Backend, HOST_CALL_FUEL, HostReply, HostResult, HostWait, InstantiateError, ManualClock,
    TrapKind,
};

use super::protocol::hook_plugin;
use crate::{Host, Rig, poll_once, polls};

const LATE: TrapKind = TrapKind::DeadlineExceeded { limit: Duration::from_millis(20) };

/// What a guest waits for, and whether it still does.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<Option<HostResult>>>);

impl Gate {
    fn open(&self, result: HostResult) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }

    /// A future that ends when the gate is opened; who opens it polls again.
    fn pass(&self) -> HostReply {
        let gate = self.clone();
        HostReply::Later(HostWait::new(poll_fn(move |_| {
            match gate.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(result) => Poll::Ready(result),
                None => Poll::Pending,
            }
        })))
    }

    fn is_waited_for(&self) -> bool {
        Arc::strong_count(&self.0) > 2
    }

    /// A host whose functions all wait here.
    fn host(&self) -> Arc<Host> {
        let gate = self.clone();
        Arc::new(Host::waiting(move |_, _, _| gate.pass()))
    }
}

const ASKS: &str = r#"(module
    (import "host" "ask" (func $ask (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32)
        (i32.store (i32.const 8) (i32.const 30))
        (i32.add (call $ask (i32.const 7)) (i32.load (i32.const 8))))
    (func (export "plain") (result i32) (i32.const 5)))"#;

pub(crate) fn a_wait_does_not_block(backend: &dyn Backend) {
    let gate = Gate::default();
    let host = gate.host();
    let rig = Rig::new(backend).host(Arc::clone(&host));
    let (mut one, mut other) = (rig.plugin(ASKS), rig.plugin(ASKS));
    let run = one.export("run");
    let mut waits = one.instance.call(run, &[]);
    for _ in 0..3 {
        assert!(poll_once(waits.as_mut()).is_pending());
        assert_eq!(other.number("plain"), 5);
    }
    gate.open(Ok(Some(Value::I32(12))));
    let Poll::Ready(outcome) = poll_once(waits.as_mut()) else { panic!("it waits on") };
    assert_eq!(outcome.unwrap(), Some(Value::I32(42)));
    assert_eq!(host.calls(), [("host.ask".into(), vec![Value::I32(7)])], "asked once");
}

pub(crate) fn a_wait_ends_at_the_deadline(backend: &dyn Backend) {
    let gate = Gate::default();
    let mut plugin = Rig::new(backend).deadline_after_looks().host(gate.host()).plugin(ASKS);
    let run = plugin.export("run");
    let (outcome, pending) = polls(plugin.instance.call(run, &[]));
    assert_eq!(outcome.unwrap_err().kind, LATE);
    assert!(pending > 1, "{pending}");
    drop(plugin);
    assert!(!gate.is_waited_for(), "what nobody waits for is given up");
}

pub(crate) fn a_wait_that_comes_too_late(backend: &dyn Backend) {
    let clock = Arc::new(ManualClock::new());
    let slow = Arc::clone(&clock);
    let host = Host::waiting(move |_, _, _| {
        let slow = Arc::clone(&slow);
        HostReply::Later(HostWait::new(async move {
            slow.advance(Duration::from_millis(20));
            Ok(Some(Value::I32(1)))
        }))
    });
    let rig = Rig::new(backend).clock(clock).host(Arc::new(host));
    let mut plugin = rig.limits(|limits| limits.timeout_ms = 20).plugin(ASKS);
    assert_eq!(plugin.trap("run"), LATE);
}

pub(crate) fn a_wait_is_given_up_with_the_call(backend: &dyn Backend) {
    let gate = Gate::default();
    let mut plugin = Rig::new(backend).host(gate.host()).plugin(ASKS);
    let run = plugin.export("run");
    let mut waits = plugin.instance.call(run, &[]);
    assert!(poll_once(waits.as_mut()).is_pending());
    assert!(gate.is_waited_for());
    drop(waits);
    drop(plugin);
    assert!(!gate.is_waited_for());
}

pub(crate) fn a_wait_may_fail(backend: &dyn Backend) {
    let refusal = TrapKind::Host { message: "it came to nothing".to_owned() };
    let gate = Gate::default();
    gate.open(Err(refusal.clone()));
    assert_eq!(Rig::new(backend).host(gate.host()).plugin(ASKS).trap("run"), refusal);
}

pub(crate) fn a_wait_for_another_type(backend: &dyn Backend) {
    for answer in [None, Some(Value::I64(1))] {
        let gate = Gate::default();
        gate.open(Ok(answer));
        let trap = Rig::new(backend).host(gate.host()).plugin(ASKS).trap("run");
        assert_eq!(trap.class(), "host");
        assert!(trap.to_string().contains("`host.ask`"), "{trap}");
    }
}

pub(crate) fn a_wait_for_nothing(backend: &dyn Backend) {
    let gate = Gate::default();
    let wat = r#"(module (import "host" "tell" (func $tell))
        (func (export "run") (result i32) (call $tell) (i32.const 3)))"#;
    let mut plugin = Rig::new(backend).host(gate.host()).plugin(wat);
    let run = plugin.export("run");
    let mut waits = plugin.instance.call(run, &[]);
    assert!(poll_once(waits.as_mut()).is_pending());
    gate.open(Ok(None));
    let Poll::Ready(outcome) = poll_once(waits.as_mut()) else { panic!("it waits on") };
    assert_eq!(outcome.unwrap(), Some(Value::I32(3)));
}

pub(crate) fn waits_one_after_the_other(backend: &dyn Backend) {
    let host = Host::waiting(|_, _, args| {
        let answer = args.first().copied();
        let mut polled = 0;
        HostReply::Later(HostWait::new(poll_fn(move |context| {
            polled += 1;
            if polled == 3 {
                return Poll::Ready(Ok(answer));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })))
    });
    let wat = r#"(module
        (import "host" "ask" (func $ask (param i32) (result i32)))
        (func (export "run") (result i32) (local $i i32) (local $sum i32)
            (loop
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (local.set $sum (i32.add (local.get $sum) (call $ask (local.get $i))))
                (br_if 0 (i32.lt_u (local.get $i) (i32.const 100))))
            (local.get $sum)))"#;
    let mut plugin = Rig::new(backend).host(Arc::new(host)).plugin(wat);
    let run = plugin.export("run");
    let (outcome, pending) = polls(plugin.instance.call(run, &[]));
    assert_eq!((outcome.unwrap(), pending), (Some(Value::I32(5_050)), 200));
}

pub(crate) fn a_wait_in_a_hook(backend: &dyn Backend) {
    let wat = hook_plugin(
        "(drop (call $ask (i32.const 0)))
         (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
                 (i64.extend_i32_u (local.get 1)))",
    );
    let wat = wat.replacen(
        "(module",
        r#"(module (import "host" "ask" (func $ask (param i32) (result i32)))"#,
        1,
    );
    let gate = Gate::default();
    let mut plugin = Rig::new(backend).host(gate.host()).plugin(&wat);
    // The second call may be made in another way than the first.
    for _ in 0..3 {
        let opener = gate.clone();
        opener.open(Ok(Some(Value::I32(0))));
        assert_eq!(plugin.hook(Hook::Pre, b"waits").unwrap().as_deref(), Some(&b"waits"[..]));
    }
}

pub(crate) fn a_wait_in_a_start_function(backend: &dyn Backend) {
    let wat = r#"(module (import "host" "ask" (func $ask (param i32) (result i32)))
        (global $got (mut i32) (i32.const 0)) (start $start)
        (func $start (global.set $got (call $ask (i32.const 1))))
        (func (export "run") (result i32) (global.get $got)))"#;
    let gate = Gate::default();
    gate.open(Ok(Some(Value::I32(9))));
    assert_eq!(Rig::new(backend).host(gate.host()).plugin(wat).number("run"), 9);
    let refusal =
        Rig::new(backend).deadline_after_looks().host(Gate::default().host()).refusal(wat);
    assert_eq!(refusal, InstantiateError::Trap(LATE.into()));
}

pub(crate) fn a_wait_that_is_exported_again(backend: &dyn Backend) {
    let wat = r#"(module (import "host" "ask" (func $ask (param i32) (result i32)))
        (export "run" (func $ask)))"#;
    let gate = Gate::default();
    let mut plugin = Rig::new(backend).host(gate.host()).plugin(wat);
    let (run, args) = (plugin.export("run"), [Value::I32(1)]);
    let mut waits = plugin.instance.call(run, &args);
    assert!(poll_once(waits.as_mut()).is_pending());
    gate.open(Ok(Some(Value::I32(6))));
    let Poll::Ready(outcome) = poll_once(waits.as_mut()) else { panic!("it waits on") };
    assert_eq!(outcome.unwrap(), Some(Value::I32(6)));
}

/// What a wait costs is what its call costs, however often it is polled.
pub(crate) fn a_wait_is_paid_once(backend: &dyn Backend) {
    let spent = |host: Arc<Host>| {
        let mut plugin = Rig::new(backend).host(host).plugin(ASKS);
        plugin.instance.reset();
        let (run, before) = (plugin.export("run"), plugin.instance.fuel_left());
        let (outcome, _) = polls(plugin.instance.call(run, &[]));
        outcome.unwrap();
        before - plugin.instance.fuel_left()
    };
    let at_once = spent(Arc::new(Host::new(|_, _, _| Ok(Some(Value::I32(1))))));
    let polled = spent(Arc::new(Host::waiting(|_, _, _| {
        let mut polled = 0;
        HostReply::Later(HostWait::new(poll_fn(move |_| {
            polled += 1;
            if polled > 50 { Poll::Ready(Ok(Some(Value::I32(1)))) } else { Poll::Pending }
        })))
    })));
    assert_eq!(at_once, polled);
    assert!(polled > HOST_CALL_FUEL);
}
