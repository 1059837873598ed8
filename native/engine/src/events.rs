//! What the engine tells its owner: a bounded queue and one eventfd that is readable while something is in it.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use trunkline_media::dtmf::tones::Digit;

use crate::error::EngineError;
use crate::leg_id::LegId;

/// More than any owner that is alive leaves waiting.
const CAPACITY: usize = 8192;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Neither leg of a bridge received RTP for the timeout while audio was expected. Told of the bridge's first leg.
    MediaTimedOut,
    /// A fault in the engine ended this leg's stream. The leg is open still, and mute.
    StreamFailed,
    /// The last of a terminal's file, or of the digits queued, has been sent.
    SourceEnded,
    /// A sound that the leg said in place of its far leg has ended by itself.
    SoundEnded,
    /// The peer of a leg that tells digits has ended one.
    Digit(Digit),
    /// An SRTP key of a leg has little left to serve.
    KeyWorn,
    /// It has served its lifetime: the leg is deaf, or mute, until there is another one.
    KeySpent,
}

/// What happened to which leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// To which leg. It may have been closed since.
    pub leg: LegId,
}

/// The queue.
#[derive(Debug)]
pub struct Events {
    fd: OwnedFd,
    queue: Mutex<VecDeque<Event>>,
}

impl Events {
    /// An empty queue.
    ///
    /// # Errors
    /// When the system has no eventfd left.
    pub fn new() -> Result<Self, EngineError> {
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(|error| EngineError::System("eventfd", error.into()))?;
        Ok(Self { fd, queue: Mutex::default() })
    }

    /// Adds an event. False when the queue is full: the caller tries again later or lets it go.
    pub fn push(&self, event: Event) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= CAPACITY {
            return false;
        }
        queue.push_back(event);
        if queue.len() == 1 {
            // The counter can't overflow: it is reset whenever the queue is emptied.
            let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
        }
        true
    }

    /// Takes everything that waits.
    #[must_use]
    pub fn drain(&self) -> Vec<Event> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = rustix::io::read(&self.fd, &mut [0; 8]);
        queue.drain(..).collect()
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn event(leg: u64) -> Event {
        Event { kind: EventKind::MediaTimedOut, leg: LegId::from_number(leg) }
    }

    fn is_readable(events: &Events) -> bool {
        let mut fds = [PollFd::new(events, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    #[test]
    fn readable_exactly_while_something_waits() {
        let events = Events::new().unwrap();
        assert!(!is_readable(&events));
        assert!(events.push(event(1)) && events.push(event(2)));
        assert!(is_readable(&events));
        assert_eq!(events.drain(), [event(1), event(2)]);
        assert!(!is_readable(&events));
        assert!(events.push(event(3)));
        assert!(is_readable(&events));
    }

    #[test]
    fn bounded() {
        let events = Events::new().unwrap();
        let accepted = (0..CAPACITY as u64 + 10).filter(|&leg| events.push(event(leg))).count();
        assert_eq!(accepted, CAPACITY);
        assert_eq!(events.drain().len(), CAPACITY);
        assert!(events.push(event(1)));
    }
}
