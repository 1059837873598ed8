//! A datagram as RTCP.
#![no_main]

use trunkline_media::rtcp;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assert!(!rtcp::is_valid(data) || data.len().is_multiple_of(4));
});
