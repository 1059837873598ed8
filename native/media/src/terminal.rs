//! A far end that is not a leg: a source that speaks every 20 ms and a sink that listens.
//!
//! The simulated carrier and the test telephone are made of it. It speaks and hears any of the codecs. Pacing: the engine calls
//! [`Terminal::speak`] when [`Terminal::next_at`] has come. Digits (RFC 4733) take the place of audio while they last.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::Micros;
use crate::dtmf::following::Following;
use crate::dtmf::{DigitPlayer, Event, NotADigit};
use crate::format::{EventFormat, Format};
use crate::leg::Remote;
use crate::outgoing::decoding::MAX_PIECE_MS;
use crate::outgoing::speaker::Speaker;
use crate::outgoing::speech::STEP;
use crate::rtp::{HEADER_LENGTH, Header, write_header};
use trunkline_codecs::g711::Law;
use trunkline_codecs::{Codec, Decoder, Resampler};

use crate::tone::{Heard, SAMPLE_RATE, Tone, ToneDetector, ToneGenerator};

/// One packet's time.
pub const PTIME_US: Micros = 20_000;
/// Samples of the longest payload that is heard, at 16,000 a second.
const ROOM: usize = 16 * MAX_PIECE_MS;
/// Octets of the longest payload that an echo keeps.
const MAX_ECHO: usize = 480;
/// Packets an echo keeps at most; beyond it the oldest are dropped, so that the delay stays below 100 ms.
const ECHO_DEPTH: usize = 5;
/// Missing samples are replaced by silence up to this many (2 s); beyond it the stream is taken to have restarted.
const MAX_GAP: u32 = 16_000;
/// Digits remembered.
const MAX_DIGITS: usize = 1024;

/// What a terminal says.
#[derive(Clone, Debug)]
pub enum Source {
    /// Silence, which is still sent.
    Silence,
    /// A tone.
    Tone(Tone),
    /// Samples at 8000 Hz, once or over and over; after the end, silence.
    Samples {
        /// Shared: many terminals may play one file.
        samples: Arc<[i16]>,
        /// Begin again at the end.
        repeat: bool,
    },
    /// What it hears, packet for packet; nothing when it hears nothing.
    Echo,
}

/// A source that can't be: see [`ToneGenerator::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImpossibleTone;

