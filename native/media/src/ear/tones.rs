//! Digits as tones in the audio of a peer whose telephone-events they become: found while they last, so that the event takes
//! the tone's place and time instead of following it.
//!
//! A tone is certain after 25 ms. A packet in which one may have begun is to be kept back until then ([`Hearing::Suspect`]), or
//! its far peer would hear the beginning beside the event. Less than 20 ms of a tone, which is no digit to anybody (ITU-T
//! Q.24), pass before it is suspected.

use trunkline_codecs::{Codec, Resampler};

use crate::Micros;
use crate::dtmf::following::GONE_US;
use crate::dtmf::tones::{Digit, DigitDetector, Sign};
use crate::dtmf::{Event, LONGEST, VOLUME};
use crate::outgoing::decoding::{Decoding, MAX_PIECE_MS, Piece};
use crate::rtp::Header;
use crate::tone::SAMPLE_RATE;

/// Samples of the longest piece of audio at 8 kHz.
const ROOM: usize = 8 * MAX_PIECE_MS;

/// A digit in the audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Where it began, in the timestamps of the audio.
    pub timestamp: u32,
    /// Which one, and how long it has lasted by now.
    pub digit: Digit,
    /// It is over.
    pub ended: bool,
}

impl Pressed {
    /// The packet of an event that takes the place of a packet of audio, of so many ticks a second: its header and what it
    /// says. One that is too long for one duration is in a later segment (RFC 4733 §2.5.1.3).
    #[must_use]
    pub fn as_event(&self, audio: &Header, clock_rate: u32) -> (Header, Event) {
        let longest = u32::from(LONGEST);
        let ticks = self.digit.duration_ms.saturating_mul(clock_rate / 1000);
        let before = ticks.saturating_sub(1) / longest * longest;
        let timestamp = self.timestamp.wrapping_add(before);
        let duration = (ticks - before) as u16;
        let event = Event { code: self.digit.code, end: self.ended, volume: VOLUME, duration };
        (Header { timestamp, marker: false, ..*audio }, event)
    }
}

/// What a packet of audio turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// Audio.
    Audio,
    /// It may be the beginning of a digit: the next packets show.
    Suspect,
    /// Digits are, or were, in it.
    Digits(Vec<Pressed>),
}

/// Listens for tones.
#[derive(Debug, Default)]
pub struct ToneEar {
    decoding: Option<Decoding>,
    down: Option<Resampler>,
    detector: DigitDetector,
    /// Where the digit that is suspected or lasts began.
    begin: u32,
    at: Micros,
}

impl ToneEar {
    /// Takes a packet of audio.
    pub fn hear(&mut self, codec: Codec, header: &Header, payload: &[u8], now: Micros) -> Hearing {
        if self.decoding.as_ref().is_none_or(|decoding| decoding.codec() != codec) {
            self.decoding = Decoding::new(codec);
            self.down = Resampler::new(codec.sample_rate(), SAMPLE_RATE);
        }
        self.at = now;
        let Self { decoding: Some(decoding), down, detector, begin, .. } = self else {
            return Hearing::Audio;
        };
        let mut pressed = Vec::new();
        let place = |at: usize| header.timestamp.wrapping_add(at as u32 * (codec.clock_rate() / SAMPLE_RATE));
        decoding.take(header, payload, &mut |piece| match piece {
            Piece::Samples(pcm, _) => {
                let mut narrow = [0; ROOM];
                let heard = match down {
                    Some(down) => {
                        let count = down.run(pcm, &mut narrow);
                        &narrow[..count]
                    }
                    None => pcm,
                };
                detector.feed(heard, &mut |sign, at| match sign {
                    Sign::Suspected => *begin = place(at),
                    Sign::Refuted => {}
                    Sign::Lasts(digit) => note(&mut pressed, *begin, digit, false),
                    Sign::Ended(digit) => note(&mut pressed, *begin, digit, true),
                });
            }
            Piece::Recoded(_) => {}
            Piece::Pause(_) | Piece::Break => {
                if let Some(digit) = detector.finish() {
                    note(&mut pressed, *begin, digit, true);
                }
            }
        });
        if let Some(digit) = detector.lasting() {
            note(&mut pressed, *begin, digit, false);
        }
        if !pressed.is_empty() {
            Hearing::Digits(pressed)
        } else if detector.suspects() {
            Hearing::Suspect
        } else {
            Hearing::Audio
        }
    }

    /// When a digit under way is over unless more audio comes.
    #[must_use]
    pub fn gone_at(&self) -> Option<Micros> {
        self.detector.lasting().map(|_| self.at + GONE_US)
    }

    /// The digit after which no audio has come for too long.
    pub fn expire(&mut self, now: Micros) -> Option<Digit> {
        if self.gone_at()? <= now { self.detector.finish() } else { None }
    }
}

