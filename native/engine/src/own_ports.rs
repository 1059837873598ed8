//! Our own ports as somebody's peer.
//!
//! A PBX that passes a call on to us, and whose media are direct (Asterisk's `directmedia`), tells each of its two calls with
//! us that the other one is its peer: one of our ports is to send to another one. So that is done, over loopback, whatever
//! name of ours the description had. But two customers who point their legs at each other must not make a circle of it, in
//! which a packet runs for ever. One rule keeps that from them, whatever is set when:
//!
//! **What came from one of our relay ports never goes on to one.**
//!
//! A packet passes two relays at most then: it comes from outside, may cross from the first into the second, and leaves that
//! for outside or not at all. Each packet is judged by where it came from and where it would go, so no order of changes
//! matters, and nothing has to be known of more than one bridge. (A packet that is under way while a peer changes is judged by
//! the new one.)
//!
//! Outside there may be an echo on either side, which sends back whatever comes. That makes a circle that no rule in here can
//! open: but no more than [`CROSSINGS_A_SECOND`] packets, reports included, cross into a leg, so it carries no more than a call does.
//!
//! A leg believes the relay port that its peer was said to be, and no other: who points a leg at a stranger's port is not
//! heard there. A terminal's port is no relay port, for nothing passes a terminal.
//!
//! Another engine's ports, on this host or another one, are nobody's here: they are peers like all others.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use trunkline_media::leg::Remote;
use trunkline_media::{Micros, address};

use crate::shared::Shared;
use crate::slot::{Far, OpenLeg};
use crate::sockets::is_local;

/// Addresses whose being local is remembered.
const REMEMBERED: usize = 1024;

/// Packets that cross into a leg in a second, on average: two and a half times what a call has in packets of 10 ms.
const CROSSINGS_A_SECOND: u64 = 250;
/// And all at once, after a standstill somewhere.
const AT_ONCE: u64 = 250;

/// How many packets have crossed into a leg lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Crossings {
    /// When there was room for the last one.
    room_at: Micros,
}

impl Crossings {
    /// Counts one more; false when there were too many, and it must go no further.
    pub(crate) fn note(&mut self, now: Micros) -> bool {
        let each = 1_000_000 / CROSSINGS_A_SECOND;
        let room_at = self.room_at.max(now) + each;
        let fits = room_at <= now + AT_ONCE * each;
        if fits {
            self.room_at = room_at;
        }
        fits
    }
}

/// Which addresses are this machine's, as far as was asked.
#[derive(Debug, Default)]
pub(crate) struct LocalAddresses(Mutex<HashMap<IpAddr, bool>>);

impl LocalAddresses {
    fn has(&self, address: IpAddr) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&local) = known.get(&address) {
            return local;
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let local = is_local(address);
        known.insert(address, local);
        local
    }
}

impl Shared {
    /// The slot that an address belongs to if this engine has it bound: by the address it is bound to, by the one that it
    /// advertises, or where it is bound to all by any of this machine's.
    fn own_slot(&self, address: SocketAddr) -> Option<u32> {
        let pair = self.settings.pair_of(address.port())?;
        let ipv6 = address.is_ipv6();
        let bound = self.bind_address(ipv6)?;
        let is_ours = address.ip() == bound
            || Some(address.ip()) == self.settings.advertised(ipv6)
            || bound.is_unspecified() && self.local.has(address.ip());
        is_ours.then(|| self.slot_of(pair, ipv6) as u32)
    }

    /// Whether a packet that is sent to this slot may be relayed: it is bound, so the port is no other program's, and it
    /// has no terminal.
    fn is_relay(&self, slot: u32) -> bool {
        let slot = &self.slots[slot as usize];
        slot.pair().is_some() && !slot.has_terminal()
    }

    /// Whether one of our relay ports has this address.
    pub(crate) fn is_relay_port(&self, address: SocketAddr) -> bool {
        self.own_slot(address).is_some_and(|slot| self.is_relay(slot))
    }

    /// Whether a leg's audio comes from one of our relay ports, and goes to it.
    pub(crate) fn meets_relay(&self, open: &OpenLeg) -> bool {
        open.own_peer.is_some_and(|slot| self.is_relay(slot))
    }

