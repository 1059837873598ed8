//! Telephone-events of the far leg, in the midst of its audio.

use super::*;
use crate::dtmf::tones::{DigitDetector, ended};

/// Packets of a digit of 100 ms beginning at the far leg's present timestamp.
fn digit(far: &mut Far, code: u8, clock_rate: u32) -> Vec<(Header, Vec<u8>)> {
    let step = (clock_rate / 50) as u16;
    let durations = [1, 2, 3, 4, 5, 5, 5].map(|n| n * step);
    let packets = durations.into_iter().enumerate().map(|(n, duration)| {
        let mut packet = vec![0; HEADER_LENGTH + EVENT_LENGTH];
        write_header(&mut packet, n == 0, 101, far.sequence, far.timestamp, 42);
        far.sequence = far.sequence.wrapping_add(1);
        let event = Event { code, end: n >= 4, volume: 10, duration };
        packet[HEADER_LENGTH..].copy_from_slice(&event.to_bytes());
        (Header::parse(&packet).unwrap(), packet)
    });
    let packets = packets.collect();
    far.timestamp = far.timestamp.wrapping_add(5 * far.codec.clock_rate() / 50);
    packets
}

fn play_digits(
    outgoing: &mut Outgoing,
    far: &mut Far,
    near: &mut Near,
    clock_rate: u32,
    lost: fn(usize) -> bool,
) {
    let mut index = 0;
    for code in [1, 9, 11] {
        let packets = far.packets(5);
        transcode(outgoing, far, &packets, near);
        for (header, packet) in digit(far, code, clock_rate) {
            far.now += PTIME;
            index += 1;
            if !lost(index) {
                outgoing.event(
                    &header,
                    &packet[HEADER_LENGTH..],
                    clock_rate,
                    far.now,
                    &mut |packet, length| {
                        near.take(packet, length);
                    },
                );
            }
        }
    }
    let packets = far.packets(10);
    transcode(outgoing, far, &packets, near);
}

#[test]
fn digits_keep_their_place_between_clocks() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::G722, 20, Some((96, 16_000)));
    play_digits(&mut outgoing, &mut far, &mut near, 8000, |_| false);
    assert!(near.is_one_stream());
    assert_eq!(near.digits(96), "19#");
    let events: Vec<&(Header, Vec<u8>)> =
        near.packets.iter().filter(|(header, _)| header.payload_type == 96).collect();
    assert_eq!(events.iter().filter(|(header, _)| header.marker).count(), 3);
    let ends: Vec<Event> = events
        .iter()
        .filter_map(|(header, packet)| Event::parse(&packet[header.payload_start..]))
        .filter(|event| event.end)
        .collect();
    assert_eq!(ends.len(), 9);
    assert!(ends.iter().all(|end| end.duration == 1600));
    let audio_after = near.packets.last().unwrap().0.timestamp;
    let audio_first = near.packets[0].0.timestamp;
    assert_eq!(
        audio_after.wrapping_sub(audio_first),
        (5 + 5) * 3 * 160 + 9 * 160,
        "time went on through the digits"
    );
}

#[test]
fn digits_survive_loss_once_each() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, Some((101, 8000)));
    // The beginning of the first, all ends of the second, the middle of the third.
    play_digits(&mut outgoing, &mut far, &mut near, 8000, |n| matches!(n, 1 | 12..=14 | 17));
    assert!(near.is_one_stream());
    assert_eq!(near.digits(101), "19#");
    let ends = near.packets.iter().filter(|(header, packet)| {
        header.payload_type == 101 && Event::parse(&packet[header.payload_start..]).unwrap().end
    });
    assert_eq!(ends.count(), 9);
}

#[test]
fn a_peer_without_events_hears_the_digits() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    play_digits(&mut outgoing, &mut far, &mut near, 8000, |n| matches!(n, 2 | 9));
    assert!(near.is_one_stream());
    let (mut detector, mut heard) = (DigitDetector::default(), Vec::new());
    let mut decoder = Codec::Pcma.decoder().unwrap();
    for (header, packet) in &near.packets {
        let mut pcm = [0; 2000];
        let count = decoder.decode(&packet[header.payload_start..], &mut pcm).unwrap();
        detector.feed(&pcm[..count], &mut |sign, _| heard.extend(ended(sign).map(|digit| digit.code)));
    }
    assert_eq!(heard, [1, 9, 11]);
    let span = near.packets.last().unwrap().0.timestamp.wrapping_sub(near.packets[0].0.timestamp);
    assert_eq!(span, (5 + 5) * 3 * 160 + 9 * 160, "the digits' time counts once");
}

