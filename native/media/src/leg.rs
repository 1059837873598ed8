//! One peer's side of a call: what to make of a packet that came, where to send one that goes, and what to report.
//!
//! A [`Leg`] knows no socket and no other leg. The engine hands it each datagram with its source and carries accepted ones
//! to the far leg. SSRC, sequence numbers and timestamps pass unchanged, so RTCP reports stay true end to end; only the
//! payload type is rewritten.

use std::net::{IpAddr, SocketAddr};

use crate::Micros;
use crate::dtmf::Event;
use crate::dtmf::following::Following;
use crate::format::{EventFormat, Format};
use crate::latch::{Expectation, Latch};
use crate::mos::{self, Impairment};
use crate::payload::{Payload, PayloadMap};
use crate::reception::Reception;
use crate::rtcp::{self, report::PeerStream};
use crate::rtp::{self, Header, Kind};
use crate::srtp::{SrtpError, SrtpKeys};
use trunkline_codecs::Codec;

/// Which way audio may travel, seen from us (RFC 3264 §5.1 mirrored).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Both ways.
    Both,
    /// To the peer only.
    Send,
    /// From the peer only.
    Receive,
    /// Neither.
    None,
}

impl Flow {
    const fn sends(self) -> bool {
        matches!(self, Self::Both | Self::Send)
    }

    const fn receives(self) -> bool {
        matches!(self, Self::Both | Self::Receive)
    }
}

/// Where the peer says it is, and what it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// From the session description. An unspecified address or port 0 means: send nothing.
    pub rtp: SocketAddr,
    /// On the same host; equal to the RTP port when multiplexed (RFC 5761).
    pub rtcp_port: u16,
    /// Which way audio may travel.
    pub flow: Flow,
    /// Every payload type the peer may send.
    pub payloads: PayloadMap,
    /// The one that is telephone-event.
    pub dtmf_payload_type: Option<u8>,
    /// Its ticks a second.
    pub dtmf_clock_rate: u32,
    /// Every format that the peer may send, whether it passes or not.
    pub hears: Vec<Format>,
    /// The format in which it is sent what does not pass as it is.
    pub speaks: Option<Format>,
    /// telephone-event as it is sent.
    pub takes_events: Option<EventFormat>,
    /// Digits are looked for in its audio.
    pub finds_tones: bool,
    /// Its digits are told instead of being sent on.
    pub tells_digits: bool,
    /// The host that the leg's SIP came from.
    pub signalled_from: Option<IpAddr>,
    /// What protects the packets of both ways; `None`: nothing does. The engine takes it out and has it: a [`Leg`] sees
    /// packets without protection only.
    pub srtp: Option<SrtpKeys>,
}

impl Remote {
    /// A peer without events, formats, or anything beyond an address and what passes.
    #[must_use]
    pub const fn plain(rtp: SocketAddr, flow: Flow, payloads: PayloadMap) -> Self {
        Self {
            rtp,
            rtcp_port: rtp.port().saturating_add(1),
            flow,
            payloads,
            dtmf_payload_type: None,
            dtmf_clock_rate: 8000,
            hears: Vec::new(),
            speaks: None,
            takes_events: None,
            finds_tones: false,
            tells_digits: false,
            signalled_from: None,
            srtp: None,
        }
    }

    const fn is_muxed(&self) -> bool {
        self.rtcp_port == self.rtp.port()
    }

    const fn expectation(&self) -> Expectation {
        Expectation { signalled: self.rtp, signalled_from: self.signalled_from }
    }

    /// Somewhere, and the host that the leg's SIP came from. Any other host may be somebody's who never asked for a
    /// stream of packets: it is sent to once it has sent (a peer's media host behind the same NAT, a carrier's media
    /// gateway). Where nobody says whence SIP came (a terminal of ours), the description is believed.
    fn is_sendable(&self) -> bool {
        !self.is_nowhere() && self.signalled_from.is_none_or(|from| from == self.rtp.ip())
    }

    /// What a payload type of the peer stands for.
    fn meaning(&self, payload_type: u8) -> Result<Meaning, Drop> {
        if let Some(payload) = self.payloads.get(payload_type) {
            return Ok(Meaning::Passes(payload));
        }
        if self.dtmf_payload_type == Some(payload_type) {
            return Ok(Meaning::Event(self.dtmf_clock_rate));
        }
        self.format_of(payload_type)
            .map(|format| Meaning::Foreign(format.codec))
            .ok_or(Drop::UnknownPayloadType)
    }