    /// Whether anything that the leg sends to its peer, audio or a report, comes to one of our relay ports.
    pub(crate) fn leads_to_relay(&self, open: &OpenLeg) -> bool {
        self.meets_relay(open)
            || open.leg.rtcp_destination().is_some_and(|report| self.is_relay_port(report.address))
    }

    /// Notes on a leg whether its peer is one of our own ports: the source that it was latched onto, before that the
    /// signalled address. For a terminal, which may have any peer, it does not matter.
    pub(crate) fn note_own_peer(&self, open: &mut OpenLeg) {
        let peer = match open.far {
            Far::Terminal(_) => None,
            _ => open.leg.source().or_else(|| open.leg.remote().map(|remote| remote.rtp)),
        };
        open.own_peer = peer.and_then(|peer| self.own_slot(peer));
    }

    /// Whether the leg on `slot` may send to the address that its peer was said to have. A terminal may send to any of our
    /// ports, a relay to the RTP port of another leg.
    pub(crate) fn may_send_to(&self, address: SocketAddr, slot: u32, is_terminal: bool) -> bool {
        match self.own_slot(address) {
            Some(own) if !is_terminal && self.is_relay(own) => {
                own != slot && address.port() == self.port(own)
            }
            _ => address::may_send_to(address.ip(), self.settings.allow_loopback),
        }
    }

    /// Whether a leg must not be latched onto a source that is not exactly what it was told of.
    pub(crate) fn refuses(&self, source: SocketAddr, is_terminal: bool) -> bool {
        !address::may_send_to(source.ip(), self.settings.allow_loopback)
            || !is_terminal && self.is_relay_port(source)
    }

    /// Gives a peer that is one of our relay ports the address at which it is reached inside this machine, which is also the
    /// one that its packets come from. It was not its signalling that chose that host, and reports go to the same pair.
    pub(crate) fn turn_inwards(&self, remote: &mut Remote) {
        let Some(slot) = self.own_slot(remote.rtp).filter(|&slot| self.is_relay(slot)) else {
            return;
        };
        let ipv6 = remote.rtp.is_ipv6();
        let is_muxed = remote.rtcp_port == remote.rtp.port();
        let host = self.bind_address(ipv6).filter(|bound| !bound.is_unspecified()).unwrap_or(if ipv6 {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        } else {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        });
        remote.rtp = SocketAddr::new(host, remote.rtp.port());
        remote.rtcp_port = self.port(slot) + u16::from(!is_muxed);
        remote.signalled_from = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn a_port_is_ours_at_the_addresses_that_it_is_bound_to_and_advertised_at() {
        let advertised_v4 = Some(Ipv4Addr::new(203, 0, 113, 3));
        let slots_at = |bound: Ipv4Addr| {
            let settings = Settings { bind_v4: Some(bound), advertised_v4, ..Settings::default() };
            let shared = Shared::new(settings).unwrap();
            let slot_at = |host: [u8; 4]| shared.own_slot((host, shared.port(3)).into());
            let hosts = [[127, 0, 0, 1], [127, 0, 7, 4], [203, 0, 113, 3], [192, 0, 2, 1]];
            let asked = hosts.map(slot_at);
            assert_eq!(hosts.map(slot_at), asked, "what is remembered");
            asked
        };
        let ours = Some(3);
        assert_eq!(slots_at(Ipv4Addr::new(127, 0, 7, 4)), [None, ours, ours, None]);
        assert_eq!(slots_at(Ipv4Addr::UNSPECIFIED), [ours, ours, ours, None], "any of this machine's");
    }

    #[test]
    fn a_call_crosses_and_a_storm_does_not() {
        let mut call = Crossings::default();
        assert!((0..10_000).all(|n| call.note(n * 10_000)));
        let mut storm = Crossings::default();
        let crossed = (0..1_000_000).filter(|n| storm.note(n * 10)).count() as u64;
        assert_eq!(crossed, AT_ONCE + 10 * CROSSINGS_A_SECOND - 1);
        assert!(storm.note(11_000_000), "and it is heard again afterwards");
    }
}