#[test]
fn digits_in_a_pause_sound_where_they_stand_in_it() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 30, None);
    let packets = far.packets(4);
    transcode(&mut outgoing, &far, &packets, &mut near);
    for code in [1, 9] {
        far.timestamp = far.timestamp.wrapping_add(8000);
        for (header, packet) in digit(&mut far, code, 8000) {
            let payload = &packet[HEADER_LENGTH..];
            outgoing.event(&header, payload, 8000, far.now, &mut |packet, length| near.take(packet, length));
        }
    }
    far.timestamp = far.timestamp.wrapping_add(8000);
    let packets = far.packets(3);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert!(near.is_one_stream());
    let marked: Vec<u32> =
        near.packets.iter().filter(|(header, _)| header.marker).map(|(header, _)| header.timestamp).collect();
    let steps: Vec<u32> = marked.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    assert_eq!(
        steps,
        [640 + 8000, 800 + 8000, 800 + 8000],
        "four packets, two digits of 100 ms, three pauses"
    );
}

#[test]
fn digits_in_one_pause_are_each_their_own_though_their_clock_is_not_the_audios() {
    let (mut far, mut near) = (Far::new(Codec::Speex, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, Some((101, 8000)));
    let packets = far.packets(4);
    transcode(&mut outgoing, &far, &packets, &mut near);
    for code in [1, 1] {
        (far.timestamp, far.now) = (far.timestamp.wrapping_add(16_000), far.now + 1_000_000);
        for (header, packet) in digit(&mut far, code, 8000) {
            let payload = &packet[HEADER_LENGTH..];
            outgoing.event(&header, payload, 8000, far.now, &mut |packet, length| near.take(packet, length));
        }
    }
    assert_eq!(near.digits(101), "11");
    let mut begins: Vec<u32> = near.events(101).iter().map(|(header, _)| header.timestamp).collect();
    begins.dedup();
    assert_eq!(begins.len(), 2);
    assert_eq!(begins[1].wrapping_sub(begins[0]), 8000);
}

#[test]
fn a_digit_right_behind_a_word_sounds_right_behind_it() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 30, None);
    let packets = far.packets(4);
    transcode(&mut outgoing, &far, &packets, &mut near);
    for (header, packet) in digit(&mut far, 1, 8000) {
        let payload = &packet[HEADER_LENGTH..];
        outgoing.event(&header, payload, 8000, far.now, &mut |packet, length| near.take(packet, length));
    }
    assert_eq!(near.packets.len(), 6, "80 ms and 100 ms");
    assert_eq!(near.packets.iter().filter(|(header, _)| header.marker).count(), 1);
}

/// Packets of an event that begins now, or began at a timestamp: durations, and whether it ends.
fn event_packets(
    far: &mut Far,
    timestamp: Option<u32>,
    durations: &[(u16, bool)],
) -> Vec<(Header, [u8; EVENT_LENGTH])> {
    let timestamp = timestamp.unwrap_or(far.timestamp);
    let packet = |&(duration, end): &(u16, bool)| {
        let mut packet = [0; HEADER_LENGTH];
        write_header(&mut packet, duration == 160, 101, far.sequence, timestamp, far.ssrc);
        far.sequence = far.sequence.wrapping_add(1);
        (Header::parse(&packet).unwrap(), Event { code: 5, end, volume: 10, duration }.to_bytes())
    };
    durations.iter().map(packet).collect()
}

fn take_events(
    outgoing: &mut Outgoing,
    far: &mut Far,
    packets: &[(Header, [u8; EVENT_LENGTH])],
    near: &mut Near,
) {
    for (header, payload) in packets {
        far.now += PTIME;
        outgoing.event(header, payload, 8000, far.now, &mut |packet, length| near.take(packet, length));
    }
}

#[test]
fn an_event_whose_ends_were_lost_ends_though_nothing_follows_it() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, Some((101, 8000)));
    let packets = far.packets(3);
    transcode(&mut outgoing, &far, &packets, &mut near);
    let report_at = outgoing.due_at();
    assert!(report_at > far.now + SILENT_US, "nothing waits");
    let packets = event_packets(&mut far, None, &[(160, false), (320, false)]);
    take_events(&mut outgoing, &mut far, &packets, &mut near);
    let due = outgoing.due_at();
    let mut speak = |outgoing: &mut Outgoing, now| {
        outgoing.speak(now, &mut |packet, length| near.take(packet, length));
    };
    speak(&mut outgoing, due - 1);
    speak(&mut outgoing, due);
    assert_eq!(outgoing.due_at(), report_at);
    let events = near.events(101);
    assert_eq!(
        events.iter().map(|(_, event)| event.end).collect::<Vec<_>>(),
        [false, false, true, true, true]
    );
    assert_eq!(events.last().unwrap().1.duration, 320);
    assert!(near.is_one_stream());
}

