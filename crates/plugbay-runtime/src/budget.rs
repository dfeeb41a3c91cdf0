//! What a limit means for one live instance, so that it means the same in every engine.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use plugbay_policy::{Fuel, Limits};

use crate::backend::Environment;
use crate::clock::Deadline;
use crate::trap::{Trap, TrapKind};

/// Fuel of one call into the host, over what the guest's own `call` costs.
///
/// The trampolines of both engines take 70 to 150 ns (`fuel_costs`, an example of each
/// backend), some hundred times what a unit of fuel stands for; the rest is for what the
/// host does.
pub const HOST_CALL_FUEL: u64 = 200;

/// Bytes that a host function copies for a unit of fuel.
///
/// Memory is written at some 8 GB/s: 2 ns for 16 bytes.
pub const BYTES_PER_FUEL: u64 = 16;

/// Fuel of a wait, over a call into the host: a guest is put away and taken up again, which
/// takes 0.3 µs, and its executor has work with it.
pub const WAIT_FUEL: u64 = 1_000;

/// Fuel between two looks at the clock, and between two chances for other tasks.
///
/// One million units are 0.2 to 1 ms compiled, and 0.4 to 3 ms interpreted.
pub const SLICE_FUEL: u64 = 1_000_000;

/// The bounds of one instance, and how much of them is used.
///
/// An engine asks it before it lets a memory or table grow, and looks at its deadline
/// between slices of fuel. The fuel itself is the engine's to count.
pub struct Budget {
    limits: Limits,
    deadline: Arc<Deadline>,
    table_elements: u64,
    refused: Option<TrapKind>,
}

impl Budget {
    /// Arms the limits of `environment`, as before a start function.
    pub fn new(environment: &Environment) -> Self {
        let Environment { limits, clock, .. } = environment;
        Self {
            limits: limits.clone(),
            deadline: Arc::new(Deadline::new(Arc::clone(clock), limits.timeout())),
            table_elements: 0,
            refused: None,
        }
    }

    /// Arms the deadline anew and forgets refusals; memory stays counted.
    pub fn rearm(&mut self) {
        self.deadline.rearm();
        self.refused = None;
    }

    /// The moment after which the call may not go on. It stays the same object from call to
    /// call, for those who look at it while the budget is lent out.
    pub fn deadline(&self) -> &Arc<Deadline> {
        &self.deadline
    }

    /// Fuel of one call; without a bound, as much as can be counted.
    pub fn fuel(&self) -> u64 {
        self.limits.fuel.units().unwrap_or(u64::MAX)
    }

    /// Whether fuel is counted at all.
    pub fn is_metered(&self) -> bool {
        self.limits.fuel != Fuel::Unmetered
    }

    /// Looks at the clock.
    ///
    /// # Errors
    ///
    /// [`TrapKind::DeadlineExceeded`] when the deadline has passed.
    pub fn check_deadline(&self) -> Result<(), TrapKind> {
        self.deadline.check()
    }

    /// [`TrapKind::OutOfFuel`] with this budget's limit.
    pub fn out_of_fuel(&self) -> TrapKind {
        TrapKind::OutOfFuel { limit: self.fuel() }
    }

    /// Whether the memory may grow to `desired` bytes. An instance has one memory.
    ///
    /// A growth past the memory's own `maximum` is the engine's to refuse, and is not held
    /// against the limit.
    pub fn memory_growing(&mut self, desired: usize, maximum: Option<usize>) -> bool {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let (wanted, limit) = (desired as u64, self.limits.memory_bytes);
        if wanted > limit {
            self.refused = Some(TrapKind::MemoryLimit { wanted, limit });
        }
        wanted <= limit
    }

    /// Whether a table may grow from `current` to `desired` elements; 0 for one being made.
    /// The limit is for all tables together.
    pub fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> bool {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let limit = self.limits.table_elements;
        let added = (desired as u64).saturating_sub(current as u64);
        let wanted = self.table_elements.saturating_add(added);
        if wanted > limit {
            self.refused = Some(TrapKind::TableLimit { wanted, limit });
            return false;
        }
        self.table_elements = wanted;
        true
    }

    /// Takes back what [`table_growing`](Self::table_growing) allowed just now: the engine
    /// did not do it, and may ask again.
    pub fn table_did_not_grow(&mut self, current: usize, desired: usize) {
        let added = (desired as u64).saturating_sub(current as u64);
        self.table_elements = self.table_elements.saturating_sub(added);
    }

