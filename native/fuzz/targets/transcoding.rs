//! A stream in one codec, with events and a change of codec in it, sent on in another: order, loss, pauses, decoding,
//! encoding, passing, leaving out, reports.
#![no_main]

use trunkline_fuzz::{codec, rtp};
use trunkline_media::format::{EventFormat, Format};
use trunkline_media::outgoing::Outgoing;
use trunkline_media::rtcp::report::LONGEST;
use trunkline_media::rtp::{HEADER_LENGTH, Header};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [from, to, ptime_ms, stream @ ..] = data else {
        return;
    };
    let mut outgoing = Outgoing::new(None, 1, 0);
    let speaks = Format { payload_type: 96, codec: codec(*to), ptime_ms: u32::from(*ptime_ms) };
    let events = EventFormat { payload_type: 101, clock_rate: 8000 };
    outgoing.set_formats(Some(speaks), (from & 0x80 != 0).then_some(events));
    for (place, (header, payload)) in rtp(stream).enumerate() {
        let now = 20_000 * place as u64;
        let emit = &mut |packet: &mut [u8; _], length: usize| {
            assert!(Header::parse(&packet[..length]).is_some_and(|header| header.payload_length() > 0));
        };
        match header.payload_type {
            101 => outgoing.event(&header, payload, 16000, now, emit),
            102 => outgoing.audio(codec(*to), &header, payload, now, emit),
            103 => {
                outgoing.pass(&header, &mut [0; HEADER_LENGTH], 8000, now, emit);
            }
            104 => outgoing.leave_out(&header),
            105 => outgoing.rest(),
            _ => outgoing.audio(codec(*from), &header, payload, now, emit),
        }
        outgoing.speak(now, emit);
        let _ = outgoing.report(&mut [0; LONGEST], || None, now);
        assert!(outgoing.due_at() > now);
    }
});
