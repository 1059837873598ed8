"""What is said to an rtpengine about the sides of a room: the keys of its commands. Nothing here is asked or
remembered.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from trunkline.call.ports import RemoteMedia
from trunkline.media.rtpengine.bencode import Encodable
from trunkline.media.rtpengine.description import IDLE, describe, formats, nobody
from trunkline.media.rtpengine.side import Side

Keys: TypeAlias = Mapping[str, Encodable]

FLAGS: Final = ("trust-address", "port-latching", "strict-source")
"""A peer is where its SDP says; one that moves keeps our ports; once its source is learnt, no other
counts."""


BY_NUMBER: Final = frozenset({"PCMA", "PCMU", "G722", "G729"})
"""Codecs whose payload type is the same everywhere (RFC 3551 §6): those can be added to an offer."""


class Words(NamedTuple):
    """The keys of an offer and of its answer."""

    offer: Keys
    answer: Keys


def tagged(side: Side) -> Keys:
    """For commands about one side."""
    return {"from-tag": side.tag}


def delete(side: Side) -> Keys:
    """At once: the ports rest with the rtpengine."""
    return {"from-tag": side.tag, "delete-delay": 0}


def reserve(caller: Side, side: Side) -> Words:
    """For a callee's side that nobody has taken yet."""
    remote = caller.remote
    listed = IDLE if remote is None else formats(remote, None)
    offer = nobody(ipv6=caller.ipv6) if remote is None else describe(remote, None)
    answer = nobody(ipv6=side.ipv6, listed=listed, direction="inactive" if remote is None else "sendrecv")
    branch = {"via-branch": side.tag}
    offered = {**_keys(side, offer, side.ipv6, _caution(remote)), **branch}
    del offered["to-tag"]
    return Words(offered, {**_keys(side, answer, caller.ipv6, ()), **branch})


def describe_both(caller: Side, side: Side, *, bridged: bool, injects: bool) -> Words:
    """For the caller and one callee. Before they are bridged, only one of them is more than nobody, so that
    nothing passes.
    """
    near = caller.remote
    far = side.remote if bridged or near is None else None
    inject = ("inject-DTMF",) if injects else ()
    offer = _keys(
        side, _say(caller, near, far), side.ipv6, (*_caution(near), *_transcoding(near, far), *inject)
    )
    if near is not None and far is not None:
        mux = (["demux"] if _muxes(near) else []) + (["offer"] if _muxes(far) else [])
        offer = {**offer, "rtcp-mux": mux, **_packets(near, far)}
    return Words(offer, _keys(side, _say(side, far, near), caller.ipv6, (*_caution(far), *inject)))


def _say(side: Side, remote: RemoteMedia | None, far: RemoteMedia | None) -> str:
    if remote is not None:
        return describe(remote, far)
    listed = IDLE if far is None else formats(far, None)
    return nobody(ipv6=side.ipv6, listed=listed, direction="sendrecv")


def _keys(side: Side, sdp: str, to_ipv6: bool, flags: tuple[str, ...]) -> dict[str, Encodable]:
    return {
        "from-tag": "caller",
        "to-tag": side.tag,
        "sdp": sdp,
        "flags": [*FLAGS, *flags],
        "replace": ["zero-address"],
        "endpoint-learning": "heuristic",
        "address-family": "IP6" if to_ipv6 else "IP4",
        "ICE": "remove",
        "transport-protocol": "RTP/AVP",
        "supports": ["load limit"],
    }


def _caution(remote: RemoteMedia | None) -> tuple[str, ...]:
    """Nobody is sent a stream who was merely named: a peer that isn't where its SIP comes from speaks
    first.
    """
    if remote is None or remote.signalled_from in {None, remote.rtp_address}:
        return ()
    return ("NAT-wait",)


def _transcoding(near: RemoteMedia | None, far: RemoteMedia | None) -> tuple[str, ...]:
    """How rtpengine is brought to decode what only one of the two has.

    An answer may name nothing that was not in the offer; what it names beyond that is dropped, unless nothing
    is left. So where no audio passes, the offer is kept from having telephone-event in common with the
    answer: then nothing is left, all of the answer counts, and rtpengine transcodes (and renumbers events).
    """
    if near is None or far is None:
        return ()
    shared = _shared(near)
    if not shared:
        return ("codec-mask-telephone-event",) if near.hears and far.hears else ()
    more = [audio for audio in far.hears if audio.payload_type not in shared and audio.codec in BY_NUMBER]
    return (
        *(f"codec-accept-{audio.codec}" for audio in near.hears if audio.payload_type not in shared),
        *(f"codec-transcode-{audio.codec}" for audio in more),
    )


def _packets(near: RemoteMedia, far: RemoteMedia) -> Keys:
    """How much audio is in a packet to each of two peers for whom it is transcoded. Where audio passes, it
    keeps its packets.
    """
    if near.speaks is None or far.speaks is None or _shared(near):
        return {}
    return {"ptime": far.speaks.ptime_ms, "ptime-reverse": near.speaks.ptime_ms}


def _shared(near: RemoteMedia) -> set[int]:
    """Payload types of audio that passes."""
    return {number for number in near.payload_types if number != near.dtmf_payload_type}


def _muxes(remote: RemoteMedia) -> bool:
    """RTP and RTCP on one port (RFC 5761)."""
    return remote.rtcp_port == remote.rtp_port
