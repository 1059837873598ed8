//! What legs do though no datagram came: terminals, sounds and digits speak, what was waited for is given up, and silent
//! calls are found.
//!
//! A leg has one moment at which its thread will wake it. One asked for that comes earlier takes its place, and the thread
//! finds the old one no longer meant; whatever becomes due later is found when the leg is woken.

use trunkline_media::Micros;
use trunkline_media::rtp::HEADER_LENGTH;

use crate::events::{Event, EventKind};
use crate::leg_id::LegId;
use crate::relay::{BUFFER, report, send_own, send_rtp};
use crate::shared::{NEVER, Shared};
use crate::slot::{Far, OpenLeg};
use crate::sockets::Pair;

impl Shared {
    /// Has a leg's thread wake it when it has something to do, unless it will be woken before.
    pub(crate) fn wake_when_due(&self, open: &mut OpenLeg, leg: LegId) {
        let due = open.due_at().filter(|&due| open.wakes_at.is_none_or(|wakes_at| due < wakes_at));
        if let Some(due) = due {
            open.wakes_at = Some(due);
            self.doors[leg.slot as usize % self.doors.len()].pace(due, leg);
        }
    }

    /// Has a leg do what is due at a moment that was asked for: terminals, sounds and digits speak, and what was waited for
    /// is given up. When it is to be woken next, or `None` when it has nothing to do or will be woken for another moment.
    pub(crate) fn wake(
        &self,
        leg: LegId,
        at: Micros,
        buffer: &mut [u8; BUFFER],
        now: Micros,
    ) -> Option<Micros> {
        let place = &self.slots[leg.slot as usize];
        let pair = place.pair()?;
        let mut content = place.lock();
        let open = content.open(leg.generation)?;
        open.wakes_at.take_if(|wakes_at| *wakes_at == at)?;
        let tell = |kind| {
            self.events.push(Event { kind, leg });
        };
        let told = open.leg.remote().is_some_and(|remote| remote.tells_digits);
        if let Some(ear) = &mut open.ear {
            ear.expire(now, &mut |digit| {
                if told {
                    tell(EventKind::Digit(digit));
                }
            });
        }
        if !open.is_speaking() && speak_terminal(open, pair, buffer, now) {
            tell(EventKind::SourceEnded);
        }
        if open.injects_in_vain(now) {
            open.outgoing(|| self.seed(), now);
        }
        if let Some(mut outgoing) = open.outgoing.take() {
            outgoing.set_mute(!open.leg.may_be_sent_to());
            let said = outgoing.speak(now, &mut |packet, length| send_own(open, pair, packet, length));
            report(&mut outgoing, open, pair, now);
            open.outgoing = Some(outgoing);
            if said.sound_ended {
                tell(EventKind::SoundEnded);
            }
            if said.digits_ended {
                tell(EventKind::SourceEnded);
            }
        }
        // Who is behind catches up at once. But a moment that was dealt with is not met again: the thread would never get on.
        open.wakes_at = open.due_at().map(|due| if due > at { due } else { now + 1 });
        open.wakes_at
    }

