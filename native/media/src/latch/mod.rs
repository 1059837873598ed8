//! Whose packets a leg believes (latching).
//!
//! A peer behind NAT can't name the address its packets come from, so the first packets have to tell. That is also how
//! media is stolen ("RTP bleed") and injected: whoever sprays valid-looking packets at media ports may be taken for the
//! peer. The rule here: a source is ranked by what signalling said, and nothing is ever sent to a source of no standing
//! before it has looked like a real stream for a while.
//!
//! | rank | source | believed |
//! |---|---|---|
//! | `Exact` | the signalled address and port | from its first packet; never moves |
//! | `Host` | another port of that host, or of the host that SIP came from | from its first packet; for its first 50 packets an `Exact` source may still take over, then it never moves |
//! | `Stranger` | anything else | after 5 packets in sequence over 40 ms from a peer that is plainly behind NAT, else after 100 packets over 2 s, and only while no better source has been heard; a better source takes over at any time |
//!
//! Audio comes at a pace, and a burst is no stream, however often it is repeated: of a stranger's packets only those count
//! that come apart from each other, and these must be half of its stream at least. Who does not keep to that pace does not
//! keep others from being heard either. To be taken for a peer, a sprayer must send each port what a telephone would.
//!
//! "Never moves" lasts until a re-INVITE ([`Latch::expect`]). One that names another address makes everything begin anew, and what
//! still comes from the source of before may be late: it is believed as above, but never settles, and any other source of
//! its rank takes over from it at once. One that names the same address keeps the source, for nothing may be heard from elsewhere; but the peer's NAT may have
//! forgotten it over a hold, or have another address by now:
//!
//! * a source is worth what it is worth by where SIP comes from now: the host that it comes from takes over from the one that it
//!   came from before;
//! * until a `Host` source has sent its first 50 packets again, another port of a host of that rank may take over, with what a
//!   stranger behind NAT needs, once the source has been silent for 200 ms.
//!
//! RTCP is judged by the host that RTP was latched to.

use std::net::{IpAddr, SocketAddr};

use crate::Micros;
use crate::address::is_private;
use crate::rtp::Header;

/// Packets after which a `Host` latch is final.
const SETTLING_PACKETS: u32 = 50;
/// Packets in sequence, and their least duration, that a stranger needs when the peer is plainly behind NAT.
const NAT_PACKETS: u32 = 5;
const NAT_US: Micros = 40_000;
/// Packets in sequence, and their least duration, that a stranger needs otherwise.
const STRANGER_PACKETS: u32 = 100;
const STRANGER_US: Micros = 2_000_000;
/// A candidate that was silent this long makes room for another one; where few packets are enough, it begins anew itself:
/// who sweeps over all ports comes back with the next sequence numbers.
const CANDIDATE_QUIET_US: Micros = 200_000;
/// A source that was silent this long makes room for another port, if a re-INVITE has come since it settled.
const HELD_QUIET_US: Micros = 200_000;
/// What is closer to the last packet that counted than this is of the same burst: telephones send every 10 to 60 ms.
const APART_US: Micros = 5_000;
/// How far a candidate's sequence number may jump and still be the same stream.
const CANDIDATE_GAP: u16 = 16;

/// What a source is worth, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nothing in signalling speaks for it.
    Stranger,
    /// The right host, another port.
    Host,
    /// The signalled address and port.
    Exact,
}

/// What signalling says about a peer's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// From the session description.
    pub signalled: SocketAddr,
    /// The host that the leg's SIP came from.
    pub signalled_from: Option<IpAddr>,
}

impl Expectation {
    /// A private address claimed by a peer whose signalling came from a public one: it can't be reached there.
    #[must_use]
    pub fn is_behind_nat(&self) -> bool {
        is_private(self.signalled.ip()) && self.signalled_from.is_some_and(|from| !is_private(from))
    }

    /// What signalling says about `source`. Compares addresses and ports only, not an IPv6 scope or flow label.
    #[must_use]
    pub fn rank(&self, source: SocketAddr) -> Rank {
        if source.ip() == self.signalled.ip() {
            if source.port() == self.signalled.port() { Rank::Exact } else { Rank::Host }
        } else if Some(source.ip()) == self.signalled_from {
            Rank::Host
        } else {
            Rank::Stranger
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    sequence: u16,
    /// How far the sequence number has come, lost packets included.
    advance: u32,
    /// Packets that came apart from each other, and when the last of these came.
    apart: u32,
    apart_at: Micros,
    since: Micros,
    last: Micros,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    source: SocketAddr,
    rank: Rank,
    /// Since it is held, or since the last re-INVITE.
    packets: u32,
    last: Micros,
    /// A re-INVITE has come since it is held.
    may_have_moved: bool,
}

impl Held {
    /// Whether another source of a rank may be the same peer at another port.
    const fn makes_room(&self, rank: Rank, now: Micros) -> bool {
        self.may_have_moved
            && matches!((self.rank, rank), (Rank::Host, Rank::Host))
            && now.saturating_sub(self.last) >= HELD_QUIET_US
    }
}

/// The latch of one leg. See the module's table. What each packet needs comes first.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Latch {
    held: Option<Held>,
    expectation: Option<Expectation>,
    candidate: Option<Candidate>,
    /// What was held when signalling named another address.
    former: Option<SocketAddr>,
}

impl Latch {
    /// Sets what signalling says; returns true when it may not be the source that was held whose packets come next. Another
    /// signalled address lets go of that, the same one keeps it: see the module.
    pub fn expect(&mut self, expectation: Expectation) -> bool {
        let same = self.expectation.is_some_and(|old| old.signalled == expectation.signalled);
        self.expectation = Some(expectation);
        if !same {
            self.candidate = None;
            let Some(held) = self.held.take() else {
                return false;
            };
            self.former = Some(held.source);
            return true;
        }
        let Some(held) = self.held.as_mut() else {
            return false;
        };
        (held.rank, held.packets, held.may_have_moved) = (expectation.rank(held.source), 0, true);
        held.rank != Rank::Exact
    }

