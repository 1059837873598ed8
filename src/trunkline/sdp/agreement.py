"""What two peers and the service between them can agree on (RFC 3264, RFC 6337, RFC 3952 §5, RFC 4733 §2.4).

`select_for_callee` says what to offer onward: the caller's codecs first, because a codec that both peers
speak passes through untouched, then what can be transcoded, where that is allowed. `select_for_answer` says
what to answer back: exactly the codecs that pass, or, when there is none, the one that will be transcoded.
`Terms` are what one leg's finished offer and answer come to; two of them make a `payload_map` and what each
peer is `spoken` to with.

Nothing is ever answered that was not offered, and nothing sent that the peer did not describe. Transcoding
itself, and whether it is allowed, is others' business.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from trunkline.sdp.codecs import (
    CODEC_NAMES,
    TELEPHONE_EVENT,
    Codec,
    agreed_fmtp,
    frame_ms,
    our_codec,
    our_telephone_event,
)
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.offer_answer import RemoteAudio

_DYNAMIC = range(127, 95, -1)


class Agreed(NamedTuple):
    """One format that both sides of a leg have named."""

    codec: Codec
    """As the peer is sent it: under the peer's number, with the parameters of both."""
    sent_as: int
    """The payload type that the peer sends it with: the one of our description (RFC 3264 §5.1)."""

    def passes_as(self, other: "Agreed") -> bool:
        """Whether its packets are good for the other peer as they are."""
        mine, others = self.codec, other.codec
        return mine.key == others.key and frame_ms(mine) == frame_ms(others)


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What the offer and the answer of one leg have in common. Equal ones are mostly one and the same object,
    and what is worked out from them is remembered: calls are alike.
    """

    codecs: tuple[Agreed, ...]
    """In the order of whoever answered."""
    events: tuple[Agreed, ...]
    """telephone-event, at one clock rate or more."""
    numbers: Mapping[int, Agreed]
    """Payload type as the peer sends it -> what it means.

    Some peers send with their own numbers instead of ours; that does no harm where the number means nothing
    else.
    """

    @staticmethod
    def of(listed: Sequence[Codec], remote: RemoteAudio, *, we_answered: bool) -> "Terms":
        """`listed` are the codecs of our description, telephone-event included."""
        return _terms(tuple(listed), (*remote.codecs, *remote.telephone_events), we_answered)

    def event_for(self, codec: Codec) -> Agreed | None:
        """telephone-event at the clock rate of `codec` (RFC 4733 §2.1), else at 8000 Hz, else None."""
        by_rate = {item.codec.clock_rate: item for item in self.events}
        return by_rate.get(codec.clock_rate) or by_rate.get(8000)


@lru_cache(maxsize=512)
def _terms(listed: tuple[Codec, ...], named: tuple[Codec, ...], we_answered: bool) -> Terms:
    ours = {codec.key: codec for codec in listed}
    theirs = {codec.key: codec for codec in named}
    unmet = {one.payload_type for one in listed if one.name == TELEPHONE_EVENT and one.key not in theirs}
    agreed = [
        Agreed(
            theirs[key]._replace(fmtp=agreed_fmtp(ours[key], theirs[key])),
            _sent_as(ours[key], theirs[key], unmet),
        )
        for key in (ours if we_answered else theirs)
        if key in ours and key in theirs
    ]
    numbers = {item.sent_as: item for item in agreed}
    taken = {codec.payload_type for codec in listed}
    for item in agreed:
        if item.codec.payload_type not in taken:
            numbers.setdefault(item.codec.payload_type, item)
    return Terms(
        tuple([item for item in agreed if item.codec.name != TELEPHONE_EVENT]),
        tuple([item for item in agreed if item.codec.name == TELEPHONE_EVENT]),
        MappingProxyType(numbers),
    )


def _sent_as(mine: Codec, theirs: Codec, unmet: Collection[int]) -> int:
    """The payload type that the peer sends a format with. A peer that knows one telephone-event only, such as
    Twinkle, takes the number of our last one for that at 8000 Hz, and answers and sends with it. `unmet` are
    the numbers of those of ours that the peer doesn't have.
    """
    if theirs.name == TELEPHONE_EVENT and theirs.payload_type in unmet:
        return theirs.payload_type
    return mine.payload_type


@lru_cache(maxsize=512)
def payload_map(sender: Terms, receiver: Terms) -> Mapping[int, int]:
    """Payload type as one peer sends it -> as the other peer wants it: what passes through unchanged."""
    wanted = {item.codec.key: item for item in (*receiver.codecs, *receiver.events)}
    mapping: dict[int, int] = {}
    for number, item in sender.numbers.items():
        other = wanted.get(item.codec.key)
        if other is not None and item.passes_as(other):
            mapping[number] = other.codec.payload_type
    return MappingProxyType(mapping)


@lru_cache(maxsize=512)
def spoken(one: Terms, other: Terms) -> tuple[Codec, Codec]:
    """What each of two peers is sent where we choose: the first codec that passes between them, else what
    each has named first. Raises `NoCommonCodecError` for terms without a codec.
    """
    for mine in one.codecs:
        for theirs in other.codecs:
            if mine.passes_as(theirs):
                return mine.codec, theirs.codec
    if not one.codecs or not other.codecs:
        raise NoCommonCodecError("the answer holds no codec of the offer")
    return one.codecs[0].codec, other.codecs[0].codec


def select_for_callee(
    caller: RemoteAudio | None,
    order: Sequence[str],
    *,
    allowed: Sequence[str] = CODEC_NAMES,
    transcoding: bool = False,
) -> list[Codec]:
    """The codecs to offer onward, in the order of the policy `order` (names of `CODEC_NAMES`).

    First those that may pass: the caller's under its payload types, as far as its own policy `allowed` them;
    without a caller's offer (INVITE without SDP) all that both policies have. Then, with `transcoding`, the
    rest of `order`, under static numbers or such as the caller doesn't use. Raises `NoCommonCodecError` when
    none is left, or when the caller has none to be transcoded.
    """
    named = () if caller is None else (*caller.codecs, *caller.telephone_events)
    return list(_onward(named, tuple(order), tuple(allowed), transcoding))


@lru_cache(maxsize=512)
def _onward(
    named: tuple[Codec, ...], order: tuple[str, ...], allowed: tuple[str, ...], transcoding: bool
) -> list[Codec]:
    by_name = {codec.name: codec for codec in named if codec.name in allowed}
    if named and not by_name:
        raise NoCommonCodecError("no offered codec is allowed here")
    if named:
        passing = [by_name[name] for name in order if name in by_name]
    else:
        passing = [our_codec(name) for name in order if name in allowed]
    taken = {codec.payload_type for codec in named if codec.payload_type in _DYNAMIC}
    selected = passing
    if transcoding:
        names = {codec.name for codec in passing}
        selected = [*passing, *[_apart(our_codec(name), taken) for name in order if name not in names]]
    if not selected:
        raise NoCommonCodecError("no offered codec is allowed here")
    return selected


def select_telephone_events(caller: RemoteAudio | None, codecs: Sequence[Codec]) -> list[Codec]:
    """telephone-event to offer onward beside `codecs`, at each of their clock rates (RFC 4733 §2.1): the
    caller's own, else ours.
    """
    named = () if caller is None else (*caller.codecs, *caller.telephone_events)
    return list(_events_onward(named, tuple(codecs)))


@lru_cache(maxsize=512)
def _events_onward(named: tuple[Codec, ...], codecs: tuple[Codec, ...]) -> list[Codec]:
    theirs = {codec.clock_rate: codec for codec in named if codec.name == TELEPHONE_EVENT}
    taken = {codec.payload_type for codec in (*named, *codecs)}
    rates = dict.fromkeys(codec.clock_rate for codec in codecs)
    return [theirs.get(rate) or _apart(our_telephone_event(rate), taken) for rate in rates]


def _apart(codec: Codec, taken: set[int]) -> Codec:
    """`codec` under a payload type that is not taken, which is then."""
    number = codec.payload_type
    if number in taken:
        number = next((free for free in _DYNAMIC if free not in taken), number)
        codec = codec._replace(payload_type=number)
    taken.add(number)
    return codec


class Answer(NamedTuple):
    """The codecs to answer an offer with."""

    codecs: list[Codec]
    """Under the offer's payload types; at least one."""
    passes: bool
    """Whether they pass to the far leg as they are; else the one there is will be transcoded."""