    /// Tells of the bridge that begins at `slot`, if its silence has lasted too long: once, and again only after sound.
    /// When to look again: once it can have lasted too long, which sound only puts off; 0 for each time, [`NEVER`] where no
    /// bridge begins.
    pub(crate) fn check_silence(&self, slot: u32, now: Micros) -> Micros {
        let (first, second, since, was_told) = {
            let mut content = self.slots[slot as usize].lock();
            let first = LegId { slot, generation: content.generation };
            let Some(OpenLeg { leg, far: Far::Leg { leg: second, first: true, since, told }, .. }) =
                content.open(first.generation)
            else {
                return NEVER;
            };
            let Some(silent) = leg.silent_since() else {
                return 0;
            };
            (first, *second, silent.max(*since), *told)
        };
        let silent = {
            let mut content = self.lock(second);
            let Some(OpenLeg { leg, far: Far::Leg { leg: back, .. }, .. }) = content.open(second.generation)
            else {
                return 0;
            };
            if *back != first {
                return 0;
            }
            leg.silent_since()
        };
        let timeout = self.settings.timeout.as_micros() as Micros;
        let too_long_at = silent.map(|silent| silent.max(since) + timeout);
        let is_silent = too_long_at.is_some_and(|at| at <= now);
        if is_silent != was_told {
            let told = is_silent && self.events.push(Event { kind: EventKind::MediaTimedOut, leg: first });
            if let Some(OpenLeg { far: Far::Leg { told: flag, .. }, .. }) =
                self.lock(first).open(first.generation)
            {
                *flag = told;
            }
        }
        too_long_at.filter(|_| !is_silent).unwrap_or(0)
    }
}

