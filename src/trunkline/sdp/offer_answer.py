"""The peer's side of an offer or answer (RFC 3264, RFC 6337, RFC 8866 §6).

`RemoteAudio` is the one audio stream that a call uses, picked out of whatever a peer sent. What to offer
onward and to answer back, and what two legs have in common, is `agreement`. Our own side, with its versions
and its exact answers, is `local`.
"""

from enum import StrEnum
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from trunkline.sdp.codecs import TELEPHONE_EVENT, Codec, read_codec
from trunkline.sdp.crypto import CryptoLine, choose
from trunkline.sdp.description import Connection, MediaDescription, Origin, SessionDescription
from trunkline.sdp.errors import (
    NoAudioError,
    NoCommonCodecError,
    SdpRefusedError,
    SdpSyntaxError,
    UnsupportedProfileError,
    UnusableAddressError,
)

PLAIN_PROFILES = frozenset({"RTP/AVP", "RTP/AVPF"})
"""RFC 3551, RFC 4585."""
SECURE_PROFILES = frozenset({"RTP/SAVP", "RTP/SAVPF"})
"""RFC 3711, RFC 5124."""

_MAX_ADDRESS = 45
_BROADCAST = IPv4Address("255.255.255.255")


class Direction(StrEnum):
    """Which way a stream flows, seen from whoever wrote the attribute (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self is Direction.SENDRECV or self is Direction.SENDONLY

    @property
    def receives(self) -> bool:
        return self is Direction.SENDRECV or self is Direction.RECVONLY

    @property
    def mirrored(self) -> "Direction":
        """The same flow seen from the other end."""
        return _MIRRORED[self]

    def narrowed_to(self, limit: "Direction") -> "Direction":
        """What is left of this direction when nothing outside `limit` may flow."""
        return _direction(self.sends and limit.sends, self.receives and limit.receives)


_MIRRORED = {
    Direction.SENDRECV: Direction.SENDRECV,
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}
_DIRECTIONS = {direction.value: direction for direction in Direction}


def _direction(sends: bool, receives: bool) -> Direction:
    if sends:
        return Direction.SENDRECV if receives else Direction.SENDONLY
    return Direction.RECVONLY if receives else Direction.INACTIVE


class RemoteAudio:
    """The audio stream of a peer's offer or answer."""

    __slots__ = (
        "address",
        "body",
        "codecs",
        "crypto",
        "crypto_line",
        "direction",
        "index",
        "ipv6",
        "maxptime",
        "media",
        "origin",
        "profile",
        "ptime",
        "rtcp_mux",
        "rtcp_port",
        "rtp_port",
        "telephone_events",
        "time",
        "unspecified",
    )

    body: bytes
    """The whole description, as the peer sent it."""
    address: str
    """IP address to send to. Unspecified (`0.0.0.0`, `::`): send nothing (RFC 3264 §8.4)."""
    unspecified: bool
    ipv6: bool
    rtp_port: int
    rtcp_port: int
    """From `a=rtcp` (RFC 3605), else the port after `rtp_port`. Where RTP and RTCP are multiplexed,
    `rtp_port` counts."""
    rtcp_mux: bool
    """The peer offers or accepts RTP and RTCP on one port (RFC 5761 §5.1.1)."""
    direction: Direction
    """As the peer wrote it, from its own view."""
    codecs: tuple[Codec, ...]
    """Those of the six that it lists, in its order, each once; never empty."""
    telephone_events: tuple[Codec, ...]
    """Its telephone-event payload types, one for each clock rate."""
    ptime: int | None
    """Milliseconds of audio that it wants in a packet, 1 to 200."""
    maxptime: int | None
    """Milliseconds of audio that it takes in a packet at most, 1 to 200."""
    profile: str
    """`RTP/AVP` and kin."""
    crypto: tuple[str, ...]
    """What follows `a=crypto:` (RFC 4568), in order."""
    crypto_line: CryptoLine | None
    """The first of them that can be used; None over a plain profile, where they mean nothing."""
    origin: Origin
    time: str
    """The `t=` line, for the answer to repeat."""
    media: list[MediaDescription]
    """All of its media sections: an answer has as many (RFC 3264 §6)."""
    index: int
    """Which of `media` is this stream."""

    @classmethod
    def read(cls, body: bytes, profiles: frozenset[str] = PLAIN_PROFILES) -> "RemoteAudio":
        """Read a body and pick the first audio stream that can be used over one of `profiles`; a secure one
        needs keys that can be used.

        Raises `SdpSyntaxError`, or the `SdpRefusedError` of the first audio stream when none can be used.
        Nothing else.
        """
        description = SessionDescription.read(body)
        reason: SdpRefusedError | None = None
        for index, section in enumerate(description.media):
            if section.media != "audio":
                continue
            try:
                remote = cls._of(description, index, section, profiles)
                remote.body = body
                return remote
            except SdpRefusedError as refused:
                reason = reason or refused
        raise reason or NoAudioError("no audio stream")

    @classmethod
    def _of(
        cls, description: SessionDescription, index: int, section: MediaDescription, profiles: frozenset[str]
    ) -> "RemoteAudio":
        if section.port == 0:
            raise NoAudioError("the audio stream is rejected (port 0)")
        if section.protocol not in profiles:
            known = section.protocol in PLAIN_PROFILES or section.protocol in SECURE_PROFILES
            what = section.protocol if known else "the protocol of the audio stream"
            raise UnsupportedProfileError(f"{what} can't be used here")
        self = cls()
        self.origin = description.origin
        self.time = description.time
        self.media = description.media
        self.index = index
        self.profile = section.protocol
        self.rtp_port = section.port
        self._take_connection(section.connection or description.connection)
        self._take_attributes(description.attributes, section)
        return self

    def _take_connection(self, connection: Connection | None) -> None:
        if connection is None:
            raise SdpSyntaxError("no c= line for the audio stream")
        network_type, address_type, address = connection
        if network_type != "IN":
            raise UnusableAddressError("the network type is not IN")
        self.ipv6, self.unspecified = _check_address(address_type, address)
        self.address = address

    def _take_attributes(self, session_attributes: list[str], section: MediaDescription) -> None:
        attributes = section.attributes
        self.crypto = tuple([line[7:] for line in attributes if line.startswith("crypto:")])
        self.crypto_line = choose(self.crypto) if self.profile in SECURE_PROFILES else None
        if self.crypto:
            attributes = [line for line in attributes if not line.startswith("crypto:")]
        stream = _read_stream(tuple(section.formats), tuple(attributes))
        self.direction = stream.direction or _last_direction(session_attributes) or Direction.SENDRECV
        self.rtcp_port = stream.rtcp_port or min(self.rtp_port + 1, 65535)
        self.rtcp_mux = stream.rtcp_mux
        self.ptime, self.maxptime = stream.ptime, stream.maxptime
        self.codecs, self.telephone_events = stream.codecs, stream.telephone_events

    def telephone_event_for(self, codec: Codec) -> Codec | None:
        """Its telephone-event at the clock rate of `codec`, else at 8000 Hz, else None."""
        at_8000 = None
        for event in self.telephone_events:
            if event.clock_rate == codec.clock_rate:
                return event
            if event.clock_rate == 8000:
                at_8000 = event
        return at_8000

    @property
    def effective_direction(self) -> Direction:
        """`direction`, and nothing received where the address is unspecified (the hold of RFC 2543)."""
        if self.unspecified:
            return self.direction.narrowed_to(Direction.SENDONLY)
        return self.direction

    def __repr__(self) -> str:
        names = ", ".join(f"{codec.payload_type} {codec.name}" for codec in self.codecs)
        return f"<RemoteAudio {self.address} {self.rtp_port} {self.direction} [{names}]>"


