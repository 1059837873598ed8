//! Line spectral frequencies to prediction filters: what coder and decoder must do alike (RFC 3951 §3.2.4, §3.2.6, §4.1).

use super::SUBFRAMES;
use std::f32::consts::TAU;

use super::filters::{IDENTITY, Lpc, ORDER};
use super::lsf_tables::{LSF_HIGH, LSF_LOW, LSF_MIDDLE};

/// One set of line spectral frequencies, in radians.
pub(super) type Lsf = [f32; ORDER];
/// The two sets of a frame of 30 ms; a frame of 20 ms has the same one twice.
pub(super) type Sets = [Lsf; 2];
/// A filter for each subframe.
pub(super) type Filters = [Lpc; SUBFRAMES];

const HALF: usize = ORDER / 2;
const PER_TWO_PI: f32 = 0.159_154_94;
/// The least distance of two frequencies that is left as it is, and how far each of two closer ones is moved.
const APART: f32 = 0.039;
const MOVE: f32 = 0.0195;
const LOWEST: f32 = 0.01;
#[expect(clippy::approx_constant, reason = "the RFC's bound is less than pi")]
const HIGHEST: f32 = 3.14;

/// Shares of the older set in each subframe: of the set before the frame, or in 30 ms, after the first subframe, of the first.
const SHARES_20: [f32; 4] = [0.75, 0.5, 0.25, 0.0];
const SHARES_30: [f32; SUBFRAMES] = [0.5, 1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0];

/// The set that the three parts of an index stand for.
pub(super) fn dequantised(index: [u16; 3]) -> Lsf {
    let mut lsf = [0.0; ORDER];
    let [low, middle, high] = index.map(usize::from);
    lsf[..3].copy_from_slice(&LSF_LOW[low % LSF_LOW.len()]);
    lsf[3..6].copy_from_slice(&LSF_MIDDLE[middle % LSF_MIDDLE.len()]);
    lsf[6..].copy_from_slice(&LSF_HIGH[high % LSF_HIGH.len()]);
    lsf
}

/// Moves frequencies apart that would make an unstable filter (RFC 3951 §3.2.5).
pub(super) fn stabilise(lsf: &mut Lsf) {
    for _ in 0..2 {
        for at in 0..ORDER - 1 {
            let (low, high) = (lsf[at], lsf[at + 1]);
            if high < low {
                lsf[at + 1] = low + MOVE;
                lsf[at] = lsf[at + 1] - MOVE;
            } else if high - low < APART {
                lsf[at] = low - MOVE;
                lsf[at + 1] = high + MOVE;
            }
            lsf[at] = lsf[at].clamp(LOWEST, HIGHEST);
        }
    }
}

/// The filters of a frame of 20 or 30 ms between the last set of the frame before, and its own.
pub(super) fn interpolated(thirty: bool, old: &Lsf, sets: &Sets) -> Filters {
    let mut filters = [IDENTITY; SUBFRAMES];
    let shares: &[f32] = if thirty { &SHARES_30 } else { &SHARES_20 };
    for (at, (filter, &share)) in filters.iter_mut().zip(shares).enumerate() {
        let (before, after) = if thirty && at > 0 { (&sets[0], &sets[1]) } else { (old, &sets[0]) };
        let mut lsf = *after;
        for (frequency, before) in lsf.iter_mut().zip(before) {
            *frequency = share * before + (1.0 - share) * *frequency;
        }
        *filter = to_filter(&lsf);
    }
    filters
}

/// The filter that resonates between the frequencies of each pair.
fn to_filter(lsf: &Lsf) -> Lpc {
    let mut lsf = lsf.map(|frequency| frequency * PER_TWO_PI);
    if lsf[0] <= 0.0 || lsf[ORDER - 1] >= 0.5 {
        if lsf[0] <= 0.0 {
            lsf[0] = 0.022;
        }
        if lsf[ORDER - 1] >= 0.5 {
            lsf[ORDER - 1] = 0.499;
        }
        let step = (lsf[ORDER - 1] - lsf[0]) / (ORDER - 1) as f32;
        for at in 1..ORDER {
            lsf[at] = lsf[at - 1] + step;
        }
    }
    let cosines = lsf.map(|frequency| (TAU * frequency).cos());
    let mut even = Cascade::default();
    let mut odd = Cascade::default();
    let mut filter = IDENTITY;
    even.step(0.25, &cosines, 0);
    odd.step(0.25, &cosines, 1);
    for (at, coefficient) in filter[1..].iter_mut().enumerate() {
        let input = if at == 0 { 0.25 } else { 0.0 };
        *coefficient = 2.0 * (even.step(input, &cosines, 0) + odd.step(-input, &cosines, 1));
    }
    filter
}

/// Five second-order sections, one after the other, whose impulse response is one half of a filter's coefficients.
#[derive(Default)]
struct Cascade {
    before: [f32; HALF],
    before_that: [f32; HALF],
}

impl Cascade {
    /// Takes one sample through, with every other of the cosines.
    fn step(&mut self, input: f32, cosines: &Lsf, odd: usize) -> f32 {
        let mut value = input;
        for at in 0..HALF {
            let next = value - 2.0 * cosines[2 * at + odd] * self.before[at] + self.before_that[at];
            self.before_that[at] = self.before[at];
            self.before[at] = value;
            value = next;
        }
        value
    }
}

/// `filter` with its resonances damped by `factor`.
pub(super) fn damped(filter: &Lpc, factor: f32) -> Lpc {
    let mut damped = *filter;
    let mut chirp = factor;
    for coefficient in &mut damped[1..] {
        *coefficient *= chirp;
        chirp *= factor;
    }
    damped
}
