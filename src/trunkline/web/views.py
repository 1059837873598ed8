"""What a node shows of itself: plain values that travel as JSON between the control socket and the command
line.

Every `*_at` is wall-clock seconds since the epoch.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trunkline.call.record import AttemptRecord, CallRecord, Direction, MediaFigures
from trunkline.trunk.health import HealthState


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the node takes new calls, and if not, why: each reason is a sentence for a person."""

    ready: bool
    reasons: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    """What does not work as it should while calls are taken, in sentences too."""


@dataclass(frozen=True, slots=True)
class NodeStats:
    """The node at a glance."""

    node: str
    version: str
    started_at: float
    draining: bool
    calls: int
    """Calls under way, ringing ones included."""
    calls_total: int
    """Calls since the start."""
    registrations: int
    bans: int
    media_ports_in_use: int
    loop_lag_ms: float
    client_transactions: int
    server_transactions: int
    media_instances: tuple[str, ...] = ()
    """The rtpengines, each with how it is; none with the built-in engine."""
    problems: tuple[str, ...] = ()
    """What is wrong with it among the other nodes on its database, each a sentence."""
    live: str = ""
    """How the state is that the nodes share, in a sentence; empty where they share none."""
    live_degraded: bool = False
    """Limits of accounts are held by this node's share."""


class CallState(StrEnum):
    """How far a call has come; `ended` only appears in `CallEvent`."""

    TRYING = "trying"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call as it stands."""

    call_id: str
    direction: Direction
    state: CallState
    account: str | None
    caller: str
    called: str
    source: str
    setup_at: float
    answered_at: float | None
    target: str
    """The endpoint or gateway of the latest attempt; empty before the first."""
    attempts: int
    codecs: tuple[str, str]
    """Of the caller's and the callee's leg; empty strings while not agreed, in `CallEvent` until the end."""
    verdict: str = ""
    """The slug of the verdict, once ended."""
    status: int | None = None
    talk_s: float = 0.0
    """Answered time, once ended."""

    @classmethod
    def of(cls, record: CallRecord, attempt: AttemptRecord | None) -> "LiveCall":
        """From the call's record and that of its latest attempt."""
        if record.ended_at is not None:
            state = CallState.ENDED
        elif record.answered_at is not None:
            state = CallState.ANSWERED
        else:
            state = CallState.TRYING if record.ringing_at is None else CallState.RINGING
        return cls(
            call_id=record.call_id,
            direction=record.direction,
            state=state,
            account=record.account,
            caller=record.caller,
            called=record.called or record.dialled,
            source=record.source,
            setup_at=record.setup_at,
            answered_at=record.answered_at,
            target="" if attempt is None else attempt.target,
            attempts=record.attempts,
            codecs=(record.caller_media.codec, record.callee_media.codec),
            verdict="" if record.verdict is None else str(record.verdict.slug),
            status=None if record.verdict is None else record.verdict.status,
            talk_s=record.talk_s,
        )


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One step of a call, as `calls/follow` tells it."""

    at: float
    call: LiveCall
    missed: int = 0
    """Events left out just before this one, because the listener was slow."""


@dataclass(frozen=True, slots=True)
class CallAudio:
    """The audio of a call that is up, as far as it has come."""

    caller: MediaFigures
    callee: MediaFigures
    """Of the present attempt; all zero before the first."""


@dataclass(frozen=True, slots=True)
class RegistrationView:
    """One binding of the location service (RFC 3261 §10)."""

    account: str
    contact: str
    source: str
    """`transport address:port` it came from."""
    expires_at: float


@dataclass(frozen=True, slots=True)
class PbxView:
    """What the node has seen of one account's PBX, but for its calls: those are in the records."""

    registrations: tuple[RegistrationView, ...]
    refused_at: float | None
    """When a wrong password came for the account's key."""
    refused_source: str
    """From where, as `transport address:port`; empty when none came."""
    refused_realm: str
    """The realm that it was for, when that was not ours; else empty."""
    without_at: float | None
    """When a REGISTER for the account's key came without a password, and was challenged."""
    without_source: str
    """From where, as `transport address:port`; empty when none came."""
    asked_at: float | None
    """When the host of a registration, or one of the `hosts` asked about, last sent a health check."""
    weak_tls: str
    """The TLS version below 1.2 that one of these hosts spoke; empty when none did."""


