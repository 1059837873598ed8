//! iLBC (RFC 3951): frames of 20 ms in 38 octets or 30 ms in 50, each coded without what the one before said.
//!
//! Our own, in floating point after the RFC's reference code; a frame that it encodes is the reference's bit for bit, but for
//! rounding (`tests/vectors.rs`). [`packing`] is the bit stream; [`analysis`] and [`lsf`] are the prediction filters; a residual
//! is a start state ([`state`]), then blocks ([`blocks`]) of vectors from a codebook ([`codebook`], [`search`]); the decoder
//! smooths it ([`enhancer`], [`smoothing`]) and makes up what is lost ([`concealment`]).
//!
//! A payload is one or more frames of one mode (RFC 3952 §3.2), which its length tells: the one that SDP agreed on, or the
//! other from a peer that doesn't keep to it. Concealment is the codec's own, with our fade behind it, for it never ends by
//! itself.

mod analysis;
mod blocks;
mod codebook;
mod concealment;
mod decoder;
mod encoder;
mod enhancer;
mod filters;
mod lsf;
mod lsf_tables;
mod packing;
mod search;
mod smoothing;
mod state;
mod tables;

use crate::fade::Fade;
use crate::{CodecError, Decoder, Encoder};
use packing::{LAYOUT_20, LAYOUT_30, Layout};

/// Samples that have a filter of their own,
const SUBFRAME: usize = 40;
/// and how many there are in a frame, at most.
const SUBFRAMES: usize = 6;
/// Samples of a frame, at most.
const SAMPLES: usize = SUBFRAMES * SUBFRAME;

/// How long a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 20 ms in 38 octets.
    Ms20,
    /// 30 ms in 50 octets.
    Ms30,
}

impl Mode {
    const fn layout(self) -> &'static Layout {
        match self {
            Self::Ms20 => &LAYOUT_20,
            Self::Ms30 => &LAYOUT_30,
        }
    }
}

/// 8 kHz samples to octets.
pub struct IlbcEncoder {
    layout: &'static Layout,
    state: encoder::State,
}

impl IlbcEncoder {
    /// An encoder in its initial state.
    #[must_use]
    pub const fn new(mode: Mode) -> Self {
        Self { layout: mode.layout(), state: encoder::State::new(mode.layout()) }
    }
}

impl Encoder for IlbcEncoder {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        let frames = pcm.chunks_exact(self.layout.samples());
        if !frames.remainder().is_empty() {
            return Err(CodecError::PartFrame);
        }
        let payload = payload.get_mut(..frames.len() * self.layout.octets()).ok_or(CodecError::NoRoom)?;
        for (frame, octets) in frames.zip(payload.chunks_exact_mut(self.layout.octets())) {
            self.state.frame(frame, octets);
        }
        Ok(payload.len())
    }
}

/// Octets to 8 kHz samples.
pub struct IlbcDecoder {
    /// Of the frames that came last; before the first ones, what was agreed on.
    layout: &'static Layout,
    state: decoder::State,
    fade: Fade,
    /// A made-up frame, of which the last `left` samples were not asked for yet.
    made_up: [i16; SAMPLES],
    left: usize,
}

impl IlbcDecoder {
    /// A decoder in its initial state, for a peer that has agreed on `mode`.
    #[must_use]
    pub const fn new(mode: Mode) -> Self {
        Self {
            layout: mode.layout(),
            state: decoder::State::new(mode.layout()),
            fade: Fade::new(8000),
            made_up: [0; SAMPLES],
            left: 0,
        }
    }

    /// Of which mode the frames are: the same as before, if they can be.
    fn layout_of(&self, payload: &[u8]) -> Option<&'static Layout> {
        let whole = |layout: &&Layout| !payload.is_empty() && payload.len() % layout.octets() == 0;
        [self.layout, &LAYOUT_20, &LAYOUT_30].into_iter().find(whole)
    }
}

impl Decoder for IlbcDecoder {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError> {
        let layout = self.layout_of(payload).ok_or(CodecError::Malformed)?;
        let (octets, samples) = (layout.octets(), layout.samples());
        let pcm = pcm.get_mut(..payload.len() / octets * samples).ok_or(CodecError::NoRoom)?;
        if octets != self.layout.octets() {
            (self.layout, self.state) = (layout, decoder::State::new(layout));
        }
        for (octets, place) in payload.chunks_exact(octets).zip(pcm.chunks_exact_mut(samples)) {
            if self.state.frame(Some(octets), place) {
                self.fade.heard(place);
            } else {
                self.fade.lost(place);
            }
        }
        self.left = 0;
        Ok(pcm.len())
    }

    fn conceal(&mut self, pcm: &mut [i16]) {
        let mut room = &mut *pcm;
        while !room.is_empty() {
            let frame = &mut self.made_up[..self.layout.samples()];
            if self.left == 0 {
                self.state.frame(None, frame);
                self.left = frame.len();
            }
            let ready = &frame[frame.len() - self.left..];
            let (now, later) = room.split_at_mut(ready.len().min(room.len()));
            now.copy_from_slice(&ready[..now.len()]);
            self.left -= now.len();
            room = later;
        }
        self.fade.lost(pcm);
    }
}
