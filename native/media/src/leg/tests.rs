use super::*;
use crate::payload::PayloadMap;
use crate::rtp::write_header;

const PEER: &str = "198.51.100.1:4000";
const REPORT: [u8; 8] = [0x80, 201, 0, 1, 1, 2, 3, 4];

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn remote(rtp: &str) -> Remote {
    let payloads = PayloadMap::new(vec![
        Payload { from: 8, to: 8, clock_rate: 8000 },
        Payload { from: 101, to: 96, clock_rate: 8000 },
    ]);
    Remote { dtmf_payload_type: Some(101), ..Remote::plain(at(rtp), Flow::Both, payloads.unwrap()) }
}

fn leg(remote: Remote) -> Leg {
    let mut leg = Leg::default();
    leg.set_remote(remote, true, 0);
    leg
}

fn packet(payload_type: u8, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0; 172];
    write_header(&mut packet, false, payload_type, sequence, u32::from(sequence) * 160, 1);
    packet
}

fn receive(leg: &mut Leg, source: &str, mut packet: Vec<u8>) -> Result<Vec<u8>, Drop> {
    leg.receive_rtp(&mut packet, at(source), 1, |_| false).map(|_| packet)
}

fn dropped(leg: &Leg, reason: Drop) -> u64 {
    leg.statistics().dropped[reason as usize]
}

#[test]
fn reasons_are_listed_in_their_order() {
    for (index, (reason, _)) in Drop::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, index);
    }
}

#[test]
fn only_the_payload_type_changes() {
    let mut leg = leg(remote(PEER));
    let mut event = packet(101, 5);
    event[1] |= 0x80;
    let passed = receive(&mut leg, PEER, event.clone()).unwrap();
    assert_eq!(passed[1], 0x80 | 96);
    event[1] = passed[1];
    assert_eq!(passed, event);
    assert_eq!(leg.statistics().dtmf_events, 1);
}

#[test]
fn events_of_another_number_or_clock_are_events_too() {
    let event = |payload_type, clock_rate| EventFormat { payload_type, clock_rate };
    let payloads = [(8, 8), (96, 101)].map(|(from, to)| Payload { from, to, clock_rate: 8000 });
    let mut leg = leg(Remote {
        dtmf_payload_type: Some(101),
        other_events: vec![event(96, 8000), event(102, 16_000)],
        ..Remote::plain(at(PEER), Flow::Both, PayloadMap::new(payloads.to_vec()).unwrap())
    });
    receive(&mut leg, PEER, packet(8, 1)).unwrap();
    let passed = leg.receive_rtp(&mut packet(96, 2), at(PEER), 1, |_| false);
    assert!(matches!(passed, Ok(Arrival::Rtp { is_event: true, .. })));
    let foreign = leg.receive_rtp(&mut packet(102, 3), at(PEER), 1, |_| false);
    assert!(matches!(foreign, Ok(Arrival::Foreign { codec: None, clock_rate: 16_000, .. })));
    assert_eq!((leg.statistics().dtmf_events, leg.statistics().packets_lost), (2, 0));
    assert!(leg.statistics().mos.unwrap() > 4.3, "as of PCMA");
}

#[test]
fn unknown_payload_types_and_rubbish_are_dropped_and_counted_and_never_latch() {
    let mut leg = leg(remote(PEER));
    assert_eq!(receive(&mut leg, "198.51.100.1:9", packet(0, 1)), Err(Drop::UnknownPayloadType));
    assert_eq!(receive(&mut leg, "198.51.100.1:9", b"hello".to_vec()), Err(Drop::Malformed));
    assert_eq!(leg.source(), None);
    assert_eq!((dropped(&leg, Drop::UnknownPayloadType), dropped(&leg, Drop::Malformed)), (1, 1));
    assert_eq!(leg.statistics().packets_received, 0);
}

