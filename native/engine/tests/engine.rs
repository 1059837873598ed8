//! The engine with real sockets on loopback: what crosses a bridge, what doesn't, and what happens around it.

#![expect(clippy::unwrap_used, reason = "a test")]

mod peers;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use peers::{HOST, PATIENCE, Peer, eventually, next_event, settings};
use trunkline_engine::{Engine, EngineError, Event, EventKind, LegId, Settings};
use trunkline_media::format::EventFormat;
use trunkline_media::leg::{Drop as Reason, Flow, Remote};
use trunkline_media::payload::{Payload, PayloadMap};
use trunkline_media::rtp::{Header, write_header};
use trunkline_media::terminal::Source;
use trunkline_media::tone::Tone;

fn remote(address: SocketAddr) -> Remote {
    let payloads = PayloadMap::new(vec![
        Payload { from: 8, to: 8, clock_rate: 8000 },
        Payload { from: 101, to: 96, clock_rate: 8000 },
    ]);
    Remote { dtmf_payload_type: Some(101), ..Remote::plain(address, Flow::Both, payloads.unwrap()) }
}

fn packet(payload_type: u8, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x55; 172];
    write_header(&mut packet, false, payload_type, sequence, u32::from(sequence) * 160, 7);
    packet
}

/// Nothing had come before a packet that is known to come.
fn hears_only(peer: &Peer, sequence: u16) {
    assert_eq!(Header::parse(&peer.hear()).unwrap().sequence, sequence);
}

fn hears_nothing(peer: &Peer) {
    peer.0.set_read_timeout(Some(Duration::from_millis(60))).unwrap();
    assert!(peer.0.recv_from(&mut [0; 2048]).is_err());
    peer.0.set_read_timeout(Some(PATIENCE)).unwrap();
}

struct Side {
    leg: LegId,
    port: u16,
    peer: Peer,
}

fn side(engine: &Engine, address: &str) -> Side {
    let peer = Peer::at(address);
    let (leg, _, port) = engine.open(peer.address().is_ipv6()).unwrap();
    engine.set_remote(leg, remote(peer.address())).unwrap();
    Side { leg, port, peer }
}

fn bridged(engine: &Engine) -> (Side, Side) {
    let (a, b) = (side(engine, "127.0.0.10"), side(engine, "127.0.0.20"));
    engine.bridge(a.leg, b.leg).unwrap();
    (a, b)
}

#[test]
fn a_bridge_carries_both_ways_and_counts() {
    let engine = Engine::start(settings(21000, 8)).unwrap();
    let (a, b) = bridged(&engine);
    for sequence in 0..5 {
        a.peer.say(a.port, &packet(8, sequence));
        assert_eq!(b.peer.hear(), packet(8, sequence));
        b.peer.say(b.port, &packet(101, sequence));
        assert_eq!(a.peer.hear(), packet(96, sequence));
    }
    // The sender counts after it has sent: its leg is asked once the last packet is through.
    eventually(|| engine.statistics(a.leg).unwrap().packets_sent == 5);
    let statistics = engine.close(a.leg).unwrap().statistics;
    assert_eq!((statistics.packets_received, statistics.packets_sent), (5, 5));
    assert_eq!(statistics.octets_received, 800);
    assert_eq!(engine.close(b.leg).unwrap().statistics.dtmf_events, 5);
    assert!(matches!(engine.close(b.leg), Err(EngineError::Closed)));
}

#[test]
fn reports_travel_on_the_odd_ports() {
    let engine = Engine::start(settings(21100, 8)).unwrap();
    let (a, b) = bridged(&engine);
    let report = [0x80, 201, 0, 1, 1, 2, 3, 4];
    let rtcp = Peer(UdpSocket::bind(("127.0.0.20", b.peer.address().port() + 1)).unwrap());
    rtcp.0.set_read_timeout(Some(PATIENCE)).unwrap();
    a.peer.say(a.port + 1, &report);
    assert_eq!(rtcp.hear(), report);
    a.peer.say(a.port + 1, b"not a report");
    eventually(|| engine.statistics(a.leg).unwrap().dropped[Reason::Malformed as usize] == 1);
    hears_nothing(&rtcp);
}

