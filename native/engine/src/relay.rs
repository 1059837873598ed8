//! One datagram's way: from a socket, past the leg it came for, to the far leg's peer.
//!
//! At most one slot is locked at a time. Both legs of a bridge must point at each other for a packet to cross, so a leg
//! that was closed or bridged elsewhere in between gets nothing.

use trunkline_media::Micros;
use trunkline_media::dtmf::EVENT_LENGTH;
use trunkline_media::leg::{Arrival, Drop};
use trunkline_media::rtp::HEADER_LENGTH;
use trunkline_media::srtp::RTP_OVERHEAD;

use crate::engine::LegId;
use crate::events::{Event, EventKind};
use crate::shared::Shared;
use crate::slot::{Far, OpenLeg, State};
use crate::sockets::{Pair, receive, transmit};

/// Longer than any datagram that is accepted.
pub(crate) const BUFFER: usize = 2048;

/// A telephone-event packet, with room for its protection.
const EVENT_PACKET: usize = HEADER_LENGTH + EVENT_LENGTH + RTP_OVERHEAD;

/// Which of a pair's sockets; or, for what is sent, which kind of packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plane {
    /// The even port.
    Rtp,
    /// The odd port.
    Rtcp,
}

/// An accepted packet on its way to the far leg.
struct Onward {
    from: LegId,
    to: LegId,
    arrival: Arrival,
}

impl Shared {
    /// Takes one datagram from a socket and does with it what is to be done.
    pub(crate) fn carry(&self, slot: u32, plane: Plane, buffer: &mut [u8; BUFFER], now: Micros) {
        let place = &self.slots[slot as usize];
        let Some(pair) = place.pair() else {
            return;
        };
        let socket = if plane == Plane::Rtp { &pair.rtp } else { &pair.rtcp };
        let Some((length, source)) = receive(socket, buffer) else {
            return;
        };
        let mut length = length.min(BUFFER);
        let onward = {
            let mut content = place.lock();
            let from = LegId { slot, generation: content.generation };
            match &mut content.state {
                State::Idle => None,
                State::Draining(draining) => {
                    if draining.source.is_some_and(|old| old.ip() == source.ip()) {
                        draining.last_late = Some(now);
                    }
                    None
                }
                State::Open(open) => {
                    let Some(plain) = open.unprotect(plane, &mut buffer[..length], now) else {
                        return;
                    };
                    length = plain;
                    let packet = &mut buffer[..length];
                    let is_terminal = matches!(open.far, Far::Terminal(_));
                    let refuses = |address| self.refuses(address, is_terminal);
                    let arrival = match plane {
                        Plane::Rtp => open.leg.receive_rtp(packet, source, now, refuses),
                        Plane::Rtcp => open.leg.receive_rtcp(packet, source, refuses),
                    };
                    arrival.ok().and_then(|arrival| self.accept(open, pair, from, arrival, packet))
                }
            }
        };
        if let Some(onward) = onward {
            self.send_on(&onward, buffer, length, now);
        }
    }

    /// Hands an accepted packet to what the leg is connected to; for another leg, says which.
    fn accept(
        &self,
        open: &mut OpenLeg,
        pair: &Pair,
        from: LegId,
        arrival: Arrival,
        packet: &[u8],
    ) -> Option<Onward> {
        open.tie_if_settled(pair);
        match &mut open.far {
            Far::Leg { leg, .. } => return Some(Onward { from, to: *leg, arrival }),
            Far::Terminal(terminal) => {
                if let Arrival::Rtp { header, is_event } = arrival {
                    terminal.hear(&header, packet, is_event);
                }
            }
            Far::Nothing => open.leg.count_drop(Drop::NoPeer),
            Far::Failed => open.leg.count_drop(Drop::Failed),
            Far::Fault => {
                panic!("a fault injected into the stream of port {}", self.settings.port(from.slot as usize))
            }
        }
        None
    }

