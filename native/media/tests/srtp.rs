//! SRTP from one end to the other, and against whoever is between (RFC 3711, RFC 4568).
//!
//! The vectors are libsrtp's (`test/srtp_driver.c`, BSD licence), those of the parts RFC 3711's (Appendix B, beside the
//! code).

#![expect(clippy::unwrap_used, reason = "a test")]

use trunkline_media::srtp::{
    KEY_GRACE_US, LONGEST_LIFETIME, MAX_STREAMS, MasterKey, RTCP_OVERHEAD, RTP_OVERHEAD, Srtp, SrtpError,
    SrtpIn, SrtpKeys, SrtpOut, Wear,
};

const MASTER: &str = "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6";
const RTP_PLAIN: &str = "800f1234 decafbad cafebabe abababab abababab abababab abababab";
const RTP_SECURE: &str =
    "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb";
const RTCP_PLAIN: &str = "81c8000b cafebabe abababab abababab abababab abababab";
/// Of SRTCP index 1.
const RTCP_SECURE: &str =
    "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798";

const SSRC: u32 = 0xcafe_babe;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

fn master() -> MasterKey {
    MasterKey::new(&hex(MASTER), &[]).expect("30 octets")
}

fn key(seed: u8) -> MasterKey {
    MasterKey::new(&[seed; 30], &[]).expect("30 octets")
}

fn keys(send: u8, receive: u8) -> SrtpKeys {
    SrtpKeys { send: key(send), receive: key(receive), receive_lifetime: LONGEST_LIFETIME }
}

fn pair() -> (SrtpOut, SrtpIn) {
    (SrtpOut::new(master()), SrtpIn::new(master()))
}

/// An RTP packet whose payload tells it from all others.
fn rtp(ssrc: u32, sequence: u16, word: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend(word.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..40).flat_map(|_| word.to_be_bytes()));
    packet
}

fn report(ssrc: u32) -> Vec<u8> {
    [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat()
}

fn protect(out: &mut SrtpOut, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buffer = [packet, &[0; RTP_OVERHEAD]].concat();
    let length = out.protect_rtp(&mut buffer, packet.len())?;
    assert_eq!(length, buffer.len());
    Ok(buffer)
}

fn protect_rtcp(out: &mut SrtpOut, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buffer = [packet, &[0; RTCP_OVERHEAD]].concat();
    out.protect_rtcp(&mut buffer, packet.len()).map(|_| buffer)
}

fn unprotect(incoming: &mut SrtpIn, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buffer = packet.to_vec();
    let result = incoming.unprotect_rtp(&mut buffer);
    if result.is_err() {
        assert_eq!(buffer, packet, "what was refused is as it was");
    }
    result.map(|length| buffer[..length].to_vec())
}

fn unprotect_rtcp(incoming: &mut SrtpIn, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buffer = packet.to_vec();
    incoming.unprotect_rtcp(&mut buffer).map(|length| buffer[..length].to_vec())
}

/// A small seeded generator: the same numbers each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn both_ways_are_those_of_libsrtp() {
    let (mut out, mut incoming) = pair();
    assert_eq!(protect(&mut out, &hex(RTP_PLAIN)).unwrap(), hex(RTP_SECURE));
    assert_eq!(unprotect(&mut incoming, &hex(RTP_SECURE)).unwrap(), hex(RTP_PLAIN));
    protect_rtcp(&mut out, &hex(RTCP_PLAIN)).unwrap();
    assert_eq!(protect_rtcp(&mut out, &hex(RTCP_PLAIN)).unwrap(), hex(RTCP_SECURE));
    assert_eq!(unprotect_rtcp(&mut incoming, &hex(RTCP_SECURE)).unwrap(), hex(RTCP_PLAIN));
}

#[test]
fn header_extension_and_contributing_sources_stay_readable() {
    let (mut out, mut incoming) = pair();
    let mut packet = vec![0xb1, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0xbe, 0xde, 0, 1, 9, 9, 9, 9];
    let start = packet.len();
    packet.extend([7, 7, 7, 2]);
    let secure = protect(&mut out, &packet).unwrap();
    assert_eq!(secure[..start], packet[..start]);
    assert_ne!(secure[start..packet.len()], packet[start..]);
    assert_eq!(unprotect(&mut incoming, &secure).unwrap(), packet);
}

