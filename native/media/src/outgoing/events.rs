//! Telephone-events of the far leg, made anew for a peer that numbers or clocks them otherwise, or takes none.
//!
//! An event keeps its beginning in the stream that it travels in, its duration in time, and its marker; its end is sent three
//! times by us, however often it came (RFC 4733 §2.5.1.4), also when the packets of its end were all lost. One that lasts
//! longer than the peer's clock can tell in one duration is told in segments of the peer's (§2.5.1.3), whatever the segments
//! were in which it came.

use crate::Micros;
use crate::dtmf::following::{Following, Progress};
use crate::dtmf::tones::sound_of;
use crate::dtmf::{END_PACKETS, Event, LONGEST};
use crate::rtp::Header;
use crate::tone::{SAMPLE_RATE, ToneGenerator};

/// Ticks of a segment.
const SEGMENT: u64 = LONGEST as u64;
/// The most segments that one packet may carry an event on by: clocks differ by less.
const MOST_SEGMENTS: u64 = 4;

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

/// What to send of an event after a packet of it: the last word on each segment that it has left, and how far it is.
#[derive(Clone, Debug)]
pub struct Dues {
    progress: Progress,
    /// Where the event begins in the peer's stream.
    begin: u32,
    /// Ticks of the peer's that it has been told.
    told: u64,
    /// Ticks of the peer's that it has lasted.
    ticks: u64,
    is_through: bool,
}

impl Iterator for Dues {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        if self.is_through {
            return None;
        }
        let segment = segment_of(self.told);
        let until = (segment + 1) * SEGMENT;
        if segment < segment_of(self.ticks) {
            let was_told = self.told == until;
            // What is told next belongs to the next segment.
            self.told = until + 1;
            return if was_told { self.next() } else { Some(self.due(segment, until, false, END_PACKETS)) };
        }
        self.is_through = true;
        let packets = if self.progress.ends { END_PACKETS } else { 1 };
        Some(self.due(segment, self.ticks, self.progress.ends, packets))
    }
}

impl Dues {
    fn due(&mut self, segment: u64, ticks: u64, end: bool, packets: u8) -> Due {
        let Progress { code, volume, .. } = self.progress;
        let before = segment * SEGMENT;
        Due {
            packets,
            begins: std::mem::take(&mut self.progress.begins),
            timestamp: self.begin.wrapping_add(before as u32),
            event: Event { code, end, volume, duration: (ticks - before) as u16 },
        }
    }
}

/// The segment in which an event is that has lasted so long. A whole one is in its own, not in the next.
const fn segment_of(ticks: u64) -> u64 {
    ticks.saturating_sub(1) / SEGMENT
}

/// The events of one stream, for a peer that takes them.
#[derive(Clone, Debug, Default)]
pub struct EventRelay {
    following: Following,
    /// Where the event begins in the peer's stream.
    begin: u32,
    /// Ticks of the peer's that it has been told.
    told: u64,
}

impl EventRelay {
    /// [`Following::begins`].
    #[must_use]
    pub fn begins(&self, header: &Header, event: Event, now: Micros) -> bool {
        self.following.begins(header, event, now)
    }

    /// [`Following::covers`].
    pub fn covers(&mut self, header: &Header, clock_rate: u32, now: Micros) -> bool {
        self.following.covers(header, clock_rate, now)
    }

    /// [`Following::gone_at`].
    #[must_use]
    pub fn gone_at(&self) -> Option<Micros> {
        self.following.gone_at()
    }

    /// The end of an event whose own end never came.
    pub fn finish(&mut self) -> Option<Dues> {
        let progress = self.following.finish()?;
        Some(self.end(progress))
    }

    /// The end of an event of which nothing has come for too long.
    pub fn expire(&mut self, now: Micros) -> Option<Dues> {
        let progress = self.following.expire(now)?;
        Some(self.end(progress))
    }

    const fn end(&self, progress: Progress) -> Dues {
        Dues { progress, begin: self.begin, told: self.told, ticks: self.told, is_through: false }
    }

    /// Takes a packet; `begin` is where an event that begins now stands in the peer's stream, `clocks` the ticks a second of
    /// the event as it came and as it goes.
    pub fn take(
        &mut self,
        header: &Header,
        event: Event,
        begin: u32,
        clocks: (u32, u32),
        now: Micros,
    ) -> Option<Dues> {
        let progress = self.following.take(header, event, clocks.0, now)?;
        if progress.begins {
            (self.begin, self.told) = (begin, 0);
        }
        let ticks = progress.ticks_at(clocks.1).clamp(self.told, self.told + MOST_SEGMENTS * SEGMENT);
        let told = std::mem::replace(&mut self.told, ticks);
        Some(Dues { progress, begin: self.begin, told, ticks, is_through: false })
    }
}

