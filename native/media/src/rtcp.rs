//! Validity of a compound RTCP packet (RFC 3550 §6.1, A.2).
//!
//! Nothing inside is interpreted: reports are relayed as they came, because SSRCs and timestamps pass a leg unchanged.
//! The strict check keeps malformed compounds, on which many telephones have crashed, from reaching the other peer.

use crate::rtp::MAX_PACKET;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;

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

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVER: [u8; 8] = [0x80, 201, 0, 1, 1, 2, 3, 4];
    const DESCRIPTION: [u8; 12] = [0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, b'a', 0];

    #[test]
    fn accepts_a_compound_beginning_with_a_report() {
        assert!(is_valid(&RECEIVER));
        assert!(is_valid(&[&RECEIVER[..], &DESCRIPTION[..]].concat()));
    }

    #[test]
    fn refuses_what_a_2_refuses() {
        assert!(!is_valid(&DESCRIPTION), "does not begin with a report");
        assert!(!is_valid(&RECEIVER[..4]), "shorter than a report");
        assert!(!is_valid(&[&RECEIVER[..], &[0x81, 202]].concat()), "rubbish at the end");
        assert!(!is_valid(&[&RECEIVER[..], &DESCRIPTION[..8]].concat()), "length beyond the datagram");
        let mut padded = RECEIVER;
        padded[0] |= 0x20;
        assert!(!is_valid(&padded), "first packet padded");
        let mut version = [RECEIVER, RECEIVER].concat();
        version[8] = 0x40;
        assert!(!is_valid(&version), "second packet of another version");
        let mut early = [&RECEIVER[..], &DESCRIPTION[..], &RECEIVER[..]].concat();
        early[8] |= 0x20;
        assert!(!is_valid(&early), "padding before the last packet");
    }

    #[test]
    fn every_prefix_is_accepted_or_refused() {
        let whole = [&RECEIVER[..], &DESCRIPTION[..]].concat();
        let valid: Vec<usize> = (0..=whole.len()).filter(|&length| is_valid(&whole[..length])).collect();
        assert_eq!(valid, [8, 20]);
    }
}
