"""Joining the media of two legs: what the engine is told of each one's peer, made from what both have agreed
on.

Which payload types pass and which are transcoded, what the peer is sent that doesn't pass, how digits travel
between two peers that may not use the same way, and the keys. The descriptions themselves are `leg`'s
business, the engine's rules stand at `trunkline.call.ports.RemoteMedia`.
"""

from collections.abc import Mapping
from functools import lru_cache

from trunkline.call.leg import Leg
from trunkline.call.ports import AudioFormat, MediaEngine, MediaFlow, RemoteMedia, TelephoneEvents
from trunkline.errors import MediaError, SdpError
from trunkline.sdp.agreement import Terms, payload_map
from trunkline.sdp.codecs import TELEPHONE_EVENT, Codec, frame_ms, packet_ms
from trunkline.sdp.offer_answer import Direction, RemoteAudio
from trunkline.trunk.media_policy import DtmfMode


def connect(engine: MediaEngine, caller: Leg, callee: Leg) -> None:
    """Join the media of two legs whose peers have both described themselves. Raises `SdpError`; nothing has
    changed then.
    """
    codecs = caller.agreed_with(callee)
    stood = caller.directed
    remote = remote_media(callee, caller, codecs[1])
    direct(caller, remote_media(caller, callee, codecs[0]), codecs[0])
    try:
        direct(callee, remote, codecs[1])
    except SdpError:
        if stood is not None:
            direct(caller, *stood)
        raise
    engine.bridge(caller.media, callee.media)


def direct(leg: Leg, remote: RemoteMedia, codec: Codec) -> None:
    """Tell the media port of `leg` where its peer is, what to expect from it and what to send it. Raises
    `SdpError` for a peer that the engine can't send to.
    """
    try:
        leg.media.set_remote(remote)
    except MediaError as error:
        raise SdpError(str(error)) from error
    leg.codec = codec.name
    leg.directed = remote, codec


def remote_media(leg: Leg, far: Leg, codec: Codec) -> RemoteMedia:
    """For the port of `leg`, bridged with `far`; `codec` is the peer's of `sdp.agreement.spoken`."""
    terms, far_terms = leg.terms, far.terms
    passing = payload_map(terms, far_terms)
    tells_digits = _tells_digits(far, far_terms)
    audio = {one: other for one, other in passing.items() if terms.numbers[one].codec.name != TELEPHONE_EVENT}
    if tells_digits or not audio:
        passing = audio
    finds_tones = leg.policy.dtmf is DtmfMode.INBAND and (tells_digits or far_terms.events != ())
    return _remote_media(leg, terms, codec, passing, leg.transcodes(far), finds_tones, tells_digits)


def alone(leg: Leg, codec: Codec) -> RemoteMedia:
    """For the port of `leg` while there is no far leg: sounds of ours are sent, and what the peer sends only
    shows where it is.
    """
    return _remote_media(leg, leg.terms, codec, {}, transcodes=True, finds_tones=False, tells_digits=False)


def _remote_media(
    leg: Leg,
    terms: Terms,
    codec: Codec,
    passing: Mapping[int, int],
    transcodes: bool,
    finds_tones: bool,
    tells_digits: bool,
) -> RemoteMedia:
    remote, listed = leg.described, leg.local.listed
    hears = [
        audio_format(number, item.codec, remote)
        for number, item in terms.numbers.items()
        if item.codec.name != TELEPHONE_EVENT and (transcodes or number in passing)
    ]
    event = _sent_event(terms, codec, listed)
    return RemoteMedia(
        rtp_address=remote.address,
        rtp_port=remote.rtp_port,
        rtcp_port=remote.rtp_port if remote.rtcp_mux else remote.rtcp_port,
        direction=media_flow(leg.local.direction, remote.effective_direction),
        payload_types=passing,
        clock_rates={
            **{one.payload_type: one.clock_rate for one in listed},
            **{number: item.codec.clock_rate for number, item in terms.numbers.items()},
        },
        dtmf_payload_type=event,
        signalled_from=leg.signalled_from,
        hears=tuple(hears),
        speaks=audio_format(codec.payload_type, codec, remote),
        takes_events=_taken_event(terms, codec),
        finds_tones=finds_tones,
        tells_digits=tells_digits,
        srtp=leg.srtp_keys,
        other_events=tuple(
            TelephoneEvents(number, item.codec.clock_rate)
            for number, item in terms.numbers.items()
            if item.codec.name == TELEPHONE_EVENT and number != event
        ),
    )


def audio_format(payload_type: int, codec: Codec, remote: RemoteAudio) -> AudioFormat:
    """`codec` under a payload type, in packets as the peer of `remote` wants them."""
    return _audio_format(payload_type, codec, remote.ptime, remote.maxptime)


@lru_cache(maxsize=512)
def _audio_format(payload_type: int, codec: Codec, ptime: int | None, maxptime: int | None) -> AudioFormat:
    mode_ms = frame_ms(codec) if codec.name == "iLBC" else 30
    return AudioFormat(payload_type, codec.name, codec.clock_rate, packet_ms(codec, ptime, maxptime), mode_ms)


def _sent_event(terms: Terms, codec: Codec, listed: tuple[Codec, ...]) -> int | None:
    """telephone-event as the peer sends it. Some peers send it though only we have named it."""
    event = terms.event_for(codec)
    if event is not None:
        return event.sent_as
    return next((one.payload_type for one in listed if one.name == TELEPHONE_EVENT), None)


def _taken_event(terms: Terms, codec: Codec) -> TelephoneEvents | None:
    event = terms.event_for(codec)
    return None if event is None else TelephoneEvents(event.codec.payload_type, event.codec.clock_rate)


def _tells_digits(far: Leg, terms: Terms) -> bool:
    """Whether the call has to pass on digits meant for `far`, or to drop them: INFO is its own business, and
    one who wants telephone-events and nothing else hears no tones in their place.
    """
    match far.policy.dtmf:
        case DtmfMode.INFO:
            return True
        case DtmfMode.RFC4733:
            return not terms.events
    return False


def media_flow(ours: Direction, theirs: Direction) -> MediaFlow:
    """Which way audio flows between two descriptions."""
    sends = ours.sends and theirs.receives
    receives = ours.receives and theirs.sends
    if sends:
        return MediaFlow.BOTH if receives else MediaFlow.SEND
    return MediaFlow.RECEIVE if receives else MediaFlow.NONE