fn note(pressed: &mut Vec<Pressed>, timestamp: u32, digit: Digit, ended: bool) {
    match pressed.last_mut().filter(|last| last.timestamp == timestamp) {
        Some(last) => (last.digit, last.ended) = (digit, ended),
        None => pressed.push(Pressed { timestamp, digit, ended }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::tones::sound_of;
    use crate::rtp::header;

    /// What packets of so many ms are heard as, in a codec: samples at 8 kHz.
    fn heard(codec: Codec, ptime_ms: usize, samples: &[i16]) -> Vec<Hearing> {
        let (mut ear, mut encoder) = (ToneEar::default(), codec.encoder().unwrap());
        let mut up = Resampler::new(8000, codec.sample_rate());
        let (step, mut heard) = (8 * ptime_ms, Vec::new());
        for (n, piece) in samples.chunks_exact(step).enumerate() {
            let (mut wide, mut payload) = ([0; 2000], [0; 2000]);
            let count = up.as_mut().map_or(0, |up| up.run(piece, &mut wide));
            let pcm = if up.is_some() { &wide[..count] } else { piece };
            let octets = encoder.encode(pcm, &mut payload).unwrap();
            let ticks = n as u32 * codec.clock_rate() / 1000 * ptime_ms as u32;
            heard.push(ear.hear(
                codec,
                &header(n as u16, ticks, 7),
                &payload[..octets],
                20_000 * n as Micros,
            ));
        }
        heard
    }

    fn sound(code: u8, count: usize) -> Vec<i16> {
        let mut samples = vec![0; count];
        sound_of(code).unwrap().fill(&mut samples);
        samples
    }

    #[test]
    fn a_digit_is_found_in_narrow_and_wide_audio_while_it_lasts() {
        for codec in [Codec::Pcmu, Codec::G722, Codec::G729] {
            let heard = heard(codec, 20, &[vec![0; 370], sound(9, 800), vec![0; 750]].concat());
            let pressed: Vec<Pressed> = heard
                .iter()
                .filter_map(
                    |hearing| if let Hearing::Digits(pressed) = hearing { Some(pressed) } else { None },
                )
                .flatten()
                .copied()
                .collect();
            assert!(pressed.len() >= 4, "{codec:?}");
            assert!(pressed.iter().all(|one| one.digit.code == 9 && one.timestamp == pressed[0].timestamp));
            assert_eq!(pressed.iter().map(|one| one.ended).rposition(|ended| ended), Some(pressed.len() - 1));
            assert_eq!(pressed.iter().filter(|one| one.ended).count(), 1);
            let (begin, ms) = (pressed[0].timestamp / 8, pressed.last().unwrap().digit.duration_ms);
            assert!((40..=66).contains(&begin), "{codec:?} at {begin} ms");
            assert!((80..=110).contains(&ms), "{codec:?}: {ms} ms");
            assert_eq!(heard[..2], [Hearing::Audio, Hearing::Audio]);
            assert_eq!(heard.last(), Some(&Hearing::Audio));
        }
    }

    #[test]
    fn less_than_20_ms_of_a_tone_pass() {
        for ptime_ms in [10, 20, 30] {
            for silence in (400..560).step_by(7) {
                let heard =
                    heard(Codec::Pcma, ptime_ms, &[vec![0; silence], sound(3, 480), vec![0; 800]].concat());
                let passed = heard.iter().take_while(|hearing| **hearing == Hearing::Audio).count();
                let leaked = (passed * 8 * ptime_ms).saturating_sub(silence);
                assert!(leaked <= 160, "{leaked} samples of packets of {ptime_ms} ms");
            }
        }
    }

    #[test]
    fn two_digits_in_one_packet_are_two() {
        let samples = [vec![0; 160], sound(1, 640), vec![0; 400], sound(1, 480), vec![0; 240]].concat();
        let heard = heard(Codec::Pcmu, 240, &samples);
        let Hearing::Digits(pressed) = &heard[0] else { panic!("{heard:?}") };
        assert_eq!(pressed.iter().map(|one| (one.digit.code, one.ended)).collect::<Vec<_>>(), [(1, true); 2]);
        assert!((108..=211).contains(&pressed[0].timestamp), "{}", pressed[0].timestamp);
        assert!((1149..=1251).contains(&pressed[1].timestamp), "{}", pressed[1].timestamp);
    }

    #[test]
    fn a_tone_that_the_stream_ends_with_is_over_in_time() {
        let mut ear = ToneEar::default();
        let mut encoder = Codec::Pcmu.encoder().unwrap();
        let mut payload = [0; 160];
        for (n, piece) in sound(4, 640).chunks(160).enumerate() {
            encoder.encode(piece, &mut payload).unwrap();
            ear.hear(Codec::Pcmu, &header(n as u16, 160 * n as u32, 7), &payload, 0);
        }
        let gone_at = ear.gone_at().unwrap();
        assert_eq!(ear.expire(gone_at - 1), None);
        assert_eq!(ear.expire(gone_at).map(|digit| digit.code), Some(4));
        assert_eq!((ear.expire(gone_at), ear.gone_at()), (None, None));
    }

    #[test]
    fn a_long_tone_is_an_event_in_segments() {
        let at = |duration_ms| {
            let pressed = Pressed { timestamp: 100, digit: Digit { code: 1, duration_ms }, ended: true };
            let (header, event) = pressed.as_event(&header(5, 90_000, 7), 8000);
            (header.sequence, header.timestamp, event.duration, event.end)
        };
        assert_eq!(at(100), (5, 100, 800, true));
        assert_eq!(at(10_000), (5, 100 + 0xffff, (80_000u32 - 0xffff) as u16, true));
    }
}
