"""How values look."""

import time

import pytest
from markupsafe import Markup

from trunkline.web.dashboard import wording


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\x00b\x1b[31m\x7f", "a␀b␛[31m␡"),
        ("\u202eevil\u2066", "\\u{202e}evil\\u{2066}"),
        ("zero\u200bwidth\ufeff", "zero\\u{200b}width\\u{feff}"),
        ("\x85\u2028", "\\u{85}\\u{2028}"),
        ("\ud800", "\\u{d800}"),
        ("two\nlines\tand\rmore", "two\nlines\tand␍more"),
        ("Zoë 東京 +44", "Zoë 東京 +44"),
    ],
)
def test_text_is_made_visible(hostile: str, shown: str) -> None:
    assert wording.visible(hostile) == shown


def test_text_is_bounded() -> None:
    assert wording.short("abcdef", 4) == "abcd… (2 more)"
    assert wording.short("abcd", 4) == "abcd"
    shown = wording.visible("x" * 65536)
    assert isinstance(shown, str)
    assert len(shown) < wording.MAX_SHOWN + 30
    assert shown.endswith("… (57344 more)")


def test_markup_and_other_values_stay() -> None:
    markup = Markup("<b>\x00</b>")
    assert wording.visible(markup) is markup
    assert wording.visible(None) == ""
    assert wording.visible(7) == 7


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (7200, "2 h"),
        (90000, "1 day"),
        (300000, "3 days"),
    ],
)
def test_spans(seconds: float, words: str) -> None:
    assert wording.span(seconds) == words


def test_moments() -> None:
    assert wording.moment(0.0) == "1970-01-01 00:00:00"
    assert wording.moment(None) == ""
    assert wording.iso(0.0) == "1970-01-01T00:00:00Z"
    assert wording.ago(time.time() - 7200) == "2 h ago"


def test_numbers() -> None:
    assert wording.phone("442079460000") == "+442079460000"
    assert wording.phone("anonymous") == "anonymous"
