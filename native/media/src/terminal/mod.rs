//! A far end that is not a leg: a source that speaks every 20 ms and a sink that listens.
//!
//! The simulated carrier and the test telephone are made of it. It speaks and hears any of the codecs. Pacing: the engine calls
//! [`Terminal::speak`] when [`Terminal::next_at`] has come. Digits (RFC 4733) take the place of audio while they last.

mod ear;
mod voice;

use trunkline_codecs::Codec;
use trunkline_codecs::g711::Law;

use crate::Micros;
use crate::dtmf::{DigitPlayer, NotADigit};
use crate::format::{EventFormat, Format};
use crate::leg::Remote;
use crate::outgoing::speaker::Speaker;
use crate::outgoing::speech::STEP;
use crate::rtp::{HEADER_LENGTH, Header, write_header};
#[cfg(doc)]
use crate::tone::ToneGenerator;
use crate::tone::{Heard, ToneDetector};
use ear::Ear;
use voice::Voice;
pub use voice::{ImpossibleTone, Source};

/// One packet's time.
pub const PTIME_US: Micros = 20_000;

/// What happened while speaking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    /// Octets of the packet to send, 0 when there is none.
    pub length: usize,
    /// The file's last sample, or the last digit queued, was just sent.
    pub ended: bool,
}

/// How a terminal is made: what to say, what to listen for.
#[derive(Clone, Debug)]
pub struct TerminalPlan {
    /// The first source.
    pub source: Source,
    /// Frequencies in Hz to listen for, at most 16.
    pub listen_for: Vec<f64>,
    /// Keep what was heard, at most so many samples; 0 keeps nothing.
    pub record_samples: usize,
    /// Initial SSRC, sequence number and timestamp come from it (RFC 3550 §5.1 wants them random).
    pub seed: u64,
}

/// The far end itself.
#[derive(Debug)]
pub struct Terminal {
    voice: Voice,
    speech: Option<Speech>,
    digits: DigitPlayer,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    next_at: Micros,
    missed: u64,
    talking: bool,
    ear: Ear,
}

#[derive(Debug)]
struct Speech {
    speaker: Speaker,
    events: Option<EventFormat>,
}

impl Speech {
    /// Ticks of 20 ms.
    const fn step(&self) -> u32 {
        self.speaker.format().codec.clock_rate() / 50
    }
}

impl Terminal {
    /// A terminal that begins to speak at `now`, once [`Terminal::set_remote`] has said how.
    ///
    /// # Errors
    /// [`ImpossibleTone`] when the source or a frequency to listen for is out of range.
    pub fn new(plan: TerminalPlan, now: Micros) -> Result<Self, ImpossibleTone> {
        let detector = ToneDetector::new(&plan.listen_for).ok_or(ImpossibleTone)?;
        Ok(Self {
            voice: Voice::new(plan.source)?,
            speech: None,
            digits: DigitPlayer::default(),
            ssrc: (plan.seed >> 32) as u32,
            sequence: (plan.seed >> 16) as u16,
            timestamp: (plan.seed as u32).wrapping_mul(0x9e37_79b1),
            next_at: now,
            missed: 0,
            talking: false,
            ear: Ear::new(detector, plan.record_samples),
        })
    }

    /// Takes what the peer speaks and hears; where nobody says, its first payload type that is G.711. False when it has no
    /// format that can be spoken; then it stays mute.
    pub fn set_remote(&mut self, remote: &Remote) -> bool {
        let g711 = |payload_type| {
            let codec = match Law::of_payload_type(payload_type)? {
                Law::A => Codec::Pcma,
                Law::Mu => Codec::Pcmu,
            };
            Some(Format { payload_type, codec, ptime_ms: 20 })
        };
        let events = remote.takes_events.or_else(|| {
            let payload = remote.payloads.get(remote.dtmf_payload_type?)?;
            Some(EventFormat { payload_type: payload.to, clock_rate: payload.clock_rate })
        });
        let speaks = remote.speaks.or_else(|| remote.payloads.iter().find_map(|payload| g711(payload.to)));
        self.ear.formats.clone_from(&remote.hears);
        if remote.hears.is_empty() {
            self.ear.formats.extend([0, 8].into_iter().filter_map(g711));
        }
        self.speech = match (self.speech.take(), speaks) {
            (Some(mut speech), Some(format)) if speech.speaker.format().codec == format.codec => {
                speech.speaker.set_packets(format.payload_type, format.ptime_ms);
                Some(Speech { events, ..speech })
            }
            (_, speaks) => speaks.and_then(Speaker::new).map(|mut speaker| {
                speaker.begin_sound();
                Speech { speaker, events }
            }),
        };
        self.speech.is_some()
    }