#[test]
fn a_lost_end_mutes_no_audio_that_shows_the_event_to_be_over() {
    for events in [Some((101, 8000)), None] {
        let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
        let mut outgoing = outgoing(Codec::Pcma, 20, events);
        let packets = far.packets(3);
        transcode(&mut outgoing, &far, &packets, &mut near);
        let packets = event_packets(&mut far, None, &[(160, false), (320, false)]);
        take_events(&mut outgoing, &mut far, &packets, &mut near);
        // Its three ends are lost; 480 was its duration.
        far.sequence = far.sequence.wrapping_add(3);
        far.timestamp = far.timestamp.wrapping_add(480);
        let before = near.packets.len();
        let packets = far.packets(2);
        transcode(&mut outgoing, &far, &packets, &mut near);
        let ends = near.events(101).iter().filter(|(_, event)| event.end).count();
        assert_eq!(ends, if events.is_some() { 3 } else { 0 });
        assert_eq!(
            near.packets.len() - before,
            ends + 2,
            "{events:?}: the audio is heard, and nothing made up before it"
        );
        assert!(near.is_one_stream());
    }
}

#[test]
fn audio_beside_an_event_is_left_out_until_the_event_ends() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, Some((101, 8000)));
    let begin = far.timestamp;
    for duration in (160..=1600).step_by(160) {
        let packets = event_packets(&mut far, Some(begin), &[(duration, duration == 1600)]);
        let audio = far.packets(1);
        // Two updates in a row are lost.
        if !(800..=960).contains(&duration) {
            take_events(&mut outgoing, &mut far, &packets, &mut near);
        }
        transcode(&mut outgoing, &far, &audio, &mut near);
    }
    assert_eq!(near.digits(101), "5");
    assert_eq!(near.events(101).last().unwrap().1.duration, 1600);
    let audio = near.packets.iter().filter(|(header, _)| header.payload_type == 8).count();
    assert_eq!(audio, 0, "packets of audio");
}

#[test]
fn audio_that_waits_goes_before_the_event_that_follows_it() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, Some((101, 8000)));
    let mut packets = far.packets(4);
    packets.remove(2);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert_eq!(near.packets.len(), 2, "the last waits for the third");
    let packets = event_packets(&mut far, None, &[(160, false)]);
    take_events(&mut outgoing, &mut far, &packets, &mut near);
    let kinds: Vec<u8> = near.packets.iter().map(|(header, _)| header.payload_type).collect();
    assert_eq!(kinds, [8, 8, 8, 8, 101]);
}

#[test]
fn a_press_longer_than_a_segment_is_one_event_to_a_peer_of_another_clock() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Speex, 20, Some((96, 16_000)));
    let begin = far.timestamp;
    let growing =
        |until: u16| (160..=until).step_by(160).map(|duration| (duration, false)).collect::<Vec<_>>();
    let first = [&growing(65_440)[..], &[(0xffff, false)]].concat();
    let packets = event_packets(&mut far, Some(begin), &first);
    take_events(&mut outgoing, &mut far, &packets, &mut near);
    let second = [&growing(14_400)[..], &[(14_465, true); 3]].concat();
    let mut packets = event_packets(&mut far, Some(begin.wrapping_add(0xffff)), &second);
    packets[0].0.marker = false;
    take_events(&mut outgoing, &mut far, &packets, &mut near);
    assert_eq!(near.digits(96), "5");
    let events = near.events(96);
    assert_eq!(events.iter().filter(|(header, _)| header.marker).count(), 1);
    assert_eq!(events.iter().filter(|(_, event)| event.end).count(), 3);
    let (last, end) = events.last().unwrap();
    let total = last.timestamp.wrapping_sub(events[0].0.timestamp) + u32::from(end.duration);
    assert_eq!(total, 160_000, "ten seconds at 16 kHz, in segments of 4.1");
    let whole = events.iter().filter(|(_, event)| event.duration == 0xffff).count();
    assert_eq!(whole, 3 + 1, "the second ends with the far leg's, which is said as often as it came");
}

/// A number generator that tests can repeat.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What a sender of events does.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// It sends the audio of the time of an event too.
    beside_audio: bool,
    /// Its three packets of end go at once.
    ends_at_once: bool,
    /// Packets lost out of a hundred.
    loss: u64,
}

