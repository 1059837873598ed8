//! A datagram as RTCP: its validity, and the reports in it.
#![no_main]

use trunkline_media::rtcp;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assert!(!rtcp::is_valid(data) || data.len() % 4 == 0);
    let _ = rtcp::sender_report(data);
    let (mut packet, mut reports) = (data.to_vec(), 0);
    rtcp::for_each_report(&mut packet, |report| {
        report[rtcp::HIGHEST..rtcp::HIGHEST + 4].fill(0);
        reports += 1;
    });
    assert!(24 * reports <= data.len());
});
