//! DTMF as sound: making a digit's two tones, and finding digits in audio (ITU-T Q.23, Q.24).

use std::f64::consts::TAU;

use crate::dtmf::Event;
use crate::tone::{SAMPLE_RATE, Tone, ToneGenerator};

const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// Rows by low tone, columns by high tone, as event codes (RFC 4733 §3.2).
const CODES: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];
/// Level of each of the two tones that we make.
const LEVEL_DBM0: f64 = -9.0;

/// The sound of an event code; `None` for one that is no DTMF digit.
#[must_use]
pub fn sound_of(code: u8) -> Option<ToneGenerator> {
    let (row, column) = (0..4)
        .flat_map(|row| (0..4).map(move |column| (row, column)))
        .find(|&(row, column)| CODES[row][column] == code)?;
    ToneGenerator::new(&Tone {
        frequencies_hz: vec![LOW[row], HIGH[column]],
        level_dbm0: LEVEL_DBM0,
        cadence_ms: None,
    })
}

/// 12.75 ms: the lowest two tones are one and a half bins apart, and a digit of 40 ms has two whole blocks in it.
const BLOCK: usize = 102;
/// Weaker tones than this are no digit (Q.24: −25 dBm0 and below need not be received).
const LEAST_DBM0: f64 = -30.0;
/// How much louder the low tone may be, and the high one, as ratios of power (Q.24: twist of 4 and 8 dB, with some room).
const LOW_OVER_HIGH: f64 = 10.0;
const HIGH_OVER_LOW: f64 = 5.0;
/// How much stronger the strongest of a group is than each other one.
const CLEAR: f64 = 5.0;
/// Share of the block's power in the two tones: speech has more beside them (talk-off).
const SHARE: f64 = 0.75;
/// Blocks that a digit must last to count, and silence or another sound to end it.
const BEGIN: u8 = 2;
const END: u8 = 2;

/// A digit that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// Its event code, 0–15.
    pub code: u8,
    /// How long it lasted.
    pub duration_ms: u32,
}

impl Digit {
    /// As a character.
    #[must_use]
    pub fn spelled(self) -> Option<char> {
        Event { code: self.code, end: true, volume: 0, duration: 0 }.digit()
    }
}

/// Finds digits in samples at 8000 a second.
#[derive(Clone, Debug)]
pub struct DigitDetector {
    block: Vec<i16>,
    /// The digit of the last blocks, and for how many.
    current: Option<u8>,
    blocks: u32,
    /// Blocks without it since.
    missed: u8,
}

impl Default for DigitDetector {
    fn default() -> Self {
        Self { block: Vec::with_capacity(BLOCK), current: None, blocks: 0, missed: 0 }
    }
}

impl DigitDetector {
    /// Listens on; tells each digit when it has ended.
    pub fn feed(&mut self, mut samples: &[i16], found: &mut dyn FnMut(Digit)) {
        while !samples.is_empty() {
            let taken = samples.len().min(BLOCK - self.block.len());
            self.block.extend_from_slice(&samples[..taken]);
            samples = &samples[taken..];
            if self.block.len() == BLOCK {
                let heard = digit_in(&self.block);
                self.block.clear();
                if let Some(digit) = self.follow(heard) {
                    found(digit);
                }
            }
        }
    }

    fn follow(&mut self, heard: Option<u8>) -> Option<Digit> {
        if heard.is_some() && heard == self.current {
            self.blocks += 1 + u32::from(self.missed);
            self.missed = 0;
            return None;
        }
        self.missed += 1;
        if self.current.is_some() && self.missed < END {
            return None;
        }
        let ended = self
            .current
            .filter(|_| self.blocks >= u32::from(BEGIN))
            .map(|code| Digit { code, duration_ms: self.blocks * BLOCK as u32 * 1000 / SAMPLE_RATE });
        (self.current, self.blocks, self.missed) = (heard, u32::from(heard.is_some()), 0);
        ended
    }
}

