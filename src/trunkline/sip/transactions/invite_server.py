"""The INVITE server transaction: RFC 3261 §17.2.1 with Figure 7 as RFC 6026 §8.6 replaces it.

==========  =======================  ==========================================  ==========
state       input                    action                                      next state
==========  =======================  ==========================================  ==========
            INVITE                   (the stack passes it to the user)           PROCEEDING
PROCEEDING  user silent for 200 ms   send 100                                    PROCEEDING
PROCEEDING  1xx from the user        send                                        PROCEEDING
PROCEEDING  INVITE                   send the last provisional, if any           PROCEEDING
PROCEEDING  2xx from the user        send; start L                               ACCEPTED
PROCEEDING  300-699 from the user    send; start G (unreliable) and H            COMPLETED
COMPLETED   INVITE                   send the response again                     COMPLETED
COMPLETED   timer G                  send it again; G doubles up to T2           COMPLETED
COMPLETED   ACK                      start I                                     CONFIRMED
COMPLETED   timer H                                                              TERMINATED
CONFIRMED   timer I (0 if reliable)                                              TERMINATED
ACCEPTED    2xx from the user        send                                        ACCEPTED
ACCEPTED    ACK                      pass up                                     ACCEPTED
ACCEPTED    timer L                                                              TERMINATED
==========  =======================  ==========================================  ==========

Every other pair of state and input does nothing: in ACCEPTED a repeated INVITE is absorbed, because the core
that sent the 2xx retransmits it (§13.3.1.4), and a response that comes too late is dropped.

A transport failure changes no state (RFC 6026 §8.8): the next transmission looks for another path
(`trunkline.sip.response_path`). Timer H ends the transaction without a word to the user, who is not waiting
for anything. How long an INVITE may stay in PROCEEDING is decided above.
"""

from collections.abc import Hashable
from enum import Enum

from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow
from trunkline.sip.transactions.server import ServerTransaction, ServerWire


class InviteServerState(Enum):
    """The states of Figure 7."""

    PROCEEDING = 1
    COMPLETED = 2
    CONFIRMED = 3
    ACCEPTED = 4
    TERMINATED = 5


PROCEEDING = InviteServerState.PROCEEDING
COMPLETED = InviteServerState.COMPLETED
CONFIRMED = InviteServerState.CONFIRMED
ACCEPTED = InviteServerState.ACCEPTED
TERMINATED = InviteServerState.TERMINATED


class InviteServerTransaction(ServerTransaction):
    """One INVITE received."""

    __slots__ = ("_give_up_at", "_interval", "state")

    def __init__(self, wire: ServerWire, request: Request, flow: Flow, key: Hashable) -> None:
        super().__init__(wire, request, flow, key)
        self.state = PROCEEDING
        self._interval = 0.0
        self._give_up_at = 0.0

    @property
    def final_sent(self) -> bool:
        return self.state is not PROCEEDING

    @property
    def accepted(self) -> bool:
        """True from the first 2xx until timer L."""
        return self.state is ACCEPTED

    def await_user(self) -> None:
        if self.state is PROCEEDING and self.last_response is None:
            self._arm(self._wire.timers.trying_s)

    def respond(self, response: Response) -> None:
        status = response.status
        if self.state is PROCEEDING:
            if status < 200:
                self._stop_timer()
            elif status < 300:
                self.state = ACCEPTED
                self._stop_timer()
                self._wire.linger(self)
            else:
                self._complete()
            self._transmit(response)
            if status >= 300:
                self._let_go()
        elif self.state is ACCEPTED and 200 <= status < 300:
            self._transmit(response)

    def receive_again(self) -> None:
        if self.state is PROCEEDING or self.state is COMPLETED:
            self._retransmit()

    def acknowledged(self) -> None:
        """Input: the core won't repeat its 2xx. Until timer L nothing is needed but the key."""
        if self.state is ACCEPTED:
            self._let_go()
            self._data = b""

    def receive_ack(self, ack: Request, flow: Flow) -> None:
        """Input: an ACK that matched."""
        if self.state is COMPLETED:
            self.state = CONFIRMED
            if self.flow.transport.reliable:
                self._terminate()
            else:
                self._arm(self._wire.timers.t4)
        elif self.state is ACCEPTED:
            self._wire.ack_of_accepted(ack, flow)

    def lingered(self) -> None:
        self._terminate()

    def _complete(self) -> None:
        self.state = COMPLETED
        timers = self._wire.timers
        self._give_up_at = self._wire.clock.now() + timers.timeout_s
        if self.flow.transport.reliable:
            self._arm(timers.timeout_s)
        else:
            self._interval = timers.t1
            self._arm(timers.t1)

    def _timer_fired(self) -> None:
        if self.state is PROCEEDING:  # the user is silent
            self.respond(response_to(self.request, 100))
        elif self.state is COMPLETED:
            left = self._give_up_at - self._wire.clock.now()
            if left <= 0:  # H
                self._terminate()
            else:  # G
                self._interval = min(2 * self._interval, self._wire.timers.t2)
                self._arm(min(self._interval, left))
                self._retransmit()
        else:  # I
            self._terminate()

    def _terminate(self) -> None:
        self.state = TERMINATED
        self._end()
