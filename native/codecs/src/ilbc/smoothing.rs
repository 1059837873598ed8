//! The enhancer's smoothing: a block of residual is mixed with six like it, three pitch periods before and three after, as
//! far as it keeps its own shape (RFC 3951 §4.6.2 to §4.6.5, Appendix A.16).

use super::filters::{correlate, dot, energy};
use super::tables::QUARTERS;

/// Samples that are smoothed at a time.
pub(super) const BLOCK: usize = 80;
/// Blocks that are at hand, and their samples.
pub(super) const BLOCKS: usize = 8;
pub(super) const LINE: usize = BLOCKS * BLOCK;
/// Neighbours on either side.
const SIDE: usize = 3;
const ALL: usize = 2 * SIDE + 1;
/// How far a neighbour may be from where the pitch says, in samples, and how many places that makes.
const SLACK: usize = 2;
const PLACES: usize = 2 * SLACK + 1;
/// Steps in a sample.
const STEPS: usize = QUARTERS.len();
/// Taps of the interpolation on either side, and those that a correlation has room for.
const REACH: usize = 3;
const REACH_SHORT: usize = 2;
/// Samples a neighbour must have on either side within the line.
const OVERHANG: f32 = 2.0;
/// The greatest share of a block's energy that smoothing may change.
const CHANGE: f32 = 0.05;
/// The weights of the neighbours, half a cosine wave; the block itself is not among them.
const WEIGHTS: [f32; ALL] = [0.146_446_62, 0.5, 0.853_553_4, 0.0, 0.853_553_4, 0.5, 0.146_446_62];

/// Smooths the block of the line that starts at `start` into `out`; each of the line's blocks has its own pitch period.
pub(super) fn smoothed(line: &[f32; LINE], start: usize, periods: &[f32; BLOCKS], out: &mut [f32]) {
    let block = &line[start..start + BLOCK];
    let mut around = [0.0; BLOCK];
    let mut add = |index: usize, neighbour: &[f32; BLOCK]| {
        for (sum, sample) in around.iter_mut().zip(neighbour) {
            *sum += sample * WEIGHTS[index];
        }
    };
    let middle = BLOCK as f32 / 2.0;
    let centres: [f32; BLOCKS] = std::array::from_fn(|at| (at * BLOCK) as f32 + middle);

    let own = nearest(&centres, start as f32 + middle - 0.5);
    let mut neighbours = [[0.0; BLOCK]; SIDE];
    let (mut at, mut period) = (start as f32, periods[own]);
    for neighbour in neighbours.iter_mut().rev() {
        at -= period;
        let next = periods[nearest(&centres, at + middle - period)];
        if at - OVERHANG >= 0.0 {
            at = refined(line, block, at, neighbour);
        }
        period = next;
    }
    (0..).zip(&neighbours).for_each(|(index, neighbour)| add(index, neighbour));

    let starts: [f32; BLOCKS] = std::array::from_fn(|at| centres[at] - periods[at]);
    let mut at = start as f32;
    for index in SIDE + 1..ALL {
        at += periods[nearest(&starts, at + middle)];
        if at + BLOCK as f32 + OVERHANG < LINE as f32 {
            let mut neighbour = [0.0; BLOCK];
            at = refined(line, block, at, &mut neighbour);
            add(index, &neighbour);
        }
    }
    mix(block, &around, out);
}

/// The index of the value nearest to `wanted`, the first of equals.
fn nearest(values: &[f32; BLOCKS], wanted: f32) -> usize {
    let mut best = (f32::MAX, 0);
    for (index, value) in values.iter().enumerate() {
        let distance = (value - wanted) * (value - wanted);
        if distance < best.0 {
            best = (distance, index);
        }
    }
    best.1
}

/// Fills `neighbour` with the stretch near `at` that is most like `block`, to a quarter of a sample; where it starts.
fn refined(line: &[f32; LINE], block: &[f32], at: f32, neighbour: &mut [f32; BLOCK]) -> f32 {
    let rounded = (at - 0.5) as usize;
    let first = rounded.saturating_sub(SLACK);
    let last = (rounded + SLACK).min(LINE - BLOCK - 1);
    let mut likeness = [0.0; PLACES];
    let places = last + 1 - first;
    correlate(block, &line[first..last + BLOCK], &mut likeness[..places]);
    let best = greatest(&likeness, places);

    let whole = best.div_ceil(STEPS);
    let mut stretch = [0.0; BLOCK + 2 * REACH];
    let from = first + whole;
    let missing = REACH.saturating_sub(from);
    let source = &line[(from + missing).saturating_sub(REACH)..(from + BLOCK + REACH).min(LINE)];
    stretch[missing..missing + source.len()].copy_from_slice(source);
    correlate(&QUARTERS[whole * STEPS - best], &stretch, neighbour);
    first as f32 + best as f32 / STEPS as f32 + 1.0
}

/// Where the greatest of `places` values is, in steps of a quarter, those between interpolated; the first is at two steps less
/// than none.
fn greatest(values: &[f32; PLACES], places: usize) -> usize {
    let mut best = (f32::MIN, 0);
    for at in 0..places * STEPS {
        let (place, step) = (at / STEPS + REACH_SHORT, at % STEPS);
        let taps = &QUARTERS[step][REACH - REACH_SHORT..=REACH + REACH_SHORT];
        let value = taps.iter().enumerate().fold(0.0, |sum, (back, tap)| {
            let value = place.checked_sub(back).and_then(|index| values.get(index));
            sum + value.map_or(0.0, |value| value * tap)
        });
        if value > best.0 {
            best = (value, at);
        }
    }
    best.1
}

/// Takes of what is around as much as the bound on change allows.
fn mix(block: &[f32], around: &[f32; BLOCK], out: &mut [f32]) {
    let own = energy(block);
    let other = energy(around).max(1.0);
    let factor = (own / other).sqrt();
    let mut change = 0.0;
    for ((out, around), sample) in out.iter_mut().zip(around).zip(block) {
        *out = factor * around;
        change += (sample - *out) * (sample - *out);
    }
    if change <= CHANGE * own {
        return;
    }
    let product = dot(around, block);
    let own = own.max(1.0);
    let unlike = (other * own - product * product) / (own * own);
    let (a, b) = if unlike > 0.0001 {
        let a = ((CHANGE - CHANGE * CHANGE / 4.0) / unlike).sqrt();
        (a, -CHANGE / 2.0 - a * product / own + 1.0)
    } else {
        (0.0, 1.0)
    };
    for ((out, around), sample) in out.iter_mut().zip(around).zip(block) {
        *out = a * around + b * sample;
    }
}
