"""What is said to an rtpengine about the sides of a room: the keys of its commands. Nothing here is asked or
remembered.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from trunkline.call.ports import RemoteMedia
from trunkline.media.rtpengine.bencode import Encodable
from trunkline.media.rtpengine.crypto import CALLEE_TAG, CALLER_TAG, key_for, peers_line
from trunkline.media.rtpengine.description import IDLE, describe, formats, nobody
from trunkline.media.rtpengine.side import Side
from trunkline.sdp.crypto import our_line

Keys: TypeAlias = Mapping[str, Encodable]

FLAGS: Final = ("trust-address", "port-latching", "strict-source")
"""A peer is where its SDP says; one that moves keeps our ports; once its source is learnt, no other
counts."""
BY_NUMBER: Final = frozenset({"PCMA", "PCMU", "G722", "G729"})
"""Codecs whose payload type is the same everywhere (RFC 3551 §6): those can be added to an offer."""
LONGEST_PACKET_MS: Final = 40
"""Of audio that is transcoded: rtpengine 10.5 sends nothing at all in G.722 when it is to put 60 ms into
a packet. A peer that asks for more is content with less (RFC 8866 §6.4).
"""
MASKED: Final = "codec-mask-telephone-event"
"""In an offer: it has none to agree on, and they pass nevertheless."""
STRIPPED: Final = "codec-strip-telephone-event"
"""In the answer to such an offer, for an rtpengine since 26.0 agrees on what the offer has all the same."""
TONE_MS: Final = 100
"""By when a tone is known to be DTMF."""


class Words(NamedTuple):
    """An offer by the peer of `speaker`, which that of `hearer` gets, and the answer: the keys of both."""

    speaker: Side
    hearer: Side
    offer: Keys
    answer: Keys
    injects: bool = False
    """Whether digits can be put into the audio from then on."""


def tagged(side: Side) -> Keys:
    """For commands about one side."""
    return {"from-tag": side.tag}


def sent_by(side: Side) -> Keys:
    """For commands about what the peer of one side sends: without the flag, an rtpengine since 12.4 takes
    them for the whole call.
    """
    return {**tagged(side), "flags": ["directional"]}


def search(side: Side) -> Keys:
    """For `block DTMF`, to find tones as well and to put silence in their place. All audio is late by as long
    as it takes to know a tone.
    """
    return {**sent_by(side), "DTMF-security": "silence", "delay-buffer": TONE_MS}


def end_search(side: Side) -> Keys:
    """For `unblock DTMF`."""
    return {**sent_by(side), "delay-buffer": 0}


def delete(side: Side) -> Keys:
    """At once: the ports rest with the rtpengine."""
    return {**tagged(side), "delete-delay": 0}


def reserve(caller: Side, side: Side) -> Words:
    """For a callee's side that nobody has taken yet."""
    remote = caller.remote
    listed = IDLE if remote is None else formats(remote, None)
    lines = peers_line(CALLER_TAG, remote)
    offer = nobody(ipv6=caller.ipv6) if remote is None else describe(remote, None, lines)
    answer = nobody(ipv6=side.ipv6, listed=listed, direction="inactive" if remote is None else "sendonly")
    branch = {"from-tag": caller.tag, "via-branch": side.tag}
    return Words(
        caller,
        side,
        {**_keys(offer, side, None, _caution(remote)), **branch},
        {**_keys(answer, caller, remote, ()), **branch, "to-tag": side.tag},
    )


class Party(NamedTuple):
    """One of the two sides of a dialogue."""

    side: Side
    remote: RemoteMedia | None
    """Its peer, as far as the other one may know of it; None: nobody."""
    tag: int
    """Of its crypto lines."""


Pair: TypeAlias = tuple[Party, Party]
"""The caller, and a callee."""


def parties(caller: Side, side: Side, *, bridged: bool) -> Pair:
    """Before they are bridged, only one of them is more than nobody, so that nothing passes."""
    near = caller.remote
    far = side.remote if bridged or near is None else None
    return Party(caller, near, CALLER_TAG), Party(side, far, CALLEE_TAG)


class KeyGiven(NamedTuple):
    """One side gets our key for what its peer is sent."""

    to: Side
    key: bytes
    said: Words


def key_to_give(pair: Pair) -> KeyGiven | None:
    """Our key for a peer of the pair, unless the rtpengine has it, in an offer of the other one. The peer is
    nobody meanwhile: then what it is sent begins anew (RFC 4568 §7.1.4).
    """
    for to, by in (pair, pair[::-1]):
        key = key_for(to.remote)
        if key is not None and key != to.side.key:
            offer = _say(by, to.remote, [*peers_line(by.tag, by.remote), our_line(to.tag, key)])
            answer = _say(to._replace(remote=None), by.remote, peers_line(to.tag, to.remote))
            return KeyGiven(
                to.side,
                key,
                _dialogue(
                    by,
                    to,
                    _keys(offer, to.side, to.remote, _caution(by.remote)),
                    _keys(answer, by.side, by.remote, ()),
                ),
            )
    return None


