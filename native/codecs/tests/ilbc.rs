//! iLBC against what a network may send: lost, empty, cut and hostile payloads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use trunkline_codecs::{Codec, CodecError, Decoder, Encoder};

const MODES: [Codec; 2] = [Codec::Ilbc { frame_ms: 20 }, Codec::Ilbc { frame_ms: 30 }];

fn speech() -> Vec<i16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/iLBC.INP");
    std::fs::read(path).unwrap().chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn encoded(codec: Codec, pcm: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = codec.encoder().unwrap();
    pcm.chunks_exact(codec.frame_samples())
        .map(|pcm| {
            let mut frame = vec![0; codec.frame_octets()];
            encoder.encode(pcm, &mut frame).unwrap();
            frame
        })
        .collect()
}

/// Some frames of real speech.
fn frames(codec: Codec, count: usize) -> Vec<Vec<u8>> {
    encoded(codec, &speech()[8000..][..count * codec.frame_samples()])
}

fn decoded(decoder: &mut dyn Decoder, payload: &[u8]) -> Vec<i16> {
    let mut pcm = [0; 2000];
    let count = decoder.decode(payload, &mut pcm).unwrap();
    pcm[..count].to_vec()
}

fn energy(pcm: &[i16]) -> f64 {
    pcm.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum()
}

/// A seeded sequence of octets (the linear congruence of Knuth's MMIX).
struct Octets(u64);

impl Octets {
    fn next(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 56) as u8
    }
}

#[test]
fn no_payload_harms_what_comes_after_it() {
    for codec in MODES {
        let speech = frames(codec, 60);
        let mut fresh = codec.decoder().unwrap();
        let wanted: Vec<i16> = speech.iter().flat_map(|frame| decoded(&mut *fresh, frame)).collect();
        let mut octets = Octets(3951);
        let mut decoder = codec.decoder().unwrap();
        for round in 0..6 {
            for at in 0..100 {
                let mut payload: Vec<u8> = (0..codec.frame_octets()).map(|_| octets.next()).collect();
                if at % 4 > 0 {
                    // A frame that does not call itself empty.
                    *payload.last_mut().unwrap() &= 0xfe;
                }
                if at % 10 == round % 10 {
                    decoder.conceal(&mut vec![0; usize::from(octets.next())]);
                }
                decoded(&mut *decoder, &payload);
            }
            let heard: Vec<i16> = speech.iter().flat_map(|frame| decoded(&mut *decoder, frame)).collect();
            let settled = wanted.len() / 2;
            let error: Vec<i16> =
                wanted.iter().zip(&heard).map(|(wanted, heard)| wanted.wrapping_sub(*heard)).collect();
            let ratio = energy(&wanted[settled..]) / energy(&error[settled..]).max(1.0);
            assert!(ratio > 1000.0, "{codec:?}, round {round}: {ratio}");
        }
    }
}

#[test]
fn the_worst_levels_and_filters_stay_finite() {
    for codec in MODES {
        for fill in [0x00, 0x55, 0xaa, 0xfe, 0xff] {
            let mut decoder = codec.decoder().unwrap();
            for start in 0..=0xffu8 {
                let mut payload = vec![fill; codec.frame_octets()];
                payload[usize::from(start) % 6] = start;
                *payload.last_mut().unwrap() &= 0xfe;
                decoded(&mut *decoder, &payload);
            }
            let speech = frames(codec, 40);
            let heard: Vec<i16> = speech.iter().flat_map(|frame| decoded(&mut *decoder, frame)).collect();
            assert!(energy(&heard[heard.len() / 2..]) > 1e6, "{codec:?} {fill:#x}");
        }
    }
}

#[test]
fn a_payload_is_whole_frames_of_one_mode() {
    for codec in MODES {
        let mut decoder = codec.decoder().unwrap();
        let len = codec.frame_octets();
        for wrong in [0, 1, len - 1, len + 1, 38 + 50, 2 * len - 1] {
            let result = decoder.decode(&vec![0; wrong], &mut [0; 2000]);
            assert_eq!(result, Err(CodecError::Malformed), "{wrong} octets");
        }
        let mut small = vec![0; 2 * codec.frame_samples() - 1];
        assert_eq!(decoder.decode(&vec![0; 2 * len], &mut small), Err(CodecError::NoRoom));

        let mut encoder: Box<dyn Encoder> = codec.encoder().unwrap();
        assert_eq!(encoder.encode(&small, &mut [0; 200]), Err(CodecError::PartFrame));
        small.push(0);
        assert_eq!(encoder.encode(&small, &mut vec![0; 2 * len - 1]), Err(CodecError::NoRoom));
        assert_eq!(encoder.encode(&small, &mut [0; 200]), Ok(2 * len));
    }
}

