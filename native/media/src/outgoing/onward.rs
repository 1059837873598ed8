//! The far leg's packets on their way to the peer: passed, transcoded, made anew, or left out.

use trunkline_codecs::Codec;

use super::decoding::{Decoding, Piece};
use super::{Emit, Outgoing};
use crate::Micros;
use crate::dtmf::Event;
use crate::rtp::Header;
use crate::tone::SAMPLE_RATE;

impl Outgoing {
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
        if self.mute {
            self.line.close_gap();
            return false;
        }
        if self.is_speaking() || self.sounds.covers(header, clock_rate, now) {
            return false;
        }
        if !self.relay.covers(header, clock_rate, now) {
            self.finish_event(emit);
        }
        if let Some(decoding) = &mut self.decoding {
            decoding.restart();
        }
        let passes = self.line.pass(header, packet, now);
        if passes {
            self.count(header.payload_length());
        }
        passes
    }

    /// Leaves the far leg's audio alone, while the peer is not to be sent any (hold): to decode it would be for nothing.
    pub fn rest(&mut self) {
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
        self.finish_event(emit);
        let mut decoding = match self.decoding.take() {
            Some(decoding) if decoding.codec() == codec => decoding,
            _ => match Decoding::new(codec) {
                Some(decoding) => decoding,
                None => return,
            },
        };
        if let Some(speaker) = &self.speaker {
            decoding.send_on_in(speaker.format().codec);
        }
        if decoding.begins_with(header) {
            self.take_piece(codec, Piece::Break, now, emit);
        }
        decoding.take(header, payload, &mut |piece| self.take_piece(codec, piece, now, emit));
        self.decoding = Some(decoding);
    }

    /// Ends an event that the far leg's audio has shown to be over.
    fn finish_event(&mut self, emit: &mut Emit<'_>) {
        self.sounds.finish();
        for due in self.relay.finish().into_iter().flatten() {
            self.send_event(due, emit);
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
            Piece::Recoded(octets) => {
                self.spent = 0;
                if self.speaker.as_mut().is_some_and(|speaker| !speaker.feed_payload(octets)) {
                    self.send_payload(octets, now, emit);
                } else {
                    self.send_audio(now, emit);
                }
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
            self.relay.begins(header, event, now)
        } else {
            self.sounds.begins(header, event, now)
        };
        if begins && !self.is_speaking() {
            self.finish_event(emit);
            self.give_up_waiting(now, emit);
            if !self.decoding.as_ref().is_some_and(Decoding::is_under_way) {
                // No audio says where the event stands.
                self.line.catch_up(now);
            }
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
            let begin = begin
                .unwrap_or_else(|| self.line.timestamp().wrapping_add(self.ahead(header, clock_rate, now)));
            let clocks = (clock_rate, format.clock_rate);
            for due in self.relay.take(header, event, begin, clocks, now).into_iter().flatten() {
                self.send_event(due, emit);
            }
            return;
        }
        if begins {
            self.pause_before(header, clock_rate, now, emit);
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

    /// The time of the far leg's silence before an event, which is to sound where it stands in it.
    fn pause_before(&mut self, header: &Header, clock_rate: u32, now: Micros, emit: &mut Emit<'_>) {
        let ahead = self.ahead(header, clock_rate, now);
        if ahead > self.spent {
            self.end_packet(now, emit);
            self.line.pause(ahead.saturating_sub(self.spent));
            self.spent = self.spent.max(ahead);
        }
    }

    /// Leaves a packet of the far leg out: its time passes in silence, and those after it follow without a gap. It is not what
    /// anything waits for.
    pub fn leave_out(&mut self, header: &Header) {
        if let Some(decoding) = &mut self.decoding {
            decoding.skip(header);
        }
        self.line.close_gap();
    }

    /// How far ahead of the audio an event begins, in ticks of the line; by the time that has passed, where their clocks can't be
    /// compared.
    fn ahead(&self, header: &Header, clock_rate: u32, now: Micros) -> u32 {
        let (Some(decoding), Some(speaker)) = (&self.decoding, &self.speaker) else {
            return 0;
        };
        if clock_rate != decoding.codec().clock_rate() {
            return self.line.idle(now);
        }
        let ticks = decoding.ahead(header.timestamp);
        (u64::from(ticks) * u64::from(speaker.format().codec.clock_rate()) / u64::from(clock_rate)) as u32
    }

    /// Sends what waits for packets of the far leg that are missing.
    pub(super) fn give_up_waiting(&mut self, now: Micros, emit: &mut Emit<'_>) {
        if let Some(mut decoding) = self.decoding.take_if(|decoding| decoding.is_waiting()) {
            let codec = decoding.codec();
            decoding.give_up(&mut |piece| self.take_piece(codec, piece, now, emit));
            self.decoding = Some(decoding);
        }
    }
}
