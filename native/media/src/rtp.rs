//! The RTP header (RFC 3550 §5.1), its validity (A.1) and how RTP and RTCP are told apart on one port (RFC 5761 §4).
//!
//! Reads and rewrites headers in place; sequence and jitter bookkeeping are [`crate::reception`]'s.

/// Octets of an RTP header without contributing sources and extension.
pub const HEADER_LENGTH: usize = 12;

/// The longest datagram taken for RTP or RTCP: what an Ethernet frame can carry.
pub const MAX_PACKET: usize = 1500;

/// What a datagram looks like from its first two octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Version 2 and an RTP payload type.
    Rtp,
    /// Version 2 and an RTCP packet type of 192–223 (RFC 5761 §4).
    Rtcp,
    /// Neither.
    Other,
}

/// Tells RTP from RTCP from anything else. Says nothing about the rest of the datagram.
#[must_use]
pub fn kind(packet: &[u8]) -> Kind {
    match packet {
        [first, second, ..] if first >> 6 == 2 => {
            if (192..=223).contains(second) {
                Kind::Rtcp
            } else {
                Kind::Rtp
            }
        }
        _ => Kind::Other,
    }
}

/// The parts of an RTP header that a relay reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The marker bit, whose meaning is the payload format's.
    pub marker: bool,
    /// 0–127.
    pub payload_type: u8,
    /// Sequence number, wrapping.
    pub sequence: u16,
    /// In units of the payload format's clock rate, wrapping.
    pub timestamp: u32,
    /// The synchronization source.
    pub ssrc: u32,
    /// Index of the first payload octet in the packet.
    pub payload_start: usize,
    /// Index after the last payload octet, padding excluded.
    pub payload_end: usize,
}

impl Header {
    /// Octets of payload: what RFC 3550 §6.4.1 counts as sent (no header, no padding).
    #[must_use]
    pub const fn payload_length(&self) -> usize {
        self.payload_end - self.payload_start
    }

    /// Reads and checks a header by RFC 3550 A.1: version 2, every announced part inside the packet.
    ///
    /// `None` when it isn't RTP. Whether the payload type means anything here is [`crate::payload`]'s question.
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        if packet.len() > MAX_PACKET {
            return None;
        }
        let payload_start = payload_start(packet)?;
        let mut payload_end = packet.len();
        if packet[0] & 0x20 != 0 {
            let padding = usize::from(packet[packet.len() - 1]);
            if padding == 0 {
                return None;
            }
            payload_end = payload_end.checked_sub(padding)?;
        }
        if payload_start > payload_end {
            return None;
        }
        Some(Self {
            marker: packet[1] & 0x80 != 0,
            payload_type: packet[1] & 0x7f,
            sequence: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]),
            ssrc: u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]),
            payload_start,
            payload_end,
        })
    }
}

