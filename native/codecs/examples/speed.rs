//! How long each codec takes for 20 ms of speech: `cargo run --release --example speed`.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for whoever works on the codecs")]

use std::path::Path;
use std::time::{Duration, Instant};

use trunkline_codecs::Codec;

/// Frames are timed in groups, and the fastest of so many rounds counts: others share the machine.
const ROUNDS: usize = 9;

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/iLBC.INP");
    let file = std::fs::read(path).unwrap();
    let narrow: Vec<i16> = file.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
    let mut wide = vec![0; 2 * narrow.len()];
    for (pair, sample) in wide.as_chunks_mut::<2>().0.iter_mut().zip(&narrow) {
        *pair = [*sample; 2];
    }
    for codec in Codec::ALL {
        let speech = if codec.sample_rate() == 8000 { &narrow } else { &wide };
        if let Some([encode, decode]) = timed(codec, speech) {
            println!("{codec:?}: encode {encode:.1} us, decode {decode:.1} us");
        }
    }
}

/// Microseconds that 20 ms take to encode and to decode; nothing for a codec that can't be made.
fn timed(codec: Codec, speech: &[i16]) -> Option<[f64; 2]> {
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        let (mut encoder, mut decoder) = (codec.encoder().ok()?, codec.decoder().ok()?);
        let start = Instant::now();
        let mut payloads = Vec::new();
        for frame in speech.chunks_exact(codec.frame_samples()) {
            let mut payload = [0; 100];
            let len = encoder.encode(frame, &mut payload).ok()?;
            payloads.push((payload, len));
        }
        let between = Instant::now();
        let mut pcm = [0; 400];
        for (payload, len) in &payloads {
            decoder.decode(&payload[..*len], &mut pcm).ok()?;
        }
        best = [best[0].min(between - start), best[1].min(between.elapsed())];
    }
    let stretches = speech.len() as f64 / f64::from(codec.sample_rate() / 50);
    Some(best.map(|time| time.as_secs_f64() * 1e6 / stretches))
}