class _Stream(NamedTuple):
    """What the formats and attributes of an audio stream say."""

    direction: Direction | None
    rtcp_port: int | None
    rtcp_mux: bool
    ptime: int | None
    maxptime: int | None
    codecs: tuple[Codec, ...]
    telephone_events: tuple[Codec, ...]


@lru_cache(maxsize=256)
def _read_stream(formats: tuple[str, ...], attributes: tuple[str, ...]) -> _Stream:
    """Read a stream's lines but for its port, address and keys. A peer's streams are alike in these, so the
    last ones are remembered. Raises as `RemoteAudio.read`.
    """
    direction: Direction | None = None
    rtcp_port: int | None = None
    ptime: int | None = None
    maxptime: int | None = None
    rtpmaps: dict[str, str] = {}
    fmtps: dict[str, str] = {}
    for attribute in attributes:
        name, _, value = attribute.partition(":")
        if name == "rtpmap":
            payload_type, _, encoding = value.partition(" ")
            rtpmaps.setdefault(payload_type, encoding)
        elif name == "fmtp":
            payload_type, _, parameters = value.partition(" ")
            fmtps.setdefault(payload_type, parameters)
        elif name in _DIRECTIONS:
            direction = _DIRECTIONS[name]
        elif name == "ptime":
            ptime = _ptime(value)
        elif name == "maxptime":
            maxptime = _ptime(value)
        elif name == "rtcp":
            rtcp_port = _rtcp_port(value) or rtcp_port
    codecs: list[Codec] = []
    events: list[Codec] = []
    met: set[tuple[str, int]] = set()
    for text in formats:
        if not text.isdecimal() or len(text) > 3 or (number := int(text)) > 127:
            raise SdpSyntaxError("an RTP payload type must be 0 to 127")
        codec = read_codec(number, rtpmaps.get(text), fmtps.get(text, ""))
        if codec is None or codec.key in met:
            continue
        met.add(codec.key)
        (events if codec.name == TELEPHONE_EVENT else codecs).append(codec)
    if not codecs:
        raise NoCommonCodecError("none of the codecs is supported")
    rtcp_mux = any(line.partition(":")[0] == "rtcp-mux" for line in attributes)
    return _Stream(
        direction,
        rtcp_port,
        rtcp_mux,
        ptime,
        maxptime,
        tuple(codecs),
        tuple(events),
    )


