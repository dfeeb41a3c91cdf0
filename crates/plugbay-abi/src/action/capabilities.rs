//! What a plugin asks for, read from whatever its `capabilities` export returned.
//!
//! Plugins in the wild return a packed pointer and length, a pointer to text, or, by boxing a
//! `Vec`, a pointer to the vector's *header*: capacity, pointer and length in an order that the
//! compiler chooses. All of these are recognised by what they point at.

use crate::json::excerpt;
use crate::memory::{GuestMemory, read};
use crate::packed::Packed;
use crate::value::{Value, ValueType};

/// The longest list that is looked at, in bytes.
const LONGEST: u32 = 64 << 10;

/// A result of `capabilities` that is no list of names in any of the known forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`capabilities` returned {found}, wanted a JSON array of names: packed as ptr << 32 | len, or a pointer to it"
)]
pub struct CapabilitiesError {
    /// What it returned, and what lies there.
    pub found: String,
}

/// The names that a plugin asks for.
///
/// # Errors
///
/// When the result leads to no JSON array of strings; the message says what it led to.
pub fn read_capabilities(
    memory: &mut dyn GuestMemory,
    result: Option<Value>,
) -> Result<Vec<String>, CapabilitiesError> {
    match result {
        Some(Value::I64(packed)) => from_packed(memory, Packed::from(packed)),
        Some(Value::I32(ptr)) => from_pointer(memory, ptr.cast_unsigned()),
        other => {
            let found = match other.map(Value::ty) {
                Some(ValueType::F32 | ValueType::F64) => "a float",
                _ => "nothing",
            };
            Err(CapabilitiesError { found: found.to_owned() })
        }
    }
}

fn from_packed(
    memory: &mut dyn GuestMemory,
    packed: Packed,
) -> Result<Vec<String>, CapabilitiesError> {
    if packed.is_empty() {
        return Ok(Vec::new());
    }
    let found = match text_of(memory, packed) {
        Ok(names) => return Ok(names),
        Err(found) => found,
    };
    // A 64-bit result whose upper half is empty may be a plain pointer that was widened.
    if packed.ptr() == 0
        && let Ok(names) = from_pointer(memory, packed.len())
    {
        return Ok(names);
    }
    Err(CapabilitiesError { found })
}

/// The array that `packed` names, or what is there instead.
fn text_of(memory: &mut dyn GuestMemory, packed: Packed) -> Result<Vec<String>, String> {
    if packed.len() > LONGEST {
        return Err(format!("{packed:?}, longer than {LONGEST} bytes"));
    }
    let bytes = read(memory, packed.ptr(), packed.len()).map_err(|e| format!("{packed:?}: {e}"))?;
    serde_json::from_slice(bytes)
        .map_err(|error| format!("{packed:?}: {}", excerpt(&error.to_string(), 256)))
}

fn from_pointer(memory: &mut dyn GuestMemory, ptr: u32) -> Result<Vec<String>, CapabilitiesError> {
    if ptr == 0 {
        return Ok(Vec::new());
    }
    if let Some(names) = text_at(memory, ptr) {
        return Ok(names);
    }
    if let Some(names) = vec_header_at(memory, ptr) {
        return Ok(names);
    }
    let found = match tail(memory, ptr) {
        Some(bytes) => {
            let shown = bytes.get(..bytes.len().min(24)).unwrap_or(bytes);
            format!("the pointer {ptr:#x}, at which lies \"{}\"", shown.escape_ascii())
        }
        None => format!("the pointer {ptr:#x}, which lies outside the memory"),
    };
    Err(CapabilitiesError { found })
}

/// Everything from `ptr` on, up to the bound.
fn tail(memory: &mut dyn GuestMemory, ptr: u32) -> Option<&[u8]> {
    let available = (memory.bytes().len() as u64).checked_sub(u64::from(ptr))?;
    let len = u32::try_from(available).unwrap_or(LONGEST).min(LONGEST);
    read(memory, ptr, len).ok().filter(|bytes| !bytes.is_empty())
}

