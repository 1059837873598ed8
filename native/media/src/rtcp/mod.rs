//! Validity of a compound RTCP packet (RFC 3550 §6.1, A.2), what is read of a peer's, and reports of our own ([`report`]).
//!
//! Reports are relayed as they came where SSRCs and timestamps pass a leg unchanged. The strict check keeps malformed
//! compounds, on which many telephones have crashed, from reaching the other peer.

pub mod report;

use crate::rtp::MAX_PACKET;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;

/// True when `packet` is a compound that RFC 3550 A.2 accepts: version 2 throughout, beginning with an unpadded sender or
/// receiver report, packet lengths that add up to the datagram, padding only on the last packet.
#[must_use]
pub fn is_valid(packet: &[u8]) -> bool {
    if packet.len() < 8 || packet.len() > MAX_PACKET || packet.len() % 4 != 0 {
        return false;
    }
    if packet[0] & 0x20 != 0 || !matches!(packet[1], SENDER_REPORT | RECEIVER_REPORT) {
        return false;
    }
    let mut rest = packet;
    while !rest.is_empty() {
        if rest[0] >> 6 != 2 || !(192..=223).contains(&rest[1]) {
            return false;
        }
        let length = 4 * (usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1);
        if length > rest.len() || (rest[0] & 0x20 != 0 && length < rest.len()) {
            return false;
        }
        rest = &rest[length..];
    }
    true
}

/// Octets of a sender report and of a receiver report before their report blocks, and of each of these (RFC 3550 §6.4).
const SENDER: usize = 28;
const RECEIVER: usize = 8;
const REPORT: usize = 24;
/// Where the extended highest sequence number is in it.
pub const HIGHEST: usize = 8;
/// Where it names the sender report that came last, and says how long ago.
pub const LAST_REPORT: usize = 16;

/// Shows each report block of a compound, of its sender and receiver reports: the source that it is about comes first. What
/// is cut short is not shown.
pub fn for_each_report(packet: &mut [u8], mut each: impl FnMut(&mut [u8])) {
    let mut rest = packet;
    while let [first, kind, high, low, ..] = *rest {
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let (this, next) = rest.split_at_mut(length.min(rest.len()));
        let start = match kind {
            SENDER_REPORT => SENDER,
            RECEIVER_REPORT => RECEIVER,
            _ => this.len(),
        };
        let blocks = this.get_mut(start..).unwrap_or_default().chunks_exact_mut(REPORT);
        blocks.take(usize::from(first & 0x1f)).for_each(&mut each);
        rest = next;
    }
}

/// Takes a shift of the sequence numbers out of the highest one that a report block names. The count of rollovers above it is
/// right unless the stream has leapt.
pub fn shift_back(report: &mut [u8], shift: u16) {
    let Some(place) = report.get_mut(HIGHEST..HIGHEST + 4) else {
        return;
    };
    let told = u32::from_be_bytes([place[0], place[1], place[2], place[3]]);
    let highest = told.wrapping_sub(i32::from(shift as i16) as u32);
    // Before the first rollover there is nothing.
    let highest = if highest >> 31 == 0 { highest } else { highest.wrapping_add(1 << 16) };
    place.copy_from_slice(&highest.to_be_bytes());
}

