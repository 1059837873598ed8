"""Every exchange of RFC 4317, from both sides."""

from typing import NamedTuple

import pytest

from tests.conformance.sdp_examples import carried_back, examples
from trunkline.sdp.description import SessionDescription
from trunkline.sdp.errors import NoAudioError, UnusableAddressError
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import Direction, RemoteAudio

EXAMPLES = examples("rfc4317.txt")
NAMED = examples("rfc4317.txt", with_names=True)


class Exchange(NamedTuple):
    """What comes of one offer and its answer."""

    offer: str
    offered: list[int]
    """Payload types of ours in the offer."""
    sections: str
    """Our answer to the offer: A for an audio stream that is taken, - for one that is rejected."""
    codecs: list[int]
    """What the RFC's answer leaves, as payload types of the offer."""
    onward: dict[int, int]
    """Payload types offerer -> answerer."""

    @property
    def answer(self) -> str:
        return self.offer.replace("offer", "answer")


EXCHANGES = [
    Exchange("2.1 offer", [0, 8, 97], "A-", [0], {0: 0}),
    Exchange("2.2 offer", [0, 8, 97], "A-", [0, 8], {0: 0, 8: 8}),
    Exchange("2.2 second-offer", [0], "A-", [0], {0: 0}),
    Exchange("2.3 offer", [0, 8, 97], "A-", [97], {97: 99}),
    Exchange("2.4 offer", [0, 97], "A-", [97], {97: 97}),
    Exchange("2.5 offer", [97], "A-", [97], {97: 97}),
    Exchange("2.5 second-offer", [97], "A-", [97], {97: 97}),
    Exchange("2.7 offer", [99], "A-", [99], {99: 99}),
    Exchange("2.7 second-offer", [99], "A-", [99], {99: 99}),
    Exchange("2.8 offer", [0, 8, 97], "A-", [0], {0: 0}),
    Exchange("3.1 offer", [0, 97], "A", [97], {97: 97}),
    Exchange("3.1 second-offer", [97], "A", [97], {97: 97}),
    Exchange("3.2 offer", [0, 97], "A-", [97], {97: 97}),
    Exchange("3.2 second-offer", [97], "A-", [97], {97: 97}),
    Exchange("4.1 offer", [0, 97], "A", [97], {97: 97}),
    Exchange("4.1 second-offer", [97], "A-", [97], {97: 97}),
    Exchange("4.2 offer", [0], "A", [0], {0: 0}),
    Exchange("4.2 second-offer", [0], "A-", [0], {0: 0}),
    Exchange("4.3 offer", [97], "A-", [97], {97: 97}),
    Exchange("4.3 second-offer", [97], "A-", [97], {97: 97}),
    Exchange("5.1 second-offer", [97], "A", [97], {97: 97}),
    Exchange("5.2 offer", [97], "A", [97], {97: 97}),
    Exchange("5.2 second-offer", [97], "A", [97], {97: 97}),
    Exchange("5.3 offer", [97], "A", [97], {97: 97}),
    Exchange("5.3 second-offer", [97], "A", [97], {97: 97}),
]


def test_every_exchange_is_gone_through() -> None:
    gone_through = {exchange.offer for exchange in EXCHANGES} | {"2.6 offer", "5.1 offer"}
    assert {name for name in EXAMPLES if "offer" in name} == gone_through


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: str(exchange.offer))
def test_our_answer(exchange: Exchange) -> None:
    remote = RemoteAudio.read(EXAMPLES[exchange.offer])
    assert [codec.payload_type for codec in remote.codecs] == exchange.offered
    answer = SessionDescription.read(LocalAudio(1).answer(remote, remote.codecs, "192.0.2.9", 10000))
    assert "".join("A" if section.port else "-" for section in answer.media) == exchange.sections
    assert [int(number) for number in answer.media[0].formats] == exchange.offered


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: str(exchange.offer))
def test_the_rfcs_answer(exchange: Exchange) -> None:
    codecs, onward, _ = carried_back(
        RemoteAudio.read(EXAMPLES[exchange.offer]), RemoteAudio.read(EXAMPLES[exchange.answer])
    )
    assert [codec.payload_type for codec in codecs] == exchange.codecs
    assert onward == exchange.onward


def test_host_names_are_refused() -> None:
    with pytest.raises(UnusableAddressError):
        RemoteAudio.read(NAMED["2.1 offer"])


def test_the_first_of_two_audio_streams_is_taken() -> None:
    """§2.6."""
    remote = RemoteAudio.read(EXAMPLES["2.6 offer"])
    assert (remote.index, remote.codecs[0].name) == (0, "PCMU")
    answer = SessionDescription.read(LocalAudio(1).answer(remote, remote.codecs, "192.0.2.9", 10000))
    assert [section.port for section in answer.media] == [10000, 0]


def test_the_second_of_two_audio_streams_is_taken_where_the_first_is_rejected() -> None:
    """§2.6, as the answer has it."""
    remote = RemoteAudio.read(EXAMPLES["2.6 answer"])
    assert (remote.index, remote.codecs[0].name) == (1, "iLBC")
    assert [event.payload_type for event in remote.telephone_events] == [101]


@pytest.mark.parametrize("part", ["5.1 offer", "5.1 answer"])
def test_no_media_is_no_call(part: str) -> None:
    with pytest.raises(NoAudioError):
        RemoteAudio.read(EXAMPLES[part])


def test_hold_in_the_answer() -> None:
    """§3.1: Bob answers and holds; the caller is told so."""
    callee = RemoteAudio.read(EXAMPLES["3.1 answer"])
    assert not callee.effective_direction.receives
    local = LocalAudio(1)
    local.answer(
        RemoteAudio.read(EXAMPLES["3.1 offer"]), callee.codecs, "192.0.2.9", 1, callee.effective_direction
    )
    assert local.direction is Direction.SENDONLY
    resumed = RemoteAudio.read(EXAMPLES["3.1 second-offer"])
    assert resumed.effective_direction.receives
    assert resumed.origin != callee.origin


@pytest.mark.parametrize("part", ["5.2 offer", "5.3 answer"])
def test_black_hole(part: str) -> None:
    """§5.2, §5.3: the address 0.0.0.0 takes nothing; the port is any."""
    remote = RemoteAudio.read(EXAMPLES[part])
    assert remote.effective_direction is Direction.SENDONLY


def test_a_moved_address() -> None:
    """§2.5: Bob changes his address for media."""
    before, after = (RemoteAudio.read(EXAMPLES[part]) for part in ("2.5 answer", "2.5 second-offer"))
    assert (before.address, before.rtp_port) != (after.address, after.rtp_port)
    assert after.origin != before.origin
