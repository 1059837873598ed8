//! Reports of a leg that sends a stream of its own: on that stream, and on what its peer sends (RFC 3550 §6.4).
//!
//! The far leg's reports speak of other streams, so they are not relayed to such a leg's peer, and these are sent in their
//! place: a sender report while something is sent, else a receiver report, and a block on the peer's stream while that comes.
//! On hold too, when neither flows: an empty one then (§6.1; RFC 3264 §5.1). They are 5 s apart on the average and come at
//! random, the first one half as late (§6.2, §6.3): for two participants the bandwidth would allow more, so that the least
//! interval is the interval. The NTP timestamp counts from the engine's start: receivers compare it with itself only (§6.4.1
//! allows elapsed time where no wall clock is at hand).

use super::{DESCRIPTION, RECEIVER, RECEIVER_REPORT, REPORT, SENDER, SENDER_REPORT};
use crate::Micros;
use crate::reception::Received;

/// The least interval (§6.2), from which the time between two reports is drawn.
const LEAST_US: Micros = 5_000_000;
/// Octets of the longest report, with the description behind it (§6.5.1).
pub const LONGEST: usize = SENDER + REPORT + DESCRIBED;

/// Octets of a description with a CNAME of eight.
const DESCRIBED: usize = 20;
/// The most that 24 bits with a sign tell of losses.
const MOST_LOST: u32 = 0x7f_ffff;

/// The stream that a leg sends, up to now.
#[derive(Clone, Copy, Debug)]
pub struct OwnStream {
    /// Its source.
    pub ssrc: u32,
    /// Its timestamp at this moment.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Their payload octets.
    pub octets: u32,
}

/// What came from a leg's peer, up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStream {
    /// Its packets.
    pub received: Received,
    /// The middle of the NTP timestamp of its last sender report, and when that came.
    pub last_report: Option<(u32, Micros)>,
}

/// The reports of one leg.
#[derive(Clone, Debug)]
pub struct Reporter {
    due_at: Micros,
    /// When the last one was sent, or the stream began.
    since: Micros,
    /// Of the interval: half as long before the first report.
    least: Micros,
    dice: u64,
    /// Packets that had been sent at the last report, and at the one before.
    sent: [u32; 2],
    /// What had been received at the last report.
    told: Option<Received>,
}

impl Reporter {
    /// Nothing reported yet. `seed` should be random: calls that began together are not to report together.
    #[must_use]
    pub const fn new(seed: u64, now: Micros) -> Self {
        let (least, sent, told) = (LEAST_US / 2, [0; 2], None);
        let mut new = Self { due_at: now, since: now, least, dice: seed, sent, told };
        new.draw();
        new
    }

    /// When the next one is due: between half and one and a half times the interval after the last one, divided by e − 3/2
    /// (§6.3.1).
    const fn draw(&mut self) {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let drawn = (1 << 31) + (self.dice >> 32);
        self.due_at = self.since + ((self.least * drawn) >> 32) * 100_000 / 121_828;
    }

    /// Whether a report is to be sent now. A moment that has come is drawn once more, and may move away (§6.3.6).
    pub const fn is_due(&mut self, now: Micros) -> bool {
        if now >= self.due_at {
            self.draw();
        }
        now >= self.due_at
    }

    /// When the next report is due.
    #[must_use]
    pub const fn due_at(&self) -> Micros {
        self.due_at
    }

    /// Writes a report into [`LONGEST`] octets at least, and begins the next interval; its length.
    pub fn write(
        &mut self,
        packet: &mut [u8],
        own: OwnStream,
        peer: Option<PeerStream>,
        now: Micros,
    ) -> usize {
        (self.since, self.least) = (now, LEAST_US);
        self.draw();
        // §6.4: of a sender is who has sent since the last report but one.
        let sends = own.packets != self.sent[1];
        self.sent = [own.packets, self.sent[0]];
        let block = peer.and_then(|peer| self.block(peer, now));
        let mut length = if sends { SENDER } else { RECEIVER };
        packet.fill(0);
        packet[4..8].copy_from_slice(&own.ssrc.to_be_bytes());
        if sends {
            let words = [(now / 1_000_000) as u32, fraction(now), own.timestamp, own.packets, own.octets];
            write_words(&mut packet[RECEIVER..], &words);
        }
        if let Some(block) = block {
            write_words(&mut packet[length..], &block);
            length += REPORT;
        }
        let kind = if sends { SENDER_REPORT } else { RECEIVER_REPORT };
        packet[..4].copy_from_slice(&[0x80 | u8::from(block.is_some()), kind, 0, (length / 4 - 1) as u8]);
        describe(&mut packet[length..], own.ssrc);
        length + DESCRIBED
    }