#[test]
fn what_the_peer_sends_under_a_number_of_nobodys_is_not_lost_and_no_silence() {
    // Comfort noise as Cisco's gateways send it, whatever was agreed; a keep-alive (RFC 6263 §4.6).
    let mut leg = leg(remote(PEER));
    for sequence in 0..100 {
        let payload_type = if sequence % 10 == 9 { 19 } else { 8 };
        let now = Micros::from(sequence) * 20_000;
        let passes = leg.receive_rtp(&mut packet(payload_type, sequence), at(PEER), now, |_| false);
        assert_eq!(passes.err(), (payload_type == 19).then_some(Drop::UnknownPayloadType));
    }
    assert_eq!((leg.statistics().packets_received, leg.statistics().packets_lost), (100, 0));
    assert_eq!(leg.silent_since(), Some(99 * 20_000));
    for source in ["198.51.100.1:9", "203.0.113.9:4000"] {
        let stray = leg.receive_rtp(&mut packet(19, 100), at(source), 9_000_000, |_| false);
        assert_eq!(stray, Err(Drop::UnknownPayloadType));
    }
    assert_eq!((leg.statistics().packets_received, leg.silent_since()), (100, Some(99 * 20_000)));
}

#[test]
fn without_a_remote_nothing_passes_either_way() {
    let mut leg = Leg::default();
    assert_eq!(receive(&mut leg, PEER, packet(8, 1)), Err(Drop::NoPeer));
    assert_eq!(leg.rtp_destination(), Err(Drop::NoPeer));
    assert_eq!(leg.rtcp_destination(), None);
    assert_eq!(leg.silent_since(), None);
}

#[test]
fn sends_to_the_signalled_address_until_latched_elsewhere() {
    let mut leg = leg(remote(PEER));
    assert_eq!(leg.rtp_destination(), Ok(at(PEER)));
    receive(&mut leg, "198.51.100.1:7000", packet(8, 1)).unwrap();
    assert_eq!(leg.rtp_destination(), Ok(at("198.51.100.1:7000")));
    assert_eq!(receive(&mut leg, "203.0.113.9:7000", packet(8, 2)), Err(Drop::OtherSource));
    assert_eq!(leg.rtp_destination(), Ok(at("198.51.100.1:7000")));
}

#[test]
fn a_host_that_sip_did_not_come_from_is_sent_to_once_it_has_sent() {
    let mut leg =
        leg(Remote { signalled_from: Some(at("203.0.113.5:0").ip()), ..remote("198.51.100.9:4000") });
    assert_eq!(leg.rtp_destination(), Err(Drop::NoDestination));
    receive(&mut leg, "198.51.100.9:4000", packet(8, 1)).unwrap();
    assert_eq!(leg.rtp_destination(), Ok(at("198.51.100.9:4000")));
}

#[test]
fn forbidden_and_hidden_addresses_are_not_sent_to() {
    let mut forbidden = Leg::default();
    forbidden.set_remote(remote(PEER), false, 0);
    assert_eq!(forbidden.rtp_destination(), Err(Drop::NoDestination));
    assert_eq!(forbidden.rtcp_destination(), None);
    let mut hidden =
        leg(Remote { signalled_from: Some(at("203.0.113.5:0").ip()), ..remote("192.168.1.7:4000") });
    assert_eq!(hidden.rtp_destination(), Err(Drop::NoDestination));
    receive(&mut hidden, "203.0.113.5:61000", packet(8, 1)).unwrap();
    assert_eq!(hidden.rtp_destination(), Ok(at("203.0.113.5:61000")));
}

#[test]
fn refused_sources_are_never_latched_onto() {
    let refuse = |leg: &mut Leg, source| leg.receive_rtp(&mut packet(8, 1), at(source), 1, |_| true);
    let mut known = leg(remote(PEER));
    assert_eq!(refuse(&mut known, "198.51.100.1:4002"), Err(Drop::OtherSource));
    assert_eq!(known.receive_rtcp(&REPORT, at(PEER), 1, |_| true), Err(Drop::OtherSource));
    assert_eq!(known.source(), None);
    let mut forbidden = leg(remote(PEER));
    forbidden.set_remote(remote(PEER), false, 0);
    assert_eq!(refuse(&mut forbidden, PEER), Err(Drop::OtherSource));
    assert_eq!(forbidden.receive_rtcp(&REPORT, at("198.51.100.1:4001"), 1, |_| true), Err(Drop::OtherSource));
    assert_eq!(forbidden.source(), None);
}

