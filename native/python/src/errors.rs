//! The one door between the engine's errors and Python's.

use pyo3::prelude::*;
use trunkline_engine::EngineError;

pyo3::import_exception!(trunkline.errors, MediaError);
pyo3::import_exception!(trunkline.call.ports, NoPortsError);

/// What each refusal is in Python: `NoPortsError` when the ports are used up, `ValueError` for an argument or a setting
/// that can't be, `MediaError` for everything else.
pub(crate) fn to_python(error: EngineError) -> PyErr {
    let words = error.to_string();
    match error {
        EngineError::NoPorts { .. } => NoPortsError::new_err(words),
        EngineError::Setting(_) | EngineError::Argument(_) => pyo3::exceptions::PyValueError::new_err(words),
        EngineError::Closed
        | EngineError::Stopped
        | EngineError::NotTwoLegs
        | EngineError::Terminal(_)
        | EngineError::Wav(..)
        | EngineError::File(..)
        | EngineError::System(..) => MediaError::new_err(words),
    }
}
