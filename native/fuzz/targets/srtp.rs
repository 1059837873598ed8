//! A datagram as SRTP: refused and left as it was, unless it is one that we have protected ourselves.
#![no_main]

use trunkline_media::rtp::MAX_PACKET;
use trunkline_media::srtp::{KEY_AND_SALT_LENGTH, MasterKey, SrtpIn, SrtpOut};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for mki in [&b"mki"[..], b""] {
        let Ok(key) = MasterKey::new(&[7; KEY_AND_SALT_LENGTH], mki) else {
            return;
        };
        let mut foreign = data.to_vec();
        assert!(SrtpIn::new(key).unprotect_rtp(&mut foreign).is_err());
        assert_eq!(foreign, data);
    }
    round(data);
});

fn round(data: &[u8]) {
    let Ok(key) = MasterKey::new(&[7; KEY_AND_SALT_LENGTH], b"") else {
        return;
    };
    // A sequence number may be moved, away from its first turnover.
    let same = 4..data.len();
    let mut ours = data.to_vec();
    ours.resize(data.len() + MAX_PACKET, 0);
    if let Ok(length) = SrtpOut::new(key.clone()).protect_rtp(&mut ours, data.len()) {
        assert_eq!(SrtpIn::new(key).unprotect_rtp(&mut ours[..length]), Ok(data.len()));
        assert_eq!(ours[same.clone()], data[same]);
    }
}
