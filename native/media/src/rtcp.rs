//! Validity of a compound RTCP packet (RFC 3550 §6.1, A.2), and the reports of streams that are ours.
//!
//! Nothing inside of a peer's is interpreted: reports are relayed as they came where SSRCs and timestamps pass a leg unchanged.
//! The strict check keeps malformed compounds, on which many telephones have crashed, from reaching the other peer.

use crate::Micros;
use crate::rtp::MAX_PACKET;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;

/// True when `packet` is a compound that RFC 3550 A.2 accepts: version 2 throughout, beginning with an unpadded sender or
/// receiver report, packet lengths that add up to the datagram, padding only on the last packet.
#[must_use]
pub fn is_valid(packet: &[u8]) -> bool {
    if packet.len() < 8 || packet.len() > MAX_PACKET || !packet.len().is_multiple_of(4) {
        return false;
    }
    if packet[0] & 0x20 != 0 || !matches!(packet[1], SENDER_REPORT | RECEIVER_REPORT) {
        return false;
    }
    let mut rest = packet;
    while !rest.is_empty() {
        if rest.len() < 4 || rest[0] >> 6 != 2 || !(192..=223).contains(&rest[1]) {
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

/// Octets of a report block (RFC 3550 §6.4.1).
const REPORT: usize = 24;
/// Where the extended highest sequence number is in it.
pub const HIGHEST: usize = 8;

/// Shows each report block of a compound, of its sender and receiver reports: the source that it is about comes first. What
/// is cut short is not shown.
pub fn for_each_report(packet: &mut [u8], mut each: impl FnMut(&mut [u8])) {
    let mut rest = packet;
    while let [first, kind, high, low, ..] = *rest {
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let (this, next) = rest.split_at_mut(length.min(rest.len()));
        let start = match kind {
            SENDER_REPORT => 28,
            RECEIVER_REPORT => 8,
            _ => this.len(),
        };
        let blocks = this.get_mut(start..).unwrap_or_default().chunks_exact_mut(REPORT);
        blocks.take(usize::from(first & 0x1f)).for_each(&mut each);
        rest = next;
    }
}

/// Writes a compound of a sender report without report blocks and a description with a CNAME (RFC 3550 §6.4.1, §6.5.1); its
/// length. The NTP timestamp counts from the engine's start: receivers compare it with itself only (§6.4.1 allows elapsed
/// time where no wall clock is at hand).
pub fn sender_report(
    packet: &mut [u8],
    ssrc: u32,
    now: Micros,
    timestamp: u32,
    packets: u32,
    octets: u32,
) -> usize {
    const WORDS: u16 = 6;
    const LENGTH: usize = 28 + 20;
    let fraction = (now % 1_000_000) * (1 << 32) / 1_000_000;
    packet[..4].copy_from_slice(&[0x80, SENDER_REPORT, 0, WORDS as u8]);
    packet[4..8].copy_from_slice(&ssrc.to_be_bytes());
    packet[8..12].copy_from_slice(&((now / 1_000_000) as u32).to_be_bytes());
    packet[12..16].copy_from_slice(&(fraction as u32).to_be_bytes());
    packet[16..20].copy_from_slice(&timestamp.to_be_bytes());
    packet[20..24].copy_from_slice(&packets.to_be_bytes());
    packet[24..28].copy_from_slice(&octets.to_be_bytes());
    packet[28..32].copy_from_slice(&[0x81, DESCRIPTION, 0, 4]);
    packet[32..36].copy_from_slice(&ssrc.to_be_bytes());
    // The CNAME says no more than the SSRC does.
    packet[36..38].copy_from_slice(&[1, 8]);
    for (octet, shift) in packet[38..46].iter_mut().zip((0..8).rev()) {
        *octet = b"0123456789abcdef"[(ssrc >> (4 * shift) & 15) as usize];
    }
    packet[46..LENGTH].fill(0);
    LENGTH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_report_is_a_valid_compound() {
        let mut packet = [0xff; 64];
        let length = sender_report(&mut packet, 0x0102_abcd, 2_500_000, 160, 3, 480);
        assert!(is_valid(&packet[..length]));
        assert_eq!(packet[8..16], [0, 0, 0, 2, 0x80, 0, 0, 0]);
        assert_eq!(&packet[38..46], b"0102abcd");
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

    const RECEIVER: [u8; 8] = [0x80, 201, 0, 1, 1, 2, 3, 4];
    const DESCRIBED: [u8; 12] = [0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, b'a', 0];

    #[test]
    fn accepts_a_compound_beginning_with_a_report() {
        assert!(is_valid(&RECEIVER));
        assert!(is_valid(&[&RECEIVER[..], &DESCRIBED[..]].concat()));
    }

    #[test]
    fn refuses_what_a_2_refuses() {
        assert!(!is_valid(&DESCRIBED), "does not begin with a report");
        assert!(!is_valid(&RECEIVER[..4]), "shorter than a report");
        assert!(!is_valid(&[&RECEIVER[..], &[0x81, 202]].concat()), "rubbish at the end");
        assert!(!is_valid(&[&RECEIVER[..], &DESCRIBED[..8]].concat()), "length beyond the datagram");
        let mut padded = RECEIVER;
        padded[0] |= 0x20;
        assert!(!is_valid(&padded), "first packet padded");
        let mut version = [RECEIVER, RECEIVER].concat();
        version[8] = 0x40;
        assert!(!is_valid(&version), "second packet of another version");
        let mut early = [&RECEIVER[..], &DESCRIBED[..], &RECEIVER[..]].concat();
        early[8] |= 0x20;
        assert!(!is_valid(&early), "padding before the last packet");
    }

    #[test]
    fn every_prefix_is_accepted_or_refused() {
        let whole = [&RECEIVER[..], &DESCRIBED[..]].concat();
        let valid: Vec<usize> = (0..=whole.len()).filter(|&length| is_valid(&whole[..length])).collect();
        assert_eq!(valid, [8, 20]);
    }
}
