//! Loss concealment for codecs that have none: the last pitch period is said again and again, dying away.
//!
//! In the manner of ITU-T G.711 Appendix I, simpler: the period is the lag at which the newest 10 ms resemble what came before
//! most; its end is blended into what stood before its beginning, so that it can be repeated without a seam, and the first
//! samples after the gap are blended with what the repetition would have gone on to say. Adds no delay.

use crate::fade::Fade;
use crate::saturate;

const WINDOW_MS: usize = 10;
/// Periods looked for: pitches of 66 to 400 Hz.
const SHORTEST_US: usize = 2500;
const LONGEST_MS: usize = 15;
/// What is remembered.
pub const HISTORY_MS: usize = WINDOW_MS + 2 * LONGEST_MS;
/// How long the repetition and the signal overlap when that is back.
const BLEND_MS: usize = 5;

/// The memory of one stream.
pub struct Concealer {
    /// The newest samples, oldest first; as long as it will ever be.
    history: Vec<i16>,
    /// One period, fit to be repeated; room for the longest.
    cycle: Vec<i16>,
    place: usize,
    lost: bool,
    per_ms: usize,
    fade: Fade,
}

impl Concealer {
    /// For audio of `rate` samples a second.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let per_ms = rate as usize / 1000;
        Self {
            history: vec![0; HISTORY_MS * per_ms],
            cycle: Vec::with_capacity(LONGEST_MS * per_ms),
            place: 0,
            lost: false,
            per_ms,
            fade: Fade::new(rate),
        }
    }

    /// True while the last of the audio was made up.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Takes note of decoded audio; after a gap, blends its beginning.
    pub fn heard(&mut self, pcm: &mut [i16]) {
        if std::mem::take(&mut self.lost) {
            let blend = pcm.len().min(BLEND_MS * self.per_ms);
            let made_up = self.fade.level();
            for (index, sample) in pcm[..blend].iter_mut().enumerate() {
                let old = i64::from(self.next()) * made_up / Fade::FULL;
                let new = i64::from(*sample);
                *sample = ((old * (blend - index) as i64 + new * index as i64) / blend as i64) as i16;
            }
            self.fade.reset();
        }
        self.remember(pcm);
    }

    /// Fills a lost stretch.
    pub fn conceal(&mut self, pcm: &mut [i16]) {
        if !self.lost {
            self.lost = true;
            self.find_cycle();
        }
        for sample in pcm.iter_mut() {
            *sample = self.next();
        }
        self.fade.lost(pcm);
    }

    fn next(&mut self) -> i16 {
        let sample = self.cycle[self.place];
        self.place = (self.place + 1) % self.cycle.len();
        sample
    }

    fn remember(&mut self, pcm: &[i16]) {
        let length = self.history.len();
        if pcm.len() >= length {
            self.history.copy_from_slice(&pcm[pcm.len() - length..]);
        } else {
            self.history.copy_within(pcm.len().., 0);
            self.history[length - pcm.len()..].copy_from_slice(pcm);
        }
    }

    fn find_cycle(&mut self) {
        let (history, end) = (&self.history, self.history.len());
        let window = WINDOW_MS * self.per_ms;
        let newest = &history[end - window..];
        let mut best = (0.0, LONGEST_MS * self.per_ms);
        for lag in SHORTEST_US * self.per_ms / 1000..=LONGEST_MS * self.per_ms {
            let before = &history[end - window - lag..end - lag];
            let (mut product, mut energy) = (0i64, 1i64);
            for (&a, &b) in newest.iter().zip(before) {
                product += i64::from(a) * i64::from(b);
                energy += i64::from(b) * i64::from(b);
            }
            let likeness = product as f64 / (energy as f64).sqrt();
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        let period = best.1;
        let blend = period / 4;
        self.cycle.clear();
        self.cycle.extend_from_slice(&history[end - period..]);
        for step in 0..blend {
            let place = period - blend + step;
            let (own, earlier) =
                (i32::from(history[end - period + place]), i32::from(history[end - 2 * period + place]));
            let (total, later) = (blend as i32, step as i32 + 1);
            self.cycle[place] = saturate((own * (total - later) + earlier * later) / total);
        }
        self.place = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hz: f64, from: usize, count: usize) -> Vec<i16> {
        let step = std::f64::consts::TAU * hz / f64::from(rate);
        (from..from + count).map(|n| (10000.0 * (step * n as f64).sin()) as i16).collect()
    }

    #[test]
    fn a_tone_goes_on_through_a_gap_without_a_click() {
        for (rate, hz) in [(8000, 200.0), (8000, 333.0), (16000, 200.0), (16000, 440.0)] {
            let frame = rate as usize / 50;
            let mut concealer = Concealer::new(rate);
            let mut whole = Vec::new();
            for index in 0..40 {
                let mut pcm = tone(rate, hz, index * frame, frame);
                if index % 20 == 10 {
                    concealer.conceal(&mut pcm);
                } else {
                    concealer.heard(&mut pcm);
                }
                whole.extend(pcm);
            }
            let most = whole.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
            let steepest = (10000.0 * std::f64::consts::TAU * hz / f64::from(rate)) as u16;
            assert!(most <= steepest * 3 / 2, "{rate} {hz}: {most} against {steepest}");
            let gap = &whole[10 * frame..11 * frame];
            let loudest = gap.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!((9000..=10100).contains(&loudest), "{rate} {hz}: {loudest}");
        }
    }

    #[test]
    fn what_comes_after_a_gap_is_blended_into_from_what_was_said_in_it() {
        for lost in 1..4 {
            let mut concealer = Concealer::new(8000);
            concealer.heard(&mut tone(8000, 200.0, 0, 800));
            let mut whole = Vec::new();
            for _ in 0..lost {
                let mut gap = [0; 160];
                concealer.conceal(&mut gap);
                whole.extend(gap);
            }
            // Half a period later than the repetition would have it.
            let after = tone(8000, 200.0, 20, 160);
            let mut blended = after.clone();
            concealer.heard(&mut blended);
            whole.extend(&blended);
            let most = whole.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
            assert!(most <= 1600 * 3 / 2, "{lost} lost: {most}");
            assert_eq!(blended[40..], after[40..]);
            assert_ne!(blended[..40], after[..40]);
        }
    }

    #[test]
    fn a_gap_after_a_long_one_is_as_loud_as_the_first() {
        let mut concealer = Concealer::new(8000);
        let mut gaps = [[0; 160]; 2];
        for gap in &mut gaps {
            concealer.heard(&mut tone(8000, 200.0, 0, 800));
            concealer.conceal(gap);
            (0..8).for_each(|_| concealer.conceal(&mut [0; 160]));
        }
        assert_eq!(gaps[0], gaps[1]);
    }

    #[test]
    fn a_long_gap_falls_silent() {
        let mut concealer = Concealer::new(8000);
        concealer.heard(&mut tone(8000, 300.0, 0, 800));
        let mut gap = [0; 160];
        for _ in 0..10 {
            concealer.conceal(&mut gap);
        }
        assert!(gap.iter().all(|&sample| sample == 0));
    }

    #[test]
    fn silence_stays_silence() {
        let mut concealer = Concealer::new(16000);
        let mut gap = [7; 320];
        concealer.conceal(&mut gap);
        assert!(gap.iter().all(|&sample| sample == 0));
    }

    #[test]
    fn the_loudest_noise_stays_in_range() {
        let mut concealer = Concealer::new(8000);
        let mut noise: Vec<i16> = (0..800).map(|n| if n * n % 7 < 3 { i16::MIN } else { i16::MAX }).collect();
        for _ in 0..5 {
            concealer.heard(&mut noise);
            concealer.conceal(&mut [0; 480]);
        }
    }
}
