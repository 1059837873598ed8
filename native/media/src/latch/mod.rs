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
//! "Never moves" lasts until a re-INVITE ([`Latch::expect`]). One that names another address makes everything begin anew. One that
//! names the same address keeps the source, for nothing may be heard from elsewhere; but the peer's NAT may have
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
}

impl Latch {
    /// Sets what signalling says; returns true when it may not be the source that was held whose packets come next. Another
    /// signalled address lets go of that, the same one keeps it: see the module.
    pub fn expect(&mut self, expectation: Expectation) -> bool {
        let same = self.expectation.is_some_and(|old| old.signalled == expectation.signalled);
        self.expectation = Some(expectation);
        if !same {
            self.candidate = None;
            return self.held.take().is_some();
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
        if self.held.is_some_and(|held| rank <= held.rank) && !moves {
            return false;
        }
        if (moves || rank == Rank::Stranger)
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
            Rank::Host => held.packets >= SETTLING_PACKETS,
            Rank::Stranger => false,
        })
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
mod tests {
    use super::*;
    use crate::rtp::write_header;

    const PTIME: Micros = 20_000;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn header(ssrc: u32, sequence: u16) -> Header {
        let mut packet = [0; 12];
        write_header(&mut packet, false, 0, sequence, 0, ssrc);
        Header::parse(&packet).unwrap()
    }

    fn latch(signalled: &str, from: Option<&str>) -> Latch {
        let mut latch = Latch::default();
        latch.expect(Expectation {
            signalled: at(signalled),
            signalled_from: from.map(|from| from.parse().unwrap()),
        });
        latch
    }

    /// Sends `count` packets in sequence, 20 ms apart; how many were believed.
    fn stream(latch: &mut Latch, source: &str, ssrc: u32, start: Micros, count: u16) -> usize {
        (0..count)
            .filter(|&n| latch.judge(at(source), &header(ssrc, n), start + PTIME * Micros::from(n)))
            .count()
    }

    #[test]
    fn nothing_is_believed_before_signalling_named_a_peer() {
        let mut latch = Latch::default();
        assert_eq!(stream(&mut latch, "198.51.100.1:4000", 1, 0, 500), 0);
    }

    #[test]
    fn the_signalled_address_is_believed_at_once_and_for_good() {
        let mut latch = latch("198.51.100.1:4000", None);
        assert!(latch.judge(at("198.51.100.1:4000"), &header(1, 1), 0));
        assert!(latch.is_final());
        assert_eq!(stream(&mut latch, "203.0.113.9:4000", 2, 0, 500), 0);
        assert_eq!(stream(&mut latch, "198.51.100.1:4002", 2, 0, 500), 0);
        assert_eq!(latch.source(), Some(at("198.51.100.1:4000")));
    }

    #[test]
    fn another_port_of_the_right_host_settles() {
        let mut latch = latch("198.51.100.1:4000", None);
        assert_eq!(stream(&mut latch, "198.51.100.1:5000", 1, 0, 49), 49);
        assert!(!latch.is_final());
        assert_eq!(stream(&mut latch, "198.51.100.1:6000", 2, 0, 10), 0, "no better than the one held");
        assert_eq!(stream(&mut latch, "198.51.100.1:5000", 1, 0, 1), 1);
        assert!(latch.is_final());
        assert!(!latch.judge(at("198.51.100.1:4000"), &header(3, 1), 0), "too late");
    }

    #[test]
    fn the_signalled_port_takes_over_while_settling() {
        let mut latch = latch("198.51.100.1:4000", None);
        assert_eq!(stream(&mut latch, "198.51.100.1:5000", 1, 0, 10), 10);
        assert!(latch.judge(at("198.51.100.1:4000"), &header(2, 1), 0));
        assert_eq!(latch.source(), Some(at("198.51.100.1:4000")));
        assert_eq!(stream(&mut latch, "198.51.100.1:5000", 1, 0, 10), 0);
    }

