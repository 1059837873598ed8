//! Payloads of iLBC, in both modes: a payload of one reaches the decoder of the other.
#![no_main]

use trunkline_codecs::Codec;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for frame_ms in [20, 30] {
        trunkline_fuzz::decode(Codec::Ilbc { frame_ms }, data);
    }
});
