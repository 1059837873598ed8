//! Samples into payloads of one format: resampling, gathering to whole packets, encoding. Nothing is allocated per packet.

use trunkline_codecs::{Encoder, Resampler};

use crate::format::{Format, MAX_PTIME_MS};

/// Samples of audio that may wait, at 16 kHz: more than a packet and the largest piece that is fed at once.
const ROOM: usize = 16 * (MAX_PTIME_MS as usize + super::decoding::MAX_PIECE_MS);

/// The mouth of one stream.
pub struct Speaker {
    format: Format,
    encoder: Box<dyn Encoder>,
    waiting: Vec<i16>,
    resampled: Vec<i16>,
    resampler: Option<(u32, Resampler)>,
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speaker").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Speaker {
    /// `None` when the codec can't encode.
    #[must_use]
    pub fn new(format: Format) -> Option<Self> {
        let encoder = format.codec.encoder().ok()?;
        Some(Self {
            format,
            encoder,
            waiting: Vec::with_capacity(ROOM),
            resampled: vec![0; ROOM],
            resampler: None,
        })
    }

    /// What it speaks.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Changes payload type and packet length, of the same codec.
    pub const fn set_packets(&mut self, payload_type: u8, ptime_ms: u32) {
        self.format.payload_type = payload_type;
        self.format.ptime_ms = ptime_ms;
    }

    /// Takes samples at 8000 or 16,000 a second. What exceeds the room is cut off.
    pub fn feed(&mut self, pcm: &[i16], rate: u32) {
        let own = self.format.codec.sample_rate();
        if rate == own {
            let count = pcm.len().min(ROOM - self.waiting.len());
            self.waiting.extend_from_slice(&pcm[..count]);
            return;
        }
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != rate) {
            self.resampler = Resampler::new(rate, own).map(|resampler| (rate, resampler));
        }
        if let Some((_, resampler)) = &mut self.resampler {
            let fits = (ROOM - self.waiting.len()).min(ROOM) * rate as usize / own as usize;
            let count = resampler.run(&pcm[..pcm.len().min(fits)], &mut self.resampled);
            self.waiting.extend_from_slice(&self.resampled[..count]);
        }
    }

    /// True while a packet is begun and not whole.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Fills a begun packet up with silence.
    pub fn finish(&mut self) {
        let packet = self.format.packet_samples();
        let over = self.waiting.len() % packet;
        if over > 0 {
            self.waiting.resize(self.waiting.len() + packet - over, 0);
        }
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Encodes the next packet, if it is whole: octets written, and RTP ticks that it lasts.
    pub fn next(&mut self, payload: &mut [u8]) -> Option<(usize, u32)> {
        let count = self.format.packet_samples();
        let pcm = self.waiting.get(..count)?;
        let octets = self.encoder.encode(pcm, payload);
        self.waiting.copy_within(count.., 0);
        self.waiting.truncate(self.waiting.len() - count);
        let codec = self.format.codec;
        let ticks = count as u64 * u64::from(codec.clock_rate()) / u64::from(codec.sample_rate());
        Some((octets.ok()?, ticks as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_codecs::Codec;

    fn speaker(codec: Codec, ptime_ms: u32) -> Speaker {
        Speaker::new(Format { payload_type: 8, codec, ptime_ms }).unwrap()
    }

    #[test]
    fn packets_are_gathered_whole() {
        let mut speaker = speaker(Codec::Pcma, 30);
        let mut payload = [0; 500];
        speaker.feed(&[1000; 160], 8000);
        assert_eq!(speaker.next(&mut payload), None);
        speaker.feed(&[1000; 160], 8000);
        assert_eq!(speaker.next(&mut payload), Some((240, 240)));
        assert_eq!(speaker.next(&mut payload), None);
        speaker.finish();
        assert_eq!(speaker.next(&mut payload), Some((240, 240)));
        assert_eq!(payload[79], payload[0].wrapping_add(payload[79]).wrapping_sub(payload[0]));
        speaker.finish();
        assert_eq!(speaker.next(&mut payload), None, "nothing was begun");
    }

    #[test]
    fn wide_audio_lasts_as_long_on_its_own_clock() {
        let mut speaker = speaker(Codec::G722, 20);
        let mut payload = [0; 500];
        speaker.feed(&[0; 160], 8000);
        assert_eq!(speaker.next(&mut payload), Some((160, 160)));
        speaker.feed(&[0; 320], 16_000);
        assert_eq!(speaker.next(&mut payload), Some((160, 160)));
    }

    #[test]
    fn too_much_at_once_is_cut_off() {
        let mut speaker = speaker(Codec::Pcmu, 20);
        speaker.feed(&[0; 30_000], 8000);
        speaker.feed(&[0; 30_000], 16_000);
        let mut payload = [0; 500];
        let packets = std::iter::from_fn(|| speaker.next(&mut payload)).count();
        assert!(packets <= ROOM / 160);
    }
}
