"""A 2xx to an INVITE that waits for its ACK (RFC 3261 §13.3.1.4): retransmission by the UAS core, on any
transport.

The interval starts at T1 and doubles up to T2; after 64·T1 without an ACK the owner is told, once. The
transaction below (RFC 6026, Accepted) only lets the repetitions through. The ACK is recognised by `usage`.
"""

from collections.abc import Callable

from trunkline.clock import Clock, Timer
from trunkline.sip.message import Response
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.timers import TimerValues


class Acceptance:
    """One 2xx on its way. `offered`: it carried an offer, so that its ACK must bring the answer."""

    __slots__ = (
        "_clock",
        "_give_up",
        "_give_up_at",
        "_interval",
        "_response",
        "_t2",
        "_timer",
        "_transaction",
        "cseq",
        "offered",
    )

    def __init__(
        self,
        clock: Clock,
        timers: TimerValues,
        transaction: ServerTransaction,
        response: Response,
        *,
        offered: bool,
        give_up: Callable[["Acceptance"], None],
    ) -> None:
        self.cseq = response.cseq.number
        self.offered = offered
        self._clock = clock
        self._t2 = timers.t2
        self._transaction = transaction
        self._response = response
        self._give_up = give_up
        self._interval = timers.t1
        now = clock.now()
        self._give_up_at = now + 64 * timers.t1
        self._timer: Timer = clock.at(now + timers.t1, self._timer_fired)
        transaction.respond(response)

    def _timer_fired(self) -> None:
        now = self._clock.now()
        if now >= self._give_up_at:
            self._give_up(self)
            return
        self._interval = min(2 * self._interval, self._t2)
        self._timer = self._clock.at(min(now + self._interval, self._give_up_at), self._timer_fired)
        self._transaction.respond(self._response)

    def stop(self) -> None:
        """The ACK came, or nobody waits for it any more."""
        self._timer.cancel()
        self._transaction.acknowledged()