/// Presses keys, each so many times 20 ms, and says a tone between them; what the peer was told of each: code, ticks.
fn pressed(keys: &[(u8, u32)], manner: Manner, clock_rate: u32, random: &mut Random) -> Vec<(u8, u32)> {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, Some((101, clock_rate)));
    let mut packets: Vec<(Header, Option<Event>, Vec<u8>)> = Vec::new();
    let audio =
        |far: &mut Far, count| far.packets(count).into_iter().map(|(header, packet)| (header, None, packet));
    for &(code, steps) in keys {
        packets.extend(audio(&mut far, 6));
        let begin = far.timestamp;
        for step in 1..=steps + 2 {
            let ticks = 160 * step.min(steps);
            let segment = (ticks - 1) / 0xffff;
            let event =
                Event { code, end: step >= steps, volume: 10, duration: (ticks - segment * 0xffff) as u16 };
            let mut packet = [0; HEADER_LENGTH];
            write_header(
                &mut packet,
                step == 1,
                101,
                far.sequence,
                begin.wrapping_add(segment * 0xffff),
                far.ssrc,
            );
            far.sequence = far.sequence.wrapping_add(1);
            packets.push((Header::parse(&packet).unwrap(), Some(event), Vec::new()));
            if manner.beside_audio {
                packets.extend(audio(&mut far, 1));
            } else if step <= steps || !manner.ends_at_once {
                far.timestamp = far.timestamp.wrapping_add(160);
            }
        }
    }
    packets.extend(audio(&mut far, 20));
    let mut now = 0;
    for (header, event, packet) in packets {
        now += PTIME / if manner.beside_audio { 2 } else { 1 };
        if random.below(100) < manner.loss {
            continue;
        }
        let mut emit = |packet: &mut [u8; PACKET], length: usize| near.take(packet, length);
        outgoing.speak(now, &mut emit);
        match event {
            Some(event) => outgoing.event(&header, &event.to_bytes(), 8000, now, &mut emit),
            None => outgoing.audio(far.codec, &header, &packet[header.payload_start..], now, &mut emit),
        }
    }
    assert!(near.is_one_stream());
    let (mut following, mut told) = (crate::dtmf::following::Following::default(), Vec::<(u8, u32)>::new());
    for (header, event) in near.events(101) {
        let Some(progress) = following.take(&header, event, clock_rate, 0) else {
            continue;
        };
        if progress.begins {
            told.push((progress.code, 0));
        }
        told.last_mut().unwrap().1 = progress.ticks as u32;
    }
    told
}

#[test]
fn no_digit_is_lost_doubled_or_mistimed_under_loss() {
    let mut random = Random(3);
    for round in 0..60u64 {
        let manner = Manner {
            beside_audio: round % 2 == 0,
            ends_at_once: round % 3 == 0,
            loss: [0, 5, 10][round as usize % 3],
        };
        let clock_rate = if round % 4 < 2 { 8000 } else { 16_000 };
        let keys: Vec<(u8, u32)> = (0..8)
            .map(|n| {
                (
                    random.below(16) as u8,
                    if n == 7 { 400 + random.below(500) } else { 5 + random.below(20) } as u32,
                )
            })
            .collect();
        let told = pressed(&keys, manner, clock_rate, &mut random);
        let codes: Vec<u8> = told.iter().map(|told| told.0).collect();
        assert_eq!(codes, keys.iter().map(|key| key.0).collect::<Vec<_>>(), "{round}: {manner:?}");
        for (&(_, ticks), &(_, steps)) in told.iter().zip(&keys) {
            let steps_told = (ticks + clock_rate / 100) / (clock_rate / 50);
            // As many updates short as were lost at the end, and none when nothing was.
            let short = steps - steps_told.min(steps);
            assert!(
                steps_told <= steps && short <= if manner.loss == 0 { 0 } else { 3 },
                "{round}: {short} of {steps} short, {manner:?}"
            );
        }
    }
}

#[test]
fn digits_of_a_far_leg_that_says_nothing_else_are_each_their_own() {
    for (events, clock_rate) in [(Some((101, 8000)), 8000), (Some((96, 16_000)), 16_000)] {
        let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
        let mut outgoing = outgoing(if clock_rate == 8000 { Codec::G729 } else { Codec::Speex }, 20, events);
        for code in [1, 9, 11] {
            far.now += 3 * PTIME;
            far.timestamp = far.timestamp.wrapping_add(3 * 160);
            for (header, packet) in digit(&mut far, code, 8000) {
                far.now += PTIME;
                let payload = &packet[HEADER_LENGTH..];
                outgoing
                    .event(&header, payload, 8000, far.now, &mut |packet, length| near.take(packet, length));
            }
        }
        let told = near.events(events.unwrap().0);
        let mut begins: Vec<u32> = told.iter().map(|(header, _)| header.timestamp).collect();
        begins.dedup();
        let apart: Vec<u32> = begins.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        assert_eq!(apart, [clock_rate / 5; 2], "100 ms of a digit, 40 of its end again, and 60 of nothing");
        assert_eq!(near.events(events.unwrap().0).iter().filter(|(_, event)| event.end).count(), 9);
        assert!(near.is_one_stream());
        let packets = far.packets(1);
        transcode(&mut outgoing, &far, &packets, &mut near);
        let audio = near.packets.last().unwrap().0.timestamp;
        assert_eq!(audio.wrapping_sub(begins[2]), clock_rate / 50 * 7, "and audio comes behind all of them");
    }
}
