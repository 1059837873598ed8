//! One RTP stream to a peer, whatever fills it: our own packets and packets of the far leg that pass.
//!
//! SSRC, sequence numbers and timestamps go on without a break (RFC 3550 §5.1) when the codec changes, when passing on
//! turns into transcoding or back, over holds and announcements. A stream that passes keeps its own spacing: its numbers are
//! shifted by a constant, so that loss and order stay what they were.

use crate::Micros;
use crate::reception::MAX_MISORDER;
use crate::rtp::{HEADER_LENGTH, Header, write_header};

/// Ticks of a packet whose length nobody knows: 20 ms.
const fn usual_ticks(clock_rate: u32) -> u32 {
    clock_rate / 50
}

/// The last packet of a stream, for another to go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its source.
    pub ssrc: u32,
    /// Its sequence number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
    /// How long it lasts, in ticks: as long as the one before it did.
    pub ticks: u32,
    /// Ticks a second.
    pub clock_rate: u32,
    /// When it was sent.
    pub at: Micros,
}

impl Sent {
    /// A packet that is passed, after `before`.
    #[must_use]
    pub fn next(before: Option<Self>, header: &Header, clock_rate: u32, at: Micros) -> Self {
        let &Header { ssrc, sequence, timestamp, .. } = header;
        let last = before.filter(|before| before.ssrc == ssrc);
        let ticks = match last {
            Some(last) if last.sequence.wrapping_add(1) == sequence => {
                Some(timestamp.wrapping_sub(last.timestamp))
                    .filter(|&step| (1..=clock_rate / 8).contains(&step))
                    .unwrap_or(last.ticks)
            }
            Some(last) => last.ticks,
            None => usual_ticks(clock_rate),
        };
        Self { ssrc, sequence, timestamp, ticks, clock_rate, at }
    }
}

#[derive(Clone, Copy, Debug)]
struct Shift {
    /// The last packet that passed, as it came.
    last: Option<Sent>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// The next packet that passes takes the next number, whatever came in between.
    closes_gap: bool,
    /// So many numbers before [`Line::sequence`] are of packets that passed, or were to pass, under this shift.
    room: u16,
}

/// The stream.
#[derive(Clone, Debug)]
pub struct Line {
    ssrc: u32,
    /// Of the next packet of ours.
    sequence: u16,
    /// Of the next sample of ours.
    timestamp: u32,
    clock_rate: u32,
    /// How long what was sent last lasts.
    ticks: u32,
    /// When something was sent last.
    at: Micros,
    /// The stream that passes at the moment, and how its numbers are shifted.
    shift: Option<Shift>,
    /// The next packet begins a talkspurt (RFC 3551 §4.1).
    marks: bool,
}

impl Line {
    /// Goes on after `last`; without one, begins where `seed`, which should be random, says (RFC 3550 §5.1).
    #[must_use]
    pub fn new(last: Option<Sent>, clock_rate: u32, seed: u64, now: Micros) -> Self {
        let clock_rate = last.map_or(clock_rate, |last| last.clock_rate);
        let (ssrc, sequence, timestamp) = match last {
            Some(last) => {
                let step = elapsed_ticks(now.saturating_sub(last.at), clock_rate).max(last.ticks);
                (last.ssrc, last.sequence.wrapping_add(1), last.timestamp.wrapping_add(step))
            }
            None => ((seed >> 32) as u32, (seed >> 16) as u16, (seed as u32).wrapping_mul(0x9e37_79b1)),
        };
        // A stream that has passed as it was can go on so.
        let shift = last.map(|last| Shift {
            last: Some(last),
            ssrc: last.ssrc,
            sequence: 0,
            timestamp: 0,
            closes_gap: false,
            room: u16::MAX,
        });
        let ticks = usual_ticks(clock_rate);
        Self { ssrc, sequence, timestamp, clock_rate, ticks, at: now, shift, marks: true }
    }

    /// The source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The sequence number of the next packet.
    #[must_use]
    pub const fn sequence(&self) -> u16 {
        self.sequence
    }

    /// The timestamp of the next sample.
    #[must_use]
    pub const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// The timestamp of a sample at `now`.
    #[must_use]
    pub fn timestamp_at(&self, now: Micros) -> u32 {
        self.timestamp.wrapping_add(elapsed_ticks(now.saturating_sub(self.at), self.clock_rate))
    }

    /// Ticks a second from here on.
    pub const fn set_clock_rate(&mut self, clock_rate: u32) {
        if clock_rate != self.clock_rate {
            (self.clock_rate, self.ticks) = (clock_rate, usual_ticks(clock_rate));
        }
    }

