//! The codebooks that blocks are made from, each out of what was decoded before it (RFC 3951 §3.6.3, §4.4, Appendices A.12, A.24, A.32).
//!
//! A codebook has two sections: a memory of decoded samples, and the same filtered. In either, a vector is a stretch of the
//! memory; for blocks of 40 samples there are 20 more, of lags shorter than a block, which repeat themselves.

use super::SUBFRAME;
use super::packing::{STAGES, Shape};
use super::tables::{EXPANSION, GAINS_FIRST, GAINS_SECOND, GAINS_THIRD};

/// Samples of the memory for a block of 40,
pub(super) const MEMORY: usize = 147;
/// and for the rest of the start state.
pub(super) const MEMORY_STATE: usize = 85;
/// The shortest lag of a vector that repeats itself, and how many lags there are.
pub(super) const LAG_LEAST: usize = 20;
pub(super) const LAGS: usize = 20;
/// Samples over which one repetition is blended into the next, and the share of the next.
const BLEND: usize = 5;
const SHARES: [f32; BLEND] = {
    let mut shares = [0.0; BLEND];
    let mut at = 1;
    while at < BLEND {
        shares[at] = shares[at - 1] + 0.2;
        at += 1;
    }
    shares
};
/// Taps of the expansion filter before the sample in the middle.
const EXPANSION_PAST: usize = 3;

/// How many samples of memory the block has that is `len` samples long.
pub(super) const fn memory_len(len: usize) -> usize {
    if len == SUBFRAME { MEMORY } else { MEMORY_STATE }
}

/// How many vectors of one section are stretches of it,
pub(super) const fn stretches(memory: usize, len: usize) -> usize {
    memory - len + 1
}

/// and how many vectors it has altogether.
pub(super) const fn section_size(memory: usize, len: usize) -> usize {
    stretches(memory, len) + if len == SUBFRAME { LAGS } else { 0 }
}

/// Filters a memory into the second section.
pub(super) fn expanded(memory: &[f32]) -> [f32; MEMORY] {
    let mut padded = [0.0; MEMORY + EXPANSION.len() - 1];
    padded[EXPANSION_PAST..][..memory.len()].copy_from_slice(memory);
    let mut section = [0.0; MEMORY];
    let taps = padded.windows(EXPANSION.len()).take(memory.len());
    for (out, window) in section.iter_mut().zip(taps) {
        *out = window.iter().zip(&EXPANSION).fold(0.0, |sum, (sample, tap)| sum + sample * tap);
    }
    section
}

/// Copies vector `index` of a section to `out`.
pub(super) fn vector(section: &[f32], index: usize, out: &mut [f32]) {
    let (end, len) = (section.len(), out.len());
    match index.checked_sub(stretches(end, len)) {
        None => out.copy_from_slice(&section[end - len - index..end - index]),
        Some(short) => repeated(section, 2 * short + len, out),
    }
}

/// A vector whose lag is half of `twice`, as far as `out` goes: the last stretch of that length, then what leads on from it.
fn repeated(section: &[f32], twice: usize, out: &mut [f32]) {
    let end = section.len();
    let lag = twice / 2;
    let blend = lag - BLEND;
    out[..lag].copy_from_slice(&section[end - lag..]);
    for (at, share) in (blend..lag).zip(SHARES) {
        out[at] = (1.0 - share) * out[at] + share * section[end - twice + at];
    }
    let rest = out.len() - lag;
    out[lag..].copy_from_slice(&section[end - twice + lag..][..rest]);
}

/// The gain that `index` stands for in a stage, whose gain before was `before`.
pub(super) fn gain(stage: usize, index: u16, before: f32) -> f32 {
    let table = gains(stage);
    let index = usize::from(index) % table.len();
    if stage == 0 { table[index] } else { before.abs().max(0.1) * table[index] }
}

/// The gains of a stage, as multiples of the gain before.
pub(super) fn gains(stage: usize) -> &'static [f32] {
    match stage {
        0 => &GAINS_FIRST,
        1 => &GAINS_SECOND,
        _ => &GAINS_THIRD,
    }
}

/// Fills `out` with the sum of the vectors of `shape`, out of a memory.
pub(super) fn construct(shape: &Shape, memory: &[f32; MEMORY], out: &mut [f32]) {
    let len = out.len();
    let memory = &memory[MEMORY - memory_len(len)..];
    let expanded = expanded(memory);
    let size = section_size(memory.len(), len);
    let mut before = 1.0;
    out.fill(0.0);
    for stage in 0..STAGES {
        before = gain(stage, shape.gains[stage], before);
        let index = usize::from(shape.vectors[stage]);
        let mut added = [0.0; SUBFRAME];
        let added = &mut added[..len];
        match index.checked_sub(size) {
            None => vector(memory, index, added),
            Some(index) => vector(&expanded[..memory.len()], index, added),
        }
        for (out, added) in out.iter_mut().zip(added) {
            *out += before * *added;
        }
    }
}

/// What the bit stream calls a vector of the later stages of the first block of 40 samples, of which they use half.
pub(super) const fn to_code(index: u16) -> u16 {
    match index {
        108..172 => index - 64,
        236.. => index - 128,
        _ => index,
    }
}

/// The other way.
pub(super) const fn from_code(code: u16) -> u16 {
    match code {
        44..108 => code + 64,
        108..128 => code + 128,
        _ => code,
    }
}
