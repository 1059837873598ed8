//! What a terminal says.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::outgoing::speech::{STEP, Sound};
use crate::tone::Tone;
#[cfg(doc)]
use crate::tone::ToneGenerator;

/// Octets of the longest payload that an echo keeps.
const MAX_ECHO: usize = 480;
/// Packets an echo keeps at most; beyond it the oldest are dropped, so that the delay stays below 100 ms.
pub(super) const ECHO_DEPTH: usize = 5;

/// What a terminal says.
#[derive(Clone, Debug)]
pub enum Source {
    /// Silence, which is still sent.
    Silence,
    /// A tone.
    Tone(Tone),
    /// Samples at 8000 Hz, once or over and over; after the end, silence.
    Samples {
        /// Shared: many terminals may play one file.
        samples: Arc<[i16]>,
        /// Begin again at the end.
        repeat: bool,
    },
    /// What it hears, packet for packet; nothing when it hears nothing.
    Echo,
}

/// A source that can't be: see [`ToneGenerator::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImpossibleTone;

/// A source at work.
#[derive(Debug)]
pub(super) enum Voice {
    Silence,
    Sound(Sound),
    /// What was heard and is still to be said.
    Echo(VecDeque<Vec<u8>>),
}

impl Voice {
    /// From the beginning of a source.
    pub(super) fn new(source: Source) -> Result<Self, ImpossibleTone> {
        Ok(match source {
            Source::Silence => Self::Silence,
            Source::Tone(tone) => Self::Sound(Sound::tone(&tone).ok_or(ImpossibleTone)?),
            Source::Samples { samples, repeat } => {
                Sound::samples(samples, repeat).map_or(Self::Silence, Self::Sound)
            }
            Source::Echo => Self::Echo(VecDeque::with_capacity(ECHO_DEPTH)),
        })
    }

    /// Fills `pcm` with what comes next; whether the source has ended with it.
    pub(super) fn fill(&mut self, pcm: &mut [i16; STEP]) -> bool {
        let Self::Sound(sound) = self else {
            return false;
        };
        let ended = sound.fill(pcm);
        if ended {
            *self = Self::Silence;
        }
        ended
    }

    /// True while it is a tone.
    pub(super) const fn is_tone(&self) -> bool {
        matches!(self, Self::Sound(Sound::Tone(_)))
    }

    /// Takes a payload that an echo is to say.
    pub(super) fn echo(&mut self, payload: &[u8]) {
        if payload.len() > MAX_ECHO {
            return;
        }
        if let Self::Echo(heard) = self {
            if heard.len() == ECHO_DEPTH {
                heard.pop_front();
            }
            heard.push_back(payload.to_vec());
        }
    }
}