#[test]
fn a_stranger_neither_hears_nor_is_heard() {
    let engine = Engine::start(settings(21200, 8)).unwrap();
    let (a, b) = bridged(&engine);
    let stranger = Peer::at("127.0.0.66");
    for sequence in 0..200 {
        stranger.say(a.port, &packet(8, sequence));
    }
    a.peer.say(a.port, &packet(8, 1000));
    hears_only(&b.peer, 1000);
    for sequence in 0..200 {
        stranger.say(a.port, &packet(8, sequence));
    }
    b.peer.say(b.port, &packet(8, 1));
    hears_only(&a.peer, 1);
    a.peer.say(a.port, &packet(8, 1001));
    hears_only(&b.peer, 1001);
    hears_nothing(&stranger);
    assert_eq!(engine.source(a.leg).unwrap(), Some(a.peer.address()));
}

#[test]
fn a_packet_that_waited_from_before_the_latch_is_judged_by_its_source() {
    // Both sockets' packets may wait in the queue when the leg latches and its socket is tied to the peer.
    let engine = Engine::start(settings(21250, 8)).unwrap();
    let (a, b) = bridged(&engine);
    let stranger = Peer::at("127.0.0.66");
    for round in 0..50u16 {
        a.peer.say(a.port, &packet(8, 2 * round));
        stranger.say(a.port, &packet(8, 2 * round + 1));
    }
    for round in 0..50 {
        hears_only(&b.peer, 2 * round);
    }
    hears_nothing(&b.peer);
}

#[test]
fn hold_and_a_new_address_take_effect_with_the_next_packet() {
    let engine = Engine::start(settings(21300, 8)).unwrap();
    let (a, b) = bridged(&engine);
    a.peer.say(a.port, &packet(8, 1));
    hears_only(&b.peer, 1);
    engine.set_remote(b.leg, Remote { flow: Flow::Receive, ..remote(b.peer.address()) }).unwrap();
    a.peer.say(a.port, &packet(8, 2));
    eventually(|| engine.statistics(b.leg).unwrap().dropped[Reason::Held as usize] == 1);
    let moved = Peer::at("127.0.0.30");
    engine.set_remote(b.leg, remote(moved.address())).unwrap();
    a.peer.say(a.port, &packet(8, 3));
    hears_only(&moved, 3);
    moved.say(b.port, &packet(8, 9));
    hears_only(&a.peer, 9);
    hears_nothing(&b.peer);
}

#[test]
fn a_peer_whose_nat_has_forgotten_it_is_found_at_another_port_after_a_re_invite() {
    let engine = Engine::start(settings(21350, 8)).unwrap();
    let (a, b) = bridged(&engine);
    let (source, moved) = (Peer::at("127.0.0.10"), Peer::at("127.0.0.10"));
    let say = |peer: &Peer, sequence| {
        peer.say(a.port, &packet(8, sequence));
        std::thread::sleep(Duration::from_millis(6));
    };
    (0..60).for_each(|sequence| say(&source, sequence));
    hears_only(&b.peer, 0);
    eventually(|| engine.statistics(a.leg).unwrap().packets_received == 60);
    engine.set_remote(a.leg, remote(a.peer.address())).unwrap();
    std::thread::sleep(Duration::from_millis(250));
    (60..80).for_each(|sequence| say(&moved, sequence));
    eventually(|| engine.source(a.leg).unwrap() == Some(moved.address()));
    b.peer.say(b.port, &packet(8, 7));
    hears_only(&moved, 7);
}

#[test]
fn ports_run_out_drain_and_come_back() {
    let engine = Engine::start(Settings { drain: Duration::from_millis(300), ..settings(21400, 2) }).unwrap();
    let (first, _, port) = engine.open(false).unwrap();
    engine.open(false).unwrap();
    let error = engine.open(false).unwrap_err();
    assert!(matches!(error, EngineError::NoPorts { open: 2, draining: 0, total: 2 }), "{error}");
    let closed = Instant::now();
    engine.close(first).unwrap();
    assert!(matches!(engine.open(false), Err(EngineError::NoPorts { open: 1, draining: 1, total: 2 })));
    assert!(UdpSocket::bind((HOST, port)).is_err(), "it stays bound while it drains");
    eventually(|| engine.open(false).is_ok());
    assert!(closed.elapsed() >= Duration::from_millis(300));
    assert_eq!(engine.occupancy().unwrap().open, 2);
}

