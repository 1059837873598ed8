"""`trunkline.sip.header_values`: the small values of single headers."""

import pytest

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.header_values import (
    CSeq,
    RAck,
    Reason,
    SessionExpires,
    parse_cseq,
    parse_delta,
    parse_number,
    parse_rack,
    read_reasons,
)


@pytest.mark.parametrize(
    "value", ["", "1", "INVITE", "1INVITE", "x INVITE", "1 INVITE x", "-1 INVITE", "1 IN VITE"]
)
def test_malformed_cseqs(value: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse_cseq(value)


def test_the_range_of_cseq() -> None:
    assert parse_cseq("0009\t INVITE") == CSeq(9, "INVITE")
    assert parse_cseq("2147483647 A").number == 2**31 - 1
    for number in (2**31, 10**19, 10**30):
        with pytest.raises(SipSyntaxError):
            parse_cseq(f"{number} A")


def test_values_print_as_they_stand_in_a_header() -> None:
    assert str(CSeq(7, "INVITE")) == "7 INVITE"
    assert str(RAck(776656, 1, "INVITE")) == "776656 1 INVITE"
    assert str(SessionExpires(1800, "uac")) == "1800;refresher=uac"
    assert str(SessionExpires(90, None)) == "90"


def test_racks() -> None:
    assert parse_rack("4294967295 2147483647\t INVITE") == RAck(2**32 - 1, 2**31 - 1, "INVITE")
    for value in ("", "1", "1 2", "1 2 A B", "4294967296 2 A", "1 2147483648 A", "x 1 A", "-1 1 A"):
        with pytest.raises(SipSyntaxError, match="RAck"):
            parse_rack(value)


def test_numbers() -> None:
    assert parse_number("0070", "Max-Forwards", 255) == 70
    assert parse_number("255", "Max-Forwards", 255) == 255
    for value in ("", "256", "-1", "+1", "1 ", "1.0", "x", "\u0661", "9" * 21, "9" * 5000):
        with pytest.raises(SipSyntaxError, match="Max-Forwards"):
            parse_number(value, "Max-Forwards", 255)


def test_seconds_with_parameters() -> None:
    assert parse_delta("1800", "X") == (1800, {})
    assert parse_delta("4294967295 ;refresher=UAC;x", "X") == (2**32 - 1, {"refresher": "UAC", "x": None})
    for value in ("", "x", "1800 x", "4294967296", "1800;", "1800;a=b c"):
        with pytest.raises(SipSyntaxError, match="X"):
            parse_delta(value, "X")


def test_reasons() -> None:
    lines = [
        'Q.850 ;cause=16 ;text="Normal \\"call\\" clearing", sip;cause=600',
        "oops;;;",
        "preemption;text=x",
    ]
    assert read_reasons(lines) == [
        Reason("Q.850", 16, 'Normal "call" clearing'),
        Reason("SIP", 600, None),
        Reason("PREEMPTION", None, "x"),
    ]
    assert read_reasons([]) == []
    assert read_reasons(["SIP," * 200]) == []
