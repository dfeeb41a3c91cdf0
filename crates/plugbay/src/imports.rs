//! The functions that this host offers to guests, and what each needs.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use plugbay_policy::{Capability, Request};
use plugbay_runtime::abi::ValueType::{F64, I32};
use plugbay_runtime::abi::{FuncType, GuestMemory, Value, read};
use plugbay_runtime::wasi::{Answer, Errno, FileAccess, Function};
use plugbay_runtime::{
    AbortLocation, HostCall, HostReply, Import, InstantiateError, OutputSink, Stream, TrapKind,
    WASI_MODULE, wasi,
};

use crate::bodies::{self, CallBodies};
use crate::grants::Granted;
use crate::trace::Tracer;

/// What one import comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportUse {
    /// Offered to every plugin.
    Always,
    /// Offered, and refused when called without the capability.
    Needs(Capability),
    /// Offered under another signature: the module cannot be loaded.
    OtherSignature,
    /// Not offered: the module cannot be loaded.
    Unknown,
}

/// The signature that an import is offered with: WASI's functions, this project's own, and of
/// `env` what AssemblyScript's runtime imports.
fn offered(import: &Import) -> Option<FuncType> {
    match (import.module.as_str(), import.field.as_str()) {
        (WASI_MODULE, field) => wasi::signature(field),
        (bodies::MODULE, field) => bodies::signature(field),
        ("env", "abort") => Some(FuncType::new(&[I32; 4], &[])),
        ("env", "trace") => Some(FuncType::new(&[I32, I32, F64, F64, F64, F64, F64], &[])),
        ("env", "seed") => Some(FuncType::new(&[], &[F64])),
        _ => None,
    }
}

/// What an import comes to on this host.
pub(crate) fn import_use(import: &Import) -> ImportUse {
    match offered(import) {
        None => ImportUse::Unknown,
        Some(ty) if ty != import.ty => ImportUse::OtherSignature,
        Some(_) if import.module != WASI_MODULE => ImportUse::Always,
        Some(_) => wasi_needs(&import.field).map_or(ImportUse::Always, ImportUse::Needs),
    }
}

/// What a function of WASI takes.
fn wasi_needs(field: &str) -> Option<Capability> {
    match field {
        // What opens or lists files. The `fd_` functions work on what these opened.
        "fd_readdir" => Some(Capability::Filesystem),
        field if field.starts_with("path_") => Some(Capability::Filesystem),
        field if field.starts_with("sock_") => Some(Capability::Network),
        _ => None,
    }
}

