//! The encoder's linear prediction: windows, autocorrelation, and line spectral frequencies quantised (RFC 3951 §3.2).

use std::f32::consts::TAU;

use super::SAMPLES;
use super::filters::{IDENTITY, Lpc, ORDER, correlate};
use super::lsf::{self, Filters, Lsf, Sets, damped};
use super::lsf_tables::{LSF_HIGH, LSF_LOW, LSF_MIDDLE};
use super::tables::{LAG_WINDOW, LSF_MEAN, WINDOW, WINDOW_LAST};

/// Samples before a frame of 30 ms that the prediction looks at too.
const LOOKBACK: usize = 60;
const LINE: usize = LOOKBACK + SAMPLES;
/// How much the resonances of the prediction are damped before they are quantised, and those of the weighting.
const CHIRP: f32 = 0.9025;
const CHIRP_WEIGHT: f32 = 0.4222;
/// Less energy than this is silence.
pub(super) const EPSILON: f32 = 2.220_446e-16;
/// Steps in the search for roots, as shares of the sampling frequency.
const STEPS: [f32; 4] = [0.00635, 0.003175, 0.0015875, 0.00079375];
const HUGE: f32 = 1.0e37;

/// What the prediction of one frame comes to.
pub(super) struct Prediction {
    pub(super) index: [[u16; 3]; 2],
    pub(super) filters: Filters,
    /// The filters that weigh errors by how well they are heard.
    pub(super) weights: Filters,
}

/// What is kept from frame to frame.
pub(super) struct Analysis {
    line: [f32; LINE],
    old: Lsf,
    old_quantised: Lsf,
}

impl Analysis {
    pub(super) const fn new() -> Self {
        Self { line: [0.0; LINE], old: LSF_MEAN, old_quantised: LSF_MEAN }
    }

    /// Takes a frame of 160 or 240 samples.
    pub(super) fn predict(&mut self, frame: &[f32]) -> Prediction {
        let thirty = frame.len() == SAMPLES;
        let kept = LINE - frame.len();
        self.line[kept..].copy_from_slice(frame);
        let last = frequencies(&damped(&prediction(&self.line[LOOKBACK..], &WINDOW_LAST), CHIRP));
        let sets = if thirty {
            [frequencies(&damped(&prediction(&self.line[..SAMPLES], &WINDOW), CHIRP)), last]
        } else {
            [last; 2]
        };
        self.line.copy_within(frame.len().., 0);

        let index = sets.map(|set| quantised(&set));
        let mut quantised: Sets = index.map(lsf::dequantised);
        quantised.iter_mut().for_each(lsf::stabilise);
        let filters = lsf::interpolated(thirty, &self.old_quantised, &quantised);
        let weights = lsf::interpolated(thirty, &self.old, &sets).map(|filter| damped(&filter, CHIRP_WEIGHT));
        (self.old, self.old_quantised) = (sets[1], quantised[1]);
        Prediction { index, filters, weights }
    }
}

/// The prediction filter of a stretch of signal, by the recursion of Levinson and Durbin.
fn prediction(signal: &[f32], window: &[f32; SAMPLES]) -> Lpc {
    // Zeros behind make room for more lags than there are to be, as many as are summed side by side.
    let mut windowed = [0.0; SAMPLES + 15];
    for ((out, sample), weight) in windowed.iter_mut().zip(signal).zip(window) {
        *out = sample * weight;
    }
    let mut correlation = [0.0; 16];
    correlate(&windowed[..SAMPLES], &windowed, &mut correlation);
    for (value, weight) in correlation.iter_mut().zip(&LAG_WINDOW) {
        *value *= weight;
    }
    let mut filter = IDENTITY;
    if correlation[0] < EPSILON {
        return filter;
    }
    let mut error = correlation[0];
    for order in 0..ORDER {
        let known = filter[1..=order].iter().zip(correlation[1..=order].iter().rev());
        let sum = known.fold(correlation[order + 1], |sum, (a, r)| sum + a * r);
        let reflection = -sum / error;
        error += reflection * sum;
        for at in 0..order.div_ceil(2) {
            let (front, back) = (filter[at + 1], filter[order - at]);
            filter[order - at] = back + reflection * front;
            filter[at + 1] = front + reflection * back;
        }
        filter[order + 1] = reflection;
    }
    filter
}

/// The index of the set nearest to `lsf`, each of its three parts by itself.
fn quantised(lsf: &Lsf) -> [u16; 3] {
    [nearest(&lsf[..3], &LSF_LOW), nearest(&lsf[3..6], &LSF_MIDDLE), nearest(&lsf[6..], &LSF_HIGH)]
}

fn nearest<const DIM: usize>(part: &[f32], codebook: &[[f32; DIM]]) -> u16 {
    let mut best = (HUGE, 0);
    for (index, entry) in (0..).zip(codebook) {
        let distance = part.iter().zip(entry).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b));
        if distance < best.0 {
            best = (distance, index);
        }
    }
    best.1
}

/// Line spectral frequencies of a filter: the roots of its sum with, and its difference from, itself backwards, in turn.
fn frequencies(filter: &Lpc) -> Lsf {
    let mut sum = [0.0; ORDER / 2];
    let mut difference = [0.0; ORDER / 2];
    let (mut before_sum, mut before_difference) = (1.0f32, 1.0f32);
    for at in 0..ORDER / 2 {
        let (front, back) = (filter[at + 1], filter[ORDER - at]);
        before_sum = front + back - before_sum;
        before_difference -= back - front;
        (sum[at], difference[at]) = (before_sum, before_difference);
    }
    sum[4] /= 2.0;
    difference[4] /= 2.0;

    let mut lsf = [0.0; ORDER];
    let mut omega = 0.0;
    let mut signs = [HUGE; 2];
    for (at, frequency) in lsf.iter_mut().enumerate() {
        let polynomial = if at % 2 == 0 { &sum } else { &difference };
        *frequency = TAU * root(polynomial, &mut omega, &mut signs[at % 2]);
    }
    lsf
}

/// The next root from `omega` on, by steps that get finer; `old` is the polynomial's last value.
fn root(polynomial: &[f32; ORDER / 2], omega: &mut f32, old: &mut f32) -> f32 {
    let mut fineness = 0;
    let mut coarse = *omega;
    loop {
        let value = at(polynomial, (*omega * TAU).cos());
        let step = STEPS[fineness];
        if value * *old > 0.0 && *omega < 0.5 {
            *old = value;
            *omega += step;
            continue;
        }
        if fineness == 0 {
            coarse = *omega;
        }
        fineness += 1;
        let Some(step_back) = STEPS.get(fineness) else {
            let root = if value.abs() >= old.abs() { *omega - step } else { *omega };
            *old = if *old >= 0.0 { -HUGE } else { HUGE };
            *omega = coarse;
            return root;
        };
        *omega -= step_back;
    }
}

/// A sum of cosines of multiples of an angle whose cosine is `x`.
fn at(polynomial: &[f32; ORDER / 2], x: f32) -> f32 {
    let [a, b, c, d, e] = *polynomial;
    let second = 2.0 * x + a;
    let third = 2.0 * x * second - 1.0 + b;
    let fourth = 2.0 * x * third - second + c;
    let fifth = 2.0 * x * fourth - third + d;
    x * fifth - fourth + e
}
