//! The start state: the 57 or 58 samples with most energy, coded one by one (RFC 3951 §3.5, §4.2, Appendices A.20, A.44, A.46).

use super::filters::{Lpc, ORDER, all_pole, all_zero, energy};
use super::packing::STATE_MOST;
use super::tables::{STATE_LEVELS, STATE_SCALES};
use super::{SAMPLES, SUBFRAME, SUBFRAMES};

/// The greatest level, which the greatest amplitude is scaled to.
const FULL: f32 = 4.5;
/// Shares of the energy of the first samples of a pair of subframes, and of the last ones, backwards.
const EDGES: [f32; 5] = [1.0 / 6.0, 2.0 / 6.0, 3.0 / 6.0, 4.0 / 6.0, 5.0 / 6.0];
/// How much a pair of subframes counts, by its place: those in the middle more.
const PLACES: [f32; SUBFRAMES - 1] = [0.8, 0.9, 1.0, 0.9, 0.8];

/// The samples that the start state's `indices` stand for, at a scale.
pub(super) fn construct(scale: u16, indices: &[u16], filter: &Lpc, out: &mut [f32]) {
    let len = indices.len();
    let scale = amplitude(scale) / FULL;
    let mut line = [0.0; ORDER + 2 * STATE_MOST];
    let levels = indices.iter().map(|&index| scale * STATE_LEVELS[usize::from(index) % STATE_LEVELS.len()]);
    for (place, level) in line[ORDER..][..len].iter_mut().rev().zip(levels) {
        *place = level;
    }
    let turned = all_pass(&line, filter, len);
    for (out, &sample) in out.iter_mut().zip(turned[..len].iter().rev()) {
        *out = sample;
    }
}

fn amplitude(scale: u16) -> f32 {
    10f64.powf(f64::from(STATE_SCALES[usize::from(scale) % STATE_SCALES.len()])) as f32
}

/// Circular convolution of `len` samples, behind [`ORDER`] zeros and before as many zeros again, with the all-pass filter
/// that has the poles of a prediction filter.
fn all_pass(line: &[f32; ORDER + 2 * STATE_MOST], filter: &Lpc, len: usize) -> [f32; STATE_MOST] {
    let mut zeros = *filter;
    zeros.reverse();
    let mut filtered = [0.0; ORDER + 2 * STATE_MOST];
    let filtered = &mut filtered[..ORDER + 2 * len];
    all_zero(&line[..ORDER + 2 * len], &zeros, &mut filtered[ORDER..]);
    all_pole(filtered, filter);
    let (front, back) = filtered[ORDER..].split_at(len);
    let mut turned = [0.0; STATE_MOST];
    for ((out, front), back) in turned.iter_mut().zip(front).zip(back) {
        *out = front + back;
    }
    turned
}

/// The scale and the indices of a start state.
pub(super) struct Coded {
    pub(super) scale: u16,
    pub(super) indices: [u16; STATE_MOST],
}

/// Codes `residual`, whose first `boundary` samples belong to the subframe with the first of the two filters.
pub(super) fn search(residual: &[f32], filter: &Lpc, weights: &[Lpc], boundary: usize) -> Coded {
    let len = residual.len();
    let mut line = [0.0; ORDER + 2 * STATE_MOST];
    line[ORDER..][..len].copy_from_slice(residual);
    let turned = all_pass(&line, filter, len);
    let greatest = turned[..len].iter().fold(10f32, |greatest, sample| greatest.max(sample.abs()));
    let scale = level(f64::from(greatest).log10() as f32, &STATE_SCALES);
    let factor = FULL / amplitude(scale);

    let mut target = [0.0; ORDER + STATE_MOST];
    for (out, sample) in target[ORDER..].iter_mut().zip(&turned[..len]) {
        *out = sample * factor;
    }
    Coded { scale, indices: shaped(&mut target[..ORDER + len], weights, boundary) }
}

/// Codes each sample of a target behind [`ORDER`] zeros so that the weighted error of all before and it is least.
fn shaped(target: &mut [f32], weights: &[Lpc], boundary: usize) -> [u16; STATE_MOST] {
    let mut indices = [0; STATE_MOST];
    let mut coded = [0.0; ORDER + STATE_MOST];
    all_pole(&mut target[..ORDER + boundary], &weights[0]);
    all_pole(&mut target[boundary..], &weights[1]);
    for (at, index) in indices.iter_mut().enumerate().take(target.len() - ORDER) {
        let filter = &weights[usize::from(at >= boundary)];
        let window = &mut coded[at..=at + ORDER];
        all_pole(window, filter);
        *index = level(target[ORDER + at] - window[ORDER], &STATE_LEVELS);
        window[ORDER] = STATE_LEVELS[usize::from(*index)];
        all_pole(window, filter);
    }
    indices
}

/// The index of the level nearest to `value`, the lower one half-way between.
fn level(value: f32, levels: &[f32]) -> u16 {
    levels.windows(2).take_while(|pair| value > (pair[0] + pair[1]) / 2.0).count() as u16
}

/// Which pair of subframes, from 1, has most energy, edges and outer pairs counting less.
pub(super) fn loudest(residual: &[f32]) -> usize {
    let subframes = residual.len() / SUBFRAME;
    let places = &PLACES[usize::from(residual.len() < SAMPLES)..];
    let mut best = (f32::MIN, 1);
    for (pair, place) in (1..subframes).zip(places) {
        let (front, back) = residual[(pair - 1) * SUBFRAME..][..2 * SUBFRAME].split_at(SUBFRAME);
        let measure = (rising(front.iter()) + falling(back)) * place;
        if measure > best.0 {
            best = (measure, pair);
        }
    }
    best.1
}

/// The energy of a subframe whose first samples count less,
fn rising<'a>(subframe: impl Iterator<Item = &'a f32>) -> f32 {
    let shares = EDGES.iter().copied().chain(std::iter::repeat(1.0));
    subframe.zip(shares).fold(0.0, |sum, (sample, share)| sum + share * sample * sample)
}

/// and of one whose last ones do.
fn falling(subframe: &[f32]) -> f32 {
    let (middle, edge) = subframe.split_at(SUBFRAME - EDGES.len());
    let shares = EDGES.iter().rev();
    edge.iter().zip(shares).fold(energy(middle), |sum, (sample, share)| sum + share * sample * sample)
}

/// Whether the first `len` samples of a pair of subframes have more energy than the last.
pub(super) fn first_is_louder(pair: &[f32], len: usize) -> bool {
    energy(&pair[..len]) > energy(&pair[pair.len() - len..])
}
