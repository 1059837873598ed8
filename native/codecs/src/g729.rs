//! G.729 with the bit stream of Annex A: frames of 10 ms in 10 octets (RFC 3551 §4.5.6), by the crate `g729-sys`.
//!
//! We answer `annexb=no` and send no silence descriptors. A peer that sends them all the same ends a payload with one of two
//! octets: it becomes comfort noise, and so does the silence after it, which reaches us as lost stretches. Concealment is the
//! codec's own (ITU-T G.729 §4.4) with our fade behind it, for it never ends by itself.

use crate::fade::Fade;
use crate::{CodecError, Decoder, Encoder};

/// Samples of a frame.
pub const FRAME_SAMPLES: usize = g729_sys::FRAME_SAMPLES;
/// Octets of a frame of speech.
pub const FRAME_OCTETS: usize = g729_sys::VOICE_FRAME_BYTES;
const SILENCE_OCTETS: usize = 2;

/// 8 kHz samples to octets.
pub struct G729Encoder(g729_sys::Encoder);

impl Default for G729Encoder {
    fn default() -> Self {
        Self(g729_sys::Encoder::new(false))
    }
}

impl Encoder for G729Encoder {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        let frames = pcm.chunks_exact(FRAME_SAMPLES);
        if !frames.remainder().is_empty() {
            return Err(CodecError::PartFrame);
        }
        let payload = payload.get_mut(..frames.len() * FRAME_OCTETS).ok_or(CodecError::NoRoom)?;
        let places = payload.chunks_exact_mut(FRAME_OCTETS).filter_map(<[u8]>::first_chunk_mut);
        for (frame, octets) in frames.filter_map(<[i16]>::first_chunk).zip(places) {
            self.0.encode_into(frame, octets);
        }
        Ok(payload.len())
    }
}

/// Octets to 8 kHz samples.
pub struct G729Decoder {
    decoder: g729_sys::Decoder,
    fade: Fade,
    /// The last frame was, or stands for, silence: a lost one is more of it.
    silent: bool,
}

impl Default for G729Decoder {
    fn default() -> Self {
        Self { decoder: g729_sys::Decoder::new(), fade: Fade::new(8000), silent: false }
    }
}

impl Decoder for G729Decoder {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError> {
        let frames = payload.chunks_exact(FRAME_OCTETS);
        let rest = frames.remainder();
        let silence = rest.len() == SILENCE_OCTETS;
        let count = frames.len() + usize::from(silence);
        if count == 0 {
            return Err(CodecError::Malformed);
        }
        let pcm = pcm.get_mut(..count * FRAME_SAMPLES).ok_or(CodecError::NoRoom)?;
        let (speech, noise) = pcm.split_at_mut(frames.len() * FRAME_SAMPLES);
        for (frame, place) in frames.zip(speech.chunks_exact_mut(FRAME_SAMPLES)) {
            place.copy_from_slice(&self.decoder.decode(frame, false, false, false));
        }
        if silence {
            noise.copy_from_slice(&self.decoder.decode(rest, false, true, false));
        }
        self.silent = silence;
        self.fade.heard(pcm);
        Ok(pcm.len())
    }

    fn conceal(&mut self, pcm: &mut [i16]) {
        for place in pcm.chunks_mut(FRAME_SAMPLES) {
            let frame = self.decoder.decode(&[], true, self.silent, false);
            place.copy_from_slice(&frame[..place.len()]);
        }
        if !self.silent {
            self.fade.lost(pcm);
        }
    }
}