def describe_both(pair: Pair, *, injects: bool) -> Words:
    """For the caller and one callee. The offer is by the one that has telephone-event, if the other has none:
    then rtpengine makes tones of its events, and events of the other one's tones.
    """
    one, other = pair
    if _makes_tones(other.remote, one.remote):
        one, other = other, one
    near, far = one.remote, other.remote
    lines = peers_line(one.tag, near)
    if lines and other.side.key is not None:
        lines.append(our_line(other.tag, other.side.key))
    inject = ("inject-DTMF",) if injects else ()
    codecs = _transcoding(near, far)
    offer = _keys(_say(one, far, lines), other.side, far, (*_caution(near), *codecs, *inject))
    if near is not None and far is not None:
        mux = (["demux"] if _muxes(near) else []) + (["offer"] if _muxes(far) else [])
        offer = {**offer, "rtcp-mux": mux, **_packets(near, far)}
    said = _say(other, near, peers_line(other.tag, far))
    stripped = (STRIPPED,) if MASKED in codecs else ()
    answer = _keys(said, one.side, near, (*_caution(far), *stripped, *inject))
    return _dialogue(one, other, offer, answer)._replace(injects=injects)


def _dialogue(offerer: Party, answerer: Party, offer: Keys, answer: Keys) -> Words:
    tags = {"from-tag": offerer.side.tag, "to-tag": answerer.side.tag}
    return Words(offerer.side, answerer.side, {**offer, **tags}, {**answer, **tags})


def _say(party: Party, far: RemoteMedia | None, lines: list[str]) -> str:
    if party.remote is not None:
        return describe(party.remote, far, lines)
    listed = IDLE if far is None else formats(far, None)
    return nobody(ipv6=party.side.ipv6, listed=listed, direction="sendonly", lines=lines)


def _keys(sdp: str, to: Side, remote: RemoteMedia | None, flags: tuple[str, ...]) -> dict[str, Encodable]:
    """`to` is the side whose peer is told of `sdp`, `remote` that peer."""
    return {
        "sdp": sdp,
        "flags": [*FLAGS, *flags],
        "replace": ["zero-address"],
        "endpoint-learning": "heuristic",
        "address-family": "IP6" if to.ipv6 else "IP4",
        "ICE": "remove",
        "DTLS": "off",
        "transport-protocol": "RTP/AVP" if key_for(remote) is None else "RTP/SAVP",
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
    answer (`MASKED`, `STRIPPED`): then nothing is left, all of the answer counts, and rtpengine transcodes
    (and renumbers events).
    """
    if near is None or far is None:
        return ()
    tones = ("codec-accept-telephone-event",) if _makes_tones(near, far) else ()
    shared = _shared(near)
    if not shared:
        return tones or ((MASKED,) if near.hears and far.hears else ())
    more = [audio for audio in far.hears if audio.payload_type not in shared and audio.codec in BY_NUMBER]
    return (
        *tones,
        *(f"codec-accept-{audio.codec}" for audio in near.hears if audio.payload_type not in shared),
        *(f"codec-transcode-{audio.codec}" for audio in more),
    )


def _makes_tones(near: RemoteMedia | None, far: RemoteMedia | None) -> bool:
    """Whether what one of two peers sends as telephone-events is for the other one to hear."""
    return (
        near is not None
        and far is not None
        and near.takes_events is not None
        and not near.tells_digits
        and far.takes_events is None
        and far.speaks is not None
    )


def _packets(near: RemoteMedia, far: RemoteMedia) -> Keys:
    """How much audio is in a packet to each of two peers for whom it is transcoded. Where audio passes, it
    keeps its packets.
    """
    if near.speaks is None or far.speaks is None or _shared(near):
        return {}
    return {
        "ptime": min(far.speaks.ptime_ms, LONGEST_PACKET_MS),
        "ptime-reverse": min(near.speaks.ptime_ms, LONGEST_PACKET_MS),
    }


def _shared(near: RemoteMedia) -> set[int]:
    """Payload types of audio that passes."""
    return {number for number in near.payload_types if not near.is_event(number)}


def _muxes(remote: RemoteMedia) -> bool:
    """RTP and RTCP on one port (RFC 5761)."""
    return remote.rtcp_port == remote.rtp_port
