//! SRTP through the engine with real sockets on loopback: what crosses a bridge, and what does not even count.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use trunkline_engine::{Engine, LegId, Settings};
use trunkline_media::leg::{Drop as Reason, Flow, Remote, Statistics};
use trunkline_media::payload::{Payload, PayloadMap};
use trunkline_media::rtp::{Header, write_header};
use trunkline_media::srtp::{
    LONGEST_LIFETIME, MasterKey, RTCP_OVERHEAD, RTP_OVERHEAD, SrtpIn, SrtpKeys, SrtpOut,
};

const HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 2);
const PATIENCE: Duration = Duration::from_secs(10);
const OURS: u8 = 1;
const THEIRS: u8 = 2;

fn engine(port_min: u16) -> Engine {
    Engine::start(Settings {
        port_min,
        port_max: port_min + 15,
        bind_v4: Some(HOST),
        allow_loopback: true,
        drain: Duration::from_millis(50),
        ..Settings::default()
    })
    .unwrap()
}

fn key(seed: u8) -> MasterKey {
    MasterKey::new(&[seed; 30], &[]).unwrap()
}

fn keys(ours: u8, theirs: u8) -> Option<SrtpKeys> {
    Some(SrtpKeys { send: key(ours), receive: key(theirs), receive_lifetime: LONGEST_LIFETIME })
}

fn packet(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x55; 172];
    write_header(&mut packet, false, 8, sequence, u32::from(sequence) * 160, 7);
    packet
}

const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 7];

/// A peer and the leg that faces it. What it sends is protected when it has keys, and what it hears too.
struct Side {
    leg: LegId,
    port: u16,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    srtp: Option<(SrtpOut, SrtpIn)>,
    muxed: bool,
}

