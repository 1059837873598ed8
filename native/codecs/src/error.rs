//! What can go wrong with a payload or a buffer; never more than the one packet is lost by it.

use std::fmt;

/// Why a codec could not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// The payload holds not one whole frame, or a frame that its own contents call impossible.
    Malformed,
    /// The samples to encode are no whole number of frames.
    PartFrame,
    /// The buffer for the result is too small.
    NoRoom,
    /// The codec's state could not be allocated.
    NoState,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "payload without a whole frame",
            Self::PartFrame => "samples that are no whole number of frames",
            Self::NoRoom => "buffer too small",
            Self::NoState => "no memory for the codec's state",
        })
    }
}

impl std::error::Error for CodecError {}
