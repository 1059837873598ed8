//! The classes `Leg` and `Statistics`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use trunkline_codecs::Codec;
use trunkline_engine::engine::{Closing, TerminalReport};
use trunkline_engine::{EngineError, LegId};
use trunkline_media::format::{EventFormat, Format};
use trunkline_media::leg::{Drop as DropReason, Flow, Remote};
use trunkline_media::outgoing::speech::Sound;
use trunkline_media::payload::{Payload, PayloadMap};
use trunkline_media::srtp::{MasterKey, SrtpKeys};
use trunkline_media::terminal::Source;
use trunkline_media::tone::Tone;
use trunkline_media::wav;

use crate::errors::{argument, to_python};
use crate::quality::{CourseTuple, written};

type Engine = trunkline_engine::Engine;
type Heard = (f64, u64, Option<f64>);
/// Key and salt that we send with and that the peer sends with; of the latter, the identifier that its packets carry, and the
/// packets that it serves.
type KeyBytes = (PyBackedBytes, PyBackedBytes, PyBackedBytes, u64);

/// Payload type, codec, milliseconds in a packet that we send, iLBC's frame.
type FormatTuple = (u8, String, u32, u8);

/// RTP clock rate of a payload type that none was given for.
const DEFAULT_CLOCK_RATE: u32 = 8000;

/// One leg of the engine. A leg that is forgotten without being closed is closed then.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct Leg {
    engine: Arc<Engine>,
    id: LegId,
    address: String,
    port: u16,
    closed: OnceLock<Closing>,
}

impl Leg {
    pub(crate) fn new(engine: Arc<Engine>, id: LegId, address: IpAddr, port: u16) -> Self {
        Self { engine, id, address: address.to_string(), port, closed: OnceLock::new() }
    }

    pub(crate) fn id_in(&self, engine: &Arc<Engine>) -> PyResult<LegId> {
        if Arc::ptr_eq(&self.engine, engine) { Ok(self.id) } else { Err(to_python(EngineError::NotTwoLegs)) }
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        if self.closed.get().is_none() {
            // It may be that the engine has been stopped: then there is nothing left to close.
            let _ = self.engine.close(self.id);
        }
    }
}

#[pymethods]
impl Leg {
    /// Names the leg in events; never used again by its engine.
    #[getter]
    const fn id(&self) -> u64 {
        self.id.number()
    }

    /// The address to advertise.
    #[getter]
    fn address(&self) -> &str {
        &self.address
    }

    /// The even RTP port; RTCP is on the next one.
    #[getter]
    const fn port(&self) -> u16 {
        self.port
    }

