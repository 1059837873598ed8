//! The engine's face: legs are opened, pointed at peers, bridged, given terminals, read and closed.
//!
//! Every call takes a microsecond or a few: it changes a slot under its lock, and the thread that relays sees the change with
//! the next packet. Nothing is queued and no thread is woken, except for a terminal (which speaks unasked) and when the
//! pool runs low.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use trunkline_media::course::Course;
use trunkline_media::dtmf::NotADigit;
use trunkline_media::leg::{Remote, Statistics};
use trunkline_media::outgoing::speech::Sound;
use trunkline_media::terminal::{Source, Terminal, TerminalPlan};
use trunkline_media::tone::Heard;

use crate::door::Door;
use crate::error::EngineError;
use crate::events::{Event, Events};
use crate::leg_id::LegId;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::slot::{Draining, Far, OpenLeg, State};
use crate::worker;

/// What a terminal heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TerminalReport {
    /// DTMF digits, in order.
    pub digits: String,
    /// The frequencies it listened for.
    pub heard: Vec<Heard>,
    /// Packets that it did not say, since the engine was held up.
    pub missed: u64,
}

/// The last words of a leg.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// Its counters.
    pub statistics: Statistics,
    /// How its peer's audio went; `None` when that wasn't followed.
    pub course: Option<Box<Course>>,
    /// What its terminal heard; `None` when it had none.
    pub report: Option<TerminalReport>,
    /// What its terminal recorded.
    pub recording: Vec<i16>,
}

/// How full the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// Legs open.
    pub open: usize,
    /// Pairs that drain.
    pub draining: usize,
    /// Pairs in the range, over the families bound.
    pub total: usize,
}

/// The media engine. Dropping it stops it.
pub struct Engine {
    shared: RwLock<Option<Arc<Shared>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    events: Arc<Events>,
}

impl Engine {
    /// Starts the threads. One pair of each family is bound at once, so that a wrong address is found at once.
    ///
    /// # Errors
    /// [`EngineError::Setting`], or [`EngineError::Bind`] when an address can't be bound.
    pub fn start(settings: Settings) -> Result<Self, EngineError> {
        settings.check()?;
        let shared = Arc::new(Shared::new(settings)?);
        shared.bind_first()?;
        let mut threads = Vec::with_capacity(shared.doors.len());
        for index in 0..shared.doors.len() {
            let worker = Arc::clone(&shared);
            let thread = std::thread::Builder::new()
                .name(format!("media-{index}"))
                .spawn(move || worker::run(&worker, index))
                .map_err(|error| EngineError::System("starting a media thread", error))?;
            threads.push(thread);
        }
        shared.doors[0].wake(); // to bind the first batch
        let events = Arc::clone(&shared.events);
        Ok(Self { shared: RwLock::new(Some(shared)), threads: Mutex::new(threads), events })
    }

