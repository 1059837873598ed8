//! What a terminal makes of what it hears: frequencies, digits, a recording.

use trunkline_codecs::{Codec, Decoder, Resampler};

use crate::Micros;
use crate::dtmf::Event;
use crate::dtmf::following::Following;
use crate::format::Format;
use crate::outgoing::decoding::MAX_PIECE_MS;
use crate::outgoing::speech::STEP;
use crate::rtp::Header;
use crate::tone::{SAMPLE_RATE, ToneDetector};

/// Samples of the longest payload that is heard, at 16,000 a second.
const ROOM: usize = 16 * MAX_PIECE_MS;
/// Missing samples are replaced by silence up to this many (2 s); beyond it the stream is taken to have restarted.
const MAX_GAP: u32 = 16_000;
/// Digits remembered.
const MAX_DIGITS: usize = 1024;

#[derive(Debug)]
pub(super) struct Ear {
    pub(super) detector: ToneDetector,
    events: Following,
    pub(super) digits: String,
    pub(super) record: Vec<i16>,
    record_samples: usize,
    /// SSRC and the timestamp that the next packet should have.
    expected: Option<(u32, u32)>,
    /// What may be heard.
    pub(super) formats: Vec<Format>,
    decoder: Option<Decoder8k>,
}

/// Any codec as samples at 8000 a second.
struct Decoder8k {
    codec: Codec,
    decoder: Box<dyn Decoder>,
    down: Option<Resampler>,
}

impl std::fmt::Debug for Decoder8k {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder8k").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl Decoder8k {
    fn new(codec: Codec) -> Option<Self> {
        let decoder = codec.decoder().ok()?;
        Some(Self { codec, decoder, down: Resampler::new(codec.sample_rate(), SAMPLE_RATE) })
    }

    fn decode(&mut self, payload: &[u8], samples: &mut [i16; ROOM]) -> usize {
        let Some(down) = &mut self.down else {
            return self.decoder.decode(payload, samples).unwrap_or(0);
        };
        let mut wide = [0; ROOM];
        let count = self.decoder.decode(payload, &mut wide).unwrap_or(0);
        down.run(&wide[..count], samples)
    }
}

impl Ear {
    pub(super) fn new(detector: ToneDetector, record_samples: usize) -> Self {
        Self {
            detector,
            events: Following::default(),
            digits: String::new(),
            record: Vec::new(),
            record_samples,
            expected: None,
            formats: Vec::new(),
            decoder: None,
        }
    }

    pub(super) fn hear_event(&mut self, header: &Header, payload: &[u8], clock_rate: u32, now: Micros) {
        let Some(event) = Event::parse(payload) else {
            return;
        };
        let begins = self.events.take(header, event, clock_rate, now).is_some_and(|progress| progress.begins);
        if begins && self.digits.len() < MAX_DIGITS {
            self.digits.extend(event.digit());
        }
    }

    pub(super) fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        self.formats.iter().find(|format| format.payload_type == payload_type).map(|format| format.codec)
    }

    pub(super) fn hear_audio(&mut self, header: &Header, payload: &[u8]) {
        let Some(codec) = self.codec_of(header.payload_type) else {
            return;
        };
        let ticks_a_sample = codec.clock_rate() / SAMPLE_RATE;
        let mut gap = 0;
        let expected = self.expected.filter(|&(ssrc, _)| ssrc == header.ssrc);
        if let Some((_, timestamp)) = expected {
            let ahead = header.timestamp.wrapping_sub(timestamp);
            if ahead > u32::MAX / 2 && timestamp.wrapping_sub(header.timestamp) <= MAX_GAP {
                return; // late or a duplicate: its moment has been filled
            }
            if ahead <= MAX_GAP {
                gap = ahead / ticks_a_sample;
            }
        }
        if self.decoder.as_ref().is_none_or(|decoder| decoder.codec != codec) {
            self.decoder = Decoder8k::new(codec);
        }
        let mut samples = [0i16; ROOM];
        let count = self.decoder.as_mut().map_or(0, |decoder| decoder.decode(payload, &mut samples));
        let ticks = count as u32 * ticks_a_sample;
        self.expected = Some((header.ssrc, header.timestamp.wrapping_add(ticks)));
        self.take(&[0; STEP], gap as usize);
        self.take(&samples[..count], count);
    }

    /// Takes `count` samples from `samples`, over and over.
    fn take(&mut self, samples: &[i16], count: usize) {
        let mut left = count;
        while left > 0 {
            let piece = &samples[..left.min(samples.len())];
            self.detector.feed(piece);
            let room = self.record_samples.saturating_sub(self.record.len());
            self.record.extend_from_slice(&piece[..piece.len().min(room)]);
            left -= piece.len();
        }
    }
}