    /// Sets or changes the peer.
    #[pyo3(signature = (rtp_address, rtp_port, rtcp_port, flow, payload_types, clock_rates, dtmf_payload_type,
                        signalled_from, hears, speaks, takes_events, finds_tones, tells_digits, srtp,
                        other_events))]
    #[expect(clippy::too_many_arguments, reason = "the fields of RemoteMedia")]
    fn set_remote(
        &self,
        rtp_address: &str,
        rtp_port: u16,
        rtcp_port: u16,
        flow: &str,
        payload_types: Vec<(u8, u8)>,
        clock_rates: HashMap<u8, u32>,
        dtmf_payload_type: Option<u8>,
        signalled_from: Option<&str>,
        hears: Vec<FormatTuple>,
        speaks: Option<FormatTuple>,
        takes_events: Option<(u8, u32)>,
        finds_tones: bool,
        tells_digits: bool,
        srtp: Option<KeyBytes>,
        other_events: Vec<(u8, u32)>,
    ) -> PyResult<()> {
        let dtmf_clock_rate = dtmf_payload_type.and_then(|number| clock_rates.get(&number).copied());
        let payloads = payload_types
            .into_iter()
            .map(|(from, to)| Payload {
                from,
                to,
                clock_rate: clock_rates.get(&from).copied().unwrap_or(DEFAULT_CLOCK_RATE),
            })
            .collect();
        let remote = Remote {
            rtp: SocketAddr::new(address(rtp_address)?, rtp_port),
            rtcp_port,
            flow: flow_of(flow)?,
            payloads: PayloadMap::new(payloads).ok_or_else(|| {
                argument("a payload type is above 127 or twice there, or a clock rate is 0".to_owned())
            })?,
            dtmf_payload_type,
            dtmf_clock_rate: dtmf_clock_rate.unwrap_or(DEFAULT_CLOCK_RATE),
            hears: hears.into_iter().map(format_of).collect::<PyResult<_>>()?,
            speaks: speaks.map(format_of).transpose()?,
            takes_events: takes_events.map(event_format),
            other_events: other_events.into_iter().map(event_format).collect(),
            finds_tones,
            tells_digits,
            signalled_from: signalled_from.map(address).transpose()?,
            srtp: srtp.map(keys).transpose()?,
        };
        self.engine.set_remote(self.id, remote).map_err(to_python)
    }

    /// Counters so far; after closing, the last ones.
    fn statistics(&self) -> PyResult<Statistics> {
        match self.closed.get() {
            Some(closing) => Ok(Statistics { inner: closing.statistics.clone() }),
            None => {
                let inner = self.engine.statistics(self.id).map_err(to_python)?;
                Ok(Statistics { inner })
            }
        }
    }

    /// Follows how the audio of the peer goes from now on. Again: nothing.
    fn follow(&self) -> PyResult<()> {
        self.engine.follow(self.id).map_err(to_python)
    }

    /// How it went so far, or until the leg was closed; None when it isn't followed. See `Course.read`.
    fn course(&self) -> PyResult<Option<CourseTuple>> {
        match self.closed.get() {
            Some(closing) => Ok(closing.course.as_deref().map(written)),
            None => Ok(self.engine.course(self.id).map_err(to_python)?.as_ref().map(written)),
        }
    }

    /// The address and port that the leg is latched onto.
    fn source(&self) -> PyResult<Option<(String, u16)>> {
        let source = self.engine.source(self.id).map_err(to_python)?;
        Ok(source.map(|source| (source.ip().to_string(), source.port())))
    }

    /// Ends the leg and returns the last counters. Idempotent.
    fn close(&self) -> PyResult<Statistics> {
        if self.closed.get().is_none() {
            let closing = self.engine.close(self.id).map_err(to_python)?;
            let _ = self.closed.set(closing);
        }
        self.statistics()
    }

    /// Connects the leg to silence and a listener instead of another leg.
    #[pyo3(signature = (listen_for, record_samples))]
    fn terminate(&self, listen_for: Vec<f64>, record_samples: usize) -> PyResult<()> {
        self.engine.terminate(self.id, Source::Silence, listen_for, record_samples).map_err(to_python)
    }

    /// Has the terminal say silence.
    fn play_silence(&self) -> PyResult<()> {
        self.engine.play(self.id, Source::Silence).map_err(to_python)
    }

    /// Has the terminal say what it hears.
    fn play_echo(&self) -> PyResult<()> {
        self.engine.play(self.id, Source::Echo).map_err(to_python)
    }

    /// Has the terminal say one or two tones, steadily or in a cadence of milliseconds on and off.
    #[pyo3(signature = (frequencies_hz, level_dbm0, cadence_ms))]
    fn play_tone(
        &self,
        frequencies_hz: Vec<f64>,
        level_dbm0: f64,
        cadence_ms: Option<(u32, u32)>,
    ) -> PyResult<()> {
        let tone = Tone { frequencies_hz, level_dbm0, cadence_ms };
        self.engine.play(self.id, Source::Tone(tone)).map_err(to_python)
    }

    /// Has the terminal say a WAV file (8000 Hz, mono, 16 bits), once or over and over.
    #[pyo3(signature = (path, repeat))]
    fn play_file(&self, py: Python<'_>, path: PathBuf, repeat: bool) -> PyResult<()> {
        let samples = read_wav(py, &path)?;
        self.engine.play(self.id, Source::Samples { samples, repeat }).map_err(to_python)
    }

    /// Sends digits to the peer as telephone-events (RFC 4733), each so long.
    #[pyo3(signature = (digits, duration_ms))]
    fn send_digits(&self, digits: &str, duration_ms: u32) -> PyResult<()> {
        self.engine.send_digits(self.id, digits, duration_ms).map_err(to_python)
    }

    /// Has the leg say one or two tones to its peer, steadily or in a cadence of milliseconds on and off.
    #[pyo3(signature = (frequencies_hz, level_dbm0, cadence_ms))]
    fn announce_tone(
        &self,
        frequencies_hz: Vec<f64>,
        level_dbm0: f64,
        cadence_ms: Option<(u32, u32)>,
    ) -> PyResult<()> {
        let tone = Tone { frequencies_hz, level_dbm0, cadence_ms };
        let sound = Sound::tone(&tone).ok_or_else(|| argument("a tone is out of range".to_owned()))?;
        self.engine.announce(self.id, Some(sound)).map_err(to_python)
    }

    /// Has the leg say a WAV file (8000 Hz, mono, 16 bits) to its peer, once or over and over.
    #[pyo3(signature = (path, repeat))]
    fn announce_file(&self, py: Python<'_>, path: PathBuf, repeat: bool) -> PyResult<()> {
        let samples = read_wav(py, &path)?;
        let sound = Sound::samples(samples, repeat)
            .ok_or_else(|| argument(format!("{} holds no audio", path.display())))?;
        self.engine.announce(self.id, Some(sound)).map_err(to_python)
    }

    /// Ends what the leg says.
    fn announce_nothing(&self) -> PyResult<()> {
        self.engine.announce(self.id, None).map_err(to_python)
    }

    /// What the terminal has heard: digits; for each frequency its Hz, milliseconds and level in dBm0. And how many packets it
    /// did not say.
    fn heard(&self) -> PyResult<(String, Vec<Heard>, u64)> {
        let report = match self.closed.get() {
            Some(closing) => closing.report.clone().unwrap_or_default(),
            None => self.engine.report(self.id).map_err(to_python)?,
        };
        Ok(plain(report))
    }

    /// Writes what a closed leg's terminal recorded to a WAV file.
    #[pyo3(signature = (path))]
    fn write_recording(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let closing = self.closed.get().ok_or_else(|| {
            to_python(EngineError::Terminal("a recording is written when the leg is closed"))
        })?;
        py.detach(|| {
            let bytes =
                wav::encode(&closing.recording).map_err(|error| EngineError::Wav(path.clone(), error))?;
            std::fs::write(&path, bytes).map_err(|error| EngineError::File(path.clone(), error))
        })
        .map_err(to_python)
    }

    /// For tests of isolation only: the thread that takes the leg's next packet panics there.
    fn inject_fault(&self) -> PyResult<()> {
        self.engine.inject_fault(self.id).map_err(to_python)
    }
}

