//! The quadrature mirror filters of G.722: 24 taps that part 16 kHz into two bands of 8 kHz, and join them (ITU-T G.722 §3.1, §4.4).

/// Every other tap of the symmetric filter; the others are these backwards. At half the recommendation's scale.
static TAPS: [i16; TAPS_LEN] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
static TAPS_BACKWARDS: [i16; TAPS_LEN] = [-11, 53, -156, 362, -805, 3876, 951, -210, 32, 12, -11, 3];
const TAPS_LEN: usize = 12;
const PAST: usize = TAPS_LEN - 1;
const LINE: usize = PAST + super::BLOCK;

/// Delay lines of the even and the odd samples, oldest first, with room for one block.
struct Lines {
    even: [i16; LINE],
    odd: [i16; LINE],
}

impl Lines {
    const fn new() -> Self {
        Self { even: [0; LINE], odd: [0; LINE] }
    }

    /// The two filter sums of each of `count` new places, then the lines move on.
    fn run(&mut self, count: usize, mut each: impl FnMut(usize, i32, i32)) {
        for at in 0..count.min(super::BLOCK) {
            each(
                at,
                sum(&self.even[at..at + TAPS_LEN], &TAPS),
                sum(&self.odd[at..at + TAPS_LEN], &TAPS_BACKWARDS),
            );
        }
        self.even.copy_within(count..count + PAST, 0);
        self.odd.copy_within(count..count + PAST, 0);
    }
}

fn sum(line: &[i16], taps: &[i16; TAPS_LEN]) -> i32 {
    line.iter().zip(taps).map(|(&sample, &tap)| i32::from(sample) * i32::from(tap)).sum()
}

/// The encoder's side.
pub(super) struct Analysis(Lines);

impl Default for Analysis {
    fn default() -> Self {
        Self(Lines::new())
    }
}

impl Analysis {
    /// At most a block of pairs of samples to as many pairs of a low- and a high-band sample, of 15 bits.
    pub(super) fn part(&mut self, pcm: &[i16], bands: &mut [[i32; 2]; super::BLOCK]) {
        for (at, pair) in pcm.chunks_exact(2).enumerate() {
            self.0.even[PAST + at] = pair[0];
            self.0.odd[PAST + at] = pair[1];
        }
        self.0.run(pcm.len() / 2, |at, even, odd| bands[at] = [(odd + even) >> 14, (odd - even) >> 14]);
    }
}

/// The decoder's side.
pub(super) struct Synthesis(Lines);

impl Default for Synthesis {
    fn default() -> Self {
        Self(Lines::new())
    }
}

impl Synthesis {
    /// At most a block of pairs of bands' samples, each within 15 bits, to as many pairs of samples.
    pub(super) fn join(&mut self, bands: &[[i16; 2]; super::BLOCK], pcm: &mut [i16]) {
        let count = pcm.len() / 2;
        for (at, [low, high]) in bands.iter().take(count).enumerate() {
            self.0.even[PAST + at] = low + high;
            self.0.odd[PAST + at] = low - high;
        }
        self.0.run(count, |at, even, odd| {
            pcm[2 * at] = crate::saturate(odd >> 11);
            pcm[2 * at + 1] = crate::saturate(even >> 11);
        });
    }
}