/// Has a terminal say what is due. True when the last of it was said.
fn speak_terminal(open: &mut OpenLeg, pair: &Pair, buffer: &mut [u8; BUFFER], now: Micros) -> bool {
    let Far::Terminal(terminal) = &mut open.far else {
        return false;
    };
    let spoken = terminal.speak(now, buffer);
    if spoken.length > 0 {
        send_rtp(open, pair, buffer, spoken.length, spoken.length - HEADER_LENGTH);
    }
    spoken.ended
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
    use std::time::Duration;

    use super::*;
    use crate::settings::Settings;
    use crate::slot::State;
    use trunkline_codecs::Codec;
    use trunkline_media::format::{EventFormat, Format};
    use trunkline_media::leg::{Flow, Leg, Remote};
    use trunkline_media::outgoing::speech::Sound;
    use trunkline_media::payload::{Payload, PayloadMap};
    use trunkline_media::rtcp;
    use trunkline_media::rtp::{Header, write_header};

    const SECOND: Micros = 1_000_000;
    const TIMEOUT: Micros = 60 * SECOND;

    fn peer() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 4000).into()
    }

    /// Opens a leg on a slot, towards the one on another, whose audio may go this way from the start.
    fn open(shared: &Shared, slot: u32, to: u32, flow: Flow) {
        let mut leg = Leg::default();
        let payloads = PayloadMap::new(vec![Payload { from: 8, to: 8, clock_rate: 8000 }]).unwrap();
        leg.set_remote(Remote::plain(peer(), flow, payloads), true, 0);
        let far = LegId { slot: to, generation: 0 };
        let far = Far::Leg { leg: far, first: slot < to, since: 0, told: false };
        shared.slots[slot as usize].lock().state = State::Open(OpenLeg { far, leg, ..OpenLeg::default() });
    }

    /// A packet of the peer of the leg on a slot.
    fn say(shared: &Shared, slot: u32, now: Micros) {
        let mut packet = [0x55; 172];
        write_header(&mut packet, false, 8, (now / SECOND) as u16, 0, 7);
        let mut content = shared.slots[slot as usize].lock();
        content.open(0).unwrap().leg.receive_rtp(&mut packet, peer(), now, |_| false).unwrap();
    }

    #[test]
    fn hold_and_sound_on_one_side_are_no_silence() {
        let settings = Settings { bind_v4: Some(Ipv4Addr::LOCALHOST), ..Settings::default() };
        let shared = Shared::new(settings).unwrap();
        open(&shared, 0, 1, Flow::Send);
        open(&shared, 1, 0, Flow::Both);
        open(&shared, 2, 3, Flow::Both);
        open(&shared, 3, 2, Flow::Both);
        let mut last = 0;
        say(&shared, 3, last);
        for _ in 0..10 {
            let now = last + TIMEOUT - 1;
            assert_eq!(shared.check_silence(0, now), 0, "held: that may end at any moment");
            assert_eq!(shared.check_silence(2, now), last + TIMEOUT);
            say(&shared, 3, now);
            last = now;
        }
        assert_eq!(shared.events.drain(), []);
        let told = Event { kind: EventKind::MediaTimedOut, leg: LegId { slot: 2, generation: 0 } };
        shared.check_silence(2, last + TIMEOUT - 1);
        assert_eq!(shared.events.drain(), []);
        shared.check_silence(2, last + TIMEOUT);
        assert_eq!(shared.events.drain(), [told]);
    }

    #[test]
    fn a_leg_is_woken_for_the_earliest_moment_that_it_asked_for() {
        let settings = Settings { bind_v4: Some(Ipv4Addr::LOCALHOST), ..Settings::default() };
        let shared = Shared::new(settings).unwrap();
        let leg = LegId { slot: 0, generation: 0 };
        let mut open = OpenLeg::default();
        let due = open.outgoing(|| 1, 0).due_at();
        let mut asked_for = |wakes_at| {
            open.wakes_at = wakes_at;
            shared.wake_when_due(&mut open, leg);
            let asked = std::mem::take(&mut *shared.doors[0].paced.lock().unwrap());
            (open.wakes_at, asked)
        };
        for later in [None, Some(due + 1)] {
            assert_eq!(asked_for(later), (Some(due), vec![(due, leg)]));
        }
        for soon_enough in [Some(due), Some(due - 1)] {
            assert_eq!(asked_for(soon_enough), (soon_enough, vec![]));
        }
    }

    #[test]
    fn a_leg_that_is_woken_says_and_reports_what_is_due_and_tells_when_it_is_through() {
        let host = Ipv4Addr::new(127, 0, 7, 3);
        let settings =
            Settings { port_min: 26100, port_max: 26101, bind_v4: Some(host), ..Settings::default() };
        let shared = Shared::new(settings).unwrap();
        let leg = LegId { slot: shared.take_slot(false, 0).unwrap(), generation: 0 };
        let peer = UdpSocket::bind((host, 0)).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let address = peer.local_addr().unwrap();
        let remote = Remote {
            rtcp_port: address.port(),
            speaks: Some(Format { payload_type: 8, codec: Codec::Pcma, ptime_ms: 20 }),
            takes_events: Some(EventFormat { payload_type: 101, clock_rate: 8000 }),
            ..Remote::plain(address, Flow::Both, PayloadMap::default())
        };
        let mut open = OpenLeg { wakes_at: Some(0), ..OpenLeg::default() };
        open.leg.set_remote(remote, true, 0);
        assert!(open.outgoing(|| 1, 0).announce(Sound::samples(vec![5000; 320].into(), false), 0));
        assert_eq!(open.outgoing(|| 1, 0).send_digits("5", 40, 0), Ok(true));
        shared.slots[leg.slot as usize].lock().state = State::Open(open);

        let (mut buffer, mut told, mut at) = ([0; BUFFER], Vec::new(), 0);
        assert_eq!(shared.wake(leg, 1, &mut buffer, 1), None, "it asked for another moment");
        while at < 8 * SECOND {
            let next = shared.wake(leg, at, &mut buffer, at).unwrap();
            assert!(next > at);
            told.extend(shared.events.drain().into_iter().map(|event| (event.kind, event.leg)));
            at = next;
        }
        assert_eq!(told, [(EventKind::SourceEnded, leg), (EventKind::SoundEnded, leg)]);
        let mut heard = Vec::new();
        while heard.last() != Some(&None) {
            let (length, _) = peer.recv_from(&mut buffer).unwrap();
            let is_report = rtcp::is_valid(&buffer[..length]);
            heard.push(Header::parse(&buffer[..length]).filter(|_| !is_report));
        }
        let kinds = heard.iter().map(|header| header.map_or(0, |header| header.payload_type));
        assert_eq!(kinds.collect::<Vec<_>>(), [101, 101, 101, 101, 8, 8, 0]);
    }
}
