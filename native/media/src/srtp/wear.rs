//! How much of a master key is left: the packets that it may still protect (RFC 3711 §9.2; RFC 4568 §6.1).

use super::ENCRYPTED;
use super::index::INDICES;

/// Packets that a key of the suite serves (RFC 4568 §6.2.1).
pub const LONGEST_LIFETIME: u64 = INDICES;

/// Packets before its end from which on a key is worn: minutes of a call, enough to agree on another one (libsrtp's soft limit).
const RESERVE: u64 = 1 << 16;

/// The state of a key, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wear {
    /// There is no need for another one.
    #[default]
    Good,
    /// It is time for another one.
    Worn,
    /// Nothing may be protected with it any more, and what was is not believed.
    Spent,
}

/// Packets under one key. RFC 4568 §6.1 wants those of SRTP and those of SRTCP each less than the lifetime.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    rtp: u64,
    rtcp: u64,
    lifetime: u64,
}

impl Usage {
    /// None yet, of a key that serves so long.
    pub(super) const fn new() -> Self {
        Self { rtp: 0, rtcp: 0, lifetime: LONGEST_LIFETIME }
    }

    /// Says how long the key serves, in packets; no longer than the suite allows.
    pub(super) fn set_lifetime(&mut self, lifetime: u64) {
        self.lifetime = lifetime.min(LONGEST_LIFETIME);
    }

    /// One more of SRTP may come.
    pub(super) const fn takes_rtp(&self) -> bool {
        self.rtp + 1 < self.lifetime
    }

    /// One more of SRTCP may come.
    pub(super) fn takes_rtcp(&self) -> bool {
        self.rtcp + 1 < self.rtcp_lifetime()
    }

    /// One of SRTP came.
    pub(super) const fn note_rtp(&mut self) {
        self.rtp += 1;
    }

    /// One of SRTCP came.
    pub(super) const fn note_rtcp(&mut self) {
        self.rtcp += 1;
    }

    /// The worse of both.
    pub(super) fn wear(&self) -> Wear {
        wear(self.rtp + 1, self.lifetime).max(wear(self.rtcp + 1, self.rtcp_lifetime()))
    }

    fn rtcp_lifetime(&self) -> u64 {
        self.lifetime.min(ENCRYPTED.into())
    }
}

/// The state of a key that has protected so many packets of a lifetime.
pub(super) fn wear(used: u64, lifetime: u64) -> Wear {
    match lifetime.saturating_sub(used) {
        0 => Wear::Spent,
        left if left <= RESERVE.min(lifetime / 2) => Wear::Worn,
        _ => Wear::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_wears_out_by_packets_of_either_kind() {
        for takes_rtp in [true, false] {
            let mut usage = Usage::new();
            usage.set_lifetime(8);
            let mut states = Vec::new();
            while if takes_rtp { usage.takes_rtp() } else { usage.takes_rtcp() } {
                if takes_rtp {
                    usage.note_rtp();
                } else {
                    usage.note_rtcp();
                }
                states.push(usage.wear());
            }
            use Wear::{Good, Spent, Worn};
            assert_eq!(states, [Good, Good, Worn, Worn, Worn, Worn, Spent], "seven are less than eight");
            assert_eq!((usage.takes_rtp(), usage.takes_rtcp()), (!takes_rtp, takes_rtp));
        }
    }

    #[test]
    fn the_longest_lifetime_is_the_suites() {
        assert_eq!(wear(0, LONGEST_LIFETIME), Wear::Good);
        assert_eq!(wear(LONGEST_LIFETIME - RESERVE, LONGEST_LIFETIME), Wear::Worn);
        assert_eq!(wear(LONGEST_LIFETIME, LONGEST_LIFETIME), Wear::Spent);
        let mut usage = Usage::new();
        usage.set_lifetime(u64::MAX);
        assert_eq!(usage.lifetime, 1 << 48);
        assert_eq!(usage.rtcp_lifetime(), 1 << 31);
        usage.rtcp = (1 << 31) - 2;
        assert!(usage.takes_rtcp());
        usage.note_rtcp();
        assert!(!usage.takes_rtcp() && usage.takes_rtp());
        assert_eq!(usage.wear(), Wear::Spent);
    }
}
