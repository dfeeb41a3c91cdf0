//! The suite that every backend passes.

use plugbay_wasmi::WasmiBackend;

plugbay_conformance::suite!(wasmi = WasmiBackend::new);
plugbay_conformance::suite!(wasmi_lazy = WasmiBackend::lazy);
