//! G.722 at 64 kbit/s: two bands of 8 kHz, each an adaptive differential code; six bits for the low one, two for the high one.
//!
//! Bit-exact with the ITU-T's reference code on its own speech vectors, through the filter banks (`tests/vectors.rs`).
//! [`band`] is the adaptive part that coder and decoder share (blocks 2 to 4 of the recommendation), [`filters`] parts the 16 kHz
//! signal into the bands and joins it again. Own code, because the crates at hand start from other states or miss the vectors.
//!
//! G.722 has no concealment in its main body; ours repeats the waveform ([`crate::concealment`]).

mod band;
mod filters;

use crate::concealment::Concealer;
use crate::{CodecError, Decoder, Encoder};
use band::{Band, HIGH, LOW};
use filters::{Analysis, Synthesis};

/// Pairs of samples that pass through the filter bank at a time: 5 ms.
const BLOCK: usize = 40;

/// 16 kHz samples to octets, two samples an octet.
pub struct G722Encoder {
    analysis: Analysis,
    low: Band,
    high: Band,
}

impl Default for G722Encoder {
    fn default() -> Self {
        Self { analysis: Analysis::default(), low: Band::new(&LOW), high: Band::new(&HIGH) }
    }
}

impl Encoder for G722Encoder {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        if pcm.len() % 2 != 0 {
            return Err(CodecError::PartFrame);
        }
        let payload = payload.get_mut(..pcm.len() / 2).ok_or(CodecError::NoRoom)?;
        for (pcm, octets) in pcm.chunks(2 * BLOCK).zip(payload.chunks_mut(BLOCK)) {
            let mut bands = [[0; 2]; BLOCK];
            self.analysis.part(pcm, &mut bands);
            for (octet, [low, high]) in octets.iter_mut().zip(bands) {
                *octet = (self.high.encode_high(high) << 6) | self.low.encode_low(low);
            }
        }
        Ok(payload.len())
    }
}

/// Octets to 16 kHz samples.
pub struct G722Decoder {
    synthesis: Synthesis,
    low: Band,
    high: Band,
    concealer: Concealer,
}

impl Default for G722Decoder {
    fn default() -> Self {
        Self {
            synthesis: Synthesis::default(),
            low: Band::new(&LOW),
            high: Band::new(&HIGH),
            concealer: Concealer::new(16000),
        }
    }
}

impl Decoder for G722Decoder {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError> {
        if payload.is_empty() {
            return Err(CodecError::Malformed);
        }
        let pcm = pcm.get_mut(..2 * payload.len()).ok_or(CodecError::NoRoom)?;
        for (octets, pcm) in payload.chunks(BLOCK).zip(pcm.chunks_mut(2 * BLOCK)) {
            let mut bands = [[0; 2]; BLOCK];
            for (band, &octet) in bands.iter_mut().zip(octets) {
                *band = [self.low.decode_low(octet & 0x3f), self.high.decode_high(octet >> 6)];
            }
            self.synthesis.join(&bands, pcm);
        }
        self.concealer.heard(pcm);
        Ok(pcm.len())
    }

    fn conceal(&mut self, pcm: &mut [i16]) {
        self.concealer.conceal(pcm);
    }
}
