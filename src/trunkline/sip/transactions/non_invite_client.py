"""The non-INVITE client transaction: RFC 3261 §17.1.2, Figure 6.

==========  =======================  ==========================================  ==========
state       input                    action                                      next state
==========  =======================  ==========================================  ==========
            start                    send request; start E (unreliable) and F    TRYING
TRYING      timer E                  send request; E doubles up to T2            TRYING
TRYING      1xx                      pass up                                     PROCEEDING
PROCEEDING  timer E                  send request; E is T2                       PROCEEDING
PROCEEDING  1xx                      pass up                                     PROCEEDING
either      timer F                  tell the user: timed out                    TERMINATED
either      200-699                  start K; pass up                            COMPLETED
either      transport failure        tell the user                               TERMINATED
COMPLETED   timer K (0 if reliable)                                              TERMINATED
==========  =======================  ==========================================  ==========

Every other pair of state and input does nothing: in particular, only the first final response is passed up.
"""

from enum import Enum

from trunkline.sip.failures import FlowFailure
from trunkline.sip.message import Request, Response
from trunkline.sip.ports import Flow
from trunkline.sip.transactions.client import (
    NOBODY,
    ClientTransaction,
    ClientTransactionUser,
    ClientWire,
)


class NonInviteClientState(Enum):
    """The states of Figure 6."""

    TRYING = 1
    PROCEEDING = 2
    COMPLETED = 3
    TERMINATED = 4


TRYING = NonInviteClientState.TRYING
PROCEEDING = NonInviteClientState.PROCEEDING
COMPLETED = NonInviteClientState.COMPLETED
TERMINATED = NonInviteClientState.TERMINATED


class NonInviteClientTransaction(ClientTransaction):
    """One request other than INVITE and ACK on its way to one target."""

    __slots__ = ("state",)

    def __init__(
        self,
        wire: ClientWire,
        user: ClientTransactionUser,
        request: Request,
        via: str,
        branch: str,
        data: bytes,
        flow: Flow,
    ) -> None:
        super().__init__(wire, user, request, via, branch, data, flow)
        self.state = TRYING

    def start(self) -> None:
        self._begin()

    def receive(self, response: Response) -> None:
        if self.state is not TRYING and self.state is not PROCEEDING:
            return
        if response.status < 200:
            self.state = PROCEEDING
            self._user.response_received(self, response)
            return
        wire = self._wire
        user = self._user
        self._stop_timer()
        self._data = b""
        if self.flow.transport.reliable:
            self._terminate()
        else:
            self.state = COMPLETED
            self._timer = wire.clock.at(wire.clock.now() + wire.timers.t4, self._timer_fired)
        user.response_received(self, response)
        self._let_go()
        self._user = NOBODY

    def fail(self, failure: FlowFailure) -> None:
        if self.state is TRYING or self.state is PROCEEDING:
            user = self._user
            self._terminate()
            user.transport_failed(self, failure)

    def _timer_fired(self) -> None:
        if self.state is COMPLETED:  # K
            self._terminate()
        elif self._wire.clock.now() >= self._timeout_at:  # F
            user = self._user
            self._terminate()
            user.timed_out(self)
        else:  # E
            t2 = self._wire.timers.t2
            self._retransmit(t2 if self.state is PROCEEDING else min(2 * self._interval, t2))

    def _terminate(self) -> None:
        self.state = TERMINATED
        self._end()
