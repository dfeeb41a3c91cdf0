//! Things that are no text, each as small as it may be.

use super::fingerprint;

/// Samples of sound in a second.
const RATE: u32 = 8_000;

/// Samples for each word: a twentieth of a second.
const WORD: u32 = RATE / 20;

/// A PNG of one transparent pixel.
pub(super) const PNG: [u8; 68] = *b"\x89PNG\r\n\x1a\n\
    \x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x04\x00\x00\x00\xb5\x1c\x0c\x02\
    \x00\x00\x00\x0bIDAT\x78\xda\x63\x60\x60\x00\x00\x00\x03\x00\x01\x2b\x09\x4d\x84\
    \x00\x00\x00\x00IEND\xae\x42\x60\x82";

/// A WAV file, mono with 16 bits: a square wave for each word, as high as its hash says.
pub(super) fn wav(text: &str) -> Vec<u8> {
    // A file without sound is refused by some.
    let words: Vec<&str> = text.split_whitespace().take(1000).collect();
    let words = if words.is_empty() { vec![""] } else { words };
    let mut sound = Vec::new();
    for word in words {
        // Between 100 and 1,000 Hz, half a period at a time.
        let half = 4 + fingerprint(word.as_bytes()) % 36;
        for at in 0..u64::from(WORD) {
            let up = (at / half).is_multiple_of(2);
            let sample: i16 = if up { 4_000 } else { -4_000 };
            sound.extend_from_slice(&sample.to_le_bytes());
        }
    }
    let length = u32::try_from(sound.len()).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(44 + sound.len());
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&length.saturating_add(36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    // PCM, one channel.
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(RATE * 2).to_le_bytes());
    // Bytes and bits of a sample.
    file.extend_from_slice(&2_u16.to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&sound);
    file
}

/// A vector of length 1.
pub(super) fn embedding(text: &str, dimensions: u64) -> Vec<f32> {
    let part = |at: u64| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.extend_from_slice(&at.to_le_bytes());
        // 16 bits are a number that each step below keeps exactly.
        let bits = u16::try_from(fingerprint(&bytes) >> 48).unwrap_or_default();
        f32::from(bits) - 32_767.5
    };
    let parts: Vec<f32> = (0..dimensions).map(part).collect();
    let length = parts.iter().map(|part| part * part).sum::<f32>().sqrt();
    parts.iter().map(|part| part / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_as_long_as_the_header_says() {
        for (text, words) in [("", 1), ("one", 1), ("one two  three", 3)] {
            let file = wav(text);
            assert_eq!(file.len(), 44 + words * 800, "{text}");
            let length = u32::from_le_bytes(file[40..44].try_into().unwrap());
            assert_eq!(length as usize, words * 800);
        }
        assert_ne!(wav("one"), wav("two"));
    }

    #[test]
    fn vectors_have_length_one_and_differ() {
        for dimensions in [1, 8, 1024] {
            let vector = embedding("a", dimensions);
            assert_eq!(vector.len() as u64, dimensions);
            let length: f32 = vector.iter().map(|part| part * part).sum();
            assert!((length - 1.0).abs() < 1e-4, "{length}");
        }
        assert_eq!(embedding("a", 8), embedding("a", 8));
        assert_ne!(embedding("a", 8), embedding("b", 8));
    }
}