#[test]
fn a_changed_octet_anywhere_is_found_out() {
    let (mut out, mut incoming) = pair();
    let secure = protect(&mut out, &rtp(SSRC, 7, 7)).unwrap();
    let report = protect_rtcp(&mut out, &report(SSRC)).unwrap();
    for at in 0..secure.len() {
        let mut changed = secure.clone();
        changed[at] ^= 0x20;
        let error = unprotect(&mut incoming, &changed).unwrap_err();
        assert!(matches!(error, SrtpError::Authentication | SrtpError::Malformed), "{at}: {error}");
    }
    for at in 0..report.len() {
        let mut changed = report.clone();
        changed[at] ^= 0x80;
        let error = unprotect_rtcp(&mut incoming, &changed).unwrap_err();
        assert!(matches!(error, SrtpError::Authentication | SrtpError::Malformed), "{at}: {error}");
    }
    assert!(unprotect(&mut incoming, &secure).is_ok(), "and none of them has left a trace");
    assert!(unprotect_rtcp(&mut incoming, &report).is_ok());
}

#[test]
fn what_is_cut_short_or_too_long_is_refused() {
    let (mut out, mut incoming) = pair();
    let secure = protect(&mut out, &rtp(SSRC, 7, 7)).unwrap();
    let report = protect_rtcp(&mut out, &report(SSRC)).unwrap();
    for length in 0..secure.len() {
        assert!(unprotect(&mut incoming, &secure[..length]).is_err());
    }
    for length in 0..report.len() {
        assert!(unprotect_rtcp(&mut incoming, &report[..length]).is_err());
    }
    for length in [1500 + RTP_OVERHEAD + 1, 2048, 65_507] {
        let mut long = secure.clone();
        long.resize(length, 0);
        assert_eq!(unprotect(&mut incoming, &long), Err(SrtpError::Malformed));
        assert_eq!(unprotect_rtcp(&mut incoming, &long), Err(SrtpError::Malformed));
    }
    let mut beyond = rtp(SSRC, 8, 8);
    beyond[0] = 0x9f;
    beyond.truncate(100);
    assert_eq!(protect(&mut out, &[0x9f; 100]), Err(SrtpError::Malformed), "an extension beyond the end");
    assert_eq!(protect(&mut out, &rtp(SSRC, 8, 8)[..11]), Err(SrtpError::Malformed));
    assert_eq!(out.protect_rtp(&mut rtp(SSRC, 8, 8), 172), Err(SrtpError::Malformed), "no room for a tag");
    assert_eq!(protect_rtcp(&mut out, &[0x80; 7]), Err(SrtpError::Malformed));
}

#[test]
fn rubbish_does_no_harm() {
    let (mut out, mut incoming) = pair();
    let mut dice = Dice(3711);
    let mut sequence = 0u16;
    for round in 0..5_000 {
        let mut packet: Vec<u8> = (0..dice.roll(200)).map(|_| dice.roll(256) as u8).collect();
        if let Some(first) = packet.first_mut() {
            *first = 0x80 | *first & 0x3f;
        }
        assert!(unprotect(&mut incoming, &packet).is_err());
        assert!(unprotect_rtcp(&mut incoming, &packet).is_err());
        let _ = protect(&mut SrtpOut::new(master()), &packet);
        if round % 10 == 0 {
            sequence += 1;
            let plain = rtp(SSRC, sequence, round);
            let secure = protect(&mut out, &plain).unwrap();
            let mut changed = secure.clone();
            let at = dice.roll(changed.len() as u64) as usize;
            changed[at] = changed[at].wrapping_add(1 + dice.roll(255) as u8);
            assert!(unprotect(&mut incoming, &changed).is_err());
            assert_eq!(unprotect(&mut incoming, &secure).unwrap(), plain, "the audio goes on");
        }
    }
}