    #[test]
    fn a_peer_behind_nat_is_believed_where_its_signalling_comes_from() {
        let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
        assert!(latch.judge(at("203.0.113.5:61000"), &header(1, 1), 0));
        assert_eq!(latch.source(), Some(at("203.0.113.5:61000")));
    }

    #[test]
    fn a_peer_behind_nat_with_another_media_address_needs_five_packets() {
        let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
        assert_eq!(stream(&mut latch, "203.0.113.6:61000", 1, 0, 4), 0);
        assert!(latch.judge(at("203.0.113.6:61000"), &header(1, 4), 4 * PTIME));
        assert_eq!(stream(&mut latch, "203.0.113.7:61000", 1, 0, 500), 0, "another stranger is too late");
        assert!(latch.judge(at("203.0.113.5:7000"), &header(9, 1), 5 * PTIME), "signalling's host is better");
    }

    #[test]
    fn a_stranger_needs_a_real_stream() {
        let mut latch = latch("198.51.100.1:4000", Some("198.51.100.2"));
        assert_eq!(stream(&mut latch, "203.0.113.9:4000", 1, 0, 100), 0, "100 packets but less than 2 s");
        assert!(latch.judge(at("203.0.113.9:4000"), &header(1, 100), 100 * PTIME));
        assert!(!latch.is_final());
        assert!(latch.judge(at("198.51.100.1:4000"), &header(7, 1), 101 * PTIME), "the peer takes its place");
        assert!(latch.is_final());
    }

    #[test]
    fn a_sprayed_burst_convinces_nobody() {
        for (signalled, from) in [("198.51.100.1:4000", None), ("192.168.1.7:4000", Some("203.0.113.5"))] {
            let mut latch = latch(signalled, from);
            for n in 0..2000u16 {
                assert!(!latch.judge(at("203.0.113.9:4000"), &header(1, n), Micros::from(n)));
            }
        }
        let mut swept = super::tests::latch("192.168.1.7:4000", Some("203.0.113.5"));
        for n in 0..2000u16 {
            let sweep = Micros::from(n / 4);
            assert!(!swept.judge(
                at("203.0.113.9:4000"),
                &header(1, n),
                sweep * CANDIDATE_QUIET_US + Micros::from(n)
            ));
        }
        let mut repeated = super::tests::latch("192.168.1.7:4000", Some("203.0.113.5"));
        for n in 0..2000u16 {
            assert!(
                !repeated.judge(at("203.0.113.9:4000"), &header(1, 7), PTIME * Micros::from(n)),
                "one probe"
            );
            assert!(!repeated.judge(
                at("203.0.113.9:4000"),
                &header(u32::from(n), n),
                PTIME * Micros::from(n)
            ));
        }
    }

    /// Bursts of eight in sequence, one for each sweep over all ports; how many were believed.
    fn swept(latch: &mut Latch, every: Micros, sweeps: u16) -> usize {
        (0..8 * sweeps)
            .filter(|&n| {
                let now = Micros::from(n / 8) * every + Micros::from(n % 8);
                latch.judge(at("203.0.113.9:4000"), &header(1, n), now)
            })
            .count()
    }

    #[test]
    fn bursts_convince_nobody_however_fast_they_are_repeated() {
        for (signalled, from) in [("198.51.100.1:4000", None), ("192.168.1.7:4000", Some("203.0.113.5"))] {
            for every in [2_000, 10_000, 50_000, 100_000, 190_000] {
                assert_eq!(
                    swept(&mut latch(signalled, from), every, 1000),
                    0,
                    "{signalled}, every {every} us"
                );
            }
        }
    }

    #[test]
    fn who_sprays_does_not_keep_a_peer_behind_nat_out() {
        let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
        let mut believed = 0;
        for n in 0..100u16 {
            let now = PTIME * Micros::from(n);
            for step in 0..8 {
                let sprayed = header(1, 8 * n + step);
                assert!(!latch.judge(at("203.0.113.9:4000"), &sprayed, now + Micros::from(step)));
            }
            believed += usize::from(latch.judge(at("203.0.113.6:61000"), &header(2, n), now + 9_000));
        }
        assert_eq!(believed, 96);
    }

