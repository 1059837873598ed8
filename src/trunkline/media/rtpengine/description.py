"""The session descriptions that pass between us and an rtpengine: what a leg's peer is, put as that peer's
own SDP (RFC 8866), and the address and port read from what comes back.

rtpengine learns from them where a peer is, which way audio may go, and which format has which number; from
two of them it makes its codec handlers. A format that both peers have passes unchanged, another one is
transcoded into the first that rtpengine can encode for the other side, so what a leg `speaks` comes first.

It knows one number a format and call, not one a leg: `refusal` says what of a `RemoteMedia` can't be done.
"""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple

from trunkline.call.ports import UNSPECIFIED, AudioFormat, MediaFlow, RemoteMedia, TelephoneEvents
from trunkline.errors import MediaError
from trunkline.media.rtpengine.crypto import usable
from trunkline.sdp.codecs import TELEPHONE_EVENT
from trunkline.sdp.crypto import KEY_AND_SALT_OCTETS, MAX_MKI_OCTETS

CANNOT_TRANSCODE: Final = frozenset({"iLBC"})
"""Codecs that Debian's build can't encode, and what can't be encoded it does not decode either."""
SPEEX_MS: Final = 20
"""Of Speex in a packet: rtpengine 10.5 decodes the first frame of several, and drops the rest."""
_STATIC: Final = {0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 13: "CN", 18: "G729"}
_DIRECTION: Final = {
    MediaFlow.BOTH: "sendrecv",
    MediaFlow.SEND: "recvonly",
    MediaFlow.RECEIVE: "sendonly",
    MediaFlow.NONE: "inactive",
}
_NOWHERE: Final = ("192.0.2.1", "2001:db8::1")
"""Instead of the unspecified addresses, IPv4 and IPv6 (RFC 5737, RFC 3849). Those mean `sendonly` to an
rtpengine, but since 13 it tells the other peer of them, too, in place of its own address.
"""
_NOWHERE_PORT: Final = 9
"""The discard port."""
_CONNECTION = re.compile(rb"^c=IN IP[46] ([0-9A-Fa-f.:]{2,45})\r?$", re.MULTILINE)
_MEDIA = re.compile(rb"^m=audio (\d{1,5}) ", re.MULTILINE)


class DescriptionError(MediaError):
    """What came back is no session description with an address and a port."""


class Endpoint(NamedTuple):
    """Where an rtpengine receives."""

    address: str
    port: int


class Format(NamedTuple):
    """One payload type of a description."""

    payload_type: int
    encoding: str
    """`name/clock rate`."""
    parameters: str = ""


IDLE: Final = (Format(8, "PCMA/8000"),)
"""What a side that nobody has taken yet is said to have."""


def refusal(remote: RemoteMedia) -> str | None:
    """What is asked for here that an rtpengine can't do; None: nothing."""
    if remote.srtp is not None and not usable(remote.srtp):
        return f"SRTP needs keys of {KEY_AND_SALT_OCTETS} octets, and identifiers of up to {MAX_MKI_OCTETS}"
    for number, onward in remote.payload_types.items():
        if number != onward and not remote.is_event(number):
            return f"rtpengine passes payload type {number} on as {number}, not as {onward}"
    passes = any(not remote.is_event(number) for number in remote.payload_types)
    speaks = remote.speaks
    if speaks is not None and not passes and speaks.codec in CANNOT_TRANSCODE:
        return f"rtpengine can't transcode {speaks.codec}"
    if speaks is not None and not passes and speaks.codec == "speex" and speaks.ptime_ms > SPEEX_MS:
        return f"rtpengine transcodes speex in packets of {SPEEX_MS} ms only, not of {speaks.ptime_ms}"
    return None


def formats(remote: RemoteMedia, far: RemoteMedia | None) -> tuple[Format, ...]:
    """What the peer `remote` sends and is sent, the format to transcode into first."""
    found: dict[int, Format] = {}
    for entry in _formats(remote, far):
        found.setdefault(entry.payload_type, entry)
    return tuple(found.values()) or IDLE


def _formats(remote: RemoteMedia, far: RemoteMedia | None) -> Iterator[Format]:
    named = {audio.payload_type: audio for audio in remote.hears}
    if remote.speaks is not None:
        yield _of_audio(remote.speaks)
    for number in remote.payload_types:
        if remote.is_event(number):
            continue
        audio = named.get(number)
        rate = remote.clock_rates.get(number, 8000)
        yield (
            Format(number, f"{_STATIC.get(number, f'X-{number}')}/{rate}")
            if audio is None
            else _of_audio(audio)
        )
    yield from (_of_audio(audio) for audio in remote.hears)
    yield from _events(remote, far)


