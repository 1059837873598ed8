//! The codecs against the vectors of their standards (`data/ORIGIN.md`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use trunkline_codecs::Codec;

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn samples(name: &str) -> Vec<i16> {
    read(name).chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn decoded(codec: Codec, frames: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = codec.decoder().unwrap();
    let mut pcm = Vec::new();
    let mut room = [0; 2000];
    for frame in frames {
        let count = decoder.decode(frame, &mut room).unwrap();
        pcm.extend_from_slice(&room[..count]);
    }
    pcm
}

fn encoded(codec: Codec, pcm: &[i16], frame: usize) -> Vec<Vec<u8>> {
    let mut encoder = codec.encoder().unwrap();
    pcm.chunks_exact(frame)
        .map(|frame| {
            let mut payload = [0; 500];
            let count = encoder.encode(frame, &mut payload).unwrap();
            payload[..count].to_vec()
        })
        .collect()
}

/// Signal to noise in dB of `heard` against `wanted`.
fn snr(wanted: &[i16], heard: &[i16]) -> f64 {
    let power = |value: f64| value * value;
    let signal: f64 = wanted.iter().map(|&sample| power(f64::from(sample))).sum();
    let noise: f64 = wanted.iter().zip(heard).map(|(&a, &b)| power(f64::from(a) - f64::from(b))).sum();
    10.0 * (signal / noise.max(1.0)).log10()
}

/// The best of [`snr`] over segments of 20 ms, averaged over those that are not silence, at the best delay up to `most`.
fn segmental(wanted: &[i16], heard: &[i16], most: usize) -> f64 {
    (0..=most)
        .map(|delay| {
            let pairs = wanted.chunks(160).zip(heard[delay..].chunks(160));
            let loud = pairs.filter(|(wanted, heard)| {
                wanted.len() == heard.len() && wanted.iter().any(|sample| sample.unsigned_abs() > 500)
            });
            let (sum, count) =
                loud.fold((0.0, 0), |(sum, count), (a, b)| (sum + snr(a, b).clamp(-10.0, 35.0), count + 1));
            sum / f64::from(count.max(1))
        })
        .fold(f64::MIN, f64::max)
}

#[test]
fn g722_encodes_and_decodes_exactly() {
    // The file holds the octets in words of 16 bits, the later one first.
    let code: Vec<u8> = read("codsp.cod").chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]).collect();
    let encoded: Vec<u8> = encoded(Codec::G722, &samples("inpsp.bin"), 320).concat();
    assert!(
        encoded == code[..encoded.len()],
        "octet {:?}",
        encoded.iter().zip(&code).position(|(a, b)| a != b)
    );
    assert!(code.len() - encoded.len() < 160);
    let frames: Vec<Vec<u8>> = code.chunks(160).map(<[u8]>::to_vec).collect();
    assert!(decoded(Codec::G722, &frames) == samples("outsp1.bin"));
}

/// The ITU-T's serial form: a sync word, a length, then a word for each bit.
fn serial(name: &str) -> Vec<Vec<u8>> {
    let words: Vec<u16> =
        read(name).chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    words
        .chunks_exact(82)
        .map(|frame| {
            assert_eq!((frame[0], frame[1]), (0x6b21, 80));
            frame[2..]
                .chunks(8)
                .map(|bits| bits.iter().fold(0, |octet, &bit| octet << 1 | u8::from(bit == 0x81)))
                .collect()
        })
        .collect()
}

#[test]
fn g729_decodes_as_its_annex_a() {
    for name in ["ALGTHM", "FIXED", "SPEECH"] {
        let heard = decoded(Codec::G729, &serial(&format!("{name}.BIT")));
        let wanted = samples(&format!("{name}.PST"));
        assert_eq!(heard.len(), wanted.len());
        assert!(snr(&wanted, &heard) >= 24.0, "{name}: {:.1} dB", snr(&wanted, &heard));
    }
}

#[test]
fn g729_encodes_what_its_reference_would_understand() {
    let input = samples("SPEECH.IN");
    let ours = decoded(Codec::G729, &encoded(Codec::G729, &input, 80));
    let theirs = segmental(&input, &samples("SPEECH.PST"), 80);
    let own = segmental(&input, &ours, 80);
    assert!(own >= theirs - 0.5, "{own:.2} dB against the reference's {theirs:.2}");
}

const ILBC: Codec = Codec::Ilbc { frame_ms: 20 };

#[test]
fn ilbc_decodes_as_its_reference() {
    let frames: Vec<Vec<u8>> = read("iLBC_20ms.BIT").chunks(38).map(<[u8]>::to_vec).collect();
    let wanted = samples("iLBC_20ms_clean.OUT");
    let heard = decoded(ILBC, &frames);
    assert_eq!(heard.len(), wanted.len());
    assert!(snr(&wanted, &heard) >= 40.0, "{:.1} dB", snr(&wanted, &heard));
}

#[test]
fn ilbc_encodes_as_its_reference() {
    let input = samples("iLBC.INP");
    let ours = encoded(ILBC, &input, 160);
    let theirs = read("iLBC_20ms.BIT");
    let equal = ours.iter().zip(theirs.chunks(38)).filter(|(ours, theirs)| ours == theirs).count();
    assert!(
        equal >= 465,
        "{equal} of {} frames are the reference's, the others differ by more than rounding",
        ours.len()
    );
    let theirs = segmental(&input, &samples("iLBC_20ms_clean.OUT"), 80);
    let own = segmental(&input, &decoded(ILBC, &ours), 80);
    assert!(own >= theirs - 0.1, "{own:.2} dB against the reference's {theirs:.2}");
}

#[test]
fn ilbc_of_30_ms_is_about_as_good() {
    let input = samples("iLBC.INP");
    let [short, long] = [(20, 80), (30, 120)].map(|(frame_ms, delay)| {
        let codec = Codec::Ilbc { frame_ms };
        segmental(&input, &decoded(codec, &encoded(codec, &input, codec.frame_samples())), delay)
    });
    assert!(long >= short - 0.5, "{long:.2} dB against {short:.2} of 20 ms");
}
