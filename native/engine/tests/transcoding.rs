//! What an engine makes anew: telephone-events when packets of theirs are lost, events of tones, audio around a hold.

#![expect(clippy::unwrap_used, reason = "a test")]

mod peers;

use peers::{Peer, eventually, next_event, settings};
use trunkline_codecs::Codec;
use trunkline_engine::{Engine, EventKind, LegId};
use trunkline_media::dtmf::Event;
use trunkline_media::dtmf::tones::{Digit, sound_of};
use trunkline_media::format::{EventFormat, Format};
use trunkline_media::leg::{Drop as Reason, Flow, Remote};
use trunkline_media::payload::{Payload, PayloadMap};
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
fn a_press_longer_than_a_segment_is_one_event_in_the_peers_segments() {
    let engine = Engine::start(settings(23500, 8)).unwrap();
    let (a, b) = transcoded(&engine);
    let takes_events = Some(EventFormat { payload_type: EVENT, clock_rate: 16_000 });
    engine.set_remote(b.leg, Remote { takes_events, ..remote(&b.peer, Codec::Speex) }).unwrap();
    let mut packets = vec![event(0, 160, false), event(1, 0xffff, false)];
    for (sequence, duration, end) in [(2, 160, false), (3, 14_465, true)] {
        let mut packet = event(sequence, duration, end);
        packet[4..8].copy_from_slice(&(8000u32 + 0xffff).to_be_bytes());
        packets.push(packet);
    }
    packets.iter().for_each(|packet| a.peer.say(a.port, packet));
    let mut told = Vec::new();
    while told.last().is_none_or(|(_, event): &(Header, Event)| !event.end) {
        told.push(heard(&b.peer));
    }
    assert_eq!(told.iter().filter(|(header, _)| header.marker).count(), 1);
    let mut begins: Vec<u32> = told.iter().map(|(header, _)| header.timestamp).collect();
    begins.dedup();
    assert_eq!(
        begins.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect::<Vec<_>>(),
        [0xffff, 0xffff]
    );
    let (last, end) = told.last().unwrap();
    assert_eq!(
        last.timestamp.wrapping_sub(begins[0]) + u32::from(end.duration),
        160_000,
        "ten seconds at 16 kHz"
    );
}

#[test]
fn a_digit_that_is_told_is_told_though_its_ends_are_lost() {
    let engine = Engine::start(settings(23100, 8)).unwrap();
    let (a, b) = transcoded(&engine);
    engine.set_remote(a.leg, Remote { tells_digits: true, ..remote(&a.peer, Codec::Pcmu) }).unwrap();
    a.peer.say(a.port, &event(0, 160, false));
    a.peer.say(a.port, &event(1, 800, false));
    let told = next_event(&engine);
    assert_eq!((told.kind, told.leg), (EventKind::Digit(Digit { code: 5, duration_ms: 100 }), a.leg));
    eventually(|| engine.statistics(a.leg).unwrap().dtmf_events == 1);
    a.peer.say(a.port, &audio(20));
    assert_eq!(Header::parse(&b.peer.hear()).unwrap().payload_type, 0, "the event went no further");
}

/// A second of audio: silence, a digit of so many samples, silence; in packets of 20 ms.
fn pressed(sequence: u16, length: usize) -> Vec<[u8; HEADER_LENGTH + 160]> {
    let mut samples = vec![0; 8000];
    sound_of(5).unwrap().fill(&mut samples[1110..1110 + length]);
    let mut encoder = Codec::Pcmu.encoder().unwrap();
    let packet = |(n, piece): (u16, &[i16])| {
        let mut packet = [0; HEADER_LENGTH + 160];
        write_header(&mut packet, false, 0, n, u32::from(n) * 160, 7);
        encoder.encode(piece, &mut packet[HEADER_LENGTH..]).unwrap();
        packet
    };
    (sequence..).zip(samples.chunks(160)).map(packet).collect()
}

