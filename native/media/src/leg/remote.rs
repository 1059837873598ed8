//! What a leg is told of its peer: where it is, which way audio may travel, and what its payload types stand for.

use std::net::{IpAddr, SocketAddr};

use trunkline_codecs::Codec;

use super::Drop;
use crate::format::{EventFormat, Format};
use crate::latch::Expectation;
use crate::payload::{Payload, PayloadMap};
use crate::srtp::SrtpKeys;

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
    pub(super) const fn sends(self) -> bool {
        matches!(self, Self::Both | Self::Send)
    }

    pub(super) const fn receives(self) -> bool {
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
    /// telephone-event as the peer may send it besides, beside audio of another clock or under a number of its own.
    pub other_events: Vec<EventFormat>,
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
    /// What protects the packets of both ways; `None`: nothing does. The engine takes it out and has it: a [`Leg`](super::Leg) sees
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
            other_events: Vec::new(),
            hears: Vec::new(),
            speaks: None,
            takes_events: None,
            finds_tones: false,
            tells_digits: false,
            signalled_from: None,
            srtp: None,
        }
    }

    pub(super) const fn is_muxed(&self) -> bool {
        self.rtcp_port == self.rtp.port()
    }

    pub(super) const fn expectation(&self) -> Expectation {
        Expectation { signalled: self.rtp, signalled_from: self.signalled_from }
    }

    /// Somewhere, and the host that the leg's SIP came from. Any other host may be somebody's who never asked for a
    /// stream of packets: it is sent to once it has sent (a peer's media host behind the same NAT, a carrier's media
    /// gateway). Where nobody says whence SIP came (a terminal of ours), the description is believed.
    pub(super) fn is_sendable(&self) -> bool {
        !self.is_nowhere() && self.signalled_from.is_none_or(|from| from == self.rtp.ip())
    }

    /// What a payload type of the peer stands for.
    pub(super) fn meaning(&self, payload_type: u8) -> Result<Meaning, Drop> {
        if let Some(payload) = self.payloads.get(payload_type) {
            return Ok(Meaning::Passes(payload));
        }
        if self.dtmf_payload_type == Some(payload_type) {
            return Ok(Meaning::Event(self.dtmf_clock_rate));
        }
        if let Some(event) = self.other_event(payload_type) {
            return Ok(Meaning::Event(event.clock_rate));
        }
        self.format_of(payload_type)
            .map(|format| Meaning::Foreign(format.codec))
            .ok_or(Drop::UnknownPayloadType)
    }

    /// telephone-event of a payload type of the peer, if that is not the usual one.
    pub(super) fn other_event(&self, payload_type: u8) -> Option<EventFormat> {
        self.other_events.iter().copied().find(|event| event.payload_type == payload_type)
    }

    /// The format of audio of a payload type of the peer.
    #[must_use]
    pub fn format_of(&self, payload_type: u8) -> Option<Format> {
        self.hears.iter().copied().find(|format| format.payload_type == payload_type)
    }

    /// The old way of holding (RFC 2543): no address to send to.
    pub(super) const fn is_nowhere(&self) -> bool {
        self.rtp.ip().is_unspecified() || self.rtp.port() == 0
    }
}

/// What a packet of the peer is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// It goes on as it is, under another number.
    Passes(Payload),
    /// Audio that the far peer doesn't take.
    Foreign(Codec),
    /// telephone-event that the far peer numbers or clocks otherwise or doesn't take; its ticks a second.
    Event(u32),
}

impl Meaning {
    pub(super) const fn clock_rate(self) -> u32 {
        match self {
            Self::Passes(payload) => payload.clock_rate,
            Self::Foreign(codec) => codec.clock_rate(),
            Self::Event(clock_rate) => clock_rate,
        }
    }
}
