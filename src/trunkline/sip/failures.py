"""How sending fails: below the transactions (`FlowFailure`, from `net`) and above them (`RequestFailure`, to
the user).

RFC 3261 §8.1.3.1: a user treats a timeout as a 408 and a failed transport as a 503.
"""

from dataclasses import dataclass
from enum import StrEnum


class FlowFailureKind(StrEnum):
    """What happened to a path."""

    REFUSED = "refused"
    """A TCP reset to the SYN, or ICMP port unreachable."""
    UNREACHABLE = "unreachable"
    """ICMP host, network or protocol unreachable, or no route."""
    TLS = "tls"
    """The TLS handshake failed."""
    CLOSED = "closed"
    """An open connection went away."""
    TIMEOUT = "timeout"
    """The connection could not be opened in time."""


@dataclass(frozen=True, slots=True)
class FlowFailure:
    """Why nothing can be sent on a flow any more. `detail` is one line for a person."""

    kind: FlowFailureKind
    detail: str = ""
    quoted: bytes | None = None
    """What an ICMP message quotes of the datagram that it says did not arrive: anybody can send one, and only
    who has seen the datagram knows what is in it. None: nobody's word is taken for it.
    """

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else str(self.kind)


class RequestFailureKind(StrEnum):
    """Why a request has no final response."""

    NO_RESPONSE = "no-response"
    """Nothing at all came before timer B or F fired."""
    NO_FINAL = "no-final"
    """A provisional response came, and no final one before timer F, or within 64·T1 of the CANCEL (§9.1)."""
    UNREACHABLE = "unreachable"
    """Refused, unreachable by ICMP, closed, or not connected in time."""
    NAME = "name"
    """The name leads nowhere."""
    TLS = "tls"
    """The TLS handshake failed."""
    BARRED = "barred"
    """Nothing may be sent where it would go."""
    CANCELLED = "cancelled"
    """Cancelled before it was ever sent."""


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """How a request ended without a final response, at the last target tried. `detail` is one line for a
    person.
    """

    kind: RequestFailureKind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else str(self.kind)

    @classmethod
    def of_flow(cls, place: str, failure: FlowFailure) -> "RequestFailure":
        """What a failed flow to `place` means to the request that was sent on it."""
        tls = failure.kind is FlowFailureKind.TLS
        return cls(RequestFailureKind.TLS if tls else RequestFailureKind.UNREACHABLE, f"{place}: {failure}")
