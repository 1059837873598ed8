//! What a leg says on its own, in place of the far leg's audio: tones and files, and digits as events or as sound.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::dtmf::tones::sound_of;
use crate::dtmf::{NotADigit, code_of};
use crate::tone::{SAMPLE_RATE, Tone, ToneGenerator};

/// Samples said at a time: 20 ms.
pub const STEP: usize = 160;
/// Silence between two digits that are sounds, in steps.
const GAP_STEPS: u32 = 4;
/// A digit as sound lasts from 40 ms to 8 s.
const DIGIT_MS: std::ops::RangeInclusive<u32> = 40..=8000;

/// A sound.
#[derive(Clone, Debug)]
pub enum Sound {
    /// A tone, without an end.
    Tone(ToneGenerator),
    /// Samples at 8000 Hz, once or over and over.
    Samples {
        /// Shared: many legs may say one file.
        samples: Arc<[i16]>,
        /// Begin again at the end.
        repeat: bool,
        /// What comes next.
        position: usize,
    },
}

impl Sound {
    /// `None` for a tone that can't be: see [`ToneGenerator::new`].
    #[must_use]
    pub fn tone(tone: &Tone) -> Option<Self> {
        ToneGenerator::new(tone).map(Self::Tone)
    }

    /// Samples from their beginning; `None` without any.
    #[must_use]
    pub fn samples(samples: Arc<[i16]>, repeat: bool) -> Option<Self> {
        (!samples.is_empty()).then_some(Self::Samples { samples, repeat, position: 0 })
    }

    /// Fills `pcm` with what comes next, with silence after the end; whether it has ended.
    pub fn fill(&mut self, pcm: &mut [i16]) -> bool {
        match self {
            Self::Tone(generator) => generator.fill(pcm),
            Self::Samples { samples, repeat, position } => {
                for sample in pcm {
                    let Some(&next) = samples.get(*position) else {
                        *sample = 0;
                        continue;
                    };
                    *sample = next;
                    *position += 1;
                    if *repeat && *position == samples.len() {
                        *position = 0;
                    }
                }
                return *position == samples.len();
            }
        }
        false
    }
}

/// Digits that are said as sound.
#[derive(Clone, Debug, Default)]
pub struct DigitSounds {
    /// Code, steps.
    waiting: VecDeque<(u8, u32)>,
    playing: Option<(ToneGenerator, u32)>,
    gap: u32,
}

impl DigitSounds {
    /// Queues digits, each so long.
    ///
    /// # Errors
    /// The first that is no digit; nothing is queued then.
    pub fn queue(&mut self, digits: &str, duration_ms: u32) -> Result<(), NotADigit> {
        let steps =
            duration_ms.clamp(*DIGIT_MS.start(), *DIGIT_MS.end()) * (SAMPLE_RATE / 1000) / STEP as u32;
        let codes: Vec<u8> = digits.chars().map(code_of).collect::<Result<_, _>>()?;
        self.waiting.extend(codes.into_iter().map(|code| (code, steps)));
        Ok(())
    }

    /// True when everything has been said.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.playing.is_none() && self.waiting.is_empty() && self.gap == 0
    }

    /// Fills one step.
    pub fn fill(&mut self, pcm: &mut [i16; STEP]) {
        pcm.fill(0);
        if self.gap > 0 {
            self.gap -= 1;
            return;
        }
        if self.playing.is_none() {
            self.playing = self.waiting.pop_front().and_then(|(code, steps)| Some((sound_of(code)?, steps)));
        }
        if let Some((generator, steps)) = &mut self.playing {
            generator.fill(pcm);
            *steps -= 1;
            if *steps == 0 {
                self.playing = None;
                self.gap = GAP_STEPS;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::tones::{DigitDetector, ended};

    #[test]
    fn samples_end_once_or_never() {
        let mut once = Sound::samples(Arc::from([1i16, 2, 3]), false).unwrap();
        let mut pcm = [9; 2];
        assert!(!once.fill(&mut pcm));
        assert!(once.fill(&mut pcm));
        assert_eq!(pcm, [3, 0]);
        let mut again = Sound::samples(Arc::from([1i16, 2, 3]), true).unwrap();
        let mut pcm = [0; 7];
        assert!(!again.fill(&mut pcm));
        assert_eq!(pcm, [1, 2, 3, 1, 2, 3, 1]);
        assert!(Sound::samples(Arc::from([]), true).is_none());
    }

    #[test]
    fn digits_are_heard_as_they_were_queued() {
        let mut sounds = DigitSounds::default();
        sounds.queue("19#d", 80).unwrap();
        let (mut detector, mut heard) = (DigitDetector::default(), Vec::new());
        while !sounds.is_idle() {
            let mut pcm = [0; STEP];
            sounds.fill(&mut pcm);
            detector.feed(&pcm, &mut |sign, _| heard.extend(ended(sign).map(|digit| digit.code)));
        }
        assert_eq!(heard, [1, 9, 11, 15]);
        assert_eq!(sounds.queue("1x", 80), Err(NotADigit('x')));
        assert!(sounds.is_idle());
    }
}
