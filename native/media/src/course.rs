//! How one peer's audio went, over time: a row of points, however long it lasts.
//!
//! Every so many seconds one point, of what the leg's counters grew by. After [`MOST_POINTS`] two neighbours become one and
//! points are twice as far apart. Of two, the larger jitter and the lower MOS are kept: a bad moment stays to be seen.

use crate::Micros;
use crate::mos::{self, Impairment};

/// Seconds between two points at first.
pub const EVERY_S: u16 = 5;
/// Points of a course at most; an even number.
pub const MOST_POINTS: usize = 200;
/// What is left behind the last point at the end becomes one, unless it is shorter.
const SHORTEST_REST_US: Micros = 500_000;
const SECOND_US: Micros = 1_000_000;

/// What a stretch of audio was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Packets that came, at most 65,535.
    pub received: u16,
    /// Packets that never came.
    pub lost: u16,
    /// Tenths of a millisecond of jitter at its end.
    pub jitter: u16,
    /// Hundredths of MOS; 0: none, since nothing came.
    pub mos: u16,
}

impl Point {
    /// Octets of a point written down.
    pub const LENGTH: usize = 8;

    fn and(self, after: Self) -> Self {
        let worse = self.mos.min(after.mos);
        Self {
            received: self.received.saturating_add(after.received),
            lost: self.lost.saturating_add(after.lost),
            jitter: self.jitter.max(after.jitter),
            mos: if worse > 0 { worse } else { self.mos.max(after.mos) },
        }
    }

    /// Four numbers of two octets each, the lower octet first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let fields = [self.received, self.lost, self.jitter, self.mos];
        for (place, field) in bytes.chunks_exact_mut(2).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }
}

/// What a leg has counted of its peer's audio when somebody looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// Packets that came.
    pub received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Interarrival jitter now (RFC 3550 §6.4.1).
    pub jitter_ms: f64,
    /// How the codec that came last takes loss.
    pub impairment: Impairment,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Micros,
    received: u64,
    lost: u64,
}

/// See the module. Its first point also holds what came before it began.
#[derive(Clone, Debug)]
pub struct Course {
    every_s: u16,
    /// The end of the last point, or the beginning.
    at: Micros,
    /// What the last point is about, in microseconds; 0 as long as that is `every_s`.
    rest_us: Micros,
    ended: bool,
    /// At the end of the last point.
    received: u64,
    lost: u64,
    /// At the last look.
    seen: Seen,
    points: Vec<Point>,
}

impl Course {
    /// The first point is due [`EVERY_S`] from now.
    #[must_use]
    pub const fn begin(now: Micros) -> Self {
        let seen = Seen { at: now, received: 0, lost: 0 };
        Self {
            every_s: EVERY_S,
            at: now,
            rest_us: 0,
            ended: false,
            received: 0,
            lost: 0,
            seen,
            points: Vec::new(),
        }
    }

    /// When a look would make a point; `None` when it grows no more.
    #[must_use]
    pub const fn due_at(&self) -> Option<Micros> {
        if self.ended { None } else { Some(self.at + self.every_us()) }
    }

    /// Makes the points that are due. What came since the last look is taken to have come evenly, so looks may be further
    /// apart than points, or at other moments.
    pub fn look(&mut self, now: Micros, count: Count) {
        let seen = self.seen;
        while let Some(due) = self.due_at().filter(|due| *due <= now) {
            let until_due = |before: u64, total: u64| {
                let came = u128::from(total.saturating_sub(before));
                let (part, whole) = (u128::from(due - seen.at), u128::from(now - seen.at));
                before + ((came * part + whole / 2) / whole) as u64
            };
            let (received, lost) =
                (until_due(seen.received, count.received), until_due(seen.lost, count.lost));
            self.at = due;
            self.add(Count { received, lost, ..count });
            if self.points.len() == MOST_POINTS {
                self.thin();
            }
        }
        self.seen = Seen { at: now, received: count.received, lost: count.lost };
    }

    /// As [`Course::look`], for who knows that nothing came after `last`.
    pub fn look_after(&mut self, last: Micros, now: Micros, count: Count) {
        if last > self.seen.at {
            self.look(last, count);
        }
        self.look(now.max(last), count);
    }

    /// Makes a point of what is left, with the last counters, unless there is no other. Once: it grows no more.
    pub fn end(&mut self, now: Micros, count: Count) {
        self.look(now, count);
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let rest = now.saturating_sub(self.at);
        if rest >= SHORTEST_REST_US && !self.points.is_empty() {
            self.rest_us = rest.min(self.every_us());
            self.add(count);
        }
    }

