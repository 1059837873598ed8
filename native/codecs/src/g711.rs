//! G.711: one octet a sample, 8000 samples a second, 16-bit samples outside.
//!
//! Bit-exact with the ITU-T's reference code (G.191). The crates at hand differ from it for A-law around zero.

use crate::concealment::{Concealer, HISTORY_MS};
use crate::{Codec, CodecError, Decoder, Encoder};

/// Which of the two laws; each has a static payload type (RFC 3551 table 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// PCMU, payload type 0.
    Mu,
    /// PCMA, payload type 8.
    A,
}

static MU_DECODED: [i16; 256] = table(Law::Mu);
static A_DECODED: [i16; 256] = table(Law::A);

const fn table(law: Law) -> [i16; 256] {
    let mut values = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        values[octet] = match law {
            Law::Mu => decode_mu(octet as u8),
            Law::A => decode_a(octet as u8),
        };
        octet += 1;
    }
    values
}

static MU_AS_A: [u8; 256] = recoded(Law::Mu);
static A_AS_MU: [u8; 256] = recoded(Law::A);

const fn recoded(from: Law) -> [u8; 256] {
    let mut octets = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        octets[octet] = match from {
            Law::Mu => encode_a(decode_mu(octet as u8)),
            Law::A => encode_mu(decode_a(octet as u8)),
        };
        octet += 1;
    }
    octets
}

impl Law {
    /// By static payload type.
    #[must_use]
    pub const fn of_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Self::Mu),
            8 => Some(Self::A),
            _ => None,
        }
    }

    /// Encodes as many samples as both slices hold; how many.
    pub fn encode(self, samples: &[i16], octets: &mut [u8]) -> usize {
        for (octet, &sample) in octets.iter_mut().zip(samples) {
            *octet = match self {
                Self::Mu => encode_mu(sample),
                Self::A => encode_a(sample),
            };
        }
        samples.len().min(octets.len())
    }

    /// Decodes as many octets as both slices hold; how many.
    pub fn decode(self, octets: &[u8], samples: &mut [i16]) -> usize {
        let decoded = match self {
            Self::Mu => &MU_DECODED,
            Self::A => &A_DECODED,
        };
        for (sample, &octet) in samples.iter_mut().zip(octets) {
            *sample = decoded[usize::from(octet)];
        }
        samples.len().min(octets.len())
    }
}

/// Sign, three bits of segment, four bits of step; even bits inverted. Works on 12-bit magnitudes, in one's complement.
const fn encode_a(sample: i16) -> u8 {
    let mut magnitude = (if sample < 0 { !sample } else { sample } as u16) >> 4;
    if magnitude > 15 {
        let segment = (magnitude.ilog2() - 4) as u16;
        magnitude = ((magnitude >> segment) & 0x0f) | ((segment + 1) << 4);
    }
    let sign = if sample < 0 { 0 } else { 0x80 };
    (magnitude as u8 | sign) ^ 0x55
}

const fn decode_a(octet: u8) -> i16 {
    let code = octet ^ 0x55;
    let segment = (code >> 4) & 0x07;
    let step = (code & 0x0f) as i16;
    let magnitude = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// Sign, segment and step, all inverted. Works on 13-bit magnitudes with a bias of 33, in one's complement.
const fn encode_mu(sample: i16) -> u8 {
    let mut magnitude = ((if sample < 0 { !sample } else { sample } as u16) >> 2) + 33;
    if magnitude > 0x1fff {
        magnitude = 0x1fff;
    }
    let segment = (magnitude.ilog2() - 5) as u16;
    let code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0f);
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(code as u8 | sign)
}

const fn decode_mu(octet: u8) -> i16 {
    let code = !octet;
    let segment = (code >> 4) & 0x07;
    let magnitude = (((((code & 0x0f) as i16) << 3) + 132) << segment) - 132;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

impl Encoder for Law {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        let payload = payload.get_mut(..pcm.len()).ok_or(CodecError::NoRoom)?;
        Ok(Self::encode(*self, pcm, payload))
    }
}

