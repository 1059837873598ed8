//! Payloads of G.711, in either law.
#![no_main]

use trunkline_codecs::Codec;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    trunkline_fuzz::decode(Codec::Pcma, data);
    trunkline_fuzz::decode(Codec::Pcmu, data);
});