/// The events of one stream, for a peer that takes none: as sound.
#[derive(Debug, Default)]
pub struct EventSounds {
    following: Following,
    generator: Option<ToneGenerator>,
    /// Samples of the event that were made.
    made: u64,
}

/// The most that is made up at once: an event can't grow by more between two of its packets.
const MOST: u64 = SAMPLE_RATE as u64 / 4;

impl EventSounds {
    /// [`Following::begins`].
    #[must_use]
    pub fn begins(&self, header: &Header, event: Event, now: Micros) -> bool {
        self.following.begins(header, event, now)
    }

    /// [`Following::covers`].
    pub fn covers(&mut self, header: &Header, clock_rate: u32, now: Micros) -> bool {
        self.following.covers(header, clock_rate, now)
    }

    /// [`Following::gone_at`].
    #[must_use]
    pub fn gone_at(&self) -> Option<Micros> {
        self.following.gone_at()
    }

    /// Ends the sound of an event whose own end never came.
    pub fn finish(&mut self) {
        self.following.finish();
    }

    /// [`Following::expire`]: true when a sound ended.
    pub fn expire(&mut self, now: Micros) -> bool {
        self.following.expire(now).is_some()
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
        let Some(progress) = self.following.take(header, event, clock_rate, now) else {
            return;
        };
        if progress.begins {
            (self.generator, self.made) = (sound_of(event.code), 0);
        }
        let Some(generator) = &mut self.generator else {
            return;
        };
        let mut missing = progress.ticks_at(SAMPLE_RATE).saturating_sub(self.made).min(MOST) as usize;
        self.made += missing as u64;
        let mut pcm = [0; super::speech::STEP];
        while missing > 0 {
            let count = missing.min(pcm.len());
            generator.fill(&mut pcm[..count]);
            out(&pcm[..count]);
            missing -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::header;

    const fn event(duration: u16, end: bool) -> Event {
        Event { code: 5, end, volume: 10, duration }
    }

    #[test]
    fn an_event_is_rescaled_and_ends_three_times_by_us() {
        let mut relay = EventRelay::default();
        let take = |relay: &mut EventRelay, n: u16, duration, end| {
            let mut dues = relay.take(&header(n, 800, 7), event(duration, end), 16_000, (8000, 16_000), 0)?;
            let due = dues.next();
            assert_eq!(dues.next(), None);
            due
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
        assert!(relay.finish().is_none());
    }

    #[test]
    fn an_event_without_its_end_is_finished() {
        let mut relay = EventRelay::default();
        relay.take(&header(1, 800, 7), event(160, false), 0, (8000, 8000), 0);
        relay.take(&header(2, 800, 7), event(480, false), 0, (8000, 8000), 40_000);
        let end = relay.finish().unwrap().next().unwrap();
        assert_eq!((end.packets, end.event.end, end.event.duration), (3, true, 480));
        assert!(relay.finish().is_none());
    }

    #[test]
    fn an_event_of_which_only_an_end_came_is_whole() {
        let mut relay = EventRelay::default();
        let mut dues = relay.take(&header(9, 800, 7), event(800, true), 5, (8000, 8000), 0).unwrap();
        let due = dues.next().unwrap();
        assert_eq!((due.packets, due.begins, due.event.duration), (3, true, 800));
    }

    /// Presses a key for so long, each event packet 20 ms after the last, but for those that are lost; what the peer is
    /// told: timestamp, duration, marker, end, packets.
    fn press(ms: u64, clocks: (u32, u32), lost: impl Fn(u64) -> bool) -> Vec<(u32, u16, bool, bool, u8)> {
        let (mut relay, mut told, mut sequence) = (EventRelay::default(), Vec::new(), 0);
        let (step, total) = (u64::from(clocks.0) / 50, ms * u64::from(clocks.0) / 1000);
        let mut dues = crate::dtmf::DigitPlayer::default();
        dues.queue("5", ms as u32, clocks.0).unwrap();
        let mut packet = [0; 16];
        for moment in 0..total / step + 10 {
            let timestamp = (moment * step) as u32;
            let Some(length) = dues.next_packet(&mut packet, 101, sequence, timestamp, 7, step as u32) else {
                break;
            };
            sequence += 1;
            let header = Header::parse(&packet[..length]).unwrap();
            let event = Event::parse(&packet[header.payload_start..length]).unwrap();
            if lost(moment) {
                continue;
            }
            for due in relay.take(&header, event, 1000, clocks, moment * 20_000).into_iter().flatten() {
                told.push((due.timestamp, due.event.duration, due.begins, due.event.end, due.packets));
            }
        }
        told
    }

    #[test]
    fn a_long_press_is_one_event_in_segments_of_the_peers_clock() {
        for (clocks, ms) in [((8000, 8000), 8000), ((8000, 16_000), 8000), ((16_000, 8000), 8000)] {
            for lost in [|_| false, |moment| (200..212).contains(&moment), |moment| moment % 7 == 3] {
                let told = press(ms, clocks, lost);
                assert_eq!(told.iter().filter(|due| due.2).count(), 1, "one beginning");
                assert_eq!(told.iter().filter(|due| due.3).count(), 1, "one end");
                let &(timestamp, duration, _, end, packets) = told.last().unwrap();
                assert_eq!((end, packets), (true, 3));
                let total = ms * u64::from(clocks.1) / 1000;
                assert_eq!(u64::from(timestamp - 1000) + u64::from(duration), total, "{clocks:?}");
                for pair in told.windows(2) {
                    let step = pair[1].0 - pair[0].0;
                    if step > 0 {
                        assert_eq!((step, pair[0].1), (u32::from(LONGEST), LONGEST), "no gap (§2.5.2.3)");
                    } else {
                        assert!(pair[1].1 >= pair[0].1, "it grows");
                    }
                }
                let segments = told.windows(2).filter(|pair| pair[1].0 > pair[0].0).count() as u64;
                assert_eq!(segments, (total - 1) / SEGMENT, "{clocks:?}");
            }
        }
    }

    #[test]
    fn the_last_word_on_a_segment_is_said_three_times_unless_it_was_said() {
        let (mut relay, mut told) = (EventRelay::default(), Vec::new());
        let second = u32::from(LONGEST);
        for (timestamp, duration) in
            [(0, 160), (0, 65_440), (second, 160), (second, LONGEST), (2 * second, 65)]
        {
            let dues = relay.take(&header(1, timestamp, 7), event(duration, false), 0, (8000, 8000), 0);
            told.extend(
                dues.into_iter().flatten().map(|due| (due.timestamp, due.event.duration, due.packets)),
            );
        }
        let wanted = [
            (0, 160, 1),
            (0, 65_440, 1),
            (0, LONGEST, 3),
            (second, 160, 1),
            (second, LONGEST, 1),
            (2 * second, 65, 1),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_lie_about_the_clocks_is_bounded() {
        let mut relay = EventRelay::default();
        let dues = relay.take(&header(1, 0, 7), event(LONGEST, true), 0, (1, 48_000), 0);
        assert!(
            dues.into_iter().flatten().map(|due| u64::from(due.packets)).sum::<u64>()
                <= 3 * (MOST_SEGMENTS + 1)
        );
    }

    #[test]
    fn as_sound_it_lasts_as_long_whatever_was_lost() {
        let mut sounds = EventSounds::default();
        let mut made = 0;
        for (n, duration, end) in [(1, 160, false), (4, 640, false), (5, 800, true), (6, 800, true)] {
            sounds.take(&header(n, 800, 7), event(duration, end), 8000, 0, &mut |pcm| made += pcm.len());
        }
        assert_eq!(made, 800);
        sounds.take(&header(7, 9000, 7), event(0xffff, false), 8000, 0, &mut |pcm| made += pcm.len());
        assert_eq!(made, 800 + MOST as usize, "a lie about the duration is bounded");
    }

    #[test]
    fn as_sound_a_long_press_has_no_gap() {
        let (mut sounds, mut made) = (EventSounds::default(), 0);
        let mut take = |timestamp, duration, end| {
            sounds
                .take(&header(1, timestamp, 7), event(duration, end), 8000, 0, &mut |pcm| made += pcm.len());
        };
        for duration in (160..=65_440).step_by(160) {
            take(0, duration, false);
        }
        take(0, LONGEST, false);
        take(u32::from(LONGEST), 160, true);
        assert_eq!(made, usize::from(LONGEST) + 160);
    }

    #[test]
    fn what_is_no_digit_has_no_sound() {
        let mut sounds = EventSounds::default();
        let flash = Event { code: 16, ..event(800, true) };
        sounds.take(&header(1, 0, 7), flash, 8000, 0, &mut |_| panic!("heard"));
    }
}