    /// The format of audio of a payload type of the peer.
    #[must_use]
    pub fn format_of(&self, payload_type: u8) -> Option<Format> {
        self.hears.iter().copied().find(|format| format.payload_type == payload_type)
    }

    /// The old way of holding (RFC 2543): no address to send to.
    const fn is_nowhere(&self) -> bool {
        self.rtp.ip().is_unspecified() || self.rtp.port() == 0
    }
}

/// What a packet of the peer is.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// It goes on as it is, under another number.
    Passes(Payload),
    /// Audio that the far peer doesn't take.
    Foreign(Codec),
    /// telephone-event that the far peer numbers or clocks otherwise or doesn't take; its ticks a second.
    Event(u32),
}

impl Meaning {
    const fn clock_rate(self) -> u32 {
        match self {
            Self::Passes(payload) => payload.clock_rate,
            Self::Foreign(codec) => codec.clock_rate(),
            Self::Event(clock_rate) => clock_rate,
        }
    }
}

/// Why a packet went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// Neither valid RTP nor valid RTCP, or RTCP where it was not agreed.
    Malformed,
    /// RTP of a payload type that was not agreed.
    UnknownPayloadType,
    /// Not from the peer: see [`crate::latch`].
    OtherSource,
    /// The direction agreed forbids it (hold).
    Held,
    /// There is no far end, or it has no peer yet.
    NoPeer,
    /// The peer's address is not known yet, or is one never to be sent to.
    NoDestination,
    /// The operating system refused to send it.
    SendFailed,
    /// The leg has failed (a fault in the engine).
    Failed,
    /// SRTP whose tag is wrong: not from the peer, or plain RTP.
    SrtpAuthentication,
    /// SRTP that was received before.
    SrtpReplay,
    /// SRTP of too many sources.
    SrtpStreams,
    /// To be sent as SRTP, under an index that was used before.
    SrtpRepeated,
}

impl Drop {
    /// How many reasons there are.
    pub const COUNT: usize = 12;

    /// All of them with their names, in the order of [`Statistics::dropped`].
    pub const ALL: [(Self, &'static str); Self::COUNT] = [
        (Self::Malformed, "malformed"),
        (Self::UnknownPayloadType, "unknown_payload_type"),
        (Self::OtherSource, "other_source"),
        (Self::Held, "held"),
        (Self::NoPeer, "no_peer"),
        (Self::NoDestination, "no_destination"),
        (Self::SendFailed, "send_failed"),
        (Self::Failed, "failed"),
        (Self::SrtpAuthentication, "srtp_authentication"),
        (Self::SrtpReplay, "srtp_replay"),
        (Self::SrtpStreams, "srtp_streams"),
        (Self::SrtpRepeated, "srtp_repeated"),
    ];
}

impl From<SrtpError> for Drop {
    fn from(error: SrtpError) -> Self {
        match error {
            SrtpError::Malformed => Self::Malformed,
            SrtpError::Authentication => Self::SrtpAuthentication,
            SrtpError::Replay => Self::SrtpReplay,
            SrtpError::TooManyStreams => Self::SrtpStreams,
            SrtpError::Repeated => Self::SrtpRepeated,
        }
    }
}

/// What a leg has counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// RTP packets accepted from the peer.
    pub packets_received: u64,
    /// Their payload octets.
    pub octets_received: u64,
    /// RTP packets sent to the peer.
    pub packets_sent: u64,
    /// Their payload octets.
    pub octets_sent: u64,
    /// Packets the peer sent that never came.
    pub packets_lost: u64,
    /// Packets that came after a later one.
    pub out_of_order: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// RFC 3550 interarrival jitter as it stands.
    pub jitter_ms: f64,
    /// Estimated quality, 1.0–4.5; `None` when nothing came.
    pub mos: Option<f64>,
    /// Telephone-events the peer sent.
    pub dtmf_events: u64,
    /// Packets dropped, by [`Drop`].
    pub dropped: [u64; Drop::COUNT],
}

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
}