impl Side {
    fn new(engine: &Engine, host: &str, secure: bool, muxed: bool) -> Self {
        let socket = || {
            let socket = UdpSocket::bind((host, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        let (leg, _, port) = engine.open(false).unwrap();
        let mut side = Self { leg, port, rtp: socket(), rtcp: socket(), srtp: None, muxed };
        side.agree(engine, secure.then_some((OURS, THEIRS)));
        side
    }

    /// Offer and answer anew, with these keys.
    fn agree(&mut self, engine: &Engine, seeds: Option<(u8, u8)>) {
        let srtp = seeds.and_then(|(ours, theirs)| keys(ours, theirs));
        self.srtp = seeds.map(|(ours, theirs)| (SrtpOut::new(key(theirs)), SrtpIn::new(key(ours))));
        engine.set_remote(self.leg, Remote { srtp, ..self.remote() }).unwrap();
    }

    fn remote(&self) -> Remote {
        let rtp = self.rtp.local_addr().unwrap();
        let payloads = PayloadMap::new(vec![Payload { from: 8, to: 8, clock_rate: 8000 }]).unwrap();
        Remote {
            rtcp_port: if self.muxed { rtp.port() } else { self.rtcp.local_addr().unwrap().port() },
            ..Remote::plain(rtp, Flow::Both, payloads)
        }
    }

    fn protected(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut buffer = [packet, &[0; RTP_OVERHEAD]].concat();
        let length = match &mut self.srtp {
            Some((out, _)) => out.protect_rtp(&mut buffer, packet.len()).unwrap(),
            None => packet.len(),
        };
        buffer[..length].to_vec()
    }

    fn raw(&self, bytes: &[u8]) {
        self.rtp.send_to(bytes, (HOST, self.port)).unwrap();
    }

    fn say(&mut self, packet: &[u8]) {
        let bytes = self.protected(packet);
        self.raw(&bytes);
    }

    fn hear(&mut self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let (mut length, _) = self.rtp.recv_from(&mut buffer).expect("a packet");
        if let Some((_, incoming)) = &mut self.srtp {
            length = incoming.unprotect_rtp(&mut buffer[..length]).expect("an authentic packet");
        }
        buffer[..length].to_vec()
    }

    fn report(&mut self) {
        let mut buffer = [&REPORT[..], &[0; RTCP_OVERHEAD]].concat();
        let length = match &mut self.srtp {
            Some((out, _)) => out.protect_rtcp(&mut buffer, REPORT.len()).unwrap(),
            None => REPORT.len(),
        };
        let (socket, port) = if self.muxed { (&self.rtp, self.port) } else { (&self.rtcp, self.port + 1) };
        socket.send_to(&buffer[..length], (HOST, port)).unwrap();
    }

    fn hear_report(&mut self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let socket = if self.muxed { &self.rtp } else { &self.rtcp };
        let (mut length, _) = socket.recv_from(&mut buffer).expect("a report");
        if let Some((_, incoming)) = &mut self.srtp {
            length = incoming.unprotect_rtcp(&mut buffer[..length]).expect("an authentic report");
        }
        buffer[..length].to_vec()
    }

    fn statistics(&self, engine: &Engine) -> Statistics {
        engine.statistics(self.leg).unwrap()
    }

    fn dropped(&self, engine: &Engine, reason: Reason) -> u64 {
        self.statistics(engine).dropped[reason as usize]
    }
}

fn bridged(engine: &Engine, secure: [bool; 2]) -> [Side; 2] {
    let sides =
        [Side::new(engine, "127.0.0.30", secure[0], false), Side::new(engine, "127.0.0.40", secure[1], true)];
    engine.bridge(sides[0].leg, sides[1].leg).unwrap();
    sides
}

fn eventually(what: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < deadline, "never happened");
        std::thread::yield_now();
    }
}

#[test]
fn each_side_has_the_protection_that_it_agreed_on() {
    let engine = engine(23000);
    for secure in [[true, false], [false, true], [true, true]] {
        let [mut a, mut b] = bridged(&engine, secure);
        for sequence in 0..5 {
            a.say(&packet(sequence));
            assert_eq!(b.hear(), packet(sequence));
            b.say(&packet(sequence));
            assert_eq!(a.hear(), packet(sequence));
        }
        a.report();
        assert_eq!(b.hear_report(), REPORT);
        b.report();
        assert_eq!(a.hear_report(), REPORT);
        for side in [a, b] {
            let statistics = side.statistics(&engine);
            assert_eq!((statistics.packets_received, statistics.octets_received), (5, 800));
            assert_eq!((statistics.packets_sent, statistics.octets_sent), (5, 800));
            engine.close(side.leg).unwrap();
        }
    }
}

#[test]
fn what_is_not_authentic_is_nobodys() {
    let engine = engine(23100);
    let [mut a, mut b] = bridged(&engine, [true, false]);
    // Before the peer has said anything: its address is right, its key is not; or there is none.
    a.raw(&packet(1));
    let mut buffer = [packet(2), vec![0; RTP_OVERHEAD]].concat();
    SrtpOut::new(key(99)).protect_rtp(&mut buffer, 172).unwrap();
    a.raw(&buffer);
    eventually(|| a.dropped(&engine, Reason::SrtpAuthentication) == 2);
    assert_eq!(engine.source(a.leg).unwrap(), None, "nothing was learnt from it");
    assert_eq!(a.statistics(&engine).packets_received, 0);
    // A stranger with a recording of what the peer says gets nothing either, once the peer's own has come.
    let recorded = a.protected(&packet(3));
    a.raw(&recorded);
    assert_eq!(b.hear(), packet(3));
    a.raw(&recorded);
    eventually(|| a.dropped(&engine, Reason::SrtpReplay) == 1);
    a.say(&packet(4));
    assert_eq!(b.hear(), packet(4), "and nothing of all that was passed on");
    assert_eq!(a.statistics(&engine).packets_received, 2);
}

#[test]
fn audio_goes_on_in_the_midst_of_hostile_packets() {
    let engine = engine(23200);
    let [mut a, mut b] = bridged(&engine, [true, true]);
    let mut forger = SrtpOut::new(key(99));
    let mut last = Vec::new();
    let mut state = 1u64;
    for sequence in 0..300u16 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let good = a.protected(&packet(sequence));
        let mut hostile = match sequence % 6 {
            0 => good[..good.len().min((state >> 40) as usize % 200)].to_vec(),
            1 => last.clone(),
            2 => vec![0x80; 2048],
            3 => packet(sequence),
            4 => [&good[..], &[0; 1400]].concat(),
            _ => {
                let mut buffer = [packet(sequence), vec![0; RTP_OVERHEAD]].concat();
                forger.protect_rtp(&mut buffer, 172).unwrap();
                buffer
            }
        };
        a.raw(&hostile);
        if let Some(octet) = hostile.get_mut(1) {
            *octet = 201; // as RTCP, to both ports
        }
        a.rtcp.send_to(&hostile, (HOST, a.port + 1)).unwrap();
        a.raw(&hostile);
        a.raw(&good);
        assert_eq!(b.hear(), packet(sequence));
        last = good;
    }
    a.report();
    assert_eq!(b.hear_report(), REPORT);
    let statistics = a.statistics(&engine);
    assert_eq!((statistics.packets_received, statistics.packets_lost), (300, 0));
    let dropped: u64 = statistics.dropped.iter().sum();
    assert!(dropped >= 899, "{dropped} of 900; the first recording had nothing in it");
}

