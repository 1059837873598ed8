"""Our registration at a carrier (RFC 3261 §10.2): a REGISTER, again before it expires, and again after a
failure.

    IDLE ──start──▶ REGISTERING ──2xx──▶ REGISTERED ──due, or its connection lost──▶ REGISTERING
                        └──anything else──▶ WAITING ──back-off──▶ REGISTERING
    any ──stop──▶ IDLE (a REGISTER with Expires 0 goes out if a binding may exist)

All of them carry one Call-ID and From tag, and CSeq numbers that go up (§10.2). A binding is refreshed when
80 to 90 % of its life is over. After failures in a row the wait is that of RFC 5626 §4.5: half to all of
min(1800 s, 30 s · 2^failures), or what Retry-After asks for if that is longer. A 423 raises the interval
(§10.2.8); a 401 or 407 is answered by `outgoing_request`. A failed refresh leaves the binding in force until
it expires.

The binding is ours alone: other contacts in the answer are nobody's business here (§10.2.4).
"""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from trunkline.clock import Timer
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import RequestFailure
from trunkline.sip.message import Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import Authenticator, DigestUser
from trunkline.sip.outgoing_request import OutgoingRequest, RequestSeries
from trunkline.sip.ports import Flow
from trunkline.sip.stack import ContactSpec, NextHop
from trunkline.sip.uri import SipUri

if TYPE_CHECKING:
    from trunkline.sip.user_agent import UserAgent

BACK_OFF_BASE_S = 30.0
BACK_OFF_MAX_S = 1800.0
SHORTEST_EXPIRES_S = 20
"""A registrar that grants less is asked again no sooner than this allows."""
INTERVAL_ROUNDS = 3
"""How often in a row a 423 is answered with a longer interval."""


class RegistrationState(Enum):
    """Where a registration is."""

    IDLE = "idle"
    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING = "waiting"


class RegistrationEvents(Protocol):
    """What the owner of a registration is told."""

    def registered(self, expires_s: int) -> None:
        """The registrar has accepted it, for that many seconds."""

    def registration_failed(self, outcome: Response | RequestFailure, retry_in_s: float) -> None:
        """It has not; the next try follows in that many seconds."""