#[derive(Debug)]
enum Voice {
    Silence,
    Tone(ToneGenerator),
    Samples { samples: Arc<[i16]>, repeat: bool, position: usize },
    Echo(VecDeque<Vec<u8>>),
}

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
    /// A terminal that begins to speak at `now`, once [`Terminal::set_payloads`] has said how.
    ///
    /// # Errors
    /// [`ImpossibleTone`] when the source or a frequency to listen for is out of range.
    pub fn new(plan: TerminalPlan, now: Micros) -> Result<Self, ImpossibleTone> {
        let detector = ToneDetector::new(&plan.listen_for).ok_or(ImpossibleTone)?;
        Ok(Self {
            voice: voice_of(plan.source)?,
            speech: None,
            digits: DigitPlayer::default(),
            ssrc: (plan.seed >> 32) as u32,
            sequence: (plan.seed >> 16) as u16,
            timestamp: (plan.seed as u32).wrapping_mul(0x9e37_79b1),
            next_at: now,
            talking: false,
            ear: Ear {
                detector,
                events: Following::default(),
                digits: String::new(),
                record: Vec::new(),
                record_samples: plan.record_samples,
                expected: None,
                formats: Vec::new(),
                decoder: None,
            },
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
        self.voice = voice_of(source)?;
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
        if let Some(events) = speech.events
            && let Some(length) = self.digits.next_packet(
                packet,
                events.payload_type,
                self.sequence,
                self.timestamp,
                self.ssrc,
                events.clock_rate / 50,
            )
        {
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
        speech.speaker.say(|samples| {
            match &mut self.voice {
                Voice::Silence | Voice::Echo(_) => {}
                Voice::Tone(generator) => generator.fill(samples),
                Voice::Samples { samples: file, repeat, position } => {
                    for sample in samples {
                        *sample = file[*position];
                        *position += 1;
                        if *position == file.len() {
                            *position = 0;
                            if !*repeat {
                                ended = true;
                                break;
                            }
                        }
                    }
                }
            }
            matches!(self.voice, Voice::Tone(_))
        });
        if ended {
            self.voice = Voice::Silence;
        }
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
        if let (Voice::Echo(heard), Some(speech)) = (&mut self.voice, &self.speech) {
            let same = speech.speaker.format().codec;
            if self.ear.codec_of(header.payload_type) == Some(same) && payload.len() <= MAX_ECHO {
                if heard.len() == ECHO_DEPTH {
                    heard.pop_front();
                }
                heard.push_back(payload.to_vec());
            }
        }
        self.ear.hear_audio(header, payload);
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

fn voice_of(source: Source) -> Result<Voice, ImpossibleTone> {
    Ok(match source {
        Source::Silence => Voice::Silence,
        Source::Tone(tone) => Voice::Tone(ToneGenerator::new(&tone).ok_or(ImpossibleTone)?),
        Source::Samples { samples, .. } if samples.is_empty() => Voice::Silence,
        Source::Samples { samples, repeat } => Voice::Samples { samples, repeat, position: 0 },
        Source::Echo => Voice::Echo(VecDeque::with_capacity(ECHO_DEPTH)),
    })
}

#[derive(Debug)]
struct Ear {
    detector: ToneDetector,
    events: Following,
    digits: String,
    record: Vec<i16>,
    record_samples: usize,
    /// SSRC and the timestamp that the next packet should have.
    expected: Option<(u32, u32)>,
    /// What may be heard.
    formats: Vec<Format>,
    decoder: Option<Decoder8k>,
}

/// Any codec as samples at 8000 a second.
struct Decoder8k {
    codec: Codec,
    decoder: Box<dyn Decoder>,
    down: Option<Resampler>,
}

impl std::fmt::Debug for Decoder8k {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder8k").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl Decoder8k {
    fn new(codec: Codec) -> Option<Self> {
        let decoder = codec.decoder().ok()?;
        Some(Self { codec, decoder, down: Resampler::new(codec.sample_rate(), SAMPLE_RATE) })
    }

    fn decode(&mut self, payload: &[u8], samples: &mut [i16; ROOM]) -> usize {
        let Some(down) = &mut self.down else {
            return self.decoder.decode(payload, samples).unwrap_or(0);
        };
        let mut wide = [0; ROOM];
        let count = self.decoder.decode(payload, &mut wide).unwrap_or(0);
        down.run(&wide[..count], samples)
    }
}

impl Ear {
    fn hear_event(&mut self, header: &Header, payload: &[u8], clock_rate: u32, now: Micros) {
        let Some(event) = Event::parse(payload) else {
            return;
        };
        if self.events.take(header, event, clock_rate, now).is_some_and(|progress| progress.begins)
            && let Some(digit) = event.digit()
            && self.digits.len() < MAX_DIGITS
        {
            self.digits.push(digit);
        }
    }

    fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        self.formats.iter().find(|format| format.payload_type == payload_type).map(|format| format.codec)
    }

    fn hear_audio(&mut self, header: &Header, payload: &[u8]) {
        let Some(codec) = self.codec_of(header.payload_type) else {
            return;
        };
        let ticks_a_sample = codec.clock_rate() / SAMPLE_RATE;
        let mut gap = 0;
        if let Some((ssrc, timestamp)) = self.expected
            && ssrc == header.ssrc
        {
            let ahead = header.timestamp.wrapping_sub(timestamp);
            if ahead > u32::MAX / 2 && timestamp.wrapping_sub(header.timestamp) <= MAX_GAP {
                return; // late or a duplicate: its moment has been filled
            }
            if ahead <= MAX_GAP {
                gap = ahead / ticks_a_sample;
            }
        }
        if self.decoder.as_ref().is_none_or(|decoder| decoder.codec != codec) {
            self.decoder = Decoder8k::new(codec);
        }
        let mut samples = [0i16; ROOM];
        let count = self.decoder.as_mut().map_or(0, |decoder| decoder.decode(payload, &mut samples));
        let ticks = count as u32 * ticks_a_sample;
        self.expected = Some((header.ssrc, header.timestamp.wrapping_add(ticks)));
        self.take(&[0; STEP], gap as usize);
        self.take(&samples[..count], count);
    }

    /// Takes `count` samples from `samples`, over and over.
    fn take(&mut self, samples: &[i16], count: usize) {
        let mut left = count;
        while left > 0 {
            let piece = &samples[..left.min(samples.len())];
            self.detector.feed(piece);
            let room = self.record_samples.saturating_sub(self.record.len());
            self.record.extend_from_slice(&piece[..piece.len().min(room)]);
            left -= piece.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leg::Flow;
    use crate::payload::{Payload, PayloadMap};

    const A440: f64 = 440.0;

    fn tone() -> Source {
        Source::Tone(Tone { frequencies_hz: vec![A440], level_dbm0: -10.0, cadence_ms: None })
    }

    fn remote(pairs: &[(u8, u8)], dtmf_payload_type: Option<u8>) -> Remote {
        let payloads = pairs.iter().map(|&(from, to)| Payload { from, to, clock_rate: 8000 }).collect();
        Remote {
            dtmf_payload_type,
            ..Remote::plain("192.0.2.1:4000".parse().unwrap(), Flow::Both, PayloadMap::new(payloads).unwrap())
        }
    }

    fn in_format(codec: Codec, ptime_ms: u32) -> Remote {
        let format = Format { payload_type: 97, codec, ptime_ms };
        Remote { hears: vec![format], speaks: Some(format), ..remote(&[], None) }
    }

    fn terminal(source: Source, record_samples: usize) -> Terminal {
        let plan = TerminalPlan {
            source,
            listen_for: vec![A440, 1000.0],
            record_samples,
            seed: 0x1234_5678_9abc_def0,
        };
        let mut terminal = Terminal::new(plan, 0).unwrap();
        assert!(terminal.set_remote(&remote(&[(8, 8), (101, 96)], Some(101))));
        terminal
    }

    /// Runs `speaker` for `count` moments; the packets it sent.
    fn speech(speaker: &mut Terminal, count: u64) -> Vec<(Header, Vec<u8>)> {
        let start = speaker.next_at();
        (0..count)
            .filter_map(|n| {
                let mut packet = [0; 600];
                let length = speaker.speak(start + n * PTIME_US, &mut packet).length;
                (length > 0).then(|| (Header::parse(&packet[..length]).unwrap(), packet[..length].to_vec()))
            })
            .collect()
    }

    fn converse(speaker: &mut Terminal, listener: &mut Terminal, count: u64) {
        for (header, packet) in speech(speaker, count) {
            listener.hear(&header, &packet, (header.payload_type == 96).then_some(8000), 0);
        }
    }

    #[test]
    fn a_tone_said_is_a_tone_heard() {
        let (mut speaker, mut listener) = (terminal(tone(), 0), terminal(Source::Silence, 0));
        converse(&mut speaker, &mut listener, 50);
        let heard = listener.heard();
        assert_eq!((heard[0].duration_ms, heard[1].duration_ms), (1000, 0));
        assert!((heard[0].level_dbm0.unwrap() + 10.0).abs() < 0.5);
    }

    #[test]
    fn a_tone_is_heard_in_every_codec() {
        for codec in Codec::ALL.into_iter().filter(|codec| codec.encoder().is_ok()) {
            for ptime_ms in [20, 30, 60] {
                let (mut speaker, mut listener) = (terminal(tone(), 0), terminal(Source::Silence, 0));
                assert!(speaker.set_remote(&in_format(codec, ptime_ms)));
                assert!(listener.set_remote(&in_format(codec, ptime_ms)));
                converse(&mut speaker, &mut listener, 60);
                let heard = listener.heard()[0].duration_ms;
                assert!(heard >= 1000, "{codec:?} {ptime_ms}: {heard} ms");
            }
        }
    }

    #[test]
    fn speech_is_paced_and_in_sequence() {
        let mut speaker = terminal(Source::Silence, 0);
        assert_eq!(speaker.speak(0, &mut [0; 256]).length, HEADER_LENGTH + STEP);
        assert_eq!(speaker.speak(PTIME_US - 1, &mut [0; 256]).length, 0);
        let packets = speech(&mut speaker, 3);
        for pair in packets.windows(2) {
            assert_eq!(pair[1].0.sequence, pair[0].0.sequence.wrapping_add(1));
            assert_eq!(pair[1].0.timestamp, pair[0].0.timestamp.wrapping_add(160));
        }
        assert!(packets[0].1[HEADER_LENGTH..].iter().all(|&octet| octet == 0xd5));
    }

    #[test]
    fn moments_missed_are_skipped_not_sent_in_a_burst() {
        let mut speaker = terminal(Source::Silence, 0);
        let before = speech(&mut speaker, 1)[0].0;
        let mut packet = [0; 600];
        let late = PTIME_US * 500;
        let length = speaker.speak(late, &mut packet).length;
        let after = Header::parse(&packet[..length]).unwrap();
        assert!(speaker.next_at() + PTIME_US > late);
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert!(after.timestamp.wrapping_sub(before.timestamp) > 490 * 160);
    }

    #[test]
    fn digits_go_between_audio_and_are_heard_once() {
        let (mut speaker, mut listener) = (terminal(tone(), 0), terminal(Source::Silence, 0));
        assert_eq!(speaker.send_digits("12#", 100), Ok(true));
        converse(&mut speaker, &mut listener, 100);
        assert_eq!(listener.digits(), "12#");
        assert!(listener.heard()[0].duration_ms > 500);
    }

    #[test]
    fn a_peer_without_telephone_event_gets_no_digits() {
        let mut speaker = terminal(Source::Silence, 0);
        assert!(speaker.set_remote(&remote(&[(0, 0)], None)));
        assert_eq!(speaker.send_digits("1", 100), Ok(false));
        assert!(speech(&mut speaker, 5).iter().all(|(header, _)| header.payload_type == 0));
    }

    #[test]
    fn without_g711_it_stays_mute() {
        let mut speaker = terminal(tone(), 0);
        assert!(!speaker.set_remote(&remote(&[(18, 18)], None)));
        assert!(speech(&mut speaker, 5).is_empty());
    }

    #[test]
    fn a_file_is_played_once_or_over_and_over() {
        let samples: Arc<[i16]> = vec![8000; 400].into();
        let mut once = terminal(Source::Samples { samples: Arc::clone(&samples), repeat: false }, 0);
        let mut packet = [0; 600];
        let ends: Vec<bool> = (0..4).map(|n| once.speak(n * PTIME_US, &mut packet).ended).collect();
        assert_eq!(ends, [false, false, true, false]);
        let mut listener = terminal(Source::Silence, 10_000);
        let mut again = terminal(Source::Samples { samples, repeat: true }, 0);
        converse(&mut again, &mut listener, 10);
        let recording = listener.take_recording();
        assert_eq!(recording.len(), 1600);
        assert!(recording.iter().all(|&sample| (sample - 8000).abs() < 300));
    }

    #[test]
    fn an_echo_says_what_it_hears_and_nothing_else() {
        let (mut speaker, mut echo) = (terminal(tone(), 0), terminal(Source::Echo, 0));
        assert!(speech(&mut echo, 3).is_empty());
        let said = speech(&mut speaker, 3);
        for (header, packet) in &said {
            echo.hear(header, packet, None, 0);
        }
        let echoed = speech(&mut echo, 5);
        assert_eq!(echoed.len(), 3);
        assert!(said.iter().zip(&echoed).all(|(said, echoed)| said.1[12..] == echoed.1[12..]));
        assert_ne!(said[0].0.ssrc, 0);
        assert!(echoed[0].0.marker && !echoed[1].0.marker);
    }

    #[test]
    fn an_echo_holds_little() {
        let (mut speaker, mut echo) = (terminal(tone(), 0), terminal(Source::Echo, 0));
        converse(&mut speaker, &mut echo, 100);
        assert_eq!(speech(&mut echo, 100).len(), ECHO_DEPTH);
    }

    #[test]
    fn recording_keeps_the_time_line() {
        let mut speaker = terminal(tone(), 0);
        let mut listener = terminal(Source::Silence, 5 * STEP);
        let said = speech(&mut speaker, 8);
        for index in [0, 2, 1, 2, 3] {
            listener.hear(&said[index].0, &said[index].1, None, 0);
        }
        let recording = listener.take_recording();
        assert_eq!(recording.len(), 4 * STEP, "the late one's moment is silence, the duplicate adds nothing");
        assert!(recording[STEP..2 * STEP].iter().all(|&sample| sample == 0));
        for index in [4, 5, 6, 7] {
            listener.hear(&said[index].0, &said[index].1, None, 0);
        }
        assert_eq!(listener.take_recording().len(), 4 * STEP, "after taking, it goes on");
    }

    #[test]
    fn recording_is_bounded() {
        let (mut speaker, mut listener) = (terminal(tone(), 0), terminal(Source::Silence, 1000));
        converse(&mut speaker, &mut listener, 100);
        assert_eq!(listener.take_recording().len(), 1000);
    }

    #[test]
    fn impossible_tones_are_refused() {
        let plan = |source, listen_for| TerminalPlan { source, listen_for, record_samples: 0, seed: 1 };
        let silly = Source::Tone(Tone { frequencies_hz: vec![], level_dbm0: 0.0, cadence_ms: None });
        assert!(Terminal::new(plan(silly.clone(), vec![]), 0).is_err());
        assert!(Terminal::new(plan(Source::Echo, vec![1.0]), 0).is_err());
        assert!(terminal(Source::Silence, 0).play(silly).is_err());
    }
}