#[test]
fn a_peer_that_may_be_sent_to_is_heard_from_just_there() {
    let mut leg = leg(remote(PEER));
    assert_eq!(leg.receive_rtcp(&REPORT, at("198.51.100.1:4001"), 1, |_| true), Ok(Arrival::Rtcp));
    assert!(leg.receive_rtp(&mut packet(8, 1), at(PEER), 1, |_| true).is_ok());
    assert_eq!(leg.source(), Some(at(PEER)));
}

#[test]
fn hold_stops_audio_by_direction() {
    let mut leg = leg(Remote { flow: Flow::Send, ..remote(PEER) });
    assert_eq!(receive(&mut leg, PEER, packet(8, 1)), Err(Drop::Held));
    assert_eq!(leg.rtp_destination(), Ok(at(PEER)));
    leg.set_remote(Remote { flow: Flow::Receive, ..remote(PEER) }, true, 0);
    assert!(receive(&mut leg, PEER, packet(8, 2)).is_ok());
    assert_eq!(leg.rtp_destination(), Err(Drop::Held));
    leg.set_remote(Remote { flow: Flow::None, ..remote(PEER) }, true, 0);
    assert_eq!(receive(&mut leg, PEER, packet(8, 3)), Err(Drop::Held));
    assert_eq!(leg.rtp_destination(), Err(Drop::Held));
    assert!(leg.rtcp_destination().is_some(), "RTCP goes on");
}

#[test]
fn hold_by_address_stops_sending_and_keeps_the_latch() {
    let mut leg = leg(remote(PEER));
    receive(&mut leg, PEER, packet(8, 1)).unwrap();
    assert!(!leg.set_remote(remote("0.0.0.0:4000"), false, 0));
    assert_eq!(leg.rtp_destination(), Err(Drop::Held));
    assert_eq!(leg.rtcp_destination(), None);
    assert!(!leg.set_remote(remote(PEER), true, 0));
    assert_eq!(leg.settled_source(), Some(at(PEER)));
}

#[test]
fn another_address_lets_go() {
    let mut leg = leg(remote(PEER));
    receive(&mut leg, PEER, packet(8, 1)).unwrap();
    assert!(leg.set_remote(remote("198.51.100.9:4000"), true, 0));
    assert_eq!(leg.rtp_destination(), Ok(at("198.51.100.9:4000")));
    assert_eq!(receive(&mut leg, PEER, packet(8, 2)), Err(Drop::OtherSource));
}

#[test]
fn rtcp_is_learnt_from_the_latched_host_only() {
    let mut leg = leg(remote(PEER));
    assert_eq!(leg.rtcp_destination().unwrap().address, at("198.51.100.1:4001"));
    assert_eq!(leg.receive_rtcp(&REPORT, at("203.0.113.9:4001"), 1, |_| false), Err(Drop::OtherSource));
    assert_eq!(leg.receive_rtcp(&REPORT, at("198.51.100.1:5555"), 1, |_| false), Ok(Arrival::Rtcp));
    assert_eq!(leg.rtcp_destination().unwrap().address, at("198.51.100.1:4001"), "nothing latched yet");
    receive(&mut leg, PEER, packet(8, 1)).unwrap();
    assert_eq!(leg.receive_rtcp(&REPORT, at("198.51.100.1:5555"), 1, |_| false), Ok(Arrival::Rtcp));
    assert_eq!(leg.rtcp_destination().unwrap().address, at("198.51.100.1:5555"));
    assert_eq!(leg.receive_rtcp(&REPORT, at("198.51.100.1:6666"), 1, |_| false), Err(Drop::OtherSource));
    assert_eq!(leg.receive_rtcp(b"rubbish!", at("198.51.100.1:5555"), 1, |_| false), Err(Drop::Malformed));
}

