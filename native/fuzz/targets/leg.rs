//! Datagrams at a leg's two ports, from its peer and from elsewhere; nothing is sent to who is refused.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};

use trunkline_media::leg::{Flow, Leg, Remote};
use trunkline_media::payload::{Payload, PayloadMap};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let at = |port| SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), port));
    let payloads = PayloadMap::new(vec![Payload { from: 0, to: 8, clock_rate: 8000 }]).unwrap_or_default();
    let mut leg = Leg::default();
    leg.set_remote(Remote::plain(at(4000), Flow::Both, payloads), true, 0);
    for (place, packet) in trunkline_fuzz::packets(data).enumerate() {
        let Some((&source, packet)) = packet.split_first() else {
            continue;
        };
        let (source, refused) = (at(4000 + u16::from(source & 3)), at(4003));
        if packet.len() % 2 == 0 {
            let _ =
                leg.receive_rtp(&mut packet.to_vec(), source, 20_000 * place as u64, |from| from == refused);
        } else {
            let _ = leg.receive_rtcp(packet, source, 20_000 * place as u64, |from| from == refused);
        }
        assert_ne!(leg.rtp_destination(), Ok(refused));
        assert!(leg.rtcp_destination().is_none_or(|destination| destination.address != refused));
    }
    let _ = leg.statistics();
});
