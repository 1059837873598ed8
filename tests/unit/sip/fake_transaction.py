"""A server transaction that keeps what it is given."""

from typing import cast

from tests.unit.virtual_clock import FakeClock
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.stack import ServerTransaction


class FakeTransaction:
    """`sent` holds the responses with the moments they were given."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.sent: list[tuple[float, Response]] = []

    def respond(self, response: Response) -> None:
        self.sent.append((self.clock.now() - 1000, response))

    def acknowledged(self) -> None:
        pass

    @property
    def moments(self) -> list[float]:
        return [at for at, _ in self.sent]

    def as_transaction(self) -> ServerTransaction:
        """For a type checker: all that the machines under test use is `respond` and
        `acknowledged`."""
        return cast("ServerTransaction", self)


def response(status: int, body: bytes = b"", cseq: int = 1) -> Response:
    """A response to an INVITE."""
    return Response(status, headers=Headers([("CSeq", f"{cseq} INVITE")]), body=body)


def prack(rseq: int | None, cseq: int = 1, method: str = "INVITE") -> Request:
    """A PRACK for it."""
    return Request("PRACK", "sip:x@y", Headers([("RAck", f"{rseq} {cseq} {method}")]))