def _last_direction(attributes: list[str]) -> Direction | None:
    """The direction that a section states for all of its streams (RFC 8866 §6.7)."""
    return next((_DIRECTIONS[line] for line in reversed(attributes) if line in _DIRECTIONS), None)


@lru_cache(maxsize=1024)
def _check_address(address_type: str, address: str) -> tuple[bool, bool]:
    """(IPv6, unspecified) of an address that audio can be sent to, or not sent to. Raises
    `UnusableAddressError`."""
    parsed: IPv4Address | IPv6Address
    try:
        if len(address) > _MAX_ADDRESS or "%" in address:
            raise AddressValueError
        if address_type == "IP4":
            parsed = IPv4Address(address)
        elif address_type == "IP6":
            parsed = IPv6Address(address)
        else:
            raise UnusableAddressError("the address type is neither IP4 nor IP6")
    except AddressValueError:
        if "/" in address:
            raise UnusableAddressError("the audio address is a multicast group or a range") from None
        raise UnusableAddressError("the audio address is not an IP address") from None
    if isinstance(parsed, IPv4Address):
        mapped: IPv4Address | None = parsed
    else:
        mapped = parsed.ipv4_mapped
    if parsed.is_multicast or (mapped is not None and mapped.is_multicast):
        raise UnusableAddressError("the audio address is a multicast group")
    if mapped == _BROADCAST or (mapped is not None and mapped.packed[0] == 0 and not parsed.is_unspecified):
        raise UnusableAddressError("the audio address can't be a host's")
    return parsed.version == 6, parsed.is_unspecified


def _ptime(value: str) -> int | None:
    whole = value.partition(".")[0]
    if not whole.isdecimal() or len(whole) > 3 or not 1 <= int(whole) <= 200:
        return None
    return int(whole)


def _rtcp_port(value: str) -> int | None:
    port = value.partition(" ")[0]
    if not port.isdecimal() or len(port) > 5 or not 1 <= int(port) <= 65535:
        return None
    return int(port)
