//! What a leg sends that did not come as it is: transcoded audio, events made anew, sounds and digits of our own; and the
//! far leg's packets while they pass in between.
//!
//! An [`Outgoing`] belongs to one leg and exists from the moment it is first needed: a leg that only passes packets has none
//! and costs nothing. From then on the peer hears one stream, and its RTCP is ours: reports of the far leg speak
//! of another one. Packets are made when packets come, so that a clean stream is not delayed; only what the leg says on its
//! own is paced ([`Outgoing::speak`], every 20 ms). A packet of ours is given to `emit` in a buffer with room behind it for
//! protection.
//!
//! * `onward`: the far leg's packets; `own`: what the leg says of its own; both as one stream, [`line`](mod@line);
//! * [`hold`]: order; [`decoding`]: the far leg's stream as samples; [`speaker`]: samples as payloads;
//! * [`events`]: telephone-events; [`speech`]: sounds and digits.

pub mod decoding;
pub mod events;
pub mod hold;
pub mod line;
mod onward;
mod own;
pub mod speaker;
pub mod speech;

use crate::Micros;
use crate::dtmf::{DigitPlayer, EVENT_LENGTH};
use crate::format::{EventFormat, Format};
#[cfg(doc)]
use crate::rtcp::report;
use crate::rtcp::report::{OwnStream, PeerStream, Reporter};
use crate::rtcp::{LAST_REPORT, for_each_report, shift_back};
use crate::rtp::HEADER_LENGTH;
use decoding::Decoding;
use events::{Due, EventRelay, EventSounds};
use line::{Line, Sent};
use speaker::Speaker;
use speech::{DigitSounds, Sound};

/// A packet of ours, and room for its protection.
pub const PACKET: usize = 1024;
/// A far leg from which nothing came for so long is silent: nothing more is waited for.
const SILENT_US: Micros = 200_000;

/// Takes a packet of so many octets at the front of a buffer.
pub type Emit<'a> = dyn FnMut(&mut [u8; PACKET], usize) + 'a;

/// What happened while speaking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The sound has ended by itself.
    pub sound_ended: bool,
    /// The last digit has been sent.
    pub digits_ended: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Outgoing {
    line: Line,
    speaker: Option<Speaker>,
    events: Option<EventFormat>,
    decoding: Option<Decoding>,
    relay: EventRelay,
    sounds: EventSounds,
    /// Ticks that sounds of events took, with the silence before them, and silence that filled a packet up, which the far leg's next
    /// pause is about.
    spent: u32,
    sound: Option<Sound>,
    digits: DigitPlayer,
    digit_sounds: DigitSounds,
    /// It can't be sent anything now.
    mute: bool,
    next_at: Micros,
    /// When something of the far leg came last.
    heard_at: Micros,
    packets: u32,
    octets: u32,
    reporter: Reporter,
}

impl Outgoing {
    /// Goes on after the last packet that passed to the peer, or begins where `seed` says.
    #[must_use]
    pub fn new(last: Option<Sent>, seed: u64, now: Micros) -> Self {
        Self {
            line: Line::new(last, 8000, seed, now),
            speaker: None,
            events: None,
            decoding: None,
            relay: EventRelay::default(),
            sounds: EventSounds::default(),
            spent: 0,
            sound: None,
            digits: DigitPlayer::default(),
            digit_sounds: DigitSounds::default(),
            mute: false,
            next_at: now,
            heard_at: now,
            packets: 0,
            octets: 0,
            reporter: Reporter::new(seed, now),
        }
    }

    /// Says what the peer takes, now or anew.
    pub fn set_formats(&mut self, speaks: Option<Format>, events: Option<EventFormat>) {
        self.events = events;
        match (&mut self.speaker, speaks) {
            (Some(speaker), Some(format)) if speaker.format().codec == format.codec => {
                speaker.set_packets(format.payload_type, format.ptime_ms);
            }
            _ => self.speaker = speaks.and_then(Speaker::new),
        }
        if let Some(format) = speaks {
            self.line.set_clock_rate(format.codec.clock_rate());
        }
    }

    /// Says whether the peer can be sent anything (no: on hold, or nobody knows where it is). While it can't, time passes, but
    /// no number is used up: what a peer is not sent is not to look lost to it.
    pub const fn set_mute(&mut self, mute: bool) {
        self.mute = mute;
    }

    /// True while the leg says something of its own.
    #[must_use]
    pub fn is_speaking(&self) -> bool {
        self.sound.is_some() || !self.digits.is_idle() || !self.digit_sounds.is_idle()
    }

    /// When [`Outgoing::speak`] has something to do next, or a report is due.
    #[must_use]
    pub fn due_at(&self) -> Micros {
        let speaks_at = self.is_speaking().then_some(self.next_at);
        let waits_until = (!self.is_speaking() && self.is_waiting()).then_some(self.heard_at + SILENT_US);
        let events_at = [self.relay.gone_at(), self.sounds.gone_at()];
        [speaks_at, waits_until]
            .into_iter()
            .chain(events_at)
            .flatten()
            .fold(self.reporter.due_at(), Micros::min)
    }

