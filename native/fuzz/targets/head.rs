//! The head of a SIP message: framing, fields, and the usual forms of what routes it.
#![no_main]

use trunkline_sip::head::{Head, Limits, Name, Names};
use trunkline_sip::routing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let spellings = [(&b"via"[..], 0), (&b"v"[..], 0), (&b"cseq"[..], 1)];
    let names = Names::new(spellings.map(|(name, number)| (name.into(), number)), [(1, "CSeq".to_owned())]);
    let Ok(head) = Head::frame(data, Limits { bytes: 2000, lines: 40 }) else {
        return;
    };
    assert!(head.body_at <= data.len() && data[..head.body_at].ends_with(b"\r\n\r\n"));
    for field in head.fields(&names).unwrap_or_default() {
        assert!(!field.value.contains(&b'\n') && !matches!(field.value, [b' ', ..] | [.., b' ']));
        if let Name::Other(name) = field.name {
            assert!(trunkline_sip::is_token(name) && names.number(name).is_none());
        }
        if let Some(via) = routing::via(field.value, 8) {
            assert!(via.port != Some(0) && via.params.len() < 8);
        }
        let _ = routing::party(field.value);
        assert!(routing::cseq(field.value, 1000).is_none_or(|(number, _)| number <= 1000));
    }
});