#[test]
fn a_drained_port_has_forgotten_its_peer() {
    let engine = Engine::start(Settings { drain: Duration::ZERO, ..settings(21500, 2) }).unwrap();
    let (a, b) = bridged(&engine);
    a.peer.say(a.port, &packet(8, 1));
    hears_only(&b.peer, 1);
    engine.close(a.leg).unwrap();
    engine.close(b.leg).unwrap();
    let (c, d) = bridged(&engine);
    c.peer.say(c.port, &packet(8, 2));
    hears_only(&d.peer, 2);
    d.peer.say(d.port, &packet(8, 3));
    hears_only(&c.peer, 3);
    a.peer.say(c.port, &packet(8, 4));
    b.peer.say(d.port, &packet(8, 4));
    hears_nothing(&c.peer);
    hears_nothing(&d.peer);
    assert!(matches!(engine.statistics(a.leg), Err(EngineError::Closed)), "an old name finds nothing");
}

#[test]
fn bridging_elsewhere_ends_the_old_bridge() {
    let engine = Engine::start(settings(21600, 8)).unwrap();
    let (a, b) = bridged(&engine);
    let c = side(&engine, "127.0.0.30");
    engine.bridge(a.leg, c.leg).unwrap();
    b.peer.say(b.port, &packet(8, 1));
    a.peer.say(a.port, &packet(8, 2));
    hears_only(&c.peer, 2);
    c.peer.say(c.port, &packet(8, 3));
    hears_only(&a.peer, 3);
    hears_nothing(&b.peer);
    assert!(matches!(engine.bridge(a.leg, a.leg), Err(EngineError::NotTwoLegs)));
}

#[test]
fn silence_on_both_sides_is_told_once() {
    let engine =
        Engine::start(Settings { timeout: Duration::from_millis(200), ..settings(21700, 8) }).unwrap();
    let (a, b) = bridged(&engine);
    let told = Event { kind: EventKind::MediaTimedOut, leg: a.leg };
    assert_eq!(next_event(&engine), told);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(engine.drain_events(), []);
    b.peer.say(b.port, &packet(8, 1));
    assert_eq!(next_event(&engine), told, "after sound, silence is news again");
}

#[test]
fn a_leg_left_behind_is_not_told_of_silence() {
    let engine =
        Engine::start(Settings { timeout: Duration::from_millis(200), ..settings(22900, 8) }).unwrap();
    let (left, second) = bridged(&engine);
    let first = side(&engine, "127.0.0.30");
    engine.bridge(first.leg, second.leg).unwrap();
    assert_eq!(next_event(&engine).leg, first.leg);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(engine.drain_events(), []);
    assert_eq!(engine.statistics(left.leg).unwrap().packets_received, 0);
}

#[test]
fn a_fault_costs_its_stream_and_no_other() {
    let engine = Engine::start(settings(21900, 8)).unwrap();
    let ((a, b), (c, d)) = (bridged(&engine), bridged(&engine));
    engine.inject_fault(a.leg).unwrap();
    a.peer.say(a.port, &packet(8, 1));
    assert_eq!(next_event(&engine), Event { kind: EventKind::StreamFailed, leg: a.leg });
    a.peer.say(a.port, &packet(8, 2));
    eventually(|| engine.statistics(a.leg).unwrap().dropped[Reason::Failed as usize] == 1);
    c.peer.say(c.port, &packet(8, 3));
    hears_only(&d.peer, 3);
    hears_nothing(&b.peer);
    assert_eq!(engine.close(a.leg).unwrap().statistics.packets_received, 2);
}

#[test]
fn loopback_is_out_of_reach_unless_allowed() {
    let engine = Engine::start(Settings { allow_loopback: false, ..settings(22100, 8) }).unwrap();
    let (a, _b) = bridged(&engine);
    a.peer.say(a.port, &packet(8, 1));
    eventually(|| engine.statistics(a.leg).unwrap().dropped[Reason::OtherSource as usize] == 1);
}

