//! Speex at 16 kHz, by the reference library: frames of 20 ms, any number in a payload (RFC 5574 §3).
//!
//! Encodes at quality 8, 27.8 kbit/s, whatever the peer's `mode` wishes: every decoder takes every mode. Concealment is the
//! library's own, with our fade behind it.

mod ffi;
mod frames;

use crate::fade::Fade;
use crate::{CodecError, Decoder, Encoder};
use ffi::{DecoderState, EncoderState};

/// Samples of a frame.
pub const FRAME_SAMPLES: usize = 320;
/// Octets of a frame at our quality.
pub const FRAME_OCTETS: usize = 70;
const QUALITY: i32 = 8;
/// 1 to 10: how long the encoder searches. At 2 a loud tone that began at 8 kHz comes out broken for 300 ms.
const COMPLEXITY: i32 = 3;

/// 16 kHz samples to octets.
pub struct SpeexEncoder(EncoderState);

impl SpeexEncoder {
    /// In its initial state.
    ///
    /// # Errors
    /// `NoState` without memory.
    pub fn new() -> Result<Self, CodecError> {
        EncoderState::new(QUALITY, COMPLEXITY).map(Self).ok_or(CodecError::NoState)
    }
}

impl Encoder for SpeexEncoder {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        let frames = pcm.chunks_exact(FRAME_SAMPLES);
        if !frames.remainder().is_empty() {
            return Err(CodecError::PartFrame);
        }
        if payload.len() < frames.len() * FRAME_OCTETS {
            return Err(CodecError::NoRoom);
        }
        self.0.begin();
        for frame in frames.filter_map(<[i16]>::first_chunk) {
            self.0.add(frame);
        }
        Ok(self.0.write(payload))
    }
}

/// Octets to 16 kHz samples.
pub struct SpeexDecoder {
    state: DecoderState,
    fade: Fade,
}

impl SpeexDecoder {
    /// In its initial state.
    ///
    /// # Errors
    /// `NoState` without memory.
    pub fn new() -> Result<Self, CodecError> {
        let state = DecoderState::new().ok_or(CodecError::NoState)?;
        Ok(Self { state, fade: Fade::new(16000) })
    }
}

impl Decoder for SpeexDecoder {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError> {
        let frames = frames::count(payload);
        if frames == 0 {
            return Err(CodecError::Malformed);
        }
        let pcm = pcm.get_mut(..frames * FRAME_SAMPLES).ok_or(CodecError::NoRoom)?;
        self.state.begin(payload);
        for frame in pcm.chunks_exact_mut(FRAME_SAMPLES).filter_map(<[i16]>::first_chunk_mut) {
            if !self.state.next(frame) {
                self.state.conceal(frame);
            }
        }
        self.fade.heard(pcm);
        Ok(pcm.len())
    }

    fn conceal(&mut self, pcm: &mut [i16]) {
        for place in pcm.chunks_mut(FRAME_SAMPLES) {
            let mut frame = [0; FRAME_SAMPLES];
            self.state.conceal(&mut frame);
            place.copy_from_slice(&frame[..place.len()]);
        }
        self.fade.lost(pcm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(count: usize) -> Vec<i16> {
        let step = std::f64::consts::TAU * 500.0 / 16000.0;
        (0..count).map(|n| (8000.0 * (step * n as f64).sin()) as i16).collect()
    }

    fn level(pcm: &[i16]) -> f64 {
        (pcm.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / pcm.len() as f64 * 2.0).sqrt()
    }

    #[test]
    fn a_tone_keeps_its_level_and_frames_their_size() {
        let (mut encoder, mut decoder) = (SpeexEncoder::new().unwrap(), SpeexDecoder::new().unwrap());
        let mut heard = Vec::new();
        for pair in tone(320 * 50).chunks(640) {
            let (mut payload, mut pcm) = ([0; 200], [0; 1000]);
            let octets = encoder.encode(pair, &mut payload).unwrap();
            assert!((2 * FRAME_OCTETS - 1..=2 * FRAME_OCTETS).contains(&octets), "{octets}");
            assert_eq!(decoder.decode(&payload[..octets], &mut pcm), Ok(640));
            heard.extend_from_slice(&pcm[..640]);
        }
        assert!((level(&heard[3200..]) / 8000.0 - 1.0).abs() < 0.1, "{}", level(&heard[3200..]));
    }

    #[test]
    fn a_long_gap_falls_silent() {
        let (mut encoder, mut decoder) = (SpeexEncoder::new().unwrap(), SpeexDecoder::new().unwrap());
        let (mut payload, mut pcm) = ([0; 80], [0; 320]);
        for frame in tone(320 * 20).chunks(320) {
            let octets = encoder.encode(frame, &mut payload).unwrap();
            decoder.decode(&payload[..octets], &mut pcm).unwrap();
        }
        decoder.conceal(&mut pcm);
        assert!(level(&pcm) > 2000.0);
        for _ in 0..12 {
            decoder.conceal(&mut pcm[..160]);
        }
        decoder.conceal(&mut pcm);
        assert!(pcm.iter().all(|&sample| sample == 0));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (mut encoder, mut decoder) = (SpeexEncoder::new().unwrap(), SpeexDecoder::new().unwrap());
        let mut payload = [0; 140];
        assert_eq!(encoder.encode(&[0; 100], &mut payload), Err(CodecError::PartFrame));
        assert_eq!(encoder.encode(&[0; 640], &mut payload[..139]), Err(CodecError::NoRoom));
        let octets = encoder.encode(&[0; 640], &mut payload).unwrap();
        assert_eq!(decoder.decode(&payload[..octets], &mut [0; 639]), Err(CodecError::NoRoom));
        assert_eq!(decoder.decode(&[], &mut [0; 640]), Err(CodecError::Malformed));
    }

    #[test]
    fn random_octets_do_no_harm() {
        let mut state = 1u32;
        let mut decoder = SpeexDecoder::new().unwrap();
        let mut pcm = [0; 3840];
        for _ in 0..2000 {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) as u8
            };
            let payload: Vec<u8> = (0..usize::from(next())).map(|_| next()).collect();
            let _ = decoder.decode(&payload, &mut pcm);
        }
    }
}
