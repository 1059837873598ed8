//! One peer's side of a call: what to make of a packet that came, where to send one that goes, and what to report.
//!
//! A [`Leg`] knows no socket and no other leg. The engine hands it each datagram with its source and carries accepted ones
//! to the far leg. SSRC, sequence numbers and timestamps pass unchanged, so RTCP reports stay true end to end; only the
//! payload type is rewritten.

mod remote;
mod statistics;

use std::net::SocketAddr;

use trunkline_codecs::Codec;

use crate::Micros;
use crate::course::Count;
use crate::dtmf::Event;
use crate::dtmf::following::Following;
use crate::format::EventFormat;
use crate::latch::Latch;
use crate::mos::{self, Impairment};
use crate::payload::Payload;
use crate::reception::Reception;
use crate::rtcp::{self, report::PeerStream};
use crate::rtp::{self, Header, Kind};
use remote::Meaning;
pub use remote::{Flow, Remote};
pub use statistics::{Drop, Statistics};

/// A packet that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// RTP; its payload type is the far peer's by now, the header still shows this peer's.
    Rtp {
        /// As it came.
        header: Header,
        /// It is a telephone-event.
        is_event: bool,
        /// Ticks a second of its timestamp.
        clock_rate: u32,
    },
    /// RTP that the far peer can't be sent as it is.
    Foreign {
        /// As it came.
        header: Header,
        /// What it is; `None` for a telephone-event.
        codec: Option<Codec>,
        /// Ticks a second of its timestamp.
        clock_rate: u32,
    },
    /// RTCP to be passed on.
    Rtcp,
}

/// Where RTCP goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtcpDestination {
    /// Over the RTP port pair's even port (RFC 5761).
    pub muxed: bool,
    /// The peer's address.
    pub address: SocketAddr,
}

/// One peer's side. Laid out so that what each packet needs comes first and together: with many calls every line of
/// memory that a packet touches is a cold one.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Leg {
    packets_sent: u64,
    octets_sent: u64,
    last_rtp: Micros,
    usual: Usual,
    latch: Latch,
    reception: Reception,
    audio_payload_type: Option<u8>,
    events: Following,
    dtmf_events: u64,
    remote: Option<Remote>,
    may_send: bool,
    rtcp_source: Option<SocketAddr>,
    expecting_since: Option<Micros>,
    /// The source of the peer's last sender report, its name (the middle of its NTP timestamp), and when it came.
    sender_report: Option<(u32, u32, Micros)>,
    dropped: [u64; Drop::COUNT],
}

/// What the remote comes down to for nearly every packet.
#[derive(Clone, Copy, Debug, Default)]
struct Usual {
    /// The audio that came last; `None` before any did.
    audio: Option<Payload>,
    sends: bool,
    receives: bool,
    dtmf_payload_type: Option<u8>,
    /// There are others.
    has_other_events: bool,
}

impl Leg {
    /// Sets or changes the peer. `may_send`: whether its signalled address is one that may be sent to at all. Returns
    /// true when another source than before may be heard ([`Latch::expect`]).
    ///
    /// A hold by address (`0.0.0.0`) keeps the latch, so that coming back to the same address finds the same source.
    pub fn set_remote(&mut self, remote: Remote, may_send: bool, now: Micros) -> bool {
        let released = if remote.is_nowhere() && self.remote.is_some() {
            false
        } else {
            self.latch.expect(remote.expectation())
        };
        self.may_send = may_send && remote.is_sendable();
        if self.remote.as_ref().is_some_and(|before| before.flow != remote.flow) {
            self.reception.interrupt();
        }
        if self.latch.source().is_none() {
            self.rtcp_source = None;
        }
        let expects = remote.flow == Flow::Both && !remote.is_nowhere();
        if !expects {
            self.expecting_since = None;
        } else if self.expecting_since.is_none() {
            self.expecting_since = Some(now);
        }
        self.usual = Usual {
            audio: None,
            sends: remote.flow.sends() && !remote.is_nowhere(),
            receives: remote.flow.receives(),
            dtmf_payload_type: remote.dtmf_payload_type,
            has_other_events: !remote.other_events.is_empty(),
        };
        self.remote = Some(remote);
        released
    }