    /// Seconds between two points.
    #[must_use]
    pub const fn every_s(&self) -> u16 {
        self.every_s
    }

    /// Seconds that the last point is about.
    #[must_use]
    pub fn last_s(&self) -> f64 {
        if self.rest_us > 0 { self.rest_us as f64 / SECOND_US as f64 } else { f64::from(self.every_s) }
    }

    /// The points so far, oldest first.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    const fn every_us(&self) -> Micros {
        self.every_s as Micros * SECOND_US
    }

    fn add(&mut self, count: Count) {
        let received = count.received.saturating_sub(self.received);
        // A packet that was lost may come after all.
        let lost = count.lost.saturating_sub(self.lost);
        self.received = count.received;
        self.lost = self.lost.max(count.lost);
        let mos = match received {
            0 => 0.0,
            _ => mos::estimate(lost as f64 / (received + lost) as f64, count.jitter_ms, count.impairment),
        };
        self.points.push(Point {
            received: received.try_into().unwrap_or(u16::MAX),
            lost: lost.try_into().unwrap_or(u16::MAX),
            jitter: (count.jitter_ms * 10.0).round() as u16,
            mos: (mos * 100.0).round() as u16,
        });
    }

    fn thin(&mut self) {
        self.points = self.points.chunks_exact(2).map(|pair| pair[0].and(pair[1])).collect();
        self.every_s = self.every_s.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_US: Micros = EVERY_S as Micros * SECOND_US;

    fn count(received: u64, lost: u64, jitter_ms: f64) -> Count {
        Count { received, lost, jitter_ms, impairment: Impairment::G711 }
    }

    fn course() -> Course {
        Course::begin(0)
    }

    #[test]
    fn a_point_is_what_the_counters_grew_by() {
        let mut course = course();
        course.look(EVERY_US - 1, count(200, 0, 1.0));
        assert!(course.points().is_empty());
        course.look(EVERY_US, count(240, 10, 1.0));
        course.look(2 * EVERY_US, count(490, 10, 2.5));
        let [first, second] = course.points() else { panic!("two points") };
        assert_eq!((first.received, first.lost, first.jitter), (240, 10, 10));
        assert_eq!((second.received, second.lost, second.jitter), (250, 0, 25));
        let mos = |lost, jitter_ms| (mos::estimate(lost, jitter_ms, Impairment::G711) * 100.0).round() as u16;
        assert_eq!((first.mos, second.mos), (mos(10.0 / 250.0, 1.0), mos(0.0, 2.5)));
        assert!(first.mos < second.mos && second.mos > 430, "{first:?} {second:?}");
        assert!((course.last_s() - 5.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_heard_is_no_quality() {
        let mut course = course();
        course.look(EVERY_US, count(0, 0, 0.0));
        course.look(2 * EVERY_US, count(0, 250, 0.0));
        assert_eq!(course.points(), [Point::default(), Point { lost: 250, ..Point::default() }]);
    }

    #[test]
    fn a_packet_that_came_late_after_all_is_no_negative_loss() {
        let mut course = course();
        for (number, lost) in [(1, 5), (2, 3), (3, 5)] {
            course.look(number * EVERY_US, count(number * 100, lost, 1.0));
        }
        assert_eq!(course.points().iter().map(|point| point.lost).collect::<Vec<_>>(), [5, 0, 0]);
    }

    #[test]
    fn a_long_course_has_points_further_apart_and_forgets_no_bad_moment() {
        let (mut course, mut bad_moment) = (course(), 0);
        for number in 1..=1000 {
            let lost = if number >= 77 { 50 } else { 0 };
            let jitter_ms = if number == 77 { 90.0 } else { 1.0 };
            course.look(number * EVERY_US, count(250 * number, lost, jitter_ms));
            assert!(course.points().len() < MOST_POINTS);
            if number == 77 {
                bad_moment = course.points()[76].mos;
            }
        }
        assert_eq!(course.every_s(), 40);
        let points = course.points();
        assert_eq!(points.iter().map(|point| u64::from(point.received)).sum::<u64>(), 250 * 1000);
        assert_eq!(points.iter().map(|point| point.lost).sum::<u16>(), 50);
        assert_eq!(points.iter().map(|point| point.jitter).max(), Some(900));
        let worst = points.iter().find(|point| point.lost > 0).unwrap();
        assert_eq!(Some(worst.mos), points.iter().map(|point| point.mos).min());
        assert_eq!(worst.mos, bad_moment);
    }

    #[test]
    fn neighbours_of_which_one_heard_nothing() {
        let mut course = course();
        for number in 1..=MOST_POINTS as u64 {
            course.look(number * EVERY_US, count(250 * (number / 2), 0, 1.0));
        }
        assert_eq!(course.points().len(), MOST_POINTS / 2);
        assert!(course.points().iter().all(|point| point.received == 250 && point.mos > 430));
    }

    #[test]
    fn a_look_that_comes_late_stands_for_those_that_were_missed() {
        let mut course = course();
        course.look(4 * EVERY_US + 1, count(1000, 8, 1.0));
        assert_eq!(course.points().len(), 4);
        assert!(course.points().iter().all(|point| point.received == 250 && point.lost == 2));
        course.look(5 * EVERY_US, count(1250, 8, 1.0));
        assert_eq!(course.points().len(), 5);
    }

    #[test]
    fn nothing_came_after_the_last_packet() {
        let mut course = course();
        course.look_after(EVERY_US - 20_000, EVERY_US, count(250, 0, 1.0));
        course.look_after(EVERY_US + 980_000, 4 * EVERY_US, count(300, 0, 1.0));
        let received =
            |course: &Course| course.points().iter().map(|point| point.received).collect::<Vec<_>>();
        assert_eq!(received(&course), [250, 50, 0, 0]);
        course.look_after(EVERY_US + 980_000, 5 * EVERY_US, count(300, 0, 1.0));
        assert_eq!(received(&course), [250, 50, 0, 0, 0], "still silent");
        course.look_after(5 * EVERY_US + 30, 5 * EVERY_US + 20, count(301, 0, 1.0));
        course.look_after(6 * EVERY_US, 6 * EVERY_US, count(550, 0, 1.0));
        assert_eq!(received(&course)[5], 250);
    }

    #[test]
    fn looks_further_apart_than_points_leave_no_mark_on_an_even_stream() {
        let mut course = course();
        let mut at_ms = 0;
        for wait_ms in [4_800, 5_000, 6_200, 7_800, 9_700, 12_100, 15_200, 19_000, 20_000, 20_000] {
            at_ms += wait_ms;
            course.look(at_ms * 1000, count(at_ms / 20, at_ms / 500, 1.0));
        }
        let points = course.points();
        assert_eq!(points.len() as u64, at_ms / 5000);
        assert!(
            points.iter().all(|point| point.received.abs_diff(250) <= 1 && point.lost.abs_diff(10) <= 1),
            "{points:?}"
        );
    }

    #[test]
    fn a_look_after_a_very_long_time_is_bounded() {
        let mut course = course();
        course.look(100_000 * EVERY_US, count(1_000_000, 0, 1.0));
        assert!(course.points().len() < MOST_POINTS);
    }

    #[test]
    fn the_rest_becomes_a_point_unless_it_is_short() {
        let mut course = course();
        course.look(EVERY_US, count(250, 0, 1.0));
        let mut short = course.clone();
        short.end(EVERY_US + 400_000, count(270, 0, 1.0));
        assert_eq!(short.points().len(), 1);
        let mut alone = self::course();
        alone.end(EVERY_US - 1, count(249, 0, 1.0));
        assert_eq!(alone.points(), [], "it was too short");
        course.end(EVERY_US + 2_300_000, count(365, 1, 1.0));
        assert_eq!(course.points()[1].received, 115);
        assert!((course.last_s() - 2.3).abs() < 1e-9);
        let mut unseen = self::course();
        unseen.end(2 * EVERY_US + 2_500_000, count(625, 0, 1.0));
        assert_eq!(unseen.points().iter().map(|point| point.received).collect::<Vec<_>>(), [250, 250, 125]);
        course.end(9 * EVERY_US, count(9000, 0, 1.0));
        course.look(9 * EVERY_US, count(9000, 0, 1.0));
        assert_eq!(course.points().len(), 2, "it has ended");
    }

    #[test]
    fn values_beyond_the_scale_stay_at_its_end() {
        let mut course = course();
        course.look(EVERY_US, count(u64::MAX / 2, u64::MAX / 2, 1e9));
        let [point] = course.points() else { panic!("one point") };
        assert_eq!((point.received, point.lost, point.jitter, point.mos), (65535, 65535, 65535, 100));
        assert_eq!(point.to_bytes(), [255, 255, 255, 255, 255, 255, 100, 0]);
    }
}
