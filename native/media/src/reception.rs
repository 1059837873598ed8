//! What one peer's stream looked like on arrival: RFC 3550 A.1 (sequence), A.3 (loss), A.8 (jitter), and what a call record
//! adds: duplicates and packets out of order.
//!
//! Deviations, all for a relay that reports once, at the end: loss leaves duplicates out of the packets received, so that a
//! duplicate can't hide a loss; there is no probation, since the latch has already chosen the source; a new SSRC of the
//! same peer starts a new sequence and keeps the losses of the old one.

use crate::Micros;

/// A.1: a jump ahead of fewer packets than this is loss, not another stream.
const MAX_DROPOUT: u16 = 3000;
/// A.1: a packet at most this far behind is late, not another stream.
pub(crate) const MAX_MISORDER: u16 = 100;

/// What the sequence number of a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Next,
    Late,
    Duplicate,
    /// Far off: counted again only when the next one follows it.
    Strange,
    Restarted,
}

/// One SSRC's sequence (A.1's `source`, with a window of the last 64 numbers to tell late packets from duplicates).
#[derive(Clone, Debug)]
struct Sequence {
    ssrc: u32,
    base: u32,
    cycles: u32,
    max: u16,
    strange: Option<u16>,
    window: u64,
    unique: u32,
}

impl Sequence {
    const fn new(ssrc: u32, sequence: u16) -> Self {
        Self { ssrc, base: sequence as u32, cycles: 0, max: sequence, strange: None, window: 1, unique: 1 }
    }

    /// A.3's extended highest sequence number.
    const fn highest(&self) -> u32 {
        self.cycles.wrapping_add(self.max as u32)
    }

    /// A.3's number of packets expected.
    const fn expected(&self) -> u32 {
        self.highest().wrapping_sub(self.base).wrapping_add(1)
    }

    /// A.3's expected − received, with duplicates left out; never negative.
    fn lost(&self) -> u64 {
        u64::from(self.expected().saturating_sub(self.unique))
    }

    /// The numbers up to `sequence` were not meant to come.
    const fn pass_over(&mut self, sequence: u16) {
        let ahead = sequence.wrapping_sub(self.max);
        if ahead > 1 && ahead < MAX_DROPOUT {
            self.base = self.base.wrapping_add(ahead as u32 - 1);
        }
    }

    fn note(&mut self, sequence: u16) -> Order {
        let ahead = sequence.wrapping_sub(self.max);
        if ahead == 0 {
            return Order::Duplicate;
        }
        if ahead < MAX_DROPOUT {
            if sequence < self.max {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.max = sequence;
            self.window = if ahead < 64 { self.window << ahead | 1 } else { 1 };
            self.unique += 1;
            self.strange = None;
            return Order::Next;
        }
        let behind = self.max.wrapping_sub(sequence);
        if behind > MAX_MISORDER {
            if self.strange == Some(sequence) {
                return Order::Restarted;
            }
            self.strange = Some(sequence.wrapping_add(1));
            return Order::Strange;
        }
        if behind < 64 {
            if self.window & (1 << behind) != 0 {
                return Order::Duplicate;
            }
            self.window |= 1 << behind;
        }
        // Late from before the first packet: then that one was not the base.
        let extended = self.cycles.wrapping_add(u32::from(self.max)).wrapping_sub(u32::from(behind));
        if extended.wrapping_sub(self.base) > u32::MAX / 2 {
            self.base = extended;
        }
        self.unique += 1;
        Order::Late
    }
}

/// Arrival spacing against the sender's timestamps (A.8). The estimate is kept scaled by 16, in timestamp units.
#[derive(Clone, Debug, Default)]
struct Jitter {
    transit: Option<u32>,
    clock_rate: u32,
    scaled: u32,
}

impl Jitter {
    fn note(&mut self, timestamp: u32, clock_rate: u32, now: Micros) {
        let arrival = (u128::from(now) * u128::from(clock_rate) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if clock_rate != self.clock_rate {
            if self.clock_rate != 0 {
                self.scaled =
                    (u64::from(self.scaled) * u64::from(clock_rate) / u64::from(self.clock_rate)) as u32;
            }
            self.clock_rate = clock_rate;
            self.transit = None;
        }
        if let Some(last) = self.transit {
            let difference = (transit.wrapping_sub(last) as i32).unsigned_abs();
            // Beyond a minute it is a clock that was set, not a delay.
            if difference < clock_rate.saturating_mul(60) {
                self.scaled = (self.scaled + difference).saturating_sub((self.scaled + 8) >> 4);
            }
        }
        self.transit = Some(transit);
    }

    fn milliseconds(&self) -> f64 {
        if self.clock_rate == 0 {
            0.0
        } else {
            f64::from(self.scaled) / 16.0 * 1000.0 / f64::from(self.clock_rate)
        }
    }
}

/// What a report says of one source (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The source.
    pub ssrc: u32,
    /// Packets that it sent, from the first that came to the highest.
    pub expected: u32,
    /// Those that came, each once.
    pub received: u32,
    /// The highest sequence number, extended by the number of rollovers.
    pub highest: u32,
    /// Interarrival jitter in ticks of its clock.
    pub jitter: u32,
}

/// Everything counted about the packets of one peer.
#[derive(Clone, Debug, Default)]
pub struct Reception {
    packets: u64,
    octets: u64,
    duplicates: u64,
    out_of_order: u64,
    lost_before: u64,
    unique_before: u64,
    sequence: Option<Sequence>,
    jitter: Jitter,
    interrupted: bool,
}

impl Reception {
    /// Counts an audio packet: its payload length, its place in the sequence, its arrival.
    pub fn note_audio(
        &mut self,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        clock_rate: u32,
        octets: usize,
        now: Micros,
    ) {
        match self.note_sequence(ssrc, sequence, octets) {
            Order::Next => self.jitter.note(timestamp, clock_rate, now),
            Order::Restarted => {
                self.jitter.transit = None;
                self.jitter.note(timestamp, clock_rate, now);
            }
            Order::Late | Order::Duplicate | Order::Strange => {}
        }
    }