/// The array that begins at `ptr`, whatever follows it: a NUL, or anything.
fn text_at(memory: &mut dyn GuestMemory, ptr: u32) -> Option<Vec<String>> {
    let bytes = tail(memory, ptr)?;
    serde_json::Deserializer::from_slice(bytes).into_iter().next()?.ok()
}

/// The array that some pair of the three words at `ptr` names as pointer and length.
fn vec_header_at(memory: &mut dyn GuestMemory, ptr: u32) -> Option<Vec<String>> {
    let header: [u8; 12] = read(memory, ptr, 12).ok()?.try_into().ok()?;
    let mut words = [0u32; 3];
    for (word, bytes) in words.iter_mut().zip(header.chunks_exact(4)) {
        *word = u32::from_le_bytes(bytes.try_into().ok()?);
    }
    for (p, pointer) in words.into_iter().enumerate() {
        for (l, length) in words.into_iter().enumerate() {
            if p == l || length == 0 || length > LONGEST {
                continue;
            }
            if let Ok(bytes) = read(memory, pointer, length)
                && let Ok(names) = serde_json::from_slice(bytes)
            {
                return Some(names);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::double::VecMemory;
    use crate::memory::write;

    const JSON: &[u8] = br#"["Network","filesystem"]"#;

    fn memory_with(parts: &[(u32, &[u8])]) -> VecMemory {
        let mut memory = VecMemory::new(1, 1);
        for (ptr, bytes) in parts {
            write(&mut memory, *ptr, bytes).unwrap();
        }
        memory
    }

    fn header(words: [u32; 3]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn every_form_in_the_wild_is_read() {
        let len = JSON.len() as u32;
        let mut terminated = JSON.to_vec();
        terminated.extend_from_slice(b"\0garbage");
        let packed = Value::I64(Packed::new(512, len).0.cast_signed());
        let mut cases = vec![
            ("packed", memory_with(&[(512, JSON)]), packed),
            ("NUL-terminated text", memory_with(&[(512, &terminated)]), Value::I32(512)),
            ("text that ends by its bracket", memory_with(&[(512, JSON)]), Value::I32(512)),
            ("a widened pointer", memory_with(&[(512, JSON)]), Value::I64(512)),
        ];
        // An allocator that starts at 0 makes the first text a packed result with pointer 0.
        let at_zero = memory_with(&[(0, JSON), (len, b"[]")]);
        cases.push(("packed, at address 0", at_zero, Value::I64(i64::from(len))));
        for (name, words) in [
            ("capacity, pointer, length", [64, 512, len]),
            ("pointer, capacity, length", [512, 64, len]),
            ("length, pointer, capacity", [len, 512, 64]),
        ] {
            let memory = memory_with(&[(512, JSON), (1024, &header(words))]);
            cases.push((name, memory, Value::I32(1024)));
        }
        for (name, mut memory, result) in cases {
            let names = read_capabilities(&mut memory, Some(result));
            assert_eq!(names.unwrap(), ["Network", "filesystem"], "{name}");
        }
    }

    #[test]
    fn nothing_asked_for_is_an_empty_list() {
        for result in [Value::I32(0), Value::I64(0)] {
            assert!(read_capabilities(&mut memory_with(&[]), Some(result)).unwrap().is_empty());
        }
    }

    #[test]
    fn anything_else_says_what_was_found() {
        let long = format!("\"{}\"", "a".repeat(1000)).into_bytes();
        for (parts, result, wanted) in [
            (&[(512u32, &b"hello"[..])][..], Value::I32(512), "hello"),
            (&[], Value::I32(-1), "outside the memory"),
            (&[], Value::I64(Packed::new(65_530, 100).0.cast_signed()), "invalid memory access"),
            (&[(16, &long)], Value::I64(Packed::new(16, 1002).0.cast_signed()), "aaa…"),
            (&[], Value::I64(Packed::new(16, u32::MAX).0.cast_signed()), "longer than 65536"),
        ] {
            let error = read_capabilities(&mut memory_with(parts), Some(result)).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }
}
