mod events;
mod pauses;

use trunkline_codecs::Codec;

use super::speech::STEP;
use super::*;
use crate::dtmf::{Event, NotADigit, spelled};
use crate::rtcp::report::{self, LONGEST};
use crate::rtp::{Header, header, write_header};
use crate::terminal::PTIME_US;
use crate::tone::{Tone, ToneDetector};

const PTIME: Micros = PTIME_US;

/// A far leg that says packets of one codec, and what came of them.
struct Far {
    codec: Codec,
    speaker: Speaker,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    now: Micros,
    tone: crate::tone::ToneGenerator,
}

impl Far {
    fn new(codec: Codec, ptime_ms: u32) -> Self {
        let tone = Tone { frequencies_hz: vec![700.0], level_dbm0: -10.0, cadence_ms: None };
        Self {
            codec,
            speaker: Speaker::new(Format { payload_type: 0, codec, ptime_ms }).unwrap(),
            sequence: 65_530,
            timestamp: 5000,
            ssrc: 42,
            now: 0,
            tone: crate::tone::ToneGenerator::new(&tone).unwrap(),
        }
    }

    /// The next packets, over so many times 20 ms.
    fn packets(&mut self, count: usize) -> Vec<(Header, Vec<u8>)> {
        let mut packets = Vec::new();
        for _ in 0..count {
            let mut pcm = [0; STEP];
            self.tone.fill(&mut pcm);
            self.speaker.feed(&pcm, 8000);
            self.now += PTIME;
            let mut packet = [0; PACKET];
            while let Some((octets, ticks)) = self.speaker.next(&mut packet[HEADER_LENGTH..]) {
                write_header(&mut packet, false, 0, self.sequence, self.timestamp, self.ssrc);
                let length = HEADER_LENGTH + octets;
                packets.push((Header::parse(&packet[..length]).unwrap(), packet[..length].to_vec()));
                self.sequence = self.sequence.wrapping_add(1);
                self.timestamp = self.timestamp.wrapping_add(ticks);
            }
        }
        packets
    }
}

/// The peer that is sent to.
#[derive(Default)]
struct Near {
    packets: Vec<(Header, Vec<u8>)>,
}

impl Near {
    fn take(&mut self, packet: &[u8], length: usize) {
        self.packets.push((Header::parse(&packet[..length]).unwrap(), packet[..length].to_vec()));
    }

    /// One source, every sequence number once and in order.
    fn is_one_stream(&self) -> bool {
        self.packets.windows(2).all(|pair| {
            pair[1].0.ssrc == pair[0].0.ssrc && pair[1].0.sequence == pair[0].0.sequence.wrapping_add(1)
        })
    }

    /// Milliseconds of 700 Hz among the audio.
    fn heard_ms(&self, codec: Codec, payload_type: u8) -> u64 {
        let (mut decoder, mut detector) = (codec.decoder().unwrap(), ToneDetector::new(&[700.0]).unwrap());
        let mut down = trunkline_codecs::Resampler::new(codec.sample_rate(), 8000);
        for (header, packet) in self.packets.iter().filter(|(header, _)| header.payload_type == payload_type)
        {
            let (mut pcm, mut narrow) = ([0; 4000], [0; 4000]);
            let count = decoder.decode(&packet[header.payload_start..header.payload_end], &mut pcm).unwrap();
            match &mut down {
                Some(down) => {
                    let count = down.run(&pcm[..count], &mut narrow);
                    detector.feed(&narrow[..count]);
                }
                None => detector.feed(&pcm[..count]),
            }
        }
        detector.heard()[0].duration_ms
    }

    fn events(&self, payload_type: u8) -> Vec<(Header, Event)> {
        self.packets
            .iter()
            .filter(|(header, _)| header.payload_type == payload_type)
            .filter_map(|(header, packet)| Some((*header, Event::parse(&packet[header.payload_start..])?)))
            .collect()
    }

    fn digits(&self, payload_type: u8) -> String {
        spelled(self.events(payload_type))
    }
}

fn outgoing(codec: Codec, ptime_ms: u32, events: Option<(u8, u32)>) -> Outgoing {
    let mut outgoing = Outgoing::new(None, 0x0000_0009_fffe_0001, 0);
    let events = events.map(|(payload_type, clock_rate)| EventFormat { payload_type, clock_rate });
    outgoing.set_formats(Some(Format { payload_type: 8, codec, ptime_ms }), events);
    outgoing
}

fn transcode(outgoing: &mut Outgoing, far: &Far, packets: &[(Header, Vec<u8>)], near: &mut Near) {
    for (header, packet) in packets {
        let payload = &packet[header.payload_start..header.payload_end];
        outgoing.audio(far.codec, header, payload, far.now, &mut |packet, length| near.take(packet, length));
    }
}

