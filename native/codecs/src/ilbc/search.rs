//! The search for the vectors and gains that come nearest to a block (RFC 3951 §3.6, Appendices A.12, A.34).
//!
//! What is compared is weighted: memory and target pass through the weighting filter first, as one signal. The first section
//! is searched wholly; the second only around the best place of the first. All vectors' energies and products are taken at
//! once, side by side; only the choice goes one by one.

use super::SUBFRAME;
use super::analysis::EPSILON;
use super::codebook::{
    self, LAG_LEAST, LAGS, MEMORY, expanded, gains, memory_len, section_size, stretches, vector,
};
use super::filters::{Lpc, ORDER, all_pole, correlate, energy};
use super::packing::{STAGES, Shape};

/// How many vectors of the first section are searched, by block and stage.
const RANGES: [[usize; STAGES]; 3] = [[58, 58, 58], [108, 44, 44], [108, 108, 108]];
/// Vectors of the second section that are searched around the best of the first.
const AROUND: usize = 34;
/// The greatest gain.
const GAIN_MOST: f32 = 1.3;
const WORST: f32 = -10_000_000.0;
/// Stretches in a section, at most.
const STRETCHES: usize = stretches(MEMORY, SUBFRAME);

/// One section of the codebook, weighted, and what does not change from stage to stage.
struct Section {
    samples: [f32; MEMORY],
    /// The reciprocals of the stretches' energies, by index.
    inverse: [f32; STRETCHES],
    /// The vectors that repeat themselves, sample by sample: all first ones, all second ones; and their energies' reciprocals.
    short: [[f32; LAGS]; SUBFRAME],
    short_inverse: [f32; LAGS],
}

/// The best vector so far.
struct Best {
    measure: f32,
    index: usize,
    gain: f32,
}

impl Best {
    /// Takes a vector whose product with the target is `cross`, if it is better. The first stage takes no negative gains.
    fn offer(&mut self, stage: usize, index: usize, cross: f32, inverse: f32) {
        let measure = if stage == 0 && cross <= 0.0 { WORST } else { cross * cross * inverse };
        let gain = cross * inverse;
        if measure > self.measure && gain.abs() < GAIN_MOST {
            *self = Self { measure, index, gain };
        }
    }
}

fn reciprocal(energy: f32) -> f32 {
    if energy > 0.0 { 1.0 / (energy + EPSILON) } else { 0.0 }
}

impl Section {
    /// Of the first `memory` of `samples`, for blocks of `len` samples.
    fn new(samples: [f32; MEMORY], memory: usize, len: usize) -> Self {
        let mut section = Self {
            samples,
            inverse: [0.0; STRETCHES],
            short: [[0.0; LAGS]; SUBFRAME],
            short_inverse: [0.0; LAGS],
        };
        let samples = &section.samples[..memory];
        let mut sum = energy(&samples[memory - len..]);
        for (index, inverse) in section.inverse.iter_mut().take(stretches(memory, len)).enumerate() {
            if index > 0 {
                let (enters, leaves) = (samples[memory - len - index], samples[memory - index]);
                sum = sum + enters * enters - leaves * leaves;
            }
            *inverse = reciprocal(sum);
        }
        if len == SUBFRAME {
            section.repeat(memory);
        }
        section
    }

    /// Makes the vectors that repeat themselves.
    fn repeat(&mut self, memory: usize) {
        for lag in 0..LAGS {
            let mut out = [0.0; SUBFRAME];
            vector(&self.samples[..memory], stretches(memory, SUBFRAME) + lag, &mut out);
            for (row, sample) in self.short.iter_mut().zip(out) {
                row[lag] = sample;
            }
        }
        let mut sums = [0.0; LAGS];
        for row in &self.short {
            for (sum, sample) in sums.iter_mut().zip(row) {
                *sum += sample * sample;
            }
        }
        self.short_inverse = sums.map(reciprocal);
    }

    /// Offers the stretches from index `from` to before `to`.
    fn offer_stretches(&self, search: &Search, from: usize, to: usize, base: usize, best: &mut Best) {
        let len = search.target.len();
        let mut products = [0.0; STRETCHES];
        let products = &mut products[..to - from];
        let first = search.memory - len + 1 - to;
        correlate(search.target, &self.samples[first..search.memory - from], products);
        for ((index, cross), inverse) in (from..).zip(products.iter().rev()).zip(&self.inverse[from..]) {
            best.offer(search.stage, base + index, *cross, *inverse);
        }
    }

    /// Offers the vectors that repeat themselves, of lags from `from` on.
    fn offer_short(&self, search: &Search, from: usize, base: usize, best: &mut Best) {
        let mut products = [0.0; LAGS];
        for (row, sample) in self.short.iter().zip(search.target) {
            for (product, other) in products.iter_mut().zip(row) {
                *product += sample * other;
            }
        }
        let all = products.iter().zip(&self.short_inverse).enumerate();
        for (lag, (cross, inverse)) in all.skip(from - LAG_LEAST) {
            best.offer(search.stage, base + lag, *cross, *inverse);
        }
    }
}

