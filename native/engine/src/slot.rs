//! One port pair, and the leg on it while there is one.
//!
//! A slot lives as long as the engine; its sockets are bound when the pool first needs them and stay bound. A leg is named by
//! its slot and a generation, so that a name from an earlier call finds nothing.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use trunkline_media::Micros;
use trunkline_media::course::Course;
use trunkline_media::ear::Ear;
use trunkline_media::injection::Injection;
use trunkline_media::leg::{Arrival, Leg};
use trunkline_media::outgoing::Outgoing;
use trunkline_media::outgoing::line::Sent;
use trunkline_media::rtp::{self, Header, Kind};
use trunkline_media::srtp::{Srtp, SrtpKeys, Wear};
use trunkline_media::terminal::Terminal;

use crate::events::EventKind;
use crate::leg_id::LegId;
use crate::own_ports::Crossings;
use crate::relay::Plane;
use crate::sockets::{Pair, tie, untie};

/// What packets of a leg are for.
#[derive(Debug, Default)]
pub(crate) enum Far {
    /// Nothing yet: counted and dropped.
    #[default]
    Nothing,
    /// The other leg of a bridge.
    Leg {
        /// Which.
        leg: LegId,
        /// This is the bridge's first leg, which a timeout is told of.
        first: bool,
        /// When they were bridged.
        since: Micros,
        /// Silence has been told of.
        told: bool,
    },
    /// A source and a sink.
    Terminal(Box<Terminal>),
    /// The next packet brings the thread down, if it can: to prove that it can't.
    Fault,
    /// A fault has ended the stream.
    Failed,
}

/// A leg in use. Laid out so that what each packet needs comes first.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct OpenLeg {
    /// What it is connected to inside.
    pub(crate) far: Far,
    /// The RTP socket is tied to the leg's source.
    pub(crate) tied: bool,
    /// There is an injection with something to send.
    pub(crate) injects: bool,
    /// From when on a packet makes a point of its course.
    pub(crate) point_at: Option<NonZeroU64>,
    /// The slot whose address its peer has, if that is one of our own and it is no terminal: see [`crate::own_ports`].
    pub(crate) own_peer: Option<u32>,
    /// What protects the peer's packets and ours.
    pub(crate) srtp: Option<Box<Srtp>>,
    /// What the peer is and did.
    pub(crate) leg: Leg,
    /// Digits that are sent to the peer in the midst of the far leg's audio.
    pub(crate) injection: Option<Box<Injection>>,
    /// Listens for the peer's digits.
    pub(crate) ear: Option<Box<Ear>>,
    /// Audio of the peer's in which a digit may have begun, until that is certain.
    pub(crate) suspects: Vec<Suspect>,
    /// What is sent to the peer that does not come as it is; `None` until something had to be.
    pub(crate) outgoing: Option<Box<Outgoing>>,
    /// The last packet that passed to the peer while there was no `outgoing`.
    pub(crate) passed: Option<Sent>,
    /// When its thread will wake it, whatever other moments were asked for.
    pub(crate) wakes_at: Option<Micros>,
    /// What has come from our own ports lately.
    pub(crate) crossings: Crossings,
    /// How the peer's audio goes, once that is followed: up to the last packet that was due to make a point.
    pub(crate) course: Option<Box<Course>>,
}

/// An accepted packet that is kept back.
#[derive(Debug)]
pub(crate) struct Suspect {
    pub(crate) header: Header,
    pub(crate) arrival: Arrival,
    pub(crate) packet: Vec<u8>,
}

impl OpenLeg {
    /// When it has something to do that no packet brings about.
    pub(crate) fn due_at(&self) -> Option<Micros> {
        let outgoing = self.outgoing.as_ref().map(|outgoing| outgoing.due_at());
        let ear = self.ear.as_ref().and_then(|ear| ear.gone_at());
        let far = match (&self.far, &self.injection) {
            _ if self.is_speaking() => None,
            (Far::Terminal(terminal), _) => Some(terminal.next_at()),
            (_, Some(injection)) if self.injects => Some(injection.silent_at()),
            _ => None,
        };
        [outgoing, ear, far].into_iter().flatten().min()
    }

    /// Follows how the peer's audio goes; again, and it goes on.
    pub(crate) fn follow(&mut self, now: Micros) {
        let course = self.course.get_or_insert_with(|| Box::new(Course::begin(now)));
        self.point_at = course.due_at().and_then(NonZeroU64::new);
    }