#[test]
fn every_codec_becomes_every_other_with_any_packet_length() {
    let codecs = Codec::ALL.into_iter().filter(|codec| codec.encoder().is_ok());
    for from in codecs.clone() {
        for (to, ptimes) in codecs.clone().zip([(20, 20), (10, 60), (60, 10), (30, 20)].into_iter().cycle()) {
            let (mut far, mut near) = (Far::new(from, ptimes.0), Near::default());
            let mut outgoing = outgoing(to, ptimes.1, None);
            let packets = far.packets(60);
            transcode(&mut outgoing, &far, &packets, &mut near);
            assert!(near.is_one_stream());
            let heard = near.heard_ms(to, 8);
            assert!(heard >= 1000, "{from:?} to {to:?}, {ptimes:?}: {heard} ms");
            let ticks: Vec<u32> = near
                .packets
                .windows(2)
                .map(|pair| pair[1].0.timestamp.wrapping_sub(pair[0].0.timestamp))
                .collect();
            let format = Format { payload_type: 8, codec: to, ptime_ms: ptimes.1 };
            let expected = format.packet_samples() as u32 * to.clock_rate() / to.sample_rate();
            assert!(ticks.iter().all(|&ticks| ticks == expected), "{to:?}: {ticks:?}");
            assert!(near.packets[0].0.marker && near.packets[1..].iter().all(|(header, _)| !header.marker));
        }
    }
}

#[test]
fn loss_is_filled_and_order_restored_without_a_break() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    let mut packets = far.packets(100);
    packets.swap(30, 31);
    packets.remove(50);
    packets.remove(70);
    packets.insert(80, packets[79].clone());
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert!(near.is_one_stream());
    assert_eq!(near.packets.len(), 100);
    assert!(near.heard_ms(Codec::Pcma, 8) >= 1900);
}

#[test]
fn a_clock_that_runs_one_percent_fast_or_slow_costs_nothing() {
    for slower in [false, true] {
        let (mut far, mut near) = (Far::new(Codec::G722, 20), Near::default());
        let mut outgoing = outgoing(Codec::Pcma, 20, None);
        for _ in 0..3000 {
            far.now = if slower { far.now + PTIME / 100 } else { far.now - far.now.min(PTIME / 100) };
            let packets = far.packets(1);
            transcode(&mut outgoing, &far, &packets, &mut near);
        }
        assert!(near.is_one_stream());
        assert!((2990..=3000).contains(&near.packets.len()), "{}", near.packets.len());
        assert!(near.heard_ms(Codec::Pcma, 8) >= 59_700);
    }
}

#[test]
fn another_source_and_a_leap_in_time_are_heard_as_one_stream() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    for turn in 0..4u32 {
        let packets = far.packets(50);
        transcode(&mut outgoing, &far, &packets, &mut near);
        far.ssrc += turn % 2;
        far.sequence = far.sequence.wrapping_add(20_000);
        far.timestamp = far.timestamp.wrapping_add(0x7000_0000);
    }
    assert!(near.is_one_stream());
    let forward =
        |pair: &[(Header, Vec<u8>)]| pair[1].0.timestamp.wrapping_sub(pair[0].0.timestamp) < 1 << 31;
    assert!(near.packets.windows(2).all(forward));
    assert!(near.heard_ms(Codec::Pcma, 8) >= 3800, "{}", near.heard_ms(Codec::Pcma, 8));
}

#[test]
fn what_waits_for_more_is_sent_when_the_far_end_falls_silent() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 30, None);
    let mut packets = far.packets(6);
    packets.remove(4);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert_eq!(near.packets.len(), 2, "of four packets; the last waits for the one before it");
    let due = outgoing.due_at();
    assert_eq!(due, far.now + SILENT_US);
    outgoing.speak(due - 1, &mut |packet, length| near.take(packet, length));
    assert_eq!(near.packets.len(), 2);
    outgoing.speak(due, &mut |packet, length| near.take(packet, length));
    assert_eq!(near.packets.len(), 4);
    assert!(near.is_one_stream());
    assert!(outgoing.due_at() > due);
}

#[test]
fn a_peer_that_was_held_hears_one_stream_from_where_it_is_now() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 30, None);
    let packets = far.packets(5);
    transcode(&mut outgoing, &far, &packets, &mut near);
    let before = near.packets.len();
    for _ in far.packets(50) {
        outgoing.rest();
    }
    assert!(outgoing.due_at() > far.now + SILENT_US, "nothing waits");
    let packets = far.packets(6);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert!(near.is_one_stream());
    let first = &near.packets[before].0;
    assert!(first.marker);
    let step = first.timestamp.wrapping_sub(near.packets[before - 1].0.timestamp);
    assert!((50 * 160..60 * 160).contains(&step), "{step}");
}

