"""The hunt: which target is tried next when one has failed, and with what a call ends (docs/sip.md,
Failover).

Two sets of rules, one mechanism. In both, an attempt whose audio the caller has heard is never replaced by
another.

===================================  ========================  =========================
how the attempt ended                `Rules.FORWARDING`        `Rules.GATEWAYS`
===================================  ========================  =========================
5xx                                  next; last: that 5xx      next; last: that 5xx
408                                  relayed                   next; last: 408
other 4xx, 6xx, 3xx                  relayed                   relayed
401, 407                             403                       403
no response in time                  next; last: 486           next; last: 408
refused, unreachable, DNS, TLS       next; last: 503           next; last: 503
not registered                       next; last: 480           —
at a carrier's gateway               next; last: 503           —
no codec that it could be offered    next; last: 488           next; last: 488
rang, and nobody answered in time    486                       408
caller hung up                       487                       487
===================================  ========================  =========================

The 486 is `forwarding.timeout_status`. A hunt doesn't know time: the attempt measures silence and ringing and
says how it ended. It records what it learns about each target in the `HealthBook`; the order of the targets
is decided in `plan`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Generic, TypeVar

from trunkline.trunk.far_end import far_end_verdict
from trunkline.trunk.health import HealthBook, HealthKey
from trunkline.trunk.verdict import Slug, Verdict


class EndKind(StrEnum):
    """How an attempt ended."""

    RESPONSE = "response"
    """A final response of 300 or more; `AttemptEnd.status` says which."""
    SILENT = "silent"
    """No response that counts, within the target's time."""
    REFUSED = "refused"
    """The connection was refused."""
    UNREACHABLE = "unreachable"
    """ICMP, a closed connection, no way there."""
    NAME = "name"
    """Its host name doesn't resolve."""
    TLS = "tls"
    """The TLS handshake failed."""
    BARRED = "barred"
    """It is at a carrier's gateway (`gateway_addresses`), and was not tried."""
    UNOFFERED = "unoffered"
    """No codec is left that it could be offered, and it was not tried."""
    RING_TIMEOUT = "ring-timeout"
    """It answered provisionally, and then not finally in time."""
    CANCELLED = "cancelled"
    """The caller hung up first."""


_OWN_VERDICTS = {
    EndKind.SILENT: Slug.ENDPOINT_SILENT,
    EndKind.REFUSED: Slug.UNREACHABLE,
    EndKind.UNREACHABLE: Slug.UNREACHABLE,
    EndKind.NAME: Slug.NAME_NOT_FOUND,
    EndKind.TLS: Slug.TLS_FAILED,
    EndKind.BARRED: Slug.FORWARDS_TO_GATEWAY,
    EndKind.UNOFFERED: Slug.CODEC_MISMATCH,
    EndKind.RING_TIMEOUT: Slug.NO_ANSWER,
    EndKind.CANCELLED: Slug.CANCELLED,
}
_UNTRIED = frozenset({EndKind.BARRED, EndKind.UNOFFERED})
_TRANSPORT_FAILURES = frozenset({EndKind.REFUSED, EndKind.UNREACHABLE, EndKind.NAME, EndKind.TLS})


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """The end of one attempt that was not answered."""

    kind: EndKind
    status: int | None = None
    """With `EndKind.RESPONSE`: 300 to 699."""
    detail: str = ""
    """A few words for the record."""
    rung: bool = False
    """A provisional response other than 100 had come."""
    early_media: bool = False
    """SDP of this target had been passed to the caller."""
    q850: int | None = None
    """The Q.850 cause in the response's Reason header."""

    @property
    def verdict(self) -> Verdict:
        """Why the attempt was left, for its record."""
        if self.kind is EndKind.RESPONSE:
            return far_end_verdict(self.status or 500, self.q850, self.detail)
        return Verdict.of(_OWN_VERDICTS[self.kind], detail=self.detail)


class Rules(Enum):
    """The rules of a number's forwarding list, or of a carrier's gateways."""

    FORWARDING = "forwarding"
    GATEWAYS = "gateways"


@dataclass(frozen=True, slots=True)
class HuntTarget:
    """One place to try. What to send there is the business of the subclasses in `plan`."""

    label: str
    """How records and people name it."""
    health_key: HealthKey | None
    """Its name in the `HealthBook`; None: nothing is kept about it."""
    missing: Verdict | None = None
    """Why there is nothing to try at all (an account without a registration); counts as tried and left."""


