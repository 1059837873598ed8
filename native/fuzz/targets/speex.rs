//! Payloads of Speex.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trunkline_fuzz::decode(trunkline_codecs::Codec::Speex, data));