/// Octets to samples, with concealment by repetition.
pub struct G711Decoder {
    law: Law,
    concealer: Concealer,
    /// The newest octets that the concealer has yet to hear of: those that were recoded.
    recoded: Vec<u8>,
}

/// As many octets as the concealer remembers.
const HISTORY: usize = 8 * HISTORY_MS;

impl G711Decoder {
    /// In its initial state.
    #[must_use]
    pub fn new(law: Law) -> Self {
        Self { law, concealer: Concealer::new(8000), recoded: Vec::with_capacity(HISTORY) }
    }

    fn keep(&mut self, payload: &[u8]) {
        let payload = &payload[payload.len().saturating_sub(HISTORY)..];
        let over = (self.recoded.len() + payload.len()).saturating_sub(HISTORY);
        self.recoded.copy_within(over.., 0);
        self.recoded.truncate(self.recoded.len() - over);
        self.recoded.extend_from_slice(payload);
    }

    fn tell_concealer(&mut self) {
        if !self.recoded.is_empty() {
            let mut pcm = [0; HISTORY];
            let count = self.law.decode(&self.recoded, &mut pcm);
            self.concealer.heard(&mut pcm[..count]);
            self.recoded.clear();
        }
    }
}

impl Decoder for G711Decoder {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError> {
        if payload.is_empty() {
            return Err(CodecError::Malformed);
        }
        let pcm = pcm.get_mut(..payload.len()).ok_or(CodecError::NoRoom)?;
        self.tell_concealer();
        self.law.decode(payload, pcm);
        self.concealer.heard(pcm);
        Ok(pcm.len())
    }

    fn recode(&mut self, payload: &[u8], to: Codec, octets: &mut [u8]) -> Option<usize> {
        let table = match (self.law, to) {
            (Law::Mu, Codec::Pcma) => &MU_AS_A,
            (Law::A, Codec::Pcmu) => &A_AS_MU,
            _ => return None,
        };
        let octets = octets.get_mut(..payload.len()).filter(|octets| !octets.is_empty())?;
        if self.concealer.is_lost() {
            return None;
        }
        for (octet, &old) in octets.iter_mut().zip(payload) {
            *octet = table[usize::from(old)];
        }
        self.keep(payload);
        Some(payload.len())
    }

