//! What a leg counts: packets, their quality, and why some went no further.

use crate::srtp::SrtpError;

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
    /// It came from one of our own ports and would go on to one: it could run in a circle.
    Circle,
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
    /// SRTP under a key of the peer's that has served its lifetime.
    SrtpSpent,
}

impl Drop {
    /// How many reasons there are.
    pub const COUNT: usize = 14;

    /// All of them with their names, in the order of [`Statistics::dropped`].
    pub const ALL: [(Self, &'static str); Self::COUNT] = [
        (Self::Malformed, "malformed"),
        (Self::UnknownPayloadType, "unknown_payload_type"),
        (Self::OtherSource, "other_source"),
        (Self::Held, "held"),
        (Self::NoPeer, "no_peer"),
        (Self::NoDestination, "no_destination"),
        (Self::Circle, "circle"),
        (Self::SendFailed, "send_failed"),
        (Self::Failed, "failed"),
        (Self::SrtpAuthentication, "srtp_authentication"),
        (Self::SrtpReplay, "srtp_replay"),
        (Self::SrtpStreams, "srtp_streams"),
        (Self::SrtpRepeated, "srtp_repeated"),
        (Self::SrtpSpent, "srtp_spent"),
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
            SrtpError::Spent => Self::SrtpSpent,
        }
    }
}

/// What a leg has counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// RTP packets that came from the peer, those of a payload type that was not agreed included.
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
