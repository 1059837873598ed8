//! The class `Engine`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, RawFd};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use trunkline_engine::{Event, EventKind, Settings};
use trunkline_media::dtmf::tones::Digit;

use crate::errors::{setting, to_python};
use crate::leg::Leg;

/// The media engine: port pairs, threads and what they relay.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct Engine {
    inner: Arc<trunkline_engine::Engine>,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, port_min, port_max, bind_v4, bind_v6, advertised_v4, advertised_v6, timeout_s, threads,
                        drain_s, allow_loopback, gather_ms, dscp))]
    #[expect(clippy::too_many_arguments, reason = "settings, all by keyword")]
    fn new(
        py: Python<'_>,
        port_min: u16,
        port_max: u16,
        bind_v4: Option<&str>,
        bind_v6: Option<&str>,
        advertised_v4: Option<&str>,
        advertised_v6: Option<&str>,
        timeout_s: f64,
        threads: usize,
        drain_s: f64,
        allow_loopback: bool,
        gather_ms: f64,
        dscp: u8,
    ) -> PyResult<Self> {
        let settings = Settings {
            port_min,
            port_max,
            bind_v4: address::<Ipv4Addr>("bind_v4", bind_v4)?,
            bind_v6: address::<Ipv6Addr>("bind_v6", bind_v6)?,
            advertised_v4: address::<Ipv4Addr>("advertised_v4", advertised_v4)?,
            advertised_v6: address::<Ipv6Addr>("advertised_v6", advertised_v6)?,
            timeout: seconds("timeout_s", timeout_s)?,
            threads,
            drain: seconds("drain_s", drain_s)?,
            allow_loopback,
            gather: seconds("gather_ms", gather_ms / 1000.0)?,
            dscp,
        };
        let engine = py.detach(|| trunkline_engine::Engine::start(settings)).map_err(to_python)?;
        Ok(Self { inner: Arc::new(engine) })
    }

    /// A file descriptor that is readable while events wait. It belongs to the engine.
    #[getter]
    fn event_fd(&self) -> RawFd {
        self.inner.event_fd().as_raw_fd()
    }

    /// Takes the events that wait: what happened, the id of the leg it happened to, and of a digit what it is and its
    /// milliseconds.
    fn drain_events(&self) -> Vec<(&'static str, u64, Option<char>, u32)> {
        let told = |event: Event| {
            let (name, digit) = match event.kind {
                EventKind::MediaTimedOut => ("media_timed_out", None),
                EventKind::StreamFailed => ("stream_failed", None),
                EventKind::SourceEnded => ("source_ended", None),
                EventKind::SoundEnded => ("sound_ended", None),
                EventKind::Digit(digit) => ("digit", Some(digit)),
                EventKind::KeyWorn => ("key_worn", None),
                EventKind::KeySpent => ("key_spent", None),
            };
            let duration_ms = digit.map_or(0, |digit| digit.duration_ms);
            (name, event.leg.number(), digit.and_then(Digit::spelled), duration_ms)
        };
        self.inner.drain_events().into_iter().map(told).collect()
    }

    /// Opens a leg on a free port pair.
    #[pyo3(signature = (ipv6))]
    fn open_leg(&self, ipv6: bool) -> PyResult<Leg> {
        let (id, address, port) = self.inner.open(ipv6).map_err(to_python)?;
        Ok(Leg::new(Arc::clone(&self.inner), id, address, port))
    }

    /// Relays between two legs, both ways, in place of whatever either was connected to.
    #[pyo3(signature = (first, second))]
    fn bridge(&self, first: &Leg, second: &Leg) -> PyResult<()> {
        self.inner.bridge(first.id_in(&self.inner)?, second.id_in(&self.inner)?).map_err(to_python)
    }

    /// Legs open, pairs draining, pairs in all.
    fn occupancy(&self) -> PyResult<(usize, usize, usize)> {
        let occupancy = self.inner.occupancy().map_err(to_python)?;
        Ok((occupancy.open, occupancy.draining, occupancy.total))
    }

    /// Ends the threads and frees the ports. Idempotent.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.inner.stop());
    }
}

fn address<A: FromStr>(name: &str, text: Option<&str>) -> PyResult<Option<A>> {
    text.map(|text| text.parse().map_err(|_| setting(format!("{name}: {text:?} is no such address"))))
        .transpose()
}

fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| setting(format!("{name}: {value} is no duration")))
}
