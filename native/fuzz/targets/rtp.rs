//! A datagram as RTP: what is announced lies within it.
#![no_main]

use trunkline_media::rtp::{self, Header};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = rtp::kind(data);
    if let Some(header) = Header::parse(data) {
        assert_eq!(rtp::payload_start(data), Some(header.payload_start));
        assert_eq!(data[header.payload_start..header.payload_end].len(), header.payload_length());
    }
});
