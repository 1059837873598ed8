//! An end to concealment: what a codec makes up in a long gap dies away, and what comes after the gap does not start with a click.

/// Lost audio stays at full level for this long,
const HOLD_MS: u32 = 20;
/// is silent after this long,
const SILENT_MS: u32 = 160;
/// and what is heard then comes up within this long.
const RETURN_MS: u32 = 5;
/// Fixed-point one: gains are exact sums of their steps.
const FULL: i32 = 1 << 20;

/// A gain that falls while audio is lost and rises when it is heard again, without a step.
pub struct Fade {
    gain: i32,
    /// Samples lost in a row, no further than the hold.
    lost: usize,
    hold: usize,
    fall: i32,
    rise: i32,
}

impl Fade {
    /// For audio of `rate` samples a second.
    #[must_use]
    pub const fn new(rate: u32) -> Self {
        let per_ms = rate / 1000;
        Self {
            gain: FULL,
            lost: 0,
            hold: (HOLD_MS * per_ms) as usize,
            fall: FULL / ((SILENT_MS - HOLD_MS) * per_ms) as i32,
            rise: FULL / (RETURN_MS * per_ms) as i32,
        }
    }

    /// What [`Fade::level`] is at full level.
    pub(crate) const FULL: i64 = FULL as i64;

    /// The gain as it stands.
    pub(crate) const fn level(&self) -> i64 {
        self.gain as i64
    }

    /// Back to full level at once, for who blends by himself.
    pub(crate) const fn reset(&mut self) {
        (self.gain, self.lost) = (FULL, 0);
    }

    /// Takes made-up audio down.
    pub fn lost(&mut self, pcm: &mut [i16]) {
        let held = pcm.len().min(self.hold - self.lost);
        self.lost += held;
        if self.gain < FULL {
            for sample in &mut pcm[..held] {
                *sample = scale(*sample, self.gain);
            }
        }
        for sample in &mut pcm[held..] {
            self.gain = (self.gain - self.fall).max(0);
            *sample = scale(*sample, self.gain);
        }
    }

    /// Brings real audio up; leaves it alone once it is up.
    pub fn heard(&mut self, pcm: &mut [i16]) {
        self.lost = 0;
        for sample in pcm {
            if self.gain >= FULL {
                return;
            }
            self.gain = (self.gain + self.rise).min(FULL);
            *sample = scale(*sample, self.gain);
        }
    }
}

fn scale(sample: i16, gain: i32) -> i16 {
    ((i64::from(sample) * i64::from(gain)) / i64::from(FULL)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_falls_to_silence_and_returns_without_a_step() {
        let mut fade = Fade::new(8000);
        let mut lost = [10000; 1600];
        for stretch in lost.chunks_mut(80) {
            fade.lost(stretch);
        }
        assert!(lost[..160].iter().all(|&sample| sample == 10000));
        assert!(lost[1300..].iter().all(|&sample| sample == 0));
        let mut heard = [10000; 80];
        fade.heard(&mut heard);
        let whole: Vec<i16> = lost.iter().chain(&heard).copied().collect();
        assert!(whole.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 260));
        assert_eq!(heard[79], 10000);
    }

    #[test]
    fn every_gap_is_held_as_long_as_the_first() {
        let mut fade = Fade::new(8000);
        for _ in 0..3 {
            let mut lost = [10000; 160];
            fade.lost(&mut lost);
            fade.heard(&mut [10000; 80]);
            assert!(lost.iter().all(|&sample| sample == 10000));
        }
    }

    #[test]
    fn one_long_loss_is_many_short_ones() {
        let (mut whole, mut pieces) = ([10000; 1600], [10000; 1600]);
        Fade::new(8000).lost(&mut whole);
        let mut fade = Fade::new(8000);
        pieces.chunks_mut(70).for_each(|piece| fade.lost(piece));
        assert!(whole == pieces);
    }

    #[test]
    fn a_loss_during_the_return_starts_from_where_it_was() {
        let mut fade = Fade::new(8000);
        fade.lost(&mut [10000; 1600]);
        let mut heard = [10000; 20];
        fade.heard(&mut heard);
        let mut lost = [10000; 40];
        fade.lost(&mut lost);
        assert!(heard[19].abs_diff(lost[0]) <= 260, "{} {}", heard[19], lost[0]);
    }
}
