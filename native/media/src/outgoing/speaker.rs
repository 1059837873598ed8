//! Samples into payloads of one format: resampling, gathering to whole packets, encoding. Nothing is allocated per packet.

use trunkline_codecs::g711::Law;
use trunkline_codecs::{Codec, Encoder, Resampler};

use crate::format::{Format, MAX_PTIME_MS};
use crate::outgoing::speech::STEP;
use crate::tone::SAMPLE_RATE;

/// Samples of audio that may wait, at 16 kHz: more than a packet and the largest piece that is fed at once.
const ROOM: usize = 16 * (MAX_PTIME_MS as usize + super::decoding::MAX_PIECE_MS);

/// Samples of the longest payload of G.711 that is sent on.
const MAX_SAMPLES: usize = 8 * super::decoding::MAX_PIECE_MS;

/// Steps of silence before a sound of ours in Speex: a decoder that misses its first packets misses these.
const SPEEX_LEAD: u8 = 2;
/// A tone of ours in Speex has noise in it, so much weaker than its peak: 29 dB below it. A steady tone is foretold from its own
/// past, and the decoder of a peer that begins in the midst of one has no such past: without the noise it stays at full
/// scale for as long as a tone of 500, 800 or 1000 Hz lasts.
const SPEEX_NOISE: i32 = 24;

