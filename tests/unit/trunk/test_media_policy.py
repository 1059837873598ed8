"""The wishes of one side of a call."""

import pytest

from tests.unit.trunk.entities import ACME, ALPHA
from trunkline.trunk.media_policy import DtmfMode, MediaPolicy, SrtpPolicy


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
