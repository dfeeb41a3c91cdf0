//! What is in a WAV file.

use std::io::Cursor;

use hound::{SampleFormat, WavReader};
use plugbay::ServiceError;
use rodio::Decoder;

use super::folder::failed;

/// The samples of a sound, which are decoded while it is played.
pub(super) type Wav = Decoder<Cursor<Vec<u8>>>;

/// Reads a file's head. Its samples end where the file does, or with the first that makes no sense.
pub(super) fn decode(name: &str, bytes: Vec<u8>) -> Result<Wav, ServiceError> {
    let no_wav = |error: &dyn std::fmt::Display| failed(name, &format!("is no WAV file: {error}"));
    // rodio panics on some heads that hound lets pass, and plays nothing of what it does not know.
    let spec = WavReader::new(bytes.as_slice()).map_err(|error| no_wav(&error))?.spec();
    let known = match spec.sample_format {
        SampleFormat::Int => matches!(spec.bits_per_sample, 8 | 16 | 24 | 32),
        SampleFormat::Float => spec.bits_per_sample == 32,
    };
    if !known || !(1..=8).contains(&spec.channels) || !(1_000..=384_000).contains(&spec.sample_rate)
    {
        let (channels, rate, bits) = (spec.channels, spec.sample_rate, spec.bits_per_sample);
        let found =
            format!("has {channels} channels of {bits} bits at {rate} Hz, which is not played");
        return Err(failed(name, &found));
    }
    Decoder::new_wav(Cursor::new(bytes)).map_err(|error| no_wav(&error))
}

#[cfg(test)]
pub(super) mod tests {
    use hound::{WavSpec, WavWriter};
    use rodio::Source as _;

    use super::*;

    /// A file with these samples, of 16 bits.
    pub(crate) fn wav(channels: u16, sample_rate: u32, samples: &[i16]) -> Vec<u8> {
        let (bits_per_sample, sample_format) = (16, SampleFormat::Int);
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format };
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).unwrap();
        samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
        writer.finalize().unwrap();
        file.into_inner()
    }

    fn error(bytes: Vec<u8>) -> String {
        decode("bell", bytes).err().unwrap().to_string()
    }

    #[test]
    fn a_file_comes_back_as_it_was_written() {
        let sound = decode("bell", wav(2, 22_050, &[0, 16_384, -16_384, i16::MIN])).unwrap();
        assert_eq!((sound.channels().get(), sound.sample_rate().get()), (2, 22_050));
        let samples: Vec<f32> = sound.collect();
        let wanted = [0.0, 0.5, -0.5, -1.0];
        assert!(samples.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-3));
        assert_eq!(samples.len(), 4);
    }

    #[test]
    fn a_file_that_ends_early_is_played_as_far_as_it_goes() {
        let mut bytes = wav(1, 8_000, &[1; 100]);
        bytes.truncate(bytes.len() - 101);
        assert_eq!(decode("bell", bytes).unwrap().count(), 49);
        assert_eq!(decode("bell", wav(1, 8_000, &[])).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_sound_is_told() {
        assert!(error(Vec::new()).starts_with("the sound \"bell\" is no WAV file: "));
        assert!(
            error(b"RIFF and no more".to_vec()).starts_with("the sound \"bell\" is no WAV file: ")
        );
        let rate = error(wav(1, 999, &[1]));
        assert_eq!(
            rate,
            "the sound \"bell\" has 1 channels of 16 bits at 999 Hz, which is not played"
        );
        assert!(error(wav(9, 8_000, &[1; 9])).contains("has 9 channels"));
    }

    /// Every head that is wrong in one byte is an answer, and no panic.
    #[test]
    fn no_head_breaks_it() {
        let good = wav(2, 8_000, &[1, 2, 3, 4]);
        for at in 0..44 {
            for value in [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff] {
                let mut bytes = good.clone();
                bytes[at] = value;
                if let Ok(sound) = decode("bell", bytes) {
                    assert!(sound.take(100).count() <= 100);
                }
            }
        }
    }
}
