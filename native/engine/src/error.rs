//! Everything the engine refuses, with the words for it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use trunkline_media::wav::WavError;

/// Why the engine refused or failed.
#[derive(Debug)]
pub enum EngineError {
    /// A setting that can't be.
    Setting(String),
    /// Every port pair is in use or draining.
    NoPorts {
        /// Pairs with a leg on them.
        open: usize,
        /// Pairs that wait for late packets to end.
        draining: usize,
        /// Pairs in the range.
        total: usize,
    },
    /// No address of this family is bound.
    NoFamily {
        /// IPv6, else IPv4.
        ipv6: bool,
    },
    /// The leg is closed.
    Closed,
    /// The engine has been stopped.
    Stopped,
    /// Two legs are needed, of this engine, and not the same one twice.
    NotTwoLegs,
    /// An argument that makes no sense.
    Argument(String),
    /// The leg has no terminal, or one that can't do this.
    Terminal(&'static str),
    /// A WAV file can't be played or written.
    Wav(PathBuf, WavError),
    /// A file can't be read or written.
    File(PathBuf, std::io::Error),
    /// A media port can't be bound.
    Bind(SocketAddr, std::io::Error),
    /// The operating system refused something else.
    System(&'static str, std::io::Error),
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(what) | Self::Argument(what) => write!(f, "{what}"),
            Self::NoPorts { open, draining, total } => {
                write!(f, "no media port is free: of {total} pairs {open} are in use and {draining} drain")
            }
            Self::NoFamily { ipv6 } => {
                write!(f, "the engine is not bound to an IPv{} address", if *ipv6 { 6 } else { 4 })
            }
            Self::Closed => write!(f, "the media leg is closed"),
            Self::Stopped => write!(f, "the media engine has been stopped"),
            Self::NotTwoLegs => write!(f, "a bridge needs two different legs of one engine"),
            Self::Terminal(what) => write!(f, "{what}"),
            Self::Wav(path, error) => write!(f, "{}: {error}", path.display()),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Bind(address, error) => write!(f, "can't bind a media port to {address}: {error}"),
            Self::System(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for EngineError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_in_one_line() {
        let error = EngineError::NoPorts { open: 3, draining: 2, total: 5 };
        assert_eq!(error.to_string(), "no media port is free: of 5 pairs 3 are in use and 2 drain");
        let family = EngineError::NoFamily { ipv6: true };
        assert_eq!(family.to_string(), "the engine is not bound to an IPv6 address");
        let system = EngineError::System("bind", std::io::Error::from_raw_os_error(98));
        assert!(system.to_string().starts_with("bind: "));
        let address = "192.0.2.1:10000".parse().unwrap();
        let bound = EngineError::Bind(address, std::io::Error::from_raw_os_error(99));
        assert!(bound.to_string().starts_with("can't bind a media port to 192.0.2.1:10000: "));
    }
}
