use std::sync::Arc;

use super::voice::ECHO_DEPTH;
use super::*;
use crate::leg::Flow;
use crate::payload::{Payload, PayloadMap};
use crate::tone::Tone;

const A440: f64 = 440.0;

fn tone() -> Source {
    Source::Tone(Tone { frequencies_hz: vec![A440], level_dbm0: -10.0, cadence_ms: None })
}

fn remote(pairs: &[(u8, u8)], dtmf_payload_type: Option<u8>) -> Remote {
    let payloads = pairs.iter().map(|&(from, to)| Payload { from, to, clock_rate: 8000 }).collect();
    Remote {
        dtmf_payload_type,
        ..Remote::plain("192.0.2.1:4000".parse().unwrap(), Flow::Both, PayloadMap::new(payloads).unwrap())
    }
}

fn in_format(codec: Codec, ptime_ms: u32) -> Remote {
    let format = Format { payload_type: 97, codec, ptime_ms };
    Remote { hears: vec![format], speaks: Some(format), ..remote(&[], None) }
}

fn terminal(source: Source, record_samples: usize) -> Terminal {
    let plan =
        TerminalPlan { source, listen_for: vec![A440, 1000.0], record_samples, seed: 0x1234_5678_9abc_def0 };
    let mut terminal = Terminal::new(plan, 0).unwrap();
    assert!(terminal.set_remote(&remote(&[(8, 8), (101, 96)], Some(101))));
    terminal
}

/// Runs `speaker` for `count` moments; the packets it sent.
fn speech(speaker: &mut Terminal, count: u64) -> Vec<(Header, Vec<u8>)> {
    let start = speaker.next_at();
    (0..count)
        .filter_map(|n| {
            let mut packet = [0; 600];
            let length = speaker.speak(start + n * PTIME_US, &mut packet).length;
            (length > 0).then(|| (Header::parse(&packet[..length]).unwrap(), packet[..length].to_vec()))
        })
        .collect()
}

fn converse(speaker: &mut Terminal, listener: &mut Terminal, count: u64) {
    for (header, packet) in speech(speaker, count) {
        listener.hear(&header, &packet, (header.payload_type == 96).then_some(8000), 0);
    }
}

#[test]
fn a_tone_said_is_a_tone_heard() {
    let (mut speaker, mut listener) = (terminal(tone(), 0), terminal(Source::Silence, 0));
    converse(&mut speaker, &mut listener, 50);
    let heard = listener.heard();
    assert_eq!((heard[0].duration_ms, heard[1].duration_ms), (1000, 0));
    assert!((heard[0].level_dbm0.unwrap() + 10.0).abs() < 0.5);
}

#[test]
fn a_tone_is_heard_in_every_codec() {
    for codec in Codec::ALL.into_iter().filter(|codec| codec.encoder().is_ok()) {
        for ptime_ms in [20, 30, 60] {
            let (mut speaker, mut listener) = (terminal(tone(), 0), terminal(Source::Silence, 0));
            assert!(speaker.set_remote(&in_format(codec, ptime_ms)));
            assert!(listener.set_remote(&in_format(codec, ptime_ms)));
            converse(&mut speaker, &mut listener, 60);
            let heard = listener.heard()[0].duration_ms;
            assert!(heard >= 1000, "{codec:?} {ptime_ms}: {heard} ms");
        }
    }
}

#[test]
fn speech_is_paced_and_in_sequence() {
    let mut speaker = terminal(Source::Silence, 0);
    assert_eq!(speaker.speak(0, &mut [0; 256]).length, HEADER_LENGTH + STEP);
    assert_eq!(speaker.speak(PTIME_US - 1, &mut [0; 256]).length, 0);
    let packets = speech(&mut speaker, 3);
    for pair in packets.windows(2) {
        assert_eq!(pair[1].0.sequence, pair[0].0.sequence.wrapping_add(1));
        assert_eq!(pair[1].0.timestamp, pair[0].0.timestamp.wrapping_add(160));
    }
    assert!(packets[0].1[HEADER_LENGTH..].iter().all(|&octet| octet == 0xd5));
}

#[test]
fn moments_missed_are_skipped_not_sent_in_a_burst() {
    let mut speaker = terminal(Source::Silence, 0);
    let before = speech(&mut speaker, 1)[0].0;
    let mut packet = [0; 600];
    let late = PTIME_US * 500;
    let length = speaker.speak(late, &mut packet).length;
    let after = Header::parse(&packet[..length]).unwrap();
    assert!(speaker.next_at() + PTIME_US > late);
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    let step = after.timestamp.wrapping_sub(before.timestamp) / 160;
    assert!(step > 490);
    assert_eq!(speaker.missed(), u64::from(step) - 1, "and counted");
}

