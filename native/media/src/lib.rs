//! Media without sockets, threads or clocks.
//!
//! Everything here is a pure function of bytes, addresses and `now` (microseconds, monotonic, passed in). The engine
//! crate owns sockets and threads and asks this crate what each packet means:
//!
//! * [`leg`]: one peer's side of a call: what to do with a packet that came, and where to send one that goes;
//! * [`rtp`], [`rtcp`]: headers and validity (RFC 3550 §5.1, §6, A.1, A.2), telling them apart on one port (RFC 5761);
//! * [`srtp`]: protection of RTP and RTCP (RFC 3711), taken off before anything else looks at a packet;
//! * [`latch`], [`address`]: whose packets a leg believes, and where it may send at all;
//! * [`reception`], [`mos`], [`course`]: loss, duplicates, order, jitter (RFC 3550 A.1, A.3, A.8), estimated quality
//!   (G.107), and how these went over the time of a call;
//! * [`payload`]: payload types of one leg in terms of the other's;
//! * [`dtmf`], [`injection`]: telephone-event (RFC 4733), and sending it in the midst of another leg's audio;
//! * [`format`](mod@format), [`outgoing`], [`ear`]: audio that does not pass as it is, and digits that are found in it;
//! * [`terminal`], [`tone`], [`wav`]: a far end that is not a leg: it speaks, listens and remembers.
#![forbid(unsafe_code)]

pub mod address;
pub mod course;
pub mod dtmf;
pub mod ear;
pub mod format;
pub mod injection;
pub mod latch;
pub mod leg;
pub mod mos;
pub mod outgoing;
pub mod payload;
pub mod reception;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod terminal;
pub mod tone;
pub mod wav;

/// Monotonic microseconds since a moment of the caller's choosing. Never read from a clock in this crate.
pub type Micros = u64;