impl Leg {
    /// Sets or changes the peer. `may_send`: whether its signalled address is one that may be sent to at all. Returns
    /// true when the latch let go of a source.
    ///
    /// A hold by address (`0.0.0.0`) keeps the latch, so that coming back to the same address finds the same source.
    pub fn set_remote(&mut self, remote: Remote, may_send: bool, now: Micros) -> bool {
        let released = if remote.is_nowhere() && self.remote.is_some() {
            false
        } else {
            self.latch.expect(remote.expectation())
        };
        self.may_send = may_send && remote.is_sendable();
        if released {
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

    /// The peer's telephone-event, if it has one.
    #[must_use]
    pub fn telephone_event(&self) -> Option<Payload> {
        let remote = self.remote.as_ref()?;
        remote.payloads.get(remote.dtmf_payload_type?)
    }

    /// Judges a datagram of the RTP port. `refuses` tells addresses never to be latched onto: our own ports, for one.
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
            _ => self.remote.as_ref().ok_or(Drop::NoPeer)?.meaning(header.payload_type)?,
        };
        let before = self.latch.source();
        if before != Some(source) && refuses(source) || !self.latch.judge(source, &header, now) {
            return Err(Drop::OtherSource);
        }
        if before != Some(source) && self.rtcp_source.is_some_and(|rtcp| rtcp.ip() != source.ip()) {
            self.rtcp_source = None;
        }
        self.last_rtp = now;
        let clock_rate = meaning.clock_rate();
        let is_event = self.usual.dtmf_payload_type == Some(header.payload_type);
        if is_event {
            self.reception.note_event(header.ssrc, header.sequence, header.payload_length());
            if let Some(event) = Event::parse(&packet[header.payload_start..header.payload_end])
                && let Some(progress) = self.events.take(&header, event, clock_rate, now)
            {
                self.dtmf_events += u64::from(progress.begins);
            }
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

    /// Judges a datagram of the RTCP port.
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
            None if !self.latch.trusts_host(source.ip()) || refuses(source) => return Err(Drop::OtherSource),
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
        let reason = if self.usual.sends {
            match (self.latch.source(), &self.remote) {
                (Some(source), _) => return Ok(source),
                (None, Some(remote)) if self.may_send => return Ok(remote.rtp),
                _ => Drop::NoDestination,
            }
        } else if self.remote.is_none() {
            Drop::NoPeer
        } else {
            Drop::Held
        };
        self.count_drop(reason);
        Err(reason)
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
mod tests {
    use super::*;
    use crate::payload::Payload;
    use crate::rtp::write_header;

    const PEER: &str = "198.51.100.1:4000";
    const REPORT: [u8; 8] = [0x80, 201, 0, 1, 1, 2, 3, 4];

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn remote(rtp: &str) -> Remote {
        let payloads = PayloadMap::new(vec![
            Payload { from: 8, to: 8, clock_rate: 8000 },
            Payload { from: 101, to: 96, clock_rate: 8000 },
        ]);
        Remote { dtmf_payload_type: Some(101), ..Remote::plain(at(rtp), Flow::Both, payloads.unwrap()) }
    }

    fn leg(remote: Remote) -> Leg {
        let mut leg = Leg::default();
        leg.set_remote(remote, true, 0);
        leg
    }

    fn packet(payload_type: u8, sequence: u16) -> Vec<u8> {
        let mut packet = vec![0; 172];
        write_header(&mut packet, false, payload_type, sequence, u32::from(sequence) * 160, 1);
        packet
    }

    fn receive(leg: &mut Leg, source: &str, mut packet: Vec<u8>) -> Result<Vec<u8>, Drop> {
        leg.receive_rtp(&mut packet, at(source), 1, |_| false).map(|_| packet)
    }

    fn dropped(leg: &Leg, reason: Drop) -> u64 {
        leg.statistics().dropped[reason as usize]
    }

    #[test]
    fn reasons_are_listed_in_their_order() {
        for (index, (reason, _)) in Drop::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
    }

    #[test]
    fn only_the_payload_type_changes() {
        let mut leg = leg(remote(PEER));
        let mut event = packet(101, 5);
        event[1] |= 0x80;
        let passed = receive(&mut leg, PEER, event.clone()).unwrap();
        assert_eq!(passed[1], 0x80 | 96);
        event[1] = passed[1];
        assert_eq!(passed, event);
        assert_eq!(leg.statistics().dtmf_events, 1);
    }

    #[test]
    fn unknown_payload_types_and_rubbish_are_dropped_and_counted_and_never_latch() {
        let mut leg = leg(remote(PEER));
        assert_eq!(receive(&mut leg, "198.51.100.1:9", packet(0, 1)), Err(Drop::UnknownPayloadType));
        assert_eq!(receive(&mut leg, "198.51.100.1:9", b"hello".to_vec()), Err(Drop::Malformed));
        assert_eq!(leg.source(), None);
        assert_eq!((dropped(&leg, Drop::UnknownPayloadType), dropped(&leg, Drop::Malformed)), (1, 1));
        assert_eq!(leg.statistics().packets_received, 0);
    }

    #[test]
    fn without_a_remote_nothing_passes_either_way() {
        let mut leg = Leg::default();
        assert_eq!(receive(&mut leg, PEER, packet(8, 1)), Err(Drop::NoPeer));
        assert_eq!(leg.rtp_destination(), Err(Drop::NoPeer));
        assert_eq!(leg.rtcp_destination(), None);
        assert_eq!(leg.silent_since(), None);
    }

    #[test]
    fn sends_to_the_signalled_address_until_latched_elsewhere() {
        let mut leg = leg(remote(PEER));
        assert_eq!(leg.rtp_destination(), Ok(at(PEER)));
        receive(&mut leg, "198.51.100.1:7000", packet(8, 1)).unwrap();
        assert_eq!(leg.rtp_destination(), Ok(at("198.51.100.1:7000")));
        assert_eq!(receive(&mut leg, "203.0.113.9:7000", packet(8, 2)), Err(Drop::OtherSource));
        assert_eq!(leg.rtp_destination(), Ok(at("198.51.100.1:7000")));
    }

    #[test]
    fn a_host_that_sip_did_not_come_from_is_sent_to_once_it_has_sent() {
        let mut leg =
            leg(Remote { signalled_from: Some(at("203.0.113.5:0").ip()), ..remote("198.51.100.9:4000") });
        assert_eq!(leg.rtp_destination(), Err(Drop::NoDestination));
        receive(&mut leg, "198.51.100.9:4000", packet(8, 1)).unwrap();
        assert_eq!(leg.rtp_destination(), Ok(at("198.51.100.9:4000")));
    }

    #[test]
    fn forbidden_and_hidden_addresses_are_not_sent_to() {
        let mut forbidden = Leg::default();
        forbidden.set_remote(remote(PEER), false, 0);
        assert_eq!(forbidden.rtp_destination(), Err(Drop::NoDestination));
        assert_eq!(forbidden.rtcp_destination(), None);
        let mut hidden =
            leg(Remote { signalled_from: Some(at("203.0.113.5:0").ip()), ..remote("192.168.1.7:4000") });
        assert_eq!(hidden.rtp_destination(), Err(Drop::NoDestination));
        receive(&mut hidden, "203.0.113.5:61000", packet(8, 1)).unwrap();
        assert_eq!(hidden.rtp_destination(), Ok(at("203.0.113.5:61000")));
    }

    #[test]
    fn refused_sources_are_never_latched_onto() {
        let mut leg = leg(remote(PEER));
        let mut bytes = packet(8, 1);
        let result = leg.receive_rtp(&mut bytes, at(PEER), 1, |_| true);
        assert_eq!(result, Err(Drop::OtherSource));
        assert_eq!(leg.source(), None);
    }

    #[test]
    fn hold_stops_audio_by_direction() {
        let mut leg = leg(Remote { flow: Flow::Send, ..remote(PEER) });
        assert_eq!(receive(&mut leg, PEER, packet(8, 1)), Err(Drop::Held));
        assert_eq!(leg.rtp_destination(), Ok(at(PEER)));
        leg.set_remote(Remote { flow: Flow::Receive, ..remote(PEER) }, true, 0);
        assert!(receive(&mut leg, PEER, packet(8, 2)).is_ok());
        assert_eq!(leg.rtp_destination(), Err(Drop::Held));
        leg.set_remote(Remote { flow: Flow::None, ..remote(PEER) }, true, 0);
        assert_eq!(receive(&mut leg, PEER, packet(8, 3)), Err(Drop::Held));
        assert_eq!(leg.rtp_destination(), Err(Drop::Held));
        assert!(leg.rtcp_destination().is_some(), "RTCP goes on");
    }

    #[test]
    fn hold_by_address_stops_sending_and_keeps_the_latch() {
        let mut leg = leg(remote(PEER));
        receive(&mut leg, PEER, packet(8, 1)).unwrap();
        assert!(!leg.set_remote(remote("0.0.0.0:4000"), false, 0));
        assert_eq!(leg.rtp_destination(), Err(Drop::Held));
        assert_eq!(leg.rtcp_destination(), None);
        assert!(!leg.set_remote(remote(PEER), true, 0));
        assert_eq!(leg.settled_source(), Some(at(PEER)));
    }

    #[test]
    fn another_address_lets_go() {
        let mut leg = leg(remote(PEER));
        receive(&mut leg, PEER, packet(8, 1)).unwrap();
        assert!(leg.set_remote(remote("198.51.100.9:4000"), true, 0));
        assert_eq!(leg.rtp_destination(), Ok(at("198.51.100.9:4000")));
        assert_eq!(receive(&mut leg, PEER, packet(8, 2)), Err(Drop::OtherSource));
    }

    #[test]
    fn rtcp_is_learnt_from_the_latched_host_only() {
        let mut leg = leg(remote(PEER));
        assert_eq!(leg.rtcp_destination().unwrap().address, at("198.51.100.1:4001"));
        assert_eq!(leg.receive_rtcp(&REPORT, at("203.0.113.9:4001"), 1, |_| false), Err(Drop::OtherSource));
        assert_eq!(leg.receive_rtcp(&REPORT, at("198.51.100.1:5555"), 1, |_| false), Ok(Arrival::Rtcp));
        assert_eq!(leg.rtcp_destination().unwrap().address, at("198.51.100.1:4001"), "nothing latched yet");
        receive(&mut leg, PEER, packet(8, 1)).unwrap();
        assert_eq!(leg.receive_rtcp(&REPORT, at("198.51.100.1:5555"), 1, |_| false), Ok(Arrival::Rtcp));
        assert_eq!(leg.rtcp_destination().unwrap().address, at("198.51.100.1:5555"));
        assert_eq!(leg.receive_rtcp(&REPORT, at("198.51.100.1:6666"), 1, |_| false), Err(Drop::OtherSource));
        assert_eq!(
            leg.receive_rtcp(b"rubbish!", at("198.51.100.1:5555"), 1, |_| false),
            Err(Drop::Malformed)
        );
    }

    #[test]
    fn muxed_rtcp_comes_and_goes_on_the_rtp_port() {
        let mut leg = leg(Remote { rtcp_port: 4000, ..remote(PEER) });
        assert_eq!(receive(&mut leg, PEER, REPORT.to_vec()), Err(Drop::OtherSource), "before RTP");
        receive(&mut leg, PEER, packet(8, 1)).unwrap();
        assert_eq!(receive(&mut leg, PEER, REPORT.to_vec()), Ok(REPORT.to_vec()));
        assert_eq!(leg.rtcp_destination(), Some(RtcpDestination { muxed: true, address: at(PEER) }));
        assert_eq!(leg.receive_rtcp(&REPORT, at(PEER), 1, |_| false), Err(Drop::Malformed), "not agreed");
        let mut plain = super::tests::leg(remote(PEER));
        assert_eq!(receive(&mut plain, PEER, REPORT.to_vec()), Err(Drop::Malformed), "not agreed");
    }

    #[test]
    fn silence_counts_from_when_audio_became_expected() {
        let mut leg = Leg::default();
        leg.set_remote(Remote { flow: Flow::Send, ..remote(PEER) }, true, 10);
        assert_eq!(leg.silent_since(), None);
        leg.set_remote(remote(PEER), true, 20);
        assert_eq!(leg.silent_since(), Some(20));
        leg.set_remote(remote(PEER), true, 30);
        assert_eq!(leg.silent_since(), Some(20), "a refresh is no audio");
        leg.receive_rtp(&mut packet(8, 1), at(PEER), 40, |_| false).unwrap();
        assert_eq!(leg.silent_since(), Some(40));
        leg.set_remote(remote("0.0.0.0:4000"), true, 50);
        assert_eq!(leg.silent_since(), None);
        leg.set_remote(remote(PEER), true, 60);
        assert_eq!(leg.silent_since(), Some(60));
    }

    #[test]
    fn counts_what_passed() {
        let mut leg = leg(remote(PEER));
        for sequence in [1, 2, 4] {
            receive(&mut leg, PEER, packet(8, sequence)).unwrap();
        }
        leg.count_sent(160);
        let statistics = leg.statistics();
        assert_eq!((statistics.packets_received, statistics.octets_received), (3, 480));
        assert_eq!((statistics.packets_sent, statistics.octets_sent), (1, 160));
        assert_eq!(statistics.packets_lost, 1);
        assert!(statistics.mos.is_some_and(|mos| mos < 3.5));
        assert_eq!(Leg::default().statistics().mos, None);
    }
}