#[test]
fn what_a_peer_is_not_sent_uses_no_number_up() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 30, Some((101, 8000)));
    let packets = far.packets(5);
    transcode(&mut outgoing, &far, &packets, &mut near);
    let before = near.packets.len();
    outgoing.set_mute(true);
    let nothing = &mut |_: &mut [u8; PACKET], _: usize| panic!("sent");
    outgoing.speak(far.now + SILENT_US, nothing);
    outgoing.announce(Sound::samples(vec![900; 4000].into(), false), far.now);
    outgoing.send_digits("1", 100, far.now).unwrap();
    while outgoing.is_speaking() {
        far.now += PTIME_US;
        outgoing.speak(far.now, nothing);
    }
    for (header, mut packet) in far.packets(5) {
        assert!(!outgoing.pass(&header, &mut packet, 8000, far.now, nothing));
        outgoing.event(
            &header,
            &Event { code: 1, end: false, volume: 10, duration: 160 }.to_bytes(),
            8000,
            far.now,
            nothing,
        );
    }
    outgoing.set_mute(false);
    let packets = far.packets(6);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert!(near.packets.len() > before + 2);
    assert!(near.is_one_stream());
    let step = near.packets[before].0.timestamp.wrapping_sub(near.packets[before - 1].0.timestamp);
    assert!((30 * 160..100 * 160).contains(&step), "time has passed: {step}");
}

#[test]
fn passing_and_transcoding_are_one_stream() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    let packets = far.packets(5);
    transcode(&mut outgoing, &far, &packets, &mut near);
    for (header, mut packet) in far.packets(5) {
        assert!(outgoing.pass(&header, &mut packet, 8000, far.now, &mut |_, _| ()));
        let length = packet.len();
        near.take(&packet, length);
    }
    let packets = far.packets(5);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert_eq!(near.packets.len(), 15);
    assert!(near.is_one_stream());
    assert!(near.packets.windows(2).all(|pair| {
        let step = pair[1].0.timestamp.wrapping_sub(pair[0].0.timestamp);
        (160..=1600).contains(&step)
    }));
}

#[test]
fn what_the_leg_says_takes_the_place_of_the_far_leg() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, Some((101, 8000)));
    let packets = far.packets(5);
    transcode(&mut outgoing, &far, &packets, &mut near);
    let file: std::sync::Arc<[i16]> = vec![0; 800].into();
    assert!(outgoing.announce(Sound::samples(file, false), far.now));
    let mut ended = 0;
    for _ in 0..8 {
        let packets = far.packets(1);
        transcode(&mut outgoing, &far, &packets, &mut near);
        if outgoing.is_speaking() {
            let said = outgoing.speak(far.now, &mut |packet, length| near.take(packet, length));
            ended += u32::from(said.sound_ended);
        }
    }
    assert_eq!(ended, 1);
    assert!(near.is_one_stream());
    // Its first packet goes at once, so the far leg is back one packet earlier.
    assert_eq!(near.packets.len(), 5 + 5 + 4);
    assert!(outgoing.send_digits("4*", 60, far.now).unwrap());
    while outgoing.is_speaking() {
        far.now += PTIME;
        outgoing.speak(far.now, &mut |packet, length| near.take(packet, length));
    }
    assert_eq!(near.digits(101), "4*");
    assert!(near.is_one_stream());
}

#[test]
fn after_it_has_spoken_nothing_is_due_but_later() {
    for ptime_ms in [10, 20, 30, 60] {
        let mut outgoing = outgoing(Codec::Pcma, ptime_ms, Some((101, 8000)));
        assert!(outgoing.announce(Sound::samples(vec![0; 8000].into(), false), 0));
        outgoing.send_digits("1", 100, 0).unwrap();
        let mut wakes = 0;
        while outgoing.due_at() < 4_000_000 {
            let due = outgoing.due_at();
            outgoing.speak(due, &mut |_, _| ());
            let _ = outgoing.report(&mut [0; LONGEST], || None, due);
            assert!(outgoing.due_at() > due, "{ptime_ms}");
            wakes += 1;
        }
        assert!((55..=70).contains(&wakes), "{wakes} wakes for packets of {ptime_ms} ms");
    }
}

