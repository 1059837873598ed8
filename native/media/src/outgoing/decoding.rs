//! The far leg's stream, taken apart into samples: order, loss, pauses, decoding.
//!
//! Samples come out as soon as their packet is in order, so a clean stream is not delayed and needs no clock of ours: a peer whose
//! clock runs fast or slow is sent on as fast or slow, and the receiver's own buffer plays it out. Lost stretches are
//! concealed up to [`LONGEST_CONCEALED_MS`]; longer ones, and pauses of a peer that stays silent (its timestamps step without
//! its sequence numbers), are time without packets.

use trunkline_codecs::{Codec, Decoder};

use super::hold::{Held, Hold, Turn};
use crate::rtp::Header;

/// Audio that one payload may hold; a longer one is dropped.
pub const MAX_PIECE_MS: usize = 240;
/// Samples of it at 16 kHz.
const MAX_PIECE: usize = 16 * MAX_PIECE_MS;
/// Octets of a payload that is recoded: of G.711, which has most.
const MAX_RECODED: usize = 8 * MAX_PIECE_MS;
/// Longest stretch that is made up.
pub const LONGEST_CONCEALED_MS: u32 = 120;
/// A step of timestamps beyond this is another stream's, not a pause.
const LONGEST_PAUSE_S: u32 = 60;