    /// Changes what it says from the next packet on.
    ///
    /// # Errors
    /// [`ImpossibleTone`]; the old source goes on.
    pub fn play(&mut self, source: Source) -> Result<(), ImpossibleTone> {
        self.voice = Voice::new(source)?;
        Ok(())
    }

    /// Queues digits to be sent as telephone-events. See [`DigitPlayer::queue`]. False when the peer takes none.
    ///
    /// # Errors
    /// [`NotADigit`].
    pub fn send_digits(&mut self, digits: &str, duration_ms: u32) -> Result<bool, NotADigit> {
        let Some(events) = self.speech.as_ref().and_then(|speech| speech.events) else {
            return Ok(false);
        };
        self.digits.queue(digits, duration_ms, events.clock_rate)?;
        Ok(true)
    }

    /// When it wants to speak next.
    #[must_use]
    pub const fn next_at(&self) -> Micros {
        self.next_at
    }

    /// Writes the packet that is due, if there is one, and moves to the next moment.
    pub fn speak(&mut self, now: Micros, packet: &mut [u8]) -> Spoken {
        if now < self.next_at {
            return Spoken::default();
        }
        self.next_at += PTIME_US;
        if now > self.next_at + 5 * PTIME_US {
            // The engine was held up: skip the moments that are gone rather than send them in a burst.
            let missed = (now - self.next_at) / PTIME_US;
            self.next_at += missed * PTIME_US;
            let step = self.speech.as_ref().map_or(STEP as u32, Speech::step);
            self.timestamp = self.timestamp.wrapping_add(missed as u32 * step);
            self.missed += if self.speech.is_some() { missed } else { 0 };
        }
        let Some(mut speech) = self.speech.take() else {
            return Spoken::default();
        };
        let (spoken, ticks) = self.speak_as(&mut speech, packet);
        self.speech = Some(speech);
        self.timestamp = self.timestamp.wrapping_add(ticks);
        if spoken.length > 0 {
            self.sequence = self.sequence.wrapping_add(1);
        }
        spoken
    }

    /// What to send, and how far the timestamp goes on.
    fn speak_as(&mut self, speech: &mut Speech, packet: &mut [u8]) -> (Spoken, u32) {
        let step = speech.step();
        let digit = speech.events.and_then(|events| {
            self.digits.next_packet(
                packet,
                events.payload_type,
                self.sequence,
                self.timestamp,
                self.ssrc,
                events.clock_rate / 50,
            )
        });
        if let Some(length) = digit {
            return (Spoken { length, ended: self.digits.is_idle() }, step);
        }
        let payload_type = speech.speaker.format().payload_type;
        if let Voice::Echo(heard) = &mut self.voice {
            let Some(octets) = heard.pop_front() else {
                self.talking = false;
                return (Spoken::default(), step);
            };
            packet[HEADER_LENGTH..HEADER_LENGTH + octets.len()].copy_from_slice(&octets);
            self.head(packet, payload_type);
            return (Spoken { length: HEADER_LENGTH + octets.len(), ended: false }, step);
        }
        let mut ended = false;
        speech.speaker.say(|pcm| {
            let is_tone = self.voice.is_tone();
            ended = self.voice.fill(pcm);
            is_tone
        });
        let Some((octets, ticks)) = speech.speaker.next(&mut packet[HEADER_LENGTH..]) else {
            return (Spoken { length: 0, ended }, 0);
        };
        self.head(packet, payload_type);
        (Spoken { length: HEADER_LENGTH + octets, ended }, ticks)
    }

    fn head(&mut self, packet: &mut [u8], payload_type: u8) {
        let marker = !std::mem::replace(&mut self.talking, true);
        write_header(packet, marker, payload_type, self.sequence, self.timestamp, self.ssrc);
    }

    /// Listens to a packet of the peer that the leg has believed; `event_clock` are the ticks a second of a telephone-event,
    /// `None` for audio.
    pub fn hear(&mut self, header: &Header, packet: &[u8], event_clock: Option<u32>, now: Micros) {
        let payload = &packet[header.payload_start..header.payload_end];
        if let Some(clock_rate) = event_clock {
            self.ear.hear_event(header, payload, clock_rate, now);
            return;
        }
        if let Some(speech) = &self.speech {
            if self.ear.codec_of(header.payload_type) == Some(speech.speaker.format().codec) {
                self.voice.echo(payload);
            }
        }
        self.ear.hear_audio(header, payload);
    }

    /// Moments that were skipped, since the engine was held up: it said nothing at these.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
    }

    /// Digits heard, at most the first 1024.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.ear.digits
    }

    /// Which of the frequencies were heard.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.ear.detector.heard()
    }

    /// Takes what was recorded, in the order of the timestamps, gaps filled with silence.
    pub fn take_recording(&mut self) -> Vec<i16> {
        std::mem::take(&mut self.ear.record)
    }
}

#[cfg(test)]
mod tests;
