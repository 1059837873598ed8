//! Which port pair a new leg gets.
//!
//! Binding four sockets for a call costs tens of microseconds; taking bound ones from a list costs one. So pairs are bound a
//! few at a time, when they are first needed, and stay bound. A closed leg's pair drains first: a peer goes on sending
//! until it has learnt that the call is over, which a lost BYE delays by its retransmissions (RFC 3261 §17.1.2.1: 0.5 s,
//! then 1 s more), so two seconds by default. While the old peer still sends, nobody else is to be given the port: the next
//! call's peer may have the same host, and if it says nothing at first, the old one is taken for it, and hears that call. So
//! such a pair waits on; but who never falls silent takes no ports from others: after ten times as long it is given when
//! there is no other. Pairs are taken in a random order: a guess at the next call's port is worth little.

use std::collections::VecDeque;

use trunkline_media::Micros;

/// Pairs bound at a time.
pub(crate) const BATCH: usize = 16;
/// Below so many free pairs a worker binds more.
const LOW: usize = 16;
/// A pair whose old peer goes on sending is kept from everybody at most so many times as long.
const MAX_DRAINS: Micros = 10;

/// A small generator of even quality (xorshift64*): for shuffling, not for secrets.
#[derive(Debug)]
pub(crate) struct Shuffler(u64);

impl Shuffler {
    /// `seed` may be anything.
    #[must_use]
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number.
    pub(crate) const fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next_u64() % bound as u64) as usize
    }
}

/// What a draining slot says when its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// It may be used again.
    Ready,
    /// Its old peer still sends: ask again at this moment.
    NotBefore(Micros),
    /// Its old peer goes on sending: to be used if there is no other, or else ask again at this moment.
    AsLast(Micros),
}

/// The pairs of one address family, by slot number.
#[derive(Debug)]
pub(crate) struct Pool {
    free: Vec<u32>,
    draining: VecDeque<(Micros, u32)>,
    /// Those to be used last, with the moment to ask again.
    still_sent_to: VecDeque<(Micros, u32)>,
    unbound: Vec<u32>,
    taken_by_others: Vec<u32>,
    total: usize,
    drain_us: Micros,
    shuffler: Shuffler,
}

impl Pool {
    /// All of `slots`, none of them bound.
    #[must_use]
    pub(crate) fn new(slots: std::ops::Range<u32>, drain_us: Micros, seed: u64) -> Self {
        let mut shuffler = Shuffler::new(seed);
        let mut unbound: Vec<u32> = slots.collect();
        for index in (1..unbound.len()).rev() {
            unbound.swap(index, shuffler.below(index + 1));
        }
        Self {
            free: Vec::new(),
            draining: VecDeque::new(),
            still_sent_to: VecDeque::new(),
            total: unbound.len(),
            unbound,
            taken_by_others: Vec::new(),
            drain_us,
            shuffler,
        }
    }

    /// A bound pair that nobody uses, or sends to. `drained` is asked of each pair whose time is over.
    pub(crate) fn take(&mut self, now: Micros, drained: impl FnMut(u32) -> Drained) -> Option<u32> {
        self.collect_drained(now, drained);
        let index = match self.free.len() {
            0 => return None,
            count => self.shuffler.below(count),
        };
        Some(self.free.swap_remove(index))
    }

    /// A bound pair that nobody uses but an old peer still sends to, for when there is no other.
    pub(crate) fn take_last(&mut self) -> Option<u32> {
        self.still_sent_to.pop_front().map(|(_, slot)| slot)
    }

    /// A leg was closed.
    pub(crate) fn put_back(&mut self, slot: u32, now: Micros) {
        self.draining.push_back((now + self.drain_us, slot));
    }

    /// True when a worker should bind more pairs.
    #[must_use]
    pub(crate) fn is_low(&self) -> bool {
        self.free.len() < LOW && !self.unbound.is_empty()
    }

