//! Telephone-events of the far leg, made anew for a peer that numbers or clocks them otherwise, or takes none.
//!
//! An event keeps its beginning in the stream that it travels in, its duration in time, and its marker; its end is sent three
//! times by us, however often it came (RFC 4733 §2.5.1.4), also when the packets of its end were all lost.

use crate::Micros;
use crate::dtmf::tones::sound_of;
use crate::dtmf::{END_PACKETS, Event};
use crate::rtp::Header;
use crate::tone::{SAMPLE_RATE, ToneGenerator};

/// An event of which nothing came for so long is over.
const GONE_US: Micros = 200_000;

/// The longest duration that a packet can tell, in ticks.
const LONGEST: u32 = 0xffff;

/// One event on its way.
#[derive(Clone, Debug)]
struct Current {
    ssrc: u32,
    timestamp: u32,
    /// As the peer is told.
    sent_timestamp: u32,
    event: Event,
    at: Micros,
    ended: bool,
}

/// What to send of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// How many packets.
    pub packets: u8,
    /// The first of the event.
    pub begins: bool,
    /// Its timestamp.
    pub timestamp: u32,
    /// Its payload.
    pub event: Event,
}

/// The events of one stream, for a peer that takes them.
#[derive(Clone, Debug, Default)]
pub struct EventRelay(Option<Current>);

impl EventRelay {
    /// True while an event is under way: its time is not the audio's.
    #[must_use]
    pub fn is_busy(&self, now: Micros) -> bool {
        self.0.as_ref().is_some_and(|current| !current.ended && now.saturating_sub(current.at) < GONE_US)
    }

    /// The end of an event whose own end never came.
    pub fn finish(&mut self) -> Option<Due> {
        let current = self.0.as_mut().filter(|current| !current.ended)?;
        current.ended = true;
        let event = Event { end: true, ..current.event };
        Some(Due { packets: END_PACKETS, begins: false, timestamp: current.sent_timestamp, event })
    }

    /// True when a packet begins another event than the last one.
    #[must_use]
    pub fn is_new(&self, header: &Header) -> bool {
        self.0.as_ref().is_none_or(|current| {
            current.ssrc != header.ssrc || (header.timestamp.wrapping_sub(current.timestamp) as i32) > 0
        })
    }

    /// True when a packet carries the last event on, which became too long for one duration (RFC 4733 §2.5.1.3).
    #[must_use]
    pub fn is_next_segment(&self, header: &Header, event: Event) -> bool {
        self.0.as_ref().is_some_and(|current| {
            !current.ended
                && !header.marker
                && current.ssrc == header.ssrc
                && current.event.code == event.code
                && header.timestamp.wrapping_sub(current.timestamp) == LONGEST
        })
    }

    /// Takes a packet; `sent_timestamp` is where an event that begins now stands in the peer's stream, `clocks` the ticks a
    /// second of the event as it came and as it goes.
    pub fn take(
        &mut self,
        header: &Header,
        event: Event,
        sent_timestamp: u32,
        clocks: (u32, u32),
        now: Micros,
    ) -> Option<Due> {
        let duration = u64::from(event.duration) * u64::from(clocks.1) / u64::from(clocks.0.max(1));
        let event = Event { duration: duration.min(0xffff) as u16, ..event };
        let begins = self.is_new(header);
        if begins {
            let (ssrc, timestamp) = (header.ssrc, header.timestamp);
            self.0 = Some(Current { ssrc, timestamp, sent_timestamp, event, at: now, ended: false });
        }
        let current = self.0.as_mut()?;
        let stale = current.ended || current.timestamp != header.timestamp;
        if stale || !event.end && !begins && event.duration < current.event.duration {
            return None;
        }
        (current.event, current.at, current.ended) = (event, now, event.end);
        let packets = if event.end { END_PACKETS } else { 1 };
        Some(Due { packets, begins, timestamp: current.sent_timestamp, event })
    }
}

/// The events of one stream, for a peer that takes none: as sound.
#[derive(Debug, Default)]
pub struct EventSounds {
    relay: EventRelay,
    generator: Option<ToneGenerator>,
    /// Samples of the event that were made.
    made: u32,
}