    /// The stream is held or goes on: its timestamps may stand still meanwhile, and the next packet says nothing of jitter; and
    /// what is numbered up to it may have been said to nobody.
    pub const fn interrupt(&mut self) {
        self.jitter.transit = None;
        self.interrupted = true;
    }

    /// Counts a telephone-event packet, or one of which nobody knows what it is. Its timestamp is the event's start and says nothing
    /// of arrival (RFC 4733 §2.1), and an SSRC of its own is a stream of its own: only within the audio's SSRC does it belong to
    /// the audio's sequence.
    pub fn note_event(&mut self, ssrc: u32, sequence: u16, octets: usize) {
        if self.sequence.as_ref().is_none_or(|current| current.ssrc == ssrc) {
            self.note_sequence(ssrc, sequence, octets);
        } else {
            self.packets += 1;
            self.octets += octets as u64;
        }
    }

    fn note_sequence(&mut self, ssrc: u32, sequence: u16, octets: usize) -> Order {
        self.packets += 1;
        self.octets += octets as u64;
        let order = match &mut self.sequence {
            Some(current) if current.ssrc == ssrc => {
                if self.interrupted {
                    current.pass_over(sequence);
                }
                current.note(sequence)
            }
            _ => Order::Restarted,
        };
        self.interrupted &= !matches!(order, Order::Next | Order::Restarted);
        match order {
            Order::Restarted => {
                if let Some(old) = self.sequence.replace(Sequence::new(ssrc, sequence)) {
                    self.lost_before += old.lost();
                    self.unique_before += u64::from(old.unique);
                }
            }
            Order::Late => self.out_of_order += 1,
            Order::Duplicate => self.duplicates += 1,
            Order::Next | Order::Strange => {}
        }
        order
    }

    /// RTP packets received, everything included.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Octets of payload received.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// Packets seen before.
    #[must_use]
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that came after a later one.
    #[must_use]
    pub const fn out_of_order(&self) -> u64 {
        self.out_of_order
    }

    /// Packets that never came.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost_before + self.sequence.as_ref().map_or(0, Sequence::lost)
    }