#[test]
fn sixth_version_works_alike() {
    let both = Settings { bind_v6: Some(Ipv6Addr::LOCALHOST), ..settings(22200, 8) };
    let engine = Engine::start(both).unwrap();
    let (a, b) = (side(&engine, "::1"), side(&engine, "127.0.0.20"));
    engine.bridge(a.leg, b.leg).unwrap();
    a.peer.say(a.port, &packet(8, 1));
    hears_only(&b.peer, 1);
    b.peer.say(b.port, &packet(8, 2));
    hears_only(&a.peer, 2);
    let other_family = remote((HOST, 4000).into());
    assert!(matches!(engine.set_remote(a.leg, other_family), Err(EngineError::Argument(_))));
    assert_eq!(engine.occupancy().unwrap().total, 16);
}

#[test]
fn a_tone_and_digits_pass_two_legs_from_end_to_end() {
    let engine = Engine::start(settings(22300, 8)).unwrap();
    let open = || {
        let (leg, _, port) = engine.open(false).unwrap();
        (leg, port)
    };
    let (near, a, b, far) = (open(), open(), open(), open());
    let tone = |hz: f64| Source::Tone(Tone { frequencies_hz: vec![hz], level_dbm0: -10.0, cadence_ms: None });
    engine.terminate(near.0, tone(440.0), vec![440.0, 1000.0], 0).unwrap();
    engine.terminate(far.0, tone(1000.0), vec![440.0, 1000.0], 8000).unwrap();
    // Telephone-event is 101 to the near end and 96 to the far one.
    let far_numbers = PayloadMap::new(vec![
        Payload { from: 8, to: 8, clock_rate: 8000 },
        Payload { from: 96, to: 101, clock_rate: 8000 },
    ]);
    let same = PayloadMap::new(vec![
        Payload { from: 8, to: 8, clock_rate: 8000 },
        Payload { from: 101, to: 101, clock_rate: 8000 },
    ]);
    let to = |port: u16| remote((HOST, port).into());
    engine.set_remote(near.0, Remote { payloads: same.unwrap(), ..to(a.1) }).unwrap();
    engine.set_remote(a.0, to(near.1)).unwrap();
    let far_remote = Remote { payloads: far_numbers.unwrap(), dtmf_payload_type: Some(96), ..to(far.1) };
    engine.set_remote(b.0, far_remote.clone()).unwrap();
    engine.set_remote(far.0, Remote { rtp: (HOST, b.1).into(), ..far_remote }).unwrap();
    engine.bridge(a.0, b.0).unwrap();
    engine.send_digits(near.0, "42#", 60).unwrap();
    assert_eq!(next_event(&engine), Event { kind: EventKind::SourceEnded, leg: near.0 });
    eventually(|| engine.report(far.0).unwrap().heard[0].duration_ms >= 200);
    let (near_report, far_closing) = (engine.report(near.0).unwrap(), engine.close(far.0).unwrap());
    let far_report = far_closing.report.unwrap();
    assert_eq!(far_report.digits, "42#");
    assert_eq!(far_report.heard[1].duration_ms, 0);
    assert!(near_report.heard[1].duration_ms >= 200 && near_report.heard[0].duration_ms == 0);
    assert!(!far_closing.recording.is_empty());
    assert!(engine.statistics(a.0).unwrap().mos.is_some_and(|mos| mos > 4.0));
}

#[test]
fn digits_of_ours_have_the_number_that_the_peer_wants_though_it_sends_with_another() {
    let engine = Engine::start(settings(22900, 8)).unwrap();
    let (a, b) = bridged(&engine);
    // It has answered our 101 with a 96 of its own (RFC 3264 §5.1).
    let takes_events = Some(EventFormat { payload_type: 96, clock_rate: 8000 });
    engine.set_remote(a.leg, Remote { takes_events, ..remote(a.peer.address()) }).unwrap();
    engine.send_digits(a.leg, "5", 40).unwrap();
    b.peer.say(b.port, &packet(8, 1));
    let header = Header::parse(&a.peer.hear()).unwrap();
    assert_eq!((header.sequence, header.payload_type), (1, 96));
}