    #[test]
    fn a_peer_behind_nat_whose_packets_come_in_pairs_is_believed() {
        let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
        let believed = (0..20u16)
            .filter(|&n| latch.judge(at("203.0.113.6:61000"), &header(1, n), Micros::from(n / 2) * 2 * PTIME))
            .count();
        assert!(believed >= 10, "{believed}");
    }

    #[test]
    fn noise_from_elsewhere_does_not_keep_a_peer_behind_nat_out() {
        let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
        let mut believed = 0;
        for n in 0..10u16 {
            let now = PTIME * Micros::from(n);
            believed += usize::from(latch.judge(at("203.0.113.6:61000"), &header(1, n), now));
            assert!(!latch.judge(at("192.0.2.66:9"), &header(n.into(), 1), now + 1));
        }
        assert_eq!(believed, 6);
    }

    /// Whether a stranger is believed with its last packet, 20 ms after each other, by numbers.
    fn convinces(sequences: &[u16]) -> bool {
        let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
        let mut now = 0;
        sequences.iter().fold(false, |_, &sequence| {
            now += PTIME;
            latch.judge(at("203.0.113.6:61000"), &header(1, sequence), now)
        })
    }

    #[test]
    fn a_stranger_that_leaps_begins_anew_and_a_gap_is_held_against_it() {
        assert!(convinces(&[7, 17 + 7, 18 + 7, 19 + 7, 20 + 7, 21 + 7]), "anew from the second on");
        assert!(!convinces(&[7, 16 + 7, 17 + 7, 18 + 7, 19 + 7, 20 + 7]), "six of twenty");
        assert!(convinces(&[0, 3, 5, 7, 9]) && !convinces(&[0, 3, 5, 7, 10]), "half of its stream at least");
        assert!(!convinces(&[0, 1, 2, 3, 1000]) && !convinces(&[4, 3, 2, 1, 0]) && !convinces(&[5; 5]));
    }

    #[test]
    fn nobody_finishes_what_another_has_begun() {
        let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
        assert_eq!(stream(&mut latch, "203.0.113.6:61000", 1, 0, 4), 0);
        assert!(!latch.judge(at("203.0.113.66:61000"), &header(1, 4), 4 * PTIME));
        assert!(latch.clone().judge(at("203.0.113.6:61000"), &header(1, 4), 4 * PTIME));
        assert!(!latch.judge(at("203.0.113.6:61000"), &header(2, 4), 4 * PTIME), "nor with another source's");
    }

    #[test]
    fn a_re_invite_to_another_address_opens_the_latch() {
        let mut latch = latch("198.51.100.1:4000", None);
        assert!(latch.judge(at("198.51.100.1:4000"), &header(1, 1), 0));
        let same = Expectation { signalled: at("198.51.100.1:4000"), signalled_from: None };
        assert!(!latch.expect(same));
        assert!(latch.is_final());
        let other = Expectation { signalled: at("198.51.100.3:4000"), signalled_from: None };
        assert!(latch.expect(other));
        assert_eq!(latch.source(), None);
        assert!(!latch.judge(at("198.51.100.1:4000"), &header(1, 2), 0));
        assert!(latch.judge(at("198.51.100.3:4000"), &header(1, 3), 0));
    }

    /// A re-INVITE with the same description; whether the source may be another one after it.
    fn once_more(latch: &mut Latch, signalled: &str, from: &str) -> bool {
        latch.expect(Expectation { signalled: at(signalled), signalled_from: Some(from.parse().unwrap()) })
    }

