//! A far end that is not a leg: a source that speaks every 20 ms and a sink that listens.
//!
//! The simulated carrier, the test telephone and announcements are made of it. G.711 only. Pacing: the engine calls
//! [`Terminal::speak`] when [`Terminal::next_at`] has come. Digits (RFC 4733) take the place of audio while they last.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::Micros;
use crate::dtmf::{DigitPlayer, Event, EventCounter, NotADigit};
use crate::g711::Law;
use crate::payload::PayloadMap;
use crate::rtp::{HEADER_LENGTH, Header, write_header};
use crate::tone::{Heard, SAMPLE_RATE, Tone, ToneDetector, ToneGenerator};

/// One packet's time.
pub const PTIME_US: Micros = 20_000;
/// Samples in it, and its step in timestamps.
const STEP: usize = 160;
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

#[derive(Clone, Copy, Debug)]
struct Speech {
    law: Law,
    payload_type: u8,
    dtmf_payload_type: Option<u8>,
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
                events: EventCounter::default(),
                digits: String::new(),
                record: Vec::new(),
                record_samples: plan.record_samples,
                expected: None,
            },
        })
    }

    /// Chooses the codec: the peer's first payload type that is G.711, and its telephone-event. False when there is no
    /// G.711; then it stays mute.
    pub fn set_payloads(&mut self, payloads: &PayloadMap, dtmf_payload_type: Option<u8>) -> bool {
        let dtmf = dtmf_payload_type.and_then(|from| payloads.get(from)).map(|payload| payload.to);
        self.speech = payloads.iter().find_map(|payload| {
            let law = Law::of_payload_type(payload.to)?;
            Some(Speech { law, payload_type: payload.to, dtmf_payload_type: dtmf })
        });
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
        if self.speech.is_none_or(|speech| speech.dtmf_payload_type.is_none()) {
            return Ok(false);
        }
        self.digits.queue(digits, duration_ms, SAMPLE_RATE)?;
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
            self.timestamp = self.timestamp.wrapping_add(missed as u32 * STEP as u32);
        }
        let Some(speech) = self.speech else {
            return Spoken::default();
        };
        let spoken = self.speak_as(speech, packet);
        self.timestamp = self.timestamp.wrapping_add(STEP as u32);
        if spoken.length > 0 {
            self.sequence = self.sequence.wrapping_add(1);
        }
        spoken
    }

    fn speak_as(&mut self, speech: Speech, packet: &mut [u8]) -> Spoken {
        if let Some(payload_type) = speech.dtmf_payload_type
            && let Some(length) = self.digits.next_packet(
                packet,
                payload_type,
                self.sequence,
                self.timestamp,
                self.ssrc,
                STEP as u32,
            )
        {
            return Spoken { length, ended: self.digits.is_idle() };
        }
        let payload = &mut packet[HEADER_LENGTH..HEADER_LENGTH + STEP];
        let mut samples = [0i16; STEP];
        let mut ended = false;
        let mut count = STEP;
        match &mut self.voice {
            Voice::Silence => {}
            Voice::Tone(generator) => generator.fill(&mut samples),
            Voice::Samples { samples: file, repeat, position } => {
                for sample in &mut samples {
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
            Voice::Echo(heard) => match heard.pop_front() {
                Some(octets) => {
                    count = octets.len().min(STEP);
                    payload[..count].copy_from_slice(&octets[..count]);
                }
                None => {
                    self.talking = false;
                    return Spoken::default();
                }
            },
        }
        if !matches!(self.voice, Voice::Echo(_)) {
            speech.law.encode(&samples, payload);
        }
        if ended {
            self.voice = Voice::Silence;
        }
        let marker = !std::mem::replace(&mut self.talking, true);
        write_header(packet, marker, speech.payload_type, self.sequence, self.timestamp, self.ssrc);
        Spoken { length: HEADER_LENGTH + count, ended }
    }

    /// Listens to a packet of the peer that the leg has believed.
    pub fn hear(&mut self, header: &Header, packet: &[u8], is_event: bool) {
        let payload = &packet[header.payload_start..header.payload_end];
        if is_event {
            self.ear.hear_event(header, payload);
            return;
        }
        let Some(law) = Law::of_payload_type(header.payload_type) else {
            return;
        };
        if let Voice::Echo(heard) = &mut self.voice {
            let same_law = self.speech.is_some_and(|speech| speech.law == law);
            if same_law && payload.len() <= STEP {
                if heard.len() == ECHO_DEPTH {
                    heard.pop_front();
                }
                heard.push_back(payload.to_vec());
            }
        }
        self.ear.hear_audio(header, payload, law);
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
    events: EventCounter,
    digits: String,
    record: Vec<i16>,
    record_samples: usize,
    /// SSRC and the timestamp that the next packet should have.
    expected: Option<(u32, u32)>,
}

impl Ear {
    fn hear_event(&mut self, header: &Header, payload: &[u8]) {
        let Some(event) = Event::parse(payload) else {
            return;
        };
        if self.events.note(header)
            && let Some(digit) = event.digit()
            && self.digits.len() < MAX_DIGITS
        {
            self.digits.push(digit);
        }
    }

    fn hear_audio(&mut self, header: &Header, payload: &[u8], law: Law) {
        let mut gap = 0;
        if let Some((ssrc, timestamp)) = self.expected
            && ssrc == header.ssrc
        {
            let ahead = header.timestamp.wrapping_sub(timestamp);
            if ahead > u32::MAX / 2 && timestamp.wrapping_sub(header.timestamp) <= MAX_GAP {
                return; // late or a duplicate: its moment has been filled
            }
            if ahead <= MAX_GAP {
                gap = ahead;
            }
        }
        let mut samples = [0i16; crate::rtp::MAX_PACKET];
        let count = law.decode(payload, &mut samples);
        self.expected = Some((header.ssrc, header.timestamp.wrapping_add(count as u32)));
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
    use crate::payload::Payload;

    const A440: f64 = 440.0;

    fn tone() -> Source {
        Source::Tone(Tone { frequencies_hz: vec![A440], level_dbm0: -10.0, cadence_ms: None })
    }

    fn map(pairs: &[(u8, u8)]) -> PayloadMap {
        PayloadMap::new(pairs.iter().map(|&(from, to)| Payload { from, to, clock_rate: 8000 }).collect())
            .unwrap()
    }

    fn terminal(source: Source, record_samples: usize) -> Terminal {
        let plan = TerminalPlan {
            source,
            listen_for: vec![A440, 1000.0],
            record_samples,
            seed: 0x1234_5678_9abc_def0,
        };
        let mut terminal = Terminal::new(plan, 0).unwrap();
        assert!(terminal.set_payloads(&map(&[(8, 8), (101, 96)]), Some(101)));
        terminal
    }

    /// Runs `speaker` for `count` moments; the packets it sent.
    fn speech(speaker: &mut Terminal, count: u64) -> Vec<(Header, Vec<u8>)> {
        let start = speaker.next_at();
        (0..count)
            .filter_map(|n| {
                let mut packet = [0; 256];
                let length = speaker.speak(start + n * PTIME_US, &mut packet).length;
                (length > 0).then(|| (Header::parse(&packet[..length]).unwrap(), packet[..length].to_vec()))
            })
            .collect()
    }

    fn converse(speaker: &mut Terminal, listener: &mut Terminal, count: u64) {
        for (header, packet) in speech(speaker, count) {
            listener.hear(&header, &packet, header.payload_type == 96);
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
        let mut packet = [0; 256];
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
        assert!(speaker.set_payloads(&map(&[(0, 0)]), None));
        assert_eq!(speaker.send_digits("1", 100), Ok(false));
        assert!(speech(&mut speaker, 5).iter().all(|(header, _)| header.payload_type == 0));
    }

    #[test]
    fn without_g711_it_stays_mute() {
        let mut speaker = terminal(tone(), 0);
        assert!(!speaker.set_payloads(&map(&[(18, 18)]), None));
        assert!(speech(&mut speaker, 5).is_empty());
    }

    #[test]
    fn a_file_is_played_once_or_over_and_over() {
        let samples: Arc<[i16]> = vec![8000; 400].into();
        let mut once = terminal(Source::Samples { samples: Arc::clone(&samples), repeat: false }, 0);
        let mut packet = [0; 256];
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
            echo.hear(header, packet, false);
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
            listener.hear(&said[index].0, &said[index].1, false);
        }
        let recording = listener.take_recording();
        assert_eq!(recording.len(), 4 * STEP, "the late one's moment is silence, the duplicate adds nothing");
        assert!(recording[STEP..2 * STEP].iter().all(|&sample| sample == 0));
        for index in [4, 5, 6, 7] {
            listener.hear(&said[index].0, &said[index].1, false);
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
