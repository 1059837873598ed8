//! WAV files as the terminals use them: 8000 Hz, mono, 16 bits. Works on bytes; the engine reads and writes files.

use std::fmt;
use std::io::Cursor;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::tone::SAMPLE_RATE;

/// Why a file can't be played.
#[derive(Debug)]
pub enum WavError {
    /// It is no WAV file, or a broken one.
    Unreadable(hound::Error),
    /// It is one of another format. It isn't converted: convert it beforehand.
    Format(WavSpec),
    /// It has no sound in it.
    Empty,
}

impl fmt::Display for WavError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "not a readable WAV file: {error}"),
            Self::Format(spec) => write!(
                f,
                "a WAV file must be 8000 Hz, mono, 16-bit integers; this one is {} Hz, {} channel(s), {}-bit {}",
                spec.sample_rate,
                spec.channels,
                spec.bits_per_sample,
                if spec.sample_format == SampleFormat::Int { "integers" } else { "floats" },
            ),
            Self::Empty => write!(f, "the WAV file has no samples"),
        }
    }
}

impl std::error::Error for WavError {}

const SPEC: WavSpec =
    WavSpec { channels: 1, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };

/// The samples of a WAV file.
///
/// # Errors
/// [`WavError`] when it is not one, not of the one format, or empty.
pub fn decode(bytes: &[u8]) -> Result<Vec<i16>, WavError> {
    let reader = WavReader::new(Cursor::new(bytes)).map_err(WavError::Unreadable)?;
    if reader.spec() != SPEC {
        return Err(WavError::Format(reader.spec()));
    }
    let samples: Vec<i16> =
        reader.into_samples::<i16>().collect::<Result<_, _>>().map_err(WavError::Unreadable)?;
    if samples.is_empty() { Err(WavError::Empty) } else { Ok(samples) }
}

/// A WAV file of `samples`.
///
/// # Errors
/// When the file would exceed the format's 4 GiB.
pub fn encode(samples: &[i16]) -> Result<Vec<u8>, WavError> {
    let mut bytes = Cursor::new(Vec::with_capacity(44 + 2 * samples.len()));
    let mut writer = WavWriter::new(&mut bytes, SPEC).map_err(WavError::Unreadable)?;
    for &sample in samples {
        writer.write_sample(sample).map_err(WavError::Unreadable)?;
    }
    writer.finalize().map_err(WavError::Unreadable)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let samples = [0, 1, -1, i16::MAX, i16::MIN];
        assert_eq!(decode(&encode(&samples).unwrap()).unwrap(), samples);
    }

    #[test]
    fn refuses_other_formats_and_says_which() {
        let mut bytes = Cursor::new(Vec::new());
        let spec = WavSpec { channels: 2, sample_rate: 44100, ..SPEC };
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        writer.write_sample(1i16).unwrap();
        writer.write_sample(1i16).unwrap();
        writer.finalize().unwrap();
        let error = decode(&bytes.into_inner()).unwrap_err().to_string();
        assert!(error.contains("44100 Hz") && error.contains("2 channel"), "{error}");
    }

    #[test]
    fn refuses_rubbish_and_emptiness() {
        assert!(matches!(decode(b"RIFF"), Err(WavError::Unreadable(_))));
        assert!(matches!(decode(&encode(&[]).unwrap()), Err(WavError::Empty)));
        let whole = encode(&[1, 2, 3]).unwrap();
        assert!(decode(&whole[..whole.len() - 3]).is_err(), "cut short");
    }
}
