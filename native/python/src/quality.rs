//! How a stretch of audio sounded, by its figures alone.

use pyo3::prelude::*;
use trunkline_media::mos::{self, Impairment};

/// Estimated listening quality (MOS, 1.0 to 4.5) of audio of which the share `loss` (0 to 1) never came.
#[pyfunction]
pub(crate) fn estimate_mos(loss: f64, jitter_ms: f64, codec: &str) -> f64 {
    mos::estimate(loss, jitter_ms, Impairment::of_codec(codec))
}