def select_for_answer(
    offer: RemoteAudio, far: Terms, order: Sequence[str], *, transcoding: bool = False
) -> Answer:
    """What to answer `offer` with when the far leg stands on the terms `far`.

    The codecs that pass, in the far leg's order, if there are any: then nobody sends what would have to be
    transcoded. Else, with `transcoding`, the first of the policy's `order` that was offered. Raises
    `NoCommonCodecError`.
    """
    offered = {codec.key: codec for codec in offer.codecs if codec.name in order}
    passing: list[Codec] = []
    for item in far.codecs:
        mine = offered.get(item.codec.key)
        if mine is not None:
            mine = mine._replace(fmtp=agreed_fmtp(mine, item.codec))
            if frame_ms(mine) == frame_ms(item.codec):
                passing.append(mine)
    if passing:
        return Answer(passing, passes=True)
    own = select_of_offer(offer, order)
    if not transcoding or not far.codecs:
        raise NoCommonCodecError("no codec is left that both sides can use")
    return Answer(own[:1], passes=False)


def select_of_offer(offer: RemoteAudio, order: Sequence[str]) -> list[Codec]:
    """All of `offer` that the policy `order` has, in its order: an answer while there is no far leg to agree
    with. Raises `NoCommonCodecError`.
    """
    by_name = {codec.name: codec for codec in offer.codecs}
    own = [by_name[name] for name in order if name in by_name]
    if not own:
        raise NoCommonCodecError("no offered codec is allowed here")
    return own