/// The mouth of one stream.
pub struct Speaker {
    format: Format,
    encoder: Box<dyn Encoder>,
    waiting: Vec<i16>,
    resampled: Vec<i16>,
    resampler: Option<(u32, Resampler)>,
    /// Steps of silence that a sound of ours begins with, those left.
    lead: u8,
    noise: u32,
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
            lead: 0,
            noise: 1,
        })
    }

    /// A sound of ours begins: what [`Speaker::say`] is given next.
    pub fn begin_sound(&mut self) {
        self.lead = if self.format.codec == Codec::Speex { SPEEX_LEAD } else { 0 };
    }

    /// Takes a step of a sound of ours, at 8000 samples a second. `sound` fills it, unless silence leads in to it, and says
    /// whether it is a tone.
    pub fn say(&mut self, sound: impl FnOnce(&mut [i16; STEP]) -> bool) {
        let mut pcm = [0; STEP];
        if self.lead > 0 {
            self.lead -= 1;
        } else if sound(&mut pcm) && self.format.codec == Codec::Speex {
            self.add_noise(&mut pcm);
        }
        self.feed(&pcm, SAMPLE_RATE);
    }

    fn add_noise(&mut self, pcm: &mut [i16; STEP]) {
        let peak = pcm.iter().map(|&sample| i32::from(sample).abs()).max().unwrap_or(0);
        let most = peak / SPEEX_NOISE;
        for sample in pcm {
            self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (self.noise >> 16) as i32 % (2 * most + 1) - most;
            *sample = sample.saturating_add(noise as i16);
        }
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

    /// Takes a payload of its own codec, which is G.711. False when that is the next packet as it is, and was not taken.
    pub fn feed_payload(&mut self, payload: &[u8]) -> bool {
        if self.waiting.is_empty() && payload.len() == self.format.packet_samples() {
            return false;
        }
        let law = if self.format.codec == Codec::Pcmu { Law::Mu } else { Law::A };
        let mut pcm = [0; MAX_SAMPLES];
        let count = law.decode(payload, &mut pcm);
        self.feed(&pcm[..count], SAMPLE_RATE);
        true
    }

    /// True while a packet is begun and not whole.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Fills a begun packet up with silence: how many RTP ticks of it.
    pub fn finish(&mut self) -> u32 {
        let packet = self.format.packet_samples();
        let over = self.waiting.len() % packet;
        if over == 0 {
            return 0;
        }
        let silence = packet - over;
        self.waiting.resize(self.waiting.len() + silence, 0);
        self.ticks(silence)
    }

    fn ticks(&self, samples: usize) -> u32 {
        let codec = self.format.codec;
        (samples as u64 * u64::from(codec.clock_rate()) / u64::from(codec.sample_rate())) as u32
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Encodes the next packet, if it is whole: octets written, and RTP ticks that it lasts. One that can't be encoded is
    /// left out.
    pub fn next(&mut self, payload: &mut [u8]) -> Option<(usize, u32)> {
        let count = self.format.packet_samples();
        let pcm = self.waiting.get(..count)?;
        let octets = self.encoder.encode(pcm, payload);
        self.waiting.copy_within(count.., 0);
        self.waiting.truncate(self.waiting.len() - count);
        Some((octets.ok()?, self.ticks(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Tone, ToneGenerator};

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
        assert!(speaker.is_waiting());
        assert_eq!(speaker.finish(), 160);
        assert_eq!(speaker.next(&mut payload), Some((240, 240)));
        let silence = 0xd5;
        assert!(payload[..80].iter().all(|&octet| octet != silence));
        assert_eq!(payload[80..240], [silence; 160]);
        assert_eq!((speaker.finish(), speaker.is_waiting()), (0, false));
        assert_eq!(speaker.next(&mut payload), None, "nothing was begun");
    }

    #[test]
    fn payloads_of_its_own_codec_are_sent_as_they_are_whole_or_gathered() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let mut speaker = speaker(codec, 20);
            // mu-law has two zeroes, of which the negative one comes back as the positive.
            let octets: Vec<u8> = (0..160).map(|n| n | u8::from(n == 0x7f) << 7).collect();
            assert!(!speaker.feed_payload(&octets), "it is the next packet as it is");
            let (mut payload, mut sent) = ([0; 500], Vec::new());
            let pieces = [&octets[..100], &octets[100..], &octets[..80], &octets[..], &octets[..80]];
            for piece in pieces {
                assert!(speaker.feed_payload(piece));
                while let Some((length, ticks)) = speaker.next(&mut payload) {
                    assert_eq!((length, ticks), (160, 160));
                    sent.extend_from_slice(&payload[..length]);
                }
            }
            assert_eq!(sent, pieces.concat(), "{codec:?}");
        }
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

    /// Packets of a steady tone, three seconds long.
    fn tone_packets(codec: Codec, hz: f64) -> Vec<Vec<u8>> {
        let tone = Tone { frequencies_hz: vec![hz], level_dbm0: -13.0, cadence_ms: None };
        let (mut speaker, mut generator) = (speaker(codec, 20), ToneGenerator::new(&tone).unwrap());
        speaker.begin_sound();
        let packet = |_| {
            speaker.say(|pcm| {
                generator.fill(pcm);
                true
            });
            let mut payload = [0; 500];
            let (octets, _) = speaker.next(&mut payload)?;
            Some(payload[..octets].to_vec())
        };
        (0..150).map_while(packet).collect()
    }

    #[test]
    fn a_steady_tone_in_speex_has_its_level_whenever_one_begins_to_listen() {
        for hz in [425.0, 500.0, 800.0, 1000.0] {
            let packets = tone_packets(Codec::Speex, hz);
            assert_eq!(packets.len(), 150);
            for missed in [0, 1, 2, 4, 7, 20] {
                let mut decoder = Codec::Speex.decoder().unwrap();
                for (n, packet) in packets.iter().enumerate().skip(missed) {
                    let mut pcm = [0; 640];
                    let count = decoder.decode(packet, &mut pcm).unwrap();
                    let power: f64 = pcm[..count].iter().map(|&sample| f64::from(sample).powi(2)).sum();
                    let level = (power / count as f64).sqrt();
                    let most = if n < missed + 3 { 2.0 } else { 1.5 };
                    assert!(level < 3600.0 * most, "{hz} Hz, {missed} missed: {level} at {n}");
                    assert!(n >= SPEEX_LEAD.into() || level < 40.0, "silence leads in to it: {level} at {n}");
                }
            }
        }
    }

    #[test]
    fn in_other_codecs_a_sound_is_as_it_was_made() {
        let tone = Tone { frequencies_hz: vec![1000.0], level_dbm0: -13.0, cadence_ms: None };
        let (mut generator, mut encoder) =
            (ToneGenerator::new(&tone).unwrap(), Codec::Pcmu.encoder().unwrap());
        for packet in tone_packets(Codec::Pcmu, 1000.0) {
            let (mut pcm, mut payload) = ([0; STEP], [0; STEP]);
            generator.fill(&mut pcm);
            encoder.encode(&pcm, &mut payload).unwrap();
            assert_eq!(packet, payload);
        }
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