/// Says a digit of 100 ms within a second of audio; what came of it.
fn press(a: &Side, b: &Side, sequence: u16) -> Vec<(Header, Vec<u8>)> {
    pressed(sequence, 800).iter().for_each(|packet| a.peer.say(a.port, packet));
    let last = u32::from(sequence + 49) * 160;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|(header, _): &(Header, _)| header.timestamp != last) {
        let packet = b.peer.hear();
        let header = Header::parse(&packet).unwrap();
        heard.push((header, packet[header.payload_start..header.payload_end].to_vec()));
    }
    heard
}

/// Two sides with PCMU, of which the first has its digits in the audio.
fn relayed(engine: &Engine) -> (Side, Side) {
    let payloads = || PayloadMap::new(vec![Payload { from: 0, to: 0, clock_rate: 8000 }]).unwrap();
    let (a, b) = transcoded(engine);
    let format = remote(&a.peer, Codec::Pcmu);
    engine.set_remote(a.leg, Remote { payloads: payloads(), finds_tones: true, ..format }).unwrap();
    engine.set_remote(b.leg, Remote { payloads: payloads(), ..remote(&b.peer, Codec::Pcmu) }).unwrap();
    (a, b)
}

#[test]
fn a_tone_becomes_an_event_in_its_place_and_time() {
    let engine = Engine::start(settings(23200, 8)).unwrap();
    let (a, b) = relayed(&engine);
    let heard = [press(&a, &b, 100), press(&a, &b, 150)].concat();
    assert!(heard.windows(2).all(|pair| pair[1].0.sequence == pair[0].0.sequence + 1), "without a gap");
    let (events, audio): (Vec<_>, Vec<_>) =
        heard.into_iter().partition(|(header, _)| header.payload_type == EVENT);
    let begins: Vec<u32> =
        events.iter().filter(|(header, _)| header.marker).map(|(header, _)| header.timestamp).collect();
    assert_eq!(begins.len(), 2);
    for (begin, pressed) in begins.iter().zip([100 * 160 + 1110, 150 * 160 + 1110]) {
        assert!(begin.abs_diff(pressed) <= 160, "{begin}, pressed at {pressed}");
    }
    let ends = events.iter().filter_map(|(_, payload)| Event::parse(payload)).filter(|event| event.end);
    let durations: Vec<u16> = ends.map(|event| event.duration).collect();
    assert_eq!(durations.len(), 6);
    assert!(durations.iter().all(|duration| duration.abs_diff(800) <= 102), "{durations:?}");
    let mut decoder = Codec::Pcmu.decoder().unwrap();
    for (header, payload) in audio {
        assert_eq!(header.timestamp % 160, 0, "time is as it was");
        let mut pcm = [0; 160];
        decoder.decode(&payload, &mut pcm).unwrap();
        let sounding = pcm.iter().filter(|sample| sample.abs() > 100).count();
        assert!(sounding <= 152, "{sounding} samples of the tone are beside the event");
    }
}

#[test]
fn what_was_kept_back_for_a_digit_that_was_none_is_heard_after_all() {
    let engine = Engine::start(settings(23250, 8)).unwrap();
    let (a, b) = relayed(&engine);
    for packet in pressed(100, 120) {
        a.peer.say(a.port, &packet);
    }
    for packet in pressed(100, 120) {
        assert_eq!(b.peer.hear(), packet);
    }
}

#[test]
fn a_tone_that_is_told_is_not_heard_too() {
    let engine = Engine::start(settings(23300, 8)).unwrap();
    let (a, b) = relayed(&engine);
    let payloads = PayloadMap::new(vec![Payload { from: 0, to: 0, clock_rate: 8000 }]).unwrap();
    let told = Remote { payloads, finds_tones: true, tells_digits: true, ..remote(&a.peer, Codec::Pcmu) };
    engine.set_remote(a.leg, told).unwrap();
    let heard = press(&a, &b, 100);
    assert!(heard.windows(2).all(|pair| pair[1].0.sequence == pair[0].0.sequence + 1), "without a gap");
    assert!(heard.iter().all(|(header, _)| header.payload_type == 0));
    assert!((40..=44).contains(&heard.len()), "{} packets", heard.len());
    let EventKind::Digit(digit) = next_event(&engine).kind else { panic!("no digit") };
    assert_eq!(digit.code, 5);
    assert!(digit.duration_ms.abs_diff(100) <= 13, "{digit:?}");
}