    /// Share of the expected packets that never came, 0–1.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let unique =
            self.unique_before + self.sequence.as_ref().map_or(0, |current| u64::from(current.unique));
        let lost = self.lost();
        if lost == 0 { 0.0 } else { lost as f64 / (lost + unique) as f64 }
    }

    /// What a report says of the source that is heard now; `None` before one was.
    #[must_use]
    pub fn received(&self) -> Option<Received> {
        let sequence = self.sequence.as_ref()?;
        Some(Received {
            ssrc: sequence.ssrc,
            expected: sequence.expected(),
            received: sequence.unique,
            highest: sequence.highest(),
            jitter: self.jitter.scaled >> 4,
        })
    }

    /// Interarrival jitter as it stands, in milliseconds.
    #[must_use]
    pub fn jitter_ms(&self) -> f64 {
        self.jitter.milliseconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PTIME: Micros = 20_000;

    /// Feeds sequence numbers as a steady 20 ms stream of one SSRC.
    fn fed(sequences: &[u16]) -> Reception {
        let mut reception = Reception::default();
        for (index, &sequence) in sequences.iter().enumerate() {
            let now = PTIME * index as Micros;
            reception.note_audio(1, sequence, u32::from(sequence) * 160, 8000, 160, now);
        }
        reception
    }

    fn counts(reception: &Reception) -> (u64, u64, u64, u64) {
        (reception.packets(), reception.lost(), reception.out_of_order(), reception.duplicates())
    }

    #[test]
    fn a_steady_stream_has_nothing_to_report() {
        let reception = fed(&(0..500).collect::<Vec<_>>());
        assert_eq!(counts(&reception), (500, 0, 0, 0));
        assert_eq!(reception.octets(), 80_000);
        assert_eq!(reception.jitter_ms(), 0.0);
        assert_eq!(reception.loss(), 0.0);
    }

    #[test]
    fn a_report_speaks_of_the_source_that_is_heard_now() {
        assert_eq!(Reception::default().received(), None);
        let mut reception = fed(&[65534, 65535, 1, 1, 2]);
        let wanted = Received { ssrc: 1, expected: 5, received: 4, highest: 0x1_0002, jitter: 0 };
        assert_eq!(reception.received().map(|received| Received { jitter: 0, ..received }), Some(wanted));
        reception.note_audio(2, 500, 0, 8000, 160, 0);
        let received = reception.received().unwrap();
        assert_eq!((received.ssrc, received.expected, received.received, received.highest), (2, 1, 1, 500));
    }

    #[test]
    fn wrapping_is_no_loss() {
        assert_eq!(counts(&fed(&[65534, 65535, 0, 1])), (4, 0, 0, 0));
        assert_eq!(counts(&fed(&[65534, 1])), (2, 2, 0, 0));
    }

    #[test]
    fn loss_order_and_duplicates_are_told_apart() {
        assert_eq!(counts(&fed(&[1, 2, 5])), (3, 2, 0, 0));
        assert_eq!(counts(&fed(&[1, 3, 2, 4])), (4, 0, 1, 0));
        assert_eq!(counts(&fed(&[1, 2, 2, 3, 2])), (5, 0, 0, 2));
        assert_eq!(counts(&fed(&[1, 2, 3, 5, 4, 7])), (6, 1, 1, 0));
        assert_eq!(counts(&fed(&[1, 2, 2, 4])), (4, 1, 0, 1), "a duplicate does not make up for a loss");
        assert_eq!(counts(&fed(&[65535, 1, 0, 65535])), (4, 0, 1, 1));
        assert!((fed(&[1, 2, 4]).loss() - 0.25).abs() < 1e-9);
    }

    #[test]
    fn a_packet_from_before_the_first_moves_the_base() {
        assert_eq!(counts(&fed(&[5, 4, 6])), (3, 0, 1, 0));
        assert_eq!(counts(&fed(&[5, 3, 6])), (3, 1, 1, 0));
        assert_eq!(counts(&fed(&[0, 65535, 1])), (3, 0, 1, 0));
    }

    #[test]
    fn a_restarted_sender_is_no_giant_loss() {
        assert_eq!(counts(&fed(&[10, 11, 40000, 40001, 40002])), (5, 0, 0, 0));
        assert_eq!(counts(&fed(&[10, 11, 40000, 12, 13])), (5, 0, 0, 0), "one stray packet changes nothing");
        let spoken_of = |sequences| fed(sequences).received().map(|told| (told.expected, told.highest));
        assert_eq!(spoken_of(&[10, 11, 40000, 40001, 40002]), Some((2, 40002)), "counted from the second on");
        assert_eq!(spoken_of(&[10, 11, 40000, 12, 13]), Some((4, 13)));
    }

    #[test]
    fn a_step_is_loss_or_late_up_to_its_bound() {
        assert_eq!(counts(&fed(&[1, MAX_DROPOUT])), (2, 2998, 0, 0));
        assert_eq!(counts(&fed(&[1, MAX_DROPOUT + 1])), (2, 0, 0, 0), "another stream, if more follows");
        assert_eq!(counts(&fed(&[1000, 1000 - MAX_MISORDER])), (2, 99, 1, 0));
        assert_eq!(counts(&fed(&[1000, 999 - MAX_MISORDER])), (2, 0, 0, 0));
    }

    #[test]
    fn the_last_64_packets_are_told_from_their_duplicates() {
        let all: Vec<u16> = (1..=100).collect();
        assert_eq!(counts(&fed(&[&all[..], &[37]].concat())), (101, 0, 0, 1));
        assert_eq!(counts(&fed(&[&all[..], &[36]].concat())), (101, 0, 1, 0), "too long ago to tell");
        assert_eq!(counts(&fed(&[1, 64, 1])), (3, 62, 0, 1));
        assert_eq!(counts(&fed(&[1, 65, 2, 2])), (4, 62, 1, 1));
    }

    #[test]
    fn a_new_ssrc_keeps_the_losses_of_the_old() {
        let mut reception = fed(&[1, 3]);
        reception.note_audio(2, 9000, 0, 8000, 160, PTIME);
        reception.note_audio(2, 9002, 320, 8000, 160, PTIME);
        assert_eq!(counts(&reception), (4, 2, 0, 0));
        assert!((reception.loss() - 2.0 / 6.0).abs() < 1e-9);
    }

    #[test]
    fn jitter_follows_a_8() {
        // Alternately 0 and 10 ms late: |D| is 80 units at every packet, so J tends to 80 units = 10 ms.
        let mut reception = Reception::default();
        for n in 0..400u16 {
            let late = if n % 2 == 0 { 0 } else { 10_000 };
            reception.note_audio(1, n, u32::from(n) * 160, 8000, 160, PTIME * Micros::from(n) + late);
        }
        assert!((reception.jitter_ms() - 10.0).abs() < 0.5, "{}", reception.jitter_ms());
    }

    #[test]
    fn jitter_survives_a_wrapping_timestamp() {
        let mut reception = Reception::default();
        for n in 0..20u16 {
            let timestamp = u32::MAX.wrapping_sub(800).wrapping_add(u32::from(n) * 160);
            reception.note_audio(1, n, timestamp, 8000, 160, PTIME * Micros::from(n));
        }
        assert_eq!(reception.jitter_ms(), 0.0);
    }

    #[test]
    fn jitter_in_milliseconds_survives_a_change_of_clock() {
        let mut reception = Reception::default();
        for n in 0..400u16 {
            let late = if n % 2 == 0 { 0 } else { 10_000 };
            reception.note_audio(1, n, u32::from(n) * 160, 8000, 160, PTIME * Micros::from(n) + late);
        }
        reception.note_audio(1, 400, 0, 16000, 160, PTIME * 400);
        assert!((reception.jitter_ms() - 10.0).abs() < 0.7, "{}", reception.jitter_ms());
    }

    #[test]
    fn an_event_within_the_audio_is_in_its_sequence_but_not_in_its_jitter() {
        let mut reception = fed(&[1, 2]);
        for sequence in 3..9 {
            reception.note_event(1, sequence, 4);
        }
        reception.note_audio(1, 9, 9 * 160, 8000, 160, 8 * PTIME);
        assert_eq!(counts(&reception), (9, 0, 0, 0));
        assert_eq!(reception.jitter_ms(), 0.0);
    }

    #[test]
    fn an_event_stream_of_its_own_leaves_the_audio_alone() {
        let mut reception = fed(&[1, 2]);
        reception.note_event(99, 7000, 4);
        reception.note_audio(1, 3, 3 * 160, 8000, 160, 2 * PTIME);
        assert_eq!(counts(&reception), (4, 0, 0, 0));
    }
}
