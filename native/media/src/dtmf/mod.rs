//! telephone-event (RFC 4733): reading events, counting them, spelling them, and playing digits.
//!
//! Only the sixteen DTMF events (§3.2) have a character; others are counted and not spelled. A relay leg counts and never
//! keeps digits: they may be a customer's PIN.
//!
//! * [`following`]: what the packets of a stream's events come to; [`tones`]: digits as sound.

pub mod following;
pub mod tones;

use std::collections::VecDeque;

#[cfg(test)]
use crate::rtp::Header;
use crate::rtp::{HEADER_LENGTH, write_header};

/// RTP payload octets of one event (§2.3).
pub const EVENT_LENGTH: usize = 4;

const DIGITS: &[u8; 16] = b"0123456789*#ABCD";
/// Power of the digits we play, in −dBm0 (§2.3.4).
pub(crate) const VOLUME: u8 = 10;
/// An event's last packet is sent three times in all (§2.5.1.4).
pub(crate) const END_PACKETS: u8 = 3;
/// Silence between two digits, in packets.
const GAP_PACKETS: u8 = 4;
/// Duration limits of a played digit: shorter is not recognised everywhere, longer is no key press that a SIP INFO tells of.
const MIN_MS: u32 = 40;
const MAX_MS: u32 = 8000;
/// The longest duration that one packet tells; a longer event goes on in another segment (§2.5.1.3).
pub(crate) const LONGEST: u16 = 0xffff;

/// The payload of one telephone-event packet (§2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Event code, 0–255; 0–15 are DTMF.
    pub code: u8,
    /// The E bit: the event is over.
    pub end: bool,
    /// Power in −dBm0, 0–63.
    pub volume: u8,
    /// In timestamp units since the packet's timestamp.
    pub duration: u16,
}

impl Event {
    /// Reads the first event of a payload; `None` when it is too short.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [code, flags, high, low] = *payload.first_chunk()?;
        Some(Self {
            code,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The payload's octets.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; EVENT_LENGTH] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, (self.end as u8) << 7 | (self.volume & 0x3f), high, low]
    }

    /// `0`–`9`, `*`, `#`, `A`–`D`, or `None` for an event that is no DTMF digit.
    #[must_use]
    pub fn digit(self) -> Option<char> {
        DIGITS.get(usize::from(self.code)).map(|&digit| char::from(digit))
    }
}

/// A digit that can't be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotADigit(pub char);

#[derive(Clone, Copy, Debug)]
struct Playing {
    code: u8,
    /// Of the segment.
    timestamp: u32,
    /// Timestamp units of the segments before, and of all.
    before: u32,
    elapsed: u32,
    ends_sent: u8,
}

/// Plays digits one after the other in the place of audio packets.
#[derive(Clone, Debug, Default)]
pub struct DigitPlayer {
    waiting: VecDeque<(u8, u32)>,
    playing: Option<(Playing, u32)>,
    gap: u8,
}

impl DigitPlayer {
    /// Queues `digits`, each `duration_ms` long (held within 40–8000) on a clock of `clock_rate` Hz. Nothing is queued when
    /// one of them is no digit.
    ///
    /// # Errors
    /// The first character that is no DTMF digit (`0`–`9 * # A`–`D`, either case).
    pub fn queue(&mut self, digits: &str, duration_ms: u32, clock_rate: u32) -> Result<(), NotADigit> {
        let duration = duration_ms.clamp(MIN_MS, MAX_MS) * (clock_rate / 1000);
        let codes: Vec<u8> = digits.chars().map(code_of).collect::<Result<_, _>>()?;
        self.waiting.extend(codes.into_iter().map(|code| (code, duration)));
        Ok(())
    }

    /// True when nothing is being played or waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.playing.is_none() && self.waiting.is_empty()
    }

    /// True in the middle of an event.
    #[must_use]
    pub const fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Writes the packet due at `timestamp`, `step` timestamp units after the last one; its length, or `None` when this
    /// moment belongs to the audio.
    pub fn next_packet(
        &mut self,
        packet: &mut [u8],
        payload_type: u8,
        sequence: u16,
        timestamp: u32,
        ssrc: u32,
        step: u32,
    ) -> Option<usize> {
        if self.playing.is_none() {
            if self.gap > 0 {
                self.gap -= 1;
                return None;
            }
            let (code, duration) = self.waiting.pop_front()?;
            self.playing = Some((Playing { code, timestamp, before: 0, elapsed: 0, ends_sent: 0 }, duration));
        }
        let (playing, total) = self.playing.as_mut()?;
        let first = playing.elapsed == 0;
        if playing.ends_sent == 0 {
            playing.elapsed = (playing.elapsed + step).min(*total);
        }
        let of_segment = playing.elapsed - playing.before;
        let is_whole = of_segment > u32::from(LONGEST);
        let duration = if is_whole { LONGEST } else { of_segment as u16 };
        let end = playing.elapsed >= *total && !is_whole;
        playing.ends_sent += u8::from(end);
        let event = Event { code: playing.code, end, volume: VOLUME, duration };
        write_header(packet, first, payload_type, sequence, playing.timestamp, ssrc);
        packet[HEADER_LENGTH..HEADER_LENGTH + EVENT_LENGTH].copy_from_slice(&event.to_bytes());
        if is_whole {
            playing.before += u32::from(LONGEST);
            playing.timestamp = playing.timestamp.wrapping_add(LONGEST.into());
        }
        if playing.ends_sent == END_PACKETS {
            self.playing = None;
            self.gap = GAP_PACKETS;
        }
        Some(HEADER_LENGTH + EVENT_LENGTH)
    }
}

