"""One request of ours within a dialog, from sending to its outcome (RFC 3261 §12.2.1, §14.1, §15.1.1).

Each attempt is a new transaction with a new sequence number. Another attempt follows a 401 or 407 that
credentials can answer, a 422 that names a larger minimum (RFC 4028 §7.3), a 491 after the random window of
§14.1 (RFC 3311 §5.3 has the same one), and a 500 with a short Retry-After to a request with an offer (§14.2).
A re-INVITE that has only provisional responses is cancelled after 64·T1 (§9.1; timer B no longer counts).
A 408, a 481 or no response at all ends the dialog (§12.2.1.2), except for a PRACK, whose 481 only says that
the response was acknowledged before (RFC 3262 §3).

When a request may be sent at all is decided by `usage`, which owns the dialog and drives this.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from trunkline.clock import Timer
from trunkline.sip.delivery import ClientRequest
from trunkline.sip.failures import RequestFailure, RequestFailureKind
from trunkline.sip.message import Request, Response
from trunkline.sip.outgoing import SentAck
from trunkline.sip.ports import Flow, Target
from trunkline.sip.reliability import is_reliable

if TYPE_CHECKING:
    from trunkline.sip.usage import Usage

Fields = Iterable[tuple[str, str]]
"""Header fields to add: name and value. A value with CR, LF or NUL raises `SipBuildError` when the message is
made.
"""

Body = bytes | Callable[[], bytes]
"""A body, or what makes one whenever the request is sent: after a 491 the offer of before may be stale (RFC
5407 §3.3.1).
"""

Outcome = Response | RequestFailure

ATTEMPTS_MAX = 6
"""Transactions spent on one request, whatever the reasons for trying again."""

RETRY_AFTER_MAX_S = 10
"""RFC 3261 §14.2 and RFC 3311 §5.2 choose Retry-After between 0 and 10 s; a longer one is for a person to
decide.
"""


def _nothing(_: Outcome) -> None:
    """The outcome interests nobody."""


class DialogRequest:
    """A request other than INVITE, ACK, BYE. Also the base of those that want more. It is the `ClientEvents`
    of each attempt.
    """

    __slots__ = (
        "_attempts",
        "_body",
        "_content_type",
        "_headers",
        "_on_answer",
        "_on_reject",
        "_rounds",
        "_timer",
        "_usage",
        "method",
        "request",
    )

    refreshes_target = False
    """Whether the request is a target refresh request, and carries our Contact."""

    def __init__(
        self,
        usage: "Usage",
        method: str,
        *,
        body: Body = b"",
        content_type: str | None = None,
        headers: Fields = (),
        on_answer: Callable[[Response], None] = _nothing,
        on_reject: Callable[[Outcome], None] = _nothing,
    ) -> None:
        self._usage = usage
        self.method = method
        self._body = body
        self._content_type = content_type
        self._headers = tuple(headers)
        self._on_answer = on_answer
        self._on_reject = on_reject
        self._attempts = 0
        self._rounds = 0
        self._timer: Timer | None = None
        self.request: Request | None = None
        """The present attempt."""

    @property
    def offers(self) -> bool:
        """Whether it carries an offer."""
        return False

    def start(self) -> None:
        """Send it for the first time, or after a pause."""
        self.send()

    def send(self) -> None:
        """Send it, or send it once more."""
        usage = self._usage
        self._attempts += 1
        request = usage.dialog.request(self.method)
        self._dress(request)
        body = self._body
        if body:
            request.body = body() if callable(body) else body
            request.headers.set("content-type", self._content_type or "application/sdp")
        if usage.authenticator is not None:
            usage.authenticator.authorize(request)
        self.request = request
        self._sent(
            usage.agent.stack.request(
                request,
                usage.dialog.next_hop(),
                self,
                contact=usage.contact if self.refreshes_target else None,
            )
        )

    def _sent(self, sending: ClientRequest) -> None:
        """It is on its way."""

    def _dress(self, request: Request) -> None:
        """Add header fields."""
        headers = request.headers
        for name, value in self._headers:
            headers.add(name, value)

    def stop(self) -> None:
        """No further attempt."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # events of the stack

    def target_chosen(self, target: Target | Flow) -> None:
        """The stack has found where to send it."""

    def response_received(self, response: Response, flow: Flow) -> None:  # noqa: ARG002 - part of the protocol
        """A response to the present attempt."""
        status = response.status
        if status < 200:
            self._progressed(response)
        elif status < 300:
            self._succeeded(response)
        elif not self._try_again(response):
            self._rejected(response)

    def request_failed(self, failure: RequestFailure) -> None:
        """No final response."""
        self._refused(failure)
        if failure.kind in (RequestFailureKind.NO_RESPONSE, RequestFailureKind.NO_FINAL):
            self._usage.dialog_lost(f"no response to {self.method}")
        self._usage.go_on()

    # outcomes

    def _progressed(self, response: Response) -> None:
        """A provisional response: it says nothing."""

    def _succeeded(self, response: Response) -> None:
        self._on_answer(response)

    def _rejected(self, response: Response) -> None:
        self._refused(response)
        if response.status in (408, 481):
            self._usage.dialog_lost(f"{response.status} to {self.method}")
        self._usage.go_on()

    def _refused(self, outcome: Outcome) -> None:
        self._on_reject(outcome)

    # trying again

    def _try_again(self, response: Response) -> bool:
        """Arrange for another attempt if `response` asks for one that makes sense."""
        usage = self._usage
        if self._attempts >= ATTEMPTS_MAX or not self._wanted():
            return False
        status = response.status
        if status in (401, 407):
            request, authenticator = self.request, usage.authenticator
            if (
                request is None
                or authenticator is None
                or not authenticator.challenged(request, response, self._rounds)
            ):
                return False
            self._rounds += 1
            self.send()
            return True
        return self._try_again_later(response)

    def _wanted(self) -> bool:
        """Whether another attempt would still serve."""
        return not self._usage.ended

    def _try_again_later(self, response: Response) -> bool:
        """Only requests that take part in offer/answer or the session timer know more reasons."""
        del response
        return False

    def _after(self, delay_s: float) -> None:
        clock = self._usage.agent.clock
        self._timer = clock.at(clock.now() + delay_s, self.start)