    fn conceal(&mut self, pcm: &mut [i16]) {
        self.tell_concealer();
        self.concealer.conceal(pcm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a, to compare with reference output without keeping it.
    fn digest(octets: impl IntoIterator<Item = u8>) -> u64 {
        octets.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    fn encoded_sweep(law: Law) -> u64 {
        let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let mut octets = vec![0; samples.len()];
        assert_eq!(law.encode(&samples, &mut octets), 65536);
        digest(octets)
    }

    fn decoded(law: Law) -> Vec<i16> {
        let octets: Vec<u8> = (0..=255).collect();
        let mut samples = vec![0; 256];
        assert_eq!(law.decode(&octets, &mut samples), 256);
        samples
    }

    #[test]
    fn encodes_as_the_reference_does() {
        // Digests of `sweep-r.a` and `sweep-r.u`, ITU-T G.191's test vectors: every 16-bit sample in turn.
        assert_eq!(encoded_sweep(Law::A), 0xf030_666e_b780_cf25);
        assert_eq!(encoded_sweep(Law::Mu), 0x04ec_1f08_3fd7_8c2d);
    }

    #[test]
    fn decodes_as_the_reference_does() {
        // Digests of all 256 octets as G.191 decodes them (`sweep-r.rea`, `sweep-r.reu`), little-endian.
        let octets = |law| decoded(law).into_iter().flat_map(i16::to_le_bytes);
        assert_eq!(digest(octets(Law::A)), 0x693a_40ca_62a3_d2a5);
        assert_eq!(digest(octets(Law::Mu)), 0xb91e_65d6_8481_a1a8);
    }

    #[test]
    fn every_octet_survives_decoding_and_encoding() {
        for law in [Law::Mu, Law::A] {
            let mut octets = [0; 256];
            law.encode(&decoded(law), &mut octets);
            for (octet, again) in (0..=255u8).zip(octets) {
                // mu-law has two zeroes; the negative one comes back as the positive.
                let expected = if law == Law::Mu && octet == 0x7f { 0xff } else { octet };
                assert_eq!(again, expected, "{law:?} {octet:#x}");
            }
        }
    }

    #[test]
    fn recoding_is_decoding_and_encoding() {
        let octets: Vec<u8> = (0..=255).collect();
        for (from, to, codec) in [(Law::Mu, Law::A, Codec::Pcma), (Law::A, Law::Mu, Codec::Pcmu)] {
            let (mut recoded, mut encoded) = ([0; 256], [0; 256]);
            assert_eq!(G711Decoder::new(from).recode(&octets, codec, &mut recoded), Some(256));
            to.encode(&decoded(from), &mut encoded);
            assert_eq!(recoded, encoded);
        }
        let mut decoder = G711Decoder::new(Law::A);
        assert_eq!(decoder.recode(&octets, Codec::Pcma, &mut [0; 256]), None, "it is A-law");
        assert_eq!(decoder.recode(&octets, Codec::G729, &mut [0; 256]), None);
        assert_eq!(decoder.recode(&octets, Codec::Pcmu, &mut [0; 255]), None, "no room");
        assert_eq!(decoder.recode(&[], Codec::Pcmu, &mut [0; 255]), None);
    }

    /// Packets of a tone, of any length, in A-law.
    fn packets() -> Vec<Vec<u8>> {
        let lengths = [160, 80, 480, 160, 240, 7, 160, 160];
        let mut place = 0;
        let packet = |length| {
            let samples: Vec<i16> = (place..place + length)
                .map(|n| (9000.0 * (std::f64::consts::TAU * 300.0 / 8000.0 * n as f64).sin()) as i16)
                .collect();
            place += length;
            let mut octets = vec![0; length];
            Law::A.encode(&samples, &mut octets);
            octets
        };
        lengths.into_iter().map(packet).collect()
    }

    #[test]
    fn what_is_lost_after_recoding_is_concealed_as_after_decoding() {
        for (lost_after, every) in (0..packets().len()).flat_map(|place| [(place, 3), (place, 6)]) {
            let (mut one, mut other) = (G711Decoder::new(Law::A), G711Decoder::new(Law::A));
            for (place, packet) in packets().iter().enumerate() {
                if place % every == 0 || one.recode(packet, Codec::Pcmu, &mut [0; 480]).is_none() {
                    one.decode(packet, &mut [0; 480]).unwrap();
                }
                other.decode(packet, &mut [0; 480]).unwrap();
                if place == lost_after {
                    let [mut made_up, mut expected] = [[0; 160]; 2];
                    one.conceal(&mut made_up);
                    other.conceal(&mut expected);
                    assert_eq!(made_up, expected, "after {place}");
                    assert_eq!(one.recode(packet, Codec::Pcmu, &mut [0; 480]), None, "it is to be blended");
                    let [mut heard, mut expected] = [[0; 480]; 2];
                    one.decode(packet, &mut heard).unwrap();
                    other.decode(packet, &mut expected).unwrap();
                    assert_eq!(heard, expected);
                }
            }
        }
    }

    #[test]
    fn the_shorter_slice_decides() {
        let mut octets = [0; 3];
        assert_eq!(Law::Mu.encode(&[1; 5], &mut octets), 3);
        assert_eq!(Law::A.decode(&octets, &mut [0; 2]), 2);
    }

    #[test]
    fn static_payload_types() {
        assert_eq!(Law::of_payload_type(0), Some(Law::Mu));
        assert_eq!(Law::of_payload_type(8), Some(Law::A));
        assert_eq!(Law::of_payload_type(18), None);
    }
}