def _of_audio(audio: AudioFormat) -> Format:
    parameters = ""
    if audio.codec == "iLBC":
        parameters = f"mode={audio.mode_ms}"
    elif audio.codec == "G729":
        parameters = "annexb=no"
    return Format(audio.payload_type, f"{audio.codec}/{audio.clock_rate}", parameters)


def _events(remote: RemoteMedia, far: RemoteMedia | None) -> Iterator[Format]:
    """telephone-event as the peer takes it and as it sends it. Where the two legs' numbers differ, both are
    listed: digits then arrive right at the side that did not offer. What a peer may send but doesn't take is
    listed only to be heard of, for what is listed is also sent.

    Digits by signalling become events only where the peer in whose audio they travel has events as well: it
    is said to, when what the far one sends of them goes nowhere.
    """
    own = remote.dtmf_payload_type
    if remote.takes_events is not None:
        yield _event(remote.takes_events)
    elif far is not None and far.tells_digits and far.takes_events is not None:
        yield from _events_of(far.takes_events, remote, far)
    elif not remote.tells_digits:
        return
    if own is None:
        return
    rate = remote.clock_rates.get(own, 8000)
    yield Format(own, f"{TELEPHONE_EVENT}/{rate}")
    onward = remote.payload_types.get(own)
    if onward is not None and far is not None:
        yield Format(onward, f"{TELEPHONE_EVENT}/{rate}")


def _events_of(event: TelephoneEvents, remote: RemoteMedia, far: RemoteMedia) -> Iterator[Format]:
    """The far peer's, and once more at the rate of what this one speaks (RFC 4733 §2.1)."""
    yield _event(event)
    rate = event.clock_rate if remote.speaks is None else remote.speaks.clock_rate
    if rate != event.clock_rate:
        taken = {event.payload_type, *(audio.payload_type for audio in (*remote.hears, *far.hears))}
        number = next(number for number in range(127, 95, -1) if number not in taken)
        yield _event(TelephoneEvents(number, rate))


def _event(event: TelephoneEvents) -> Format:
    return Format(event.payload_type, f"{TELEPHONE_EVENT}/{event.clock_rate}")


def describe(remote: RemoteMedia, far: RemoteMedia | None, lines: Sequence[str] = ()) -> str:
    """The peer's description; with `lines` for keys it is one of SRTP."""
    address, direction = remote.rtp_address, _DIRECTION[remote.direction]
    if address in UNSPECIFIED:
        address = _NOWHERE[":" in address]
        direction = "sendonly" if remote.direction in {MediaFlow.BOTH, MediaFlow.RECEIVE} else "inactive"
    attributes = [f"a={direction}"]
    if remote.rtcp_port == remote.rtp_port:
        attributes.append("a=rtcp-mux")
    elif remote.rtcp_port != remote.rtp_port + 1:
        attributes.append(f"a=rtcp:{remote.rtcp_port}")
    if remote.speaks is not None:
        attributes.append(f"a=ptime:{remote.speaks.ptime_ms}")
    return _write(address, remote.rtp_port or _NOWHERE_PORT, formats(remote, far), attributes, lines)


def nobody(
    *,
    ipv6: bool,
    listed: tuple[Format, ...] = IDLE,
    direction: str = "inactive",
    lines: Sequence[str] = (),
) -> str:
    """The description of a peer that isn't known yet: nothing is sent to it."""
    return _write(_NOWHERE[ipv6], _NOWHERE_PORT, listed, [f"a={direction}"], lines)


def _write(
    address: str,
    port: int,
    listed: tuple[Format, ...],
    attributes: Sequence[str],
    keys: Sequence[str],
) -> str:
    profile = "RTP/SAVP" if keys else "RTP/AVP"
    family = "IP6" if ":" in address else "IP4"
    lines = [
        "v=0",
        f"o=- 1 1 IN {family} {address}",
        "s=-",
        f"c=IN {family} {address}",
        "t=0 0",
        f"m=audio {port} {profile} {' '.join(str(entry.payload_type) for entry in listed)}",
    ]
    for entry in listed:
        lines.append(f"a=rtpmap:{entry.payload_type} {entry.encoding}")
        if entry.parameters:
            lines.append(f"a=fmtp:{entry.payload_type} {entry.parameters}")
    return "\r\n".join([*lines, *attributes, *(f"a={key}" for key in keys), ""])


def read_endpoint(sdp: object) -> Endpoint:
    """Where the rtpengine receives what the reader of `sdp` sends. Raises `DescriptionError`."""
    if not isinstance(sdp, bytes):
        raise DescriptionError("the answer holds no session description")
    media, connections = _MEDIA.search(sdp), _CONNECTION.findall(sdp)
    if media is None or not connections or not 0 < int(media[1]) < 65536:
        raise DescriptionError("the session description names no address and port")
    address = connections[-1].decode()
    try:
        return Endpoint(str(ip_address(address)), int(media[1]))
    except ValueError:
        raise DescriptionError(f"{address} is no address") from None
