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
/// Blocks begin half a block apart: what begins in the midst of one is seen 19 ms later at the latest.
const STEP: usize = BLOCK / 2;
/// Blocks in a row that a digit must fill to count, and those without it that end it: 25 ms both.
const BEGIN: u32 = 3;
const END: u32 = 4;

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

/// What a detector has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A digit may have begun here.
    Suspected,
    /// It had not.
    Refuted,
    /// It has, and has lasted so long by now.
    Lasts(Digit),
    /// It is over.
    Ended(Digit),
}

/// A digit under way.
#[derive(Clone, Copy, Debug)]
struct Current {
    code: u8,
    /// Steps from its first block to its last.
    steps: u32,
    /// Blocks without it since.
    missed: u32,
}

impl Current {
    const fn is_certain(&self) -> bool {
        self.steps >= BEGIN
    }

    const fn digit(&self) -> Digit {
        let samples = (self.steps + 1) * STEP as u32;
        Digit { code: self.code, duration_ms: samples * 1000 / SAMPLE_RATE }
    }
}

/// Finds digits in samples at 8000 a second, as they go on.
#[derive(Clone, Debug)]
pub struct DigitDetector {
    block: Vec<i16>,
    current: Option<Current>,
}

impl Default for DigitDetector {
    fn default() -> Self {
        Self { block: Vec::with_capacity(BLOCK), current: None }
    }
}

impl DigitDetector {
    /// Listens on. Tells what it finds, and at which of the samples; what began before them began at the first.
    pub fn feed(&mut self, samples: &[i16], found: &mut dyn FnMut(Sign, usize)) {
        let mut fed = 0;
        while fed < samples.len() {
            let taken = (samples.len() - fed).min(BLOCK - self.block.len());
            self.block.extend_from_slice(&samples[fed..fed + taken]);
            fed += taken;
            if self.block.len() == BLOCK {
                let heard = digit_in(&self.block);
                self.block.drain(..STEP);
                self.follow(heard, &mut |sign| found(sign, fed.saturating_sub(BLOCK)));
            }
        }
    }

    /// True while a digit may have begun, and it is too early to tell.
    #[must_use]
    pub fn suspects(&self) -> bool {
        self.current.is_some_and(|current| !current.is_certain())
    }

    /// The digit that is under way for certain.
    #[must_use]
    pub fn lasting(&self) -> Option<Digit> {
        self.current.filter(Current::is_certain).map(|current| current.digit())
    }

    /// Nothing follows on what was heard so far: the digit that this ends.
    pub fn finish(&mut self) -> Option<Digit> {
        let lasting = self.lasting();
        self.block.clear();
        self.current = None;
        lasting
    }