/// Index of the first octet after the header, the contributing sources and the extension, all of which must be there
/// (RFC 3550 §5.1, §5.3.1). `None` when it isn't RTP.
#[must_use]
pub fn payload_start(packet: &[u8]) -> Option<usize> {
    if packet.len() < HEADER_LENGTH || kind(packet) != Kind::Rtp {
        return None;
    }
    let mut start = HEADER_LENGTH + 4 * usize::from(packet[0] & 0x0f);
    if packet[0] & 0x10 != 0 {
        let words = packet.get(start + 2..start + 4)?;
        start += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    (start <= packet.len()).then_some(start)
}

/// Changes the payload type in place; the marker bit stays. `packet` must have been parsed.
pub fn set_payload_type(packet: &mut [u8], payload_type: u8) {
    packet[1] = (packet[1] & 0x80) | (payload_type & 0x7f);
}

/// Writes a plain 12-octet header: no padding, no extension, no contributing sources.
pub fn write_header(
    packet: &mut [u8],
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
) {
    packet[0] = 0x80;
    packet[1] = (u8::from(marker) << 7) | (payload_type & 0x7f);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

/// The header of a packet without a payload.
#[cfg(test)]
pub(crate) fn header(sequence: u16, timestamp: u32, ssrc: u32) -> Header {
    let mut packet = [0; HEADER_LENGTH];
    write_header(&mut packet, false, 0, sequence, timestamp, ssrc);
    Header::parse(&packet).expect("a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, second: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; HEADER_LENGTH];
        write_header(&mut packet, false, 0, 0x1234, 0xdead_beef, 0x0102_0304);
        packet[0] = first;
        packet[1] = second;
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn reads_what_it_writes() {
        let mut bytes = [0; 14];
        write_header(&mut bytes, true, 101, 65535, 1, u32::MAX);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(
            header,
            Header {
                marker: true,
                payload_type: 101,
                sequence: 65535,
                timestamp: 1,
                ssrc: u32::MAX,
                payload_start: 12,
                payload_end: 14
            }
        );
        assert_eq!(header.payload_length(), 2);
    }

    #[test]
    fn refuses_other_versions_and_short_or_long_datagrams() {
        assert!(Header::parse(&packet(0x00, 0, &[])).is_none());
        assert!(Header::parse(&packet(0x40, 0, &[])).is_none());
        assert!(Header::parse(&packet(0xc0, 0, &[])).is_none());
        assert!(Header::parse(&packet(0x80, 0, &[])[..11]).is_none());
        assert!(Header::parse(&packet(0x80, 0, &[0; MAX_PACKET])).is_none());
        assert!(Header::parse(&packet(0x80, 0, &[])).is_some());
    }

    #[test]
    fn skips_contributing_sources_and_extension_and_refuses_those_that_do_not_fit() {
        let csrc = packet(0x82, 0, &[0; 9]);
        assert_eq!(Header::parse(&csrc).unwrap().payload_start, 20);
        assert!(Header::parse(&packet(0x8f, 0, &[0; 59])).is_none());
        let extension = packet(0x90, 0, &[0, 0, 0, 1, 9, 9, 9, 9, 7]);
        let header = Header::parse(&extension).unwrap();
        assert_eq!((header.payload_start, header.payload_length()), (20, 1));
        assert!(Header::parse(&packet(0x90, 0, &[0, 0, 0, 2, 9, 9, 9, 9])).is_none());
        assert!(Header::parse(&packet(0x90, 0, &[0, 0])).is_none());
        assert!(Header::parse(&packet(0x90, 0, &[0, 0, 0xff, 0xff])).is_none());
    }

    #[test]
    fn padding_is_not_payload_and_must_fit() {
        let padded = packet(0xa0, 0, &[1, 2, 0, 2]);
        assert_eq!(Header::parse(&padded).unwrap().payload_length(), 2);
        assert!(Header::parse(&packet(0xa0, 0, &[1, 0])).is_none());
        assert!(Header::parse(&packet(0xa0, 0, &[1, 3])).is_none());
        assert!(Header::parse(&packet(0xa0, 0, &[1, 255])).is_none());
    }

    #[test]
    fn every_prefix_is_read_or_refused() {
        let whole = packet(0xb3, 0xff, &[0xff; 40]);
        for length in 0..whole.len() {
            let _ = Header::parse(&whole[..length]);
        }
    }

    #[test]
    fn rtcp_is_told_apart_by_its_packet_type() {
        assert_eq!(kind(&packet(0x80, 200, &[])), Kind::Rtcp);
        assert_eq!(kind(&packet(0x81, 223, &[])), Kind::Rtcp);
        assert_eq!(kind(&packet(0x80, 0x80 | 96, &[])), Kind::Rtp);
        assert_eq!(kind(&packet(0x80, 101, &[])), Kind::Rtp);
        assert_eq!(kind(b"\x00\x01"), Kind::Other);
        assert_eq!(kind(b"\x80"), Kind::Other);
        assert!(Header::parse(&packet(0x80, 200, &[])).is_none());
    }

    #[test]
    fn rewriting_the_payload_type_keeps_the_marker() {
        let mut marked = packet(0x80, 0x80 | 8, &[]);
        set_payload_type(&mut marked, 101);
        let header = Header::parse(&marked).unwrap();
        assert!(header.marker);
        assert_eq!(header.payload_type, 101);
    }
}
