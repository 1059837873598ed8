//! The class `Course`, for engines elsewhere; the legs of this one keep their own.

use pyo3::prelude::*;
use trunkline_media::Micros;
use trunkline_media::course::{self, Count, Point};
use trunkline_media::mos::Impairment;

/// Seconds between two points, seconds that the last one is about, and the points: eight octets each.
pub(crate) type CourseTuple = (u16, f64, Vec<u8>);

/// What Python gets of a course.
pub(crate) fn written(course: &course::Course) -> CourseTuple {
    let points = course.points().iter().copied().flat_map(Point::to_bytes).collect();
    (course.every_s(), course.last_s(), points)
}

/// How one peer's audio went, over time.
#[pyclass(module = "trunkline._native")]
pub(crate) struct Course {
    inner: course::Course,
}

#[pymethods]
impl Course {
    /// Begins at `now_s`.
    #[new]
    #[pyo3(signature = (now_s))]
    const fn new(now_s: f64) -> Self {
        Self { inner: course::Course::begin(micros(now_s)) }
    }

    /// Makes a point if one is due, from the counters so far; the peer's audio comes as this payload type.
    fn look(&mut self, now_s: f64, received: u64, lost: u64, jitter_ms: f64, payload_type: u8) {
        self.inner.look(micros(now_s), count(received, lost, jitter_ms, payload_type));
    }

    /// Makes a point of what is left, from the last counters, unless there is no other. Once: it grows no more.
    fn end(&mut self, now_s: f64, received: u64, lost: u64, jitter_ms: f64, payload_type: u8) {
        self.inner.end(micros(now_s), count(received, lost, jitter_ms, payload_type));
    }

    /// Seconds between two points, seconds that the last one is about, and the points: eight octets each.
    fn read(&self) -> CourseTuple {
        written(&self.inner)
    }
}

const fn count(received: u64, lost: u64, jitter_ms: f64, payload_type: u8) -> Count {
    Count { received, lost, jitter_ms, impairment: Impairment::of_payload_type(payload_type) }
}

const fn micros(seconds: f64) -> Micros {
    (seconds * 1e6) as Micros
}
