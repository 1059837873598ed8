//! What a leg sends that did not come as it is: transcoded audio, events made anew, sounds and digits of our own; and the
//! far leg's packets while they pass in between.
//!
//! An [`Outgoing`] belongs to one leg and exists from the moment it is first needed: a leg that only passes packets has none
//! and costs nothing. From then on the peer hears one stream ([`line`]), and its RTCP is ours: reports of the far leg speak
//! of another one. Packets are made when packets come, so that a clean stream is not delayed; only what the leg says on its
//! own is paced ([`Outgoing::speak`], every 20 ms). A packet of ours is given to `emit` in a buffer with room behind it for
//! protection.
//!
//! * [`hold`]: order; [`decoding`]: the far leg's stream as samples; [`speaker`]: samples as payloads;
//! * [`events`]: telephone-events; [`speech`]: sounds and digits.

pub mod decoding;
pub mod events;
pub mod hold;
pub mod line;
pub mod speaker;
pub mod speech;

use trunkline_codecs::Codec;

use crate::Micros;
use crate::dtmf::{DigitPlayer, EVENT_LENGTH, Event, NotADigit};
use crate::format::{EventFormat, Format};
#[cfg(doc)]
use crate::rtcp::report;
use crate::rtcp::report::{OwnStream, PeerStream, Reporter};
use crate::rtp::{HEADER_LENGTH, Header};
use crate::terminal::PTIME_US;
use crate::tone::SAMPLE_RATE;
use decoding::{Decoding, Piece};
use events::{Due, EventRelay, EventSounds};
use line::{Line, Sent};
use speaker::Speaker;
use speech::{DigitSounds, STEP, Sound};

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
    /// Ticks that sounds of events took, which the far leg's next pause is about.
    spent: u32,
    sound: Option<Sound>,
    digits: DigitPlayer,
    digit_sounds: DigitSounds,
    /// The peer was not to be sent anything lately.
    rests: bool,
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
            rests: false,
            next_at: now,
            heard_at: now,
            packets: 0,
            octets: 0,
            reporter: Reporter::new(now),
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

    /// True while the leg says something of its own.
    #[must_use]
    pub fn is_speaking(&self) -> bool {
        self.sound.is_some() || !self.digits.is_idle() || !self.digit_sounds.is_idle()
    }

    /// When [`Outgoing::speak`] has something to do next, or a report is due.
    #[must_use]
    pub fn due_at(&self) -> Micros {
        let speaks_at = self.is_speaking().then_some(self.next_at);
        let waits_until = self.is_waiting().then_some(self.heard_at + SILENT_US);
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

    /// Says `sound` from now on, in place of the far leg's audio; `None` ends it. False when the peer has no format for it.
    pub fn announce(&mut self, sound: Option<Sound>, now: Micros) -> bool {
        if sound.is_some() && self.speaker.is_none() {
            return false;
        }
        self.begin_speaking(now);
        if let (Some(speaker), Some(_)) = (&mut self.speaker, &sound) {
            speaker.begin_sound();
        }
        self.sound = sound;
        true
    }

    /// Sends digits, each so long, in place of the far leg's audio: as events where the peer takes them, else as sound.
    /// False when it can be sent neither.
    ///
    /// # Errors
    /// [`NotADigit`]; nothing is sent then.
    pub fn send_digits(&mut self, digits: &str, duration_ms: u32, now: Micros) -> Result<bool, NotADigit> {
        match self.events {
            Some(format) => self.digits.queue(digits, duration_ms, format.clock_rate)?,
            None if self.speaker.is_some() => self.digit_sounds.queue(digits, duration_ms)?,
            None => return Ok(false),
        }
        self.begin_speaking(now);
        Ok(true)
    }

    fn begin_speaking(&mut self, now: Micros) {
        if !self.is_speaking() {
            self.line.catch_up(now);
            self.next_at = now;
            if let Some(speaker) = &mut self.speaker {
                speaker.clear();
            }
        }
    }

    /// Lets a packet of the far leg's audio, of so many ticks a second, pass: its numbers become the stream's. False when it
    /// is to be left out.
    pub fn pass(
        &mut self,
        header: &Header,
        packet: &mut [u8],
        clock_rate: u32,
        now: Micros,
        emit: &mut Emit<'_>,
    ) -> bool {
        self.heard_at = now;
        if self.is_speaking() || self.sounds.covers(header, clock_rate, now) {
            return false;
        }
        if !self.relay.covers(header, clock_rate, now) {
            self.finish_event(now, emit);
        }
        if let Some(decoding) = &mut self.decoding {
            decoding.restart();
        }
        self.line.pass(header, packet, now);
        self.count(header.payload_length());
        true
    }

    /// Leaves the far leg's audio alone, while the peer is not to be sent any (hold): to decode it would be for nothing.
    pub fn rest(&mut self) {
        self.rests = true;
        if let Some(decoding) = &mut self.decoding {
            decoding.restart();
        }
        if let Some(speaker) = &mut self.speaker {
            speaker.clear();
        }
    }

    /// Transcodes a packet of audio.
    pub fn audio(&mut self, codec: Codec, header: &Header, payload: &[u8], now: Micros, emit: &mut Emit<'_>) {
        self.heard_at = now;
        let clock_rate = codec.clock_rate();
        if self.is_speaking()
            || self.relay.covers(header, clock_rate, now)
            || self.sounds.covers(header, clock_rate, now)
        {
            if let Some(decoding) = &mut self.decoding {
                decoding.skip(header);
            }
            return;
        }
        self.finish_event(now, emit);
        if std::mem::take(&mut self.rests) {
            self.line.catch_up(now);
        }
        let mut decoding = match self.decoding.take() {
            Some(decoding) if decoding.codec() == codec => decoding,
            _ => match Decoding::new(codec) {
                Some(decoding) => decoding,
                None => return,
            },
        };
        decoding.take(header, payload, &mut |piece| self.take_piece(codec, piece, now, emit));
        self.decoding = Some(decoding);
    }

    /// Ends an event that the far leg's audio has shown to be over.
    fn finish_event(&mut self, now: Micros, emit: &mut Emit<'_>) {
        self.sounds.finish();
        for due in self.relay.finish().into_iter().flatten() {
            self.send_event(due, now, emit);
        }
    }

    fn take_piece(&mut self, codec: Codec, piece: Piece<'_>, now: Micros, emit: &mut Emit<'_>) {
        match piece {
            Piece::Samples(pcm, rate) => {
                self.spent = 0;
                if let Some(speaker) = &mut self.speaker {
                    speaker.feed(pcm, rate);
                }
                self.send_audio(now, emit);
            }
            Piece::Pause(ticks) => {
                self.end_packet(now, emit);
                if let Some(speaker) = &self.speaker {
                    let clock = speaker.format().codec.clock_rate();
                    let own = (u64::from(ticks) * u64::from(clock) / u64::from(codec.clock_rate())) as u32;
                    self.line.pause(own.saturating_sub(std::mem::take(&mut self.spent)));
                }
            }
            Piece::Break => {
                self.end_packet(now, emit);
                self.line.catch_up(now);
            }
        }
    }

    /// Sends a packet of an event on, or its sound.
    pub fn event(
        &mut self,
        header: &Header,
        payload: &[u8],
        clock_rate: u32,
        now: Micros,
        emit: &mut Emit<'_>,
    ) {
        let Some(event) = Event::parse(payload) else {
            return;
        };
        self.heard_at = now;
        let begins = if self.events.is_some() {
            self.relay.begins(header, event)
        } else {
            self.sounds.begins(header, event)
        };
        if begins && !self.is_speaking() {
            self.finish_event(now, emit);
            self.give_up_waiting(now, emit);
        }
        if let Some(decoding) = &mut self.decoding {
            decoding.skip(header);
        }
        if self.is_speaking() {
            return;
        }
        if let Some(format) = self.events {
            if begins {
                self.end_packet(now, emit);
            }
            let begin = self.line.place(header.ssrc, header.timestamp, clock_rate);
            let begin =
                begin.unwrap_or_else(|| self.line.timestamp().wrapping_add(self.ahead(header, clock_rate)));
            let clocks = (clock_rate, format.clock_rate);
            for due in self.relay.take(header, event, begin, clocks, now).into_iter().flatten() {
                self.send_event(due, now, emit);
            }
            return;
        }
        let Some(mut speaker) = self.speaker.take() else {
            return;
        };
        let mut samples = 0;
        self.sounds.take(header, event, clock_rate, now, &mut |pcm| {
            speaker.feed(pcm, SAMPLE_RATE);
            samples += pcm.len() as u32;
        });
        self.spent += samples * (speaker.format().codec.clock_rate() / SAMPLE_RATE);
        self.speaker = Some(speaker);
        self.send_audio(now, emit);
    }

    /// Leaves a packet of the far leg out: its time passes in silence, and those after it follow without a gap.
    pub fn leave_out(&mut self, header: &Header, now: Micros) {
        self.heard_at = now;
        if let Some(decoding) = &mut self.decoding {
            decoding.skip(header);
        }
        self.line.close_gap();
    }

    /// How far ahead of the audio an event begins, in ticks of the line.
    fn ahead(&self, header: &Header, clock_rate: u32) -> u32 {
        let (Some(decoding), Some(speaker)) = (&self.decoding, &self.speaker) else {
            return 0;
        };
        if clock_rate != decoding.codec().clock_rate() {
            return 0;
        }
        let ticks = decoding.ahead(header.timestamp);
        (u64::from(ticks) * u64::from(speaker.format().codec.clock_rate()) / u64::from(clock_rate)) as u32
    }

    fn send_event(&mut self, due: Due, now: Micros, emit: &mut Emit<'_>) {
        let Some(format) = self.events else {
            return;
        };
        for repeat in 0..due.packets {
            let mut packet = [0; PACKET];
            let marker = due.begins && repeat == 0;
            self.line.event(&mut packet, format.payload_type, marker, due.timestamp, now);
            packet[HEADER_LENGTH..HEADER_LENGTH + EVENT_LENGTH].copy_from_slice(&due.event.to_bytes());
            self.count(EVENT_LENGTH);
            emit(&mut packet, HEADER_LENGTH + EVENT_LENGTH);
        }
    }

    /// Sends what waits for packets of the far leg that are missing.
    fn give_up_waiting(&mut self, now: Micros, emit: &mut Emit<'_>) {
        if let Some(mut decoding) = self.decoding.take_if(|decoding| decoding.is_waiting()) {
            let codec = decoding.codec();
            decoding.give_up(&mut |piece| self.take_piece(codec, piece, now, emit));
            self.decoding = Some(decoding);
        }
    }

    fn end_packet(&mut self, now: Micros, emit: &mut Emit<'_>) {
        if let Some(speaker) = &mut self.speaker {
            speaker.finish();
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
            self.line.audio(&mut packet, payload_type, ticks, now);
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(octets as u32);
            emit(&mut packet, HEADER_LENGTH + octets);
        }
    }

    /// Says what is due of the leg's own, and what of the far leg's will not be waited for any longer.
    pub fn speak(&mut self, now: Micros, emit: &mut Emit<'_>) -> Said {
        for due in self.relay.expire(now).into_iter().flatten() {
            self.send_event(due, now, emit);
        }
        let sound_is_gone = self.sounds.expire(now);
        if self.is_speaking() {
            return self.speak_of_own(now, emit);
        }
        if sound_is_gone || self.is_waiting() && self.heard_at + SILENT_US <= now {
            self.give_up_waiting(now, emit);
            self.end_packet(now, emit);
        }
        Said::default()
    }

    fn speak_of_own(&mut self, now: Micros, emit: &mut Emit<'_>) -> Said {
        let mut said = Said::default();
        // Behind by much: the moments that are gone are not made up for in a burst.
        if now > self.next_at + 5 * PTIME_US {
            self.next_at = now;
        }
        while self.is_speaking() && self.next_at <= now {
            self.next_at += PTIME_US;
            if !self.digits.is_idle() {
                self.speak_event(now, emit);
                said.digits_ended |= self.digits.is_idle();
                continue;
            }
            let (digits, sound) = (&mut self.digit_sounds, &mut self.sound);
            let mut fill = |pcm: &mut [i16; STEP]| {
                if !digits.is_idle() {
                    digits.fill(pcm);
                    said.digits_ended |= digits.is_idle();
                    return true;
                }
                let is_tone = matches!(sound, Some(Sound::Tone(_)));
                if sound.as_mut().is_some_and(|sound| sound.fill(pcm)) {
                    *sound = None;
                    said.sound_ended = true;
                }
                is_tone
            };
            if let Some(speaker) = &mut self.speaker {
                speaker.say(fill);
            } else {
                fill(&mut [0; STEP]);
            }
            self.send_audio(now, emit);
        }
        if !self.is_speaking() {
            self.end_packet(now, emit);
            if let Some(decoding) = &mut self.decoding {
                decoding.restart();
            }
        }
        said
    }

    fn speak_event(&mut self, now: Micros, emit: &mut Emit<'_>) {
        let Some(format) = self.events else {
            self.digits = DigitPlayer::default();
            return;
        };
        let (mut packet, line) = ([0; PACKET], &mut self.line);
        let step = format.clock_rate / 50;
        let (sequence, timestamp, ssrc) = (line.sequence(), line.timestamp(), line.ssrc());
        let length =
            self.digits.next_packet(&mut packet, format.payload_type, sequence, timestamp, ssrc, step);
        if let Some(length) = length {
            line.sent(now);
            self.count(length - HEADER_LENGTH);
            emit(&mut packet, length);
        }
        self.line.pause(step);
    }

    fn count(&mut self, octets: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(octets as u32);
    }

    /// Writes the report that is due, on this stream and the peer's, into [`report::LONGEST`] octets at least; its length.
    pub fn report(
        &mut self,
        packet: &mut [u8],
        peer: impl FnOnce() -> Option<PeerStream>,
        now: Micros,
    ) -> Option<usize> {
        if now < self.reporter.due_at() {
            return None;
        }
        let own = OwnStream {
            ssrc: self.line.ssrc(),
            timestamp: self.line.timestamp_at(now),
            packets: self.packets,
            octets: self.octets,
        };
        self.reporter.write(packet, own, peer(), now)
    }
}

#[cfg(test)]
mod tests;
