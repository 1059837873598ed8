//! Secure RTP (RFC 3711) with the one suite that SDES agrees on here: AES_CM_128_HMAC_SHA1_80 (RFC 4568 §6.2.1).
//!
//! * [`SrtpIn`] takes the protection off what a peer sent, in place, and proves that it comes from whoever has the key.
//!   Nothing else may believe a packet before that: not the latch, not the statistics, not the digits.
//! * [`SrtpOut`] puts protection onto what goes to a peer, in place, just before it is sent.
//! * [`Srtp`] is both for one leg, through changes of keys, and says when it is time for one ([`Wear`]).
//!
//! The cryptography is RustCrypto's (`aes`, `ctr`, `hmac`, `sha1`), which finds the processor's instructions for it at run
//! time; what is here is the protocol: session keys (§4.3), counter blocks and tags (§4.1.1, §4.2), the packet index (§3.3.1),
//! the replay list (§3.3.2), SRTCP (§3.4). No allocation per packet. Keys are wiped when they are dropped, and nothing
//! prints them.
//!
//! Not done: other suites, a key derivation rate other than zero, unencrypted or unauthenticated packets, several master
//! keys at once.

mod incoming;
mod index;
mod keys;
mod leg;
mod outgoing;
mod transform;
mod wear;

use std::fmt;

pub use incoming::SrtpIn;
pub use keys::{KEY_AND_SALT_LENGTH, MAX_MKI_LENGTH, MasterKey, SrtpKeys, UnusableKey};
pub use leg::{KEY_GRACE_US, Srtp};
pub use outgoing::SrtpOut;
use transform::TAG_LENGTH;
pub use wear::{LONGEST_LIFETIME, Wear};

/// Octets that protecting an RTP packet adds.
pub const RTP_OVERHEAD: usize = TAG_LENGTH;

/// Octets that protecting an RTCP packet adds.
pub const RTCP_OVERHEAD: usize = INDEX_LENGTH + TAG_LENGTH;

/// The E flag and the SRTCP index (§3.4).
const INDEX_LENGTH: usize = 4;
/// The flag within them: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// What SRTCP leaves readable: the first header and the sender's SSRC.
const RTCP_CLEAR: usize = 8;

/// Synchronization sources that one key serves. A packet that doesn't hold up never makes one; for the rest, nobody has so
/// many, and their replay lists could not be forgotten.
pub const MAX_STREAMS: usize = 1024;

/// Why a packet could not be protected, or its protection not be taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpError {
    /// Not a packet that could be protected: cut short, too long, not RTP or RTCP, or unencrypted SRTCP.
    Malformed,
    /// Not from the peer, or changed on its way: the tag or the master key identifier is wrong.
    Authentication,
    /// Its index was received before, or is too old to tell.
    Replay,
    /// More than [`MAX_STREAMS`] sources.
    TooManyStreams,
    /// To be sent: an index that was used before, or none is left. To send it would give the key stream away.
    Repeated,
    /// The peer's key has served its lifetime.
    Spent,
}

impl fmt::Display for SrtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed",
            Self::Authentication => "authentication failed",
            Self::Replay => "replayed",
            Self::TooManyStreams => "too many streams",
            Self::Repeated => "sent before",
            Self::Spent => "the key has served its lifetime",
        })
    }
}

impl std::error::Error for SrtpError {}

fn ssrc_at(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
}

/// The octets that `text` spells, blanks aside.
#[cfg(test)]
fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
