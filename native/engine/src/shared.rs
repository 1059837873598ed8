//! What the engine's face and its threads share: slots, pools, and the clock.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use trunkline_media::Micros;

use crate::door::Door;
use crate::error::EngineError;
use crate::events::Events;
use crate::leg_id::LegId;
use crate::own_ports::LocalAddresses;
use crate::pool::{BATCH, Drained, Pool, Shuffler, drained};
use crate::settings::Settings;
use crate::slot::{Content, Slot, State};
use crate::sockets::Pair;

/// What the threads and the face share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) slots: Vec<Slot>,
    /// Where packets of each slot went last: only a hint.
    far_slots: Vec<AtomicU32>,
    /// When to look next whether the bridge that begins at each slot is silent. By themselves, side by side: of thousands of
    /// calls nearly none is to be looked at, and to find that out from the legs would be to walk through all of them.
    looks: Vec<AtomicU64>,
    pub(crate) events: Arc<Events>,
    pub(crate) doors: Vec<Door>,
    pub(crate) stopping: AtomicBool,
    pub(crate) refill: AtomicBool,
    pools: [Option<Mutex<Pool>>; 2],
    seeds: Mutex<Shuffler>,
    pub(crate) local: LocalAddresses,
    pub(crate) open: AtomicUsize,
    started: Instant,
}

/// Descriptors beyond the ports that the process may want.
const SPARE_DESCRIPTORS: u64 = 4096;

/// A moment that doesn't come.
pub(crate) const NEVER: Micros = Micros::MAX;
/// In `looks`: it is being looked at.
const LOOKING: Micros = Micros::MAX - 1;

impl Shared {
    /// Everything but the threads. Raises the limit of open files to what the range needs.
    pub(crate) fn new(settings: Settings) -> Result<Self, EngineError> {
        raise_descriptor_limit(&settings);
        let pairs = settings.pairs() as u32;
        let mut shuffler = Shuffler::new(entropy());
        let drain_us = settings.drain.as_micros() as Micros;
        let mut slots = 0;
        let mut pool = |bound: bool| {
            bound.then(|| {
                let range = slots..slots + pairs;
                slots += pairs;
                Mutex::new(Pool::new(range, drain_us, shuffler.next_u64()))
            })
        };
        let pools = [pool(settings.bind_v4.is_some()), pool(settings.bind_v6.is_some())];
        let doors = (0..settings.threads).map(|_| Door::new()).collect::<Result<_, _>>()?;
        Ok(Self {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            far_slots: (0..slots).map(AtomicU32::new).collect(),
            looks: (0..slots).map(|_| AtomicU64::new(NEVER)).collect(),
            events: Arc::new(Events::new()?),
            doors,
            stopping: AtomicBool::new(false),
            refill: AtomicBool::new(true),
            pools,
            seeds: Mutex::new(shuffler),
            local: LocalAddresses::default(),
            open: AtomicUsize::new(0),
            started: Instant::now(),
            settings,
        })
    }

    /// Microseconds since the engine was made.
    pub(crate) fn now(&self) -> Micros {
        self.started.elapsed().as_micros() as Micros
    }

