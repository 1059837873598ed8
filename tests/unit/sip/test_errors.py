"""`trunkline.sip.errors`: what a fault says, and to whom."""

import pytest

from trunkline.errors import SipError
from trunkline.sip.errors import SipBuildError, SipSyntaxError


def test_a_fault_says_where_and_what_in_one_line() -> None:
    error = SipSyntaxError("Via", "port out of range", offset=4, status=513)
    assert str(error) == "Via: port out of range"
    assert (error.element, error.detail, error.offset, error.status) == ("Via", "port out of range", 4, 513)
    assert error.message is None
    assert SipSyntaxError("To", "x").status == 400


def test_a_fault_within_a_header_names_the_header_first() -> None:
    error = SipSyntaxError("URI", "malformed", offset=4, status=416).within("To")
    assert str(error) == "To: URI: malformed"
    assert (error.element, error.offset, error.status) == ("To", 4, 416)


@pytest.mark.parametrize("kind", [SipSyntaxError, SipBuildError])
def test_both_are_sip_errors(kind: type[Exception]) -> None:
    assert issubclass(kind, SipError)