#[test]
fn digits_are_one_stream_with_the_audio_before_and_after_them() {
    let engine = Engine::start(settings(22950, 8)).unwrap();
    let from = |ssrc: u32, sequence: u16| {
        let mut packet = packet(8, sequence);
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        packet
    };
    // The audio's source before the digit, in its midst, and after it.
    for (before, amidst, after) in [(None, None, 7), (Some(7), None, 7), (Some(7), Some(8), 8)] {
        let (a, b) = bridged(&engine);
        engine.send_digits(b.leg, "5", 100).unwrap();
        let mut heard = Vec::new();
        if let Some(ssrc) = before {
            a.peer.say(a.port, &from(ssrc, 1));
            heard.push(b.peer.hear());
        }
        if let Some(ssrc) = amidst {
            a.peer.say(a.port, &from(ssrc, 2));
        }
        assert_eq!(next_event(&engine), Event { kind: EventKind::SourceEnded, leg: b.leg });
        for sequence in 2..5 {
            a.peer.say(a.port, &from(after, sequence));
        }
        let mut audio = 0;
        while audio < 3 {
            heard.push(b.peer.hear());
            audio += usize::from(heard[heard.len() - 1][1] & 0x7f == 8);
        }
        let headers: Vec<Header> = heard.iter().map(|packet| Header::parse(packet).unwrap()).collect();
        for pair in headers.windows(2) {
            assert_eq!((pair[1].ssrc, pair[1].sequence), (pair[0].ssrc, pair[0].sequence.wrapping_add(1)));
        }
        let ends: Vec<&Vec<u8>> =
            heard.iter().filter(|packet| packet.len() == 16 && packet[13] >> 7 == 1).collect();
        assert_eq!(ends.len(), 3, "{before:?}, {amidst:?}");
        assert!(ends.iter().all(|packet| packet[4..8] == heard[0][4..8] && packet[14..] == [3, 32]));
    }
}

#[test]
fn nothing_is_lost_while_packets_gather() {
    let engine = Engine::start(settings(22800, 24)).unwrap();
    let calls: Vec<(Side, Side)> = (0..12).map(|_| bridged(&engine)).collect();
    for sequence in 0..300 {
        for (a, b) in &calls {
            a.peer.say(a.port, &packet(8, sequence));
            b.peer.say(b.port, &packet(8, sequence));
        }
        for (a, b) in &calls {
            hears_only(&a.peer, sequence);
            hears_only(&b.peer, sequence);
        }
    }
}

#[test]
fn many_threads_share_the_ports() {
    let engine = Engine::start(Settings { threads: 3, ..settings(22400, 24) }).unwrap();
    let calls: Vec<(Side, Side)> = (0..12).map(|_| bridged(&engine)).collect();
    for (n, (a, b)) in calls.iter().enumerate() {
        a.peer.say(a.port, &packet(8, n as u16));
        hears_only(&b.peer, n as u16);
        b.peer.say(b.port, &packet(8, n as u16));
        hears_only(&a.peer, n as u16);
    }
}

#[test]
fn stopping_frees_the_ports_and_refuses_the_rest() {
    let engine = Engine::start(settings(22500, 2)).unwrap();
    let (leg, _, port) = engine.open(false).unwrap();
    assert!(UdpSocket::bind((HOST, port)).is_err());
    engine.stop();
    engine.stop();
    assert!(UdpSocket::bind((HOST, port)).is_ok());
    assert!(matches!(engine.close(leg), Err(EngineError::Stopped)));
    assert!(matches!(engine.open(false), Err(EngineError::Stopped)));
}

#[test]
fn ports_of_other_programs_are_passed_over() {
    let other = UdpSocket::bind((HOST, 22600)).unwrap();
    let engine = Engine::start(settings(22600, 2)).unwrap();
    assert_eq!(engine.open(false).unwrap().2, 22602);
    assert!(matches!(engine.open(false), Err(EngineError::NoPorts { .. })));
    drop(other);
    assert_eq!(engine.open(false).unwrap().2, 22600, "once it is free it is used");
}

#[test]
fn a_wrong_address_is_found_at_the_start() {
    let wrong = Settings { bind_v4: Some(Ipv4Addr::new(192, 0, 2, 1)), ..settings(22700, 2) };
    assert!(
        matches!(Engine::start(wrong), Err(EngineError::Bind(address, _)) if address.ip() == Ipv4Addr::new(192, 0, 2, 1))
    );
}
