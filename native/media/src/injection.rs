//! Digits for a peer to whom another leg's audio passes as it is: what a SIP INFO becomes (RFC 4733 in the audio's stream).
//!
//! An event takes the place of the audio packets that pass while it lasts: their sequence numbers, its own beginning as
//! timestamp (RFC 4733 §2.2.1, §2.5.1.2). When no audio passes (a silent far end), or another source's does in the midst of
//! an event, the digits go on in a stream that is the leg's own from there on ([`Outgoing::take_digits`]): it follows the
//! audio that passed, and audio which comes back follows the digits, so that the peer hears one stream.

use crate::Micros;
use crate::dtmf::{DigitPlayer, NotADigit};
use crate::format::EventFormat;
#[cfg(doc)]
use crate::outgoing::Outgoing;
use crate::rtp::Header;

/// Without audio for so long the far end is silent: longer than any usual packet.
const SILENT_US: Micros = 100_000;

/// Digits on their way.
#[derive(Clone, Debug)]
pub struct Injection {
    player: DigitPlayer,
    format: EventFormat,
    /// Source and timestamp of the audio's last packet.
    audio: Option<(u32, u32)>,
    last_audio: Micros,
}

impl Injection {
    /// Nothing to send yet. `format` is the telephone-event's as the peer takes it.
    #[must_use]
    pub fn new(format: EventFormat, now: Micros) -> Self {
        Self { player: DigitPlayer::default(), format, audio: None, last_audio: now }
    }

    /// Queues digits. See [`DigitPlayer::queue`].
    ///
    /// # Errors
    /// [`NotADigit`].
    pub fn queue(&mut self, digits: &str, duration_ms: u32) -> Result<(), NotADigit> {
        self.player.queue(digits, duration_ms, self.format.clock_rate)
    }

    /// True when everything has been sent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.player.is_idle()
    }

    /// Whether an event that is under way can't go on in the place of this audio: it is another source's.
    #[must_use]
    pub fn is_left_by(&self, audio: &Header) -> bool {
        self.player.is_playing() && self.audio.is_some_and(|(ssrc, _)| ssrc != audio.ssrc)
    }

    /// An audio packet passes: the event packet to send in its place, or `None` when it is to pass itself.
    pub fn replace(&mut self, audio: &Header, packet: &mut [u8], now: Micros) -> Option<usize> {
        let &Header { ssrc, sequence, timestamp, .. } = audio;
        let before = self.audio.replace((ssrc, timestamp));
        self.last_audio = now;
        let usual = self.format.clock_rate / 50;
        let step = before
            .filter(|before| before.0 == ssrc)
            .map(|before| timestamp.wrapping_sub(before.1))
            .filter(|&step| step > 0 && step <= 10 * usual)
            .unwrap_or(usual);
        self.player.next_packet(packet, self.format.payload_type, sequence, timestamp, ssrc, step)
    }

    /// When the far end is silent, if no audio passes until then.
    #[must_use]
    pub const fn silent_at(&self) -> Micros {
        self.last_audio + SILENT_US
    }

    /// What is left of the digits, and how the peer takes them.
    #[must_use]
    pub fn into_rest(self) -> (DigitPlayer, EventFormat) {
        (self.player, self.format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::{Event, spelled};
    use crate::rtp::header;
    use crate::terminal::PTIME_US;

    const AUDIO_SSRC: u32 = 7;

    fn audio(sequence: u16) -> Header {
        header(sequence, u32::from(sequence) * 160, AUDIO_SSRC)
    }

    fn injection(digits: &str) -> Injection {
        let mut injection = Injection::new(EventFormat { payload_type: 101, clock_rate: 8000 }, 0);
        injection.queue(digits, 60).unwrap();
        injection
    }

    #[test]
    fn events_take_the_place_of_audio_packets() {
        let mut injection = injection("4#");
        let (mut packets, mut passed) = (Vec::new(), 0);
        let mut sequence = 100;
        while !injection.is_idle() {
            let mut packet = [0; 16];
            let now = u64::from(sequence) * PTIME_US;
            match injection.replace(&audio(sequence), &mut packet, now) {
                Some(length) => {
                    let header = Header::parse(&packet[..length]).unwrap();
                    packets.push((header, Event::parse(&packet[header.payload_start..length]).unwrap()));
                }
                None => passed += 1,
            }
            assert_eq!(injection.silent_at(), now + SILENT_US);
            sequence += 1;
        }
        assert_eq!(spelled(packets.iter().copied()), "4#");
        assert!(packets.iter().all(|(header, _)| header.ssrc == AUDIO_SSRC));
        assert_eq!(packets.len() + passed, usize::from(sequence - 100));
        assert!(passed > 0, "between two digits there is audio");
        assert_eq!(packets[0].0.timestamp, 16_000);
        assert_eq!(packets.last().unwrap().1.duration, 480);
    }

    #[test]
    fn an_event_is_left_by_audio_of_another_source_only_while_it_lasts() {
        let mut injection = injection("4");
        let other = Header { ssrc: 8, ..audio(500) };
        assert!(!injection.is_left_by(&other), "no audio has passed");
        while !injection.is_idle() {
            injection.replace(&audio(7), &mut [0; 16], 0).unwrap();
            assert!(!injection.is_left_by(&audio(8)));
            assert_eq!(injection.is_left_by(&other), !injection.is_idle());
        }
    }
}
