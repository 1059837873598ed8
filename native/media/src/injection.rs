//! Digits for a peer whose audio comes from another leg: what a SIP INFO becomes (RFC 4733 in the audio's stream).
//!
//! An event takes the place of the audio packets that pass while it lasts: their sequence numbers, its own beginning as
//! timestamp (RFC 4733 §2.2.1, §2.5.1.2). When no audio passes (a silent far end) the engine's timer paces the events,
//! in a stream of their own SSRC, so that audio which comes back finds its sequence as it left it.

use crate::Micros;
use crate::dtmf::{DigitPlayer, NotADigit};
use crate::rtp::Header;
use crate::terminal::PTIME_US;

/// Without audio for so long the far end is silent: longer than any usual packet.
const SILENT_US: Micros = 100_000;

/// An RTP stream's next packet.
#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

/// Digits on their way.
#[derive(Clone, Debug)]
pub struct Injection {
    player: DigitPlayer,
    payload_type: u8,
    clock_rate: u32,
    /// The stream that events have of their own.
    own: Stream,
    /// The audio's last packet.
    audio: Option<Stream>,
    last_audio: Micros,
    /// The event under way goes in its own stream.
    apart: bool,
    next_at: Micros,
}

impl Injection {
    /// Nothing to send yet. `payload_type` and `clock_rate` are the telephone-event's as the peer takes it; `seed` should be
    /// random.
    #[must_use]
    pub fn new(payload_type: u8, clock_rate: u32, seed: u64, now: Micros) -> Self {
        Self {
            player: DigitPlayer::default(),
            payload_type,
            clock_rate,
            own: Stream { ssrc: (seed >> 32) as u32, sequence: (seed >> 16) as u16, timestamp: seed as u32 },
            audio: None,
            last_audio: now,
            apart: false,
            next_at: now + PTIME_US,
        }
    }

    /// Queues digits. See [`DigitPlayer::queue`].
    ///
    /// # Errors
    /// [`NotADigit`].
    pub fn queue(&mut self, digits: &str, duration_ms: u32) -> Result<(), NotADigit> {
        self.player.queue(digits, duration_ms, self.clock_rate)
    }