/// The event code of a digit.
pub(crate) fn code_of(digit: char) -> Result<u8, NotADigit> {
    let upper = digit.to_ascii_uppercase();
    DIGITS.iter().position(|&known| char::from(known) == upper).map(|code| code as u8).ok_or(NotADigit(digit))
}

/// The digits that packets of one stream spell.
#[cfg(test)]
pub(crate) fn spelled(packets: impl IntoIterator<Item = (Header, Event)>) -> String {
    let mut following = following::Following::default();
    packets
        .into_iter()
        .filter(|&(ref header, event)| {
            following.take(header, event, 8000, 0).is_some_and(|progress| progress.begins)
        })
        .filter_map(|(_, event)| event.digit())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays until idle; `None` stands for a moment left to audio.
    fn played(digits: &str, duration_ms: u32) -> Vec<Option<(Header, Event)>> {
        let mut player = DigitPlayer::default();
        player.queue(digits, duration_ms, 8000).unwrap();
        let mut packets = Vec::new();
        for n in 0..200u16 {
            if player.is_idle() {
                break;
            }
            let mut bytes = [0; 64];
            let length = player.next_packet(&mut bytes, 101, n, 1000 + u32::from(n) * 160, 7, 160);
            packets.push(length.map(|length| {
                let header = Header::parse(&bytes[..length]).unwrap();
                (header, Event::parse(&bytes[header.payload_start..length]).unwrap())
            }));
        }
        packets
    }

    #[test]
    fn an_event_reads_as_it_was_written() {
        let event = Event { code: 11, end: true, volume: 10, duration: 800 };
        assert_eq!(event.to_bytes(), [11, 0x8a, 3, 0x20]);
        assert_eq!(Event::parse(&event.to_bytes()), Some(event));
        assert_eq!(event.digit(), Some('#'));
        assert_eq!(Event { code: 16, ..event }.digit(), None);
        assert_eq!(Event::parse(&[1, 2, 3]), None);
    }

    #[test]
    fn a_digit_is_marked_once_grows_and_ends_three_times() {
        let packets: Vec<_> = played("5", 100).into_iter().flatten().collect();
        let durations: Vec<u16> = packets.iter().map(|(_, event)| event.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        let ends: Vec<bool> = packets.iter().map(|(_, event)| event.end).collect();
        assert_eq!(ends, [false, false, false, false, true, true, true]);
        let marks: Vec<bool> = packets.iter().map(|(header, _)| header.marker).collect();
        assert_eq!(marks, [true, false, false, false, false, false, false]);
        assert!(packets.iter().all(|(header, event)| header.timestamp == 1000 && event.code == 5));
        assert!(packets.iter().enumerate().all(|(n, (header, _))| header.sequence == n as u16));
    }

    #[test]
    fn digits_are_apart_and_have_their_own_timestamps() {
        let packets = played("1#d", 60);
        assert_eq!(spelled(packets.iter().flatten().copied()), "1#D");
        assert_eq!(packets.iter().filter(|packet| packet.is_none()).count(), 2 * usize::from(GAP_PACKETS));
    }

    #[test]
    fn repeated_and_late_packets_begin_no_event() {
        let packets: Vec<_> = played("77", 60).into_iter().flatten().collect();
        let twice = packets.iter().flat_map(|&packet| [packet, packet]).chain([packets[0]]);
        assert_eq!(spelled(twice), "77");
    }

    #[test]
    fn what_is_too_long_for_one_duration_goes_on_in_another_segment() {
        let mut player = DigitPlayer::default();
        player.queue("5", 8000, 16_000).unwrap();
        let mut packets = Vec::new();
        while !player.is_idle() {
            let (mut bytes, n) = ([0; 16], packets.len() as u16);
            let length = player.next_packet(&mut bytes, 101, n, u32::from(n) * 320, 7, 320).unwrap();
            let header = Header::parse(&bytes[..length]).unwrap();
            packets.push((header, Event::parse(&bytes[header.payload_start..length]).unwrap()));
        }
        let longest = u32::from(LONGEST);
        let whole: Vec<_> = packets.iter().filter(|(_, event)| event.duration == LONGEST).collect();
        assert_eq!(
            whole.iter().map(|(header, event)| (header.timestamp, event.end)).collect::<Vec<_>>(),
            [(0, false)]
        );
        let (last, end) = packets.last().unwrap();
        assert_eq!((last.timestamp, end.end, u32::from(end.duration)), (longest, true, 128_000 - longest));
        assert_eq!(packets.iter().filter(|(header, _)| header.marker).count(), 1);
        assert_eq!(packets.iter().filter(|(_, event)| event.end).count(), usize::from(END_PACKETS));
        assert_eq!(spelled(packets), "5");
    }

    #[test]
    fn what_is_no_digit_is_refused_whole() {
        let mut player = DigitPlayer::default();
        assert_eq!(player.queue("12x", 100, 8000), Err(NotADigit('x')));
        assert!(player.is_idle());
    }

    #[test]
    fn durations_are_held_within_limits() {
        assert_eq!(played("1", 0).into_iter().flatten().next_back().unwrap().1.duration, 320);
        let mut player = DigitPlayer::default();
        player.queue("1", u32::MAX, 8000).unwrap();
        player.queue("2", u32::MAX, 16_000).unwrap();
        assert_eq!(player.waiting, [(1, 64_000), (2, 128_000)]);
    }
}
