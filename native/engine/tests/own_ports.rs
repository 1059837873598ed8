//! Our own ports as somebody's peer: calls that meet inside are heard, and no packet ever runs in a circle.

#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "events are not looked at here")]
mod peers;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use peers::{HOST, PATIENCE, Peer, eventually, settings};
use trunkline_engine::{Engine, LegId, Settings};
use trunkline_media::leg::{Drop as Reason, Flow, Remote};
use trunkline_media::payload::{Payload, PayloadMap};
use trunkline_media::rtp::{Header, write_header};

const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 7];
/// Packets that one digit of the shortest kind makes, at the most.
const OF_A_DIGIT: u64 = 16;

fn remote(address: SocketAddr) -> Remote {
    let payloads = PayloadMap::new(vec![
        Payload { from: 8, to: 8, clock_rate: 8000 },
        Payload { from: 101, to: 101, clock_rate: 8000 },
    ]);
    Remote { dtmf_payload_type: Some(101), ..Remote::plain(address, Flow::Both, payloads.unwrap()) }
}

fn packet(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x55; 172];
    write_header(&mut packet, false, 8, sequence, u32::from(sequence) * 160, 7);
    packet
}

fn hears(peer: &Peer, sequence: u16) {
    assert_eq!(Header::parse(&peer.hear()).unwrap().sequence, sequence);
}

struct Side {
    leg: LegId,
    port: u16,
    peer: Peer,
}

impl Side {
    /// A leg with a peer outside.
    fn new(engine: &Engine) -> Self {
        let peer = Peer::at("127.0.0.10");
        let (leg, _, port) = engine.open(false).unwrap();
        engine.set_remote(leg, remote(peer.address())).unwrap();
        Self { leg, port, peer }
    }

    fn dropped(&self, engine: &Engine, reason: Reason) -> u64 {
        engine.statistics(self.leg).unwrap().dropped[reason as usize]
    }
}

/// A call: two legs, bridged.
fn call(engine: &Engine) -> (Side, Side) {
    let (one, other) = (Side::new(engine), Side::new(engine));
    engine.bridge(one.leg, other.leg).unwrap();
    (one, other)
}

/// Says at each of two legs that the other one is its peer, which `host` is the name of, and that SIP came from elsewhere.
fn meet(engine: &Engine, host: IpAddr, one: &Side, other: &Side) {
    for (leg, port) in [(one.leg, other.port), (other.leg, one.port)] {
        let elsewhere = Some("198.51.100.7".parse().unwrap());
        let there = Remote { signalled_from: elsewhere, ..remote((host, port).into()) };
        engine.set_remote(leg, there).unwrap();
    }
}

#[test]
fn two_calls_that_meet_inside_are_heard_both_ways_by_any_name_of_ours() {
    let advertised = Ipv4Addr::new(192, 0, 2, 9);
    for (port, bound, name) in [
        (25000, HOST, HOST),
        (25040, HOST, advertised),
        (25080, Ipv4Addr::UNSPECIFIED, HOST),
        (25120, Ipv4Addr::UNSPECIFIED, advertised),
    ] {
        let chosen = Settings { bind_v4: Some(bound), advertised_v4: Some(advertised), ..settings(port, 8) };
        let engine = Engine::start(chosen).unwrap();
        let ((caller, a), (b, callee)) = (call(&engine), call(&engine));
        meet(&engine, name.into(), &a, &b);
        // Bound to all addresses, a port is tied to the one that its peer was answered from.
        let host = if bound.is_unspecified() { Ipv4Addr::LOCALHOST } else { HOST };
        let say = |side: &Side, port: u16, bytes: &[u8]| {
            side.peer.0.send_to(bytes, (host, port)).unwrap();
        };
        for sequence in 1..4 {
            say(&caller, caller.port, &packet(sequence));
            hears(&callee.peer, sequence);
            say(&callee, callee.port, &packet(100 + sequence));
            hears(&caller.peer, 100 + sequence);
        }
        assert_eq!(engine.statistics(a.leg).unwrap().packets_received, 3);
        let reports = Peer::at("127.0.0.10");
        let there = Remote { rtcp_port: reports.address().port(), ..remote(callee.peer.address()) };
        engine.set_remote(callee.leg, there).unwrap();
        say(&caller, caller.port + 1, &REPORT);
        assert_eq!(reports.hear(), REPORT, "{bound} as {name}");
        // The PBX takes the first call back.
        engine.set_remote(a.leg, remote(a.peer.address())).unwrap();
        say(&caller, caller.port, &packet(9));
        hears(&a.peer, 9);
    }
}

