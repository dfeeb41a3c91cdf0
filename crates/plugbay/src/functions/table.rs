//! The host functions of the module `plugbay`, as docs/host-functions.md has them: names, signatures, what each
//! takes. The functions for bodies are in `bodies.rs`.

use plugbay_policy::Capability;
use plugbay_runtime::abi::FuncType;
use plugbay_runtime::abi::ValueType::{self, F64, I32, I64};

use Function::*;

/// Which version of the functions this host has: what `version` returns.
pub(super) const VERSION: i32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Version,
    AnswerLen,
    AnswerRead,
    Log,
    Now,
    Random,
    Metric,
    HttpRequest,
    WsOpen,
    WsSend,
    WsRecv,
    WsClose,
    MidiSend,
    AudioPlay,
    KvGet,
    KvSet,
    KvDelete,
    KvSwap,
    Run,
    System,
}

struct Row {
    function: Function,
    name: &'static str,
    params: &'static [ValueType],
    result: ValueType,
    takes: Option<Capability>,
    /// Which parameters are lengths of what is handed over or copied: it is paid by size.
    lengths: &'static [usize],
    /// Whether the guest may be put away.
    waits: bool,
}

const fn row(
    function: Function,
    name: &'static str,
    params: &'static [ValueType],
    result: ValueType,
    takes: Option<Capability>,
    lengths: &'static [usize],
    waits: bool,
) -> Row {
    Row { function, name, params, result, takes, lengths, waits }
}

const NETWORK: Option<Capability> = Some(Capability::Network);
const FILES: Option<Capability> = Some(Capability::Filesystem);
const FOUR: &[ValueType] = &[I32; 4];

#[rustfmt::skip]
const TABLE: [Row; 20] = [
    row(Version, "version", &[], I32, None, &[], false),
    row(AnswerLen, "answer_len", &[I32], I64, None, &[], false),
    row(AnswerRead, "answer_read", &[I32, I64, I32, I32], I32, None, &[3], false),
    row(Log, "log", &[I32; 3], I32, None, &[2], false),
    row(Now, "now", &[], I64, None, &[], false),
    row(Random, "random", &[I32; 2], I32, None, &[1], false),
    row(Metric, "metric", &[I32, I32, I32, F64], I32, None, &[2], false),
    row(HttpRequest, "http_request", FOUR, I32, NETWORK, &[1, 3], true),
    row(WsOpen, "ws_open", &[I32; 2], I32, NETWORK, &[1], true),
    row(WsSend, "ws_send", FOUR, I32, NETWORK, &[3], true),
    row(WsRecv, "ws_recv", &[I32; 2], I32, NETWORK, &[], true),
    row(WsClose, "ws_close", &[I32], I32, None, &[], true),
    row(MidiSend, "midi_send", FOUR, I32, Some(Capability::Midi), &[1, 3], false),
    row(AudioPlay, "audio_play", &[I32; 2], I32, Some(Capability::Audio), &[1], true),
    row(KvGet, "kv_get", &[I32; 2], I32, FILES, &[1], true),
    row(KvSet, "kv_set", FOUR, I32, FILES, &[1, 3], true),
    row(KvDelete, "kv_delete", &[I32; 2], I32, FILES, &[1], true),
    row(KvSwap, "kv_swap", &[I32; 6], I32, FILES, &[1, 3, 5], true),
    row(Run, "run", FOUR, I32, Some(Capability::Subprocess), &[1, 3], true),
    row(System, "system", &[I32; 2], I32, Some(Capability::SystemControl), &[1], true),
];

/// One of the functions that plugins import from `plugbay`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostFunction {
    /// Its name.
    pub name: &'static str,
    /// Its signature.
    pub ty: FuncType,
    /// What a plugin has to be granted.
    pub takes: Option<Capability>,
}

/// All functions that plugins import from `plugbay`, beside those for bodies.
pub fn host_functions() -> impl Iterator<Item = HostFunction> {
    TABLE.iter().map(|row| HostFunction {
        name: row.name,
        ty: row.function.signature(),
        takes: row.takes,
    })
}

impl Function {
    /// The function of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.function)
    }

    fn row(self) -> &'static Row {
        // The table is in the order of the enumeration, which a test holds it to.
        #[allow(clippy::indexing_slicing, reason = "as many rows as functions")]
        &TABLE[self as usize]
    }

    pub(crate) fn signature(self) -> FuncType {
        let Row { params, result, .. } = self.row();
        FuncType::new(params, &[*result])
    }

    /// What it takes.
    pub(crate) fn takes(self) -> Option<Capability> {
        self.row().takes
    }

    pub(super) fn lengths(self) -> &'static [usize] {
        self.row().lengths
    }

    pub(super) fn waits(self) -> bool {
        self.row().waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_has_its_own_row() {
        for (place, row) in TABLE.iter().enumerate() {
            assert_eq!(row.function as usize, place, "{}", row.name);
            assert_eq!(Function::named(row.name), Some(row.function));
            let ints = |place: &usize| row.params.get(*place) == Some(&I32);
            assert!(row.lengths.iter().all(ints), "{}", row.name);
        }
        assert_eq!(Function::named("body_len"), None, "of another table");
    }
}
