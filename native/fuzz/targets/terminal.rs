//! A stream of any codec, with events in it, as a test phone hears it and echoes it.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};

use trunkline_fuzz::{codec, packets};
use trunkline_media::format::Format;
use trunkline_media::leg::{Flow, Remote};
use trunkline_media::payload::{Payload, PayloadMap};
use trunkline_media::rtp::Header;
use trunkline_media::terminal::{PTIME_US, Source, Terminal, TerminalPlan};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&choice, stream)) = data.split_first() else {
        return;
    };
    let plan =
        TerminalPlan { source: Source::Echo, listen_for: vec![440.0], record_samples: 80_000, seed: 1 };
    let Ok(mut terminal) = Terminal::new(plan, 0) else {
        return;
    };
    let format = |payload_type, choice| Format { payload_type, codec: codec(choice), ptime_ms: 20 };
    let event = PayloadMap::new(vec![Payload { from: 101, to: 101, clock_rate: 8000 }]).unwrap_or_default();
    assert!(terminal.set_remote(&Remote {
        dtmf_payload_type: Some(101),
        hears: vec![format(0, choice), format(1, choice.wrapping_add(1))],
        speaks: Some(format(0, choice)),
        ..Remote::plain(SocketAddr::from((Ipv4Addr::LOCALHOST, 4000)), Flow::Both, event)
    }));
    let mut said = [0; 1024];
    for (place, packet) in packets(stream).enumerate() {
        let now = PTIME_US * place as u64;
        if let Some(header) = Header::parse(packet) {
            terminal.hear(&header, packet, (header.payload_type == 101).then_some(8000), now);
        }
        let length = terminal.speak(now, &mut said).length;
        assert!(length == 0 || Header::parse(&said[..length]).is_some());
    }
    assert!(terminal.digits().len() <= 1024 && terminal.take_recording().len() <= 80_000);
});