    fn send_on(&self, onward: &Onward, buffer: &mut [u8; BUFFER], length: usize, now: Micros) {
        let place = &self.slots[onward.to.slot as usize];
        let Some(pair) = place.pair() else {
            return;
        };
        let mut content = place.lock();
        let Some(open) = content.open(onward.to.generation) else {
            return;
        };
        if !matches!(open.far, Far::Leg { leg, .. } if leg == onward.from) {
            return;
        }
        match onward.arrival {
            Arrival::Rtp { header, is_event } => {
                let mut digits = [0; EVENT_PACKET];
                let in_its_place = match &mut open.injection {
                    Some(injection) if open.injects && !is_event => {
                        injection.replace(&header, &mut digits, now)
                    }
                    _ => None,
                };
                match in_its_place {
                    Some(length) => send_rtp(open, pair, &mut digits, length, EVENT_LENGTH),
                    None => send_rtp(open, pair, buffer, length, header.payload_length()),
                }
            }
            Arrival::Rtcp => {
                if let Some(to) = open.leg.rtcp_destination()
                    && let Some(packet) = open.protect(Plane::Rtcp, buffer, length)
                {
                    let (socket, tied) = if to.muxed { (&pair.rtp, open.tied) } else { (&pair.rtcp, false) };
                    transmit(socket, tied, to.address, packet);
                }
            }
        }
    }

    /// Lets a terminal, or digits being injected, say what is due; when they want to speak next, or `None` when they are
    /// through.
    pub(crate) fn speak(&self, leg: LegId, buffer: &mut [u8; BUFFER], now: Micros) -> Option<Micros> {
        let place = &self.slots[leg.slot as usize];
        let pair = place.pair()?;
        let mut content = place.lock();
        let open = content.open(leg.generation)?;
        let (length, ended, next) = match (&mut open.far, &mut open.injection) {
            (Far::Terminal(terminal), _) => {
                let spoken = terminal.speak(now, buffer);
                (spoken.length, spoken.ended, Some(terminal.next_at()))
            }
            (_, Some(injection)) if open.injects => {
                let length = injection.speak(buffer, now).unwrap_or(0);
                open.injects = !injection.is_idle();
                (length, !open.injects, open.injects.then_some(injection.next_at()))
            }
            _ => return None,
        };
        if length > 0 {
            send_rtp(open, pair, buffer, length, length - HEADER_LENGTH);
        }
        drop(content);
        if ended {
            self.events.push(Event { kind: EventKind::SourceEnded, leg });
        }
        next
    }

    /// Ends the stream of the leg on `slot` after a panic in it.
    pub(crate) fn fail(&self, slot: u32) {
        let mut content = self.slots[slot as usize].lock();
        let leg = LegId { slot, generation: content.generation };
        if let State::Open(open) = &mut content.state {
            open.far = Far::Failed;
            drop(content);
            self.events.push(Event { kind: EventKind::StreamFailed, leg });
        }
    }

    /// Tells of the bridge that begins at `slot`, if its silence has lasted too long. Told once, and again only after sound.
    pub(crate) fn check_silence(&self, slot: u32, now: Micros) {
        let (first, second, since, was_told) = {
            let mut content = self.slots[slot as usize].lock();
            let first = LegId { slot, generation: content.generation };
            let Some(OpenLeg { leg, far: Far::Leg { leg: second, first: true, since, told }, .. }) =
                content.open(first.generation)
            else {
                return;
            };
            let Some(silent) = leg.silent_since() else {
                return;
            };
            (first, *second, silent.max(*since), *told)
        };
        let silent = {
            let mut content = self.lock(second);
            let Some(OpenLeg { leg, far: Far::Leg { leg: back, .. }, .. }) = content.open(second.generation)
            else {
                return;
            };
            if *back != first {
                return;
            }
            leg.silent_since()
        };
        let timeout = self.settings.timeout.as_micros() as Micros;
        let is_silent = silent.is_some_and(|silent| now.saturating_sub(silent.max(since)) >= timeout);
        if is_silent == was_told {
            return;
        }
        let told = is_silent && self.events.push(Event { kind: EventKind::MediaTimedOut, leg: first });
        if let Some(OpenLeg { far: Far::Leg { told: flag, .. }, .. }) =
            self.lock(first).open(first.generation)
        {
            *flag = told;
        }
    }
}

fn send_rtp(open: &mut OpenLeg, pair: &Pair, buffer: &mut [u8], length: usize, payload_octets: usize) {
    let Ok(destination) = open.leg.rtp_destination() else {
        return;
    };
    let Some(packet) = open.protect(Plane::Rtp, buffer, length) else {
        return;
    };
    if transmit(&pair.rtp, open.tied, destination, packet) {
        open.leg.count_sent(payload_octets);
    } else {
        open.leg.count_drop(Drop::SendFailed);
    }
}
