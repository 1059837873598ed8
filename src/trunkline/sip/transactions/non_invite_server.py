"""The non-INVITE server transaction: RFC 3261 §17.2.2, Figure 8, with RFC 4320 §4.

==========  =======================  ==========================================  ==========
state       input                    action                                      next state
==========  =======================  ==========================================  ==========
            request                  (the stack passes it to the user)           TRYING
TRYING      request                                                              TRYING
TRYING      100 from the user        send                                        PROCEEDING
TRYING      user silent for 3.5 s    send 100 (RFC 4320 §4.1)                    PROCEEDING
PROCEEDING  100 from the user        send                                        PROCEEDING
PROCEEDING  request                  send the last provisional                   PROCEEDING
either      200-699 from the user    send; start J                               COMPLETED
either      user silent for 64·T1    (RFC 4320 §4.2: the client has given up)    TERMINATED
COMPLETED   request                  send the response again                     COMPLETED
COMPLETED   timer J (0 if reliable)                                              TERMINATED
==========  =======================  ==========================================  ==========

Every other pair of state and input does nothing. A transport failure changes no state (RFC 6026 §8.8).

Deviations: a provisional other than 100 is not sent, since RFC 4320 §4.1 forbids what Figure 8 allows; and a
request that nobody answers ends after 64·T1, when no client is waiting for the answer any more.
"""

from collections.abc import Hashable
from enum import Enum

from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow
from trunkline.sip.transactions.server import ServerTransaction, ServerWire


class NonInviteServerState(Enum):
    """The states of Figure 8."""

    TRYING = 1
    PROCEEDING = 2
    COMPLETED = 3
    TERMINATED = 4


TRYING = NonInviteServerState.TRYING
PROCEEDING = NonInviteServerState.PROCEEDING
COMPLETED = NonInviteServerState.COMPLETED
TERMINATED = NonInviteServerState.TERMINATED


class NonInviteServerTransaction(ServerTransaction):
    """One request other than INVITE and ACK received."""

    __slots__ = ("_give_up_at", "state")

    def __init__(self, wire: ServerWire, request: Request, flow: Flow, key: Hashable) -> None:
        super().__init__(wire, request, flow, key)
        self.state = TRYING
        self._give_up_at = 0.0

    @property
    def final_sent(self) -> bool:
        return self.state is COMPLETED or self.state is TERMINATED

    def await_user(self) -> None:
        if self.state is TRYING:
            timers = self._wire.timers
            self._give_up_at = self._wire.clock.now() + timers.timeout_s
            self._arm(timers.non_invite_trying_s)

    def respond(self, response: Response) -> None:
        if self.state is not TRYING and self.state is not PROCEEDING:
            return
        if response.status == 100:
            self.state = PROCEEDING
            self._transmit(response)
        elif response.status >= 200:
            self.state = COMPLETED
            self._transmit(response)
            if self.flow.transport.reliable:
                self._terminate()
            else:
                self._stop_timer()
                self._wire.linger(self)
            self._let_go()

    def receive_again(self) -> None:
        if self.state is PROCEEDING or self.state is COMPLETED:
            self._retransmit()

    def lingered(self) -> None:
        self._terminate()

    def _timer_fired(self) -> None:
        left = self._give_up_at - self._wire.clock.now()
        if left <= 0:
            self._terminate()
        else:
            self._arm(left)
            if self.state is TRYING:
                self.respond(response_to(self.request, 100))

    def _terminate(self) -> None:
        self.state = TERMINATED
        self._end()