    /// Judges a valid RTP packet: true when it is the peer's.
    pub fn judge(&mut self, source: SocketAddr, header: &Header, now: Micros) -> bool {
        if let Some(held) = &mut self.held {
            if held.source == source {
                (held.packets, held.last) = (held.packets.saturating_add(1), now);
                return true;
            }
            if self.is_final() {
                return false;
            }
        }
        let Some(expectation) = self.expectation else {
            return false;
        };
        let rank = expectation.rank(source);
        let moves = self.held.is_some_and(|held| held.makes_room(rank, now));
        let is_better =
            self.held.is_none_or(|held| rank > held.rank || rank == Rank::Host && self.is_former(held));
        if !is_better && !moves {
            return false;
        }
        if (!is_better || rank == Rank::Stranger)
            && !self.is_convincing(source, header, now, moves || expectation.is_behind_nat())
        {
            return false;
        }
        self.candidate = None;
        self.held = Some(Held { source, rank, packets: 1, last: now, may_have_moved: false });
        true
    }

    /// The source that is believed, if any.
    #[must_use]
    pub fn source(&self) -> Option<SocketAddr> {
        self.held.map(|held| held.source)
    }

    /// True when nothing but [`Latch::expect`] can move it: the engine may then connect the socket.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.held.is_some_and(|held| match held.rank {
            Rank::Exact => true,
            Rank::Host => held.packets >= SETTLING_PACKETS && !self.is_former(held),
            Rank::Stranger => false,
        })
    }

    fn is_former(&self, held: Held) -> bool {
        self.former == Some(held.source)
    }

    /// True when a packet on the RTCP port from `source` may be the peer's: from the latched host, or while nothing is
    /// latched from a host that signalling named.
    #[must_use]
    pub fn trusts_host(&self, source: IpAddr) -> bool {
        match (self.held, self.expectation) {
            (Some(held), _) => held.source.ip() == source,
            (None, Some(expectation)) => expectation.rank(SocketAddr::new(source, 0)) >= Rank::Host,
            (None, None) => false,
        }
    }

    fn is_convincing(&mut self, source: SocketAddr, header: &Header, now: Micros, behind_nat: bool) -> bool {
        let candidate = match &mut self.candidate {
            Some(candidate)
                if candidate.source == source
                    && candidate.continues_with(header)
                    && !(behind_nat && candidate.is_quiet(now)) =>
            {
                candidate.go_on(header, now);
                candidate
            }
            Some(candidate)
                if candidate.source != source && candidate.keeps_pace() && !candidate.is_quiet(now) =>
            {
                return false;
            }
            other => other.insert(Candidate::new(source, header, now)),
        };
        let (packets, duration) =
            if behind_nat { (NAT_PACKETS, NAT_US) } else { (STRANGER_PACKETS, STRANGER_US) };
        candidate.apart >= packets
            && candidate.keeps_pace()
            && now.saturating_sub(candidate.since) >= duration
    }
}

impl Candidate {
    const fn new(source: SocketAddr, header: &Header, now: Micros) -> Self {
        let (ssrc, sequence) = (header.ssrc, header.sequence);
        Self { source, ssrc, sequence, advance: 1, apart: 1, apart_at: now, since: now, last: now }
    }

    fn continues_with(&self, header: &Header) -> bool {
        let step = header.sequence.wrapping_sub(self.sequence);
        header.ssrc == self.ssrc && step > 0 && step <= CANDIDATE_GAP
    }

    fn go_on(&mut self, header: &Header, now: Micros) {
        self.advance += u32::from(header.sequence.wrapping_sub(self.sequence));
        self.sequence = header.sequence;
        self.last = now;
        if now.saturating_sub(self.apart_at) >= APART_US {
            self.apart += 1;
            self.apart_at = now;
        }
    }

    /// Whether it may be a telephone's stream: not packets in bursts.
    const fn keeps_pace(&self) -> bool {
        self.apart.saturating_mul(2) >= self.advance
    }

    const fn is_quiet(&self, now: Micros) -> bool {
        now.saturating_sub(self.last) >= CANDIDATE_QUIET_US
    }
}

#[cfg(test)]
mod tests;
