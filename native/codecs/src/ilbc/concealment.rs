//! A residual for frames that are lost: the last pitch cycles again, and noise, each as far as the speech before was voiced
//! (RFC 3951 §4.5, Appendix A.14).

use super::filters::{IDENTITY, Lpc, dot, energy};
use super::lsf::Filters;
use super::{SAMPLES, SUBFRAMES};

/// How far from the last pitch the best one is looked for, and over how many samples.
const SEARCH: usize = 3;
const COMPARED: usize = 60;
/// Below this lag, two cycles are repeated in turn.
const LAG_SINGLE: usize = 80;
/// Square roots of the periodicity from where on it is noise no more, and from where on wholly voiced.
const NOISE: f32 = 0.4;
const VOICED: f32 = 0.7;
/// Samples lost in a row after which each lost frame is softer than the one before, and by how much.
const FULL_LEVEL: usize = 320;
const SOFTER: f32 = 0.9;
/// Gains within a frame: for the first 80 samples, the next, and those after.
const GAINS: [f32; 3] = [1.0, 0.95, 0.9];
/// Below this amplitude there is only noise.
const QUIET: f32 = 30.0;
/// Noise is taken from this many samples before, and up to as many more.
const NOISE_LAG: usize = 50;
const NOISE_LAGS: u32 = 70;

/// What is kept from frame to frame.
pub(super) struct Concealment {
    samples: usize,
    residual: [f32; SAMPLES],
    filter: Lpc,
    /// Frames lost in a row.
    lost: usize,
    lag: usize,
    periodicity: f32,
    seed: u32,
}

impl Concealment {
    /// For frames of so many samples.
    pub(super) const fn new(samples: usize) -> Self {
        Self {
            samples,
            residual: [0.0; SAMPLES],
            filter: IDENTITY,
            lost: 0,
            lag: 120,
            periodicity: 0.0,
            seed: 777,
        }
    }

    /// Remembers a frame.
    pub(super) const fn heard(&mut self, residual: &[f32; SAMPLES], filter: &Lpc) {
        (self.residual, self.filter, self.lost) = (*residual, *filter, 0);
    }

    /// Makes up a frame after one whose pitch was `lag`.
    pub(super) fn lost(&mut self, lag: usize) -> ([f32; SAMPLES], Filters) {
        if self.lost == 0 {
            self.find_pitch(lag);
        }
        self.lost = (self.lost + 1).min(FULL_LEVEL);
        let level = if self.lost * self.samples > FULL_LEVEL { SOFTER } else { 1.0 };
        let voiced = ((self.periodicity.sqrt() - NOISE) / (VOICED - NOISE)).clamp(0.0, 1.0);
        let lag = if self.lag < LAG_SINGLE { 2 * self.lag } else { self.lag };

        // Both go on from the frame before.
        let mut noise = [0.0; 2 * SAMPLES];
        noise[..self.samples].copy_from_slice(&self.residual[..self.samples]);
        let mut mixed = noise;
        for at in self.samples..2 * self.samples {
            let gain = level * GAINS[(at - self.samples) / 80];
            noise[at] = noise[at - self.noise_lag()];
            mixed[at] = gain * (voiced * mixed[at - lag] + (1.0 - voiced) * noise[at]);
        }
        let made = self.samples..2 * self.samples;
        let quiet = (energy(&mixed[made.clone()]) / self.samples as f32).sqrt() < QUIET;
        self.residual[..self.samples].copy_from_slice(&if quiet { noise } else { mixed }[made]);
        (self.residual, [self.filter; SUBFRAMES])
    }

    /// Finds the lag near `near` at which the last residual repeats itself best, and how well it does.
    fn find_pitch(&mut self, near: usize) {
        let end = self.samples;
        let mut best = f32::MIN;
        for lag in near - SEARCH..=near + SEARCH {
            let len = COMPARED.min(end - lag);
            let last = &self.residual[end - len..end];
            let other = &self.residual[end - len - lag..end - lag];
            let (product, power) = (dot(last, other), energy(other));
            let (found, periodicity) = if power > 0.0 {
                (product * product / power, product.abs() / (power.sqrt() * energy(last).sqrt()))
            } else {
                (0.0, 0.0)
            };
            if found > best {
                best = found;
                (self.lag, self.periodicity) = (lag, periodicity);
            }
        }
    }

    fn noise_lag(&mut self) -> usize {
        self.seed = self.seed.wrapping_mul(69069).wrapping_add(1) & 0x7fff_ffff;
        NOISE_LAG + (self.seed % NOISE_LAGS) as usize
    }
}
