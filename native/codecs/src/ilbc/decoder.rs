//! Frames to samples: the residual is decoded, smoothed by the enhancer, and filtered (RFC 3951 §4).

use super::blocks::{Residual, state_place};
use super::concealment::Concealment;
use super::enhancer::Enhancer;
use super::filters::{HighPass, IDENTITY, Lpc, ORDER, all_pole};
use super::lsf::{self, Filters, Lsf};
use super::packing::{Layout, Parameters};
use super::tables::{LSF_MEAN, OUTPUT};
use super::{SAMPLES, SUBFRAME, codebook, state};

/// A synthesised sample beyond this is a filter that ran away: no encoder of 16-bit samples makes one.
const BOUND: f32 = 1.0e6;

/// Subframes that the enhancer delays, at most.
const SUBFRAMES_LATE: usize = 2;

/// All that is kept from frame to frame.
pub(super) struct State {
    layout: &'static Layout,
    old: Lsf,
    concealment: Concealment,
    enhancer: Enhancer,
    /// The last filters of the frame before: the enhancer's delay makes its last subframes fall into this frame.
    late: [Lpc; SUBFRAMES_LATE],
    /// The samples before the frame, then the frame.
    line: [f32; ORDER + SAMPLES],
    high_pass: HighPass,
}

impl State {
    pub(super) const fn new(layout: &'static Layout) -> Self {
        Self {
            layout,
            old: LSF_MEAN,
            concealment: Concealment::new(layout.samples()),
            enhancer: Enhancer::new(layout.samples()),
            late: [IDENTITY; SUBFRAMES_LATE],
            line: [0.0; ORDER + SAMPLES],
            high_pass: HighPass::new(&OUTPUT),
        }
    }

    /// Decodes one frame to all of `pcm`, or makes one up for a frame that is empty or lost; whether it was not made up.
    pub(super) fn frame(&mut self, octets: Option<&[u8]>, pcm: &mut [i16]) -> bool {
        let parameters = octets.and_then(|octets| self.layout.unpack(octets));
        let (residual, filters) = match &parameters {
            Some(parameters) => self.residual(parameters),
            None => self.concealment.lost(self.enhancer.lag()),
        };
        self.synthesise(residual, &filters, parameters.is_none());
        let samples = &self.line[ORDER..][..pcm.len()];
        if !samples.iter().all(|sample| sample.abs() < BOUND) {
            *self = Self::new(self.layout);
        }
        self.deliver(pcm);
        parameters.is_some()
    }

    fn residual(&mut self, parameters: &Parameters) -> ([f32; SAMPLES], Filters) {
        let thirty = self.layout.samples() == SAMPLES;
        let mut sets = parameters.lsf.map(lsf::dequantised);
        sets.iter_mut().for_each(lsf::stabilise);
        let filters = lsf::interpolated(thirty, &self.old, &sets);
        self.old = sets[usize::from(thirty)];

        let place = state_place(parameters, self.layout.state_len());
        let indices = &parameters.state[..place.len()];
        let filter = &filters[usize::from(parameters.start) - 1];
        let mut residual =
            Residual::new(place, |out| state::construct(parameters.scale, indices, filter, out));
        residual.complete(self.layout, parameters, |block, _| {
            let mut shape = parameters.shapes[block.number];
            if block.number == 1 {
                shape.vectors[1..].iter_mut().for_each(|code| *code = codebook::from_code(*code));
            }
            shape
        });
        let last = self.layout.samples() / SUBFRAME - 1;
        self.concealment.heard(&residual.samples, &filters[last]);
        (residual.samples, filters)
    }

    /// Smooths the residual and filters it to the line.
    fn synthesise(&mut self, mut residual: [f32; SAMPLES], filters: &Filters, made_up: bool) {
        let len = self.layout.samples();
        self.enhancer.enhance(&mut residual[..len], made_up);
        self.line[ORDER..].copy_from_slice(&residual);
        let subframes = len / SUBFRAME;
        let late = &self.late[SUBFRAMES_LATE - self.enhancer.delay() / SUBFRAME..];
        for (at, filter) in late.iter().chain(filters).take(subframes).enumerate() {
            all_pole(&mut self.line[at * SUBFRAME..][..ORDER + SUBFRAME], filter);
        }
        self.late = [filters[subframes - 2], filters[subframes - 1]];
    }

    /// Hands the line's frame over, filtered, and keeps its end.
    fn deliver(&mut self, pcm: &mut [i16]) {
        let mut samples = [0.0; SAMPLES];
        let samples = &mut samples[..pcm.len()];
        samples.copy_from_slice(&self.line[ORDER..][..pcm.len()]);
        self.line.copy_within(pcm.len()..pcm.len() + ORDER, 0);
        self.high_pass.run(samples);
        for (out, sample) in pcm.iter_mut().zip(samples) {
            *out = *sample as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::packing::LAYOUT_20;
    use super::*;

    #[test]
    fn a_filter_that_ran_away_costs_one_frame() {
        let mut octets = [0x5a; 38];
        octets[37] = 0;
        let (mut fresh, mut harmed) = (State::new(&LAYOUT_20), State::new(&LAYOUT_20));
        for harm in [f32::NAN, f32::INFINITY, 1e20] {
            let mut pcm = [1; 160];
            harmed.frame(Some(&octets), &mut pcm);
            harmed.line[ORDER - 1] = harm;
            harmed.frame(Some(&octets), &mut pcm);
            assert_eq!(pcm, [0; 160]);
        }
        for _ in 0..5 {
            let (mut wanted, mut heard) = ([0; 160], [0; 160]);
            fresh.frame(Some(&octets), &mut wanted);
            harmed.frame(Some(&octets), &mut heard);
            assert_eq!(heard, wanted);
        }
    }
}