#[test]
fn new_keys_begin_anew_and_the_old_one_is_heard_for_a_while() {
    let engine = engine(23300);
    let [mut a, mut b] = bridged(&engine, [true, false]);
    a.say(&packet(1));
    b.hear();
    let late = a.protected(&packet(2));
    a.agree(&engine, Some((11, 12)));
    a.say(&packet(3));
    assert_eq!(b.hear(), packet(3));
    a.raw(&late);
    assert_eq!(b.hear(), packet(2));
    b.say(&packet(9));
    assert_eq!(a.hear(), packet(9), "protected with the new key");
    assert_eq!(a.statistics(&engine).packets_lost, 0);
}

#[test]
fn the_same_keys_in_a_reinvite_go_on() {
    let engine = engine(23400);
    let [mut a, mut b] = bridged(&engine, [true, false]);
    let recorded = a.protected(&packet(1));
    a.raw(&recorded);
    assert_eq!(b.hear(), packet(1));
    engine.set_remote(a.leg, Remote { srtp: keys(OURS, THEIRS), ..a.remote() }).unwrap();
    a.raw(&recorded);
    eventually(|| a.dropped(&engine, Reason::SrtpReplay) == 1);
    a.say(&packet(2));
    assert_eq!(b.hear(), packet(2));
}

#[test]
fn a_plain_peer_that_repeats_itself_gives_no_key_stream_away() {
    let engine = engine(23500);
    let [mut a, mut b] = bridged(&engine, [false, true]);
    a.say(&packet(1));
    b.hear();
    let mut other = packet(1);
    other[20] = 0;
    a.say(&other);
    eventually(|| b.dropped(&engine, Reason::SrtpRepeated) == 1);
    a.say(&packet(2));
    assert_eq!(b.hear(), packet(2));
    assert_eq!(b.statistics(&engine).packets_sent, 2);
}

#[test]
fn digits_in_the_midst_of_audio_are_protected_too() {
    let engine = engine(23600);
    let [mut a, mut b] = bridged(&engine, [false, true]);
    let payloads = PayloadMap::new(vec![
        Payload { from: 8, to: 8, clock_rate: 8000 },
        Payload { from: 101, to: 101, clock_rate: 8000 },
    ])
    .unwrap();
    let remote = Remote { payloads, dtmf_payload_type: Some(101), srtp: keys(OURS, THEIRS), ..b.remote() };
    engine.set_remote(b.leg, remote).unwrap();
    engine.send_digits(b.leg, "5", 100).unwrap();
    for sequence in 0..3 {
        a.say(&packet(sequence));
        let header = Header::parse(&b.hear()).unwrap();
        assert_eq!((header.payload_type, header.ssrc), (101, 7));
    }
}
