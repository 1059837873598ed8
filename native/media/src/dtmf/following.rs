//! What the packets of one stream's events come to: which event, how long so far, and when it is over (RFC 4733 §2.5.2).
//!
//! All packets of an event share its timestamp (§2.2.1); one that became too long for one duration goes on in another segment
//! without a gap, and is still one event (§2.5.2.3). Repeats, latecomers and packets of an event that is over say nothing.
//! A sender that is silent for [`GONE_US`] has ended its event, and audio may show earlier that it has: see
//! [`Following::covers`].

use crate::Micros;
use crate::dtmf::{Event, LONGEST};
use crate::rtp::Header;

/// An event of which nothing came for so long is over: four of the updates that §2.5.1.2 recommends.
pub const GONE_US: Micros = 200_000;
/// What begins earlier than the last event, and comes so long after the last of that, is no latecomer: the stream has begun anew
/// under its old source.
const ANEW_US: Micros = 1_000_000;
/// Updates are taken to be at least so many a second, and at most.
const UPDATES_A_SECOND: (u32, u32) = (20, 100);
/// What is taken for the usual number of updates a second before two of them have come.
const USUAL_UPDATES_A_SECOND: u32 = 50;

/// What a packet says of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The first of it that came.
    pub begins: bool,
    /// The event is over.
    pub ends: bool,
    /// Which event.
    pub code: u8,
    /// Power in −dBm0, 0–63.
    pub volume: u8,
    /// How long it has lasted, all segments together, in ticks of its clock.
    pub ticks: u64,
    /// Its ticks a second.
    pub clock_rate: u32,
}

impl Progress {
    /// How long it has lasted, in ticks of another clock, of so many a second.
    #[must_use]
    pub fn ticks_at(&self, clock_rate: u32) -> u64 {
        self.ticks * u64::from(clock_rate) / u64::from(self.clock_rate.max(1))
    }
}

#[derive(Clone, Copy, Debug)]
struct Current {
    ssrc: u32,
    sequence: u16,
    /// Of the segment.
    timestamp: u32,
    /// Its last packet, by duration.
    event: Event,
    /// Ticks of the segments before.
    before: u64,
    clock_rate: u32,
    /// The smallest step between two durations.
    update: Option<u32>,
    /// Audio came for a time that the event covers.
    beside_audio: bool,
    at: Micros,
    ended: bool,
}

impl Current {
    fn progress(&self, begins: bool) -> Progress {
        Progress {
            begins,
            ends: self.ended,
            code: self.event.code,
            volume: self.event.volume,
            ticks: self.before + u64::from(self.event.duration),
            clock_rate: self.clock_rate,
        }
    }

    /// Ticks between two updates.
    fn update(&self) -> u32 {
        let usual = self.clock_rate / USUAL_UPDATES_A_SECOND;
        let (least, most) = (self.clock_rate / UPDATES_A_SECOND.1, self.clock_rate / UPDATES_A_SECOND.0);
        self.update.unwrap_or(usual).clamp(least, most)
    }
}

/// The events of one stream.
#[derive(Clone, Debug, Default)]
pub struct Following(Option<Current>);

impl Following {
    /// True when a packet begins another event than the last one.
    #[must_use]
    pub fn begins(&self, header: &Header, event: Event, now: Micros) -> bool {
        self.0.as_ref().is_none_or(|current| {
            let further = header.timestamp.wrapping_sub(current.timestamp) as i32;
            current.ssrc != header.ssrc
                || further > 0 && !goes_on(current, header, event)
                || further < 0 && now >= current.at + ANEW_US
        })
    }

    /// Takes a packet, of so many ticks a second; `None` when it says nothing new.
    pub fn take(&mut self, header: &Header, event: Event, clock_rate: u32, now: Micros) -> Option<Progress> {
        if self.begins(header, event, now) {
            let current = Current {
                ssrc: header.ssrc,
                sequence: header.sequence,
                timestamp: header.timestamp,
                event,
                before: 0,
                clock_rate,
                update: None,
                beside_audio: false,
                at: now,
                ended: event.end,
            };
            return Some(self.0.insert(current).progress(true));
        }
        let current = self.0.as_mut()?;
        if current.ended {
            return None;
        }
        let further = header.timestamp.wrapping_sub(current.timestamp);
        if further as i32 > 0 {
            current.before += u64::from(further);
            (current.timestamp, current.event.duration) = (header.timestamp, 0);
        }
        let step = event.duration.checked_sub(current.event.duration);
        if (further as i32) < 0 || event.code != current.event.code || step.is_none() && !event.end {
            return None;
        }
        if let Some(step) = step.filter(|&step| step > 0) {
            let step = u32::from(step);
            current.update = Some(current.update.map_or(step, |update| update.min(step)));
        }
        (current.sequence, current.at, current.ended) = (header.sequence, now, event.end);
        current.event = event;
        Some(current.progress(false))
    }

    /// Ends the event under way, whose own end never came.
    pub fn finish(&mut self) -> Option<Progress> {
        let current = self.0.as_mut().filter(|current| !current.ended)?;
        current.ended = true;
        Some(current.progress(false))
    }