    /// Brings the course up to `now`. A packet that comes when a point is due does so before it is counted, so nobody has
    /// to be woken for a course; whoever reads it makes the points of a silence.
    pub(crate) fn note_course(&mut self, now: Micros) {
        if let Some(course) = &mut self.course {
            course.look_after(self.leg.last_rtp(), now, self.leg.count());
            self.point_at = course.due_at().and_then(NonZeroU64::new);
        }
    }

    /// True while it says something of its own in place of what comes from its far end.
    pub(crate) fn is_speaking(&self) -> bool {
        self.outgoing.as_ref().is_some_and(|outgoing| outgoing.is_speaking())
    }

    /// What the leg sends of its own, made when first needed. It goes on with digits that were sent in the midst of what passed.
    pub(crate) fn outgoing(&mut self, seed: impl FnOnce() -> u64, now: Micros) -> &mut Outgoing {
        let (leg, passed) = (&self.leg, self.passed);
        let (injects, injection) = (&mut self.injects, &mut self.injection);
        self.outgoing.get_or_insert_with(|| {
            let mut outgoing = Outgoing::new(passed, seed(), now);
            if let Some(remote) = leg.remote() {
                outgoing.set_formats(remote.speaks, remote.takes_events);
            }
            *injects = false;
            if let Some(injection) = injection.take().filter(|injection| !injection.is_idle()) {
                let (digits, format) = injection.into_rest();
                outgoing.take_digits(digits, format, now);
            }
            Box::new(outgoing)
        })
    }

    /// True when digits are to be sent in the midst of audio that does not pass.
    pub(crate) fn injects_in_vain(&self, now: Micros) -> bool {
        let is_silent = |injection: &Injection| injection.silent_at() <= now;
        self.injects
            && !matches!(self.far, Far::Terminal(_))
            && self.injection.as_deref().is_some_and(is_silent)
    }

    /// Takes what a remote says of formats and digits.
    pub(crate) fn set_formats(&mut self) {
        let Some(remote) = self.leg.remote() else {
            return;
        };
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.set_formats(remote.speaks, remote.takes_events);
        }
        if !(remote.finds_tones || remote.tells_digits) {
            (self.ear, self.suspects) = (None, Vec::new());
        } else if self.ear.is_none() {
            self.ear = Some(Box::default());
        }
    }

    /// Ties the socket once the source can't change any more.
    pub(crate) fn tie_if_settled(&mut self, pair: &Pair) {
        if self.tied {
            return;
        }
        if let Some(source) = self.leg.settled_source() {
            self.tied = tie(&pair.rtp, source);
        }
    }

    /// Takes the keys of a remote: `None` for packets without protection.
    pub(crate) fn set_keys(&mut self, keys: Option<SrtpKeys>, now: Micros) {
        match (keys, &mut self.srtp) {
            (Some(keys), Some(srtp)) => srtp.set_keys(keys, now),
            (Some(keys), none) => *none = Some(Box::new(Srtp::new(keys))),
            (None, srtp) => *srtp = None,
        }
    }

    /// What is to be told of its keys.
    pub(crate) fn news_of_keys(&mut self) -> Option<EventKind> {
        match self.srtp.as_mut()?.news_of_wear()? {
            Wear::Good => None,
            Wear::Worn => Some(EventKind::KeyWorn),
            Wear::Spent => Some(EventKind::KeySpent),
        }
    }

    /// Takes its protection off a datagram, before anything else may believe it: how long what is left is. `None` for one
    /// that doesn't hold up; it has been counted.
    pub(crate) fn unprotect(&mut self, plane: Plane, packet: &mut [u8], now: Micros) -> Option<usize> {
        let Some(srtp) = &mut self.srtp else {
            return Some(packet.len());
        };
        let is_rtcp = plane == Plane::Rtcp || rtp::kind(packet) == Kind::Rtcp;
        let result = if is_rtcp { srtp.unprotect_rtcp(packet, now) } else { srtp.unprotect_rtp(packet, now) };
        result.map_err(|error| self.leg.count_drop(error.into())).ok()
    }

    /// Protects the packet in the first `length` octets of `buffer`, after everything else: what to send. `None` when it
    /// must not be sent; it has been counted.
    pub(crate) fn protect<'a>(
        &mut self,
        plane: Plane,
        buffer: &'a mut [u8],
        length: usize,
    ) -> Option<&'a [u8]> {
        let Some(srtp) = &mut self.srtp else {
            return Some(&buffer[..length]);
        };
        let result = match plane {
            Plane::Rtp => srtp.protect_rtp(buffer, length),
            Plane::Rtcp => srtp.protect_rtcp(buffer, length),
        };
        result.map_err(|error| self.leg.count_drop(error.into())).ok().map(|length| &buffer[..length])
    }

    /// Unties the socket.
    pub(crate) fn untie(&mut self, pair: &Pair) {
        if std::mem::take(&mut self.tied) {
            untie(&pair.rtp);
        }
    }
}

