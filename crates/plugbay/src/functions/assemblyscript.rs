//! What AssemblyScript's own runtime imports from `env`.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use plugbay_runtime::abi::ValueType::{F64, I32};
use plugbay_runtime::abi::{FuncType, GuestMemory, Value, read};
use plugbay_runtime::{AbortLocation, HostResult, OutputSink, Stream, TrapKind};

/// The module that it imports from.
pub(super) const MODULE: &str = "env";

pub(super) fn signature(field: &str) -> Option<FuncType> {
    Some(match field {
        "abort" => FuncType::new(&[I32; 4], &[]),
        "trace" => FuncType::new(&[I32, I32, F64, F64, F64, F64, F64], &[]),
        "seed" => FuncType::new(&[], &[F64]),
        _ => return None,
    })
}

/// Answers one of the functions; `None` if there is none of this name and arguments.
pub(super) fn call(
    field: &str,
    memory: &mut dyn GuestMemory,
    args: &[Value],
    output: &dyn OutputSink,
) -> Option<HostResult> {
    Some(match (field, args) {
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
            output.write(Stream::Stderr, text.as_bytes());
            Ok(None)
        }
        ("seed", []) => Ok(Some(Value::F64(seed()))),
        _ => return None,
    })
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
    use std::sync::Mutex;

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

    #[derive(Default)]
    struct Printed(Mutex<Vec<(Stream, String)>>);

    impl OutputSink for Printed {
        fn write(&self, stream: Stream, bytes: &[u8]) {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            self.0.lock().unwrap().push((stream, text));
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
    fn trace_prints_its_message_and_as_many_numbers_as_it_says() {
        let mut memory = memory_with(&[(64, "naïve 🎹")]);
        let numbers = [1.5, -2.0, 3.0, 4.0, 5.0].map(Value::F64);
        for (count, wanted) in [
            (0, "naïve 🎹\n"),
            (2, "naïve 🎹 1.5 -2\n"),
            (9, "naïve 🎹 1.5 -2 3 4 5\n"),
            (-1, "naïve 🎹\n"),
        ] {
            let printed = Printed::default();
            let args = [&[Value::I32(64), Value::I32(count)][..], &numbers[..]].concat();
            let told = call("trace", &mut memory, &args, &printed);
            assert!(matches!(told, Some(Ok(None))), "{count}");
            let printed = printed.0.into_inner().unwrap();
            assert_eq!(printed, [(Stream::Stderr, wanted.to_owned())], "{count}");
        }
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
}