#[test]
fn a_packet_counts_once() {
    let (mut out, mut incoming) = pair();
    let packets: Vec<_> = (0..300).map(|n| protect(&mut out, &rtp(SSRC, n, n.into())).unwrap()).collect();
    for n in [0, 2, 1, 3, 299, 180] {
        assert!(unprotect(&mut incoming, &packets[n]).is_ok(), "{n}");
        assert_eq!(unprotect(&mut incoming, &packets[n]), Err(SrtpError::Replay), "{n}");
    }
    assert_eq!(unprotect(&mut incoming, &packets[100]), Err(SrtpError::Replay), "too old to tell");
    let reports: Vec<_> = (0..3).map(|_| protect_rtcp(&mut out, &report(SSRC)).unwrap()).collect();
    for n in [0, 2, 1] {
        assert!(unprotect_rtcp(&mut incoming, &reports[n]).is_ok());
        assert_eq!(unprotect_rtcp(&mut incoming, &reports[n]), Err(SrtpError::Replay));
    }
}

#[test]
fn sequence_numbers_roll_over_through_loss_and_disorder() {
    let (mut out, mut incoming) = pair();
    let mut dice = Dice(1);
    let mut late = None;
    for n in (0..400_000u32).step_by(20) {
        let plain = rtp(SSRC, (n + 40_000) as u16, n);
        let secure = protect(&mut out, &plain).unwrap();
        match dice.roll(20) {
            0 => {}
            1 => late = Some((secure, plain)),
            _ => {
                assert_eq!(unprotect(&mut incoming, &secure).unwrap(), plain, "{n}");
                if let Some((secure, plain)) = late.take() {
                    assert_eq!(unprotect(&mut incoming, &secure).unwrap(), plain, "before {n}");
                }
            }
        }
    }
}

#[test]
fn a_stream_whose_beginning_was_missed_around_a_rollover_is_heard() {
    let (mut out, mut incoming) = pair();
    let mut last = Vec::new();
    for n in (0xe000..=0x1_0010u32).step_by(0x10) {
        last = protect(&mut out, &rtp(SSRC, n as u16, n)).unwrap();
    }
    assert_eq!(unprotect(&mut incoming, &last).unwrap(), rtp(SSRC, 0x10, 0x1_0010));
}

#[test]
fn a_stream_that_begins_below_a_rollover_is_sent_with_other_numbers() {
    let (mut out, _) = pair();
    for n in 0..20u16 {
        let secure = protect(&mut out, &rtp(SSRC, 65_530u16.wrapping_add(n), n.into())).unwrap();
        // Whatever the first packet is that arrives.
        let plain = unprotect(&mut SrtpIn::new(master()), &secure).unwrap();
        assert_eq!(u16::from_be_bytes([plain[2], plain[3]]), 32_762 + n);
        assert_eq!(plain[4..], rtp(SSRC, 0, n.into())[4..]);
    }
}

#[test]
fn no_key_stream_is_used_twice() {
    let (mut out, mut incoming) = pair();
    assert!(protect(&mut out, &rtp(SSRC, 5, 1)).is_ok());
    assert_eq!(protect(&mut out, &rtp(SSRC, 5, 2)), Err(SrtpError::Repeated));
    assert!(protect(&mut out, &rtp(SSRC, 9, 3)).is_ok());
    assert!(protect(&mut out, &rtp(SSRC, 7, 4)).is_ok(), "out of order is no repetition");
    assert_eq!(protect(&mut out, &rtp(SSRC, 7, 4)), Err(SrtpError::Repeated));
    let report_0 = protect_rtcp(&mut out, &report(SSRC)).unwrap();
    let report_1 = protect_rtcp(&mut out, &report(SSRC)).unwrap();
    assert_ne!(report_0, report_1);
    assert!(unprotect_rtcp(&mut incoming, &report_1).is_ok());
}