    /// The refusal that a limit led to since the budget was armed, if there was one.
    pub fn refused(&self) -> Option<&TrapKind> {
        self.refused.as_ref()
    }

    /// The trap as it is to be reported: a guest that gives up after it was refused memory
    /// gives up *because* of that, and the limit is what its author needs to hear of.
    ///
    /// How a guest gives up depends on its language: Rust aborts (`unreachable`), a C
    /// program that did not look at the result writes to address -1, AssemblyScript calls
    /// `abort`, a WASI program exits.
    pub fn explain(&self, kind: TrapKind) -> Trap {
        let gave_up = match &kind {
            TrapKind::Unreachable
            | TrapKind::MemoryOutOfBounds
            | TrapKind::TableOutOfBounds
            | TrapKind::BadIndirectCall
            | TrapKind::Abort { .. } => true,
            TrapKind::Exit { code } => *code != 0,
            TrapKind::OutOfFuel { .. }
            | TrapKind::DeadlineExceeded { .. }
            | TrapKind::MemoryLimit { .. }
            | TrapKind::TableLimit { .. }
            | TrapKind::StackOverflow
            | TrapKind::Arithmetic
            | TrapKind::Host { .. }
            | TrapKind::Other { .. } => false,
        };
        match &self.refused {
            Some(refused) if gave_up => Trap::new(refused.clone()),
            _ => Trap::new(kind),
        }
    }
}

/// Gives way once: the task is woken again at once, after others had their turn.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
impl Budget {
    /// One without anything around it.
    pub(crate) fn for_tests(limits: Limits, clock: Arc<dyn crate::clock::Clock>) -> Self {
        let deadline = Arc::new(Deadline::new(clock, limits.timeout()));
        Self { limits, deadline, table_elements: 0, refused: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{HostCall, Import, OutputSink, Stream};
    use crate::clock::ManualClock;
    use crate::wait::HostReply;
    use plugbay_abi::{GuestMemory, Value};

    struct Nothing;

    impl HostCall for Nothing {
        fn call(&self, _: &Import, _: &mut dyn GuestMemory, _: &[Value]) -> HostReply {
            HostReply::Now(Ok(None))
        }
    }

    impl OutputSink for Nothing {
        fn write(&self, _: Stream, _: &[u8]) {}
    }

    fn budget(change: impl FnOnce(&mut Limits)) -> Budget {
        let mut limits = Limits::default();
        change(&mut limits);
        Budget::new(&Environment {
            limits,
            clock: Arc::new(ManualClock::new()),
            host: Arc::new(Nothing),
            output: Arc::new(Nothing),
            variables: Vec::new(),
            files: None,
        })
    }

    #[test]
    fn a_guest_that_gives_up_after_a_refusal_hit_the_limit() {
        let mut budget = budget(|limits| limits.memory_bytes = 100);
        assert!(budget.memory_growing(100, None));
        assert!(!budget.memory_growing(150, None));
        let limit = TrapKind::MemoryLimit { wanted: 150, limit: 100 };
        assert_eq!(budget.explain(TrapKind::Unreachable).kind, limit);
        assert_eq!(budget.explain(TrapKind::Exit { code: 1 }).kind, limit);
        assert_eq!(budget.explain(TrapKind::Exit { code: 0 }).kind.class(), "exit");
        assert_eq!(budget.explain(TrapKind::Arithmetic).kind, TrapKind::Arithmetic);
        budget.rearm();
        assert_eq!(budget.explain(TrapKind::Unreachable).kind, TrapKind::Unreachable);
    }

    #[test]
    fn a_maximum_of_the_modules_own_is_not_the_limits_doing() {
        let mut budget = budget(|limits| limits.memory_bytes = 100);
        assert!(!budget.memory_growing(150, Some(50)));
        assert_eq!(budget.refused(), None);
    }

    #[test]
    fn tables_are_counted_together() {
        let mut budget = budget(|limits| limits.table_elements = 10);
        assert!(budget.table_growing(0, 4, None));
        assert!(budget.table_growing(0, 4, None), "another table");
        assert!(budget.table_growing(4, 6, None));
        budget.table_did_not_grow(4, 6);
        assert!(budget.table_growing(4, 6, None));
        assert!(!budget.table_growing(6, 7, None));
        assert_eq!(budget.refused(), Some(&TrapKind::TableLimit { wanted: 11, limit: 10 }));
    }
}
