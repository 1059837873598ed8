//! What the fuzz targets share: bytes as a row of packets, and what must hold of a decoder whatever it is given.
//!
//! A target is a few lines: it says what foreign bytes reach. That nothing panics, that no arithmetic overflows and that
//! no memory is touched that isn't ours is libFuzzer's and the sanitizers' to find; what else must hold is asserted here.

use trunkline_codecs::{Codec, Decoder};
use trunkline_media::rtp::Header;

/// Samples of the longest payload that is decoded anywhere: 240 ms at 16 kHz.
const ROOM: usize = 16 * 240;
/// What is around a packet of ours: no decoder may write here.
const UNTOUCHED: i16 = 0x5a5a;

/// The packets that `data` spells: an octet of length, then as many octets, and so on.
pub fn packets(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, rest) = data.split_first()?;
        let (packet, rest) = rest.split_at(rest.len().min(length.into()));
        data = rest;
        Some(packet)
    })
}

/// Those of them that are RTP, with their headers and payloads.
pub fn rtp(data: &[u8]) -> impl Iterator<Item = (Header, &[u8])> {
    packets(data).filter_map(|packet| {
        let header = Header::parse(packet)?;
        Some((header, &packet[header.payload_start..header.payload_end]))
    })
}

/// The codec that an octet stands for.
#[must_use]
pub fn codec(choice: u8) -> Codec {
    Codec::ALL[usize::from(choice) % Codec::ALL.len()]
}

/// Decodes payload after payload with one decoder, an empty one being a loss.
pub fn decode(codec: Codec, data: &[u8]) {
    let Ok(mut decoder) = codec.decoder() else {
        return;
    };
    for payload in packets(data) {
        if payload.is_empty() {
            decoder.conceal(&mut [0; 320]);
        } else {
            decode_one(codec, decoder.as_mut(), payload);
        }
    }
}

fn decode_one(codec: Codec, decoder: &mut dyn Decoder, payload: &[u8]) {
    let mut pcm = [UNTOUCHED; ROOM];
    match decoder.decode(payload, &mut pcm) {
        Ok(count) => {
            assert!(count > 0, "a payload without a frame is malformed");
            assert!(codec == Codec::Pcma || codec == Codec::Pcmu || count % 2 == 0);
            assert!(pcm[count..].iter().all(|&sample| sample == UNTOUCHED));
        }
        Err(_) => assert!(pcm.iter().all(|&sample| sample == UNTOUCHED)),
    }
}
