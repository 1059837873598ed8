//! A payload of telephone-event: what is read is written the same, the reserved bit aside.
#![no_main]

use trunkline_media::dtmf::Event;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(event) = Event::parse(data) {
        assert_eq!(Event::parse(&event.to_bytes()), Some(event));
        let _ = event.digit();
    }
});
