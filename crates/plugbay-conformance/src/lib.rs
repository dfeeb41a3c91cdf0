#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a case that does not hold is to fail the test it is run in"
)]

mod cases;
mod doubles;
mod prices;
mod rig;

pub use doubles::{Call, Host, Recorder, poll_once, polls};
pub use prices::{Overrun, Price, overruns, prices};
pub use rig::{Plugin, Rig};

use plugbay_runtime::Backend;

/// One case: what it is called, and the assertions.
pub type Case = (&'static str, fn(&dyn Backend));

/// Runs the case `group::name` against a backend.
///
/// # Panics
///
/// When the case does not hold, or there is none of that name.
pub fn run(backend: &dyn Backend, name: &str) {
    let (_, case) = cases::ALL.iter().find(|(known, _)| *known == name).expect("no such case");
    case(backend);
}

/// Every case, for a runner other than [`suite!`].
pub fn all() -> &'static [Case] {
    cases::ALL
}

/// Makes one `#[test]` of each case, in a module named after the backend:
///
/// ```text
/// plugbay_conformance::suite!(wasmi = || WasmiBackend::new());
/// ```
///
/// gives `wasmi::fuel::an_endless_loop_in_a_hook` and so on. The closure is called once
/// per test.
#[macro_export]
macro_rules! suite {
    ($backend:ident = $make:expr) => {
        fn $backend() -> ::std::boxed::Box<dyn $crate::runtime::Backend> {
            ::std::boxed::Box::new(($make)())
        }

        $crate::__for_each_case!($backend);
    };
}

#[doc(hidden)]
pub use plugbay_runtime as runtime;
