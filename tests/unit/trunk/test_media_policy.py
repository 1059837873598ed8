"""The wishes of one side of a call."""

from dataclasses import replace

import pytest

from tests.unit.trunk.entities import ACME, ALPHA
from trunkline.trunk.media_policy import DtmfMode, MediaPolicy, SrtpPolicy, bridge_words


def test_by_default_everything_works_and_nothing_is_asked_for() -> None:
    assert ACME.media_policy == ALPHA.media_policy == MediaPolicy()
    assert MediaPolicy().transcoding
    assert MediaPolicy().srtp is SrtpPolicy.ALLOWED


@pytest.mark.parametrize(
    ("mode", "uses"),
    [(DtmfMode.AUTO, True), (DtmfMode.RFC4733, True), (DtmfMode.INFO, False), (DtmfMode.INBAND, False)],
)
def test_telephone_event_is_agreed_on_where_digits_travel_in_it(mode: DtmfMode, uses: bool) -> None:
    assert mode.uses_events is uses


G711 = MediaPolicy(("PCMA", "PCMU"))


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (G711, MediaPolicy(("PCMU", "G729")), "PCMU pass as they are; where the peers share none"),
        (G711, MediaPolicy(("G729",)), "none passes as it is"),
        (replace(G711, transcoding=False), MediaPolicy(("PCMU", "PCMA")), "needs PCMU or PCMA on both sides"),
        (replace(G711, transcoding=False), MediaPolicy(("G729",)), "a call gets 488"),
    ],
)
def test_what_comes_of_two_sides_is_said_in_words(one: MediaPolicy, other: MediaPolicy, words: str) -> None:
    assert words in bridge_words(one, other)


def test_a_policy_in_words() -> None:
    policy = MediaPolicy(("PCMA", "G729"), srtp=SrtpPolicy.REQUIRED, dtmf=DtmfMode.INFO)
    assert policy.in_words() == "PCMA, G729; SRTP required; digits info"