fn audio(sequence: u16) -> [u8; HEADER_LENGTH + 160] {
    let mut packet = [0xff; HEADER_LENGTH + 160];
    write_header(&mut packet, false, 0, sequence, u32::from(sequence) * 160, 7);
    packet
}

#[test]
fn what_a_held_peer_does_not_hear_is_no_loss_to_it() {
    let engine = Engine::start(settings(23400, 8)).unwrap();
    let (a, b) = transcoded(&engine);
    let hear = || Header::parse(&b.peer.hear()).unwrap();
    a.peer.say(a.port, &audio(0));
    let before = hear();
    engine.set_remote(b.leg, Remote { flow: Flow::Receive, ..remote(&b.peer, Codec::Pcma) }).unwrap();
    let held = || engine.statistics(b.leg).unwrap().dropped[Reason::Held as usize];
    for sequence in 1..30 {
        a.peer.say(a.port, &audio(sequence));
    }
    eventually(|| held() == 29);
    engine.set_remote(b.leg, remote(&b.peer, Codec::Pcma)).unwrap();
    a.peer.say(a.port, &audio(30));
    let after = hear();
    assert_eq!((after.ssrc, after.sequence), (before.ssrc, before.sequence.wrapping_add(1)));
    assert!(after.timestamp.wrapping_sub(before.timestamp) >= 160);
    eventually(|| engine.statistics(b.leg).unwrap().packets_sent == 2);
}

/// Packets of 30 ms for a peer that is held in the midst of one, while the far end is silent: what waited is left.
#[test]
fn what_waited_when_a_peer_was_held_uses_no_number_up() {
    let engine = Engine::start(settings(23420, 8)).unwrap();
    let (a, b) = transcoded(&engine);
    let speaks = Some(Format { payload_type: 8, codec: Codec::Pcma, ptime_ms: 30 });
    let long = || Remote { speaks, ..remote(&b.peer, Codec::Pcma) };
    engine.set_remote(b.leg, long()).unwrap();
    a.peer.say(a.port, &audio(0));
    a.peer.say(a.port, &audio(1));
    let before = Header::parse(&b.peer.hear()).unwrap();
    engine.set_remote(b.leg, Remote { flow: Flow::None, ..long() }).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(400));
    engine.set_remote(b.leg, long()).unwrap();
    a.peer.say(a.port, &audio(30));
    a.peer.say(a.port, &audio(31));
    let after = Header::parse(&b.peer.hear()).unwrap();
    assert_eq!((after.ssrc, after.sequence), (before.ssrc, before.sequence.wrapping_add(1)));
}

/// Comfort noise (RFC 3389) that was not agreed on: nobody is sent it, and nothing is lost.
#[test]
fn what_nobody_can_make_anything_of_is_a_pause_and_no_loss() {
    let engine = Engine::start(settings(23440, 8)).unwrap();
    let (a, b) = transcoded(&engine);
    let hear = || Header::parse(&b.peer.hear()).unwrap();
    a.peer.say(a.port, &audio(0));
    let before = hear();
    for sequence in 1..4 {
        let mut noise = audio(sequence);
        noise[1] = 13;
        a.peer.say(a.port, &noise[..HEADER_LENGTH + 1]);
    }
    a.peer.say(a.port, &audio(4));
    a.peer.say(a.port, &audio(5));
    let after = hear();
    assert!(after.marker, "nothing was made up in place of it");
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(4 * 160));
    assert_eq!(engine.statistics(a.leg).unwrap().packets_lost, 0);
}