    /// Asks again whether the signalled address may be sent to, after the leg's far end has changed.
    pub fn reconsider(&mut self, may_send: impl FnOnce(SocketAddr) -> bool) {
        if let Some(remote) = &self.remote {
            self.may_send = remote.is_sendable() && may_send(remote.rtp);
        }
    }

    /// The peer as last set.
    #[must_use]
    pub const fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }

    /// telephone-event as the peer is sent it, if its own passes to the far one. Where nobody says so, it is sent what it sends.
    #[must_use]
    pub fn telephone_event(&self) -> Option<EventFormat> {
        let remote = self.remote.as_ref()?;
        let Payload { from, clock_rate, .. } = remote.payloads.get(remote.dtmf_payload_type?)?;
        Some(remote.takes_events.unwrap_or(EventFormat { payload_type: from, clock_rate }))
    }

    /// Judges a datagram of the RTP port. `refuses` tells addresses never to be latched onto: our own ports, for one. It is
    /// not asked about the peer's signalled address, if that may be sent to.
    ///
    /// # Errors
    /// Why it goes no further; it has been counted.
    pub fn receive_rtp(
        &mut self,
        packet: &mut [u8],
        source: SocketAddr,
        now: Micros,
        refuses: impl Fn(SocketAddr) -> bool,
    ) -> Result<Arrival, Drop> {
        let result = if rtp::kind(packet) == Kind::Rtcp {
            self.accept_muxed_rtcp(packet, source, now)
        } else {
            self.accept_rtp(packet, source, now, refuses)
        };
        result.inspect_err(|&reason| self.count_drop(reason))
    }

    fn accept_rtp(
        &mut self,
        packet: &mut [u8],
        source: SocketAddr,
        now: Micros,
        refuses: impl Fn(SocketAddr) -> bool,
    ) -> Result<Arrival, Drop> {
        let header = Header::parse(packet).ok_or(Drop::Malformed)?;
        let meaning = match self.usual.audio {
            Some(payload) if payload.from == header.payload_type => Meaning::Passes(payload),
            _ => self
                .remote
                .as_ref()
                .ok_or(Drop::NoPeer)?
                .meaning(header.payload_type)
                .inspect_err(|_| self.note_unknown(&header, source, now))?,
        };
        let before = self.latch.source();
        let is_new = before != Some(source);
        if is_new && !self.is_told(source, |remote| remote.rtp.port()) && refuses(source)
            || !self.latch.judge(source, &header, now)
        {
            return Err(Drop::OtherSource);
        }
        if is_new {
            self.rtcp_source = None;
        }
        self.last_rtp = now;
        let clock_rate = meaning.clock_rate();
        let is_event = self.is_event(header.payload_type);
        if is_event {
            self.reception.note_event(header.ssrc, header.sequence, header.payload_length());
            let event = Event::parse(&packet[header.payload_start..header.payload_end]);
            let progress = event.and_then(|event| self.events.take(&header, event, clock_rate, now));
            self.dtmf_events += u64::from(progress.is_some_and(|progress| progress.begins));
        } else {
            if let Meaning::Passes(payload) = meaning {
                self.usual.audio = Some(payload);
            }
            self.audio_payload_type = Some(header.payload_type);
            self.reception.note_audio(
                header.ssrc,
                header.sequence,
                header.timestamp,
                clock_rate,
                header.payload_length(),
                now,
            );
        }
        if !self.usual.receives {
            return Err(Drop::Held);
        }
        Ok(match meaning {
            Meaning::Passes(payload) => {
                rtp::set_payload_type(packet, payload.to);
                Arrival::Rtp { header, is_event, clock_rate }
            }
            Meaning::Foreign(codec) => Arrival::Foreign { header, codec: Some(codec), clock_rate },
            Meaning::Event(_) => Arrival::Foreign { header, codec: None, clock_rate },
        })
    }

    fn is_event(&self, payload_type: u8) -> bool {
        let other = |remote: &Remote| remote.other_event(payload_type).is_some();
        self.usual.dtmf_payload_type == Some(payload_type)
            || self.usual.has_other_events && self.remote.as_ref().is_some_and(other)
    }

    /// Counts a packet of the peer's that nobody can make anything of: some send comfort noise that was not agreed, and keep-alives
    /// of a number of nobody's (RFC 6263 §4.6). It is not lost, and shows that the peer is there.
    fn note_unknown(&mut self, header: &Header, source: SocketAddr, now: Micros) {
        if self.latch.source() == Some(source) {
            self.last_rtp = now;
            self.reception.note_event(header.ssrc, header.sequence, header.payload_length());
        }
    }

    /// Whether a source is exactly what signalling says, and may be sent to.
    fn is_told(&self, source: SocketAddr, port: impl Fn(&Remote) -> u16) -> bool {
        self.may_send
            && self
                .remote
                .as_ref()
                .is_some_and(|remote| source.ip() == remote.rtp.ip() && source.port() == port(remote))
    }

    fn accept_muxed_rtcp(&mut self, packet: &[u8], source: SocketAddr, now: Micros) -> Result<Arrival, Drop> {
        let remote = self.remote.as_ref().ok_or(Drop::NoPeer)?;
        if !remote.is_muxed() || !rtcp::is_valid(packet) {
            return Err(Drop::Malformed);
        }
        if self.latch.source() != Some(source) {
            return Err(Drop::OtherSource);
        }
        self.note_rtcp(packet, now);
        Ok(Arrival::Rtcp)
    }

    fn note_rtcp(&mut self, packet: &[u8], now: Micros) {
        if let Some((ssrc, name)) = rtcp::sender_report(packet) {
            self.sender_report = Some((ssrc, name, now));
        }
    }

    /// What the peer's stream is like, for a report on it; `None` before it began.
    #[must_use]
    pub fn peer_stream(&self) -> Option<PeerStream> {
        let received = self.reception.received()?;
        let last_report =
            self.sender_report.filter(|&(ssrc, ..)| ssrc == received.ssrc).map(|(_, name, at)| (name, at));
        Some(PeerStream { received, last_report })
    }

    /// Judges a datagram of the RTCP port; `refuses` as in [`Leg::receive_rtp`].
    ///
    /// # Errors
    /// Why it goes no further; it has been counted.
    pub fn receive_rtcp(
        &mut self,
        packet: &[u8],
        source: SocketAddr,
        now: Micros,
        refuses: impl Fn(SocketAddr) -> bool,
    ) -> Result<Arrival, Drop> {
        self.accept_rtcp(packet, source, now, refuses).inspect_err(|&reason| self.count_drop(reason))
    }

    fn accept_rtcp(
        &mut self,
        packet: &[u8],
        source: SocketAddr,
        now: Micros,
        refuses: impl Fn(SocketAddr) -> bool,
    ) -> Result<Arrival, Drop> {
        let remote = self.remote.as_ref().ok_or(Drop::NoPeer)?;
        if remote.is_muxed() || !rtcp::is_valid(packet) {
            return Err(Drop::Malformed);
        }
        match self.rtcp_source {
            Some(known) if known == source => {}
            Some(_) => return Err(Drop::OtherSource),
            None if !self.latch.trusts_host(source.ip()) => return Err(Drop::OtherSource),
            None if !self.is_told(source, |remote| remote.rtcp_port) && refuses(source) => {
                return Err(Drop::OtherSource);
            }
            // Before RTP has told who the peer is, a report may pass but settles nothing.
            None if self.latch.source().is_some() => self.rtcp_source = Some(source),
            None => {}
        }
        self.note_rtcp(packet, now);
        Ok(Arrival::Rtcp)
    }

    /// Where RTP to the peer goes: to the source it was latched onto, before that to the signalled address.
    ///
    /// # Errors
    /// Why nothing may be sent; it has been counted.
    pub fn rtp_destination(&mut self) -> Result<SocketAddr, Drop> {
        self.destination().inspect_err(|&reason| self.count_drop(reason))
    }

    /// Whether RTP to the peer may go anywhere at the moment.
    #[must_use]
    pub fn may_be_sent_to(&self) -> bool {
        self.destination().is_ok()
    }

    fn destination(&self) -> Result<SocketAddr, Drop> {
        if !self.usual.sends {
            return Err(if self.remote.is_none() { Drop::NoPeer } else { Drop::Held });
        }
        match (self.latch.source(), &self.remote) {
            (Some(source), _) => Ok(source),
            (None, Some(remote)) if self.may_send => Ok(remote.rtp),
            _ => Err(Drop::NoDestination),
        }
    }

    /// Counts an RTP packet that was sent to the peer.
    pub const fn count_sent(&mut self, payload_octets: usize) {
        self.packets_sent += 1;
        self.octets_sent += payload_octets as u64;
    }

    /// Counts a packet that went no further for a reason the engine found.
    pub const fn count_drop(&mut self, reason: Drop) {
        self.dropped[reason as usize] += 1;
    }

    /// Where RTCP to the peer goes. It is not stopped by hold (RFC 3264 §5.1), only by an address that is nowhere.
    #[must_use]
    pub fn rtcp_destination(&self) -> Option<RtcpDestination> {
        let remote = self.remote.as_ref().filter(|remote| !remote.is_nowhere() && remote.rtcp_port != 0)?;
        let latched = self.latch.source();
        if remote.is_muxed() {
            let address = latched.or_else(|| self.may_send.then_some(remote.rtp))?;
            return Some(RtcpDestination { muxed: true, address });
        }
        let address = self.rtcp_source.or_else(|| {
            let host =
                latched.map(|source| source.ip()).or_else(|| self.may_send.then(|| remote.rtp.ip()))?;
            Some(SocketAddr::new(host, remote.rtcp_port))
        })?;
        Some(RtcpDestination { muxed: false, address })
    }

    /// The source to connect the RTP socket to, once nothing but a new remote can change it.
    #[must_use]
    pub fn settled_source(&self) -> Option<SocketAddr> {
        if self.latch.is_final() { self.latch.source() } else { None }
    }

    /// The source latched onto, settled or not.
    #[must_use]
    pub fn source(&self) -> Option<SocketAddr> {
        self.latch.source()
    }

    /// Since when audio has been expected in vain: the last RTP packet, or the moment it became expected. `None` while
    /// none is expected (hold, one-way, no peer).
    #[must_use]
    pub fn silent_since(&self) -> Option<Micros> {
        self.expecting_since.map(|since| since.max(self.last_rtp))
    }

    /// When the peer's last RTP packet came; 0 before the first.
    #[must_use]
    pub const fn last_rtp(&self) -> Micros {
        self.last_rtp
    }

    /// What a course is made of.
    #[must_use]
    pub fn count(&self) -> Count {
        Count {
            received: self.reception.packets(),
            lost: self.reception.lost(),
            jitter_ms: self.reception.jitter_ms(),
            impairment: self.audio_payload_type.map_or(Impairment::G711, Impairment::of_payload_type),
        }
    }

    /// Everything counted so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let jitter_ms = self.reception.jitter_ms();
        let mos = self.audio_payload_type.map(|payload_type| {
            mos::estimate(self.reception.loss(), jitter_ms, Impairment::of_payload_type(payload_type))
        });
        Statistics {
            packets_received: self.reception.packets(),
            octets_received: self.reception.octets(),
            packets_sent: self.packets_sent,
            octets_sent: self.octets_sent,
            packets_lost: self.reception.lost(),
            out_of_order: self.reception.out_of_order(),
            duplicates: self.reception.duplicates(),
            jitter_ms,
            mos,
            dtmf_events: self.dtmf_events,
            dropped: self.dropped,
        }
    }
}

#[cfg(test)]
mod tests;