#[test]
fn what_can_not_be_said_is_refused() {
    let mut mute = Outgoing::new(None, 0, 0);
    assert!(!mute.announce(Sound::samples(vec![1].into(), true), 0));
    assert_eq!(mute.send_digits("1", 100, 0), Ok(false));
    assert_eq!(outgoing(Codec::Pcma, 20, None).send_digits("x", 100, 0), Err(NotADigit('x')));
    let (far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let packets = Far::new(Codec::Pcmu, 20).packets(3);
    transcode(&mut mute, &far, &packets, &mut near);
    assert!(near.packets.is_empty());
}

#[test]
fn who_is_on_hold_goes_on_being_reported_to() {
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    outgoing.set_mute(true);
    let (mut packet, mut reports) = ([0; LONGEST], 0);
    while outgoing.due_at() < 60_000_000 {
        let due = outgoing.due_at();
        if let Some(length) = outgoing.report(&mut packet, || None, due) {
            assert!(crate::rtcp::is_valid(&packet[..length]));
            reports += 1;
        }
    }
    assert!((8..=24).contains(&reports), "{reports} in a minute");
}

#[test]
fn reports_are_of_senders_once_a_stream_sends() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    let mut packet = [0; 100];
    assert!(outgoing.report(&mut packet, || None, 10_000_000).is_some());
    assert_eq!(packet[1], 201);
    let packets = far.packets(2);
    transcode(&mut outgoing, &far, &packets, &mut near);
    let due = outgoing.due_at();
    assert!((12_000_000..16_200_000).contains(&due));
    assert_eq!(outgoing.report(&mut packet, || panic!("not due"), due - 1), None);
    let length = outgoing.report(&mut packet, || None, 17_000_000).unwrap();
    assert!(crate::rtcp::is_valid(&packet[..length]));
    assert_eq!((packet[1], &packet[20..24]), (200, &[0, 0, 0, 2][..]));
    let ahead =
        u32::from_be_bytes(packet[16..20].try_into().unwrap()).wrapping_sub(near.packets[1].0.timestamp);
    assert_eq!(ahead, 160 + (17_000_000 - 40_000) / 125, "the timestamp is of the same moment");
}

#[test]
fn reports_on_what_passes_go_back_as_reports_on_the_far_legs_stream() {
    let last = Sent { ssrc: 42, sequence: 10, timestamp: 0, ticks: 160, clock_rate: 8000, at: 0 };
    let mut outgoing = Outgoing::new(Some(last), 1, 0);
    let pass = |outgoing: &mut Outgoing, sequence: u16, ssrc| {
        let mut packet = [0; HEADER_LENGTH];
        write_header(&mut packet, false, 8, sequence, 160 * u32::from(sequence), ssrc);
        let header = Header::parse(&packet).unwrap();
        assert!(outgoing.pass(&header, &mut packet, 8000, 0, &mut |_, _| ()));
        Header::parse(&packet).unwrap()
    };
    for (first, ssrc) in [(11, 42), (20, 42), (65_000, 43)] {
        let header = header(first, 0, ssrc);
        outgoing.leave_out(&header);
        let sent = pass(&mut outgoing, first + 1, ssrc);
        assert_eq!(sent.ssrc, 42);
        let block = |ssrc: u32| {
            let words = [ssrc, 0, sent.sequence.into(), 5, 0xaaaa_aaaa, 0xbbbb_bbbb];
            words.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<u8>>()
        };
        let mut packet = [&[0x82, 201, 0, 13, 0, 0, 0, 1][..], &block(42), &block(77)].concat();
        outgoing.hand_on_reports(&mut packet);
        assert_eq!(packet[8..12], ssrc.to_be_bytes());
        assert_eq!(packet[18..20], (first + 1).to_be_bytes());
        assert_eq!(packet[20..32], [0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(packet[32..], block(77), "of another stream");
    }
}

#[test]
fn hostile_packets_cost_no_more_than_themselves() {
    let mut state = 7u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let codecs: Vec<Codec> = Codec::ALL.into_iter().filter(|codec| codec.decoder().is_ok()).collect();
    for _ in 0..200 {
        let codec = codecs[random() as usize % codecs.len()];
        let mut outgoing =
            outgoing(codecs[random() as usize % codecs.len()], random() % 100, Some((101, 8000)));
        let mut sent = 0;
        for _ in 0..10 {
            let payload: Vec<u8> = (0..random() % 1400).map(|_| random() as u8).collect();
            let mut packet = [0; HEADER_LENGTH];
            write_header(&mut packet, false, 0, random() as u16, random() << 8, random() % 3);
            let header = Header::parse(&packet).unwrap();
            let now = u64::from(random()) * 1000;
            let mut emit = |_: &mut [u8; PACKET], _: usize| sent += 1;
            match random() % 8 {
                0 | 1 => {
                    outgoing.event(&header, &payload, [8000, 16_000][random() as usize % 2], now, &mut emit);
                }
                2 => outgoing.leave_out(&header),
                3 => outgoing.rest(),
                4 => {
                    outgoing.pass(&header, &mut packet, 8000, now, &mut emit);
                }
                _ => outgoing.audio(codec, &header, &payload, now, &mut emit),
            }
            let due = outgoing.due_at();
            outgoing.speak(due, &mut emit);
            let _ = outgoing.report(&mut [0; report::LONGEST], || None, due);
            assert!(outgoing.due_at() > due);
        }
        assert!(sent < 10 * 60, "{sent}");
    }
}