/// What came out of the stream.
pub enum Piece<'a> {
    /// Samples, at so many a second.
    Samples(&'a [i16], u32),
    /// A payload of the codec that was wanted, without samples in between.
    Recoded(&'a [u8]),
    /// Time without audio, in ticks of the codec's RTP clock.
    Pause(u32),
    /// Another stream begins: how much time passed can't be told from it.
    Break,
}

/// One stream.
pub struct Decoding {
    codec: Codec,
    decoder: Box<dyn Decoder>,
    ssrc: u32,
    hold: Hold,
    /// The timestamp that the next packet should have.
    expected: Option<u32>,
    /// An event came since the last packet of audio: the time between was its own, not lost.
    after_event: bool,
    pcm: Vec<i16>,
    /// What it is sent on in, if it can be recoded to that.
    to: Option<Codec>,
}

impl std::fmt::Debug for Decoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoding").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl Decoding {
    /// `None` when the codec can't decode.
    #[must_use]
    pub fn new(codec: Codec) -> Option<Self> {
        let decoder = codec.decoder().ok()?;
        let (hold, pcm) = (Hold::default(), vec![0; MAX_PIECE]);
        Some(Self { codec, decoder, ssrc: 0, hold, expected: None, after_event: false, pcm, to: None })
    }

    /// Says in which codec it is sent on, so that it may be recoded.
    pub const fn send_on_in(&mut self, codec: Codec) {
        self.to = if self.codec.is_recoded_to(codec) { Some(codec) } else { None };
    }

    /// What it decodes.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// The next packet begins anew: what came in between was not decoded.
    pub fn restart(&mut self) {
        self.hold.restart();
        self.expected = None;
    }

    /// True when it is known where what comes next should be in time.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        self.expected.is_some()
    }

    /// True when nothing says how far a packet is from what came before it: it is another source's, or what came in between was not
    /// decoded.
    #[must_use]
    pub const fn begins_with(&self, header: &Header) -> bool {
        !self.is_under_way() || header.ssrc != self.ssrc
    }

    /// The time of an event, which takes the place of audio: `sequence` is used up, and the next audio is expected as it
    /// was.
    pub fn skip(&mut self, header: &Header) {
        if header.ssrc == self.ssrc {
            self.after_event = true;
            self.hold.judge(header.sequence, header.timestamp, &[]);
        }
    }

    /// Ticks from where audio is expected next to `timestamp`, if that is ahead at all and near.
    #[must_use]
    pub fn ahead(&self, timestamp: u32) -> u32 {
        let ahead = self.expected.map_or(0, |expected| timestamp.wrapping_sub(expected));
        if ahead > LONGEST_PAUSE_S * self.codec.clock_rate() { 0 } else { ahead }
    }

    /// Takes a packet of audio; hands out what follows from it, in order.
    pub fn take(&mut self, header: &Header, payload: &[u8], out: &mut dyn FnMut(Piece<'_>)) {
        if header.ssrc != self.ssrc {
            self.ssrc = header.ssrc;
            self.restart();
        }
        match self.hold.judge(header.sequence, header.timestamp, payload) {
            Turn::Now => self.decode(header.timestamp, payload, false, out),
            Turn::Restart => {
                if self.expected.take().is_some() {
                    out(Piece::Break);
                }
                self.decode(header.timestamp, payload, false, out);
            }
            Turn::Kept => {}
            Turn::Late => return,
        }
        while let Some((held, missing)) = self.hold.release() {
            self.decode_held(held, missing, out);
        }
    }

    /// True while packets wait for a missing one.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.hold.is_waiting()
    }

    /// Hands out what waits, and waits for nothing any more.
    pub fn give_up(&mut self, out: &mut dyn FnMut(Piece<'_>)) {
        while let Some((held, missing)) = self.hold.give_up() {
            self.decode_held(held, missing, out);
        }
    }

    fn decode_held(&mut self, held: Held, missing: u16, out: &mut dyn FnMut(Piece<'_>)) {
        // An empty payload stands for an event's packet.
        if !held.payload.is_empty() {
            self.decode(held.timestamp, &held.payload, missing > 0, out);
        }
        self.hold.done(held);
    }

    fn decode(&mut self, timestamp: u32, payload: &[u8], lost: bool, out: &mut dyn FnMut(Piece<'_>)) {
        let (rate, clock) = (self.codec.sample_rate(), self.codec.clock_rate());
        let lost = !std::mem::take(&mut self.after_event) && lost;
        if let Some(expected) = self.expected {
            let gap = timestamp.wrapping_sub(expected);
            if gap as i32 > 0 {
                if lost && gap <= LONGEST_CONCEALED_MS * clock / 1000 {
                    let count = (u64::from(gap) * u64::from(rate) / u64::from(clock)) as usize;
                    self.decoder.conceal(&mut self.pcm[..count]);
                    out(Piece::Samples(&self.pcm[..count], rate));
                } else if gap <= LONGEST_PAUSE_S * clock {
                    out(Piece::Pause(gap));
                } else {
                    out(Piece::Break);
                }
            }
        }
        if let Some(to) = self.to {
            let mut octets = [0; MAX_RECODED];
            if let Some(count) = self.decoder.recode(payload, to, &mut octets) {
                self.expected = Some(timestamp.wrapping_add(count as u32));
                return out(Piece::Recoded(&octets[..count]));
            }
        }
        // A payload that can't be decoded is lost; its time is found missing when the next one comes.
        let Ok(count) = self.decoder.decode(payload, &mut self.pcm) else {
            return;
        };
        let ticks = (count as u64 * u64::from(clock) / u64::from(rate)) as u32;
        self.expected = Some(timestamp.wrapping_add(ticks));
        out(Piece::Samples(&self.pcm[..count], rate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::header;

    /// Sends packets of 20 ms by number; what comes out, in ms: samples, `-`pause, 0 for a break.
    fn heard(decoding: &mut Decoding, packets: &[(u16, u32)]) -> Vec<i64> {
        let mut out = Vec::new();
        for &(sequence, timestamp) in packets {
            decoding.take(&header(sequence, timestamp, 1), &[0xd5; 160], &mut |piece| {
                out.push(match piece {
                    Piece::Samples(pcm, rate) => (pcm.len() * 1000 / rate as usize) as i64,
                    Piece::Recoded(octets) => octets.len() as i64 / 8,
                    Piece::Pause(ticks) => -i64::from(ticks / 8),
                    Piece::Break => 0,
                });
            });
        }
        out
    }

    fn decoding() -> Decoding {
        Decoding::new(Codec::Pcma).unwrap()
    }

    #[test]
    fn in_order_each_packet_is_heard_at_once() {
        assert_eq!(heard(&mut decoding(), &[(1, 0), (2, 160), (3, 320)]), [20, 20, 20]);
    }

    #[test]
    fn a_lost_packet_is_made_up_once_it_is_given_up() {
        let mut decoding = decoding();
        assert_eq!(heard(&mut decoding, &[(1, 0), (3, 320)]), [20]);
        assert_eq!(heard(&mut decoding, &[(4, 480)]), [20, 20, 20]);
    }

    #[test]
    fn a_long_loss_is_a_pause() {
        assert_eq!(heard(&mut decoding(), &[(1, 0), (12, 1760), (13, 1920)]), [20, -200, 20, 20]);
    }

    #[test]
    fn silence_suppression_is_a_pause() {
        assert_eq!(heard(&mut decoding(), &[(1, 0), (2, 8160), (3, 8320)]), [20, -1000, 20, 20]);
    }

    #[test]
    fn another_source_or_a_wild_timestamp_is_a_break() {
        let mut decoding = decoding();
        assert_eq!(heard(&mut decoding, &[(1, 0), (2, 1_000_000)]), [20, 0, 20]);
        let mut out = 0;
        decoding.take(&header(9, 5, 2), &[0; 160], &mut |_| out += 1);
        assert_eq!(out, 1, "nothing was expected of a new source");
    }

    #[test]
    fn a_source_that_begins_anew_is_a_break() {
        let packets = [(1, 0), (2, 160), (30_000, 5000), (30_001, 5160)];
        assert_eq!(heard(&mut decoding(), &packets), [20, 20, 0, 20, 20]);
    }

    #[test]
    fn nobody_waits_for_what_an_event_of_the_same_source_has_used_up() {
        for (ssrc, out) in [(1, [-20, 20].as_slice()), (2, &[])] {
            let mut decoding = decoding();
            heard(&mut decoding, &[(1, 0)]);
            decoding.skip(&header(2, 160, ssrc));
            assert_eq!(heard(&mut decoding, &[(3, 320)]), out);
        }
    }

    #[test]
    fn timestamps_that_go_back_add_nothing() {
        assert_eq!(heard(&mut decoding(), &[(1, 8000), (2, 4000), (3, 4160)]), [20, 20, 20]);
    }

    #[test]
    fn a_payload_that_cannot_be_decoded_is_time_missed() {
        let mut decoding = Decoding::new(Codec::G729).unwrap();
        let mut out = Vec::new();
        for (n, payload) in [vec![1; 20], vec![1; 1], vec![1; 20]].iter().enumerate() {
            decoding.take(&header(n as u16, 160 * n as u32, 1), payload, &mut |piece| {
                out.push(match piece {
                    Piece::Samples(pcm, _) => pcm.len() as i64,
                    Piece::Recoded(octets) => octets.len() as i64,
                    Piece::Pause(ticks) => -i64::from(ticks),
                    Piece::Break => 0,
                });
            });
        }
        assert_eq!(out, [160, -160, 160]);
    }

    #[test]
    fn a_payload_of_seconds_is_dropped() {
        let mut decoding = Decoding::new(Codec::G729).unwrap();
        decoding.take(&header(1, 0, 1), &[0; 1400], &mut |_| panic!("heard"));
    }

    /// Octets of A-law that come out of a stream of mu-law with losses, pauses and packets in disorder; whether samples were
    /// made on the way.
    fn sent_on(recodes: bool) -> (Vec<u8>, bool) {
        let mut decoding = Decoding::new(Codec::Pcmu).unwrap();
        if recodes {
            decoding.send_on_in(Codec::Pcma);
        }
        let (mut all, mut decoded) = (Vec::new(), false);
        for n in [1, 2, 3, 5, 6, 7, 8, 10, 9, 11, 12, 15, 16, 17, 18, 60, 61u16] {
            let payload: Vec<u8> = (0..160).map(|at| (u32::from(n) * 7 + at * at / 5) as u8).collect();
            decoding.take(&header(n, 160 * u32::from(n), 1), &payload, &mut |piece| match piece {
                Piece::Samples(pcm, _) => {
                    let mut octets = vec![0; pcm.len()];
                    Codec::Pcma.encoder().unwrap().encode(pcm, &mut octets).unwrap();
                    all.extend(octets);
                    decoded = true;
                }
                Piece::Recoded(octets) => all.extend(octets),
                Piece::Pause(_) | Piece::Break => all.push(0),
            });
        }
        (all, decoded)
    }

    #[test]
    fn what_is_recoded_sounds_as_what_is_decoded() {
        let ((recoded, made_up), (decoded, _)) = (sent_on(true), sent_on(false));
        assert_eq!(recoded, decoded);
        assert!(made_up, "what was lost, and what followed it");
    }

    #[test]
    fn other_codecs_are_decoded() {
        for codec in Codec::ALL.into_iter().filter(|&codec| codec != Codec::Pcma) {
            let mut decoding = decoding();
            decoding.send_on_in(codec);
            decoding.take(&header(1, 0, 1), &[0xd5; 160], &mut |piece| {
                assert_eq!(matches!(piece, Piece::Recoded(_)), codec == Codec::Pcmu);
            });
        }
    }
}