    /// Ends the event under way if nothing of it has come for too long.
    pub fn expire(&mut self, now: Micros) -> Option<Progress> {
        if self.gone_at()? <= now { self.finish() } else { None }
    }

    /// When the event under way is over unless more of it comes.
    #[must_use]
    pub fn gone_at(&self) -> Option<Micros> {
        self.0.as_ref().filter(|current| !current.ended).map(|current| current.at + GONE_US)
    }

    /// True when a packet of audio, of so many ticks a second, is beside the event under way and not behind it; or beside the
    /// last one, which has ended before it came.
    ///
    /// Some send audio for the time of an event too (§2.5.2.2): of them only silence about the event says that it is over.
    /// Most don't: then audio from behind what the event's next update would have covered shows that all packets of its end
    /// were lost.
    pub fn covers(&mut self, header: &Header, clock_rate: u32, now: Micros) -> bool {
        let Some(current) = &mut self.0 else {
            return false;
        };
        if now >= current.at + GONE_US {
            return false;
        }
        if current.ssrc != header.ssrc || current.clock_rate != clock_rate {
            return !current.ended;
        }
        let since_begin = header.timestamp.wrapping_sub(current.timestamp) as i32;
        let behind = i64::from(since_begin) - i64::from(current.event.duration);
        let is_beside = since_begin >= 0 && behind < 0;
        if current.ended {
            return is_beside && current.beside_audio;
        }
        current.beside_audio |= is_beside;
        let is_later = (header.sequence.wrapping_sub(current.sequence) as i16) > 0;
        current.beside_audio || !is_later || behind < i64::from(current.update())
    }
}

