//! Packets that came before their turn, kept until the missing one comes or is given up.
//!
//! Adaptive: one packet is waited for at first; each that comes after it was given up makes the next wait longer, up to
//! [`DEEPEST`] packets, and a long stretch in order makes it shorter again. A stream in order is never delayed. There is no
//! clock here: who finds the stream silent has the rest given up.

/// The longest wait, in packets.
pub const DEEPEST: usize = 5;
/// Packets in order after which the wait becomes shorter.
const CALM: u32 = 500;
/// A step in sequence numbers that is another stream, not loss; no more than `Hold::missing` has room for.
const STRANGE: u16 = 100;

/// A packet as it is kept.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Its sequence number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is its turn; what [`Hold::release`] gives follows it.
    Now,
    /// It is kept; what [`Hold::release`] gives, if anything, may go.
    Kept,
    /// It is too late, or came twice.
    Late,
    /// It belongs to another stream: everything begins anew with it.
    Restart,
}

/// The order of one stream.
#[derive(Debug)]
pub struct Hold {
    next: Option<u16>,
    held: Vec<Held>,
    spare: Vec<Held>,
    depth: usize,
    calm: u32,
    /// Those before the next one that were given up, the nearest in the lowest bit.
    missing: u128,
}

impl Default for Hold {
    fn default() -> Self {
        Self { next: None, held: Vec::new(), spare: Vec::new(), depth: 1, calm: 0, missing: 0 }
    }
}

impl Hold {
    /// Judges a packet, and keeps it if that is the answer.
    pub fn judge(&mut self, sequence: u16, timestamp: u32, payload: &[u8]) -> Turn {
        let Some(next) = self.next else {
            self.go_on_after(sequence, 0);
            return Turn::Restart;
        };
        let ahead = sequence.wrapping_sub(next);
        if ahead == 0 {
            self.go_on_after(sequence, 0);
            self.calm += 1;
            if self.calm >= CALM {
                (self.calm, self.depth) = (0, (self.depth - 1).max(1));
            }
            return Turn::Now;
        }
        if ahead < STRANGE {
            if self.held.iter().any(|held| held.sequence == sequence) {
                return Turn::Late;
            }
            self.keep(sequence, timestamp, payload);
            return Turn::Kept;
        }
        let behind = next.wrapping_sub(sequence);
        if behind <= STRANGE {
            let bit = 1 << (behind - 1);
            if self.missing & bit != 0 {
                self.missing &= !bit;
                (self.calm, self.depth) = (0, (self.depth + 1).min(DEEPEST));
            }
            return Turn::Late;
        }
        self.restart();
        self.go_on_after(sequence, 0);
        Turn::Restart
    }

    /// A packet goes, and so many before it don't.
    fn go_on_after(&mut self, sequence: u16, missing: u16) {
        self.next = Some(sequence.wrapping_add(1));
        let given_up = (1u128 << missing) - 1;
        self.missing = self.missing << 1 << missing | given_up << 1;
    }

    fn keep(&mut self, sequence: u16, timestamp: u32, payload: &[u8]) {
        let mut held = self.spare.pop().unwrap_or_default();
        (held.sequence, held.timestamp) = (sequence, timestamp);
        held.payload.clear();
        held.payload.extend_from_slice(payload);
        let next = self.next.unwrap_or(sequence);
        let place = self
            .held
            .iter()
            .position(|other| other.sequence.wrapping_sub(next) < sequence.wrapping_sub(next))
            .unwrap_or(self.held.len());
        self.held.insert(place, held);
    }

    /// The next packet that may go, and how many are missing before it. Give it back to [`Hold::done`].
    pub fn release(&mut self) -> Option<(Held, u16)> {
        self.release_beyond(self.depth)
    }

    /// The next packet, whatever is missing before it, and how many are: nothing more is waited for. Give it back to
    /// [`Hold::done`].
    pub fn give_up(&mut self) -> Option<(Held, u16)> {
        self.release_beyond(0)
    }