#[test]
fn who_points_a_leg_at_a_stranger_is_not_heard_there() {
    let engine = Engine::start(settings(25200, 8)).unwrap();
    let ((hostile, aimed), (victim, far)) = (call(&engine), call(&engine));
    engine.set_remote(aimed.leg, remote((HOST, victim.port).into())).unwrap();
    hostile.peer.say(hostile.port, &packet(1));
    eventually(|| victim.dropped(&engine, Reason::OtherSource) == 1);
    // Nor where the victim's peer is inside as well, but another one.
    let (other, _) = call(&engine);
    engine.set_remote(victim.leg, remote((HOST, other.port).into())).unwrap();
    hostile.peer.say(hostile.port, &packet(2));
    eventually(|| victim.dropped(&engine, Reason::OtherSource) == 2);
    // Nor is anybody else on this host, who would be believed of a peer outside.
    Peer::at("127.0.7.1").say(victim.port, &packet(3));
    eventually(|| victim.dropped(&engine, Reason::OtherSource) == 3);
    assert_eq!(engine.statistics(far.leg).unwrap().packets_sent, 0);
}

#[test]
fn what_has_crossed_once_leaves_or_goes_nowhere() {
    let engine = Engine::start(settings(25300, 16)).unwrap();
    let ((caller, a), (b, c), (d, callee)) = (call(&engine), call(&engine), call(&engine));
    meet(&engine, HOST.into(), &a, &b);
    meet(&engine, HOST.into(), &c, &d);
    caller.peer.say(caller.port, &packet(1));
    eventually(|| c.dropped(&engine, Reason::Circle) == 1);
    callee.peer.say(callee.port, &packet(2));
    eventually(|| b.dropped(&engine, Reason::Circle) == 1);
    caller.peer.say(caller.port + 1, &REPORT);
    eventually(|| c.dropped(&engine, Reason::Circle) == 2);
    // The middle one's own words are heard.
    engine.send_digits(c.leg, "1", 40).unwrap();
    assert_eq!(Header::parse(&callee.peer.hear()).unwrap().payload_type, 101);
    // Reports alone that are to go on inside: neither.
    let beside = Peer::at("127.0.7.1");
    let there = Remote { rtcp_port: d.port + 1, ..remote(beside.address()) };
    engine.set_remote(c.leg, there).unwrap();
    caller.peer.say(caller.port + 1, &REPORT);
    eventually(|| c.dropped(&engine, Reason::Circle) == 3);
}

#[test]
fn echoes_on_both_sides_make_no_storm() {
    let engine = Engine::start(Settings { gather: Duration::ZERO, ..settings(25450, 8) }).unwrap();
    let ((caller, a), (b, callee)) = (call(&engine), call(&engine));
    meet(&engine, HOST.into(), &a, &b);
    (0..200).for_each(|sequence| caller.peer.say(caller.port, &packet(sequence)));
    let until = Instant::now() + Duration::from_millis(400);
    let echo = |side: &Side| {
        let (mut heard, mut buffer) = (0, [0; 2048]);
        side.peer.0.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        while Instant::now() < until {
            if let Ok((length, _)) = side.peer.0.recv_from(&mut buffer) {
                heard += 1;
                side.peer.say(side.port, &buffer[..length]);
            }
        }
        heard
    };
    let heard = std::thread::scope(|scope| {
        let one = scope.spawn(|| echo(&caller));
        echo(&callee) + one.join().unwrap()
    });
    assert!(heard < 1000, "{heard} packets");
}