/// What a leg has counted.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct Statistics {
    inner: trunkline_media::leg::Statistics,
}

#[pymethods]
impl Statistics {
    /// RTP packets accepted from the peer.
    #[getter]
    const fn packets_received(&self) -> u64 {
        self.inner.packets_received
    }

    /// Their payload octets.
    #[getter]
    const fn octets_received(&self) -> u64 {
        self.inner.octets_received
    }

    /// RTP packets sent to the peer.
    #[getter]
    const fn packets_sent(&self) -> u64 {
        self.inner.packets_sent
    }

    /// Their payload octets.
    #[getter]
    const fn octets_sent(&self) -> u64 {
        self.inner.octets_sent
    }

    /// Packets the peer sent that never came.
    #[getter]
    const fn packets_lost(&self) -> u64 {
        self.inner.packets_lost
    }

    /// Packets that came after a later one.
    #[getter]
    const fn out_of_order(&self) -> u64 {
        self.inner.out_of_order
    }

    /// Packets that came twice.
    #[getter]
    const fn duplicates(&self) -> u64 {
        self.inner.duplicates
    }

    /// Interarrival jitter in milliseconds.
    #[getter]
    const fn jitter_ms(&self) -> f64 {
        self.inner.jitter_ms
    }

    /// Estimated quality; None when nothing came.
    #[getter]
    const fn mos(&self) -> Option<f64> {
        self.inner.mos
    }

    /// Telephone-events the peer sent.
    #[getter]
    const fn dtmf_events(&self) -> u64 {
        self.inner.dtmf_events
    }

    /// Packets dropped, by reason; reasons that never occurred are left out.
    #[getter]
    fn dropped(&self) -> HashMap<&'static str, u64> {
        DropReason::ALL
            .iter()
            .zip(self.inner.dropped)
            .filter(|(_, count)| *count > 0)
            .map(|((_, name), count)| (*name, count))
            .collect()
    }
}

fn format_of((payload_type, name, ptime_ms, ilbc_frame_ms): FormatTuple) -> PyResult<Format> {
    let codec = Codec::from_name(&name, ilbc_frame_ms).filter(|_| payload_type < 128);
    let codec = codec.ok_or_else(|| argument(format!("{name:?} {payload_type} is no format of audio")))?;
    Ok(Format { payload_type, codec, ptime_ms })
}

const fn event_format((payload_type, clock_rate): (u8, u32)) -> EventFormat {
    EventFormat { payload_type, clock_rate }
}

fn read_wav(py: Python<'_>, path: &Path) -> PyResult<Arc<[i16]>> {
    py.detach(|| {
        let bytes = std::fs::read(path).map_err(|error| EngineError::File(path.to_owned(), error))?;
        wav::decode(&bytes).map_err(|error| EngineError::Wav(path.to_owned(), error))
    })
    .map(Arc::from)
    .map_err(to_python)
}

fn plain(report: TerminalReport) -> (String, Vec<Heard>, u64) {
    let heard =
        report.heard.iter().map(|tone| (tone.frequency_hz, tone.duration_ms, tone.level_dbm0)).collect();
    (report.digits, heard, report.missed)
}

fn address(text: &str) -> PyResult<IpAddr> {
    text.parse().map_err(|_| argument(format!("{text:?} is no IP address")))
}

fn keys((send, receive, receive_mki, receive_lifetime): KeyBytes) -> PyResult<SrtpKeys> {
    let master = |key: &[u8], mki: &[u8]| {
        MasterKey::new(key, mki)
            .map_err(|_| argument("SRTP needs keys of 30 octets, and identifiers of up to 128".to_owned()))
    };
    Ok(SrtpKeys { send: master(&send, &[])?, receive: master(&receive, &receive_mki)?, receive_lifetime })
}

fn flow_of(text: &str) -> PyResult<Flow> {
    match text {
        "both" => Ok(Flow::Both),
        "send" => Ok(Flow::Send),
        "receive" => Ok(Flow::Receive),
        "none" => Ok(Flow::None),
        _ => Err(argument(format!("{text:?} is no direction"))),
    }
}
