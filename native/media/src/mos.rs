//! Estimated listening quality from loss and jitter: the E-model of ITU-T G.107, reduced to what a relay can see.
//!
//! R = 93.2 − Id − Ie,eff with G.107's defaults elsewhere. The delay that Id depends on is unknown to a relay in the middle,
//! so it is taken as one 20 ms frame and a jitter buffer of twice the jitter: the figure judges the stream, not the
//! distance. Loss is taken as random (BurstR = 1).

/// How a codec takes loss: equipment impairment and robustness (ITU-T G.113 Appendix I).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// Ie: impairment without loss.
    pub equipment: f64,
    /// Bpl: packet-loss robustness.
    pub robustness: f64,
}

impl Impairment {
    /// G.711 with packet loss concealment.
    pub const G711: Self = Self { equipment: 0.0, robustness: 25.1 };
    /// G.729A with its built-in concealment. Also taken for every codec with a dynamic payload type, of which a relay
    /// knows only the number.
    pub const G729: Self = Self { equipment: 11.0, robustness: 19.0 };

    /// By static payload type (RFC 3551 table 4): 0, 8 and 9 as G.711, everything else as G.729.
    #[must_use]
    pub const fn of_payload_type(payload_type: u8) -> Self {
        match payload_type {
            0 | 8 | 9 => Self::G711,
            _ => Self::G729,
        }
    }
}

/// Mean opinion score, 1.0–4.5. `loss` is the share of packets lost, 0–1; `jitter_ms` RFC 3550's.
#[must_use]
pub fn estimate(loss: f64, jitter_ms: f64, impairment: Impairment) -> f64 {
    let percent = 100.0 * loss.clamp(0.0, 1.0);
    let delay_ms = 20.0 + 2.0 * jitter_ms.clamp(0.0, 1000.0);
    let delay = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    let equipment =
        impairment.equipment + (95.0 - impairment.equipment) * percent / (percent + impairment.robustness);
    let r = (93.2 - delay - equipment).clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 0.05, "{value} is not {expected}");
    }

    #[test]
    fn a_clean_stream_is_as_good_as_the_codec() {
        close(estimate(0.0, 0.0, Impairment::G711), 4.40);
        close(estimate(0.0, 0.0, Impairment::G729), 4.10);
    }

    #[test]
    fn loss_and_jitter_cost() {
        close(estimate(0.01, 0.0, Impairment::G711), 4.32);
        close(estimate(0.05, 0.0, Impairment::G711), 3.94);
        close(estimate(0.20, 0.0, Impairment::G711), 2.57);
        assert!(estimate(0.0, 150.0, Impairment::G711) < estimate(0.0, 20.0, Impairment::G711) - 0.5);
    }

    #[test]
    fn never_leaves_the_scale() {
        for loss in [-1.0, 0.0, 0.5, 1.0, 9.0] {
            for jitter in [-5.0, 0.0, 100.0, 1e9] {
                let mos = estimate(loss, jitter, Impairment::G729);
                assert!((1.0..=4.5).contains(&mos), "{mos}");
            }
        }
    }

    #[test]
    fn codecs_by_payload_type() {
        assert_eq!(Impairment::of_payload_type(8), Impairment::G711);
        assert_eq!(Impairment::of_payload_type(18), Impairment::G729);
        assert_eq!(Impairment::of_payload_type(97), Impairment::G729);
    }
}