#[test]
fn a_source_that_leaps_goes_on_where_it_was() {
    // Held for so long that a receiver would guess a rollover counter; begun anew far back; and one stray packet.
    for leap in [50_000u16, 20_000, 30_000, 1000] {
        let (mut out, mut incoming) = pair();
        for n in 0..200u16 {
            let secure = protect(&mut out, &rtp(SSRC, n.wrapping_add(35_000), n.into())).unwrap();
            unprotect(&mut incoming, &secure).unwrap();
        }
        assert_eq!(
            protect(&mut out, &rtp(SSRC, leap, 1)),
            Err(SrtpError::Repeated),
            "it could be a stray one"
        );
        for n in 1..200u16 {
            let secure = protect(&mut out, &rtp(SSRC, leap.wrapping_add(n), n.into())).unwrap();
            let plain = unprotect(&mut incoming, &secure).unwrap();
            assert_eq!(u16::from_be_bytes([plain[2], plain[3]]), 35_000 + 200 + n - 1);
        }
    }
}

#[test]
fn a_stray_packet_does_not_disturb_a_stream() {
    let (mut out, mut incoming) = pair();
    for n in 0..100u16 {
        let secure = protect(&mut out, &rtp(SSRC, n, n.into())).unwrap();
        assert_eq!(unprotect(&mut incoming, &secure).unwrap(), rtp(SSRC, n, n.into()));
        assert_eq!(protect(&mut out, &rtp(SSRC, 20_000 + 7 * n, 0)), Err(SrtpError::Repeated));
    }
}

/// What the sender of a stream is told of its highest sequence number, which its receiver counted as it came.
fn highest_told(ours: &mut Srtp, theirs: &mut Srtp, highest: u32) -> u32 {
    let block = [&SSRC.to_be_bytes()[..], &[0; 4], &highest.to_be_bytes(), &[0; 12]].concat();
    let plain = [&[0x81, 201, 0, 7, 0, 0, 0, 1][..], &block].concat();
    let mut buffer = [&plain[..], &[0; RTCP_OVERHEAD]].concat();
    theirs.protect_rtcp(&mut buffer, plain.len()).expect("protected");
    let length = ours.unprotect_rtcp(&mut buffer, 0).expect("authentic");
    assert_eq!((length, &buffer[..16], &buffer[20..length]), (plain.len(), &plain[..16], &plain[20..]));
    u32::from_be_bytes([buffer[16], buffer[17], buffer[18], buffer[19]])
}

#[test]
fn the_sender_is_told_of_its_own_sequence_numbers() {
    for (first, second) in [(100, 101), (0xfff0, 0xfff1), (0xffff, 0)] {
        let [mut ours, mut theirs] = [(1, 2), (2, 1)].map(|(send, receive)| Srtp::new(keys(send, receive)));
        let mut received = 0;
        for sequence in [first, second] {
            let mut buffer = [rtp(SSRC, sequence, 1), vec![0; RTP_OVERHEAD]].concat();
            let length = buffer.len() - RTP_OVERHEAD;
            ours.protect_rtp(&mut buffer, length).unwrap();
            theirs.unprotect_rtp(&mut buffer, 0).unwrap();
            received = u16::from_be_bytes([buffer[2], buffer[3]]);
        }
        for source in [SSRC, 1, 2] {
            // Whichever was sent last.
            let mut buffer = [rtp(source, second.wrapping_add(1), 1), vec![0; RTP_OVERHEAD]].concat();
            ours.protect_rtp(&mut buffer, 172).unwrap();
            let told = highest_told(&mut ours, &mut theirs, received.into());
            assert_eq!(told as u16, second, "after {first}");
            assert_eq!(told >> 16, u32::from(first == 0xffff), "after {first}");
        }
    }
}

#[test]
fn each_source_has_its_own_sequence() {
    let (mut out, mut incoming) = pair();
    for n in 0..50u16 {
        for ssrc in 0..20u32 {
            let plain = rtp(ssrc, n.wrapping_add(1000 * ssrc as u16), n.into());
            let secure = protect(&mut out, &plain).unwrap();
            assert_eq!(unprotect(&mut incoming, &secure).unwrap(), plain);
        }
    }
}

