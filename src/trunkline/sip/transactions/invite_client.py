"""The INVITE client transaction: RFC 3261 §17.1.1 with Figure 5 as RFC 6026 §8.4 replaces it.

==========  =======================  ==========================================  ==========
state       input                    action                                      next state
==========  =======================  ==========================================  ==========
            start                    send INVITE; start A (unreliable) and B     CALLING
CALLING     timer A                  send INVITE; A doubles, without a cap       CALLING
CALLING     timer B                  tell the user: timed out                    TERMINATED
CALLING     1xx                      stop A and B; pass up                       PROCEEDING
PROCEEDING  1xx                      pass up                                     PROCEEDING
either      2xx                      start M; pass up                            ACCEPTED
either      300-699                  send ACK; start D; pass up                  COMPLETED
CALLING     transport failure        tell the user                               TERMINATED
PROCEEDING  connection closed        tell the user                               TERMINATED
either      abandon                                                              TERMINATED
COMPLETED   300-699                  send the ACK again                          COMPLETED
COMPLETED   timer D (0 if reliable)                                              TERMINATED
COMPLETED   transport failure        tell the user                               TERMINATED
ACCEPTED    2xx                      pass up                                     ACCEPTED
ACCEPTED    timer M                                                              TERMINATED
==========  =======================  ==========================================  ==========

Every other pair of state and input does nothing. The ACK of a 2xx belongs to the dialog (§13.2.2.4); the ACK
of anything else is made here, with the branch, Request-URI and Route of the INVITE (§17.1.1.3).

Deviation: a connection that closes in PROCEEDING ends the transaction at once, although Figure 5 knows a
transport error only where something is sent: a peer that dies while it rings must not hold the call until
somebody hangs up. An ICMP error in PROCEEDING is ignored, as the figure has it: it can't be about this
transaction, and anybody can forge one. `abandon` is the end that §9.1 prescribes when a CANCEL brought no
final response in 64·T1; its clock is in `trunkline.sip.delivery`.
"""

from enum import Enum

from trunkline.sip.failures import FlowFailure
from trunkline.sip.message import Request, Response
from trunkline.sip.ports import Flow
from trunkline.sip.transactions.client import (
    ClientTransaction,
    ClientTransactionUser,
    ClientWire,
    derived_request,
)


class InviteClientState(Enum):
    """The states of Figure 5."""

    CALLING = 1
    PROCEEDING = 2
    COMPLETED = 3
    ACCEPTED = 4
    TERMINATED = 5


CALLING = InviteClientState.CALLING
PROCEEDING = InviteClientState.PROCEEDING
COMPLETED = InviteClientState.COMPLETED
ACCEPTED = InviteClientState.ACCEPTED
TERMINATED = InviteClientState.TERMINATED


class InviteClientTransaction(ClientTransaction):
    """One INVITE on its way to one target."""

    __slots__ = ("_ack", "state")

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
        self.state = CALLING
        self._ack = b""

    def start(self) -> None:
        self._begin()

    def receive(self, response: Response) -> None:
        status = response.status
        state = self.state
        if state is CALLING or state is PROCEEDING:
            if status < 200:
                self._receive_provisional(response)
            elif status < 300:
                self._accept(response)
            else:
                self._complete(response)
        elif state is ACCEPTED:
            if 200 <= status < 300:
                self._user.response_received(self, response)
        elif state is COMPLETED and status >= 300:
            self._wire.send(self._ack, self.flow, self.call_id)

    def fail(self, failure: FlowFailure) -> None:
        state = self.state
        if state is ACCEPTED or state is TERMINATED:
            return
        if state is PROCEEDING and not self.flow.transport.reliable:
            return
        user = self._user
        self._terminate()
        user.transport_failed(self, failure)

    def abandon(self) -> bool:
        """End a transaction that has no final response, and tell nobody; False when there is nothing to
        end.
        """
        if self.state is CALLING or self.state is PROCEEDING:
            self._terminate()
            return True
        return False

    def lingered(self) -> None:
        """Input: timer M."""
        self._terminate()

    def _receive_provisional(self, response: Response) -> None:
        if self.state is CALLING:
            self._stop_timer()
            self._data = b""
            self.state = PROCEEDING
        self._user.response_received(self, response)

    def _accept(self, response: Response) -> None:
        self._stop_timer()
        self._data = b""
        self.state = ACCEPTED
        self._wire.linger(self)
        self._user.response_received(self, response)
        self._let_go()

    def _complete(self, response: Response) -> None:
        wire = self._wire
        user = self._user
        self._stop_timer()
        self._data = b""
        self.state = COMPLETED
        to = response.headers.get("to") or ""
        self._ack = derived_request("ACK", self.request, self.via, to).to_bytes()
        if self.flow.transport.reliable:
            self._terminate()
        else:
            self._timer = wire.clock.at(wire.clock.now() + wire.timers.d_s, self._timer_fired)
        wire.send(self._ack, self.flow, self.call_id)
        user.response_received(self, response)
        self._let_go()

    def _timer_fired(self) -> None:
        if self.state is not CALLING:  # D
            self._terminate()
        elif self._wire.clock.now() >= self._timeout_at:  # B
            user = self._user
            self._terminate()
            user.timed_out(self)
        else:  # A
            self._retransmit(2 * self._interval)

    def _terminate(self) -> None:
        self.state = TERMINATED
        self._end()
