//! Tones: making one, and telling which of a few known ones is in the audio (Goertzel's algorithm).
//!
//! Levels are dBm0 as G.711 means it: a sine at the coder's overload point is +3.14 dBm0 (A-law) or +3.17 dBm0 (mu-law);
//! the mean of the two is used for both.

use std::f64::consts::TAU;

/// Samples a second, everywhere in this crate.
pub const SAMPLE_RATE: u32 = 8000;

/// Level of a full-scale sine.
const OVERLOAD_DBM0: f64 = 3.15;
const FULL_SCALE: f64 = 32768.0;
/// 20 ms: frequencies at least 100 Hz apart are told apart.
const BLOCK: usize = 160;
/// A block is silent below this power.
const SILENCE_DBM0: f64 = -45.0;
/// Share of a block's power that a frequency needs to count as heard: each of a pair of tones has half.
const SHARE: f64 = 0.2;

/// One or two sines, all the time or in a cadence.
#[derive(Clone, Debug, PartialEq)]
pub struct Tone {
    /// One or two frequencies in Hz.
    pub frequencies_hz: Vec<f64>,
    /// Level of each of them.
    pub level_dbm0: f64,
    /// Milliseconds on and off, over and over; `None` for a steady tone.
    pub cadence_ms: Option<(u32, u32)>,
}

/// A [`Tone`] as samples.
#[derive(Clone, Debug)]
pub struct ToneGenerator {
    phases: Vec<(f64, f64)>,
    amplitude: f64,
    cadence: Option<(u64, u64)>,
    position: u64,
}

impl ToneGenerator {
    /// `None` unless there are one or two frequencies within 50–3900 Hz, the level is −60 to +3 dBm0, and a cadence has
    /// sound in it.
    #[must_use]
    pub fn new(tone: &Tone) -> Option<Self> {
        if !matches!(tone.frequencies_hz.len(), 1 | 2)
            || !tone.frequencies_hz.iter().all(|hz| (50.0..=3900.0).contains(hz))
            || !(-60.0..=3.0).contains(&tone.level_dbm0)
            || tone.cadence_ms.is_some_and(|(on, _)| on == 0)
        {
            return None;
        }
        let per_ms = u64::from(SAMPLE_RATE / 1000);
        Some(Self {
            phases: tone.frequencies_hz.iter().map(|hz| (0.0, TAU * hz / f64::from(SAMPLE_RATE))).collect(),
            amplitude: FULL_SCALE * 10f64.powf((tone.level_dbm0 - OVERLOAD_DBM0) / 20.0),
            cadence: tone.cadence_ms.map(|(on, off)| (u64::from(on) * per_ms, u64::from(off) * per_ms)),
            position: 0,
        })
    }

    /// Fills `samples` with what comes next.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            let sounding = self.cadence.is_none_or(|(on, off)| self.position % (on + off) < on);
            self.position += 1;
            let mut sum = 0.0;
            for (phase, step) in &mut self.phases {
                sum += phase.sin();
                *phase = (*phase + *step) % TAU;
            }
            *sample = if sounding { (sum * self.amplitude) as i16 } else { 0 };
        }
    }
}

/// How long and how loud one frequency was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// As asked for.
    pub frequency_hz: f64,
    /// Milliseconds, in steps of 20.
    pub duration_ms: u64,
    /// Mean level while it was heard; `None` when it never was.
    pub level_dbm0: Option<f64>,
}

#[derive(Clone, Debug)]
struct Bin {
    frequency_hz: f64,
    coefficient: f64,
    blocks: u64,
    power: f64,
}

/// Listens for a given set of frequencies, block by block of 20 ms.
#[derive(Clone, Debug, Default)]
pub struct ToneDetector {
    bins: Vec<Bin>,
    block: Vec<i16>,
}

impl ToneDetector {
    /// `None` unless there are at most sixteen frequencies, each within 50–3900 Hz.
    #[must_use]
    pub fn new(frequencies_hz: &[f64]) -> Option<Self> {
        if frequencies_hz.len() > 16 || !frequencies_hz.iter().all(|hz| (50.0..=3900.0).contains(hz)) {
            return None;
        }
        let bins = frequencies_hz
            .iter()
            .map(|&frequency_hz| Bin {
                frequency_hz,
                coefficient: 2.0 * (TAU * frequency_hz / f64::from(SAMPLE_RATE)).cos(),
                blocks: 0,
                power: 0.0,
            })
            .collect();
        Some(Self { bins, block: Vec::with_capacity(BLOCK) })
    }

    /// Listens to `samples`; a part of a block waits for the rest.
    pub fn feed(&mut self, mut samples: &[i16]) {
        if self.bins.is_empty() {
            return;
        }
        while !samples.is_empty() {
            let taken = samples.len().min(BLOCK - self.block.len());
            self.block.extend_from_slice(&samples[..taken]);
            samples = &samples[taken..];
            if self.block.len() == BLOCK {
                self.judge_block();
                self.block.clear();
            }
        }
    }