    /// A report block; `None` when nothing of the stream has come since the last one.
    fn block(&mut self, peer: PeerStream, now: Micros) -> Option<[u32; REPORT / 4]> {
        let Received { ssrc, expected, received, highest, jitter } = peer.received;
        let same = self.told.filter(|told| told.ssrc == ssrc && told.expected <= expected);
        let (expected_before, received_before) = same.map_or((0, 0), |told| (told.expected, told.received));
        if same.is_some() && received == received_before {
            return None;
        }
        self.told = Some(peer.received);
        // A.3, with duplicates left out of what was received.
        let (interval, came) = (expected - expected_before, received.wrapping_sub(received_before));
        let lost = u64::from(interval.saturating_sub(came));
        let fraction = (lost * 256).checked_div(interval.into()).unwrap_or(0).min(255) as u32;
        let cumulative = expected.saturating_sub(received).min(MOST_LOST);
        let (last, delay) =
            peer.last_report.map_or((0, 0), |(last, at)| (last, units(now.saturating_sub(at))));
        Some([ssrc, fraction << 24 | cumulative, highest, jitter, last, delay])
    }
}

/// The lower half of an NTP timestamp.
fn fraction(now: Micros) -> u32 {
    ((now % 1_000_000) * (1 << 32) / 1_000_000) as u32
}

/// In units of 1/65536 s (§6.4.1: DLSR).
fn units(elapsed: Micros) -> u32 {
    (u128::from(elapsed) * 65_536 / 1_000_000).try_into().unwrap_or(u32::MAX)
}

fn write_words(place: &mut [u8], words: &[u32]) {
    for (place, word) in place.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}