/// What is looked for in one stage.
struct Search<'a> {
    stage: usize,
    target: &'a [f32],
    memory: usize,
}

/// Which part of the second section is searched: stretches, and lags from the given one up to the longest.
struct Around {
    from: usize,
    to: usize,
    lag: Option<usize>,
}

/// Around the best `index` of the first section, of which `range` stretches were searched.
fn around(index: usize, range: usize, memory: usize, len: usize) -> Around {
    let stretches = stretches(memory, len);
    let short = len == SUBFRAME;
    let Some(from) = index.checked_sub(AROUND / 2) else {
        let missing = AROUND / 2 - index;
        return if short {
            let to = AROUND - missing;
            Around { from: 0, to, lag: Some(LAG_LEAST + LAGS - missing) }
        } else {
            Around { from: 0, to: AROUND, lag: None }
        };
    };
    if !short || index < stretches {
        let to = (from + AROUND).min(range);
        return Around { from: to - AROUND, to, lag: None };
    }
    if from < stretches {
        return Around { from: 0, to: AROUND - LAGS, lag: Some(LAG_LEAST) };
    }
    let lag = LAG_LEAST + from - stretches;
    Around { from: 0, to: AROUND - (LAG_LEAST + LAGS - lag), lag: Some(lag) }
}

/// Finds the shape of `target`, for block `block`, out of a memory.
pub(super) fn search(target: &[f32], memory: &[f32; MEMORY], weight: &Lpc, block: usize) -> Shape {
    let len = target.len();
    let kept = memory_len(len);
    let mut line = [0.0; ORDER + MEMORY + SUBFRAME];
    let line = &mut line[..ORDER + kept + len];
    line[ORDER..ORDER + kept].copy_from_slice(&memory[MEMORY - kept..]);
    line[ORDER + kept..].copy_from_slice(target);
    all_pole(line, weight);
    let (weighted, target) = line[ORDER..].split_at_mut(kept);
    let loud = energy(target);

    let mut samples = [0.0; MEMORY];
    samples[..kept].copy_from_slice(weighted);
    let second = Section::new(expanded(weighted), kept, len);
    let first = Section::new(samples, kept, len);
    let size = section_size(kept, len);

    let mut shape = Shape::default();
    let mut approximation = [0.0; SUBFRAME];
    let mut found = [0.0; STAGES];
    for stage in 0..STAGES {
        let range = RANGES[block.min(2)][stage];
        let mut best = Best { measure: WORST, index: 0, gain: 0.0 };
        let search = Search { stage, target, memory: kept };
        first.offer_stretches(&search, 0, range, 0, &mut best);
        if len == SUBFRAME {
            first.offer_short(&search, LAG_LEAST, size - LAGS, &mut best);
        }
        let part = around(best.index, range, kept, len);
        second.offer_stretches(&search, part.from, part.to, size, &mut best);
        if let Some(lag) = part.lag {
            second.offer_short(&search, lag, 2 * size - LAGS, &mut best);
        }

        shape.vectors[stage] = best.index as u16;
        shape.gains[stage] = nearest_gain(stage, best.gain, if stage == 0 { 1.0 } else { found[stage - 1] });
        found[stage] =
            codebook::gain(stage, shape.gains[stage], if stage == 0 { 1.0 } else { found[stage - 1] });
        let (section, index) =
            if best.index < size { (&first, best.index) } else { (&second, best.index - size) };
        let mut chosen = [0.0; SUBFRAME];
        vector(&section.samples[..kept], index, &mut chosen[..len]);
        for ((sample, near), chosen) in target.iter_mut().zip(&mut approximation).zip(chosen) {
            *near += found[stage] * chosen;
            *sample -= found[stage] * chosen;
        }
    }
    shape.gains[0] = matched_gain(shape.gains[0], found[0], energy(&approximation[..len]), loud);
    shape
}

/// The index of the gain nearest to `wanted` in a stage, whose gain before was `before`.
fn nearest_gain(stage: usize, wanted: f32, before: f32) -> u16 {
    let wanted = if stage == 0 { wanted.clamp(0.0, GAIN_MOST) } else { wanted };
    let mut best = (f32::MAX, 0);
    for index in 0..gains(stage).len() as u16 {
        let error = wanted - codebook::gain(stage, index, before);
        if error * error < best.0 {
            best = (error * error, index);
        }
    }
    best.1
}

/// Raises the first gain, that of `index`, until the approximation of energy `near` is about as loud as the target was.
fn matched_gain(index: u16, gain: f32, near: f32, loud: f32) -> u16 {
    let table = gains(0);
    let mut best = index;
    for (at, other) in (index..).zip(&table[usize::from(index)..]) {
        if near * other * other < loud * gain * gain && table[usize::from(best)] < 2.0 * gain {
            best = at;
        }
    }
    best
}
