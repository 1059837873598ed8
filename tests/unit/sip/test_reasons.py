"""`trunkline.sip.reasons`: phrases as the RFCs spell them."""

import pytest

from trunkline.sip.reasons import REASONS


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (100, "Trying"),
        (183, "Session Progress"),
        (199, "Early Dialog Terminated"),
        (407, "Proxy Authentication Required"),
        (422, "Session Interval Too Small"),
        (482, "Loop Detected"),
        (487, "Request Terminated"),
        (488, "Not Acceptable Here"),
        (504, "Server Time-out"),
        (603, "Decline"),
    ],
)
def test_phrases(status: int, phrase: str) -> None:
    assert REASONS[status] == phrase


def test_every_phrase_fits_a_status_line() -> None:
    for status, phrase in REASONS.items():
        assert 100 <= status <= 699
        assert phrase
        assert phrase.isascii()
        assert phrase.isprintable()
