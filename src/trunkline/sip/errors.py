"""What goes wrong in a message: the peer broke a rule (`SipSyntaxError`), or we nearly did (`SipBuildError`).

Root: `trunkline.errors.SipError`. The message layer raises nothing else on a peer's bytes.
"""

from typing import TYPE_CHECKING

from trunkline.errors import SipError

if TYPE_CHECKING:
    from trunkline.sip.message import Request


class SipSyntaxError(SipError):
    """A peer's bytes that break the grammar of RFC 3261 §25 or a rule of the header in question."""

    def __init__(
        self,
        element: str,
        detail: str,
        *,
        offset: int = 0,
        status: int = 400,
        message: "Request | None" = None,
    ) -> None:
        super().__init__(element, detail)
        self.element = element
        """The header field ("Content-Length") or part ("Request-URI") at fault, fit for a Warning's text."""
        self.detail = detail
        """What is wrong with it, without the peer's bytes."""
        self.offset = offset
        """Where, in characters from the beginning of the element; 0 when the whole of it is wrong."""
        self.status = status
        """The status to answer a request with (RFC 3261 §21.4)."""
        self.message = message
        """The request as far as it could be read, for `response_to`; None: nothing can or may be answered."""

    def __str__(self) -> str:
        return f"{self.element}: {self.detail}"

    def within(self, element: str) -> "SipSyntaxError":
        """The same fault, reported for the header field that holds the faulty part."""
        return SipSyntaxError(
            element, f"{self.element}: {self.detail}", offset=self.offset, status=self.status
        )


class SipBuildError(SipError):
    """A value of ours that can't go into a message: it would end its line (CR, LF, NUL), or isn't a token."""
