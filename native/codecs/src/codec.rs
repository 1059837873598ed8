//! The six codecs by name: their rates, their frames, and how to make one.
//!
//! Names are the encoding names of SDP: RFC 3551 table 4 (PCMU, PCMA, G722, G729), RFC 3952 (iLBC), RFC 5574 (speex).

use crate::{CodecError, Decoder, Encoder, g711, g722, g729, ilbc, speex};

/// One way of putting audio into RTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 A-law.
    Pcma,
    /// G.711 mu-law.
    Pcmu,
    /// G.722 at 64 kbit/s: 16 kHz audio, but an RTP clock of 8000 (RFC 3551 §4.5.2).
    G722,
    /// G.729 with Annex A's bit stream; sends no silence descriptors (`annexb=no`), survives them.
    G729,
    /// iLBC with frames of 20 or 30 ms (RFC 3951).
    Ilbc {
        /// 20 or 30.
        frame_ms: u8,
    },
    /// Speex wideband, 16 kHz.
    Speex,
}

impl Codec {
    /// Every codec, both frame lengths of iLBC among them.
    pub const ALL: [Self; 7] = [
        Self::Pcma,
        Self::Pcmu,
        Self::G722,
        Self::G729,
        Self::Ilbc { frame_ms: 20 },
        Self::Ilbc { frame_ms: 30 },
        Self::Speex,
    ];

    /// By its encoding name in SDP, in any case; `ilbc_frame_ms` is iLBC's `mode` and must be 20 or 30 for it.
    #[must_use]
    pub fn from_name(name: &str, ilbc_frame_ms: u8) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|codec| {
            codec.name().eq_ignore_ascii_case(name)
                && match codec {
                    Self::Ilbc { frame_ms } => *frame_ms == ilbc_frame_ms,
                    _ => true,
                }
        })
    }

    /// The encoding name as RFCs spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
            Self::G722 => "G722",
            Self::G729 => "G729",
            Self::Ilbc { .. } => "iLBC",
            Self::Speex => "speex",
        }
    }

    /// Samples per second of the audio outside.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        match self {
            Self::G722 | Self::Speex => 16000,
            _ => 8000,
        }
    }

    /// Ticks per second of RTP timestamps.
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Speex => 16000,
            _ => 8000,
        }
    }

    /// Samples of the smallest unit that an encoder takes: 10 ms of G.711, G.722 and G.729; a frame of iLBC or Speex.
    #[must_use]
    pub const fn frame_samples(self) -> usize {
        match self {
            Self::Pcma | Self::Pcmu | Self::G729 => 80,
            Self::G722 => 160,
            Self::Ilbc { frame_ms } => 8 * frame_ms as usize,
            Self::Speex => 320,
        }
    }

    /// Octets that the encoder makes of one frame.
    #[must_use]
    pub const fn frame_octets(self) -> usize {
        match self {
            Self::Pcma | Self::Pcmu | Self::G722 => 80,
            Self::G729 => g729::FRAME_OCTETS,
            Self::Ilbc { frame_ms: 30 } => 50,
            Self::Ilbc { .. } => 38,
            Self::Speex => speex::FRAME_OCTETS,
        }
    }

    /// Whether a payload becomes one of `other` octet by octet: see [`Decoder::recode`].
    #[must_use]
    pub const fn is_recoded_to(self, other: Self) -> bool {
        matches!((self, other), (Self::Pcma, Self::Pcmu) | (Self::Pcmu, Self::Pcma))
    }

    /// A decoder in its initial state.
    ///
    /// # Errors
    /// `NoState` without memory.
    pub fn decoder(self) -> Result<Box<dyn Decoder>, CodecError> {
        match self {
            Self::Pcma => Ok(Box::new(g711::G711Decoder::new(g711::Law::A))),
            Self::Pcmu => Ok(Box::new(g711::G711Decoder::new(g711::Law::Mu))),
            Self::G722 => Ok(Box::new(g722::G722Decoder::default())),
            Self::G729 => Ok(Box::new(g729::G729Decoder::default())),
            Self::Ilbc { frame_ms } => Ok(Box::new(ilbc::IlbcDecoder::new(mode(frame_ms)))),
            Self::Speex => Ok(Box::new(speex::SpeexDecoder::new()?)),
        }
    }

    /// An encoder in its initial state.
    ///
    /// # Errors
    /// `NoState` without memory.
    pub fn encoder(self) -> Result<Box<dyn Encoder>, CodecError> {
        match self {
            Self::Pcma => Ok(Box::new(g711::Law::A)),
            Self::Pcmu => Ok(Box::new(g711::Law::Mu)),
            Self::G722 => Ok(Box::new(g722::G722Encoder::default())),
            Self::G729 => Ok(Box::new(g729::G729Encoder::default())),
            Self::Ilbc { frame_ms } => Ok(Box::new(ilbc::IlbcEncoder::new(mode(frame_ms)))),
            Self::Speex => Ok(Box::new(speex::SpeexEncoder::new()?)),
        }
    }
}

const fn mode(frame_ms: u8) -> ilbc::Mode {
    if frame_ms == 30 { ilbc::Mode::Ms30 } else { ilbc::Mode::Ms20 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_ilbc_by_its_mode() {
        assert_eq!(Codec::from_name("pcmu", 20), Some(Codec::Pcmu));
        assert_eq!(Codec::from_name("Speex", 0), Some(Codec::Speex));
        assert_eq!(Codec::from_name("ILBC", 30), Some(Codec::Ilbc { frame_ms: 30 }));
        assert_eq!(Codec::from_name("iLBC", 25), None);
        assert_eq!(Codec::from_name("opus", 20), None);
    }
}
