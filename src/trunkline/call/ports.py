"""What a call asks of the rooms above it: media, records, registrations at rest, limits; and what it tells
them of who comes to the door. They implement; the call never imports them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from trunkline.call.quality import Courses, LegCourse
from trunkline.call.record import AttemptRecord, CallRecord, MediaFigures
from trunkline.errors import MediaError
from trunkline.sdp.crypto import LONGEST_LIFETIME
from trunkline.sip.ports import Flow
from trunkline.trunk.limits import Admission, Counted
from trunkline.trunk.registrations import Binding
from trunkline.trunk.verdict import Verdict

KEY_RESERVE: Final = 2**16
"""Packets before the end of its lifetime from which on an SRTP key is worn; half of a shorter lifetime."""


class NoPortsError(MediaError):
    """Every media port of the range is in use or draining."""


class NoFamilyError(MediaError):
    """The engine has no address of the family asked for."""


class MediaFlow(StrEnum):
    """Which way audio may travel over a leg, seen from us (RFC 3264 §5.1: a=sendrecv and its kin,
    mirrored).
    """

    BOTH = "both"
    SEND = "send"
    RECEIVE = "receive"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Audio of one codec as one leg carries it."""

    payload_type: int
    """0 to 127."""
    codec: str
    """A name of `trunkline.sdp.codecs.CODEC_NAMES`."""
    clock_rate: int
    """RTP timestamp units a second."""
    ptime_ms: int = 20
    """Audio in a packet that we send, 10 to 60. What comes may hold any amount."""
    mode_ms: int = 30
    """iLBC's frame, 20 or 30 (RFC 3952 §5); of no meaning for other codecs."""