/// The source of a sender report that a compound begins with, and the middle of the report's NTP timestamp, by which a reply
/// names it (§6.4.1: LSR).
#[must_use]
pub fn sender_report(packet: &[u8]) -> Option<(u32, u32)> {
    let word = |at: usize| Some(u32::from_be_bytes(*packet.get(at..at + 4)?.first_chunk()?));
    let is_one = packet.len() >= SENDER && packet[1] == SENDER_REPORT;
    is_one.then(|| Some((word(4)?, word(10)?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_report_is_named_by_the_middle_of_its_time() {
        let mut report = [&[0x80, SENDER_REPORT, 0, 6, 1, 2, 3, 4][..], &[0; 20]].concat();
        report[8..16].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(sender_report(&report), Some((0x0102_0304, 0x0304_0506)));
        assert_eq!(sender_report(&report[..27]), None);
        assert_eq!(sender_report(&RECEIVERS), None);
    }

    #[test]
    fn reports_are_found_in_senders_and_receivers_reports_and_nowhere_else() {
        let sender = [&[0x82, SENDER_REPORT, 0, 18][..], &[9; 24], &[1; 24], &[2; 24]].concat();
        let receiver = [&[0x81, RECEIVER_REPORT, 0, 7][..], &[9; 4], &[3; 24]].concat();
        let bye = [&[0x81, 203, 0, 7][..], &[4; 28]].concat();
        let mut whole = [sender, receiver, bye].concat();
        assert!(is_valid(&whole));
        let mut found = Vec::new();
        for_each_report(&mut whole, |report| found.push((report[0], report.len())));
        assert_eq!(found, [(1, 24), (2, 24), (3, 24)]);
        for length in 0..whole.len() {
            for_each_report(&mut whole[..length], |report| assert_eq!(report.len(), 24));
        }
        let mut lies = [&[0x9f, RECEIVER_REPORT, 0xff, 0xff][..], &[5; 30]].concat();
        for_each_report(&mut lies, |report| assert_eq!(report.len(), 24));
    }

    const RECEIVERS: [u8; 8] = [0x80, 201, 0, 1, 1, 2, 3, 4];
    const DESCRIBED: [u8; 12] = [0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, b'a', 0];

    #[test]
    fn accepts_a_compound_beginning_with_a_report() {
        assert!(is_valid(&RECEIVERS));
        assert!(is_valid(&[&RECEIVERS[..], &DESCRIBED[..]].concat()));
    }

    #[test]
    fn refuses_what_a_2_refuses() {
        assert!(!is_valid(&DESCRIBED), "does not begin with a report");
        assert!(!is_valid(&RECEIVERS[..4]), "shorter than a report");
        assert!(!is_valid(&[&RECEIVERS[..], &[0x81, 202]].concat()), "rubbish at the end");
        assert!(!is_valid(&[&RECEIVERS[..], &DESCRIBED[..8]].concat()), "length beyond the datagram");
        let mut padded = RECEIVERS;
        padded[0] |= 0x20;
        assert!(!is_valid(&padded), "first packet padded");
        let mut version = [RECEIVERS, RECEIVERS].concat();
        version[8] = 0x40;
        assert!(!is_valid(&version), "second packet of another version");
        let mut early = [&RECEIVERS[..], &DESCRIBED[..], &RECEIVERS[..]].concat();
        early[8] |= 0x20;
        assert!(!is_valid(&early), "padding before the last packet");
    }

    #[test]
    fn accepts_padding_at_the_end_and_every_type_of_rtcp_and_no_other() {
        let mut padded = [&RECEIVERS[..], &DESCRIBED[..], &[0, 0, 0, 4]].concat();
        (padded[8], padded[11]) = (0xa1, 3);
        assert!(is_valid(&padded));
        for (kind, accepted) in [(191, false), (192, true), (223, true), (224, false)] {
            assert_eq!(is_valid(&[&RECEIVERS[..], &[0x80, kind, 0, 0]].concat()), accepted, "{kind}");
        }
    }

    #[test]
    fn what_is_behind_the_report_blocks_is_none() {
        let mut extended = [&[0x81, RECEIVER_REPORT, 0, 13][..], &[9; 4], &[3; 24], &[4; 24]].concat();
        let mut found = Vec::new();
        for_each_report(&mut extended, |report| found.push(report[0]));
        assert_eq!(found, [3]);
    }

    #[test]
    fn a_shift_is_taken_out_across_rollovers_and_not_beyond_the_first() {
        for (told, shift, highest) in [
            (0x1_0005, 2, 0x1_0003),
            (0x1_0005, 10, 0xfffb),
            (0xfffb, 0u16.wrapping_sub(10), 0x1_0005),
            (5, 10, 0xfffb),
            (0, 1, 0xffff),
        ] {
            let mut report = [0xee; REPORT];
            report[HIGHEST..HIGHEST + 4].copy_from_slice(&u32::to_be_bytes(told));
            shift_back(&mut report, shift);
            assert_eq!(report[HIGHEST..HIGHEST + 4], u32::to_be_bytes(highest), "{told:#x} by {shift}");
            assert!(report[..HIGHEST].iter().chain(&report[HIGHEST + 4..]).all(|&octet| octet == 0xee));
        }
    }

    #[test]
    fn every_prefix_is_accepted_or_refused() {
        let whole = [&RECEIVERS[..], &DESCRIBED[..]].concat();
        let valid: Vec<usize> = (0..=whole.len()).filter(|&length| is_valid(&whole[..length])).collect();
        assert_eq!(valid, [8, 20]);
    }
}
