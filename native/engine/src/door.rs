//! The way into a thread of the engine, for those outside it.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io::Errno;
use trunkline_media::Micros;

use crate::error::EngineError;
use crate::leg_id::LegId;
use crate::sockets::Pair;

/// What epoll says when the thread is called.
pub(crate) const CALLED: u64 = u64::MAX;

/// How the outside reaches a thread.
pub(crate) struct Door {
    /// What the thread waits at.
    pub(crate) epoll: OwnedFd,
    /// Rung to call it.
    pub(crate) bell: OwnedFd,
    /// Legs to be woken, and when, that it has not taken over yet.
    pub(crate) paced: Mutex<Vec<(Micros, LegId)>>,
}

impl Door {
    pub(crate) fn new() -> Result<Self, EngineError> {
        let system = |what| move |error: Errno| EngineError::System(what, error.into());
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(system("epoll"))?;
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).map_err(system("eventfd"))?;
        epoll::add(&epoll, &bell, epoll::EventData::new_u64(CALLED), epoll::EventFlags::IN)
            .map_err(system("epoll"))?;
        Ok(Self { epoll, bell, paced: Mutex::default() })
    }

    /// Watches a pair from now on.
    pub(crate) fn watch(&self, slot: u32, pair: &Pair) -> Result<(), Errno> {
        for (socket, bit) in [(&pair.rtp, 0), (&pair.rtcp, 1)] {
            let data = epoll::EventData::new_u64(u64::from(slot) << 1 | bit);
            epoll::add(&self.epoll, socket, data, epoll::EventFlags::IN)?;
        }
        Ok(())
    }

    /// Gets the thread out of its wait.
    pub(crate) fn wake(&self) {
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// Has a leg woken at `at`.
    pub(crate) fn pace(&self, at: Micros, leg: LegId) {
        self.paced.lock().unwrap_or_else(PoisonError::into_inner).push((at, leg));
        self.wake();
    }
}