    fn follow(&mut self, heard: Option<u8>, found: &mut dyn FnMut(Sign)) {
        if let Some(current) = &mut self.current {
            if heard == Some(current.code) {
                current.steps += 1 + std::mem::take(&mut current.missed);
                if current.is_certain() {
                    found(Sign::Lasts(current.digit()));
                }
                return;
            }
            current.missed += 1;
            if current.is_certain() && current.missed < END {
                return;
            }
            found(if current.is_certain() { Sign::Ended(current.digit()) } else { Sign::Refuted });
        }
        self.current = heard.map(|code| Current { code, steps: 1, missed: 0 });
        if heard.is_some() {
            found(Sign::Suspected);
        }
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

/// The digit that a sign ends.
#[cfg(test)]
pub(crate) const fn ended(sign: Sign) -> Option<Digit> {
    if let Sign::Ended(digit) = sign { Some(digit) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(samples: &[i16]) -> Vec<Digit> {
        let mut detector = DigitDetector::default();
        let mut digits = Vec::new();
        for piece in samples.chunks(160) {
            detector.feed(piece, &mut |sign, _| digits.extend(ended(sign)));
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
        scratched[480..560].fill(0);
        let digits = heard(&scratched);
        assert_eq!(digits.len(), 1);
        assert!((120..=130).contains(&digits[0].duration_ms), "{digits:?}");
    }

    #[test]
    fn a_digit_is_suspected_before_much_of_it_was_heard_and_grows() {
        for (code, silence) in (0..16).flat_map(|code| (0..STEP).map(move |silence| (code, 200 + silence))) {
            let samples = [vec![0; silence], sound(code, 640), vec![0; 400]].concat();
            let (mut detector, mut signs, mut fed) = (DigitDetector::default(), Vec::new(), 0);
            for piece in samples.chunks(1) {
                fed += 1;
                detector.feed(piece, &mut |sign, _| signs.push((sign, fed)));
            }
            let suspected = signs.iter().rposition(|(sign, _)| *sign == Sign::Suspected).unwrap();
            let heard = signs[suspected].1 - silence;
            assert!(heard <= 160, "{code} after {silence}: only after {heard} samples");
            let durations: Vec<u32> = signs[suspected + 1..]
                .iter()
                .map(|(sign, _)| match sign {
                    Sign::Lasts(digit) | Sign::Ended(digit) => digit.duration_ms,
                    other => panic!("{other:?}"),
                })
                .collect();
            assert!(durations.is_sorted(), "{durations:?}");
            assert!((25..=45).contains(&durations[0]), "{durations:?}");
            assert!((75..=90).contains(durations.last().unwrap()), "{durations:?}");
            assert!(matches!(signs.last(), Some((Sign::Ended(_), _))));
            assert!(!detector.suspects() && detector.lasting().is_none());
        }
    }

    #[test]
    fn a_scratch_is_suspected_and_refuted() {
        let (mut detector, mut signs) = (DigitDetector::default(), Vec::new());
        detector.feed(&[vec![0; 204], sound(5, 110), vec![0; 204]].concat(), &mut |sign, at| {
            signs.push((sign, at));
        });
        assert_eq!(signs.iter().map(|(sign, _)| *sign).collect::<Vec<_>>(), [Sign::Suspected, Sign::Refuted]);
        assert!((190..=220).contains(&signs[0].1), "at {}", signs[0].1);
    }

    #[test]
    fn what_ends_with_the_stream_is_finished() {
        let mut detector = DigitDetector::default();
        detector.feed(&sound(7, 800), &mut |_, _| ());
        assert_eq!(detector.finish().map(|digit| digit.code), Some(7));
        assert_eq!(detector.finish(), None);
        let (mut anew, mut signs) = (DigitDetector::default(), [Vec::new(), Vec::new()]);
        detector.feed(&sound(5, 800), &mut |sign, at| signs[0].push((sign, at)));
        anew.feed(&sound(5, 800), &mut |sign, at| signs[1].push((sign, at)));
        assert_eq!(signs[0], signs[1], "it goes on as a new one");
    }

    #[test]
    fn too_short_or_too_quiet_is_nothing() {
        assert!(heard(&[sound(5, 120), vec![0; 400]].concat()).is_empty());
        let quiet: Vec<i16> = sound(5, 800).iter().map(|sample| sample / 60).collect();
        assert!(heard(&[quiet, vec![0; 400]].concat()).is_empty());
    }

    /// What is heard in tones together, each of so many Hz and dBm0.
    fn heard_in(tones: &[(f64, f64)]) -> Vec<u8> {
        let mut samples = vec![0i16; 1200];
        for &(hz, level_dbm0) in tones {
            let tone = Tone { frequencies_hz: vec![hz], level_dbm0, cadence_ms: None };
            let mut part = vec![0; 800];
            ToneGenerator::new(&tone).unwrap().fill(&mut part);
            samples.iter_mut().zip(part).for_each(|(sample, part)| *sample += part);
        }
        heard(&samples).iter().map(|digit| digit.code).collect()
    }

    #[test]
    fn a_digit_is_as_loud_as_q_24_has_it_with_as_much_twist_and_little_beside_it() {
        for (low, high, found) in [
            (-28.0, -28.0, true),
            (-32.0, -32.0, false),
            (-10.0, -15.0, true),
            (-25.0, -32.0, false),
            (-32.0, -28.0, false),
            (-6.0, -15.0, true),
            (-6.0, -18.0, false),
            (-12.0, -6.0, true),
            (-15.0, -6.0, false),
        ] {
            let heard = heard_in(&[(770.0, low), (1336.0, high)]);
            assert_eq!(heard == [5], found, "{low} and {high}");
        }
        for (hz, level, found) in
            [(852.0, -19.0, true), (852.0, -13.0, false), (2500.0, -15.0, true), (2500.0, -9.0, false)]
        {
            let heard = heard_in(&[(770.0, -9.0), (1336.0, -9.0), (hz, level)]);
            assert_eq!(heard == [5], found, "beside {hz} at {level}");
        }
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