    /// True when everything has been sent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.player.is_idle()
    }

    /// An audio packet passes: the event packet to send in its place, or `None` when it is to pass itself.
    pub fn replace(&mut self, audio: &Header, packet: &mut [u8], now: Micros) -> Option<usize> {
        let is_anothers = self.audio.is_some_and(|begun| begun.ssrc != audio.ssrc);
        if is_anothers && self.player.is_playing() {
            // The timer finishes the event, whose audio is gone or never was.
            return None;
        }
        let before = self.audio.replace(Stream {
            ssrc: audio.ssrc,
            sequence: audio.sequence,
            timestamp: audio.timestamp,
        });
        self.last_audio = now;
        if self.apart {
            return None;
        }
        let usual = self.clock_rate / 50;
        let step = before
            .filter(|before| before.ssrc == audio.ssrc)
            .map(|before| audio.timestamp.wrapping_sub(before.timestamp))
            .filter(|&step| step > 0 && step <= 10 * usual)
            .unwrap_or(usual);
        self.player.next_packet(packet, self.payload_type, audio.sequence, audio.timestamp, audio.ssrc, step)
    }

    /// When the timer should look again.
    #[must_use]
    pub const fn next_at(&self) -> Micros {
        self.next_at
    }

    /// The timer's moment: the event packet to send because no audio passes that it could replace.
    pub fn speak(&mut self, packet: &mut [u8], now: Micros) -> Option<usize> {
        if now < self.next_at {
            return None;
        }
        self.next_at = now + PTIME_US;
        let step = self.clock_rate / 50;
        self.own.timestamp = self.own.timestamp.wrapping_add(step);
        if now.saturating_sub(self.last_audio) < SILENT_US && !self.apart {
            return None;
        }
        // An event that the audio left in the middle is finished where it began.
        let stream = match &mut self.audio {
            Some(audio) if !self.apart && self.player.is_playing() => audio,
            _ => &mut self.own,
        };
        stream.sequence = stream.sequence.wrapping_add(1);
        let Stream { ssrc, sequence, timestamp } = *stream;
        let own = ssrc == self.own.ssrc;
        let length = self.player.next_packet(packet, self.payload_type, sequence, timestamp, ssrc, step);
        self.apart = own && self.player.is_playing();
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::{Event, spelled};
    use crate::rtp::write_header;

    const AUDIO_SSRC: u32 = 7;

    fn audio(sequence: u16) -> Header {
        let mut packet = [0; 12];
        write_header(&mut packet, false, 8, sequence, u32::from(sequence) * 160, AUDIO_SSRC);
        Header::parse(&packet).unwrap()
    }

    fn injection(digits: &str) -> Injection {
        let mut injection = Injection::new(101, 8000, 0x9999_0001_0000_0000, 0);
        injection.queue(digits, 60).unwrap();
        injection
    }

    fn read(packet: &[u8], length: usize) -> (Header, Event) {
        let header = Header::parse(&packet[..length]).unwrap();
        (header, Event::parse(&packet[header.payload_start..length]).unwrap())
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
                Some(length) => packets.push(read(&packet, length)),
                None => passed += 1,
            }
            assert_eq!(injection.speak(&mut packet, now + 1), None, "the timer has nothing to add");
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
    fn without_audio_the_timer_sends_them_in_a_stream_of_their_own() {
        let mut injection = injection("42");
        let mut packets = Vec::new();
        let mut now = 0;
        while !injection.is_idle() {
            now += PTIME_US;
            let mut packet = [0; 16];
            if let Some(length) = injection.speak(&mut packet, now) {
                assert!(now >= SILENT_US);
                packets.push(read(&packet, length));
            }
        }
        assert_eq!(spelled(packets.iter().copied()), "42");
        assert!(packets.iter().all(|(header, _)| header.ssrc == 0x9999_0001));
        assert!(packets.windows(2).all(|pair| pair[1].0.sequence > pair[0].0.sequence));
    }

    #[test]
    fn audio_that_comes_back_passes_while_an_event_of_its_own_stream_ends() {
        let mut injection = injection("4");
        let mut packet = [0; 16];
        assert!(injection.speak(&mut packet, SILENT_US).is_some());
        assert_eq!(injection.replace(&audio(1), &mut packet, SILENT_US + 1), None);
        let mut now = SILENT_US;
        while !injection.is_idle() {
            now += PTIME_US;
            if let Some(length) = injection.speak(&mut packet, now) {
                assert_eq!(read(&packet, length).0.ssrc, 0x9999_0001);
            }
        }
    }

    #[test]
    fn an_event_is_finished_where_it_began_though_audio_comes_from_another_source() {
        let mut injection = injection("42");
        let mut packet = [0; 16];
        let length = injection.replace(&audio(1), &mut packet, 0).unwrap();
        let mut packets = vec![read(&packet, length)];
        for n in 1..100 {
            let (now, other) = (u64::from(n) * PTIME_US, Header { ssrc: 8, ..audio(500 + n) });
            let in_its_place = injection.replace(&other, &mut packet, now);
            let length = in_its_place.or_else(|| injection.speak(&mut packet, now + 1));
            packets.extend(length.map(|length| read(&packet, length)));
        }
        assert!(injection.is_idle());
        assert_eq!(spelled(packets.iter().copied()), "42");
        let source = |digit| {
            packets.iter().filter(move |(_, event)| event.code == digit).map(|(header, _)| header.ssrc)
        };
        assert!(source(4).all(|ssrc| ssrc == AUDIO_SSRC) && source(2).all(|ssrc| ssrc == 8));
    }

    #[test]
    fn an_event_that_the_audio_leaves_is_finished_where_it_began() {
        let mut injection = injection("4");
        let mut packet = [0; 16];
        let length = injection.replace(&audio(1), &mut packet, 0).unwrap();
        let mut packets = vec![read(&packet, length)];
        let mut now = 0;
        while !injection.is_idle() {
            now += PTIME_US;
            if let Some(length) = injection.speak(&mut packet, now) {
                packets.push(read(&packet, length));
            }
        }
        assert!(packets.iter().all(|(header, _)| header.ssrc == AUDIO_SSRC && header.timestamp == 160));
        assert_eq!(spelled(packets.iter().copied()), "4");
        assert_eq!(packets.last().unwrap().0.sequence, packets.len() as u16);
    }
}