    /// Ends the threads and frees the ports. Idempotent; every call but [`Engine::drain_events`] fails from here on.
    pub fn stop(&self) {
        let Some(shared) = self.shared.write().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        shared.stopping.store(true, Ordering::Relaxed);
        shared.doors.iter().for_each(Door::wake);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has nothing left to say.
            let _ = thread.join();
        }
    }

    fn shared(&self) -> Result<Arc<Shared>, EngineError> {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        shared.as_ref().map(Arc::clone).ok_or(EngineError::Stopped)
    }

    /// Readable while events wait.
    #[must_use]
    pub fn event_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// Takes the events that wait.
    #[must_use]
    pub fn drain_events(&self) -> Vec<Event> {
        self.events.drain()
    }

    /// Opens a leg: its name, the address to advertise, its RTP port.
    ///
    /// # Errors
    /// [`EngineError::NoPorts`]; [`EngineError::NoFamily`] when the family is not bound.
    pub fn open(&self, ipv6: bool) -> Result<(LegId, IpAddr, u16), EngineError> {
        let shared = self.shared()?;
        let slot = shared.take_slot(ipv6, shared.now())?;
        let place = &shared.slots[slot as usize];
        let mut content = place.lock();
        if let (State::Draining(Draining { tied: true, .. }), Some(pair)) = (&content.state, place.pair()) {
            crate::sockets::untie(&pair.rtp);
        }
        content.generation = content.generation.wrapping_add(1);
        content.state = State::Open(OpenLeg::default());
        let leg = LegId { slot, generation: content.generation };
        drop(content);
        shared.open.fetch_add(1, Ordering::Relaxed);
        let address = shared.settings.advertised(ipv6).ok_or(EngineError::Closed)?;
        Ok((leg, address, shared.port(slot)))
    }

    /// Sets or changes a leg's peer.
    ///
    /// # Errors
    /// [`EngineError::Closed`]; [`EngineError::Argument`] when the peer's address is of the other family;
    /// [`EngineError::Terminal`] when the leg has a terminal and the peer speaks no G.711: nothing is changed then.
    pub fn set_remote(&self, leg: LegId, mut remote: Remote) -> Result<(), EngineError> {
        let shared = self.shared()?;
        if remote.rtp.is_ipv6() != shared.is_v6(leg.slot) {
            return Err(EngineError::Argument(format!("{} is of the other address family", remote.rtp.ip())));
        }
        let mut content = shared.lock(leg);
        let open = content.open(leg.generation).ok_or(EngineError::Closed)?;
        if let Far::Terminal(terminal) = &mut open.far {
            if !terminal.set_remote(&remote) {
                return Err(EngineError::Terminal("the peer has no format that a terminal speaks"));
            }
        }
        let is_terminal = matches!(open.far, Far::Terminal(_));
        let may_send = shared.may_send_to(remote.rtp, leg.slot, is_terminal);
        if may_send && !is_terminal {
            shared.turn_inwards(&mut remote);
        }
        let now = shared.now();
        open.set_keys(remote.srtp.take(), now);
        if open.leg.set_remote(remote, may_send, now) {
            if let Some(pair) = shared.slots[leg.slot as usize].pair() {
                open.untie(pair);
            }
        }
        shared.note_own_peer(open);
        open.set_formats();
        Ok(())
    }

    /// Relays between two legs, both ways, in place of whatever either was connected to.
    ///
    /// # Errors
    /// [`EngineError::NotTwoLegs`], [`EngineError::Closed`].
    pub fn bridge(&self, first: LegId, second: LegId) -> Result<(), EngineError> {
        let shared = self.shared()?;
        if first == second {
            return Err(EngineError::NotTwoLegs);
        }
        let since = shared.now();
        // Each direction works only while both point at each other, so a half-made bridge carries nothing.
        for (leg, other, is_first) in [(first, second, true), (second, first, false)] {
            let mut content = shared.lock(leg);
            let open = content.open(leg.generation).ok_or(EngineError::Closed)?;
            open.far = Far::Leg { leg: other, first: is_first, since, told: false };
            open.leg.reconsider(|address| shared.may_send_to(address, leg.slot, false));
            shared.note_own_peer(open);
            shared.slots[leg.slot as usize].set_has_terminal(false);
            shared.expect_far(leg.slot, other.slot);
            if is_first {
                shared.look_for_silence(leg.slot);
            }
        }
        Ok(())
    }

    /// Connects a leg to a source and a sink instead of another leg.
    ///
    /// # Errors
    /// [`EngineError::Closed`]; [`EngineError::Argument`] for a tone out of range; [`EngineError::Terminal`] when the
    /// leg's peer is known and speaks no G.711.
    pub fn terminate(
        &self,
        leg: LegId,
        source: Source,
        listen_for: Vec<f64>,
        record_samples: usize,
    ) -> Result<(), EngineError> {
        let shared = self.shared()?;
        let seed = shared.seed();
        let now = shared.now();
        let plan = TerminalPlan { source, listen_for, record_samples, seed };
        let mut terminal = Terminal::new(plan, now).map_err(impossible_tone)?;
        {
            let mut content = shared.lock(leg);
            let open = content.open(leg.generation).ok_or(EngineError::Closed)?;
            if open.leg.remote().is_some_and(|remote| !terminal.set_remote(remote)) {
                return Err(EngineError::Terminal("the peer has no format that a terminal speaks"));
            }
            open.far = Far::Terminal(Box::new(terminal));
            open.leg.reconsider(|address| shared.may_send_to(address, leg.slot, true));
            shared.note_own_peer(open);
            shared.slots[leg.slot as usize].set_has_terminal(true);
            shared.wake_when_due(open, leg);
        }
        Ok(())
    }

    /// Changes what a terminal says.
    ///
    /// # Errors
    /// [`EngineError::Closed`], [`EngineError::Terminal`] without one, [`EngineError::Argument`] for a tone out of range.
    pub fn play(&self, leg: LegId, source: Source) -> Result<(), EngineError> {
        self.with_terminal(leg, |terminal| terminal.play(source).map_err(impossible_tone))
    }

    /// Sends digits to a leg's peer as telephone-events, each so long: from its terminal, or in the midst of what the far
    /// leg sends.
    ///
    /// # Errors
    /// [`EngineError::Closed`]; [`EngineError::Terminal`] when the peer takes no telephone-events;
    /// [`EngineError::Argument`] when one is no digit.
    pub fn send_digits(&self, leg: LegId, digits: &str, duration_ms: u32) -> Result<(), EngineError> {
        let no_digit = |digit: NotADigit| EngineError::Argument(format!("{:?} is no DTMF digit", digit.0));
        let none_taken = EngineError::Terminal("the peer takes no telephone-events");
        let shared = self.shared()?;
        let mut content = shared.lock(leg);
        let open = content.open(leg.generation).ok_or(EngineError::Closed)?;
        if let Far::Terminal(terminal) = &mut open.far {
            let taken = terminal.send_digits(digits, duration_ms).map_err(no_digit)?;
            return if taken { Ok(()) } else { Err(none_taken) };
        }
        shared.queue_digits(open, digits, duration_ms, shared.now())?;
        shared.wake_when_due(open, leg);
        Ok(())
    }

    /// Has a leg say a sound to its peer in place of the far leg's audio; `None` ends it.
    ///
    /// # Errors
    /// [`EngineError::Closed`]; [`EngineError::Terminal`] when the peer has no format for it.
    pub fn announce(&self, leg: LegId, sound: Option<Sound>) -> Result<(), EngineError> {
        let shared = self.shared()?;
        let now = shared.now();
        let mut content = shared.lock(leg);
        let open = content.open(leg.generation).ok_or(EngineError::Closed)?;
        if sound.is_none() && open.outgoing.is_none() {
            return Ok(());
        }
        if !open.outgoing(|| shared.seed(), now).announce(sound, now) {
            return Err(EngineError::Terminal("the peer has no format for a sound"));
        }
        shared.wake_when_due(open, leg);
        Ok(())
    }

    /// What a terminal has heard so far.
    ///
    /// # Errors
    /// [`EngineError::Closed`], [`EngineError::Terminal`] without one.
    pub fn report(&self, leg: LegId) -> Result<TerminalReport, EngineError> {
        self.with_terminal(leg, |terminal| Ok(report_of(terminal)))
    }

    fn with_terminal<T>(
        &self,
        leg: LegId,
        action: impl FnOnce(&mut Terminal) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let shared = self.shared()?;
        let mut content = shared.lock(leg);
        match &mut content.open(leg.generation).ok_or(EngineError::Closed)?.far {
            Far::Terminal(terminal) => action(terminal),
            _ => Err(EngineError::Terminal("the leg has no terminal")),
        }
    }

    /// A leg's counters.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub fn statistics(&self, leg: LegId) -> Result<Statistics, EngineError> {
        let shared = self.shared()?;
        let mut content = shared.lock(leg);
        Ok(content.open(leg.generation).ok_or(EngineError::Closed)?.leg.statistics())
    }

    /// Follows how the audio of a leg's peer goes from now on; again, and it goes on.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub fn follow(&self, leg: LegId) -> Result<(), EngineError> {
        let shared = self.shared()?;
        let now = shared.now();
        let mut content = shared.lock(leg);
        let open = content.open(leg.generation).ok_or(EngineError::Closed)?;
        open.follow(now);
        Ok(())
    }

    /// How it went so far; `None` when it isn't followed.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub fn course(&self, leg: LegId) -> Result<Option<Course>, EngineError> {
        let shared = self.shared()?;
        let mut content = shared.lock(leg);
        let open = content.open(leg.generation).ok_or(EngineError::Closed)?;
        open.note_course(shared.now());
        Ok(open.course.as_deref().cloned())
    }

    /// The source that a leg is latched onto.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub fn source(&self, leg: LegId) -> Result<Option<SocketAddr>, EngineError> {
        let shared = self.shared()?;
        let mut content = shared.lock(leg);
        Ok(content.open(leg.generation).ok_or(EngineError::Closed)?.leg.source())
    }

    /// Ends a leg. Its ports drain; late packets of its peer are swallowed meanwhile.
    ///
    /// # Errors
    /// [`EngineError::Closed`] when it was.
    pub fn close(&self, leg: LegId) -> Result<Closing, EngineError> {
        let shared = self.shared()?;
        let now = shared.now();
        let mut open = {
            let mut content = shared.lock(leg);
            let open = content.open(leg.generation).ok_or(EngineError::Closed)?;
            let draining = State::Draining(Draining {
                since: now,
                source: open.leg.source(),
                tied: open.tied,
                last_late: None,
            });
            let State::Open(open) = std::mem::replace(&mut content.state, draining) else {
                return Err(EngineError::Closed);
            };
            shared.slots[leg.slot as usize].set_has_terminal(false);
            open
        };
        shared.give_back(leg.slot, now);
        shared.open.fetch_sub(1, Ordering::Relaxed);
        let statistics = open.leg.statistics();
        open.note_course(now);
        let mut course = open.course.take();
        if let Some(course) = &mut course {
            course.end(now, open.leg.count());
        }
        Ok(match open.far {
            Far::Terminal(mut terminal) => Closing {
                statistics,
                course,
                report: Some(report_of(&terminal)),
                recording: terminal.take_recording(),
            },
            _ => Closing { statistics, course, ..Closing::default() },
        })
    }

    /// How full it is.
    ///
    /// # Errors
    /// [`EngineError::Stopped`].
    pub fn occupancy(&self) -> Result<Occupancy, EngineError> {
        let shared = self.shared()?;
        let (draining, total) = shared.draining_and_total();
        Ok(Occupancy { open: shared.open.load(Ordering::Relaxed), draining, total })
    }

    /// Makes the thread that takes the leg's next packet panic there: to prove that this costs the leg only.
    ///
    /// # Errors
    /// [`EngineError::Closed`].
    pub fn inject_fault(&self, leg: LegId) -> Result<(), EngineError> {
        let shared = self.shared()?;
        let mut content = shared.lock(leg);
        content.open(leg.generation).ok_or(EngineError::Closed)?.far = Far::Fault;
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn report_of(terminal: &Terminal) -> TerminalReport {
    let digits = terminal.digits().to_owned();
    TerminalReport { digits, heard: terminal.heard(), missed: terminal.missed() }
}

fn impossible_tone(_: trunkline_media::terminal::ImpossibleTone) -> EngineError {
    EngineError::Argument(
        "a tone has one or two frequencies of 50-3900 Hz at -60 to +3 dBm0, with some sound in its cadence; at most 16 \
         frequencies can be listened for"
            .to_owned(),
    )
}
