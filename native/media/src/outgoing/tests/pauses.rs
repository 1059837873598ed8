//! Silence of the far leg, and what comes after it: time goes on, packets don't.

use super::*;

/// The step of timestamps to each packet from `begin` on, and whether it is marked.
fn steps(near: &Near, begin: usize) -> Vec<(u32, bool)> {
    let step = |pair: &[(Header, Vec<u8>)]| {
        (pair[1].0.timestamp.wrapping_sub(pair[0].0.timestamp), pair[1].0.marker)
    };
    near.packets[begin - 1..].windows(2).map(step).collect()
}

#[test]
fn a_pause_of_the_far_end_is_a_pause_of_ours() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 30, None);
    let packets = far.packets(4);
    transcode(&mut outgoing, &far, &packets, &mut near);
    far.timestamp = far.timestamp.wrapping_add(8000);
    let packets = far.packets(3);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert!(near.is_one_stream());
    let marked: Vec<u32> =
        near.packets.iter().filter(|(header, _)| header.marker).map(|(header, _)| header.timestamp).collect();
    assert_eq!(marked.len(), 2);
    // 80 ms said, 90 sent (the begun packet was filled up, out of the second of silence).
    assert_eq!(marked[1].wrapping_sub(marked[0]), 640 + 8000);
}

#[test]
fn time_does_not_run_ahead_over_many_pauses() {
    for given_up in [false, true] {
        let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
        let mut outgoing = outgoing(Codec::Pcma, 60, None);
        let begin = far.timestamp;
        for _ in 0..200 {
            let packets = far.packets(4);
            transcode(&mut outgoing, &far, &packets, &mut near);
            (far.timestamp, far.now) = (far.timestamp.wrapping_add(8000), far.now + 1_000_000);
            if given_up {
                outgoing.speak(far.now - 500_000, &mut |packet, length| near.take(packet, length));
            }
        }
        let last = far.packets(3);
        transcode(&mut outgoing, &far, &last, &mut near);
        let said = last[0].0.timestamp.wrapping_sub(begin);
        let (first, last) = (near.packets[0].0, near.packets[near.packets.len() - 1].0);
        assert_eq!(last.timestamp.wrapping_sub(first.timestamp), said, "{given_up}");
        assert!(near.is_one_stream());
    }
}

#[test]
fn silence_before_another_source_of_the_far_leg_is_a_pause() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    let packets = far.packets(5);
    transcode(&mut outgoing, &far, &packets, &mut near);
    (far.ssrc, far.sequence, far.timestamp) = (43, 9, 77);
    far.now += 2_000_000;
    for _ in 0..2 {
        let packets = far.packets(1);
        transcode(&mut outgoing, &far, &packets, &mut near);
    }
    assert_eq!(steps(&near, 5), [(16_160, true), (160, false)]);
}

#[test]
fn what_is_sent_when_the_far_end_falls_silent_takes_nothing_off_the_pause() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 30, None);
    let packets = far.packets(4);
    transcode(&mut outgoing, &far, &packets, &mut near);
    outgoing.speak(far.now + SILENT_US, &mut |packet, length| near.take(packet, length));
    assert_eq!(near.packets.len(), 3, "the last filled up");
    (far.ssrc, far.sequence, far.timestamp) = (43, 9, 77);
    far.now += 2_000_000;
    let packets = far.packets(2);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert_eq!(steps(&near, 3), [(16_000 + 320, true)]);
}

#[test]
fn what_waited_for_a_missing_packet_takes_nothing_off_the_pause() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    let mut packets = far.packets(4);
    packets.remove(2);
    transcode(&mut outgoing, &far, &packets, &mut near);
    outgoing.speak(far.now + SILENT_US, &mut |packet, length| near.take(packet, length));
    assert_eq!(near.packets.len(), 4);
    (far.ssrc, far.sequence, far.timestamp) = (43, 9, 77);
    far.now += 2_000_000;
    let packets = far.packets(1);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert_eq!(steps(&near, 4), [(16_000 + 160, true)]);
}