@dataclass(frozen=True, slots=True)
class BanView:
    """One source address that is turned away unread."""

    source: str
    reason: str
    ends_at: float


MAX_TARGETS: Final = 10_000
"""So many endpoints and gateways are listed: gateways and those that are down first."""


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """How an endpoint of a number, or a gateway of a carrier, has answered lately."""

    uri: str
    number: str | None
    account: str | None
    """Whose number it is; None for a gateway."""
    carrier: str | None
    state: HealthState
    results: tuple[bool, ...]
    """The last results of pings and calls, oldest first; True is good."""
    since_at: float | None
    """When it last went up or down."""
    last_at: float | None
    last_failure: str
    """The slug of the last failure; empty when there was none."""
    last_detail: str


@dataclass(frozen=True, slots=True)
class PingAnswer:
    """What came back to one OPTIONS."""

    status: int | None
    """None: no answer."""
    reason: str
    """The answer's reason phrase, or why there was none."""
    after_ms: float


@dataclass(frozen=True, slots=True)
class TrialCall:
    """What came of a test call to a number, as the phone that placed it tells it."""

    answered: bool
    status: int | None
    """Of the final response; None when there was none."""
    outcome: str
    """In words."""
    sip_call_id: str
    """Call-ID of the phone's leg: finds the record."""
    talk_s: float
    codec: str
    packets_received: int
    packets_lost: int
    mos: float | None
    steps: tuple[tuple[float, str], ...]
    """What happened, each with the seconds after the INVITE."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account has used of its limits, running calls included."""

    calls: int
    """Outbound calls up now."""
    inbound: int
    """Calls to its numbers up now."""
    minutes: float
    """Answered outbound minutes in the present UTC day."""
    cost: float
    """What those cost, by the prices of the routes."""


@dataclass(frozen=True, slots=True)
class MediaPorts:
    """Port pairs of the media range. `draining` ones were closed a moment ago and are not given out yet."""

    first: int
    last: int
    in_use: int
    draining: int
    free: int


@dataclass(frozen=True, slots=True)
class WeakTlsView:
    """A host that spoke TLS below 1.2 within the last day."""

    host: str
    version: str
    """Such as `TLSv1`."""
    at: float
    account: str | None
    """Whose device at this host is registered; None: nobody's."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the first page shows of the node: all of it (an operator's), or what is one account's."""

    calls: int
    """Under way, ringing ones included."""
    down: tuple[TargetHealth, ...]
    """Endpoints, and for operators gateways, that are down."""
    weak_tls: tuple[WeakTlsView, ...]
    usage: Usage | None = None
    """Of the account."""
    stats: NodeStats | None = None
    """For operators, as are the rest."""
    media_ports: MediaPorts | None = None
    bans: tuple[BanView, ...] = ()


@dataclass(frozen=True, slots=True)
class DirectoryStats:
    """What the directory in memory holds after a refresh."""

    accounts: int
    numbers: int
    carriers: int
    routes: int


@dataclass(frozen=True, slots=True)
class Question:
    """What `trunkline explain` asks: a call to `called` that nobody places."""

    direction: Direction
    called: str
    """As it would be dialled (outbound) or as the carrier would send it (inbound)."""
    account: str | None = None
    """Outbound: the API key that would place the call."""
    caller: str | None = None
    """The caller ID that would be presented; None: none."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen, and why: the trace of the very code that decides real calls."""

    steps: tuple[str, ...]
    verdict: str = ""
    """The slug of the refusal; empty when the call would be placed."""
    status: int | None = None
    text: str = ""
    remedy: str = ""


def host_of(source: str) -> str:
    """The address in a `transport address:port`, IPv6 without brackets."""
    return source.rpartition(" ")[2].rpartition(":")[0].strip("[]")