/// True when a packet carries the event on, which became too long for one duration (§2.5.2.3): without a gap, and without a
/// marker.
fn goes_on(current: &Current, header: &Header, event: Event) -> bool {
    let further = header.timestamp.wrapping_sub(current.timestamp);
    !current.ended
        && !header.marker
        && current.event.code == event.code
        && (further == u32::from(LONGEST) || further == u32::from(current.event.duration))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::header;

    fn event(duration: u16, end: bool) -> Event {
        Event { code: 5, end, volume: 10, duration }
    }

    fn take(following: &mut Following, sequence: u16, timestamp: u32, event: Event) -> Option<Progress> {
        following.take(&header(sequence, timestamp, 7), event, 8000, u64::from(sequence) * 20_000)
    }

    #[test]
    fn repeats_latecomers_and_what_comes_after_the_end_say_nothing() {
        let mut following = Following::default();
        let first = take(&mut following, 1, 800, event(160, false)).unwrap();
        assert_eq!((first.begins, first.ends, first.ticks), (true, false, 160));
        let other = Event { code: 6, ..event(320, false) };
        assert_eq!(take(&mut following, 2, 800, other), None, "none that began then");
        let end = take(&mut following, 3, 800, event(480, true)).unwrap();
        assert_eq!((end.begins, end.ends, end.ticks), (false, true, 480));
        for late in [event(320, false), event(480, true), event(640, false)] {
            assert_eq!(take(&mut following, 4, 800, late), None);
        }
        assert_eq!(take(&mut following, 5, 640, event(160, false)), None, "an earlier event");
        assert_eq!((following.finish(), following.gone_at()), (None, None));
    }

    #[test]
    fn a_shorter_duration_is_a_latecomers_or_an_end() {
        let mut following = Following::default();
        take(&mut following, 1, 800, event(640, false));
        assert_eq!(take(&mut following, 2, 800, event(480, false)), None);
        assert_eq!(following.gone_at(), Some(20_000 + GONE_US), "and does not keep the event alive");
        let end = take(&mut following, 3, 800, event(480, true)).unwrap();
        assert_eq!((end.ends, end.ticks), (true, 480));
    }

    #[test]
    fn audio_may_be_as_far_behind_an_event_as_the_next_update_would_be() {
        for (durations, within) in [
            ([160, 560, 960], 399),
            ([160, 760, 1360], 399),
            ([160, 160, 320], 159),
            ([160, 170, 180], 79),
            ([160; 3], 159),
        ] {
            let mut following = Following::default();
            for (sequence, duration) in (1..).zip(durations) {
                take(&mut following, sequence, 800, event(duration, false));
            }
            let audio = |behind| header(9, 800 + u32::from(durations[2]) + behind, 7);
            assert!(following.covers(&audio(within), 8000, 70_000), "{durations:?}");
            assert!(!following.covers(&audio(within + 1), 8000, 70_000), "{durations:?}");
        }
    }

    #[test]
    fn segments_are_one_event_whose_durations_add_up() {
        let mut following = Following::default();
        take(&mut following, 1, 800, event(160, false));
        take(&mut following, 2, 800, event(LONGEST, false));
        let second = 800 + u32::from(LONGEST);
        assert!(!following.begins(&header(3, second, 7), event(160, false), 0));
        let progress = take(&mut following, 3, second, event(160, false)).unwrap();
        assert_eq!((progress.begins, progress.ticks), (false, u64::from(LONGEST) + 160));
        assert_eq!(take(&mut following, 2, 800, event(LONGEST, false)), None, "of the segment before");
        let third = second + u32::from(LONGEST);
        let end = take(&mut following, 9, third, event(800, true)).unwrap();
        assert_eq!((end.ends, end.ticks), (true, 2 * u64::from(LONGEST) + 800));
    }

    #[test]
    fn a_segment_that_ends_early_is_gone_on_with_where_it_ended() {
        let mut following = Following::default();
        take(&mut following, 1, 0, event(160, false));
        take(&mut following, 2, 0, event(65_440, false));
        let progress = take(&mut following, 3, 65_440, event(160, false)).unwrap();
        assert_eq!((progress.begins, progress.ticks), (false, 65_600));
    }

    #[test]
    fn another_code_a_marker_or_a_gap_is_another_event() {
        let mut following = Following::default();
        take(&mut following, 1, 0, event(LONGEST, false));
        let after = u32::from(LONGEST);
        let marked = Header { marker: true, ..header(2, after, 7) };
        assert!(following.begins(&marked, event(160, false), 0));
        assert!(following.begins(&header(2, after, 7), Event { code: 6, ..event(160, false) }, 0));
        assert!(following.begins(&header(2, after + 160, 7), event(160, false), 0));
        following.finish();
        assert!(following.begins(&header(2, after, 7), event(160, false), 0), "the one before is over");
    }

    #[test]
    fn a_stream_that_has_begun_anew_has_new_events_though_its_time_went_back() {
        let mut following = Following::default();
        let end = |timestamp, sequence| (header(sequence, timestamp, 7), event(800, true));
        let mut pressed = |(header, event): (Header, Event), now| {
            following.take(&header, event, 8000, now).is_some_and(|progress| progress.begins)
        };
        assert!(pressed(end(900_000, 500), 0));
        assert!(!pressed(end(890_000, 440), ANEW_US - 1), "a latecomer");
        assert!(pressed(end(4000, 20), ANEW_US));
        assert!(!pressed(end(4000, 21), ANEW_US + 20_000));
        assert!(pressed(end(8000, 45), ANEW_US + 500_000), "and it goes on from there");
        assert!(!pressed(end(8000, 45), 9 * ANEW_US), "the same event is never another one");
    }

    #[test]
    fn an_event_of_which_nothing_comes_is_gone() {
        let mut following = Following::default();
        take(&mut following, 1, 0, event(160, false));
        take(&mut following, 2, 0, event(320, false));
        let gone_at = following.gone_at().unwrap();
        assert_eq!(gone_at, 40_000 + GONE_US);
        assert_eq!(following.expire(gone_at - 1), None);
        assert_eq!(following.expire(gone_at).map(|end| (end.ends, end.ticks)), Some((true, 320)));
        assert_eq!(take(&mut following, 3, 0, event(480, false)), None, "what has ended is not begun again");
    }

    #[test]
    fn audio_from_behind_an_event_shows_that_it_is_over() {
        let mut following = Following::default();
        take(&mut following, 1, 800, event(160, false));
        take(&mut following, 2, 800, event(320, false));
        assert!(following.covers(&header(0, 640, 7), 8000, 41_000), "from before it, late");
        assert!(following.covers(&header(6, 1120, 7), 8000, 60_000), "the event may go on in between");
        assert!(!following.covers(&header(6, 1280, 7), 8000, 60_000));
        assert!(following.covers(&header(6, 1280, 7), 16_000, 60_000), "the clocks can't be compared");
        assert!(!following.covers(&header(6, 1280, 7), 16_000, 300_000));
    }

    #[test]
    fn audio_beside_an_event_is_its_own_to_its_end_if_there_was_any_before() {
        for beside in [false, true] {
            let mut following = Following::default();
            take(&mut following, 1, 800, event(160, false));
            assert!(following.covers(&header(2, if beside { 800 } else { 640 }, 7), 8000, 21_000));
            take(&mut following, 3, 800, event(400, true));
            for (sequence, timestamp) in [(4, 960), (5, 1199), (2, 800)] {
                assert_eq!(following.covers(&header(sequence, timestamp, 7), 8000, 61_000), beside);
            }
            let others = [header(1, 640, 7), header(6, 1200, 7), header(6, 960, 8)];
            assert!(others.iter().all(|header| !following.covers(header, 8000, 61_000)));
            assert!(!following.covers(&header(4, 960, 7), 16_000, 61_000));
            assert!(!following.covers(&header(4, 960, 7), 8000, 60_000 + GONE_US));
        }
    }

    #[test]
    fn audio_beside_an_event_leaves_it_alone_though_updates_are_lost() {
        let mut following = Following::default();
        take(&mut following, 1, 800, event(160, false));
        assert!(following.covers(&header(2, 800, 7), 8000, 21_000));
        take(&mut following, 3, 800, event(320, false));
        for (sequence, timestamp) in [(4, 960), (6, 1120), (8, 1280), (10, 1440), (14, 1760)] {
            assert!(following.covers(&header(sequence, timestamp, 7), 8000, 60_000), "{timestamp}");
        }
        assert!(!following.covers(&header(16, 1920, 7), 8000, 60_000 + GONE_US));
    }
}