#[test]
fn comfort_noise_does_not_keep_the_end_of_a_word_waiting() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 30, None);
    let packets = far.packets(4);
    transcode(&mut outgoing, &far, &packets, &mut near);
    outgoing.leave_out(&header(far.sequence, far.timestamp, far.ssrc));
    assert_eq!(outgoing.due_at(), far.now + SILENT_US);
    outgoing.speak(far.now + SILENT_US, &mut |packet, length| near.take(packet, length));
    assert_eq!(near.packets.len(), 3);
}

#[test]
fn silence_between_a_sound_and_the_far_leg_is_a_pause() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    let tone = Tone { frequencies_hz: vec![425.0], level_dbm0: -10.0, cadence_ms: None };
    outgoing.announce(Sound::tone(&tone), far.now);
    for _ in 0..10 {
        outgoing.speak(far.now, &mut |packet, length| near.take(packet, length));
        far.now += PTIME;
    }
    outgoing.announce(None, far.now);
    far.now += 1_000_000;
    let packets = far.packets(1);
    transcode(&mut outgoing, &far, &packets, &mut near);
    assert!(near.is_one_stream());
    assert_eq!(steps(&near, 10), [(8000 + 320, true)]);
}

#[test]
fn a_sound_that_is_ended_takes_its_time_once() {
    let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
    let mut outgoing = outgoing(Codec::Pcma, 20, None);
    let packets = far.packets(5);
    transcode(&mut outgoing, &far, &packets, &mut near);
    let tone = Tone { frequencies_hz: vec![425.0], level_dbm0: -10.0, cadence_ms: None };
    outgoing.announce(Sound::tone(&tone), far.now + PTIME);
    for _ in 0..50 {
        let packets = far.packets(1);
        transcode(&mut outgoing, &far, &packets, &mut near);
        outgoing.speak(far.now, &mut |packet, length| near.take(packet, length));
    }
    outgoing.announce(None, far.now);
    for _ in 0..2 {
        let packets = far.packets(1);
        transcode(&mut outgoing, &far, &packets, &mut near);
    }
    assert_eq!(near.packets.len(), 5 + 50 + 2);
    assert!(near.is_one_stream());
    assert!(steps(&near, 5).iter().all(|step| step.0 == 160), "{:?}", steps(&near, 5));
}

#[test]
fn silence_before_a_digit_of_ours_is_a_pause() {
    for events in [Some((101, 8000)), None] {
        let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
        let mut outgoing = outgoing(Codec::Pcma, 20, events);
        let packets = far.packets(5);
        transcode(&mut outgoing, &far, &packets, &mut near);
        far.now += PTIME + 2_000_000;
        assert!(outgoing.send_digits("5", 60, far.now).unwrap());
        outgoing.speak(far.now, &mut |packet, length| near.take(packet, length));
        assert_eq!(steps(&near, 5), [(160 + 16_000, true)], "{events:?}");
    }
}

#[test]
fn a_digit_of_ours_in_the_midst_of_audio_takes_its_time_once() {
    for (events, ptime_ms) in [(Some((101, 8000)), 20), (Some((101, 8000)), 30), (None, 20), (None, 30)] {
        let (mut far, mut near) = (Far::new(Codec::Pcmu, 20), Near::default());
        let mut outgoing = outgoing(Codec::Pcma, ptime_ms, events);
        let begin = far.timestamp;
        let mut last = begin;
        for n in 0..100 {
            let packets = far.packets(1);
            last = packets[0].0.timestamp;
            transcode(&mut outgoing, &far, &packets, &mut near);
            if n % 30 == 10 {
                assert!(outgoing.send_digits("5", 100, far.now + PTIME).unwrap());
            }
            outgoing.speak(far.now, &mut |packet, length| near.take(packet, length));
        }
        let (first, latest) = (near.packets[0].0, near.packets[near.packets.len() - 1].0);
        let behind = last.wrapping_sub(begin).wrapping_sub(latest.timestamp.wrapping_sub(first.timestamp));
        assert!(behind <= ptime_ms * 8, "{events:?} in packets of {ptime_ms} ms: {behind} behind");
        assert!(near.is_one_stream());
    }
}