#[test]
fn only_authentic_sources_are_remembered_and_not_without_end() {
    let (mut out, mut incoming) = pair();
    let mut forger = SrtpOut::new(key(1));
    for ssrc in 0..MAX_STREAMS as u32 {
        let forged = protect(&mut forger, &rtp(ssrc, 1, 1)).unwrap();
        assert_eq!(unprotect(&mut incoming, &forged), Err(SrtpError::Authentication));
    }
    let mut first = Vec::new();
    for ssrc in 0..MAX_STREAMS as u32 {
        let secure = protect(&mut out, &rtp(ssrc, 1, 1)).unwrap();
        assert!(unprotect(&mut incoming, &secure).is_ok());
        first.push(secure);
    }
    let one_more = rtp(MAX_STREAMS as u32, 1, 1);
    assert_eq!(protect(&mut out, &one_more), Err(SrtpError::TooManyStreams));
    let secure = protect(&mut SrtpOut::new(master()), &one_more).unwrap();
    assert_eq!(unprotect(&mut incoming, &secure), Err(SrtpError::TooManyStreams));
    for secure in first {
        assert_eq!(unprotect(&mut incoming, &secure), Err(SrtpError::Replay), "none was forgotten");
    }
    let next = protect(&mut out, &rtp(0, 2, 2)).unwrap();
    assert!(unprotect(&mut incoming, &next).is_ok(), "and those that are known go on");
}

#[test]
fn a_master_key_identifier_is_expected_where_it_was_agreed() {
    let mut out = SrtpOut::new(master());
    let plain = rtp(SSRC, 3, 3);
    let secure = protect(&mut out, &plain).unwrap();
    let with = |mki: &[u8]| {
        let (packet, tag) = secure.split_at(secure.len() - RTP_OVERHEAD);
        [packet, mki, tag].concat()
    };
    let mut incoming = SrtpIn::new(MasterKey::new(&hex(MASTER), &[0, 0, 4, 0x2a]).unwrap());
    assert_eq!(unprotect(&mut incoming, &secure), Err(SrtpError::Authentication));
    assert_eq!(unprotect(&mut incoming, &with(&[0, 0, 4, 0x2b])), Err(SrtpError::Authentication));
    assert_eq!(unprotect(&mut incoming, &with(&[0, 0, 4, 0x2a])).unwrap(), plain);
    let report = protect_rtcp(&mut out, &report(SSRC)).unwrap();
    let (packet, tag) = report.split_at(report.len() - RTP_OVERHEAD);
    assert!(unprotect_rtcp(&mut incoming, &[packet, &[0, 0, 4, 0x2a], tag].concat()).is_ok());
    assert!(unprotect_rtcp(&mut incoming, &report).is_err());
}

/// The peer of a leg.
fn peer_of(send: u8, receive: u8) -> (Srtp, SrtpOut) {
    (Srtp::new(keys(send, receive)), SrtpOut::new(key(receive)))
}

fn leg_unprotect(leg: &mut Srtp, packet: &[u8], now: u64) -> Result<usize, SrtpError> {
    leg.unprotect_rtp(&mut packet.to_vec(), now)
}

#[test]
fn the_same_keys_once_more_change_nothing() {
    let (mut leg, mut peer) = peer_of(1, 2);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for n in 0xff00..0x1_0100u32 {
        last = protect(&mut peer, &rtp(SSRC, (n + 0x8000) as u16, n)).unwrap();
        leg_unprotect(&mut leg, &last, 0).unwrap();
        first = if first.is_empty() { last.clone() } else { first };
        let mut buffer = [rtp(SSRC, n as u16, n), vec![0; RTP_OVERHEAD]].concat();
        leg.protect_rtp(&mut buffer, 172).unwrap();
    }
    leg.set_keys(keys(1, 2), 0);
    assert_eq!(leg_unprotect(&mut leg, &last, 0), Err(SrtpError::Replay));
    assert_eq!(leg_unprotect(&mut leg, &first, 0), Err(SrtpError::Replay));
    let next = protect(&mut peer, &rtp(SSRC, 0x8100, 1)).unwrap();
    assert!(leg_unprotect(&mut leg, &next, 0).is_ok());
    let mut buffer = [rtp(SSRC, 0xff, 9), vec![0; RTP_OVERHEAD]].concat();
    assert_eq!(leg.protect_rtp(&mut buffer, 172), Err(SrtpError::Repeated), "sent before with this key");
}