#[test]
fn many_frames_in_a_payload_are_as_many_payloads() {
    for codec in MODES {
        let frames = frames(codec, 8);
        let (mut one, mut other) = (codec.decoder().unwrap(), codec.decoder().unwrap());
        let single: Vec<i16> = frames.iter().flat_map(|frame| decoded(&mut *one, frame)).collect();
        assert_eq!(decoded(&mut *other, &frames.concat()), single);
    }
}

#[test]
fn the_length_of_a_payload_tells_its_mode() {
    // A peer that sends what was not agreed on is understood, and one that comes back to it.
    for [agreed, other] in [MODES, [MODES[1], MODES[0]]] {
        let mut decoder = agreed.decoder().unwrap();
        for codec in [other, agreed, other] {
            let mut alone = codec.decoder().unwrap();
            for frame in frames(codec, 20) {
                assert_eq!(decoded(&mut *decoder, &frame).len(), codec.frame_samples(), "{codec:?}");
                decoded(&mut *alone, &frame);
            }
            let mut lost = [[0; 500]; 2];
            decoder.conceal(&mut lost[0]);
            alone.conceal(&mut lost[1]);
            assert!(lost[0] == lost[1], "{codec:?} after {agreed:?}");
        }
        let both = vec![0; 950];
        let count = decoder.decode(&both, &mut [0; 6000]).unwrap();
        assert_eq!(count, both.len() / other.frame_octets() * other.frame_samples(), "as it was before");
    }
}

/// A steady vowel: the harmonics of 125 Hz, the higher the softer.
fn vowel() -> Vec<i16> {
    let sample = |at: usize| {
        let turn = at as f64 * 125.0 / 8000.0 * std::f64::consts::TAU;
        (1..20).map(|harmonic| 3000.0 / f64::from(harmonic) * (turn * f64::from(harmonic)).cos()).sum::<f64>()
    };
    (0..8000).map(|at| sample(at) as i16).collect()
}

#[test]
fn a_lost_frame_of_a_vowel_is_filled_with_more_of_it() {
    for codec in MODES {
        let frames: Vec<Vec<u8>> = encoded(codec, &vowel());
        let mut whole = codec.decoder().unwrap();
        let wanted: Vec<Vec<i16>> = frames.iter().map(|frame| decoded(&mut *whole, frame)).collect();
        for lost in 10..frames.len() {
            let mut decoder = codec.decoder().unwrap();
            frames[..lost].iter().for_each(|frame| drop(decoded(&mut *decoder, frame)));
            let mut made_up = vec![0; codec.frame_samples()];
            decoder.conceal(&mut made_up);
            let error: Vec<i16> =
                wanted[lost].iter().zip(&made_up).map(|(a, b)| a.wrapping_sub(*b)).collect();
            let share = energy(&error) / energy(&wanted[lost]);
            assert!(share < 0.1, "{codec:?}, frame {lost}: {share:.2}");
        }
    }
}

#[test]
fn a_lost_stretch_is_the_same_in_pieces_and_dies_away() {
    for codec in MODES {
        let frames = frames(codec, 60);
        let mut whole = [0; 2000];
        let mut pieces = whole;
        for (pcm, size) in [(&mut whole, 2000), (&mut pieces, 37)] {
            let mut decoder = codec.decoder().unwrap();
            frames.iter().for_each(|frame| drop(decoded(&mut *decoder, frame)));
            pcm.chunks_mut(size).for_each(|piece| decoder.conceal(piece));
        }
        assert!(whole == pieces);
        assert!(energy(&whole[..160]) > 0.0);
        assert!(whole[1400..].iter().all(|&sample| sample == 0));
    }
}

#[test]
fn an_empty_frame_is_a_lost_one() {
    for codec in MODES {
        let frames = frames(codec, 60);
        let (mut one, mut other) = (codec.decoder().unwrap(), codec.decoder().unwrap());
        for frame in &frames {
            decoded(&mut *one, frame);
            decoded(&mut *other, frame);
        }
        for _ in 0..10 {
            let mut empty = vec![0xff; codec.frame_octets()];
            empty[0] = 0;
            let mut lost = vec![0; codec.frame_samples()];
            one.conceal(&mut lost);
            assert_eq!(decoded(&mut *other, &empty), lost);
        }
    }
}
