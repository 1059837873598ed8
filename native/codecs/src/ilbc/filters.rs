//! The filters and sums that coder and decoder share (RFC 3951 §3.3, §4.7, Appendices A.10, A.18, A.28, A.30, A.48).
//!
//! Sums are taken in the order in which the reference code takes them, so that rounding is the same; what runs side by side
//! for the sake of vector instructions is sums of different results. Only the all-pole filter begins with the oldest sample:
//! a third of the encoder's time was waiting for the newest.

use super::tables::Second;

/// Order of the linear prediction.
pub(super) const ORDER: usize = 10;
/// A prediction filter; its first coefficient is one.
pub(super) type Lpc = [f32; ORDER + 1];
/// The filter that changes nothing.
pub(super) const IDENTITY: Lpc = {
    let mut filter = [0.0; ORDER + 1];
    filter[0] = 1.0;
    filter
};

/// Sums that are taken side by side.
const LANES: usize = 16;

/// All-pole filter in place; the first [`ORDER`] samples are those before, already filtered.
pub(super) fn all_pole(line: &mut [f32], filter: &Lpc) {
    for end in ORDER..line.len() {
        let (past, now) = line.split_at_mut(end);
        let past = past[end - ORDER..].iter().zip(filter[1..].iter().rev());
        now[0] = past.fold(now[0], |sum, (sample, tap)| sum - tap * sample);
    }
}

/// All-zero filter; the first [`ORDER`] samples of `line` are those before, and `out` has the others' room.
pub(super) fn all_zero(line: &[f32], filter: &Lpc, out: &mut [f32]) {
    for (window, out) in line.windows(ORDER + 1).zip(out) {
        *out = window.iter().rev().zip(filter).fold(0.0, |sum, (sample, tap)| sum + tap * sample);
    }
}

/// Two poles, two zeros, and what they remember.
pub(super) struct HighPass {
    filter: &'static Second,
    inputs: [f32; 2],
    outputs: [f32; 2],
}

impl HighPass {
    pub(super) const fn new(filter: &'static Second) -> Self {
        Self { filter, inputs: [0.0; 2], outputs: [0.0; 2] }
    }

    /// Filters in place.
    pub(super) fn run(&mut self, samples: &mut [f32]) {
        let Second { zeros: [a, b, c], poles: [d, e] } = *self.filter;
        for sample in samples {
            let input = *sample;
            let zeros = a * input + b * self.inputs[0] + c * self.inputs[1];
            *sample = zeros - d * self.outputs[0] - e * self.outputs[1];
            self.inputs = [input, self.inputs[0]];
            self.outputs = [*sample, self.outputs[0]];
        }
    }
}

/// The product of two vectors, summed from the front.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// The energy of a vector, summed from the front.
pub(super) fn energy(samples: &[f32]) -> f32 {
    dot(samples, samples)
}

/// For every place of `out`, the product of `target` and of `line` from that place on. `line` is as long as both, less one.
pub(super) fn correlate(target: &[f32], line: &[f32], out: &mut [f32]) {
    each_place(
        out,
        |at, sums| {
            for (line, &sample) in line[at..].windows(LANES).zip(target) {
                for (sum, other) in sums.iter_mut().zip(line) {
                    *sum += sample * other;
                }
            }
        },
        |at| dot(target, &line[at..]),
    );
}

/// For every place of `out`, the energy of the `len` samples of `line` from that place on.
pub(super) fn energies(line: &[f32], len: usize, out: &mut [f32]) {
    each_place(
        out,
        |at, sums| {
            for line in line[at..].windows(LANES).take(len) {
                for (sum, other) in sums.iter_mut().zip(line) {
                    *sum += other * other;
                }
            }
        },
        |at| energy(&line[at..at + len]),
    );
}

/// Fills `out` with sums, by lanes; the last lanes overlap those before. Where there are too few places: one by one.
fn each_place(out: &mut [f32], lanes: impl Fn(usize, &mut [f32; LANES]), single: impl Fn(usize) -> f32) {
    let Some(last) = out.len().checked_sub(LANES) else {
        return out.iter_mut().enumerate().for_each(|(at, sum)| *sum = single(at));
    };
    for at in (0..last).step_by(LANES).chain([last]) {
        let mut sums = [0.0; LANES];
        lanes(at, &mut sums);
        out[at..at + LANES].copy_from_slice(&sums);
    }
}
