//! One datagram's way: from a socket, past the leg it came for, to the far leg's peer.
//!
//! At most one slot is locked at a time. Both legs of a bridge must point at each other for a packet to cross, so a leg
//! that was closed or bridged elsewhere in between gets nothing. Nor does one that would send it round: see `own_ports`.

use std::net::SocketAddr;

use trunkline_media::Micros;
use trunkline_media::dtmf::{EVENT_LENGTH, NotADigit};
use trunkline_media::ear::tones::{Hearing, Pressed};
use trunkline_media::injection::Injection;
use trunkline_media::leg::{Arrival, Drop};
use trunkline_media::outgoing::line::Sent;
use trunkline_media::outgoing::{Emit, Outgoing, PACKET};
use trunkline_media::rtcp::report::LONGEST;
use trunkline_media::rtp::{HEADER_LENGTH, Header};
use trunkline_media::srtp::{RTCP_OVERHEAD, RTP_OVERHEAD};

use crate::error::EngineError;
use crate::events::{Event, EventKind};
use crate::leg_id::LegId;
use crate::shared::Shared;
use crate::slot::{Far, OpenLeg, State, Suspect};
use crate::sockets::{Pair, receive, transmit};

/// Longer than any datagram that is accepted.
pub(crate) const BUFFER: usize = 2048;

/// A telephone-event packet, with room for its protection.
const EVENT_PACKET: usize = HEADER_LENGTH + EVENT_LENGTH + RTP_OVERHEAD;

/// A report, with room for its protection.
const REPORT: usize = LONGEST + RTCP_OVERHEAD;

/// Which of a pair's sockets; or, for what is sent, which kind of packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plane {
    /// The even port.
    Rtp,
    /// The odd port.
    Rtcp,
}

/// How many packets are kept back at most while a digit may have begun in them: more than 25 ms have.
const MOST_SUSPECTS: usize = 4;

/// An accepted packet on its way to the far leg.
struct Onward {
    from: LegId,
    to: LegId,
    /// What was kept back until now.
    before: Vec<Suspect>,
    cargo: Cargo,
}

/// The leg that a packet goes out from, locked, and its sockets.
struct Exit<'a> {
    leg: LegId,
    open: &'a mut OpenLeg,
    pair: &'a Pair,
}

