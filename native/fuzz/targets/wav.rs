//! A recording of the operator's.
#![no_main]

use trunkline_media::wav;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(samples) = wav::decode(data) {
        assert!(!samples.is_empty());
    }
});
