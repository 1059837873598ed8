//! The parameters of a frame, and their place among its bits (RFC 3951 §3.8, Appendix A.42).
//!
//! Each parameter is cut into up to three parts, the most significant first; a frame holds all first parts, then all second,
//! then all third ones: three classes of sensitivity. The last bit says that the frame is empty.

use super::{SAMPLES, SUBFRAME};

/// Samples of the start state that are coded one by one, at most.
pub(super) const STATE_MOST: usize = 58;
/// Blocks of 40 samples besides the start state, at most.
pub(super) const BLOCKS_MOST: usize = 4;
/// Codebook vectors that are added up for one block.
pub(super) const STAGES: usize = 3;

/// Bits of a parameter in each class.
type Bits = [u8; 3];

/// How one block is put together: for each stage a vector and its gain.
#[derive(Clone, Copy, Default)]
pub(super) struct Shape {
    pub(super) vectors: [u16; STAGES],
    pub(super) gains: [u16; STAGES],
}

/// All that a frame says.
pub(super) struct Parameters {
    /// One or two sets of line spectral frequencies, each in three parts.
    pub(super) lsf: [[u16; 3]; 2],
    /// Which pair of subframes holds the start state, from 1.
    pub(super) start: u16,
    /// The part of the start state that is coded sample by sample is the first one.
    pub(super) state_first: u16,
    pub(super) scale: u16,
    pub(super) state: [u16; STATE_MOST],
    /// The other part of the start state, then the blocks after it, then those before it, the nearest first.
    pub(super) shapes: [Shape; 1 + BLOCKS_MOST],
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            lsf: [[0; 3]; 2],
            start: 0,
            state_first: 0,
            scale: 0,
            state: [0; STATE_MOST],
            shapes: [Shape::default(); 1 + BLOCKS_MOST],
        }
    }
}

/// Where the bits of a frame are.
pub(super) struct Layout {
    lsf_sets: usize,
    start: Bits,
    state_len: usize,
    blocks: usize,
    vectors: [[Bits; STAGES]; 1 + BLOCKS_MOST],
    gains: [[Bits; STAGES]; 1 + BLOCKS_MOST],
}

const UNUSED: [Bits; STAGES] = [[0; 3]; STAGES];
const LSF_BITS: [Bits; 3] = [[6, 0, 0], [7, 0, 0], [7, 0, 0]];
const STATE_FIRST_BITS: Bits = [1, 0, 0];
const SCALE_BITS: Bits = [6, 0, 0];
const STATE_BITS: Bits = [0, 1, 2];

pub(super) static LAYOUT_20: Layout = Layout {
    lsf_sets: 1,
    start: [2, 0, 0],
    state_len: 57,
    blocks: 2,
    vectors: [
        [[6, 0, 1], [0, 0, 7], [0, 0, 7]],
        [[7, 0, 1], [0, 0, 7], [0, 0, 7]],
        [[0, 0, 8], [0, 0, 8], [0, 0, 8]],
        UNUSED,
        UNUSED,
    ],
    gains: [
        [[2, 0, 3], [1, 1, 2], [0, 0, 3]],
        [[1, 2, 2], [1, 1, 2], [0, 0, 3]],
        [[1, 1, 3], [0, 2, 2], [0, 0, 3]],
        UNUSED,
        UNUSED,
    ],
};

pub(super) static LAYOUT_30: Layout = Layout {
    lsf_sets: 2,
    start: [3, 0, 0],
    state_len: 58,
    blocks: 4,
    vectors: [
        [[4, 2, 1], [0, 0, 7], [0, 0, 7]],
        [[6, 1, 1], [0, 0, 7], [0, 0, 7]],
        [[0, 7, 1], [0, 0, 8], [0, 0, 8]],
        [[0, 7, 1], [0, 0, 8], [0, 0, 8]],
        [[0, 7, 1], [0, 0, 8], [0, 0, 8]],
    ],
    gains: [
        [[1, 1, 3], [1, 1, 2], [0, 0, 3]],
        [[1, 2, 2], [1, 2, 1], [0, 0, 3]],
        [[0, 2, 3], [0, 2, 2], [0, 0, 3]],
        [[0, 1, 4], [0, 1, 3], [0, 0, 3]],
        [[0, 1, 4], [0, 1, 3], [0, 0, 3]],
    ],
};