#[test]
fn a_leg_is_no_peer_of_its_own_and_no_report_port_is_one() {
    let engine = Engine::start(settings(25400, 8)).unwrap();
    let (a, b) = call(&engine);
    let other = Side::new(&engine);
    for port in [b.port, b.port + 1, other.port + 1] {
        engine.set_remote(b.leg, remote((HOST, port).into())).unwrap();
        let before = b.dropped(&engine, Reason::NoDestination);
        a.peer.say(a.port, &packet(port));
        eventually(|| b.dropped(&engine, Reason::NoDestination) == before + 1);
    }
    // The other side of the same call believes its own peer only.
    engine.set_remote(b.leg, remote((HOST, a.port).into())).unwrap();
    for sent in 1..4 {
        a.peer.say(a.port, &packet(sent));
        eventually(|| engine.statistics(b.leg).unwrap().packets_sent == u64::from(sent));
    }
    assert_eq!(engine.statistics(a.leg).unwrap().packets_received, 6);
}

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Nanoseconds that this process's media threads have computed.
fn busy_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    tasks
        .filter(|task| {
            std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with("media-"))
        })
        .filter_map(|task| std::fs::read_to_string(task.join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// One thing of all that can happen to six legs; how many packets it makes.
fn something(engine: &Engine, sides: &mut [Side], sent: &mut u64, dice: &mut Dice) -> u64 {
    let (one, other) = (dice.below(6), dice.below(6));
    let own = |side: &Side| SocketAddr::from((HOST, side.port));
    let set = |side: &Side, there: SocketAddr, rtcp_port: u16, told: bool| {
        let signalled_from = told.then_some(there.ip());
        engine.set_remote(side.leg, Remote { rtcp_port, signalled_from, ..remote(there) }).unwrap();
    };
    match dice.below(20) {
        0..8 => {
            let muxed = u16::from(dice.below(3) > 0);
            set(&sides[one], own(&sides[other]), sides[other].port + muxed, true);
            set(&sides[other], own(&sides[one]), sides[one].port + muxed, false);
        }
        8..10 => {
            let anybody = sides[dice.below(6)].port + dice.below(2) as u16;
            set(&sides[one], own(&sides[other]), anybody, false);
            set(&sides[other], sides[other].peer.address(), anybody, true);
        }
        10 => set(&sides[one], (HOST, sides[other].port + 1).into(), sides[one].port, true),
        11..13 => set(&sides[one], sides[one].peer.address(), sides[other].port + 1, true),
        13 if one != other => engine.bridge(sides[one].leg, sides[other].leg).unwrap(),
        14 if dice.below(4) == 0 => {
            *sent += engine.close(sides[one].leg).unwrap().statistics.packets_sent;
            sides[one] = Side::new(engine);
            engine.bridge(sides[one].leg, sides[(one + 1) % 6].leg).unwrap();
        }
        15..20 => {
            for sequence in 0..8 {
                sides[one].peer.say(sides[one].port, &packet(sequence));
                sides[one].peer.say(sides[one].port + 1, &REPORT);
                sides[one].peer.say(sides[one].port, &REPORT);
            }
            return 8;
        }
        _ => {}
    }
    0
}

fn packets_sent(engine: &Engine, sides: &[Side]) -> u64 {
    sides.iter().map(|side| engine.statistics(side.leg).unwrap().packets_sent).sum()
}

/// Whether for a while no audio is sent, and the threads compute next to nothing, as if there were no reports either.
fn is_quiet(engine: &Engine, sides: &[Side]) -> bool {
    let (sent, busy) = (packets_sent(engine, sides), busy_ns());
    std::thread::sleep(Duration::from_millis(20));
    packets_sent(engine, sides) == sent && busy_ns().saturating_sub(busy) < 500_000
}

/// Every leg at any own port or outside, told any port for reports, bridged with anybody, reopened, and speaking by itself,
/// while packets come. Each that came from outside is sent twice at most, and when no more come the threads have nothing to
/// do: a circle, of reports too, would keep them busy.
#[test]
fn no_circle_is_ever_made_whatever_is_set_in_whatever_order() {
    let fast = Settings { threads: 2, drain: Duration::ZERO, gather: Duration::ZERO, ..settings(25500, 6) };
    let engine = Engine::start(fast).unwrap();
    let mut sides: Vec<Side> = (0..6).map(|_| Side::new(&engine)).collect();
    let (mut dice, mut made, mut sent) = (Dice(3), 0, 0);
    for round in 0..25 {
        let turn = dice.below(6);
        sides.rotate_left(turn);
        for pair in sides.chunks(2) {
            engine.bridge(pair[0].leg, pair[1].leg).unwrap();
        }
        for _ in 0..20 {
            made += something(&engine, &mut sides, &mut sent, &mut dice);
        }
        for side in &sides {
            made += OF_A_DIGIT;
            let _ = engine.send_digits(side.leg, "1", 40);
        }
        let until = Instant::now() + PATIENCE;
        while !is_quiet(&engine, &sides) {
            assert!(Instant::now() < until, "something runs in a circle in round {round}");
        }
    }
    sent += packets_sent(&engine, &sides);
    assert!(sent <= 2 * made, "{sent} of {made}");
}
