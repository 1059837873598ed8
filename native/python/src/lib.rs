//! `trunkline._native`: the media engine, and the readers of SIP messages and of an rtpengine's answers, as Python sees them.
//!
//! Thin: arguments become the engine's types, results become Python's. Refusals become exceptions in one place,
//! [`errors`]. The stub `src/trunkline/_native.pyi` says the same in Python; a test holds the two together.

mod bencode;
mod engine;
mod errors;
mod leg;
mod quality;
mod sip;
mod trial;

use pyo3::prelude::*;

/// The native media engine.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<engine::Engine>()?;
    module.add_class::<leg::Leg>()?;
    module.add_class::<leg::Statistics>()?;
    module.add_class::<quality::Course>()?;
    module.add_class::<sip::HeadReader>()?;
    module.add_class::<trial::CodecTrial>()?;
    module.add_function(wrap_pyfunction!(bencode::decode_bencode, module)?)?;
    Ok(())
}