    /// Locks a leg's slot; what is inside may be another leg by now.
    pub(crate) fn lock(&self, leg: LegId) -> MutexGuard<'_, Content> {
        self.slots[leg.slot as usize].lock()
    }

    /// Remembers where packets of a slot will go.
    pub(crate) fn expect_far(&self, slot: u32, far: u32) {
        self.far_slots[slot as usize].store(far, Ordering::Relaxed);
    }

    /// A bridge begins at `slot` now: its silence is looked for.
    pub(crate) fn look_for_silence(&self, slot: u32) {
        self.looks[slot as usize].store(0, Ordering::Relaxed);
    }

    /// Looks at `slot` with `look`, if that is due, which says when it will be again. A bridge that begins there meanwhile
    /// is looked at the next time.
    pub(crate) fn look_when_due(&self, slot: usize, now: Micros, look: impl FnOnce() -> Micros) {
        let place = &self.looks[slot];
        if place.load(Ordering::Relaxed) <= now {
            place.store(LOOKING, Ordering::Relaxed);
            let next = look();
            let _ = place.compare_exchange(LOOKING, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Has the processor fetch what a packet for `slot` will touch on its way.
    pub(crate) fn expect_packet(&self, slot: u32) {
        self.slots[slot as usize].expect_arrival();
        let far = self.far_slots[slot as usize].load(Ordering::Relaxed);
        self.slots[far as usize].expect_departure();
    }

    /// The address family of a slot.
    pub(crate) fn is_v6(&self, slot: u32) -> bool {
        self.pools[0].is_none() || slot as usize >= self.settings.pairs()
    }

    /// The slot of a pair of ports, by its number in the range.
    pub(crate) fn slot_of(&self, pair: usize, ipv6: bool) -> usize {
        if ipv6 && self.pools[0].is_some() { self.settings.pairs() + pair } else { pair }
    }

    /// The RTP port of a slot.
    pub(crate) fn port(&self, slot: u32) -> u16 {
        self.settings.port(slot as usize % self.settings.pairs())
    }

    pub(crate) fn bind_address(&self, ipv6: bool) -> Option<IpAddr> {
        if ipv6 { self.settings.bind_v6.map(IpAddr::V6) } else { self.settings.bind_v4.map(IpAddr::V4) }
    }

    /// Binds a slot's sockets and puts them into its thread's epoll.
    fn bind(&self, slot: u32) -> Result<(), Errno> {
        let address = self.bind_address(self.is_v6(slot)).ok_or(Errno::AFNOSUPPORT)?;
        let pair = Pair::bind(address, self.port(slot), self.settings.dscp)?;
        let place = &self.slots[slot as usize];
        place.set_pair(pair);
        let pair = place.pair().ok_or(Errno::BADF)?;
        self.doors[slot as usize % self.doors.len()].watch(slot, pair)
    }

    /// Binds one pair of each family, to find a wrong address at once.
    pub(crate) fn bind_first(&self) -> Result<(), EngineError> {
        for (ipv6, pool) in [false, true].into_iter().zip(&self.pools) {
            if let Some(pool) = pool {
                let slot = self.take_slot(ipv6, 0)?;
                lock(pool).bound(slot);
            }
        }
        Ok(())
    }

    /// Pairs that drain, and all pairs of the families bound.
    pub(crate) fn draining_and_total(&self) -> (usize, usize) {
        let now = self.now();
        self.pools
            .iter()
            .flatten()
            .map(|pool| lock(pool).draining_and_total(now, |slot| self.drained(slot, now)))
            .fold((0, 0), |sum, pool| (sum.0 + pool.0, sum.1 + pool.1))
    }

    /// A number that differs each time.
    pub(crate) fn seed(&self) -> u64 {
        self.seeds.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// Binds pairs until the pools are no longer low, at most a batch for each. A pool is locked while a pair is being bound:
    /// a pair in between would be missed by a leg that finds all others taken.
    pub(crate) fn bind_more(&self) {
        for pool in self.pools.iter().flatten() {
            for _ in 0..BATCH {
                let mut pool = lock(pool);
                if !pool.is_low() {
                    break;
                }
                if let Some(slot) = pool.next_unbound() {
                    match self.bind(slot) {
                        Ok(()) => pool.bound(slot),
                        Err(_) => pool.not_bindable(slot),
                    }
                }
            }
        }
    }

    /// A bound pair for a new leg.
    pub(crate) fn take_slot(&self, ipv6: bool, now: Micros) -> Result<u32, EngineError> {
        let pool = self.pools[usize::from(ipv6)].as_ref().ok_or(EngineError::NoFamily { ipv6 })?;
        let mut pool = lock(pool);
        let mut attempts = pool.unbound() + BATCH;
        loop {
            if let Some(slot) = pool.take(now, |slot| self.drained(slot, now)) {
                if pool.is_low() && !self.refill.swap(true, Ordering::Relaxed) {
                    self.doors[0].wake();
                }
                return Ok(slot);
            }
            let (draining, total) = pool.draining_and_total(now, |slot| self.drained(slot, now));
            let exhausted = EngineError::NoPorts { open: self.open.load(Ordering::Relaxed), draining, total };
            let unbound = if attempts == 0 { None } else { pool.next_unbound() };
            let Some(slot) = unbound else {
                return pool.take_last().ok_or(exhausted);
            };
            attempts -= 1;
            match self.bind(slot) {
                Ok(()) => pool.bound(slot),
                Err(Errno::ADDRINUSE) => pool.not_bindable(slot),
                Err(error) => {
                    pool.not_bindable(slot);
                    let address = self.bind_address(ipv6).ok_or(EngineError::Closed)?;
                    return Err(EngineError::Bind(SocketAddr::new(address, self.port(slot)), error.into()));
                }
            }
        }
    }

    fn drained(&self, slot: u32, now: Micros) -> Drained {
        let drain_us = self.settings.drain.as_micros() as Micros;
        match &self.slots[slot as usize].lock().state {
            State::Draining(state) => drained(state.since, state.last_late, drain_us, now),
            State::Idle | State::Open(_) => Drained::Ready,
        }
    }

    /// A leg was closed: its pair drains.
    pub(crate) fn give_back(&self, slot: u32, now: Micros) {
        if let Some(pool) = &self.pools[usize::from(self.is_v6(slot))] {
            lock(pool).put_back(slot, now);
        }
    }
}

fn lock(pool: &Mutex<Pool>) -> MutexGuard<'_, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that differs from run to run: the seed that the standard library draws for its hash tables.
fn entropy() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Raises the soft limit of open files to what the range needs, as far as the hard limit allows.
fn raise_descriptor_limit(settings: &Settings) {
    let families = u64::from(settings.bind_v4.is_some()) + u64::from(settings.bind_v6.is_some());
    let wanted = 2 * families * settings.pairs() as u64 + SPARE_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|&current| current < wanted) else {
        return;
    };
    let raised = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)).max(current);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::Draining;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn each_family_has_slots_of_its_own_for_the_same_ports() {
        let settings = Settings {
            bind_v4: Some(Ipv4Addr::LOCALHOST),
            bind_v6: Some(Ipv6Addr::LOCALHOST),
            ..Settings::default()
        };
        let shared = Shared::new(settings).unwrap();
        let pairs = shared.settings.pairs();
        let slots = [false, true].map(|ipv6| shared.slot_of(3, ipv6) as u32);
        assert_eq!(slots, [3, pairs as u32 + 3]);
        assert_eq!(slots.map(|slot| shared.is_v6(slot)), [false, true]);
        assert_eq!(slots.map(|slot| shared.port(slot)), [shared.settings.port(3); 2]);
        assert_eq!(shared.draining_and_total(), (0, 2 * pairs));
    }

    #[test]
    fn no_two_streams_begin_alike() {
        let shared = || Shared::new(Settings { bind_v4: Some(Ipv4Addr::LOCALHOST), ..Settings::default() });
        let (one, other) = (shared().unwrap(), shared().unwrap());
        let mut seeds: Vec<u64> = (0..100).flat_map(|_| [one.seed(), other.seed()]).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 200);
    }

    #[test]
    fn a_slot_is_looked_at_when_that_is_due_and_no_bridge_is_missed() {
        let settings = Settings { bind_v4: Some(Ipv4Addr::LOCALHOST), ..Settings::default() };
        let shared = Shared::new(settings).unwrap();
        let looked_at = |now, next| {
            let mut looked = false;
            shared.look_when_due(3, now, || {
                looked = true;
                next
            });
            looked
        };
        assert!(!looked_at(1, 0), "no bridge has begun");
        shared.look_for_silence(3);
        assert!(looked_at(1, 60));
        assert!(!looked_at(59, 0));
        assert!(looked_at(60, 0));
        assert!(looked_at(60, NEVER));
        shared.look_for_silence(3);
        shared.look_when_due(3, 61, || {
            shared.look_for_silence(3);
            NEVER
        });
        assert!(looked_at(61, NEVER), "it began while another was looked at");
        assert!(!looked_at(NEVER - 1, 0));
    }

    #[test]
    fn a_port_that_an_old_peer_goes_on_sending_to_is_given_when_there_is_no_other() {
        let settings = Settings {
            port_min: 26000,
            port_max: 26003,
            bind_v4: Some(Ipv4Addr::new(127, 0, 7, 2)),
            ..Settings::default()
        };
        let now = 60_000_000;
        let shared = Shared::new(settings).unwrap();
        let (haunted, other) = (shared.take_slot(false, 0).unwrap(), shared.take_slot(false, 0).unwrap());
        let last_late = Some(now - 20_000);
        shared.slots[haunted as usize].lock().state =
            State::Draining(Draining { since: 0, source: None, tied: false, last_late });
        shared.give_back(haunted, 0);
        for _ in 0..10 {
            shared.give_back(other, 0);
            assert_eq!(shared.take_slot(false, now).unwrap(), other);
        }
        assert_eq!(shared.take_slot(false, now).unwrap(), haunted);
        assert!(matches!(
            shared.take_slot(false, now),
            Err(EngineError::NoPorts { draining: 0, total: 2, .. })
        ));
    }
}
