//! Samples to frames (RFC 3951 §3): predicted, the residual's start state coded one by one, the rest from codebooks of it.

use super::analysis::Analysis;
use super::blocks::{Residual, state_place};
use super::codebook;
use super::filters::{HighPass, ORDER, all_zero};
use super::packing::{Layout, Parameters};
use super::search::search;
use super::tables::INPUT;
use super::{SAMPLES, SUBFRAME, state};

/// All that is kept from frame to frame.
pub(super) struct State {
    layout: &'static Layout,
    high_pass: HighPass,
    analysis: Analysis,
    /// The samples before the frame, then the frame.
    line: [f32; ORDER + SAMPLES],
}

impl State {
    pub(super) const fn new(layout: &'static Layout) -> Self {
        Self {
            layout,
            high_pass: HighPass::new(&INPUT),
            analysis: Analysis::new(),
            line: [0.0; ORDER + SAMPLES],
        }
    }

    /// Encodes one frame.
    pub(super) fn frame(&mut self, pcm: &[i16], octets: &mut [u8]) {
        let len = self.layout.samples();
        let frame = &mut self.line[ORDER..][..len];
        for (out, &sample) in frame.iter_mut().zip(pcm) {
            *out = f32::from(sample);
        }
        self.high_pass.run(frame);
        let prediction = self.analysis.predict(frame);
        let mut residual = [0.0; SAMPLES];
        let residual = &mut residual[..len];
        for (at, out) in residual.chunks_exact_mut(SUBFRAME).enumerate() {
            all_zero(&self.line[at * SUBFRAME..][..ORDER + SUBFRAME], &prediction.filters[at], out);
        }
        self.line.copy_within(len..len + ORDER, 0);

        let start = state::loudest(residual);
        let pair = &residual[(start - 1) * SUBFRAME..][..2 * SUBFRAME];
        let first = state::first_is_louder(pair, self.layout.state_len());
        let mut parameters = Parameters {
            lsf: prediction.index,
            start: start as u16,
            state_first: u16::from(first),
            ..Parameters::default()
        };
        let place = state_place(&parameters, self.layout.state_len());
        let boundary = start * SUBFRAME - place.start;
        let filter = &prediction.filters[start - 1];
        let weights = &prediction.weights[start - 1..=start];
        let coded = state::search(&residual[place.clone()], filter, weights, boundary);
        (parameters.scale, parameters.state) = (coded.scale, coded.indices);

        let indices = &coded.indices[..place.len()];
        let mut decoded = Residual::new(place, |out| state::construct(coded.scale, indices, filter, out));
        let mut shapes = parameters.shapes;
        decoded.complete(self.layout, &parameters, |block, memory| {
            let mut target = [0.0; SUBFRAME];
            let target = &mut target[..block.place.len()];
            target.copy_from_slice(&residual[block.place.clone()]);
            if block.backwards {
                target.reverse();
            }
            let shape = search(target, memory, &prediction.weights[block.subframe()], block.number);
            shapes[block.number] = shape;
            shape
        });
        shapes[1].vectors[1..].iter_mut().for_each(|index| *index = codebook::to_code(*index));
        parameters.shapes = shapes;
        self.layout.pack(&mut parameters, octets);
    }
}
