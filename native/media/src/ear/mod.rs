//! Digits of one peer, for whoever wants to know of them: its telephone-events when they end, and DTMF tones in its audio
//! ([`tones`]).

pub mod tones;

use crate::Micros;
use crate::dtmf::Event;
use crate::dtmf::following::{Following, Progress};
use crate::dtmf::tones::Digit;
use crate::rtp::Header;
use tones::ToneEar;

/// The ear of a leg.
#[derive(Debug, Default)]
pub struct Ear {
    events: Following,
    /// Listens to its audio.
    pub tones: ToneEar,
}

impl Ear {
    /// Takes a packet of an event; tells the digit when this is its end, and before it one whose own end never came.
    pub fn hear_event(
        &mut self,
        header: &Header,
        payload: &[u8],
        clock_rate: u32,
        now: Micros,
        found: &mut dyn FnMut(Digit),
    ) {
        let Some(event) = Event::parse(payload) else {
            return;
        };
        if self.events.begins(header, event, now) {
            self.give_up(found);
        }
        let progress = self.events.take(header, event, clock_rate, now);
        if let Some(ended) = progress.filter(|progress| progress.ends) {
            tell(ended, found);
        }
    }

    /// Notes that audio came, of so many ticks a second: it may show that an event has ended though all packets of its end
    /// were lost.
    pub fn miss_events(
        &mut self,
        header: &Header,
        clock_rate: u32,
        now: Micros,
        found: &mut dyn FnMut(Digit),
    ) {
        if !self.events.covers(header, clock_rate, now) {
            self.give_up(found);
        }
    }

    /// When a digit under way is over unless more of it comes: then [`Ear::expire`] tells it.
    #[must_use]
    pub fn gone_at(&self) -> Option<Micros> {
        [self.events.gone_at(), self.tones.gone_at()].into_iter().flatten().min()
    }

    /// Tells the digits of which nothing has come for too long.
    pub fn expire(&mut self, now: Micros, found: &mut dyn FnMut(Digit)) {
        if let Some(progress) = self.events.expire(now) {
            tell(progress, found);
        }
        if let Some(digit) = self.tones.expire(now) {
            found(digit);
        }
    }

    fn give_up(&mut self, found: &mut dyn FnMut(Digit)) {
        if let Some(progress) = self.events.finish() {
            tell(progress, found);
        }
    }
}

/// Tells of an event in milliseconds, unless it is no digit.
fn tell(progress: Progress, found: &mut dyn FnMut(Digit)) {
    let duration_ms = progress.ticks_at(1000).try_into().unwrap_or(u32::MAX);
    let digit = Digit { code: progress.code, duration_ms };
    if digit.spelled().is_some() {
        found(digit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::header;

    #[test]
    fn an_event_is_told_once_with_its_duration() {
        let mut ear = Ear::default();
        let mut told = Vec::new();
        for (n, (duration, end)) in
            [(160, false), (800, false), (1600, true), (1600, true), (1600, true)].into_iter().enumerate()
        {
            let event = Event { code: 11, end, volume: 10, duration };
            ear.hear_event(&header(n as u16, 500, 7), &event.to_bytes(), 16_000, 0, &mut |digit| {
                told.push(digit);
            });
        }
        let flash = Event { code: 16, end: true, volume: 10, duration: 800 };
        ear.hear_event(&header(9, 9000, 7), &flash.to_bytes(), 8000, 0, &mut |digit| told.push(digit));
        assert_eq!(told, [Digit { code: 11, duration_ms: 100 }]);
    }

    fn told(packets: &[(u32, u8, u16, bool)]) -> Vec<Digit> {
        let mut ear = Ear::default();
        let mut told = Vec::new();
        for (n, &(timestamp, code, duration, end)) in packets.iter().enumerate() {
            let event = Event { code, end, volume: 10, duration };
            let at = header(n as u16, timestamp, 7);
            ear.hear_event(&at, &event.to_bytes(), 8000, 0, &mut |digit| told.push(digit));
        }
        // Audio from before an event says nothing of it, audio from behind it that it is over.
        let (before, last) = (told.len(), packets.last().map_or(0, |packet| packet.0));
        ear.miss_events(&header(90, last.wrapping_sub(160), 7), 8000, 1000, &mut |digit| told.push(digit));
        assert_eq!(told.len(), before);
        for timestamp in [last + 2000, last + 2160] {
            ear.miss_events(&header(91, timestamp, 7), 8000, 1000, &mut |digit| told.push(digit));
        }
        told
    }

    #[test]
    fn the_last_digit_is_told_in_time_though_nothing_follows_it() {
        let (mut ear, mut told) = (Ear::default(), Vec::new());
        let event = Event { code: 3, end: false, volume: 10, duration: 800 };
        ear.hear_event(&header(1, 800, 7), &event.to_bytes(), 8000, 0, &mut |digit| told.push(digit));
        let gone_at = ear.gone_at().unwrap();
        ear.expire(gone_at - 1, &mut |_| panic!("too early"));
        ear.expire(gone_at, &mut |digit| told.push(digit));
        ear.expire(gone_at + 1, &mut |digit| told.push(digit));
        assert_eq!((told, ear.gone_at()), (vec![Digit { code: 3, duration_ms: 100 }], None));
    }

    #[test]
    fn the_last_digit_is_told_by_the_audio_after_it_when_its_end_was_lost() {
        assert_eq!(told(&[(800, 7, 160, false), (800, 7, 480, false)]), [Digit { code: 7, duration_ms: 60 }]);
        assert_eq!(told(&[]), []);
    }

    #[test]
    fn a_digit_whose_end_was_lost_is_told_when_the_next_begins() {
        let packets =
            [(800, 1, 160, false), (800, 1, 640, false), (2400, 2, 160, false), (2400, 2, 800, true)];
        let digits = [Digit { code: 1, duration_ms: 80 }, Digit { code: 2, duration_ms: 100 }];
        assert_eq!(told(&packets), digits);
    }

    #[test]
    fn the_segments_of_a_long_event_are_one_digit() {
        let second = 800 + 0xffff;
        let packets = [(800, 1, 160, false), (800, 1, 0xffff, false), (second, 1, 160, false)];
        let ended = [&packets[..], &[(second, 1, 8000, true); 3]].concat();
        assert_eq!(told(&ended), [Digit { code: 1, duration_ms: (0xffff + 8000) / 8 }]);
    }
}