class RegistrationClient:
    """One binding at one registrar."""

    __slots__ = (
        "_agent",
        "_contact",
        "_events",
        "_expires_s",
        "_failures",
        "_flow",
        "_interval_rounds",
        "_pending",
        "_series",
        "_timer",
        "_valid_until",
        "state",
    )

    def __init__(
        self,
        agent: "UserAgent",
        *,
        registrar: SipUri,
        address_of_record: NameAddr,
        contact: ContactSpec,
        credentials: DigestUser | None,
        events: RegistrationEvents,
        expires_s: int = 3600,
        next_hop: NextHop | None = None,
    ) -> None:
        """`registrar` is the Request-URI, without a user (§10.2); `next_hop` where it goes, if elsewhere."""
        self._agent = agent
        self._contact = contact
        self._events = events
        self._expires_s = expires_s
        self._failures = 0
        self._interval_rounds = 0
        self._flow: Flow | None = None
        self._pending: OutgoingRequest | None = None
        self._timer: Timer | None = None
        self._valid_until = 0.0
        self._series = RequestSeries(
            method="REGISTER",
            uri_text=str(registrar),
            from_value=f"{address_of_record};tag={agent.token()}",
            to_value=str(address_of_record),
            call_id=agent.token(),
            next_hop=registrar if next_hop is None else next_hop,
            authenticator=None if credentials is None else Authenticator(credentials, agent.token),
        )
        self.state = RegistrationState.IDLE

    @property
    def in_force(self) -> bool:
        """Whether the registrar holds our binding, as far as we know."""
        return self._agent.clock.now() < self._valid_until

    def start(self) -> None:
        """Register now and from now on. Does nothing when it is running."""
        if self.state is RegistrationState.IDLE:
            self._failures = 0
            self._agent.watch(self)
            self._register()

    def stop(self) -> None:
        """Remove the binding (§10.2.2), once, and stop. Idempotent."""
        if self.state is RegistrationState.IDLE:
            return
        was_sent = self.in_force or self._pending is not None
        self._quiet()
        self.state = RegistrationState.IDLE
        self._agent.unwatch(self)
        if was_sent:
            self._send(0, _ignore_response, _ignore_failure)
        self._valid_until = 0.0

    def flow_failed(self, where: object) -> None:
        """A connection is gone: with it, the way that calls would have come (RFC 5626 §4.5)."""
        if self.state is RegistrationState.REGISTERED and where is self._flow:
            self._valid_until = 0.0
            self._wait(self._agent.uniform(0.5, 2.0))

    def _register(self) -> None:
        self._quiet()
        self.state = RegistrationState.REGISTERING
        self._pending = self._send(self._expires_s, self._answered, self._failed)

    def _send(
        self,
        expires_s: int,
        on_response: Callable[[Response], None],
        on_failure: Callable[[RequestFailure], None],
    ) -> OutgoingRequest:
        return OutgoingRequest(
            self._agent,
            self._series,
            headers=(("expires", str(expires_s)), *self._agent.capabilities()),
            body=b"",
            content_type=None,
            contact=self._contact,
            on_response=on_response,
            on_failure=on_failure,
        )

    def _answered(self, response: Response) -> None:
        status = response.status
        if status < 300:
            self._succeeded(response)
        elif status == 423 and self._longer_interval(response):
            self._register()
        else:
            self._failed(response)

    def _succeeded(self, response: Response) -> None:
        pending, self._pending = self._pending, None
        self._flow = None if pending is None else pending.flow
        granted = max(self._granted_s(response), SHORTEST_EXPIRES_S)
        clock = self._agent.clock
        self._failures = 0
        self._interval_rounds = 0
        self._valid_until = clock.now() + granted
        self.state = RegistrationState.REGISTERED
        self._timer = clock.at(clock.now() + granted * self._agent.uniform(0.8, 0.9), self._register)
        self._events.registered(granted)

    def _granted_s(self, response: Response) -> int:
        """How long our binding lives: its own expires parameter, else Expires, else what we asked for
        (§10.2.4).
        """
        try:
            contacts, expires = response.contacts, response.expires
        except SipSyntaxError:
            return self._expires_s
        for contact in contacts:
            value = contact.params.get("expires")
            if value is not None and value.isdecimal() and (len(contacts) == 1 or self._is_ours(contact)):
                return min(int(value[:9]), self._expires_s)
        return self._expires_s if expires is None else min(expires, self._expires_s)

    def _is_ours(self, contact: NameAddr) -> bool:
        uri, flow = contact.uri, self._flow
        if not isinstance(uri, SipUri) or uri.user != self._contact.user:
            return False
        return flow is None or (uri.host, uri.port or 5060) == flow.sent_by

    def _longer_interval(self, response: Response) -> bool:
        value = response.headers.get("min-expires") or ""
        if not value.isdecimal() or len(value) > 9 or self._interval_rounds >= INTERVAL_ROUNDS:
            return False
        self._interval_rounds += 1
        longer = int(value) > self._expires_s
        self._expires_s = max(self._expires_s, int(value))
        return longer

    def _failed(self, outcome: Response | RequestFailure) -> None:
        self._pending = None
        self._interval_rounds = 0
        self._failures += 1
        longest = min(BACK_OFF_MAX_S, BACK_OFF_BASE_S * 2 ** min(self._failures, 10))
        delay = self._agent.uniform(longest / 2, longest)
        if isinstance(outcome, Response):
            delay = max(delay, _retry_after_s(outcome))
        self._wait(delay)
        self._events.registration_failed(outcome, delay)

    def _wait(self, delay_s: float) -> None:
        self._quiet()
        self.state = RegistrationState.WAITING
        clock = self._agent.clock
        self._timer = clock.at(clock.now() + delay_s, self._register)

    def _quiet(self) -> None:
        """Nothing of before matters any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending is not None:
            self._pending.forget()
            self._pending = None


def _retry_after_s(response: Response) -> float:
    """Seconds of Retry-After (RFC 3261 §20.33), at most an hour; 0 when absent or malformed."""
    value = (response.headers.get("retry-after") or "").partition("(")[0].partition(";")[0].strip()
    return min(float(value[:9]), 3600.0) if value.isdecimal() else 0.0


def _ignore_response(response: Response) -> None:
    """Whether the binding could be removed or not, it expires."""


def _ignore_failure(failure: RequestFailure) -> None:
    """Whether the binding could be removed or not, it expires."""
