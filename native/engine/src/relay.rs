//! One datagram's way: from a socket, past the leg it came for, to the far leg's peer.
//!
//! At most one slot is locked at a time. Both legs of a bridge must point at each other for a packet to cross, so a leg
//! that was closed or bridged elsewhere in between gets nothing.

use trunkline_media::Micros;
use trunkline_media::dtmf::tones::Digit;
use trunkline_media::dtmf::{EVENT_LENGTH, NotADigit};
use trunkline_media::injection::Injection;
use trunkline_media::leg::{Arrival, Drop};
use trunkline_media::outgoing::line::Sent;
use trunkline_media::outgoing::{Outgoing, PACKET};
use trunkline_media::rtp::HEADER_LENGTH;
use trunkline_media::srtp::RTP_OVERHEAD;

use crate::engine::LegId;
use crate::error::EngineError;
use crate::events::{Event, EventKind};
use crate::shared::Shared;
use crate::slot::{Far, OpenLeg, State};
use crate::sockets::{Pair, receive, transmit};

/// Longer than any datagram that is accepted.
pub(crate) const BUFFER: usize = 2048;

/// A telephone-event packet, with room for its protection.
const EVENT_PACKET: usize = HEADER_LENGTH + EVENT_LENGTH + RTP_OVERHEAD;

/// A report, with room for its protection.
const REPORT: usize = 128;

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
    /// A digit whose tones ended in it.
    digit: Option<Digit>,
}