#[test]
fn digits_go_between_audio_and_are_heard_once() {
    let (mut speaker, mut listener) = (terminal(tone(), 0), terminal(Source::Silence, 0));
    assert_eq!(speaker.send_digits("12#", 100), Ok(true));
    converse(&mut speaker, &mut listener, 100);
    assert_eq!(listener.digits(), "12#");
    assert!(listener.heard()[0].duration_ms > 500);
}

#[test]
fn a_peer_without_telephone_event_gets_no_digits() {
    let mut speaker = terminal(Source::Silence, 0);
    assert!(speaker.set_remote(&remote(&[(0, 0)], None)));
    assert_eq!(speaker.send_digits("1", 100), Ok(false));
    assert!(speech(&mut speaker, 5).iter().all(|(header, _)| header.payload_type == 0));
}

#[test]
fn without_g711_it_stays_mute() {
    let mut speaker = terminal(tone(), 0);
    assert!(!speaker.set_remote(&remote(&[(18, 18)], None)));
    assert!(speech(&mut speaker, 5).is_empty());
}

#[test]
fn a_file_is_played_once_or_over_and_over() {
    let samples: Arc<[i16]> = vec![8000; 400].into();
    let mut once = terminal(Source::Samples { samples: Arc::clone(&samples), repeat: false }, 0);
    let mut packet = [0; 600];
    let ends: Vec<bool> = (0..4).map(|n| once.speak(n * PTIME_US, &mut packet).ended).collect();
    assert_eq!(ends, [false, false, true, false]);
    let mut listener = terminal(Source::Silence, 10_000);
    let mut again = terminal(Source::Samples { samples, repeat: true }, 0);
    converse(&mut again, &mut listener, 10);
    let recording = listener.take_recording();
    assert_eq!(recording.len(), 1600);
    assert!(recording.iter().all(|&sample| (sample - 8000).abs() < 300));
}

#[test]
fn an_echo_says_what_it_hears_and_nothing_else() {
    let (mut speaker, mut echo) = (terminal(tone(), 0), terminal(Source::Echo, 0));
    assert!(speech(&mut echo, 3).is_empty());
    let said = speech(&mut speaker, 3);
    for (header, packet) in &said {
        echo.hear(header, packet, None, 0);
    }
    let echoed = speech(&mut echo, 5);
    assert_eq!(echoed.len(), 3);
    assert!(said.iter().zip(&echoed).all(|(said, echoed)| said.1[12..] == echoed.1[12..]));
    assert_ne!(said[0].0.ssrc, 0);
    assert!(echoed[0].0.marker && !echoed[1].0.marker);
}

#[test]
fn an_echo_holds_little() {
    let (mut speaker, mut echo) = (terminal(tone(), 0), terminal(Source::Echo, 0));
    converse(&mut speaker, &mut echo, 100);
    assert_eq!(speech(&mut echo, 100).len(), ECHO_DEPTH);
}

#[test]
fn recording_keeps_the_time_line() {
    let mut speaker = terminal(tone(), 0);
    let mut listener = terminal(Source::Silence, 5 * STEP);
    let said = speech(&mut speaker, 8);
    for index in [0, 2, 1, 2, 3] {
        listener.hear(&said[index].0, &said[index].1, None, 0);
    }
    let recording = listener.take_recording();
    assert_eq!(recording.len(), 4 * STEP, "the late one's moment is silence, the duplicate adds nothing");
    assert!(recording[STEP..2 * STEP].iter().all(|&sample| sample == 0));
    for index in [4, 5, 6, 7] {
        listener.hear(&said[index].0, &said[index].1, None, 0);
    }
    assert_eq!(listener.take_recording().len(), 4 * STEP, "after taking, it goes on");
}

#[test]
fn recording_is_bounded() {
    let (mut speaker, mut listener) = (terminal(tone(), 0), terminal(Source::Silence, 1000));
    converse(&mut speaker, &mut listener, 100);
    assert_eq!(listener.take_recording().len(), 1000);
}

#[test]
fn impossible_tones_are_refused() {
    let plan = |source, listen_for| TerminalPlan { source, listen_for, record_samples: 0, seed: 1 };
    let silly = Source::Tone(Tone { frequencies_hz: vec![], level_dbm0: 0.0, cadence_ms: None });
    assert!(Terminal::new(plan(silly.clone(), vec![]), 0).is_err());
    assert!(Terminal::new(plan(Source::Echo, vec![1.0]), 0).is_err());
    assert!(terminal(Source::Silence, 0).play(silly).is_err());
}
