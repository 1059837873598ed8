//! The enhancer: finds the pitch of the decoded residual, joins a made-up stretch to the frame after it, and has each block
//! smoothed with its neighbours at the pitch (RFC 3951 §4.6, Appendix A.16).

use super::filters::{correlate, dot, energies, energy};
use super::smoothing::{BLOCK, BLOCKS, LINE, smoothed};
use super::tables::HALVING;
use super::{SAMPLES, SUBFRAME};

/// Pitches are looked for at half the rate, among these lags.
const LAGS: std::ops::Range<usize> = 10..60;
/// Samples before a frame that are looked at for it.
const BEFORE: usize = 2 * LAGS.end;
const HALVED: usize = (SAMPLES + BEFORE) / 2;
const HALF_BLOCK: usize = BLOCK / 2;
/// Taps of the halving filter after its middle.
const HALVING_AHEAD: usize = HALVING.len() / 2;
/// Samples at the end of a made-up stretch over which a limit to its energy fades out.
const UNLIMITED: usize = 10;

/// What is kept from frame to frame.
pub(super) struct Enhancer {
    /// The residual up to the last frame.
    line: [f32; LINE],
    /// The pitch of each block, in samples.
    periods: [f32; BLOCKS],
    samples: usize,
    /// The last frame was made up.
    made_up: bool,
}

impl Enhancer {
    /// For frames of so many samples.
    pub(super) const fn new(samples: usize) -> Self {
        Self { line: [0.0; LINE], periods: [40.0; BLOCKS], samples, made_up: false }
    }

    /// How many samples later than it comes a residual leaves.
    pub(super) const fn delay(&self) -> usize {
        if self.samples == SAMPLES { 2 * SUBFRAME } else { SUBFRAME }
    }

    /// The pitch at the end of the last frame. After a joined frame the reference code answers twice the pitch at that frame's
    /// start, from which its concealment reads beyond its buffer.
    pub(super) const fn lag(&self) -> usize {
        self.periods[BLOCKS - 1] as usize
    }

    /// Takes the residual of a frame, and says whether it is made up; leaves what is due in its place.
    pub(super) fn enhance(&mut self, frame: &mut [f32], made_up: bool) {
        let blocks = self.samples / BLOCK;
        self.line.copy_within(self.samples.., 0);
        self.line[LINE - self.samples..].copy_from_slice(frame);
        self.periods.copy_within(blocks.., 0);
        self.find_periods(blocks);
        if self.made_up {
            self.join(frame, BLOCKS - blocks);
        }
        self.made_up = made_up;
        let first = LINE - self.samples - self.delay();
        for (block, out) in frame.chunks_exact_mut(BLOCK).enumerate() {
            smoothed(&self.line, first + block * BLOCK, &self.periods, out);
        }
    }

    /// Finds the pitches of the last blocks.
    fn find_periods(&mut self, blocks: usize) {
        let halved = self.halved();
        for (block, period) in self.periods[BLOCKS - blocks..].iter_mut().enumerate() {
            let end = HALVED - (blocks - block - 1) * HALF_BLOCK;
            let (before, target) = halved[..end].split_at(end - HALF_BLOCK);
            let first = before.len() + 1 - LAGS.end;
            let line = &halved[first..end - LAGS.start];
            let mut products = [0.0; LAGS.end - LAGS.start];
            let mut powers = [0.0; LAGS.end - LAGS.start];
            correlate(target, line, &mut products);
            energies(line, HALF_BLOCK, &mut powers);
            let mut best = (f32::MIN, LAGS.start);
            for (lag, (&product, &power)) in LAGS.zip(products.iter().zip(&powers).rev()) {
                let found = coefficient(product, power);
                if found > best.0 {
                    best = (found, lag);
                }
            }
            *period = (2 * best.1) as f32;
        }
    }

    /// The end of the line at half the rate.
    fn halved(&self) -> [f32; HALVED] {
        let mut padded = [0.0; 2 * HALVED + HALVING.len() - 1];
        let from = LINE - 2 * HALVED - HALVING_AHEAD;
        padded[..LINE - from].copy_from_slice(&self.line[from..]);
        let mut halved = [0.0; HALVED];
        for (out, window) in halved.iter_mut().zip(padded.windows(HALVING.len()).step_by(2)) {
            *out = window.iter().rev().zip(&HALVING).fold(0.0, |sum, (sample, tap)| sum + tap * sample);
        }
        halved
    }

    /// The frame before was made up and this one is not: the end of the one before is blended into what leads, backwards,
    /// from this one; its pitch is that of block `first`.
    fn join(&mut self, frame: &[f32], first: usize) {
        let len = self.delay();
        let around = self.periods[first] as usize;
        let mut best = (f32::MIN, around - 1);
        for lag in around - 1..=around + 1 {
            let other = &frame[lag..lag + len];
            let found = coefficient(dot(&frame[..len], other), energy(other));
            if found > best.0 {
                best = (found, lag);
            }
        }
        let lag = best.1;
        self.periods[first - 1] = lag as f32;

        let end = LINE - self.samples;
        let mut back = [0.0; 2 * SUBFRAME];
        let back = &mut back[..len];
        let whole = lag.min(len);
        back[len - whole..].copy_from_slice(&frame[lag - whole..lag]);
        back[..len - whole].copy_from_slice(&self.line[end - (len - whole)..end]);
        let old = &mut self.line[end - len..end];
        limit(back, energy(old));
        for (at, (sample, back)) in old.iter_mut().rev().zip(back.iter().rev()).enumerate() {
            let share = (at + 1) as f32 / (len + 1) as f32;
            *sample = share * *sample + (1.0 - share) * back;
        }
    }
}

/// How well a stretch is matched by one before it: `product` of the two, and the other's `power`.
fn coefficient(product: f32, power: f32) -> f32 {
    if product > 0.0 { product * product / power } else { 0.0 }
}

/// Takes `back` down to twice the amplitude of what it replaces, whose energy is `old`, less so towards its end.
fn limit(back: &mut [f32], old: f32) {
    let len = back.len() as f32;
    let (new, old) = ((energy(back) / len).sqrt(), (old / len).sqrt());
    if new <= 2.0 * old || new <= 0.0 {
        return;
    }
    let factor = 2.0 * old / new;
    let (held, rising) = back.split_at_mut(back.len() - UNLIMITED);
    held.iter_mut().for_each(|sample| *sample *= factor);
    for (at, sample) in rising.iter_mut().enumerate() {
        *sample *= at as f32 * (1.0 - factor) / UNLIMITED as f32 + factor;
    }
}
