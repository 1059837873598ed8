//! The one door between the engine's errors and Python's.

use pyo3::prelude::*;
use trunkline_engine::EngineError;

pyo3::import_exception!(trunkline.errors, ConfigError);
pyo3::import_exception!(trunkline.errors, MediaError);
pyo3::import_exception!(trunkline.call.ports, NoFamilyError);
pyo3::import_exception!(trunkline.call.ports, NoPortsError);

/// What each refusal is in Python: `NoPortsError` when the ports are used up, `NoFamilyError` where none of the address
/// family are bound, `ConfigError` for a setting that can't be, `MediaError` for everything else.
pub(crate) fn to_python(error: EngineError) -> PyErr {
    let words = error.to_string();
    match error {
        EngineError::NoPorts { .. } => NoPortsError::new_err(words),
        EngineError::NoFamily { .. } => NoFamilyError::new_err(words),
        EngineError::Setting(_) => ConfigError::new_err(words),
        EngineError::Argument(_)
        | EngineError::Closed
        | EngineError::Stopped
        | EngineError::NotTwoLegs
        | EngineError::Terminal(_)
        | EngineError::Wav(..)
        | EngineError::File(..)
        | EngineError::Bind(..)
        | EngineError::System(..) => MediaError::new_err(words),
    }
}

/// A setting that can't be.
pub(crate) fn setting(words: String) -> PyErr {
    to_python(EngineError::Setting(words))
}

/// An argument that can't be.
pub(crate) fn argument(words: String) -> PyErr {
    to_python(EngineError::Argument(words))
}