    /// Time without packets: so many ticks; a talkspurt begins after it.
    pub const fn pause(&mut self, ticks: u32) {
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.marks = true;
    }

    /// A packet of ours that is not sent: its time passes, its number is the next one's.
    pub const fn skip(&mut self, ticks: u32, now: Micros) {
        self.pause(ticks);
        self.at = now;
    }

    /// Ticks that have gone by without packets since what was sent last was over.
    #[must_use]
    pub fn idle(&self, now: Micros) -> u32 {
        elapsed_ticks(now.saturating_sub(self.at), self.clock_rate).saturating_sub(self.ticks)
    }

    /// Time without packets, as long as it has been; once, however often it is said.
    pub fn catch_up(&mut self, now: Micros) {
        let ticks = self.idle(now);
        if ticks > 0 {
            self.pause(ticks);
            (self.at, self.ticks) = (now, 0);
        }
    }

    /// Writes the header of an audio packet of ours that lasts `ticks`.
    pub fn audio(&mut self, packet: &mut [u8], payload_type: u8, ticks: u32, now: Micros) {
        let marker = std::mem::take(&mut self.marks);
        write_header(packet, marker, payload_type, self.sequence, self.timestamp, self.ssrc);
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.ticks = ticks;
        self.advance(now);
    }

    /// Where a timestamp of a stream is in this one, while that passes; `None` when it does not, or counts otherwise.
    #[must_use]
    pub fn place(&self, ssrc: u32, timestamp: u32, clock_rate: u32) -> Option<u32> {
        let shift = self.shift.filter(|shift| shift.ssrc == ssrc && self.clock_rate == clock_rate)?;
        Some(timestamp.wrapping_add(shift.timestamp))
    }

    /// What passes, and how much its sequence numbers are shifted; `None` when nothing does.
    #[must_use]
    pub fn passing(&self) -> Option<(u32, u16)> {
        let shift = self.shift?;
        Some((shift.ssrc, shift.sequence))
    }

    /// Writes the header of a packet of an event that began at `timestamp`.
    pub fn event(&mut self, packet: &mut [u8], payload_type: u8, marker: bool, timestamp: u32) {
        write_header(packet, marker, payload_type, self.sequence, timestamp, self.ssrc);
        // An event takes no time from the stream, but numbers.
        self.sequence = self.sequence.wrapping_add(1);
        self.close_gap();
    }

    /// Packets of the stream that passes are left out: those after them follow without a gap.
    pub const fn close_gap(&mut self) {
        if let Some(shift) = &mut self.shift {
            shift.closes_gap = true;
        }
    }

    /// A packet with [`Line::sequence`] was made elsewhere and is sent.
    pub fn sent(&mut self, now: Micros) {
        self.advance(now);
    }

    fn advance(&mut self, now: Micros) {
        self.sequence = self.sequence.wrapping_add(1);
        self.at = now;
        self.shift = None;
    }

    /// Makes a packet of the far leg one of this stream. `header` is as it came; `packet` begins with it. False when it comes
    /// late, from before something of ours, an event or a pause: its number is another packet's by now.
    pub fn pass(&mut self, header: &Header, packet: &mut [u8], now: Micros) -> bool {
        let shift = match self.shift {
            Some(shift) if shift.ssrc == header.ssrc => shift,
            _ => {
                self.catch_up(now);
                let timestamp = self.timestamp.wrapping_sub(header.timestamp);
                Shift { last: None, ssrc: header.ssrc, sequence: 0, timestamp, closes_gap: true, room: 0 }
            }
        };
        let sent = Sent::next(shift.last, header, self.clock_rate, now);
        let (by, room) = if shift.closes_gap {
            (self.sequence.wrapping_sub(header.sequence), 0)
        } else {
            (shift.sequence, shift.room)
        };
        let sequence = header.sequence.wrapping_add(by);
        let step = sequence.wrapping_sub(self.sequence);
        let is_late = step >= 0x8000;
        if is_late && (1..=MAX_MISORDER).contains(&step.wrapping_neg().saturating_sub(room)) {
            return false;
        }
        let room = if is_late { room } else { room.saturating_add(step).saturating_add(1) };
        self.shift = Some(Shift { last: Some(sent), sequence: by, closes_gap: false, room, ..shift });
        let timestamp = header.timestamp.wrapping_add(shift.timestamp);
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..HEADER_LENGTH].copy_from_slice(&self.ssrc.to_be_bytes());
        // A late packet takes nothing back.
        if !is_late {
            self.sequence = sequence.wrapping_add(1);
            self.timestamp = timestamp.wrapping_add(sent.ticks);
            self.ticks = sent.ticks;
        }
        self.marks = false;
        self.at = now;
        true
    }
}

