//! The order in which the blocks of a frame are coded: the start state, the rest of it, what comes after, what comes before
//! (RFC 3951 §3.6, §4.3). Each one's codebook is made of all that is decoded by then; for blocks before it, backwards.

use std::ops::Range;

use super::codebook::{self, MEMORY};
use super::packing::{Layout, Parameters, Shape};
use super::{SAMPLES, SUBFRAME};

/// Samples of the start state with the rest of it.
const PAIR: usize = 2 * SUBFRAME;

/// A residual signal, as far as it is decoded.
pub(super) struct Residual {
    pub(super) samples: [f32; SAMPLES],
    known: Range<usize>,
}

/// One block to be coded: its number, its place, and whether it goes backwards.
pub(super) struct Block {
    pub(super) number: usize,
    pub(super) place: Range<usize>,
    pub(super) backwards: bool,
}

impl Block {
    /// The subframe whose filter is the block's.
    pub(super) const fn subframe(&self) -> usize {
        self.place.start / SUBFRAME
    }
}

/// Where the start state's samples are that are coded one by one.
pub(super) fn state_place(parameters: &Parameters, state_len: usize) -> Range<usize> {
    let pair = (usize::from(parameters.start) - 1) * SUBFRAME;
    let start = if parameters.state_first == 1 { pair } else { pair + PAIR - state_len };
    start..start + state_len
}

/// All the blocks around a start state, in order, with their numbers.
fn blocks(layout: &Layout, parameters: &Parameters) -> impl Iterator<Item = Block> {
    let state = state_place(parameters, layout.state_len());
    let pair = (usize::from(parameters.start) - 1) * SUBFRAME;
    let first = parameters.state_first == 1;
    let rest = if first { state.end..pair + PAIR } else { pair..state.start };
    let after = (pair + PAIR..layout.samples()).step_by(SUBFRAME).map(|at| (at, false));
    let before = (0..pair).step_by(SUBFRAME).rev().map(|at| (at, true));
    let rest = Block { number: 0, place: rest, backwards: !first };
    let others = after.chain(before).zip(1..);
    std::iter::once(rest).chain(others.map(|((at, backwards), number)| Block {
        number,
        place: at..at + SUBFRAME,
        backwards,
    }))
}

impl Residual {
    /// Starts with the start state, which `construct` puts into its place.
    pub(super) fn new(state: Range<usize>, construct: impl FnOnce(&mut [f32])) -> Self {
        let mut samples = [0.0; SAMPLES];
        construct(&mut samples[state.clone()]);
        Self { samples, known: state }
    }

    /// Adds all other blocks. `shape` tells how each is made, out of the codebook's memory.
    pub(super) fn complete(
        &mut self,
        layout: &Layout,
        parameters: &Parameters,
        mut shape: impl FnMut(&Block, &[f32; MEMORY]) -> Shape,
    ) {
        for block in blocks(layout, parameters) {
            let memory = self.memory(block.backwards);
            let shape = shape(&block, &memory);
            let out = &mut self.samples[block.place.clone()];
            codebook::construct(&shape, &memory, out);
            if block.backwards {
                out.reverse();
                self.known.start = block.place.start;
            } else {
                self.known.end = block.place.end;
            }
        }
    }

    /// What is nearest to the next block, at the end; zeros before it where there is too little.
    fn memory(&self, backwards: bool) -> [f32; MEMORY] {
        let known = &self.samples[self.known.clone()];
        let len = known.len().min(MEMORY);
        let mut memory = [0.0; MEMORY];
        let place = &mut memory[MEMORY - len..];
        if backwards {
            place.copy_from_slice(&known[..len]);
            place.reverse();
        } else {
            place.copy_from_slice(&known[known.len() - len..]);
        }
        memory
    }
}
