//! Digits of one peer, for whoever wants to know of them: its telephone-events when they end, and DTMF tones in its audio.

use trunkline_codecs::{Codec, Resampler};

use crate::Micros;
use crate::dtmf::Event;
use crate::dtmf::tones::{Digit, DigitDetector};
use crate::outgoing::decoding::{Decoding, MAX_PIECE_MS, Piece};
use crate::outgoing::events::EventRelay;
use crate::rtp::Header;

/// Samples of the longest piece of audio at 8 kHz.
const ROOM: usize = 8 * MAX_PIECE_MS;

/// The ear of a leg.
#[derive(Debug, Default)]
pub struct Ear {
    events: EventRelay,
    decoding: Option<Decoding>,
    down: Option<Resampler>,
    detector: DigitDetector,
}

impl Ear {
    /// Takes a packet of an event; the digit, when this is its end.
    pub fn hear_event(
        &mut self,
        header: &Header,
        payload: &[u8],
        clock_rate: u32,
        now: Micros,
    ) -> Option<Digit> {
        let event = Event::parse(payload)?;
        let due = self.events.take(header, event, 0, (clock_rate, 1000), now)?;
        (due.event.end && event.digit().is_some())
            .then_some(Digit { code: event.code, duration_ms: u32::from(due.event.duration) })
    }

    /// Takes a packet of audio; tells the digits whose tones have ended in it.
    pub fn hear_audio(
        &mut self,
        codec: Codec,
        header: &Header,
        payload: &[u8],
        found: &mut dyn FnMut(Digit),
    ) {
        if self.decoding.as_ref().is_none_or(|decoding| decoding.codec() != codec) {
            self.decoding = Decoding::new(codec);
            self.down = Resampler::new(codec.sample_rate(), 8000);
        }
        let (Some(decoding), down, detector) = (&mut self.decoding, &mut self.down, &mut self.detector)
        else {
            return;
        };
        decoding.take(header, payload, &mut |piece| {
            let Piece::Samples(pcm, _) = piece else {
                return;
            };
            match down {
                Some(down) => {
                    let mut narrow = [0; ROOM];
                    let count = down.run(pcm, &mut narrow);
                    detector.feed(&narrow[..count], found);
                }
                None => detector.feed(pcm, found),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::tones::sound_of;
    use crate::rtp::write_header;

    fn header(sequence: u16, timestamp: u32) -> Header {
        let mut packet = [0; 12];
        write_header(&mut packet, false, 0, sequence, timestamp, 1);
        Header::parse(&packet).unwrap()
    }

    #[test]
    fn an_event_is_told_once_with_its_duration() {
        let mut ear = Ear::default();
        let mut told = Vec::new();
        for (n, (duration, end)) in
            [(160, false), (800, false), (1600, true), (1600, true), (1600, true)].into_iter().enumerate()
        {
            let event = Event { code: 11, end, volume: 10, duration };
            told.extend(ear.hear_event(&header(n as u16, 500), &event.to_bytes(), 16_000, 0));
        }
        assert_eq!(told, [Digit { code: 11, duration_ms: 100 }]);
        let flash = Event { code: 16, end: true, volume: 10, duration: 800 };
        assert_eq!(ear.hear_event(&header(9, 9000), &flash.to_bytes(), 8000, 0), None);
    }

    #[test]
    fn tones_are_found_in_narrow_and_wide_audio() {
        for codec in [Codec::Pcmu, Codec::G722, Codec::G729] {
            let mut samples = vec![0; 1600];
            sound_of(9).unwrap().fill(&mut samples[..800]);
            let mut ear = Ear::default();
            let mut found = Vec::new();
            let mut encoder = codec.encoder().unwrap();
            let mut up = Resampler::new(8000, codec.sample_rate());
            for (n, piece) in samples.chunks(160).enumerate() {
                let (mut wide, mut payload) = ([0; 320], [0; 200]);
                let count = up.as_mut().map_or(160, |up| up.run(piece, &mut wide));
                let pcm = if up.is_some() { &wide[..count] } else { piece };
                let octets = encoder.encode(pcm, &mut payload).unwrap();
                ear.hear_audio(codec, &header(n as u16, 160 * n as u32), &payload[..octets], &mut |digit| {
                    found.push(digit.code);
                });
            }
            assert_eq!(found, [9], "{codec:?}");
        }
    }
}