    #[test]
    fn a_peer_behind_nat_that_has_moved_is_believed_where_its_re_invite_came_from() {
        let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
        assert_eq!(stream(&mut latch, "203.0.113.5:61000", 1, 0, 60), 60);
        assert!(!latch.judge(at("203.0.113.77:5000"), &header(1, 60), 60 * PTIME), "not without a re-INVITE");
        assert!(once_more(&mut latch, "192.168.1.7:4000", "203.0.113.77"));
        assert_eq!(latch.source(), Some(at("203.0.113.5:61000")), "until it is heard elsewhere");
        assert!(latch.judge(at("203.0.113.77:5000"), &header(1, 61), 61 * PTIME));
        assert_eq!(stream(&mut latch, "203.0.113.5:61000", 9, 62 * PTIME, 500), 0);
        assert_eq!(latch.source(), Some(at("203.0.113.77:5000")));
    }

    #[test]
    fn a_peer_whose_nat_has_forgotten_it_on_hold_is_believed_at_another_port_after_a_re_invite() {
        let held = 100 * 1_000_000;
        for (signalled, source, moved) in [
            ("192.168.1.7:4000", "203.0.113.5:61000", "203.0.113.5:1024"),
            ("203.0.113.5:4000", "203.0.113.5:61000", "203.0.113.5:1024"),
        ] {
            let mut latch = latch(signalled, Some("203.0.113.5"));
            assert_eq!(stream(&mut latch, source, 1, 0, 60), 60);
            assert_eq!(stream(&mut latch, moved, 1, held, 500), 0, "not without a re-INVITE");
            once_more(&mut latch, signalled, "203.0.113.5");
            assert_eq!(stream(&mut latch, moved, 1, 2 * held, 60), 56, "from {moved}");
            assert_eq!(stream(&mut latch, source, 1, 3 * held, 500), 0, "only once");
        }
    }

    #[test]
    fn a_re_invite_makes_no_room_for_others_beside_a_peer_that_is_heard() {
        let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
        assert_eq!(stream(&mut latch, "203.0.113.5:61000", 1, 0, 60), 60);
        assert!(once_more(&mut latch, "192.168.1.7:4000", "203.0.113.5"));
        for n in 0..500 {
            let now = (100 + Micros::from(n)) * PTIME;
            assert!(latch.judge(at("203.0.113.5:61000"), &header(1, 60 + n), now));
            for other in ["203.0.113.5:1024", "198.51.100.9:4000"] {
                assert!(!latch.judge(at(other), &header(2, n), now + 1));
            }
        }
        assert!(latch.is_final());
    }

    #[test]
    fn after_a_re_invite_strangers_do_not_take_the_place_of_a_peer_on_hold() {
        for (signalled, source) in [
            ("192.168.1.7:4000", "203.0.113.5:61000"),
            ("203.0.113.5:4000", "203.0.113.5:61000"),
            ("203.0.113.5:4000", "203.0.113.5:4000"),
            ("192.168.1.7:4000", "203.0.113.6:61000"),
        ] {
            let mut latch = latch(signalled, Some("203.0.113.5"));
            assert!(stream(&mut latch, source, 1, 0, 60) > 50);
            once_more(&mut latch, signalled, "203.0.113.5");
            assert_eq!(stream(&mut latch, "198.51.100.9:4000", 2, 100 * PTIME, 500), 0);
            assert_eq!(latch.source(), Some(at(source)));
        }
    }

    #[test]
    fn rtcp_follows_the_latched_host() {
        let mut latch = latch("198.51.100.1:4000", Some("203.0.113.5"));
        assert!(latch.trusts_host("198.51.100.1".parse().unwrap()));
        assert!(latch.trusts_host("203.0.113.5".parse().unwrap()));
        assert!(!latch.trusts_host("203.0.113.9".parse().unwrap()));
        assert!(latch.judge(at("203.0.113.5:61000"), &header(1, 1), 0));
        assert!(!latch.trusts_host("198.51.100.1".parse().unwrap()));
        assert!(latch.trusts_host("203.0.113.5".parse().unwrap()));
    }
}