/// A pair that waits for late packets to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draining {
    /// Since when.
    pub since: Micros,
    /// The source that the leg was latched onto: only its packets count as late ones.
    pub source: Option<SocketAddr>,
    /// The socket is still tied to it.
    pub tied: bool,
    /// When the last late packet came.
    pub last_late: Option<Micros>,
}

/// What a slot's pair is doing. The leg lies in the slot itself, so that its address is known without reading the slot.
#[derive(Debug, Default)]
#[expect(clippy::large_enum_variant, reason = "it is the slot that is large, and there is one per port pair")]
pub(crate) enum State {
    /// Nothing.
    #[default]
    Idle,
    /// Carrying a leg.
    Open(OpenLeg),
    /// Waiting to be used again.
    Draining(Draining),
}

/// What the lock protects.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Content {
    /// Counts the legs that this slot has had.
    pub generation: u32,
    /// What it is doing.
    pub state: State,
}

impl Content {
    /// The leg of this generation, if it is still there.
    pub(crate) fn open(&mut self, generation: u32) -> Option<&mut OpenLeg> {
        match &mut self.state {
            State::Open(open) if self.generation == generation => Some(open),
            _ => None,
        }
    }
}

/// One port pair. What a packet touches first comes first, in whole cache lines.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    pair: OnceLock<Pair>,
    has_terminal: AtomicBool,
    content: Mutex<Content>,
}

/// Lines of a slot that receiving a packet touches, and sending one.
const LINES_TO_RECEIVE: usize = 4;
const LINES_TO_SEND: usize = 3;

impl Slot {
    /// Has the processor fetch what receiving a packet here will touch.
    pub(crate) fn expect_arrival(&self) {
        prefetch(self, LINES_TO_RECEIVE);
    }

    /// Has the processor fetch what sending a packet from here will touch.
    pub(crate) fn expect_departure(&self) {
        prefetch(self, LINES_TO_SEND);
    }

    /// The sockets, once bound.
    pub(crate) fn pair(&self) -> Option<&Pair> {
        self.pair.get()
    }

    /// Gives it its sockets, once.
    pub(crate) fn set_pair(&self, pair: Pair) {
        let _ = self.pair.set(pair);
    }

    /// Locks it. A panic while it was locked has been dealt with where it was caught.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when packets to this port end here: sending to it can't go round in a circle.
    pub(crate) fn has_terminal(&self) -> bool {
        self.has_terminal.load(Ordering::Relaxed)
    }

    /// Sets [`Slot::has_terminal`].
    pub(crate) fn set_has_terminal(&self, has_terminal: bool) {
        self.has_terminal.store(has_terminal, Ordering::Relaxed);
    }
}

/// Hints that the first `lines` cache lines of `slot` will be wanted soon. With hundreds of calls they have left the cache
/// since their last packet, and a batch of misses at once costs little more than one.
fn prefetch(slot: &Slot, lines: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..lines {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = std::ptr::from_ref(slot).cast::<i8>().wrapping_add(64 * line);
        // SAFETY: a prefetch reads nothing: it is a hint, and valid for any address.
        #[expect(unsafe_code, reason = "there is no safe prefetch")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(address);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slot, lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_found_by_its_generation_only() {
        let slot = Slot::default();
        let mut content = slot.lock();
        assert!(content.open(0).is_none());
        content.generation = 7;
        content.state = State::Open(OpenLeg::default());
        assert!(content.open(7).is_some());
        assert!(content.open(6).is_none());
    }

    #[test]
    fn a_panic_under_the_lock_does_not_lock_everyone_out() {
        let slot = Slot::default();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _content = slot.lock();
            panic!("on purpose");
        }));
        assert!(result.is_err());
        slot.lock().generation = 1;
        assert_eq!(slot.lock().generation, 1);
    }
}
