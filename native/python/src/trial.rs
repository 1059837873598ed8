//! Whether this build speaks a codec, found by speaking it.

use std::time::{Duration, Instant};

use pyo3::prelude::*;
use trunkline_codecs::{Codec, CodecError};
use trunkline_media::tone::{SAMPLE_RATE, Tone, ToneGenerator};

use crate::errors::argument;

const STRETCH_MS: u32 = 20;
/// Two thirds of a second, and a whole number of frames of every codec.
const SAID_MS: u32 = 33 * STRETCH_MS;
/// The fastest counts: others share the machine.
const ROUNDS: usize = 3;
const HERTZ: f64 = 700.0;
const LEVEL_DBM0: f64 = -12.0;

/// One codec, tried: a tone of 700 Hz encoded and decoded.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct CodecTrial {
    codec: Codec,
    encode: Duration,
    decode: Duration,
    loudness_change_db: f64,
}

#[pymethods]
impl CodecTrial {
    #[new]
    fn new(py: Python<'_>, name: &str, ilbc_frame_ms: u8) -> PyResult<Self> {
        let codec = Codec::from_name(name, ilbc_frame_ms)
            .ok_or_else(|| argument(format!("{name:?} is no codec of this engine")))?;
        py.detach(|| tried(codec)).map_err(|error| argument(format!("{name}: {error}")))
    }

    /// Samples per second of the audio: 8000 or 16000.
    #[getter]
    fn sample_rate(&self) -> u32 {
        self.codec.sample_rate()
    }

    /// Milliseconds of audio in one frame.
    #[getter]
    fn frame_ms(&self) -> usize {
        self.codec.frame_samples() * 1000 / self.codec.sample_rate() as usize
    }

    /// Octets of one frame, as we send it.
    #[getter]
    fn frame_octets(&self) -> usize {
        self.codec.frame_octets()
    }

    /// Microseconds of CPU that 20 ms of audio take to encode here.
    #[getter]
    fn encode_us(&self) -> f64 {
        self.encode.as_secs_f64() * 1e6
    }

    /// Microseconds of CPU that 20 ms of audio take to decode here.
    #[getter]
    fn decode_us(&self) -> f64 {
        self.decode.as_secs_f64() * 1e6
    }

    /// How much louder the tone came out than it went in, in dB; about 0 for a codec that works.
    #[getter]
    fn loudness_change_db(&self) -> f64 {
        self.loudness_change_db
    }
}

fn tried(codec: Codec) -> Result<CodecTrial, CodecError> {
    let said = tone(codec.sample_rate());
    let mut heard = vec![0; said.len()];
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        let times = spoken(codec, &said, &mut heard)?;
        best = [best[0].min(times[0]), best[1].min(times[1])];
    }
    let settled = said.len() / 4;
    let loudness_change_db = 10.0 * (power(&heard[settled..]) / power(&said[settled..])).log10();
    let [encode, decode] = best.map(|time| time / (SAID_MS / STRETCH_MS));
    Ok(CodecTrial { codec, encode, decode, loudness_change_db })
}

/// Encodes and decodes frame after frame; the time of each.
fn spoken(codec: Codec, said: &[i16], heard: &mut [i16]) -> Result<[Duration; 2], CodecError> {
    let (mut encoder, mut decoder) = (codec.encoder()?, codec.decoder()?);
    let mut payloads = Vec::new();
    let start = Instant::now();
    for frame in said.chunks_exact(codec.frame_samples()) {
        let mut payload = vec![0; codec.frame_octets()];
        let len = encoder.encode(frame, &mut payload)?;
        payload.truncate(len);
        payloads.push(payload);
    }
    let between = Instant::now();
    for (payload, frame) in payloads.iter().zip(heard.chunks_exact_mut(codec.frame_samples())) {
        decoder.decode(payload, frame)?;
    }
    Ok([between - start, between.elapsed()])
}

fn tone(sample_rate: u32) -> Vec<i16> {
    let frequencies_hz = vec![HERTZ * f64::from(SAMPLE_RATE) / f64::from(sample_rate)];
    let mut samples = vec![0; (SAID_MS * sample_rate / 1000) as usize];
    if let Some(mut generator) =
        ToneGenerator::new(&Tone { frequencies_hz, level_dbm0: LEVEL_DBM0, cadence_ms: None })
    {
        generator.fill(&mut samples);
    }
    samples
}

fn power(samples: &[i16]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64
}