    /// The next pair to bind; give it back through [`Pool::bound`] or [`Pool::not_bindable`]. Ports that another
    /// program had are tried again when nothing else is left.
    pub(crate) fn next_unbound(&mut self) -> Option<u32> {
        if self.unbound.is_empty() && self.free.is_empty() {
            self.unbound.append(&mut self.taken_by_others);
        }
        self.unbound.pop()
    }

    /// It is bound now.
    pub(crate) fn bound(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// Another program has the port.
    pub(crate) fn not_bindable(&mut self, slot: u32) {
        self.taken_by_others.push(slot);
    }

    /// Pairs that drain and can't be had meanwhile, and all pairs. `drained` is asked as in [`Pool::take`].
    #[must_use]
    pub(crate) fn draining_and_total(
        &mut self,
        now: Micros,
        drained: impl FnMut(u32) -> Drained,
    ) -> (usize, usize) {
        self.collect_drained(now, drained);
        (self.draining.len(), self.total)
    }

    /// Pairs that no other program has and that are not bound yet.
    #[must_use]
    pub(crate) fn unbound(&self) -> usize {
        self.unbound.len()
    }

    fn collect_drained(&mut self, now: Micros, mut drained: impl FnMut(u32) -> Drained) {
        for _ in 0..self.draining.len() + self.still_sent_to.len() {
            let next = first_due(&mut self.draining, now).or_else(|| first_due(&mut self.still_sent_to, now));
            let Some(slot) = next else {
                break;
            };
            match drained(slot) {
                Drained::Ready => self.free.push(slot),
                Drained::NotBefore(moment) => self.draining.push_back((moment, slot)),
                Drained::AsLast(moment) => self.still_sent_to.push_back((moment, slot)),
            }
        }
    }
}

/// Takes the slot at the front, if its moment has come.
fn first_due(waiting: &mut VecDeque<(Micros, u32)>, now: Micros) -> Option<u32> {
    let &(due, slot) = waiting.front()?;
    (due <= now).then(|| {
        waiting.pop_front();
        slot
    })
}

/// Whether a pair that drains since `since`, and whose old peer last sent at `last_late`, may be used again.
#[must_use]
pub(crate) fn drained(since: Micros, last_late: Option<Micros>, drain_us: Micros, now: Micros) -> Drained {
    match last_late {
        Some(late) if late + drain_us <= now => Drained::Ready,
        Some(late) if since + MAX_DRAINS * drain_us > now => Drained::NotBefore(late + drain_us),
        Some(late) => Drained::AsLast(late + drain_us),
        None => Drained::Ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn pool(count: u32) -> Pool {
        let mut pool = Pool::new(0..count, 100, 42);
        while let Some(slot) = pool.next_unbound() {
            pool.bound(slot);
        }
        pool
    }

    fn always(_: u32) -> Drained {
        Drained::Ready
    }

    #[test]
    fn gives_each_pair_once_in_no_obvious_order() {
        let mut pool = pool(100);
        let taken: Vec<u32> = std::iter::from_fn(|| pool.take(0, always)).collect();
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 100);
        assert!(taken.windows(2).filter(|pair| pair[1] == pair[0] + 1).count() < 10);
    }

    #[test]
    fn pairs_are_bound_in_no_obvious_order() {
        let mut pool = Pool::new(0..100, 100, 42);
        let order: Vec<u32> = std::iter::from_fn(|| pool.next_unbound()).collect();
        assert_eq!(order.iter().copied().collect::<HashSet<u32>>().len(), 100);
        let neighbours = order.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) == 1).count();
        assert!(neighbours < 10, "{neighbours}");
    }

    #[test]
    fn a_closed_pair_drains() {
        let mut pool = pool(1);
        let slot = pool.take(0, always).unwrap();
        pool.put_back(slot, 10);
        assert_eq!(pool.take(109, always), None);
        assert_eq!(pool.draining_and_total(109, always), (1, 1));
        assert_eq!(pool.draining_and_total(110, |_| Drained::NotBefore(120)), (1, 1));
        assert_eq!(pool.draining_and_total(120, always), (0, 1));
        assert_eq!(pool.take(120, always), Some(slot));
    }

    #[test]
    fn a_pair_that_is_still_sent_to_waits() {
        assert_eq!(drained(0, None, 100, 100), Drained::Ready);
        assert_eq!(drained(0, Some(90), 100, 100), Drained::NotBefore(190));
        assert_eq!(drained(0, Some(90), 100, 190), Drained::Ready);
        assert_eq!(drained(0, Some(990), 100, 999), Drained::NotBefore(1090));
        assert_eq!(drained(0, Some(999), 100, 1000), Drained::AsLast(1099));
        assert_eq!(drained(0, Some(999), 100, 1099), Drained::Ready);
        let mut pool = pool(2);
        let (first, second) = (pool.take(0, always).unwrap(), pool.take(0, always).unwrap());
        pool.put_back(first, 0);
        pool.put_back(second, 1);
        let busy = |slot| if slot == first { Drained::NotBefore(500) } else { Drained::Ready };
        assert_eq!(pool.take(101, busy), Some(second));
        assert_eq!(pool.take(499, busy), None);
        assert_eq!(pool.take(500, always), Some(first));
    }

    #[test]
    fn a_pair_that_is_sent_to_for_ever_is_used_last() {
        let mut pool = pool(2);
        let (haunted, other) = (pool.take(0, always).unwrap(), pool.take(0, always).unwrap());
        pool.put_back(haunted, 0);
        let late = |now: Micros| move |_| drained(0, Some(now - 1), 100, now);
        assert_eq!(pool.take(999, late(999)), None);
        assert_eq!(pool.take_last(), None, "it is kept from everybody for ten times the drain");
        for n in 0..20 {
            let now = 1100 + n * 200;
            pool.put_back(other, now - 100);
            let drained = |slot| if slot == haunted { late(now)(slot) } else { Drained::Ready };
            assert_eq!(pool.take(now, drained), Some(other), "not while there is another");
            assert_eq!(pool.draining_and_total(now, drained), (0, 2), "it can be had");
        }
        assert_eq!(pool.take(5100, late(5100)), None);
        assert_eq!(pool.take_last(), Some(haunted));
        assert_eq!(pool.take_last(), None);
    }

    #[test]
    fn a_pair_whose_old_peer_has_ended_at_last_is_one_like_others() {
        let mut pool = pool(1);
        let slot = pool.take(0, always).unwrap();
        pool.put_back(slot, 0);
        assert_eq!(pool.take(1000, |_| drained(0, Some(999), 100, 1000)), None);
        assert_eq!(pool.take(1098, |_| drained(0, Some(999), 100, 1098)), None);
        assert_eq!(pool.take(1099, |_| drained(0, Some(999), 100, 1099)), Some(slot));
        assert_eq!(pool.take_last(), None);
    }

    #[test]
    fn no_endless_loop_when_every_pair_asks_for_a_moment_that_is_past() {
        let mut pool = pool(1);
        let slot = pool.take(0, always).unwrap();
        pool.put_back(slot, 0);
        assert_eq!(pool.take(1000, |_| Drained::NotBefore(0)), None);
    }

    #[test]
    fn ports_of_other_programs_are_tried_again_last() {
        let mut pool = Pool::new(0..2, 0, 1);
        let (first, second) = (pool.next_unbound().unwrap(), pool.next_unbound().unwrap());
        pool.not_bindable(first);
        pool.bound(second);
        assert_eq!(pool.next_unbound(), None);
        assert_eq!(pool.take(0, always), Some(second));
        assert_eq!(pool.next_unbound(), Some(first));
    }

    #[test]
    fn asks_for_more_before_it_is_empty() {
        let mut pool = Pool::new(0..100, 0, 1);
        assert!(pool.is_low());
        for _ in 0..LOW {
            let slot = pool.next_unbound().unwrap();
            pool.bound(slot);
        }
        assert!(!pool.is_low());
        pool.take(0, always).unwrap();
        assert!(pool.is_low());
    }
}
