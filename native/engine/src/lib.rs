//! The media engine: ports, sockets and threads around the pure [`trunkline_media`] crate.
//!
//! * [`settings`]: what can be chosen, and what combinations are refused;
//! * `pool`, `sockets`: port pairs, bound once, kept in epoll, drained before they are used again;
//! * `slot`: one port pair and the leg on it, behind one lock;
//! * `relay`: one datagram's way from slot to slot;
//! * `door`: the way into a thread from outside: what to wait for, whom to wake;
//! * `worker`: the threads: epoll, pacing of terminals, a round of all legs for silence and for how audio goes;
//! * `own_ports`: our own ports as somebody's peer: what may pass between them, so that nothing runs in a circle;
//! * `shared`: what they all reach: the slots, the pools, the clock;
//! * [`events`]: what the engine tells, through one eventfd;
//! * [`engine`]: the face of it all.
//!
//! Locks: a slot's lock is held for one packet or one command, and never two slots' at a time; the pool's is never held
//! together with a slot's, except that the pool may look at a slot that nobody else has. So nothing waits for long and
//! nothing can deadlock. A door's and the events' are held for a push only, under a slot's or alone.
#![deny(unsafe_code)]

mod door;
pub mod engine;
pub mod error;
pub mod events;
mod leg_id;
mod moments;
mod own_ports;
mod pool;
mod relay;
pub mod settings;
mod shared;
mod slot;
mod sockets;
mod worker;

pub use engine::Engine;
pub use error::EngineError;
pub use events::{Event, EventKind};
pub use leg_id::LegId;
pub use settings::Settings;