@dataclass(frozen=True, slots=True)
class TelephoneEvents:
    """telephone-event as one leg carries it (RFC 4733)."""

    payload_type: int
    clock_rate: int


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key and master salt of each way, 16 + 14 octets (RFC 4568 §6.1), for AES_CM_128_HMAC_SHA1_80.
    The same keys once more go on with the same stream; other ones begin a new one (RFC 4568 §7.1.4).
    """

    send: bytes
    """Ours: protects what goes to the peer."""
    receive: bytes
    """The peer's: protects what comes from it."""
    receive_mki: bytes = b""
    """What the peer's packets carry before their authentication tag (RFC 3711 §3.1), up to 128 octets. Ours
    carry none.
    """
    receive_lifetime: int = LONGEST_LIFETIME
    """The packets that the peer's key serves are less, of RTP and of RTCP each (RFC 4568 §6.1)."""

    def wear(self, packets: float) -> bool | None:
        """True when the peer's key has nothing left to serve after so many packets, False when it has little,
        None while it has enough.
        """
        left = self.receive_lifetime - 1 - packets
        if left < 1:
            return True
        return False if left <= min(KEY_RESERVE, self.receive_lifetime // 2) else None

    def __repr__(self) -> str:
        return "SrtpKeys(…)"


@dataclass(frozen=True, slots=True)
class Tone:
    """One or two sines: ringback, busy, a test tone."""

    frequencies_hz: tuple[float, ...]
    """One or two, each 50-3900."""
    level_dbm0: float = -10.0
    """Of each of them, -60 to +3."""
    cadence_ms: tuple[int, int] | None = None
    """On and off, over and over; None for a steady tone."""


@dataclass(frozen=True, slots=True)
class WavFile:
    """A WAV file of 8000 Hz, mono, 16 bits; another format is refused. After the end, silence."""

    path: str
    repeat: bool = False
    """Begin again at the end."""


Sound = Tone | WavFile
"""What a leg can announce."""


UNSPECIFIED: Final = frozenset({"0.0.0.0", "::"})
"""Where nothing is sent to."""


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """Where the peer of a leg says it is, from its SDP.

    A leg latches onto the first valid packet from `rtp_address`, or for a peer behind NAT onto the first
    valid source, and then stays there until the next `set_remote`. With another address that begins anew.
    With the same one a source that has fallen silent makes room for another port of its host, and any source
    for the host that the peer's SIP comes from now.

    The peer may be another leg of the same engine: it is sent to at once, and nobody else is believed. What
    came from such a leg never goes on to one (record 20).
    """

    rtp_address: str
    """IP address from the c= line. `0.0.0.0` or `::` (RFC 2543 hold) means: send nothing."""
    rtp_port: int
    rtcp_port: int
    """Equal to `rtp_port` when RTP and RTCP are multiplexed (RFC 5761)."""
    direction: MediaFlow
    payload_types: Mapping[int, int]
    """Payload type as this peer sends it -> payload type for the peer of the other leg: what passes as it is.
    Of the others, those of `hears` are transcoded into what the other leg `speaks`; the rest is dropped, and
    counted.
    """
    clock_rates: Mapping[int, int]
    """Payload type as this peer sends it -> RTP clock rate in Hz, for the jitter (G.722's is 8000: RFC 3551
    §4.5.2).
    """
    dtmf_payload_type: int | None
    """telephone-event as this peer sends it (RFC 4733): counted apart, and never taken for the audio's
    sequence.
    """
    signalled_from: str | None
    """The address that this leg's SIP came from. A packet from this host also counts as the peer's (symmetric
    NAT), and only this host is sent to before it has sent: no stream goes to somebody who was merely named.
    None believes the description.
    """
    hears: tuple[AudioFormat, ...] = ()
    """Every format of audio that this peer may send: what the engine may have to decode."""
    speaks: AudioFormat | None = None
    """The format in which this peer is sent what is not passed through: transcoded audio, tones, sounds of
    ours. None: such audio can't be sent to it.
    """
    takes_events: TelephoneEvents | None = None
    """telephone-event as this peer is sent it. None: it is sent digits as tones within the audio, where it
    `speaks`.
    """
    finds_tones: bool = False
    """Whether DTMF tones in this peer's audio count as digits: they are taken out of it, and become events of
    the other leg in their place and time, or are told. False where that takes neither and hears the tones.
    """
    tells_digits: bool = False
    """Whether each digit of this peer is told to the call instead of being sent on."""
    srtp: SrtpKeys | None = None
    """None: plain RTP."""
    other_events: tuple[TelephoneEvents, ...] = ()
    """telephone-event as this peer may send it besides: with audio of another clock rate (RFC 4733 §2.1), or
    under a number of its own.
    """

    @property
    def is_somewhere(self) -> bool:
        """False for a hold by address, and for a refused stream."""
        return self.rtp_address not in UNSPECIFIED and self.rtp_port != 0

    def is_event(self, payload_type: int) -> bool:
        """Whether this peer sends telephone-events with it."""
        return payload_type == self.dtmf_payload_type or any(
            event.payload_type == payload_type for event in self.other_events
        )


class MediaLeg(Protocol):
    """One port pair of ours, facing one peer."""

    @property
    def address(self) -> str:
        """The advertised address, for the c= line."""

    @property
    def port(self) -> int:
        """The even RTP port; RTCP is on the next one (RFC 3550 §11)."""

    def set_remote(self, remote: RemoteMedia) -> None:
        """Set or change the peer."""

    def send_digits(self, digits: str, duration_ms: int = 100) -> None:
        """Send digits to the peer, each so long, in the place of the far leg's audio: what a SIP INFO with
        DTMF becomes. As telephone-events where it `takes_events` (RFC 4733), else as tones in what it
        `speaks`. Raises `MediaError` for what is no digit, for a peer that takes neither, or on a closed leg.
        """

    def announce(self, sound: Sound | None) -> None:
        """Say `sound` to the peer in place of the far leg's audio, with or without a far leg, until it ends
        or None is announced. Raises `MediaError` for a file that can't be read, when the peer has nothing
        that it `speaks`, or on a closed leg.
        """

    def figures(self) -> MediaFigures:
        """Counters so far (`codec` left empty: the call knows it)."""

    def follow(self) -> None:
        """From now on keep how the peer's audio goes. Again: nothing. Raises `MediaError` on a closed leg."""

    def course(self) -> LegCourse | None:
        """How it went so far, or until the leg was closed; None when it isn't followed. An engine elsewhere
        may add the end of it a moment after `close`, before a record with it is written.
        """

    def close(self) -> MediaFigures:
        """End it and return the last counters. The port drains before it is used again. Idempotent. An engine
        elsewhere may fill in what it returned a moment later, before a record with it is written.
        """


class MediaEvents(Protocol):
    """What the engine tells a call."""

    __slots__ = ()

    def media_timed_out(self, leg: MediaLeg) -> None:
        """Neither leg of the bridge received RTP for the engine's timeout while audio was expected."""

    def digit_received(self, leg: MediaLeg, digit: str, duration_ms: int) -> None:
        """The peer of a leg that `tells_digits` has ended a digit (`0`-`9`, `*`, `#`, `A`-`D`)."""

    def sound_ended(self, leg: MediaLeg) -> None:
        """A sound of `MediaLeg.announce` came to its end by itself."""

    def key_worn(self, leg: MediaLeg, *, spent: bool) -> None:
        """An SRTP key of a leg has little left to serve, or nothing: what it protects is not taken, or not
        sent, any more. Told once for each.
        """


class MediaEngine(Protocol):
    """An engine that anchors media."""

    def open_leg(self, *, ipv6: bool, events: MediaEvents, beside: MediaLeg | None = None) -> MediaLeg:
        """A leg on a free port pair of the configured range. `beside` is the caller's leg, when this is a
        callee's that may be bridged with it: an engine of several machines puts both on the same one. Raises
        `NoPortsError`.
        """

    def bridge(self, caller: MediaLeg, callee: MediaLeg) -> None:
        """Relay between the two, both ways, replacing any earlier bridge of either. Media timeout counts from
        here.
        """


class MediaHandle(NamedTuple):
    """How to find two bridged legs again at an engine that outlives the node."""

    place: str
    """The engine, as every node names it; without a space."""
    words: str
    """What the engine's own module reads."""


class LegOpener(Protocol):
    """Whoever has media legs to give."""

    def open_leg(self, *, ipv6: bool, events: MediaEvents, beside: MediaLeg | None = None) -> MediaLeg:
        """See `MediaEngine.open_leg`."""


class LastingMedia(Protocol):
    """An engine, outside the node, in which a call's media go on when the node has died."""

    @property
    def places(self) -> Sequence[str]:
        """The engines that this node can reach, as `MediaHandle.place` names them."""

    def handle(self, caller: MediaLeg, callee: MediaLeg) -> MediaHandle | None:
        """For another node to go on with these two; None where it could not."""

    def adopt(self, handle: MediaHandle) -> LegOpener:
        """The two legs of another node: the caller's is opened first, the callee's beside it. Packets flow
        meanwhile. Raises `MediaError` for what isn't known here.
        """

    def part_with(self, leg: MediaLeg) -> None:
        """Another node goes on with the media of this leg's call: nothing is said to the engine any more."""


class RecordSink(Protocol):
    """Where records go. All calls return at once; writing happens elsewhere, in groups."""

    def call_changed(self, record: CallRecord) -> None: ...

    def attempt_changed(self, record: AttemptRecord) -> None: ...

    def course_ended(self, call_id: str, courses: Courses) -> None:
        """How the audio of a call went that has just ended."""


class RegistrationSink(Protocol):
    """Where bindings are kept over a restart. Returns at once."""

    def bindings_changed(self, account: str, bindings: tuple[Binding, ...]) -> None:
        """These are all the bindings of the account now; none when it has none any more."""


class DoorEvents(Protocol):
    """What the doorman tells of those who come. They return at once."""

    def signed_in(self, flow: Flow) -> None:
        """The password was right."""

    def password_wrong(self, flow: Flow, username: str) -> None:
        """It was not, or nobody has that user name; asked before from this host."""

    def other_realm_answered(self, flow: Flow, username: str, realm: str) -> None:
        """Credentials came that are good for another realm only."""

    def came_without(self, flow: Flow, username: str) -> None:
        """A REGISTER for a user name came without credentials."""


class NonceIssuers(Protocol):
    """The other nodes, each of which knows which counts of its own nonces were used."""

    def take(self, issuer: str, nonce: str, count: int, decided: Callable[[bool], None]) -> None:
        """Have the issuer use `count` of its nonce. `decided` is told a moment later whether it may be
        accepted: it was not used before, or the issuer can't be asked because nobody can be.
        """


class CallLimits(Protocol):
    """The limits of accounts on their calls: of this node alone (`trunk.limits`), or of all nodes together
    (`live`).
    """

    def ask(
        self, account: Counted, price_per_minute: float, decided: Callable[[Admission | Verdict], None]
    ) -> None:
        """May one more call of the account, or to its numbers, begin? `decided` is told once, now or a moment
        later: the call's admission, which somebody has to release, or why not.
        """