impl Layout {
    /// Samples of the start state that are coded one by one.
    pub(super) const fn state_len(&self) -> usize {
        self.state_len
    }

    /// Samples of a frame: the start state's two subframes and the other blocks.
    pub(super) const fn samples(&self) -> usize {
        SUBFRAME * (2 + self.blocks)
    }

    /// Octets of a frame.
    pub(super) const fn octets(&self) -> usize {
        if self.samples() == SAMPLES { 50 } else { 38 }
    }

    /// Calls `each` with every parameter of a frame, three times over: once for each class, which it is told.
    fn walk(&self, parameters: &mut Parameters, mut each: impl FnMut(&mut u16, Bits, usize)) {
        for class in 0..3 {
            for set in &mut parameters.lsf[..self.lsf_sets] {
                for (part, bits) in set.iter_mut().zip(LSF_BITS) {
                    each(part, bits, class);
                }
            }
            each(&mut parameters.start, self.start, class);
            each(&mut parameters.state_first, STATE_FIRST_BITS, class);
            each(&mut parameters.scale, SCALE_BITS, class);
            for sample in &mut parameters.state[..self.state_len] {
                each(sample, STATE_BITS, class);
            }
            let (extra, blocks) = parameters.shapes[..=self.blocks].split_at_mut(1);
            let at = |block: usize| (&self.vectors[block], &self.gains[block]);
            for (first, shapes) in [(0, extra), (1, blocks)] {
                for (block, shape) in (first..).zip(shapes.iter_mut()) {
                    shape
                        .vectors
                        .iter_mut()
                        .zip(at(block).0)
                        .for_each(|(part, &bits)| each(part, bits, class));
                }
                for (block, shape) in (first..).zip(shapes.iter_mut()) {
                    shape.gains.iter_mut().zip(at(block).1).for_each(|(part, &bits)| each(part, bits, class));
                }
            }
        }
    }

    /// Fills `octets`, a whole frame.
    pub(super) fn pack(&self, parameters: &mut Parameters, octets: &mut [u8]) {
        octets.fill(0);
        let mut at = 0;
        self.walk(parameters, |value, bits, class| {
            let below: u8 = bits[class + 1..].iter().sum();
            for bit in (below..below + bits[class]).rev() {
                octets[at / 8] |= ((*value >> bit & 1) as u8) << (7 - at % 8);
                at += 1;
            }
        });
    }

    /// What `octets`, a whole frame, say; nothing when they call themselves empty, or no encoder would say it.
    pub(super) fn unpack(&self, octets: &[u8]) -> Option<Parameters> {
        let mut parameters = Parameters::default();
        let mut at = 0;
        let mut take = |octets: &[u8], count: u8| {
            (0..count).fold(0, |value, _| {
                let bit = octets[at / 8] >> (7 - at % 8) & 1;
                at += 1;
                value << 1 | u16::from(bit)
            })
        };
        self.walk(&mut parameters, |value, bits, class| {
            *value = *value << bits[class] | take(octets, bits[class]);
        });
        let empty = take(octets, 1) == 1;
        let pairs = self.blocks + 1;
        (!empty && (1..=pairs).contains(&usize::from(parameters.start))).then_some(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_frame_has_its_place() {
        for (layout, len) in [(&LAYOUT_20, 38), (&LAYOUT_30, 50)] {
            for bit in 0..8 * len - 1 {
                let mut frame = vec![0u8; len];
                frame[bit / 8] = 0x80 >> (bit % 8);
                // A start of none would have the frame thrown away.
                frame[if len == 38 { 2 } else { 5 }] |= if len == 38 { 0x04 } else { 0x20 };
                if let Some(mut parameters) = layout.unpack(&frame) {
                    let mut packed = vec![0xff; len];
                    layout.pack(&mut parameters, &mut packed);
                    assert_eq!(packed, frame, "bit {bit}");
                }
            }
        }
    }

    #[test]
    fn empty_frames_and_starts_that_are_none_say_nothing() {
        let mut frame = [0; 38];
        assert!(LAYOUT_20.unpack(&frame).is_none());
        frame[2] = 0x04;
        assert!(LAYOUT_20.unpack(&frame).is_some());
        frame[37] = 1;
        assert!(LAYOUT_20.unpack(&frame).is_none());
        let mut frame = [0; 50];
        frame[5] = 0x06 << 5;
        assert!(LAYOUT_30.unpack(&frame).is_none());
    }
}