/// What goes on of a packet.
enum Cargo {
    /// Itself.
    Packet(Arrival),
    /// Telephone-events in place of audio with digits in it, which has so many ticks a second, and of what was kept back.
    Digits(Header, u32, Vec<Pressed>),
    /// Nothing, nor of what was kept back: the call is told of the digit.
    Nothing(Header),
    /// Nothing: nobody knows what it is. It is not lost.
    Unknown(Header),
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
                    let plain = open.unprotect(plane, &mut buffer[..length], now);
                    if let Some(kind) = open.news_of_keys() {
                        self.events.push(Event { kind, leg: from });
                    }
                    let Some(plain) = plain else {
                        return;
                    };
                    length = plain;
                    let packet = &mut buffer[..length];
                    let (arrival, crossed) = self.judge(open, plane, packet, source, now);
                    if let (Ok(Arrival::Rtcp), Some(outgoing)) = (arrival, &open.outgoing) {
                        outgoing.hand_on_reports(packet);
                    }
                    if crossed && arrival.is_ok() && !open.crossings.note(now) {
                        open.leg.count_drop(Drop::Circle);
                        return;
                    }
                    let onward = match arrival {
                        Ok(arrival) => self.accept(open, pair, from, arrival, packet, now),
                        Err(Drop::UnknownPayloadType) => leave_out(open, from, packet, source),
                        Err(_) => None,
                    };
                    onward.map(|onward| (onward, crossed))
                }
            }
        };
        if let Some((onward, crossed)) = onward {
            self.send_on(onward, crossed, buffer, length, now);
        }
    }

    /// Whether a packet without protection is the peer's, and whether it came from one of our relay ports to be relayed.
    fn judge(
        &self,
        open: &mut OpenLeg,
        plane: Plane,
        packet: &mut [u8],
        source: SocketAddr,
        now: Micros,
    ) -> (Result<Arrival, Drop>, bool) {
        let is_terminal = matches!(open.far, Far::Terminal(_));
        let inward = self.meets_relay(open);
        let refuses = |address| inward || self.refuses(address, is_terminal);
        match plane {
            Plane::Rtp => {
                if open.point_at.is_some_and(|due| due.get() <= now) {
                    open.note_course(now);
                }
                let before = open.leg.source();
                let arrival = open.leg.receive_rtp(packet, source, now, refuses);
                if open.leg.source() != before {
                    self.note_own_peer(open);
                }
                (arrival, self.meets_relay(open))
            }
            Plane::Rtcp => {
                let arrival = open.leg.receive_rtcp(packet, source, now, refuses);
                (arrival, !is_terminal && self.is_relay_port(source))
            }
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
        let (before, cargo) = self.listen(open, from, arrival, packet, now)?;
        match (&mut open.far, arrival) {
            (Far::Leg { leg, .. }, _) => return Some(Onward { from, to: *leg, before, cargo }),
            (Far::Terminal(terminal), Arrival::Rtp { header, is_event, clock_rate }) => {
                terminal.hear(&header, packet, is_event.then_some(clock_rate), now);
            }
            (Far::Terminal(terminal), Arrival::Foreign { header, codec, clock_rate }) => {
                terminal.hear(&header, packet, codec.is_none().then_some(clock_rate), now);
            }
            (Far::Terminal(_), Arrival::Rtcp) => {}
            (Far::Nothing, _) => open.leg.count_drop(Drop::NoPeer),
            (Far::Failed, _) => open.leg.count_drop(Drop::Failed),
            (Far::Fault, _) => {
                panic!("a fault injected into the stream of port {}", self.settings.port(from.slot as usize))
            }
        }
        None
    }

    /// Has the leg's ear listen, if it has one: what goes on. `None` when the packet is kept back.
    fn listen(
        &self,
        open: &mut OpenLeg,
        leg: LegId,
        arrival: Arrival,
        packet: &[u8],
        now: Micros,
    ) -> Option<(Vec<Suspect>, Cargo)> {
        let (Some(ear), Some(remote)) = (&mut open.ear, open.leg.remote()) else {
            return Some((Vec::new(), Cargo::Packet(arrival)));
        };
        let mut tell = |digit| {
            self.events.push(Event { kind: EventKind::Digit(digit), leg });
        };
        let (header, is_event, clock_rate) = match arrival {
            Arrival::Rtp { header, is_event, clock_rate } => (header, is_event, clock_rate),
            Arrival::Foreign { header, codec, clock_rate } => (header, codec.is_none(), clock_rate),
            Arrival::Rtcp => return Some((Vec::new(), Cargo::Packet(arrival))),
        };
        let payload = &packet[header.payload_start..header.payload_end];
        let mut cargo = Cargo::Packet(arrival);
        if is_event && remote.tells_digits {
            ear.hear_event(&header, payload, clock_rate, now, &mut tell);
            cargo = Cargo::Nothing(header);
        } else if !is_event {
            if remote.tells_digits {
                ear.miss_events(&header, clock_rate, now, &mut tell);
            }
            let format = remote.format_of(header.payload_type).filter(|_| remote.finds_tones);
            match format.map(|format| ear.tones.hear(format.codec, &header, payload, now)) {
                Some(Hearing::Suspect) if open.suspects.len() < MOST_SUSPECTS => {
                    open.suspects.push(Suspect { header, arrival, packet: packet.to_vec() });
                    return None;
                }
                Some(Hearing::Digits(pressed)) if remote.tells_digits => {
                    pressed.iter().filter(|pressed| pressed.ended).for_each(|pressed| tell(pressed.digit));
                    cargo = Cargo::Nothing(header);
                }
                Some(Hearing::Digits(pressed)) => cargo = Cargo::Digits(header, clock_rate, pressed),
                Some(Hearing::Audio | Hearing::Suspect) | None => {}
            }
        }
        self.wake_when_due(open, leg);
        Some((std::mem::take(&mut open.suspects), cargo))
    }

    /// Has the far leg send an accepted packet. `crossed`: it came from one of our relay ports.
    fn send_on(&self, onward: Onward, crossed: bool, buffer: &mut [u8; BUFFER], length: usize, now: Micros) {
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
        if crossed && self.leads_to_relay(open) {
            open.leg.count_drop(Drop::Circle);
            return;
        }
        let Onward { to: leg, before, cargo, .. } = onward;
        let mut exit = Exit { leg, open, pair };
        match cargo {
            Cargo::Packet(arrival) => {
                if !before.is_empty() {
                    self.send_suspects(&mut exit, before, now);
                }
                self.send_packet(&mut exit, arrival, buffer, length, now);
            }
            Cargo::Digits(header, clock_rate, pressed) => {
                self.with_outgoing(&mut exit, now, |outgoing, emit| {
                    before.iter().for_each(|suspect| outgoing.leave_out(&suspect.header));
                    for pressed in pressed {
                        let (header, event) = pressed.as_event(&header, clock_rate);
                        outgoing.event(&header, &event.to_bytes(), clock_rate, now, emit);
                    }
                });
            }
            Cargo::Nothing(header) => self.with_outgoing(&mut exit, now, |outgoing, _| {
                let before = before.iter().map(|suspect| &suspect.header);
                before.chain([&header]).for_each(|header| outgoing.leave_out(header));
            }),
            Cargo::Unknown(header) => {
                if let Some(outgoing) = &mut exit.open.outgoing {
                    outgoing.leave_out(&header);
                }
            }
        }
    }

    /// Sends what was kept back after all.
    #[cold]
    fn send_suspects(&self, exit: &mut Exit<'_>, suspects: Vec<Suspect>, now: Micros) {
        let mut buffer = [0; BUFFER];
        for Suspect { arrival, packet, .. } in suspects {
            buffer[..packet.len()].copy_from_slice(&packet);
            self.send_packet(exit, arrival, &mut buffer, packet.len(), now);
        }
    }

    fn send_packet(
        &self,
        exit: &mut Exit<'_>,
        arrival: Arrival,
        buffer: &mut [u8; BUFFER],
        length: usize,
        now: Micros,
    ) {
        match arrival {
            Arrival::Foreign { codec: Some(_), .. } if exit.open.leg.rtp_destination().is_err() => {
                if let Some(outgoing) = &mut exit.open.outgoing {
                    outgoing.rest();
                }
            }
            Arrival::Foreign { header, codec, clock_rate } => {
                let payload = &buffer[header.payload_start..header.payload_end];
                self.with_outgoing(exit, now, |outgoing, emit| match codec {
                    Some(codec) => outgoing.audio(codec, &header, payload, now, emit),
                    None => outgoing.event(&header, payload, clock_rate, now, emit),
                });
            }
            Arrival::Rtp { header, is_event: true, clock_rate } if exit.open.outgoing.is_some() => {
                let payload = &buffer[header.payload_start..header.payload_end];
                self.with_outgoing(exit, now, |outgoing, emit| {
                    outgoing.event(&header, payload, clock_rate, now, emit);
                });
            }
            Arrival::Rtp { header, clock_rate, .. } if exit.open.outgoing.is_some() => {
                let mut passes = false;
                self.with_outgoing(exit, now, |outgoing, emit| {
                    passes = outgoing.pass(&header, buffer, clock_rate, now, emit);
                });
                if passes {
                    send_rtp(exit.open, exit.pair, buffer, length, header.payload_length());
                }
            }
            Arrival::Rtp { header, is_event, clock_rate } => {
                let Exit { leg, open, pair } = exit;
                let mut digits = [0; EVENT_PACKET];
                let in_its_place = match &mut open.injection {
                    Some(injection) if open.injects && !is_event => {
                        if injection.is_left_by(&header) {
                            open.outgoing(|| self.seed(), now);
                            return self.send_packet(exit, arrival, buffer, length, now);
                        }
                        let length = injection.replace(&header, &mut digits, now);
                        open.injects = !injection.is_idle();
                        if !open.injects {
                            self.events.push(Event { kind: EventKind::SourceEnded, leg: *leg });
                        }
                        length
                    }
                    _ => None,
                };
                open.passed = Some(Sent::next(open.passed, &header, clock_rate, now));
                match in_its_place {
                    Some(length) => send_rtp(open, pair, &mut digits, length, EVENT_LENGTH),
                    None => send_rtp(open, pair, buffer, length, header.payload_length()),
                }
            }
            // A leg with a stream of its own reports on that.
            Arrival::Rtcp if exit.open.outgoing.is_some() => {}
            Arrival::Rtcp => send_rtcp(exit.open, exit.pair, buffer, length),
        }
    }

    /// Has the leg's own stream send over the leg, and report when that is due. It is made if there is none.
    fn with_outgoing(
        &self,
        exit: &mut Exit<'_>,
        now: Micros,
        action: impl FnOnce(&mut Outgoing, &mut Emit<'_>),
    ) {
        let Exit { leg, open, pair } = exit;
        open.outgoing(|| self.seed(), now);
        if let Some(mut outgoing) = open.outgoing.take() {
            outgoing.set_mute(!open.leg.may_be_sent_to());
            action(&mut outgoing, &mut |packet, length| send_own(open, pair, packet, length));
            report(&mut outgoing, open, pair, now);
            open.outgoing = Some(outgoing);
        }
        self.wake_when_due(open, *leg);
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
        let passed = if open.outgoing.is_none() { open.leg.telephone_event() } else { None };
        if let Some(event) = passed {
            let mut injection = match open.injection.take() {
                Some(injection) if open.injects => injection,
                _ => Box::new(Injection::new(event, now)),
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

/// What the far leg has to know of a packet that nobody can make anything of (comfort noise that was not agreed on, a
/// keep-alive): its number is used up.
fn leave_out(open: &OpenLeg, from: LegId, packet: &[u8], source: SocketAddr) -> Option<Onward> {
    let Far::Leg { leg: to, .. } = open.far else {
        return None;
    };
    let header = Header::parse(packet).filter(|_| open.leg.source() == Some(source))?;
    Some(Onward { from, to, before: Vec::new(), cargo: Cargo::Unknown(header) })
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
    let Some(to) = open.leg.rtcp_destination() else {
        return;
    };
    if let Some(packet) = open.protect(Plane::Rtcp, buffer, length) {
        let (socket, tied) = if to.muxed { (&pair.rtp, open.tied) } else { (&pair.rtcp, false) };
        transmit(socket, tied, to.address, packet);
    }
}

/// Sends the report of the leg's own stream, when it is due.
pub(crate) fn report(outgoing: &mut Outgoing, open: &mut OpenLeg, pair: &Pair, now: Micros) {
    let mut packet = [0; REPORT];
    if let Some(length) = outgoing.report(&mut packet, || open.leg.peer_stream(), now) {
        send_rtcp(open, pair, &mut packet, length);
    }
}
