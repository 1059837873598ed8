//! One band of G.722: the adaptive quantiser and the predictor with two poles and six zeros (ITU-T G.722 §3, §4).
//!
//! Fixed-point exactly as the recommendation has it; shifts are arithmetic and round towards minus infinity. All state stays
//! in 16 bits, so the sums are in i32 without overflow, and the six zeros are laid out for vector instructions.

/// Where a band starts and how far its quantiser may go.
pub(super) struct Start {
    /// The quantiser's scale factor.
    scale: i32,
    /// The highest logarithmic scale factor.
    log_limit: i32,
    /// What the antilogarithm is shifted by.
    antilog_shift: i32,
}

pub(super) const LOW: Start = Start { scale: 32, log_limit: 18432, antilog_shift: 8 };
pub(super) const HIGH: Start = Start { scale: 8, log_limit: 22528, antilog_shift: 10 };

/// Decision levels of the 60-level quantiser, as multiples of the scale factor; filled up beyond reach.
static DECISIONS: [i32; 32] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121,
    1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919, 65535, 65535,
];
static CODES_NEGATIVE: [u8; 32] = [
    63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7,
    6, 5, 4, 4, 4,
];
static CODES_POSITIVE: [u8; 32] = [
    61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36,
    35, 34, 33, 32, 32, 32,
];
/// The inverse quantiser with all six bits: what is heard.
static STEPS_6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];
/// With the four upper bits: what the predictor learns from.
static STEPS_4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
static STEPS_HIGH: [i32; 4] = [-7408, -1616, 7408, 1616];
/// What each code adds to the logarithmic scale factor.
static LOG_STEPS_LOW: [i32; 16] =
    [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
static LOG_STEPS_HIGH: [i32; 4] = [798, -214, 798, -214];
static ANTILOG: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// The state of one band.
pub(super) struct Band {
    start: &'static Start,
    scale: i32,
    log_scale: i32,
    estimate: i32,
    zero_estimate: i32,
    poles: [i32; 2],
    reconstructed: [i32; 2],
    /// Signs (0 or -1) of the last two partly reconstructed samples.
    signs: [i32; 2],
    /// Six coefficients and two that stay zero, for whole vectors.
    zeros: [i16; 8],
    /// The last six quantised differences.
    differences: [i16; 8],
}

const fn saturate(value: i32) -> i32 {
    crate::saturate(value) as i32
}

impl Band {
    pub(super) const fn new(start: &'static Start) -> Self {
        Self {
            start,
            scale: start.scale,
            log_scale: 0,
            estimate: 0,
            zero_estimate: 0,
            poles: [0; 2],
            reconstructed: [0; 2],
            signs: [0; 2],
            zeros: [0; 8],
            differences: [0; 8],
        }
    }

    /// One low-band sample to its six bits.
    pub(super) fn encode_low(&mut self, sample: i32) -> u8 {
        let difference = saturate(sample - self.estimate);
        let sign = difference >> 31;
        let magnitude = difference ^ sign;
        let mut level = 0;
        for step in [16, 8, 4, 2, 1] {
            let next = (level + step) & 31;
            if magnitude >= (DECISIONS[next] * self.scale) >> 12 {
                level = next;
            }
        }
        let codes = if sign < 0 { &CODES_NEGATIVE } else { &CODES_POSITIVE };
        let code = codes[level];
        self.learn_low(code);
        code
    }

    /// Six bits to a low-band sample.
    pub(super) fn decode_low(&mut self, code: u8) -> i16 {
        let heard = self.estimate + ((self.scale * STEPS_6[usize::from(code & 0x3f)]) >> 15);
        self.learn_low(code);
        heard.clamp(-16384, 16383) as i16
    }

    /// One high-band sample to its two bits.
    pub(super) fn encode_high(&mut self, sample: i32) -> u8 {
        let difference = saturate(sample - self.estimate);
        let sign = difference >> 31;
        let outer = (difference ^ sign) >= (564 * self.scale) >> 12;
        let code = match (sign < 0, outer) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.learn_high(code);
        code
    }

    /// Two bits to a high-band sample.
    pub(super) fn decode_high(&mut self, code: u8) -> i16 {
        let heard = self.estimate + ((self.scale * STEPS_HIGH[usize::from(code & 3)]) >> 15);
        self.learn_high(code);
        heard.clamp(-16384, 16383) as i16
    }

    fn learn_low(&mut self, code: u8) {
        let code = usize::from((code >> 2) & 15);
        let difference = (self.scale * STEPS_4[code]) >> 15;
        self.rescale(LOG_STEPS_LOW[code]);
        self.predict(difference);
    }

    fn learn_high(&mut self, code: u8) {
        let code = usize::from(code & 3);
        let difference = (self.scale * STEPS_HIGH[code]) >> 15;
        self.rescale(LOG_STEPS_HIGH[code]);
        self.predict(difference);
    }

    /// Blocks 3L and 3H: the logarithmic scale factor leaks, moves and is bounded; the linear one follows.
    fn rescale(&mut self, step: i32) {
        self.log_scale = (((self.log_scale * 127) >> 7) + step).clamp(0, self.start.log_limit);
        let mantissa = ANTILOG[((self.log_scale >> 6) & 31) as usize];
        let shift = self.start.antilog_shift - (self.log_scale >> 11);
        self.scale = if shift < 0 { mantissa << -shift } else { mantissa >> shift } << 2;
    }

    /// Blocks 4L and 4H: adapts poles and zeros by signs only, and predicts the next sample.
    fn predict(&mut self, difference: i32) {
        let reconstructed = saturate(self.estimate + difference);
        let sign = saturate(self.zero_estimate + difference) >> 31;
        self.adapt_poles(sign);
        self.adapt_zeros(difference as i16);
        self.signs = [sign, self.signs[0]];
        self.reconstructed = [reconstructed, self.reconstructed[0]];

        let zeros = self.zeros.iter().zip(&self.differences);
        let sum =
            zeros.map(|(&zero, &past)| (i32::from(zero) * i32::from(past.saturating_add(past))) >> 15).sum();
        self.zero_estimate = saturate(sum);
        let pole = |which: usize| (self.poles[which] * saturate(2 * self.reconstructed[which])) >> 15;
        self.estimate = saturate(saturate(pole(0) + pole(1)) + self.zero_estimate);
    }

    /// UPPOL2 and UPPOL1.
    fn adapt_poles(&mut self, sign: i32) {
        let [first, second] = self.poles;
        let quadrupled = saturate(4 * first);
        let towards = if sign == self.signs[0] { (-quadrupled).min(32767) } else { quadrupled };
        let step = if sign == self.signs[1] { 128 } else { -128 };
        let second = ((towards >> 7) + step + ((second * 32512) >> 15)).clamp(-12288, 12288);
        let step = if sign == self.signs[0] { 192 } else { -192 };
        let limit = 15360 - second;
        self.poles = [(step + ((first * 32640) >> 15)).clamp(-limit, limit), second];
    }

    /// UPZERO, and the new difference enters the line. A coefficient leaks by 1/256 a step, which keeps it within 16 bits.
    fn adapt_zeros(&mut self, difference: i16) {
        let step = if difference == 0 { 0 } else { 128 };
        let sign = difference >> 15;
        for (zero, &past) in self.zeros[..6].iter_mut().zip(&self.differences) {
            let towards = if past >> 15 == sign { step } else { -step };
            *zero = (towards + ((i32::from(*zero) * 32640) >> 15)) as i16;
        }
        self.differences.copy_within(0..5, 1);
        self.differences[0] = difference;
    }
}
