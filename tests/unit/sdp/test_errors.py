"""Errors carry what the SIP answer needs."""

import pytest

from trunkline.errors import SdpError
from trunkline.sdp import errors


@pytest.mark.parametrize(
    ("kind", "status", "warn_code"),
    [
        (errors.NoAudioError, 488, 304),
        (errors.UnsupportedProfileError, 488, 302),
        (errors.UnusableAddressError, 488, 301),
        (errors.NoCommonCodecError, 488, 305),
        (errors.UnusableCryptoError, 488, 306),
    ],
)
def test_refusals_have_status_and_warn_code(
    kind: type[errors.SdpRefusedError], status: int, warn_code: int
) -> None:
    error = kind("why")
    assert isinstance(error, SdpError)
    assert (error.status, error.warn_code, str(error)) == (status, warn_code, "why")


def test_syntax_error_names_the_line() -> None:
    error = errors.SdpSyntaxError("malformed port", 6)
    assert (error.status, error.line, str(error)) == (400, 6, "SDP line 6: malformed port")
    assert str(errors.SdpSyntaxError("too long")) == "SDP: too long"