/// A description whose CNAME says no more than the SSRC does.
fn describe(place: &mut [u8], ssrc: u32) {
    place[..4].copy_from_slice(&[0x81, DESCRIPTION, 0, 4]);
    place[4..8].copy_from_slice(&ssrc.to_be_bytes());
    place[8..10].copy_from_slice(&[1, 8]);
    for (octet, shift) in place[10..18].iter_mut().zip((0..8).rev()) {
        *octet = b"0123456789abcdef"[(ssrc >> (4 * shift) & 15) as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{for_each_report, is_valid, sender_report};

    const OWN: OwnStream = OwnStream { ssrc: 0x0102_abcd, timestamp: 160, packets: 3, octets: 480 };

    fn received(expected: u32, received: u32) -> Received {
        Received { ssrc: 77, expected, received, highest: 0x1_0005, jitter: 9 }
    }

    fn peer(expected: u32, came: u32) -> Option<PeerStream> {
        Some(PeerStream { received: received(expected, came), last_report: Some((0xabcd_1234, 1_000_000)) })
    }

    fn block_of(packet: &mut [u8]) -> Vec<u32> {
        let mut words = Vec::new();
        for_each_report(packet, |report| {
            words.extend(report.chunks_exact(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())));
        });
        words
    }

    #[test]
    fn a_sender_reports_on_itself_and_on_what_came() {
        let (mut packet, mut reporter) = ([0xff; LONGEST], Reporter::new(1, 0));
        let length = reporter.write(&mut packet, OWN, peer(100, 90), 2_500_000);
        assert_eq!(length, LONGEST);
        assert!(is_valid(&packet));
        assert_eq!(packet[8..16], [0, 0, 0, 2, 0x80, 0, 0, 0]);
        assert_eq!(sender_report(&packet), Some((OWN.ssrc, 0x0002_8000)));
        let described =
            [&[0x81, DESCRIPTION, 0, 4, 1, 2, 0xab, 0xcd, 1, 8][..], b"0102abcd", &[0, 0]].concat();
        assert_eq!(packet[SENDER + REPORT..], described);
        let lost = 25 << 24 | 10;
        assert_eq!(block_of(&mut packet), [77, lost, 0x1_0005, 9, 0xabcd_1234, 65_536 * 3 / 2]);
        assert!(reporter.due_at() > 2_500_000);
    }

    #[test]
    fn of_a_source_that_has_sent_no_report_none_is_named() {
        let (mut packet, mut reporter) = ([0; LONGEST], Reporter::new(1, 0));
        let silent = PeerStream { received: received(10, 10), last_report: None };
        reporter.write(&mut packet, OWN, Some(silent), 2_500_000);
        assert_eq!(block_of(&mut packet), [77, 0, 0x1_0005, 9, 0, 0]);
    }

    /// Seconds to the first report, and from it to the second.
    fn waits(seed: u64) -> [f64; 2] {
        let mut reporter = Reporter::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), 0);
        let mut before = 0;
        [(); 2].map(|()| {
            let mut now = reporter.due_at();
            while !reporter.is_due(now) {
                now = reporter.due_at();
            }
            reporter.write(&mut [0; LONGEST], OWN, None, now);
            (now - std::mem::replace(&mut before, now)) as f64 / 1e6
        })
    }

    #[test]
    fn reports_are_five_seconds_apart_on_the_average_and_nobodys_come_with_anothers() {
        let all: Vec<[f64; 2]> = (0..4000).map(waits).collect();
        for (place, interval) in [(0, 2.5), (1, 5.0)] {
            let mut times: Vec<f64> = all.iter().map(|waits| waits[place] / interval).collect();
            times.sort_by(f64::total_cmp);
            let (least, most) = (times[0] * 1.21828, times[3999] * 1.21828);
            assert!((0.5..0.6).contains(&least) && (1.49..=1.5).contains(&most), "{least} {most}");
            let mean = times.iter().sum::<f64>() / 4000.0;
            assert!((mean - 1.0).abs() < 0.02, "{mean}");
        }
    }

    #[test]
    fn the_fraction_is_of_the_last_interval() {
        let (mut packet, mut reporter) = ([0; LONGEST], Reporter::new(1, 0));
        reporter.write(&mut packet, OWN, peer(100, 50), 0);
        reporter.write(&mut packet, OWN, peer(200, 150), 0);
        assert_eq!(block_of(&mut packet)[1], 50);
        reporter.write(&mut packet, OWN, peer(210, 151), 0);
        assert_eq!(block_of(&mut packet)[1], 230 << 24 | 59);
        reporter.write(&mut packet, OWN, peer(10, 10), 0);
        assert_eq!(block_of(&mut packet)[1], 0, "it began anew");
        reporter.write(&mut packet, OWN, peer(u32::MAX, 11), 0);
        assert_eq!(block_of(&mut packet)[1], 255 << 24 | MOST_LOST);
    }

    #[test]
    fn who_no_longer_sends_is_a_receiver_and_who_hears_nothing_either_has_an_empty_report() {
        let (mut packet, mut reporter) = ([0; LONGEST], Reporter::new(1, 0));
        let mut kinds = Vec::new();
        for n in 0..4 {
            let length = reporter.write(&mut packet, OWN, peer(10 * n, 10 * n), 0);
            assert!(is_valid(&packet[..length]));
            kinds.push(packet[1]);
        }
        assert_eq!(kinds, [SENDER_REPORT, SENDER_REPORT, RECEIVER_REPORT, RECEIVER_REPORT]);
        for heard in [peer(30, 30), None] {
            let length = reporter.write(&mut packet, OWN, heard, 0);
            assert!(is_valid(&packet[..length]));
            assert_eq!(packet[..8], [0x80, RECEIVER_REPORT, 0, 1, 1, 2, 0xab, 0xcd]);
            assert_eq!(length, RECEIVER + DESCRIBED);
        }
    }
}
