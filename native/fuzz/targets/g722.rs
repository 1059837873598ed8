//! Payloads of G.722.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trunkline_fuzz::decode(trunkline_codecs::Codec::G722, data));