_T = TypeVar("_T", bound=HuntTarget)


class Hunt(Generic[_T]):
    """One call's way through its targets.

    `next` until it gives None; after each target either `ended` or `answered`. Once a final verdict was
    given, there is no next.
    """

    __slots__ = (
        "_current",
        "_final",
        "_health",
        "_last",
        "_position",
        "_rules",
        "_targets",
        "_timeout_status",
    )

    def __init__(
        self, targets: Sequence[_T], rules: Rules, health: HealthBook | None = None, timeout_status: int = 486
    ) -> None:
        """`timeout_status` is told to the caller of a forwarding list when silence or the ring timer was the
        last cause."""
        self._targets = targets
        self._rules = rules
        self._health = health
        self._timeout_status = timeout_status
        self._position = 0
        self._current: _T | None = None
        self._last: Verdict | None = None
        self._final: Verdict | None = None

    def next(self) -> _T | None:
        """The next target to try; None when the hunt is over, and then `verdict` says how."""
        if self._final is not None:
            return None
        self._current = self._skip_missing()
        if self._current is not None:
            self._position += 1
        return self._current

    def ended(self, end: AttemptEnd) -> Verdict | None:
        """The present target's attempt has ended. None: ask `next`. Else: the verdict that the call ends
        with."""
        self._learn(end)
        self._last = verdict = self._told(end)
        if not self._may_go_on(end):
            self._final = verdict
        elif self._skip_missing() is None:
            self._final = self._last
        return self._final

    def answered(self) -> None:
        """The present target has answered the call."""
        key = None if self._current is None else self._current.health_key
        if self._health is not None and key is not None:
            self._health.succeeded(key)
        self._final = Verdict.of(Slug.ANSWERED)

    def verdict(self) -> Verdict:
        """What the call ends with, as far as is known: the final verdict, or the last target's."""
        return self._final or self._last or Verdict.of(Slug.NO_FORWARDING)

    def _skip_missing(self) -> _T | None:
        """Move over targets that aren't there to the next one that is; None at the end of the list."""
        targets = self._targets
        while self._position < len(targets):
            target = targets[self._position]
            if target.missing is None:
                return target
            self._last = target.missing
            self._position += 1
        return None

    def _may_go_on(self, end: AttemptEnd) -> bool:
        if end.early_media:
            return False
        match end.kind:
            case EndKind.RESPONSE:
                status = end.status or 500
                return 500 <= status < 600 or (status == 408 and self._rules is Rules.GATEWAYS)
            case EndKind.SILENT:
                return not end.rung
            case EndKind.BARRED | EndKind.UNOFFERED:
                return True
            case EndKind.RING_TIMEOUT | EndKind.CANCELLED:
                return False
        return end.kind in _TRANSPORT_FAILURES

    def _told(self, end: AttemptEnd) -> Verdict:
        """What the caller is told when this attempt was the last."""
        timeout_status = self._timeout_status if self._rules is Rules.FORWARDING else 408
        if end.kind is EndKind.RING_TIMEOUT or (end.kind is EndKind.SILENT and end.rung):
            return Verdict.of(Slug.NO_ANSWER, status=timeout_status, detail=end.detail)
        if end.kind is EndKind.SILENT and self._rules is Rules.FORWARDING:
            return Verdict.of(Slug.ALL_SILENT, status=timeout_status, detail=end.detail)
        return end.verdict

    def _learn(self, end: AttemptEnd) -> None:
        """Any response but a 5xx shows that a target lives; a call that ended before it said anything shows
        nothing, nor does one that was not placed."""
        key = None if self._current is None else self._current.health_key
        if self._health is None or key is None:
            return
        failed = end.kind in _TRANSPORT_FAILURES or end.kind is EndKind.SILENT
        if end.kind is EndKind.RESPONSE:
            failed = 500 <= (end.status or 500) < 600
        elif end.kind in _UNTRIED or (end.kind is EndKind.CANCELLED and not end.rung):
            return
        if failed:
            self._health.failed(key, str(end.verdict.slug), end.detail)
        else:
            self._health.succeeded(key)