    /// True while packets wait for a missing one.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    fn release_beyond(&mut self, depth: usize) -> Option<(Held, u16)> {
        let next = self.next?;
        let missing = self.held.last()?.sequence.wrapping_sub(next);
        if missing > 0 && self.held.len() <= depth {
            return None;
        }
        let held = self.held.pop()?;
        self.go_on_after(held.sequence, missing);
        Some((held, missing))
    }

    /// Takes back what [`Hold::release`] gave, to use its room again.
    pub fn done(&mut self, held: Held) {
        if self.spare.len() <= DEEPEST {
            self.spare.push(held);
        }
    }

    /// Begins anew with the next packet.
    pub fn restart(&mut self) {
        self.clear();
        (self.next, self.missing) = (None, 0);
    }

    fn clear(&mut self) {
        while let Some(held) = self.held.pop() {
            self.done(held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What goes on, in order: sequence numbers, and how many were given up before each.
    fn through(hold: &mut Hold, sequences: &[u16]) -> Vec<(u16, u16)> {
        let mut gone = Vec::new();
        for &sequence in sequences {
            match hold.judge(sequence, 0, &[]) {
                Turn::Now | Turn::Restart => gone.push((sequence, 0)),
                Turn::Kept | Turn::Late => {}
            }
            while let Some((held, missing)) = hold.release() {
                gone.push((held.sequence, missing));
                hold.done(held);
            }
        }
        gone
    }

    #[test]
    fn order_is_not_delayed_and_wraps() {
        let mut hold = Hold::default();
        assert_eq!(through(&mut hold, &[65_534, 65_535, 0, 1]), [(65_534, 0), (65_535, 0), (0, 0), (1, 0)]);
    }

    #[test]
    fn two_that_changed_places_are_put_right() {
        let mut hold = Hold::default();
        assert_eq!(through(&mut hold, &[1, 3, 2, 4]), [(1, 0), (2, 0), (3, 0), (4, 0)]);
    }

    #[test]
    fn a_lost_one_is_given_up_with_the_second_after_it() {
        let mut hold = Hold::default();
        assert_eq!(through(&mut hold, &[1, 3, 4, 5]), [(1, 0), (3, 1), (4, 0), (5, 0)]);
        assert_eq!(through(&mut hold, &[8, 9]), [(8, 2), (9, 0)]);
    }

    #[test]
    fn latecomers_lengthen_the_wait_and_calm_shortens_it() {
        let mut hold = Hold::default();
        assert_eq!(through(&mut hold, &[1, 3, 4, 2]), [(1, 0), (3, 1), (4, 0)]);
        assert_eq!(through(&mut hold, &[6, 7, 5, 8]), [(5, 0), (6, 0), (7, 0), (8, 0)]);
        let calm: Vec<u16> = (9..9 + CALM as u16 - 3).collect();
        through(&mut hold, &calm);
        assert_eq!(hold.depth, 2);
        through(&mut hold, &[9 + CALM as u16 - 3]);
        assert_eq!(hold.depth, 1, "with two that came in order before them");
    }

    #[test]
    fn what_waits_goes_when_it_is_given_up() {
        let mut hold = Hold::default();
        assert_eq!(through(&mut hold, &[1, 3]), [(1, 0)]);
        assert!(hold.is_waiting());
        assert_eq!(hold.give_up().map(|(held, missing)| (held.sequence, missing)), Some((3, 1)));
        assert!(hold.give_up().is_none() && !hold.is_waiting());
        assert_eq!(through(&mut hold, &[2, 4]), [(4, 0)]);
    }

    #[test]
    fn twins_go_once() {
        let mut hold = Hold::default();
        assert_eq!(through(&mut hold, &[1, 1, 3, 3, 2, 2]), [(1, 0), (2, 0), (3, 0)]);
    }

    #[test]
    fn twins_do_not_lengthen_the_wait() {
        let mut hold = Hold::default();
        for sequence in 1..=300 {
            through(&mut hold, &[sequence, sequence]);
        }
        assert_eq!(through(&mut hold, &[302, 302, 303, 303]), [(302, 1), (303, 0)]);
        assert_eq!(through(&mut hold, &[300, 301, 301, 302]), [], "the one that was given up, once");
        assert_eq!(through(&mut hold, &[305, 306, 307]), [(305, 1), (306, 0), (307, 0)]);
        assert_eq!(hold.depth, 2);
        assert_eq!(through(&mut hold, &[304 - 90]), [], "long gone");
        assert_eq!(hold.depth, 2);
    }

    #[test]
    fn those_given_up_together_are_each_late() {
        let mut hold = Hold::default();
        assert_eq!(through(&mut hold, &[1, 99, 100]), [(1, 0), (99, 97), (100, 0)]);
        through(&mut hold, &[2, 98, 2]);
        assert_eq!(hold.depth, 3);
        let mut hold = Hold::default();
        assert_eq!(through(&mut hold, &[1, 3, 4, 6, 7, 2]), [(1, 0), (3, 1), (4, 0), (6, 1), (7, 0)]);
        assert_eq!(hold.depth, 2, "nor are those of before forgotten");
    }

    #[test]
    fn a_step_begins_anew_from_its_bound_on() {
        let second = |first, second| {
            let mut hold = Hold::default();
            hold.judge(first, 0, &[]);
            hold.judge(second, 0, &[])
        };
        assert_eq!((second(1, 1 + STRANGE), second(1, 2 + STRANGE)), (Turn::Kept, Turn::Restart));
        assert_eq!((second(500, 501 - STRANGE), second(500, 500 - STRANGE)), (Turn::Late, Turn::Restart));
    }

    #[test]
    fn what_another_stream_lacked_is_not_waited_for_longer() {
        let mut hold = Hold::default();
        through(&mut hold, &[1, 3, 4, 30_000]);
        assert_eq!(through(&mut hold, &[29_997]), []);
        assert_eq!(hold.depth, 1);
    }

    #[test]
    fn a_jump_begins_anew() {
        let mut hold = Hold::default();
        assert_eq!(through(&mut hold, &[1, 3, 30_000, 30_001]), [(1, 0), (30_000, 0), (30_001, 0)]);
    }
}