    /// What was heard so far, in the order asked for.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.bins
            .iter()
            .map(|bin| Heard {
                frequency_hz: bin.frequency_hz,
                duration_ms: bin.blocks * BLOCK as u64 * 1000 / u64::from(SAMPLE_RATE),
                level_dbm0: (bin.blocks > 0).then(|| level(bin.power / bin.blocks as f64)),
            })
            .collect()
    }

    fn judge_block(&mut self) {
        let total = self.block.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / BLOCK as f64;
        if total <= 0.0 || level(total) < SILENCE_DBM0 {
            return;
        }
        for bin in &mut self.bins {
            let (mut last, mut before) = (0.0, 0.0);
            for &sample in &self.block {
                let next = f64::from(sample) + bin.coefficient * last - before;
                before = last;
                last = next;
            }
            let squared = last * last + before * before - bin.coefficient * last * before;
            // |X| = A·N/2, and a sine's power is A²/2.
            let power = 2.0 * squared / (BLOCK * BLOCK) as f64;
            if power >= SHARE * total {
                bin.blocks += 1;
                bin.power += power;
            }
        }
    }
}

/// dBm0 of a sine with this mean square.
fn level(power: f64) -> f64 {
    10.0 * (power / (FULL_SCALE * FULL_SCALE / 2.0)).log10() + OVERLOAD_DBM0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(
        frequencies_hz: &[f64],
        level_dbm0: f64,
        cadence_ms: Option<(u32, u32)>,
        count: usize,
    ) -> Vec<i16> {
        let tone = Tone { frequencies_hz: frequencies_hz.to_vec(), level_dbm0, cadence_ms };
        let mut samples = vec![0; count];
        ToneGenerator::new(&tone).unwrap().fill(&mut samples);
        samples
    }

    fn heard(frequencies_hz: &[f64], samples: &[i16]) -> Vec<(u64, Option<f64>)> {
        let mut detector = ToneDetector::new(frequencies_hz).unwrap();
        for piece in samples.chunks(73) {
            detector.feed(piece);
        }
        detector.heard().iter().map(|heard| (heard.duration_ms, heard.level_dbm0)).collect()
    }

    #[test]
    fn one_tone_is_heard_at_its_level_and_no_other() {
        let result = heard(&[440.0, 1004.0, 540.0], &samples(&[440.0], -10.0, None, 8000));
        assert_eq!(result[0].0, 1000);
        assert!((result[0].1.unwrap() + 10.0).abs() < 0.3, "{result:?}");
        assert_eq!(&result[1..], [(0, None), (0, None)]);
    }

    #[test]
    fn both_of_a_pair_are_heard() {
        let result = heard(&[350.0, 440.0, 700.0], &samples(&[350.0, 440.0], -13.0, None, 8000));
        assert!(result[0].0 >= 980 && result[1].0 >= 980 && result[2].0 == 0, "{result:?}");
    }

    #[test]
    fn cadence_leaves_pauses() {
        let result = heard(&[425.0], &samples(&[425.0], -10.0, Some((200, 300)), 8000));
        assert_eq!(result[0].0, 400);
    }

    #[test]
    fn silence_and_noise_are_no_tone() {
        assert_eq!(heard(&[440.0], &[0; 8000]), [(0, None)]);
        assert_eq!(heard(&[440.0], &samples(&[440.0], -50.0, None, 8000)), [(0, None)], "below the floor");
        let mut state = 1u32;
        let noise: Vec<i16> = (0..16000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 18) as i16 - 8192
            })
            .collect();
        assert!(heard(&[440.0], &noise)[0].0 <= 20);
    }

    #[test]
    fn a_full_scale_tone_does_not_wrap() {
        let loud = samples(&[1000.0], 3.0, None, 8000);
        assert!(loud.iter().any(|&sample| sample > 32000) && loud.iter().any(|&sample| sample < -32000));
        let pair = samples(&[350.0, 440.0], 3.0, None, 8000);
        assert_eq!(pair.iter().copied().max(), Some(i16::MAX), "clipped, not wrapped");
    }

    #[test]
    fn impossible_tones_are_refused() {
        let tone = |frequencies_hz: &[f64], level_dbm0, cadence_ms| Tone {
            frequencies_hz: frequencies_hz.to_vec(),
            level_dbm0,
            cadence_ms,
        };
        assert!(ToneGenerator::new(&tone(&[], 0.0, None)).is_none());
        assert!(ToneGenerator::new(&tone(&[1.0], 0.0, None)).is_none());
        assert!(ToneGenerator::new(&tone(&[f64::NAN], 0.0, None)).is_none());
        assert!(ToneGenerator::new(&tone(&[440.0], 9.0, None)).is_none());
        assert!(ToneGenerator::new(&tone(&[440.0; 3], 0.0, None)).is_none());
        assert!(ToneGenerator::new(&tone(&[440.0], 0.0, Some((0, 100)))).is_none());
        assert!(ToneDetector::new(&[440.0; 17]).is_none());
        assert!(ToneDetector::new(&[5000.0]).is_none());
    }
}