#[test]
fn muxed_rtcp_comes_and_goes_on_the_rtp_port() {
    let mut leg = leg(Remote { rtcp_port: 4000, ..remote(PEER) });
    assert_eq!(receive(&mut leg, PEER, REPORT.to_vec()), Err(Drop::OtherSource), "before RTP");
    receive(&mut leg, PEER, packet(8, 1)).unwrap();
    assert_eq!(receive(&mut leg, PEER, REPORT.to_vec()), Ok(REPORT.to_vec()));
    assert_eq!(leg.rtcp_destination(), Some(RtcpDestination { muxed: true, address: at(PEER) }));
    assert_eq!(leg.receive_rtcp(&REPORT, at(PEER), 1, |_| false), Err(Drop::Malformed), "not agreed");
    let mut plain = super::tests::leg(remote(PEER));
    assert_eq!(receive(&mut plain, PEER, REPORT.to_vec()), Err(Drop::Malformed), "not agreed");
}

#[test]
fn silence_counts_from_when_audio_became_expected() {
    let mut leg = Leg::default();
    leg.set_remote(Remote { flow: Flow::Send, ..remote(PEER) }, true, 10);
    assert_eq!(leg.silent_since(), None);
    leg.set_remote(remote(PEER), true, 20);
    assert_eq!(leg.silent_since(), Some(20));
    leg.set_remote(remote(PEER), true, 30);
    assert_eq!(leg.silent_since(), Some(20), "a refresh is no audio");
    leg.receive_rtp(&mut packet(8, 1), at(PEER), 40, |_| false).unwrap();
    assert_eq!(leg.silent_since(), Some(40));
    leg.set_remote(remote("0.0.0.0:4000"), true, 50);
    assert_eq!(leg.silent_since(), None);
    leg.set_remote(remote(PEER), true, 60);
    assert_eq!(leg.silent_since(), Some(60));
}

#[test]
fn counts_what_passed() {
    let mut leg = leg(remote(PEER));
    for sequence in [1, 2, 4] {
        receive(&mut leg, PEER, packet(8, sequence)).unwrap();
    }
    leg.count_sent(160);
    let statistics = leg.statistics();
    assert_eq!((statistics.packets_received, statistics.octets_received), (3, 480));
    assert_eq!((statistics.packets_sent, statistics.octets_sent), (1, 160));
    assert_eq!(statistics.packets_lost, 1);
    assert!(statistics.mos.is_some_and(|mos| mos < 3.5));
    assert_eq!(Leg::default().statistics().mos, None);
}

#[test]
fn a_clock_that_stands_still_while_a_peer_is_on_hold_is_no_jitter() {
    let mut leg = leg(remote(PEER));
    let say = |leg: &mut Leg, sequences: std::ops::Range<u16>, since: Micros| {
        for sequence in sequences {
            let now = since + Micros::from(sequence) * 20_000;
            leg.receive_rtp(&mut packet(8, sequence), at(PEER), now, |_| false).unwrap();
        }
    };
    say(&mut leg, 0..50, 0);
    leg.set_remote(Remote { flow: Flow::None, ..remote(PEER) }, true, 1_000_000);
    leg.set_remote(remote(PEER), true, 31_000_000);
    say(&mut leg, 50..100, 30_000_000);
    assert!(leg.statistics().jitter_ms < 1.0, "{} ms", leg.statistics().jitter_ms);
    assert!(leg.statistics().mos.unwrap() > 4.3);
}

#[test]
fn what_a_peer_did_not_send_while_it_was_on_hold_is_not_lost() {
    // A relay behind it, which drops what it says meanwhile and leaves its numbers as they are.
    let mut leg = leg(remote(PEER));
    let say = |leg: &mut Leg, sequences: std::ops::Range<u16>| {
        for sequence in sequences {
            let _ = leg.receive_rtp(&mut packet(8, sequence), at(PEER), 0, |_| false);
        }
    };
    say(&mut leg, 0..50);
    leg.set_remote(Remote { flow: Flow::Send, ..remote(PEER) }, true, 0);
    say(&mut leg, 51..53);
    leg.set_remote(remote(PEER), true, 0);
    say(&mut leg, 1553..1600);
    assert_eq!(leg.statistics().packets_lost, 0);
    leg.set_remote(remote(PEER), true, 0);
    say(&mut leg, 1601..1602);
    assert_eq!(leg.statistics().packets_lost, 1, "a refresh is no hold");
    assert_eq!(leg.peer_stream().unwrap().received.highest, 1601);
}