#[test]
fn other_keys_begin_anew_and_the_peers_old_one_counts_for_a_while() {
    let (mut leg, mut old) = peer_of(1, 2);
    let before = protect(&mut old, &rtp(SSRC, 1, 1)).unwrap();
    leg_unprotect(&mut leg, &before, 0).unwrap();
    let mut new = SrtpOut::new(key(4));
    let early = protect(&mut new, &rtp(SSRC, 7, 7)).unwrap();
    assert_eq!(leg_unprotect(&mut leg, &early, 0), Err(SrtpError::Authentication));
    leg.set_keys(keys(3, 4), 1000);
    assert!(leg_unprotect(&mut leg, &early, 1000).is_ok());
    let late = protect(&mut old, &rtp(SSRC, 2, 2)).unwrap();
    assert!(leg_unprotect(&mut leg, &late, 1000 + KEY_GRACE_US - 1).is_ok());
    assert!(leg_unprotect(&mut leg, &late, 1001).is_err(), "but not twice");
    assert!(leg_unprotect(&mut leg, &before, 1001).is_err());
    let too_late = protect(&mut old, &rtp(SSRC, 3, 3)).unwrap();
    assert_eq!(leg_unprotect(&mut leg, &too_late, 1000 + KEY_GRACE_US), Err(SrtpError::Authentication));
    assert_eq!(leg_unprotect(&mut leg, &too_late, 1001), Err(SrtpError::Authentication), "gone for good");
    let mut buffer = [rtp(SSRC, 1, 1), vec![0; RTP_OVERHEAD]].concat();
    leg.protect_rtp(&mut buffer, 172).unwrap();
    assert!(unprotect(&mut SrtpIn::new(key(3)), &buffer).is_ok(), "and our new key protects what we send");
}

/// A leg under the keys 1 and 2 that has heard its peer over three rollovers.
fn long_heard() -> Srtp {
    let (mut leg, mut peer) = peer_of(1, 2);
    for n in (0x8000..=0x4_0000u32).step_by(0x1000) {
        let secure = protect(&mut peer, &rtp(SSRC, n as u16, n)).unwrap();
        leg_unprotect(&mut leg, &secure, 0).unwrap();
    }
    leg
}

/// The next packet of that peer, which carries its counter on under another key.
fn carried_on(number: u8) -> Vec<u8> {
    let mut next = SrtpOut::new(key(number));
    let mut last = Vec::new();
    for n in (0x8000..=0x4_1000u32).step_by(0x1000) {
        last = protect(&mut next, &rtp(SSRC, n as u16, n)).unwrap();
    }
    last
}

#[test]
fn a_peer_may_keep_its_rollover_counter_over_a_change_of_keys() {
    // RFC 3711 §3.3.1 says so, RFC 4568 §7.1.4 rather not; libsrtp can do either.
    let mut leg = long_heard();
    leg.set_keys(keys(1, 5), 0);
    assert!(leg_unprotect(&mut leg, &carried_on(5), 0).is_ok());
}

#[test]
fn a_rollover_counter_is_kept_over_keys_that_served_nothing() {
    // A peer that is held changes its key with each re-INVITE, and says nothing in between but for a report.
    let mut leg = long_heard();
    leg.set_keys(keys(1, 4), 0);
    let mut held = protect_rtcp(&mut SrtpOut::new(key(4)), &report(SSRC)).unwrap();
    leg.unprotect_rtcp(&mut held, 0).unwrap();
    leg.set_keys(keys(1, 5), 0);
    assert!(leg_unprotect(&mut leg, &carried_on(5), 0).is_ok());
}

#[test]
fn the_key_before_may_come_back() {
    let (mut leg, mut old) = peer_of(1, 2);
    let before = protect(&mut old, &rtp(SSRC, 1, 1)).unwrap();
    leg_unprotect(&mut leg, &before, 0).unwrap();
    leg.set_keys(keys(1, 4), 0);
    leg.set_keys(keys(1, 2), KEY_GRACE_US * 5);
    assert_eq!(leg_unprotect(&mut leg, &before, 0), Err(SrtpError::Replay));
    let next = protect(&mut old, &rtp(SSRC, 2, 2)).unwrap();
    assert!(leg_unprotect(&mut leg, &next, 0).is_ok());
}

