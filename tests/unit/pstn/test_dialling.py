"""What a report says of what was heard."""

from trunkline.media.terminals import Hearing, ToneHeard
from trunkline.pstn.dialling import CallReport


def test_a_report_knows_only_what_was_listened_for() -> None:
    assert not CallReport().heard(440.0)


def test_a_frequency_is_heard_where_it_lasted_long_enough() -> None:
    report = CallReport(hearing=Hearing("", (ToneHeard(440.0, 500, -10.0),)))
    assert report.heard(440.0)
    assert not report.heard(440.0, at_least_ms=501)
    assert not report.heard(441.0)
