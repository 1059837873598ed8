//! Telephone-events that an engine makes anew or tells of, when packets of theirs are lost.

#![expect(clippy::unwrap_used, reason = "a test")]

mod peers;

use peers::{Peer, eventually, next_event, settings};
use trunkline_codecs::Codec;
use trunkline_engine::{Engine, EventKind, LegId};
use trunkline_media::dtmf::Event;
use trunkline_media::dtmf::tones::Digit;
use trunkline_media::format::{EventFormat, Format};
use trunkline_media::leg::{Flow, Remote};
use trunkline_media::payload::PayloadMap;
use trunkline_media::rtp::{HEADER_LENGTH, Header, write_header};

const EVENT: u8 = 101;

struct Side {
    leg: LegId,
    port: u16,
    peer: Peer,
}

fn remote(peer: &Peer, codec: Codec) -> Remote {
    let format = Format { payload_type: 0, codec, ptime_ms: 20 };
    Remote {
        dtmf_payload_type: Some(EVENT),
        hears: vec![format],
        speaks: Some(format),
        takes_events: Some(EventFormat { payload_type: EVENT, clock_rate: 8000 }),
        ..Remote::plain(peer.address(), Flow::Both, PayloadMap::default())
    }
}

/// Two sides that share no codec.
fn transcoded(engine: &Engine) -> (Side, Side) {
    let side = |address, codec| {
        let peer = Peer::at(address);
        let (leg, _, port) = engine.open(false).unwrap();
        engine.set_remote(leg, remote(&peer, codec)).unwrap();
        Side { leg, port, peer }
    };
    let (a, b) = (side("127.0.0.10", Codec::Pcmu), side("127.0.0.20", Codec::Pcma));
    engine.bridge(a.leg, b.leg).unwrap();
    (a, b)
}

fn event(sequence: u16, duration: u16, end: bool) -> Vec<u8> {
    let mut packet = vec![0; HEADER_LENGTH];
    write_header(&mut packet, sequence == 0, EVENT, sequence, 8000, 7);
    packet.extend_from_slice(&Event { code: 5, end, volume: 10, duration }.to_bytes());
    packet
}

fn heard(peer: &Peer) -> (Header, Event) {
    let packet = peer.hear();
    let header = Header::parse(&packet).unwrap();
    (header, Event::parse(&packet[header.payload_start..header.payload_end]).unwrap())
}

#[test]
fn an_event_whose_ends_are_lost_ends_though_its_peer_is_silent_from_there() {
    let engine = Engine::start(settings(23000, 8)).unwrap();
    let (a, b) = transcoded(&engine);
    for sequence in 0..3 {
        a.peer.say(a.port, &event(sequence, 160 * (sequence + 1), false));
        assert!(!heard(&b.peer).1.end);
    }
    for _ in 0..3 {
        let (_, event) = heard(&b.peer);
        assert_eq!((event.end, event.duration), (true, 480));
    }
}

#[test]
fn a_digit_that_is_told_is_told_though_its_ends_are_lost() {
    let engine = Engine::start(settings(23100, 8)).unwrap();
    let (a, _b) = transcoded(&engine);
    engine.set_remote(a.leg, Remote { tells_digits: true, ..remote(&a.peer, Codec::Pcmu) }).unwrap();
    a.peer.say(a.port, &event(0, 160, false));
    a.peer.say(a.port, &event(1, 800, false));
    let told = next_event(&engine);
    assert_eq!((told.kind, told.leg), (EventKind::Digit(Digit { code: 5, duration_ms: 100 }), a.leg));
    eventually(|| engine.statistics(a.leg).unwrap().dtmf_events == 1);
}