/// The most that is made up at once: an event can't grow by more between two of its packets.
const MOST: u32 = SAMPLE_RATE / 4;

impl EventSounds {
    /// True while an event is under way.
    #[must_use]
    pub fn is_busy(&self, now: Micros) -> bool {
        self.relay.is_busy(now)
    }

    /// Takes a packet; hands out the samples, at 8000 a second, by which its event has grown.
    pub fn take(
        &mut self,
        header: &Header,
        event: Event,
        clock_rate: u32,
        now: Micros,
        out: &mut dyn FnMut(&[i16]),
    ) {
        let Some(due) = self.relay.take(header, event, 0, (clock_rate, SAMPLE_RATE), now) else {
            return;
        };
        if due.begins {
            (self.generator, self.made) = (sound_of(event.code), 0);
        }
        let Some(generator) = &mut self.generator else {
            return;
        };
        let mut missing = u32::from(due.event.duration).saturating_sub(self.made).min(MOST);
        self.made += missing;
        let mut pcm = [0; super::speech::STEP];
        while missing > 0 {
            let count = missing.min(pcm.len() as u32);
            generator.fill(&mut pcm[..count as usize]);
            out(&pcm[..count as usize]);
            missing -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::write_header;

    fn header(sequence: u16, timestamp: u32) -> Header {
        let mut packet = [0; 12];
        write_header(&mut packet, false, 101, sequence, timestamp, 7);
        Header::parse(&packet).unwrap()
    }

    const fn event(duration: u16, end: bool) -> Event {
        Event { code: 5, end, volume: 10, duration }
    }

    #[test]
    fn an_event_is_rescaled_and_ends_three_times_by_us() {
        let mut relay = EventRelay::default();
        let take = |relay: &mut EventRelay, n: u16, duration, end| {
            relay.take(&header(n, 800), event(duration, end), 16_000, (8000, 16_000), 0)
        };
        let first = take(&mut relay, 1, 160, false).unwrap();
        assert_eq!(
            (first.packets, first.begins, first.timestamp, first.event.duration),
            (1, true, 16_000, 320)
        );
        let last = take(&mut relay, 2, 800, true).unwrap();
        assert_eq!((last.packets, last.begins, last.event.duration), (3, false, 1600));
        assert_eq!(take(&mut relay, 3, 800, true), None, "the end came again");
        assert_eq!(take(&mut relay, 4, 160, false), None, "a latecomer");
        assert_eq!(relay.finish(), None);
    }

    #[test]
    fn an_event_without_its_end_is_finished() {
        let mut relay = EventRelay::default();
        relay.take(&header(1, 800), event(160, false), 0, (8000, 8000), 0);
        relay.take(&header(2, 800), event(480, false), 0, (8000, 8000), 40_000);
        assert!(relay.is_busy(100_000));
        assert!(!relay.is_busy(300_000));
        let end = relay.finish().unwrap();
        assert_eq!((end.packets, end.event.end, end.event.duration), (3, true, 480));
        assert_eq!(relay.finish(), None);
    }

    #[test]
    fn an_event_of_which_only_an_end_came_is_whole() {
        let mut relay = EventRelay::default();
        let due = relay.take(&header(9, 800), event(800, true), 5, (8000, 8000), 0).unwrap();
        assert_eq!((due.packets, due.begins, due.event.duration), (3, true, 800));
    }

    #[test]
    fn as_sound_it_lasts_as_long_whatever_was_lost() {
        let mut sounds = EventSounds::default();
        let mut made = 0;
        for (n, duration, end) in [(1, 160, false), (4, 640, false), (5, 800, true), (6, 800, true)] {
            sounds.take(&header(n, 800), event(duration, end), 8000, 0, &mut |pcm| made += pcm.len());
        }
        assert_eq!(made, 800);
        sounds.take(&header(7, 9000), event(0xffff, false), 8000, 0, &mut |pcm| made += pcm.len());
        assert_eq!(made, 800 + MOST as usize, "a lie about the duration is bounded");
    }

    #[test]
    fn what_is_no_digit_has_no_sound() {
        let mut sounds = EventSounds::default();
        let flash = Event { code: 16, ..event(800, true) };
        sounds.take(&header(1, 0), flash, 8000, 0, &mut |_| panic!("heard"));
    }
}