    /// True while something of the far leg waits for more of it.
    fn is_waiting(&self) -> bool {
        self.speaker.as_ref().is_some_and(Speaker::is_waiting)
            || self.decoding.as_ref().is_some_and(Decoding::is_waiting)
    }

    fn send_event(&mut self, due: Due, emit: &mut Emit<'_>) {
        let Some(format) = self.events.filter(|_| !self.mute) else {
            self.line.close_gap();
            return;
        };
        for repeat in 0..due.packets {
            let mut packet = [0; PACKET];
            let marker = due.begins && repeat == 0;
            self.line.event(&mut packet, format.payload_type, marker, due.timestamp);
            packet[HEADER_LENGTH..HEADER_LENGTH + EVENT_LENGTH].copy_from_slice(&due.event.to_bytes());
            self.count(EVENT_LENGTH);
            emit(&mut packet, HEADER_LENGTH + EVENT_LENGTH);
        }
    }

    fn end_packet(&mut self, now: Micros, emit: &mut Emit<'_>) {
        if let Some(speaker) = &mut self.speaker {
            self.spent += speaker.finish();
        }
        self.send_audio(now, emit);
    }

    fn send_audio(&mut self, now: Micros, emit: &mut Emit<'_>) {
        let Some(speaker) = &mut self.speaker else {
            return;
        };
        let payload_type = speaker.format().payload_type;
        let mut packet = [0; PACKET];
        while let Some((octets, ticks)) = speaker.next(&mut packet[HEADER_LENGTH..]) {
            if self.mute {
                self.line.skip(ticks, now);
                continue;
            }
            self.line.audio(&mut packet, payload_type, ticks, now);
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(octets as u32);
            emit(&mut packet, HEADER_LENGTH + octets);
        }
    }

    /// Sends a payload of G.711 that is a whole packet.
    fn send_payload(&mut self, payload: &[u8], now: Micros, emit: &mut Emit<'_>) {
        let Some(speaker) = &self.speaker else {
            return;
        };
        if self.mute {
            return self.line.skip(payload.len() as u32, now);
        }
        let mut packet = [0; PACKET];
        packet[HEADER_LENGTH..HEADER_LENGTH + payload.len()].copy_from_slice(payload);
        self.line.audio(&mut packet, speaker.format().payload_type, payload.len() as u32, now);
        self.count(payload.len());
        emit(&mut packet, HEADER_LENGTH + payload.len());
    }

    /// Says what is due of the leg's own, and what of the far leg's will not be waited for any longer.
    pub fn speak(&mut self, now: Micros, emit: &mut Emit<'_>) -> Said {
        for due in self.relay.expire(now).into_iter().flatten() {
            self.send_event(due, emit);
        }
        let sound_is_gone = self.sounds.expire(now);
        if self.is_speaking() {
            return self.speak_of_own(now, emit);
        }
        if sound_is_gone || self.is_waiting() && self.heard_at + SILENT_US <= now {
            // It was heard then: the silence since is a pause, if another stream follows.
            self.give_up_waiting(self.heard_at, emit);
            self.end_packet(self.heard_at, emit);
            // Nothing may be left, even of what could not be encoded.
            self.speaker.iter_mut().for_each(Speaker::clear);
        }
        Said::default()
    }

    fn count(&mut self, octets: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(octets as u32);
    }

    /// Makes the peer's reports on this stream reports on the far leg's, which they go on to: that has sent none of the
    /// sender reports that they name, and has numbered what passed in its own way.
    pub fn hand_on_reports(&self, packet: &mut [u8]) {
        let own = self.line.ssrc().to_be_bytes();
        for_each_report(packet, |report| {
            if report[..4] != own {
                return;
            }
            report[LAST_REPORT..].fill(0);
            if let Some((ssrc, shift)) = self.line.passing() {
                report[..4].copy_from_slice(&ssrc.to_be_bytes());
                shift_back(report, shift);
            }
        });
    }

    /// Writes the report that is due, on this stream and the peer's, into [`report::LONGEST`] octets at least; its length.
    pub fn report(
        &mut self,
        packet: &mut [u8],
        peer: impl FnOnce() -> Option<PeerStream>,
        now: Micros,
    ) -> Option<usize> {
        if !self.reporter.is_due(now) {
            return None;
        }
        let own = OwnStream {
            ssrc: self.line.ssrc(),
            timestamp: self.line.timestamp_at(now),
            packets: self.packets,
            octets: self.octets,
        };
        Some(self.reporter.write(packet, own, peer(), now))
    }
}

#[cfg(test)]
mod tests;
