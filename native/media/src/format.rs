//! How one leg carries audio that is not merely passed on, and its telephone-events.

use trunkline_codecs::Codec;

/// The most audio that a packet of ours holds.
pub const MAX_PTIME_MS: u32 = 60;

/// Audio of one codec as one leg carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// 0–127.
    pub payload_type: u8,
    /// The codec.
    pub codec: Codec,
    /// Milliseconds of audio in a packet that we send.
    pub ptime_ms: u32,
}

impl Format {
    /// Samples in a packet that we send: whole frames, one at least, [`MAX_PTIME_MS`] at most.
    #[must_use]
    pub const fn packet_samples(&self) -> usize {
        let frame = self.codec.frame_samples();
        let most = (MAX_PTIME_MS * self.codec.sample_rate() / 1000) as usize / frame;
        let wanted = (self.ptime_ms * self.codec.sample_rate() / 1000) as usize / frame;
        let frames = if wanted > most {
            most
        } else if wanted == 0 {
            1
        } else {
            wanted
        };
        frames * frame
    }
}

/// telephone-event as a peer takes it (RFC 4733).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFormat {
    /// 0–127.
    pub payload_type: u8,
    /// Timestamp units a second.
    pub clock_rate: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(codec: Codec, ptime_ms: u32) -> usize {
        Format { payload_type: 0, codec, ptime_ms }.packet_samples()
    }

    #[test]
    fn packets_hold_whole_frames() {
        assert_eq!(samples(Codec::Pcma, 20), 160);
        assert_eq!(samples(Codec::Pcma, 25), 160);
        assert_eq!(samples(Codec::Pcma, 0), 80);
        assert_eq!(samples(Codec::Pcma, 200), 480);
        assert_eq!(samples(Codec::G722, 30), 480);
        assert_eq!(samples(Codec::Ilbc { frame_ms: 30 }, 20), 240);
        assert_eq!(samples(Codec::Ilbc { frame_ms: 20 }, 60), 480);
        assert_eq!(samples(Codec::Speex, 60), 960);
    }
}