class Modification(DialogRequest):
    """An UPDATE (RFC 3311), with an offer or as a mere refresh; one of these at a time for each usage."""

    __slots__ = ("asked_s", "relayed")

    refreshes_target = True

    def __init__(
        self,
        usage: "Usage",
        method: str,
        *,
        body: Body = b"",
        headers: Fields = (),
        on_answer: Callable[[Response], None] = _nothing,
        on_reject: Callable[[Outcome], None] = _nothing,
        relayed: bool = False,
    ) -> None:
        super().__init__(usage, method, body=body, headers=headers, on_answer=on_answer, on_reject=on_reject)
        self.relayed = relayed
        """It is made for somebody who tries again himself: a 491 is final."""
        self.asked_s: int | None = None
        """The session interval that the present attempt asks for."""

    @property
    def offers(self) -> bool:
        return bool(self._body)

    def _dress(self, request: Request) -> None:
        usage = self._usage
        usage.agent.declare(request)
        timer = usage.session_timer
        self.asked_s = timer.asked_s()
        for name, value in timer.request_fields():
            request.headers.add(name, value)
        super()._dress(request)

    def _succeeded(self, response: Response) -> None:
        usage = self._usage
        if usage.ended:
            return
        usage.peer_said(response)
        usage.dialog.refresh_target(response)
        usage.session_timer.accepted_by_peer(response, self.asked_s)
        request = self.request
        if self.offers and request is not None:
            usage.local_description = request.body
        usage.modification_over(self)
        super()._succeeded(response)
        usage.go_on()

    def _refused(self, outcome: Outcome) -> None:
        usage = self._usage
        if usage.ended:
            return
        usage.modification_over(self)
        usage.session_timer.refresh_failed()
        super()._refused(outcome)

    def _try_again_later(self, response: Response) -> bool:
        usage = self._usage
        status = response.status
        if status == 422:
            if not usage.session_timer.rejected_as_too_small(response):
                return False
            self.send()
            return True
        if status == 491 and not self.relayed:
            usage.modification_paused(self)
            self._after(usage.agent.glare_delay(owner=usage.dialog.owns_call_id))
            return True
        if status == 500 and self.offers and (delay := _retry_after(response)) is not None:
            usage.modification_paused(self)
            self._after(delay)
            return True
        return False

    def start(self) -> None:
        usage = self._usage
        if usage.modification_may_start(self):
            usage.modification_started(self)
            self.send()
        else:
            self._after(usage.agent.glare_delay(owner=usage.dialog.owns_call_id))

    def refuse(self, outcome: Outcome) -> None:
        """It is not even sent."""
        self._on_reject(outcome)


