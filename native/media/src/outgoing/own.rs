//! What a leg says of its own in place of the far leg's audio: sounds, and digits as events or as sound.

use super::speech::{STEP, Sound};
use super::{Emit, Outgoing, PACKET, Said};
use crate::Micros;
use crate::dtmf::{DigitPlayer, NotADigit};
use crate::format::EventFormat;
use crate::rtp::HEADER_LENGTH;
use crate::terminal::PTIME_US;

impl Outgoing {
    /// Says `sound` from now on, in place of the far leg's audio; `None` ends it. False when the peer has no format for it.
    pub fn announce(&mut self, sound: Option<Sound>, now: Micros) -> bool {
        if sound.is_some() && self.speaker.is_none() {
            return false;
        }
        if !self.is_speaking() {
            self.begin_speaking(now);
        }
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
        let was_speaking = self.is_speaking();
        match self.events {
            Some(format) => self.digits.queue(digits, duration_ms, format.clock_rate)?,
            None if self.speaker.is_some() => self.digit_sounds.queue(digits, duration_ms)?,
            None => return Ok(false),
        }
        if !was_speaking {
            self.begin_speaking(now);
        }
        Ok(true)
    }

    /// Goes on with digits that were queued to be sent in the midst of audio which passes, and can't be. `format`: how the peer
    /// takes them, where nothing else was said.
    pub fn take_digits(&mut self, digits: DigitPlayer, format: EventFormat, now: Micros) {
        self.events.get_or_insert(format);
        self.digits = digits;
        self.begin_speaking(now);
    }

    fn begin_speaking(&mut self, now: Micros) {
        self.line.catch_up(now);
        self.next_at = now;
        if let Some(speaker) = &mut self.speaker {
            speaker.clear();
        }
        if let Some(decoding) = &mut self.decoding {
            decoding.restart();
        }
    }

    pub(super) fn speak_of_own(&mut self, now: Micros, emit: &mut Emit<'_>) -> Said {
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
        if let Some(length) = length.filter(|_| !self.mute) {
            line.sent(now);
            self.count(length - HEADER_LENGTH);
            emit(&mut packet, length);
        }
        self.line.pause(step);
    }
}
