//! Bytes as text: hexadecimal is written; hexadecimal and base64 are read.
//!
//! Which of the two a text is, its length tells: 32 bytes are 64 digits or 44 characters, 64 bytes are
//! 128 or 88.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A text that does not stand for bytes, or for another number of them than was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found {found} characters{}, wanted {wanted} bytes: {} hexadecimal digits, or {} characters of base64",
    if *.is_length { "" } else { " of which some belong to neither form" },
    .wanted * 2,
    .wanted.div_ceil(3) * 4
)]
pub struct EncodingError {
    /// Characters found.
    pub found: usize,
    /// Bytes wanted.
    pub wanted: usize,
    /// Whether the length is what is wrong.
    pub is_length: bool,
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

pub(crate) fn decode<const N: usize>(text: &str) -> Result<[u8; N], EncodingError> {
    let error = |is_length| EncodingError { found: text.len(), wanted: N, is_length };
    let mut bytes = [0; N];
    if text.len() == N * 2 {
        base16ct::mixed::decode(text, &mut bytes).map_err(|_| error(false))?;
    } else if text.len() == N.div_ceil(3) * 4 {
        let decoded = STANDARD.decode(text).map_err(|_| error(false))?;
        bytes = decoded.try_into().map_err(|_| error(true))?;
    } else {
        return Err(error(true));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_one_is_written() {
        let bytes: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let text = encode(&bytes);
        assert!(text.starts_with("000102") && text.len() == 64);
        assert_eq!(decode::<32>(&text).unwrap(), bytes);
        assert_eq!(decode::<32>(&text.to_uppercase()).unwrap(), bytes);
        assert_eq!(decode::<32>(&STANDARD.encode(bytes)).unwrap(), bytes);
    }

    #[test]
    fn what_is_neither_is_refused() {
        let base64 = STANDARD.encode([7; 64]);
        for text in ["", "00", &base64[..87], &format!("{base64}="), &"g".repeat(128)] {
            assert!(decode::<64>(text).is_err(), "{text}");
        }
        // 33 bytes in 44 characters, where padding is missing.
        assert!(decode::<32>(&"A".repeat(44)).is_err());
    }
}