class ReInvite(Modification):
    """A re-INVITE with an offer (RFC 3261 §14.1): acknowledged here, and for every repetition of its 2xx."""

    __slots__ = ("_ack", "_answer", "_cancelled", "_patience", "_sending")

    def __init__(
        self,
        usage: "Usage",
        *,
        body: Body,
        headers: Fields = (),
        on_answer: Callable[[Response], None] = _nothing,
        on_reject: Callable[[Outcome], None] = _nothing,
        relayed: bool = False,
    ) -> None:
        super().__init__(
            usage,
            "INVITE",
            body=body,
            headers=headers,
            on_answer=on_answer,
            on_reject=on_reject,
            relayed=relayed,
        )
        self._ack: SentAck | None = None
        self._answer = b""
        """Of a reliable provisional response."""
        self._sending: ClientRequest | None = None
        """The present attempt, until its final response."""
        self._patience: Timer | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """Give it up (RFC 3261 §9.1): one that is on its way is cancelled, and its outcome comes as ever; one
        that waits has come to its end, as with a 487. Nothing happens once it has its outcome.
        """
        self._cancelled = True
        if self._sending is not None:
            self._sending.cancel()
        elif self._usage.withdrawn(self):
            self.refuse(Response(487))
        elif self._timer is not None and self._timer.armed:
            self.stop()
            self._refused(Response(487))
            self._usage.go_on()

    def _sent(self, sending: ClientRequest) -> None:
        if not sending.finished:
            self._sending = sending

    def response_received(self, response: Response, flow: Flow) -> None:
        """A response to the present attempt."""
        if response.status >= 200:
            self._over()
        elif self._patience is None:
            clock, timers = self._usage.agent.clock, self._usage.agent.timers
            self._patience = clock.at(clock.now() + timers.timeout_s, self.cancel)
        super().response_received(response, flow)

    def request_failed(self, failure: RequestFailure) -> None:
        """No final response."""
        self._over()
        super().request_failed(failure)

    def _over(self) -> None:
        self._sending = None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _wanted(self) -> bool:
        return not self._cancelled and super()._wanted()

    def _progressed(self, response: Response) -> None:
        """A reliable provisional response is acknowledged; its answer counts as executed (RFC 6141 §3.3,
        §4.7), and as that of a 2xx which doesn't say it again (RFC 6337 §3.1.1).
        """
        if not is_reliable(response):
            return
        usage = self._usage
        if usage.acknowledge_provisional(response):
            self._answer = self._answer or response.body

    def _succeeded(self, response: Response) -> None:
        usage = self._usage
        ack = self._ack
        if ack is not None:
            ack.repeat()
            return
        usage.dialog.refresh_target(response)
        if self.request is not None:
            self._ack = usage.acknowledge(self.request)
        response.body = response.body or self._answer
        super()._succeeded(response)

    def _refused(self, outcome: Outcome) -> None:
        if self._ack is not None:
            return
        super()._refused(outcome)
        if self._answer:
            self._usage.synchronise()


class Bye(DialogRequest):
    """A BYE (RFC 3261 §15.1.1): whatever comes of it, the dialog is over then. It is sent once more where the
    connection that it went by was there no longer: else the peer would go on with the call.
    """

    __slots__ = ("_flow",)

    def __init__(self, usage: "Usage", headers: Fields) -> None:
        super().__init__(usage, "BYE", headers=headers)
        self._flow: Flow | None = None

    def _sent(self, sending: ClientRequest) -> None:
        self._flow = sending.flow

    def _succeeded(self, response: Response) -> None:
        del response
        self._usage.forget()

    def _rejected(self, response: Response) -> None:
        del response
        self._usage.forget()

    def request_failed(self, failure: RequestFailure) -> None:
        """No answer: the same as one (§15.1.1)."""
        del failure
        if self._attempts == 1 and self._flow is not None and self._flow.closed:
            self.send()
        else:
            self._usage.forget()

    def _wanted(self) -> bool:
        return True


class Prack(DialogRequest):
    """A PRACK (RFC 3262 §4). Its failure is nobody's: the UAS goes on repeating its response, or gives up."""

    __slots__ = ()

    def __init__(self, usage: "Usage", rack: str) -> None:
        super().__init__(usage, "PRACK", headers=(("rack", rack),))

    def _rejected(self, response: Response) -> None:
        """Nothing follows."""

    def request_failed(self, failure: RequestFailure) -> None:
        """Nothing follows."""


class Notify(DialogRequest):
    """A NOTIFY of a subscription that shares the dialog (RFC 6665 §4.2.2). Its failure is the subscription's,
    never the dialog's.
    """

    __slots__ = ()

    refreshes_target = True

    def _rejected(self, response: Response) -> None:
        self._refused(response)

    def request_failed(self, failure: RequestFailure) -> None:
        """No final response."""
        self._refused(failure)


def _retry_after(response: Response) -> float | None:
    """Seconds of a Retry-After that is short enough to wait for."""
    value = (response.headers.get("retry-after") or "").partition("(")[0].partition(";")[0].strip()
    if not value.isdecimal() or len(value) > 3 or int(value) > RETRY_AFTER_MAX_S:
        return None
    return float(value)