#[test]
fn an_earlier_key_comes_back_with_its_replay_list() {
    let (mut leg, mut old) = peer_of(1, 2);
    let before = protect(&mut old, &rtp(SSRC, 1, 1)).unwrap();
    leg_unprotect(&mut leg, &before, 0).unwrap();
    leg.set_keys(keys(1, 4), 0);
    let late = leg_unprotect(&mut leg, &before, KEY_GRACE_US);
    assert_eq!(late, Err(SrtpError::Authentication), "its time is over");
    leg.set_keys(keys(1, 5), KEY_GRACE_US);
    leg.set_keys(keys(1, 2), KEY_GRACE_US * 2);
    assert_eq!(leg_unprotect(&mut leg, &before, KEY_GRACE_US * 2), Err(SrtpError::Replay));
    let next = protect(&mut old, &rtp(SSRC, 2, 2)).unwrap();
    assert!(leg_unprotect(&mut leg, &next, KEY_GRACE_US * 2).is_ok());
}

#[test]
fn a_key_serves_for_its_lifetime_and_not_a_packet_longer() {
    let (_, mut peer) = peer_of(1, 2);
    let mut leg = Srtp::new(SrtpKeys { receive_lifetime: 8, ..keys(1, 2) });
    let mut told = Vec::new();
    let mut say = |leg: &mut Srtp, sequence: u16| {
        let secure = protect(&mut peer, &rtp(SSRC, sequence, 0)).unwrap();
        let heard = leg_unprotect(leg, &secure, 0);
        told.extend(leg.news_of_wear().map(|wear| (sequence, wear)));
        heard
    };
    for sequence in 1..8 {
        assert!(say(&mut leg, sequence).is_ok(), "{sequence}");
        leg.set_keys(SrtpKeys { receive_lifetime: 8, ..keys(1, 2) }, 0);
    }
    assert_eq!(say(&mut leg, 8), Err(SrtpError::Spent), "less than eight (RFC 4568 §6.1)");
    leg.set_keys(SrtpKeys { receive_lifetime: 8, ..keys(7, 2) }, 0);
    assert_eq!(say(&mut leg, 9), Err(SrtpError::Spent), "a new key of ours does not renew the peer's");
    leg.set_keys(SrtpKeys { receive_lifetime: 9, ..keys(7, 2) }, 0);
    assert!(say(&mut leg, 10).is_ok(), "who lets it serve longer may use it longer");
    assert_eq!(told, [(3, Wear::Worn), (7, Wear::Spent), (10, Wear::Spent)]);
}

#[test]
fn another_key_has_a_lifetime_of_its_own() {
    let (_, mut peer) = peer_of(1, 2);
    let mut leg = Srtp::new(SrtpKeys { receive_lifetime: 4, ..keys(1, 2) });
    for sequence in 1..4 {
        let secure = protect(&mut peer, &rtp(SSRC, sequence, 0)).unwrap();
        assert!(leg_unprotect(&mut leg, &secure, 0).is_ok());
    }
    assert_eq!(leg.news_of_wear(), Some(Wear::Spent));
    leg.set_keys(keys(3, 4), 0);
    assert_eq!(leg.news_of_wear(), None);
    let next = protect(&mut SrtpOut::new(key(4)), &rtp(SSRC, 9, 0)).unwrap();
    assert!(leg_unprotect(&mut leg, &next, 0).is_ok());
    let late = protect(&mut peer, &rtp(SSRC, 4, 0)).unwrap();
    assert!(leg_unprotect(&mut leg, &late, 0).is_err(), "the key before is spent still");
}

#[test]
fn reports_use_a_key_up_too() {
    let (mut out, mut incoming) = (SrtpOut::new(key(2)), SrtpIn::new(key(2)));
    incoming.set_lifetime(3);
    for _ in 0..2 {
        let secure = protect_rtcp(&mut out, &report(SSRC)).unwrap();
        assert!(unprotect_rtcp(&mut incoming, &secure).is_ok());
    }
    let secure = protect_rtcp(&mut out, &report(SSRC)).unwrap();
    assert_eq!(unprotect_rtcp(&mut incoming, &secure), Err(SrtpError::Spent));
    assert_eq!(incoming.wear(), Wear::Spent);
}
