"""What goes wrong with a session description. Reading one raises nothing else::

    SdpError                          (trunkline.errors)
    ├── SdpSyntaxError                breaks the grammar of RFC 8866 §9, or a bound: 400
    └── SdpRefusedError               well-formed, but nothing here can be done with it: 488
        ├── NoAudioError              no audio stream, or a rejected one
        ├── UnsupportedProfileError   audio over something else than the profiles that were allowed
        ├── UnusableAddressError      a name, a multicast address, an impossible one
        ├── NoCommonCodecError        none of the six codecs
        └── UnusableCryptoError       no a=crypto line that can be used

`status` is what to answer the SIP request with; `warn_code` goes into a Warning header (RFC 3261 §20.43) with
the text of the error.
"""

from typing import ClassVar

from trunkline.errors import SdpError


class SdpSyntaxError(SdpError):
    """A body that is not a session description, or too large a one."""

    status: ClassVar[int] = 400
    warn_code: ClassVar[int] = 399
    """Miscellaneous warning."""

    def __init__(self, detail: str, line: int = 0) -> None:
        super().__init__(f"SDP line {line}: {detail}" if line else f"SDP: {detail}")
        self.detail = detail
        """What is wrong, without the peer's bytes."""
        self.line = line
        """Which line, from 1; 0 when it is none in particular."""


class SdpRefusedError(SdpError):
    """A readable description that can't be accepted."""

    status: ClassVar[int] = 488
    warn_code: ClassVar[int] = 399


class NoAudioError(SdpRefusedError):
    """No audio stream is described, or only rejected ones (port 0)."""

    warn_code = 304
    """Media type not available."""


class UnsupportedProfileError(SdpRefusedError):
    """The transport protocol of the audio stream is none of those allowed."""

    warn_code = 302
    """Incompatible transport protocol."""


class UnusableAddressError(SdpRefusedError):
    """No audio can be sent to the address of the audio stream."""

    warn_code = 301
    """Incompatible network address formats."""


class NoCommonCodecError(SdpRefusedError):
    """No codec is left that both sides and the service share."""

    warn_code = 305
    """Incompatible media format."""


class UnusableCryptoError(SdpRefusedError):
    """No line of `a=crypto` (RFC 4568) can be used, or an answer has taken none that was offered."""

    warn_code = 306
    """Attribute not understood."""
