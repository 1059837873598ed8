//! Packet indices: which one a sequence number stands for (RFC 3711 §3.3.1), and which were seen (§3.3.2).

/// Indices that a replay list remembers; §3.3.2 asks for 64 at least.
pub(super) const WINDOW: u64 = 128;
/// Indices that RTP has: 48 bits.
pub(super) const INDICES: u64 = 1 << 48;

/// The indices that were seen: the highest, and which of the [`WINDOW`] up to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReplayList {
    /// Bit n stands for `highest - n`; none is set before the first index.
    seen: u128,
    highest: u64,
}

impl ReplayList {
    /// The highest index seen.
    pub(super) const fn highest(&self) -> Option<u64> {
        if self.seen == 0 { None } else { Some(self.highest) }
    }

    /// True for an index that was not seen and is not too old to tell.
    pub(super) const fn is_fresh(&self, index: u64) -> bool {
        if self.seen == 0 || index > self.highest {
            return true;
        }
        let age = self.highest - index;
        age < WINDOW && self.seen >> age & 1 == 0
    }

    /// Notes an index that is fresh.
    pub(super) const fn note(&mut self, index: u64) {
        if self.seen == 0 || index > self.highest {
            let step = index - self.highest;
            self.seen = if step < WINDOW { self.seen << step | 1 } else { 1 };
            self.highest = index;
        } else {
            self.seen |= 1 << (self.highest - index);
        }
    }
}

/// The index nearest to `highest` that ends in `sequence`; the next one up where the nearest would be below zero. (By the
/// letter of §3.3.1 that would be one of the rollover counter 2^32 - 1, which no sender has; a sender whose sequence has
/// leapt more than half of its range ahead before its first rollover is understood this way.)
pub(super) const fn nearest(highest: u64, sequence: u16) -> u64 {
    let step = sequence.wrapping_sub(highest as u16) as i16;
    match highest.checked_add_signed(step as i64) {
        Some(index) => index,
        None => sequence as u64,
    }
}

/// The rollover counter of an index.
pub(super) const fn rollover(index: u64) -> u32 {
    (index >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_index_is_that_of_appendix_a() {
        assert_eq!(nearest(10, 11), 11);
        assert_eq!(nearest(10, 9), 9);
        assert_eq!(nearest(0xffff, 0), 0x1_0000);
        assert_eq!(nearest(0x1_0000, 0xffff), 0xffff);
        assert_eq!(nearest(0x1_0005, 0x8004), 0x1_8004);
        assert_eq!(nearest(0x1_0005, 0x8006), 0x8006);
        assert_eq!(nearest(0x1_fff0, 0x0010), 0x2_0010);
        assert_eq!(rollover(nearest(0x1_fff0, 0x0010)), 2);
    }

    #[test]
    fn before_the_first_rollover_there_is_nothing() {
        assert_eq!(nearest(10, 0xffff), 0xffff);
        assert_eq!(nearest(10, 40_000), 40_000);
    }

    #[test]
    fn an_index_is_fresh_once() {
        let mut list = ReplayList::default();
        assert_eq!(list.highest(), None);
        for index in [0, 5, 3, 4, 200, 73] {
            assert!(list.is_fresh(index), "{index}");
            list.note(index);
            assert!(!list.is_fresh(index), "{index}");
        }
        assert_eq!(list.highest(), Some(200));
        assert!(list.is_fresh(74) && list.is_fresh(199) && list.is_fresh(201));
        assert!(!list.is_fresh(72), "too old to tell");
        assert!(!list.is_fresh(5));
    }

    #[test]
    fn it_agrees_with_a_list_that_forgets_nothing() {
        let (mut list, mut all, mut state) = (ReplayList::default(), std::collections::BTreeSet::new(), 1u64);
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let base: u64 = all.last().copied().unwrap_or(1000);
            let index = (base + (state >> 33) % 300).saturating_sub(200);
            let known = all.contains(&index) || !all.is_empty() && index + WINDOW <= base;
            assert_eq!(list.is_fresh(index), !known, "{index} after {base}");
            if !known {
                list.note(index);
                all.insert(index);
            }
        }
    }
}