/// What a leg's ear made of a packet.
enum Heard {
    /// Nothing that changes its way.
    Nothing,
    /// A digit that the far leg's peer is to get.
    Digit(Digit),
    /// It was an event of a leg that tells them: it goes no further.
    Told,
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
                    arrival.ok().and_then(|arrival| self.accept(open, pair, from, arrival, packet, now))
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
        now: Micros,
    ) -> Option<Onward> {
        open.tie_if_settled(pair);
        let digit = match self.listen(open, from, arrival, packet, now) {
            Heard::Nothing => None,
            Heard::Digit(digit) => Some(digit),
            Heard::Told => return None,
        };
        match &mut open.far {
            Far::Leg { leg, .. } => return Some(Onward { from, to: *leg, arrival, digit }),
            Far::Terminal(terminal) => match arrival {
                Arrival::Rtp { header, is_event, clock_rate } => {
                    terminal.hear(&header, packet, is_event.then_some(clock_rate), now);
                }
                Arrival::Foreign { header, codec, clock_rate } => {
                    terminal.hear(&header, packet, codec.is_none().then_some(clock_rate), now);
                }
                Arrival::Rtcp => {}
            },
            Far::Nothing => open.leg.count_drop(Drop::NoPeer),
            Far::Failed => open.leg.count_drop(Drop::Failed),
            Far::Fault => {
                panic!("a fault injected into the stream of port {}", self.settings.port(from.slot as usize))
            }
        }
        None
    }

    /// Has the leg's ear listen, if it has one.
    fn listen(&self, open: &mut OpenLeg, leg: LegId, arrival: Arrival, packet: &[u8], now: Micros) -> Heard {
        let (Some(ear), Some(remote)) = (&mut open.ear, open.leg.remote()) else {
            return Heard::Nothing;
        };
        let mut tell = |digit| {
            self.events.push(Event { kind: EventKind::Digit(digit), leg });
        };
        let (header, is_event, clock_rate) = match arrival {
            Arrival::Rtp { header, is_event, clock_rate } => (header, is_event, clock_rate),
            Arrival::Foreign { header, codec, clock_rate } => (header, codec.is_none(), clock_rate),
            Arrival::Rtcp => return Heard::Nothing,
        };
        let payload = &packet[header.payload_start..header.payload_end];
        if is_event {
            if !remote.tells_digits {
                return Heard::Nothing;
            }
            ear.hear_event(&header, payload, clock_rate, now, &mut tell);
            self.wake_when_due(open, leg);
            return Heard::Told;
        }
        if remote.tells_digits {
            ear.miss_events(&header, clock_rate, now, &mut tell);
        }
        let mut heard = Heard::Nothing;
        if remote.finds_tones
            && let Some(format) = remote.format_of(header.payload_type)
        {
            ear.hear_audio(format.codec, &header, payload, &mut |digit| {
                if remote.tells_digits {
                    tell(digit);
                } else {
                    heard = Heard::Digit(digit);
                }
            });
        }
        heard
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
        if let Some(digit) = onward.digit
            && let Some(spelled) = digit.spelled()
        {
            let mut text = [0; 4];
            // A peer that takes no digits at all doesn't get any.
            let _ = self.queue_digits(open, spelled.encode_utf8(&mut text), digit.duration_ms, now);
            self.wake_when_due(open, onward.to);
        }
        match onward.arrival {
            Arrival::Foreign { header, codec, clock_rate } => {
                let mut outgoing = take_outgoing(self, open, now);
                let payload = &buffer[header.payload_start..header.payload_end];
                let mut emit =
                    |packet: &mut [u8; PACKET], length: usize| send_own(open, pair, packet, length);
                match codec {
                    Some(codec) => outgoing.audio(codec, &header, payload, now, &mut emit),
                    None => outgoing.event(&header, payload, clock_rate, now, &mut emit),
                }
                report(&mut outgoing, open, pair, now);
                open.outgoing = Some(outgoing);
                self.wake_when_due(open, onward.to);
            }
            Arrival::Rtp { header, is_event, clock_rate } if open.outgoing.is_some() => {
                let mut outgoing = take_outgoing(self, open, now);
                let mut emit =
                    |packet: &mut [u8; PACKET], length: usize| send_own(open, pair, packet, length);
                if is_event {
                    let payload = &buffer[header.payload_start..header.payload_end];
                    outgoing.event(&header, payload, clock_rate, now, &mut emit);
                } else if outgoing.pass(&header, buffer, clock_rate, now, &mut emit) {
                    send_rtp(open, pair, buffer, length, header.payload_length());
                }
                report(&mut outgoing, open, pair, now);
                open.outgoing = Some(outgoing);
                self.wake_when_due(open, onward.to);
            }
            Arrival::Rtp { header, is_event, .. } => {
                open.passed = Some(Sent {
                    ssrc: header.ssrc,
                    sequence: header.sequence,
                    timestamp: header.timestamp,
                    at: now,
                });
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
            // A leg with a stream of its own reports on that.
            Arrival::Rtcp if open.outgoing.is_some() => {}
            Arrival::Rtcp => send_rtcp(open, pair, buffer, length),
        }
    }

    /// Queues digits for a leg's peer, by whatever way it takes them. The leg is to be woken then.
    ///
    /// # Errors
    /// [`EngineError::Terminal`] when the peer takes no digits at all; [`EngineError::Argument`] when one is no digit.
    pub(crate) fn queue_digits(
        &self,
        open: &mut OpenLeg,
        digits: &str,
        duration_ms: u32,
        now: Micros,
    ) -> Result<(), EngineError> {
        let no_digit = |digit: NotADigit| EngineError::Argument(format!("{:?} is no DTMF digit", digit.0));
        let passes = open.outgoing.is_none();
        if passes && let Some(event) = open.leg.telephone_event() {
            let mut injection = match open.injection.take() {
                Some(injection) if open.injects => injection,
                _ => Box::new(Injection::new(event.from, event.clock_rate, self.seed(), now)),
            };
            let result = injection.queue(digits, duration_ms).map_err(no_digit);
            open.injects = !injection.is_idle();
            open.injection = Some(injection);
            return result;
        }
        let outgoing = open.outgoing(|| self.seed(), now);
        if !outgoing.send_digits(digits, duration_ms, now).map_err(no_digit)? {
            return Err(EngineError::Terminal("the peer takes neither telephone-events nor audio of ours"));
        }
        Ok(())
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
}

pub(crate) fn send_rtp(
    open: &mut OpenLeg,
    pair: &Pair,
    buffer: &mut [u8],
    length: usize,
    payload_octets: usize,
) {
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

/// Sends a packet that the leg made itself.
pub(crate) fn send_own(open: &mut OpenLeg, pair: &Pair, packet: &mut [u8; PACKET], length: usize) {
    send_rtp(open, pair, packet, length, length - HEADER_LENGTH);
}

fn send_rtcp(open: &mut OpenLeg, pair: &Pair, buffer: &mut [u8], length: usize) {
    if let Some(to) = open.leg.rtcp_destination()
        && let Some(packet) = open.protect(Plane::Rtcp, buffer, length)
    {
        let (socket, tied) = if to.muxed { (&pair.rtp, open.tied) } else { (&pair.rtcp, false) };
        transmit(socket, tied, to.address, packet);
    }
}

/// Sends the report of the leg's own stream, when it is due.
pub(crate) fn report(outgoing: &mut Outgoing, open: &mut OpenLeg, pair: &Pair, now: Micros) {
    let mut packet = [0; REPORT];
    if let Some(length) = outgoing.report(&mut packet, now) {
        send_rtcp(open, pair, &mut packet, length);
    }
}

/// Takes the leg's own stream out of it, so that it can send over the leg. It has to be put back.
fn take_outgoing(shared: &Shared, open: &mut OpenLeg, now: Micros) -> Box<Outgoing> {
    open.outgoing(|| shared.seed(), now);
    open.outgoing.take().unwrap_or_else(|| Box::new(Outgoing::new(None, shared.seed(), now)))
}