fn digit_in(block: &[i16]) -> Option<u8> {
    let total: f64 = block.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / block.len() as f64;
    let least = (32768.0f64).powi(2) / 2.0 * 10f64.powf((LEAST_DBM0 - 3.15) / 10.0);
    if total < 2.0 * least {
        return None;
    }
    let (row, low) = strongest(block, &LOW)?;
    let (column, high) = strongest(block, &HIGH)?;
    let clear = low >= least
        && high >= least
        && low <= LOW_OVER_HIGH * high
        && high <= HIGH_OVER_LOW * low
        && low + high >= SHARE * total;
    clear.then(|| CODES[row][column])
}

fn strongest(block: &[i16], group: &[f64; 4]) -> Option<(usize, f64)> {
    let powers = group.map(|hz| power_at(block, hz));
    let (best, &power) = powers.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let clear = powers.iter().enumerate().all(|(index, &other)| index == best || power >= CLEAR * other);
    clear.then_some((best, power))
}

/// Goertzel's algorithm: the mean square of the part of `block` that is a sine of `hz`.
fn power_at(block: &[i16], hz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * hz / f64::from(SAMPLE_RATE)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for &sample in block {
        let next = f64::from(sample) + coefficient * last - before;
        (before, last) = (last, next);
    }
    let squared = last * last + before * before - coefficient * last * before;
    2.0 * squared / (block.len() * block.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(samples: &[i16]) -> Vec<Digit> {
        let mut detector = DigitDetector::default();
        let mut digits = Vec::new();
        for piece in samples.chunks(160) {
            detector.feed(piece, &mut |digit| digits.push(digit));
        }
        digits
    }

    fn sound(code: u8, count: usize) -> Vec<i16> {
        let mut samples = vec![0; count];
        sound_of(code).unwrap().fill(&mut samples);
        samples
    }

    #[test]
    fn every_digit_is_found_once_and_about_as_long_as_it_was() {
        for code in 0..16 {
            let digits = heard(&[vec![0; 333], sound(code, 800), vec![0; 400]].concat());
            assert_eq!(digits.len(), 1, "{code}");
            assert_eq!(digits[0].code, code);
            assert!((75..=105).contains(&digits[0].duration_ms), "{} ms", digits[0].duration_ms);
        }
        assert!(sound_of(16).is_none());
    }

    #[test]
    fn the_same_digit_twice_is_two_and_a_scratch_in_one_is_one() {
        let pause = vec![0; 400];
        let twice = [sound(5, 640), pause.clone(), sound(5, 640), pause.clone()].concat();
        assert_eq!(heard(&twice).len(), 2);
        let mut scratched = [sound(5, 1000), pause].concat();
        scratched[480..500].fill(0);
        assert_eq!(heard(&scratched).len(), 1);
    }

    #[test]
    fn too_short_or_too_quiet_is_nothing() {
        assert!(heard(&[sound(5, 120), vec![0; 400]].concat()).is_empty());
        let quiet: Vec<i16> = sound(5, 800).iter().map(|sample| sample / 60).collect();
        assert!(heard(&[quiet, vec![0; 400]].concat()).is_empty());
    }

    #[test]
    fn one_tone_two_low_ones_or_noise_are_no_digit() {
        let made = |frequencies_hz: &[f64]| {
            let tone = Tone { frequencies_hz: frequencies_hz.to_vec(), level_dbm0: -9.0, cadence_ms: None };
            let mut samples = vec![0; 1600];
            ToneGenerator::new(&tone).unwrap().fill(&mut samples);
            samples
        };
        for frequencies in
            [&[770.0][..], &[697.0, 941.0], &[440.0, 480.0], &[350.0, 440.0], &[1000.0, 1250.0]]
        {
            assert!(heard(&made(frequencies)).is_empty(), "{frequencies:?}");
        }
        let mut state = 1u32;
        let noise: Vec<i16> = (0..80_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 18) as i16
            })
            .collect();
        assert!(heard(&noise).is_empty());
    }

    #[test]
    fn codes_spell_as_events_do() {
        let spelled = |code| Digit { code, duration_ms: 0 }.spelled();
        assert_eq!(
            CODES.map(|row| row.map(|code| spelled(code).unwrap())).concat().iter().collect::<String>(),
            "123A456B789C*0#D"
        );
    }
}