fn elapsed_ticks(elapsed: Micros, clock_rate: u32) -> u32 {
    (elapsed.min(3_600_000_000) * Micros::from(clock_rate) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(ssrc: u32, sequence: u16, timestamp: u32) -> (Header, [u8; 12]) {
        let mut packet = [0; 12];
        write_header(&mut packet, false, 8, sequence, timestamp, ssrc);
        (Header::parse(&packet).unwrap(), packet)
    }

    fn passed(line: &mut Line, ssrc: u32, sequence: u16, timestamp: u32, now: Micros) -> Header {
        let (header, mut packet) = came(ssrc, sequence, timestamp);
        assert!(line.pass(&header, &mut packet, now));
        Header::parse(&packet).unwrap()
    }

    fn own(line: &mut Line, now: Micros) -> Header {
        let mut packet = [0; 12];
        line.audio(&mut packet, 0, 160, now);
        Header::parse(&packet).unwrap()
    }

    #[test]
    fn our_packets_follow_one_another_and_the_first_is_marked() {
        let mut line = Line::new(None, 8000, 0x0000_0007_0001_0002, 0);
        let (first, second) = (own(&mut line, 0), own(&mut line, 20_000));
        assert!(first.marker && !second.marker);
        assert_eq!((first.ssrc, second.ssrc), (7, 7));
        assert_eq!(second.sequence, first.sequence.wrapping_add(1));
        assert_eq!(second.timestamp, first.timestamp.wrapping_add(160));
    }

    #[test]
    fn what_passed_before_is_gone_on_with() {
        let last = Sent {
            ssrc: 9,
            sequence: 65_535,
            timestamp: u32::MAX - 100,
            ticks: 160,
            clock_rate: 8000,
            at: 1_000_000,
        };
        let mut line = Line::new(Some(last), 8000, 1, 1_060_000);
        let first = own(&mut line, 1_060_000);
        assert_eq!((first.ssrc, first.sequence), (9, 0));
        assert_eq!(first.timestamp, (u32::MAX - 100).wrapping_add(480));
    }

    #[test]
    fn time_after_what_passed_is_counted_by_its_own_clock() {
        let header = |sequence, timestamp| came(7, sequence, timestamp).0;
        let first = Sent::next(None, &header(1, 0), 16_000, 0);
        let second = Sent::next(Some(first), &header(2, 320), 16_000, 20_000);
        let mut line = Line::new(Some(second), 8000, 1, 1_020_000);
        line.set_clock_rate(16_000);
        assert_eq!(own(&mut line, 1_020_000).timestamp, 320 + 16_000);
    }

    #[test]
    fn passing_on_keeps_spacing_order_and_loss() {
        let mut line = Line::new(None, 8000, 3 << 32, 0);
        let last = own(&mut line, 0);
        let first = passed(&mut line, 77, 500, 9000, 20_000);
        assert_eq!((first.ssrc, first.sequence), (3, last.sequence + 1));
        assert_eq!(first.timestamp, last.timestamp.wrapping_add(160));
        let third = passed(&mut line, 77, 502, 9320, 60_000);
        let second = passed(&mut line, 77, 501, 9160, 61_000);
        assert_eq!((second.sequence, third.sequence), (first.sequence + 1, first.sequence + 2));
        let back = own(&mut line, 80_000);
        assert_eq!((back.sequence, back.timestamp), (third.sequence + 1, third.timestamp.wrapping_add(160)));
    }

    #[test]
    fn a_stream_that_passed_as_it_was_goes_on_so() {
        let last = Sent { ssrc: 77, sequence: 500, timestamp: 9000, ticks: 160, clock_rate: 8000, at: 0 };
        let mut line = Line::new(Some(last), 8000, 1, 1_000_000);
        assert_eq!(line.place(77, 9160, 8000), Some(9160));
        assert_eq!((line.place(78, 9160, 8000), line.place(77, 9160, 16_000)), (None, None));
        let next = passed(&mut line, 77, 501, 9160, 1_000_000);
        assert_eq!((next.ssrc, next.sequence, next.timestamp), (77, 501, 9160));
    }

    #[test]
    fn an_event_takes_numbers_from_what_passes_but_no_time() {
        let mut line = Line::new(None, 8000, 3 << 32, 0);
        let before = passed(&mut line, 77, 500, 9000, 0);
        let mut packet = [0; 12];
        for _ in 0..3 {
            line.event(&mut packet, 101, false, before.timestamp + 160);
        }
        let after = passed(&mut line, 77, 505, 9800, 100_000);
        assert_eq!(after.sequence, before.sequence + 4);
        assert_eq!(after.timestamp, before.timestamp + 800);
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut line = Line::new(None, 8000, 3 << 32, 0);
        let before = passed(&mut line, 77, 500, 9000, 0);
        line.close_gap();
        let after = passed(&mut line, 77, 506, 9960, 120_000);
        assert_eq!((after.sequence, after.timestamp), (before.sequence + 1, before.timestamp + 960));
        let lost = passed(&mut line, 77, 508, 10_280, 160_000);
        assert_eq!(lost.sequence, after.sequence + 2, "what is lost after that is told");
    }

    #[test]
    fn what_is_late_from_before_something_of_ours_does_not_take_its_numbers() {
        let late = |line: &mut Line, sequence: u16| {
            let (header, mut packet) = came(77, sequence, 160 * u32::from(sequence));
            line.pass(&header, &mut packet, 0).then(|| Header::parse(&packet).unwrap().sequence)
        };
        let event = |line: &mut Line| line.event(&mut [0; 12], 101, false, 0);
        let ours = |line: &mut Line| {
            own(line, 0);
        };
        for in_between in [&event as &dyn Fn(&mut Line), &Line::close_gap, &ours] {
            let mut line = Line::new(None, 8000, 3 << 32, 0);
            passed(&mut line, 77, 500, 9000, 0);
            passed(&mut line, 77, 502, 9320, 0);
            in_between(&mut line);
            let first = passed(&mut line, 77, 510, 10_600, 0).sequence;
            let missed = passed(&mut line, 77, 512, 10_920, 0).sequence;
            assert_eq!((late(&mut line, 501), late(&mut line, 509)), (None, None));
            assert_eq!((missed, late(&mut line, 511)), (first + 2, Some(first + 1)));
            assert_eq!(late(&mut line, 510 - MAX_MISORDER), None);
            assert!(late(&mut line, 509 - MAX_MISORDER).is_some(), "its source has begun anew");
            assert_eq!(own(&mut line, 0).sequence, missed + 1);
        }
    }

    #[test]
    fn another_source_starts_behind_the_old_one_after_the_time_that_passed() {
        let mut line = Line::new(None, 8000, 3 << 32, 0);
        let before = passed(&mut line, 1, 10, 1000, 0);
        let after = passed(&mut line, 2, 60_000, 5, 100_000);
        assert_eq!(after.sequence, before.sequence + 1);
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(800));
    }

    #[test]
    fn a_packet_that_passes_lasts_as_long_as_the_one_before() {
        let mut line = Line::new(None, 8000, 3 << 32, 0);
        passed(&mut line, 77, 500, 9000, 0);
        let last = passed(&mut line, 77, 501, 9480, 60_000);
        let next = own(&mut line, 120_000);
        assert_eq!(next.timestamp, last.timestamp.wrapping_add(480));
        let back = passed(&mut line, 77, 502, 9960, 140_000);
        assert_eq!(back.timestamp, next.timestamp.wrapping_add(160), "and our own lasted 20 ms");
    }

    #[test]
    fn a_stream_that_passed_is_gone_on_with_after_its_last_packet() {
        let header = |sequence, timestamp| came(7, sequence, timestamp).0;
        let first = Sent::next(None, &header(1, 0), 8000, 0);
        let second = Sent::next(Some(first), &header(2, 480), 8000, 60_000);
        let strayed = Sent::next(Some(second), &header(9, 80_000), 8000, 61_000);
        let leapt = Sent::next(Some(strayed), &header(10, 800_000), 8000, 62_000);
        assert_eq!([first, second, strayed, leapt].map(|sent| sent.ticks), [160, 480, 480, 480]);
        assert_eq!(own(&mut Line::new(Some(second), 8000, 1, 70_000), 70_000).timestamp, 960);
    }

    #[test]
    fn what_is_not_sent_takes_time_but_no_number() {
        let mut line = Line::new(None, 8000, 0, 0);
        let before = own(&mut line, 0);
        for now in [20_000, 40_000] {
            line.skip(160, now);
        }
        line.catch_up(60_000);
        let after = own(&mut line, 60_000);
        assert_eq!((after.marker, after.sequence), (true, before.sequence.wrapping_add(1)));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(480));
    }

    #[test]
    fn a_pause_is_time_and_begins_a_talkspurt() {
        let mut line = Line::new(None, 8000, 0, 0);
        let before = own(&mut line, 0);
        line.pause(800);
        let after = own(&mut line, 120_000);
        assert!(after.marker);
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(960));
    }
}
