//! A thread of the engine: waits for datagrams and for the moments at which legs have something to do, and looks for silent
//! calls every few seconds.
//!
//! It reads one datagram per wake-up of a socket, which level-triggered epoll makes the cheapest way (no read that finds
//! nothing), and it stamps all datagrams of a batch with the batch's time. While there is much to do it looks at
//! intervals instead of being woken for each: being woken costs as much as relaying. A panic is caught at the datagram or moment that
//! caused it: that leg's stream fails, the thread goes on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use trunkline_media::Micros;

use crate::door::{CALLED, Door};
use crate::leg_id::LegId;
use crate::relay::{BUFFER, Plane};
use crate::shared::{NEVER, Shared};

/// Datagrams taken between two looks at the clock.
const EVENTS: usize = 64;
/// Silent calls are looked for this often at the least.
const ROUND_US: Micros = 2_500_000;

/// Looks at the amount of work are this far apart.
const LOAD_US: Micros = 100_000;
/// Datagrams in that time from which on it is much: twenty calls' worth.
const MUCH: usize = 200;

/// The thread's life.
pub(crate) fn run(shared: &Shared, index: usize) {
    let (due, load) = (BinaryHeap::new(), Load::default());
    Worker { shared, index, due, load, next_round: 0, buffer: [0; BUFFER] }.run();
}

/// How much there was to do lately.
#[derive(Debug, Default)]
struct Load {
    is_heavy: bool,
    events: usize,
    since: Micros,
}

impl Load {
    fn note(&mut self, events: usize, now: Micros) {
        self.events += events;
        if now >= self.since + LOAD_US {
            // A longer wait than that is no load at all.
            self.is_heavy = self.events >= MUCH && now < self.since + 2 * LOAD_US;
            (self.events, self.since) = (0, now);
        }
    }
}

struct Worker<'a> {
    shared: &'a Shared,
    index: usize,
    /// When legs have something to do that no packet brings about.
    due: BinaryHeap<Reverse<(Micros, LegId)>>,
    load: Load,
    next_round: Micros,
    buffer: [u8; BUFFER],
}

impl Worker<'_> {
    fn run(&mut self) {
        let shared = self.shared;
        let door = &shared.doors[self.index];
        let mut ready: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
        let gather = shared.settings.gather.as_micros() as Micros;
        let mut now = shared.now();
        while !shared.stopping.load(Ordering::Relaxed) {
            let gathers = self.load.is_heavy && gather > 0;
            if gathers && ready.len() < EVENTS {
                let idle = (now + gather).saturating_sub(shared.now());
                std::thread::sleep(Duration::from_micros(idle));
            }
            ready.clear();
            let timeout = if gathers { Timespec::default() } else { self.timeout(shared.now()) };
            // Interrupted or not, the loop goes on with what is due.
            let _ = epoll::wait(&door.epoll, spare_capacity(&mut ready), Some(&timeout));
            now = shared.now();
            self.load.note(ready.len(), now);
            for event in &ready {
                let data = event.data.u64();
                if data != CALLED {
                    shared.expect_packet((data >> 1) as u32);
                }
            }
            for event in &ready {
                match event.data.u64() {
                    CALLED => self.answer(door),
                    data => {
                        let plane = if data & 1 == 0 { Plane::Rtp } else { Plane::Rtcp };
                        self.carry((data >> 1) as u32, plane, now);
                    }
                }
            }
            self.wake_legs(now);
            if now >= self.next_round {
                self.look_round(now);
            }
        }
    }

    fn timeout(&self, now: Micros) -> Timespec {
        let due = self.due.peek().map_or(Micros::MAX, |Reverse((at, _))| *at);
        // epoll counts in milliseconds: rounded up, a moment that is due is due when it returns.
        let wait_ms = due.min(self.next_round).saturating_sub(now).div_ceil(1000);
        Timespec { tv_sec: (wait_ms / 1000) as i64, tv_nsec: (wait_ms % 1000 * 1_000_000) as i64 }
    }

    fn answer(&mut self, door: &Door) {
        let _ = rustix::io::read(&door.bell, &mut [0; 8]);
        let paced = std::mem::take(&mut *door.paced.lock().unwrap_or_else(PoisonError::into_inner));
        self.due.extend(paced.into_iter().map(Reverse));
        if self.index == 0 && self.shared.refill.swap(false, Ordering::Relaxed) {
            self.shared.bind_more();
        }
    }

    fn carry(&mut self, slot: u32, plane: Plane, now: Micros) {
        let (shared, buffer) = (self.shared, &mut self.buffer);
        if catch_unwind(AssertUnwindSafe(|| shared.carry(slot, plane, buffer, now))).is_err() {
            shared.fail(slot);
        }
    }

    fn wake_legs(&mut self, now: Micros) {
        while let Some(&Reverse((at, leg))) = self.due.peek() {
            if at > now {
                break;
            }
            self.due.pop();
            let (shared, buffer) = (self.shared, &mut self.buffer);
            match catch_unwind(AssertUnwindSafe(|| shared.wake(leg, at, buffer, now))) {
                Ok(Some(next)) => self.due.push(Reverse((next, leg))),
                Ok(None) => {}
                Err(_) => shared.fail(leg.slot),
            }
        }
    }

    fn look_round(&mut self, now: Micros) {
        let timeout = self.shared.settings.timeout.as_micros() as Micros;
        self.next_round = now + ROUND_US.min(timeout / 4 + 1);
        let shared = self.shared;
        for slot in (self.index..shared.slots.len()).step_by(shared.doors.len()) {
            shared.look_when_due(slot, now, || {
                catch_unwind(AssertUnwindSafe(|| shared.check_silence(slot as u32, now))).unwrap_or_else(
                    |_| {
                        shared.fail(slot as u32);
                        NEVER
                    },
                )
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_heavy_while_much_comes_and_light_again_after() {
        let mut load = Load::default();
        for n in 1..=40 {
            load.note(10, n * 10_000);
        }
        assert!(!load.is_heavy, "1000 a second");
        for n in 41..=80 {
            load.note(25, n * 10_000);
        }
        assert!(load.is_heavy, "2500 a second");
        load.note(1, 1_000_000);
        assert!(!load.is_heavy, "a pause");
    }
}