/// Refuses a module that imports what nobody offers, before anything of it runs.
pub(crate) fn check(imports: &[Import]) -> Result<(), InstantiateError> {
    for import in imports {
        let (module, field) = (import.module.clone(), import.field.clone());
        match (import_use(import), offered(import)) {
            (ImportUse::Unknown, _) => {
                return Err(InstantiateError::UnknownImport { module, field });
            }
            (ImportUse::OtherSignature, Some(offered)) => {
                let (found, offered) = (Box::new(import.ty.clone()), Box::new(offered));
                return Err(InstantiateError::ImportSignature { module, field, found, offered });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a module that imports functions for bodies and is not of the generation that has
/// bodies beside its documents: it would read base64 and call functions that have nothing for it.
/// `why` says how that is known.
pub(crate) fn check_bodies(imports: &[Import], why: &str) -> Result<(), InstantiateError> {
    match imports.iter().find(|import| import.module == bodies::MODULE) {
        None => Ok(()),
        Some(Import { module, field, .. }) => Err(InstantiateError::Other {
            message: format!(
                "import `{module}.{field}` is for plugins whose `plugbay_abi` returns 2: {why}"
            ),
        }),
    }
}

/// How it is known of a module without the export.
pub(crate) const NO_ABI: &str = "this one does not export it";

/// Answers the imports of one instance. A function that takes a capability asks `granted`, each time it is called.
pub(crate) struct HostFunctions {
    output: Arc<dyn OutputSink>,
    bodies: Arc<CallBodies>,
    granted: Granted,
    tracer: Option<Tracer>,
}

impl HostFunctions {
    pub(crate) fn new(
        output: Arc<dyn OutputSink>,
        bodies: Arc<CallBodies>,
        granted: Granted,
    ) -> Self {
        Self { output, bodies, granted, tracer: None }
    }

    /// The same, with somebody to whom each call is shown.
    pub(crate) fn traced(self, tracer: Tracer) -> Self {
        Self { granted: self.granted.noted(), tracer: Some(tracer), ..self }
    }

    /// Shows a call: one of ours after it, or what a rewritten module says of one of WASI's.
    fn call_traced(
        &self,
        tracer: &Tracer,
        import: &Import,
        memory: &mut dyn GuestMemory,
        args: &[Value],
    ) -> HostReply {
        let reply = self.answer(import, memory, args);
        let notes = self.granted.take_notes();
        let decision = if notes.is_empty() { ALWAYS.to_owned() } else { notes.join("; ") };
        tracer.called(import, args, &reply, decision);
        reply
    }

    fn answer(&self, import: &Import, memory: &mut dyn GuestMemory, args: &[Value]) -> HostReply {
        let unknown = || {
            let Import { module, field, .. } = import;
            let message = format!("`{module}.{field}` was called with {} arguments", args.len());
            Err(TrapKind::Host { message })
        };
        if import.module == bodies::MODULE {
            return self.bodies.call(&import.field, memory, args).unwrap_or_else(unknown);
        }
        match (import.field.as_str(), args) {
            ("abort", [message, file, line, column]) => {
                Err(abort(memory, [*message, *file, *line, *column]))
            }
            ("trace", [Value::I32(message), Value::I32(count), numbers @ ..]) => {
                let mut text = text_at(memory, message.cast_unsigned()).unwrap_or_default();
                let count = usize::try_from(*count).unwrap_or(0);
                for number in numbers.iter().take(count) {
                    if let Value::F64(number) = number {
                        text.push_str(&format!(" {number}"));
                    }
                }
                text.push('\n');
                self.output.write(Stream::Stderr, text.as_bytes());
                Ok(None)
            }
            ("seed", []) => Ok(Some(Value::F64(seed()))),
            _ => unknown(),
        }
    }
}

/// The decision where nothing is to be decided.
const ALWAYS: &str = "always allowed";

impl HostCall for HostFunctions {
    fn call(&self, import: &Import, memory: &mut dyn GuestMemory, args: &[Value]) -> HostReply {
        if let Some(tracer) = &self.tracer {
            return self.call_traced(tracer, import, memory, args);
        }
        self.answer(import, memory, args)
    }

    fn allows(&self, access: FileAccess<'_>) -> bool {
        let path = access.path.unwrap_or("an open file").to_owned();
        self.granted.check(&Request::File { path, write: access.write }).is_ok()
    }

    fn answered(&self, function: Function, args: &[Value], answer: &Answer) {
        let needed = wasi_needs(function.name());
        let lacking = needed.filter(|needed| !self.granted.has(*needed));
        if let Some(capability) = lacking
            && !matches!(answer, Answer::Errno(Errno::Success))
        {
            self.granted.refused(capability, function.name());
        }
        if let Some(tracer) = &self.tracer {
            let notes = self.granted.take_notes();
            let decision = match (needed, lacking) {
                _ if !notes.is_empty() => notes.join("; "),
                (None, _) => ALWAYS.to_owned(),
                (Some(_), Some(capability)) => format!("denied: {capability} is not granted"),
                (Some(capability), None) => format!("{capability} granted"),
            };
            tracer.answered(function, args, answer, decision);
        }
    }

    fn fuel(&self, import: &Import, args: &[Value]) -> u64 {
        match import.module.as_str() {
            bodies::MODULE => self.bodies.fuel(&import.field, args),
            _ => 0,
        }
    }
}

/// A seed for a guest's own pseudo-random numbers; no secret depends on it.
fn seed() -> f64 {
    // A hasher's random keys are the standard library's only source of randomness. 53 bits
    // are what a float holds exactly.
    let bits = RandomState::new().build_hasher().finish() >> 11;
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    let seed = bits as f64;
    seed
}

fn abort(memory: &mut dyn GuestMemory, args: [Value; 4]) -> TrapKind {
    let [message, file, line, column] = args.map(|arg| match arg {
        Value::I32(bits) => bits.cast_unsigned(),
        _ => 0,
    });
    let message = match text_at(memory, message) {
        Some(text) if !text.is_empty() => text,
        _ => "abort was called without a message".to_owned(),
    };
    let location = text_at(memory, file)
        .filter(|file| !file.is_empty())
        .map(|file| AbortLocation { file, line, column });
    TrapKind::Abort { message, location }
}

/// An AssemblyScript string: UTF-16, its length in bytes in the word before it.
fn text_at(memory: &mut dyn GuestMemory, ptr: u32) -> Option<String> {
    // The guest chooses the length; a message need not be long to be understood.
    const LONGEST: u32 = 4096;
    let header = ptr.checked_sub(4)?;
    let len = u32::from_le_bytes(read(memory, header, 4).ok()?.try_into().ok()?);
    let bytes = read(memory, ptr, len.min(LONGEST) & !1).ok()?;
    let units =
        bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

#[cfg(test)]
mod tests {
    use plugbay_runtime::abi::GrowError;

    use super::*;

    struct Memory(Vec<u8>);

    impl GuestMemory for Memory {
        fn bytes(&mut self) -> &mut [u8] {
            &mut self.0
        }

        fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
            Err(GrowError::new(self.0.len() as u64, pages))
        }
    }

    fn memory_with(texts: &[(usize, &str)]) -> Memory {
        let mut memory = Memory(vec![0; 4096]);
        for (ptr, text) in texts {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            memory.0[ptr - 4..*ptr]
                .copy_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
            memory.0[*ptr..ptr + bytes.len()].copy_from_slice(&bytes);
        }
        memory
    }

    #[test]
    fn abort_is_decoded_from_utf_16() {
        let mut memory = memory_with(&[(64, "naïve 🎹"), (256, "assembly/plugin.ts")]);
        let kind = abort(&mut memory, [64, 256, 12, 5].map(Value::I32));
        assert_eq!(kind.to_string(), "the plugin aborted: naïve 🎹 at assembly/plugin.ts:12:5");
    }

    #[test]
    fn a_hostile_abort_reads_nothing_it_should_not() {
        let mut memory = memory_with(&[]);
        memory.0[60..64].copy_from_slice(&u32::MAX.to_le_bytes());
        for ptr in [0, 2, 4095, -1, i32::MIN] {
            let kind = abort(&mut memory, [ptr, ptr, 1, 1].map(Value::I32));
            assert!(kind.to_string().contains("without a message"), "{ptr}: {kind}");
        }
        // A length of 4 GiB is cut to what a message may be.
        let kind = abort(&mut memory, [64, 0, 1, 1].map(Value::I32));
        assert!(kind.to_string().len() < 20_000);
    }

    #[test]
    fn imports_are_told_apart() {
        let import = |module: &str, field: &str, ty| Import {
            module: module.to_owned(),
            field: field.to_owned(),
            ty,
        };
        let nothing = FuncType::new(&[], &[]);
        for (module, field, wanted) in [
            (WASI_MODULE, "fd_write", ImportUse::Always),
            (WASI_MODULE, "path_open", ImportUse::Needs(Capability::Filesystem)),
            (WASI_MODULE, "sock_send", ImportUse::Needs(Capability::Network)),
        ] {
            let ty = wasi::signature(field).unwrap();
            assert_eq!(import_use(&import(module, field, ty)), wanted, "{field}");
        }
        for (module, field, wanted) in [
            (WASI_MODULE, "fd_write", ImportUse::OtherSignature),
            (WASI_MODULE, "fd_telepathy", ImportUse::Unknown),
            ("env", "abort", ImportUse::OtherSignature),
            ("env", "seed", ImportUse::OtherSignature),
            ("env", "system", ImportUse::Unknown),
            ("wasi_unstable", "fd_write", ImportUse::Unknown),
            (bodies::MODULE, "body_read", ImportUse::OtherSignature),
            (bodies::MODULE, "body_teleport", ImportUse::Unknown),
        ] {
            assert_eq!(import_use(&import(module, field, nothing.clone())), wanted, "{field}");
        }
        let seed = import("env", "seed", FuncType::new(&[], &[F64]));
        assert_eq!(import_use(&seed), ImportUse::Always);
        assert_eq!(check(&[seed]), Ok(()));
        let own = import(bodies::MODULE, "body_len", bodies::signature("body_len").unwrap());
        assert_eq!(import_use(&own), ImportUse::Always);
        assert_eq!(check(std::slice::from_ref(&own)), Ok(()));
        let error = check_bodies(&[own], NO_ABI).unwrap_err().to_string();
        assert!(error.contains("`plugbay.body_len` is for plugins whose `plugbay_abi`"), "{error}");
        let error = check(&[import("env", "abort", nothing)]).unwrap_err().to_string();
        assert_eq!(
            error,
            "import `env.abort` has signature () -> (), offered is (i32, i32, i32, i32) -> ()"
        );
    }
}
