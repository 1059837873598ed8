"""Provisional responses that the network may not lose (RFC 3262): both sides.

`ReliableProvisionals` is the UAS side of one INVITE (§3): numbers the responses, sends each again from T1 on,
doubling without a cap, until its PRACK comes, holds the next one back meanwhile, and reports when 64·T1 went
by without a PRACK. `is_reliable` and `in_sequence` are the UAC side (§4). Which response goes reliably, what
a PRACK's body means and what becomes of the INVITE is decided by `incoming_invite`, `outgoing_invite` and
`usage`.

Stricter than §3 asks: no response is sent while an earlier one is unacknowledged, not only after the first.
"""

from collections import deque
from typing import Protocol

from trunkline.clock import Clock, Timer
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request, Response
from trunkline.sip.stack import ServerTransaction

WAITING_MAX = 8
"""Reliable responses held back behind an unacknowledged one; further ones are dropped, being provisional."""

_RSEQ_FIRST_MAX = 2**31 - 1


class ReliabilityOwner(Protocol):
    """The invitation that the responses belong to."""

    def provisional_acknowledged(self) -> None:
        """A PRACK came, and no response is left unacknowledged."""

    def provisional_lost(self) -> None:
        """No PRACK for 64·T1 (§3): the INVITE should be refused with a 5xx."""


class ReliableProvisionals:
    """The unacknowledged reliable responses to one INVITE. `first_rseq` is within 1 and 2**31 - 1 (§3)."""

    __slots__ = (
        "_clock",
        "_described",
        "_give_up_at",
        "_interval",
        "_owner",
        "_rseq",
        "_t1",
        "_timer",
        "_transaction",
        "_unacknowledged",
        "_waiting",
    )

    def __init__(
        self,
        clock: Clock,
        t1: float,
        transaction: ServerTransaction,
        owner: ReliabilityOwner,
        first_rseq: int,
    ) -> None:
        self._clock = clock
        self._t1 = t1
        self._transaction = transaction
        self._owner = owner
        self._rseq = min(max(first_rseq, 1), _RSEQ_FIRST_MAX) - 1
        self._unacknowledged: Response | None = None
        self._described = False
        self._waiting: deque[Response] = deque()
        self._timer: Timer | None = None
        self._interval = 0.0
        self._give_up_at = 0.0

    @property
    def holds_back_2xx(self) -> bool:
        """A response with a session description is unacknowledged: a 2xx has to wait (§3, §5)."""
        return self._described

    def send(self, response: Response) -> None:
        """Send `response` reliably, now or once the earlier ones are acknowledged."""
        if self._unacknowledged is not None:
            if len(self._waiting) < WAITING_MAX:
                self._waiting.append(response)
                self._described = self._described or bool(response.body)
            return
        self._rseq += 1
        response.headers.add("require", "100rel")
        response.headers.add("rseq", str(self._rseq))
        self._unacknowledged = response
        self._described = self._described or bool(response.body)
        now = self._clock.now()
        self._interval = self._t1
        self._give_up_at = now + 64 * self._t1
        self._timer = self._clock.at(now + self._t1, self._timer_fired)
        self._transaction.respond(response)

    def acknowledge(self, prack: Request) -> bool:
        """Whether `prack` matches the unacknowledged response (§3); if so, that one is done with."""
        response = self._unacknowledged
        rack = prack.rack
        if response is None or rack is None or rack.rseq != self._rseq:
            return False
        if rack.cseq != response.cseq.number or rack.method != response.cseq.method:
            return False
        self._unacknowledged = None
        if self._timer is not None:
            self._timer.cancel()
        self._described = any(waiting.body for waiting in self._waiting)
        return True

    def go_on(self) -> None:
        """Send the next response that waits, or tell the owner that all are acknowledged."""
        if self._waiting:
            self.send(self._waiting.popleft())
        else:
            self._owner.provisional_acknowledged()

    def stop(self) -> None:
        """A final response goes out: nothing is sent again and nothing new is sent (§3)."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timer_fired(self) -> None:
        now = self._clock.now()
        response = self._unacknowledged
        if response is None:
            return
        if now >= self._give_up_at:
            self._owner.provisional_lost()
            return
        self._interval *= 2
        self._timer = self._clock.at(min(now + self._interval, self._give_up_at), self._timer_fired)
        self._transaction.respond(response)


def is_reliable(response: Response) -> bool:
    """Whether a provisional response wants a PRACK (§4): never a 100."""
    if response.status == 100 or "rseq" not in response.headers:
        return False
    try:
        return "100rel" in response.require
    except SipSyntaxError:
        return False


def in_sequence(rseq: int, last: int | None) -> bool:
    """Whether a reliable response is the first, or the one that follows the response numbered `last` (§4)."""
    return last is None or rseq == last + 1
