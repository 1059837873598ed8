"""The gate at the door: who may speak, decided before a byte is parsed.

Every source (an IPv4 address, an IPv6 /64) has a budget of requests per window. An unknown source that
exceeds it is banned for a while; a known one (a carrier, a customer, a peer that we call: `known`, `vouch`)
has a large budget of its own, and what exceeds that is dropped without a ban. All unknown sources together
have one more, so that a flood from ten thousand addresses leaves the known ones their share of the machine:
what exceeds it is dropped, and whoever meant well sends again. Answering strangers is work as well, so that
budget shrinks as soon as the node is late, long before a customer's call is turned away for it
(`trunkline.call.overload`), and grows again when it isn't. Responses of known sources are not counted: they
answer what we sent. Those of unknown ones ban nobody, but have no more room than all strangers have: to read
them is work too.

A request that says it is a scanner's is believed.

A UDP source address proves nothing: anyone can write a victim's. So a ban says what its evidence was worth,
and one from UDP alone stops only UDP, and only while the source is unknown: a peer shut out that way still
gets in over TCP or TLS, and is free again once it is vouched for.

Keeps nothing beyond its bounds: the oldest source gives way, and of the bans with the weakest evidence the
one that has stood longest. A source that was vouched for gives way only to others that were. So forged
addresses push out neither whom we know nor bans that rest on more. Does not look into messages
(`trunkline.sip.parse`) or passwords: those who do call `ban` and `vouch`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from trunkline.clock import Clock
from trunkline.net.flows import is_loopback, source_key

RESPONSE: Final = b"SIP/2.0 "
"""How every response begins (RFC 3261 §7.2), and no request."""
CALLED_S: Final = 120.0
"""How long a peer counts as known after a request of ours: it will send its own within the calls we place."""

LATE: Final = 0.25
"""From this part of the lateness that turns calls away on, strangers are squeezed."""
LEAST_SHARE: Final = 1 / 32
"""Of their budget stays with the strangers however late the node is: among them is whoever is new."""
SHARE_REGAINED: Final = 0.02
"""Of their budget comes back with each measurement in time; half of what is left goes with each that is late.
"""
_LOOPBACK: Final = source_key("::1")

SCANNERS: Final = (
    b"friendly-scanner",
    b"friendly-request",
    b"sipvicious",
    b"sundayddr",
    b"sip-scan",
    b"sipsscuser",
    b"VaxSIPUserAgent",
    b"pplsip",
)
"""What the tools of those who look for open trunks call themselves, unless they are told not to: SIPVicious
and its forks, mostly in User-Agent."""


class Evidence(IntEnum):
    """What a ban rests on, weakest first."""

    SPOOFABLE = 1
    """Datagrams. Stops UDP from the source while it is unknown."""
    PROVEN = 2
    """A connection, or an answer to something that only the source could have received (a digest nonce).
    Stops every transport while the source is unknown.
    """
    ORDERED = 3
    """An operator. Stops every transport, for a known source too."""


@dataclass(frozen=True, slots=True)
class Ban:
    """One source shut out."""

    source: str
    """An IPv4 address, or an IPv6 /64 as `prefix::/64`."""
    reason: str
    """One line for a person."""
    evidence: Evidence
    since_at: float
    """Wall-clock seconds."""
    deadline: float
    """Monotonic seconds at which it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """Budgets and bounds of the gate."""

    window_s: float = 2.0
    requests_per_window: int = 16
    """From an unknown source."""
    known_requests_per_window: int = 4000
    """From a known source."""
    strangers_requests_per_window: int = 2000
    """From all unknown sources together, their responses included."""
    ban_s: float = 300.0
    loopback: bool = False
    """Whether loopback addresses are judged like others; they are let in unseen otherwise."""
    known_recheck_s: float = 5.0
    """How long the answer of `known` is trusted."""
    fronts: frozenset[str] = frozenset()
    """Addresses that everybody comes through: let in unseen. `trunkline.net.fronts` asks about whom they
    bring.
    """
    max_sources: int = 65_536
    """So many of those that were vouched for as well."""
    max_bans: int = 16_384


class _Budget:
    """Requests of one window."""

    __slots__ = ("count", "until")

    def __init__(self) -> None:
        self.count = 0
        self.until = 0.0

    def count_one(self, now: float, window_s: float) -> int:
        """How many there are in this window, this one included."""
        if now >= self.until:
            self.until = now + window_s
            self.count = 0
        self.count += 1
        return self.count


class _Source:
    """What is known of one source. Datagrams, which anyone can forge, don't use up what its connections may
    do.
    """

    __slots__ = ("datagrams", "key", "known", "known_until", "opened", "streamed", "vouched_until")

    def __init__(self, key: str) -> None:
        self.key = key
        self.datagrams = _Budget()
        self.streamed = _Budget()
        self.opened = _Budget()
        self.known = False
        self.known_until = 0.0
        self.vouched_until = 0.0


class Gate:
    """The gate. `known(host)` tells whether a host belongs to a carrier or customer; it is asked seldom, and
    must be quick.
    """

    def __init__(
        self,
        clock: Clock,
        settings: GateSettings | None = None,
        *,
        known: Callable[[str], bool] = lambda _host: False,
        banned: Callable[[Ban], None] = lambda _ban: None,
    ) -> None:
        """`banned` is told of every new ban."""
        self._clock = clock
        self._settings: Final = GateSettings() if settings is None else settings
        self._known = known
        self._banned = banned
        self._sources: dict[str, _Source] = {}
        self._vouched: dict[str, _Source] = {}
        """By key, the last vouched for at the end; some by now for too long ago."""
        self._bans: dict[str, Ban] = {}
        self._by_evidence: dict[Evidence, dict[str, None]] = {evidence: {} for evidence in Evidence}
        """The sources of those bans, the oldest ban first."""
        self._strangers = _Budget()
        self.strangers_share = 1.0
        """Of the strangers' budget that they have, `LEAST_SHARE` to 1."""
        self.refused = 0
        """Messages and connections refused so far."""

    def admits(self, host: str, data: bytes, *, proven: bool) -> bool:
        """Whether a message from `host` may go on to the parser. `proven`: it came over a connection."""
        if self.spares(host):
            return True
        source = self._sources.get(host) or self._meet(host)
        now = self._clock.now()
        if self._bans and self._is_shut_out(source, host, now, proven=proven):
            self.refused += 1
            return False
        if data.startswith(RESPONSE):
            admitted = self._is_known(source, host, now) or self._admits_stranger(now)
            self.refused += not admitted
            return admitted
        budget = source.streamed if proven else source.datagrams
        settings = self._settings
        count = budget.count_one(now, settings.window_s)
        if self._is_known(source, host, now):
            admitted = count <= settings.known_requests_per_window
        elif (reason := self._misbehaviour(data, count)) is not None:
            evidence = Evidence.PROVEN if proven else Evidence.SPOOFABLE
            self._shut_out(source, reason, evidence, settings.ban_s)
            admitted = False
        else:
            admitted = self._admits_stranger(now)
        if not admitted:
            self.refused += 1
        return admitted

    def _admits_stranger(self, now: float) -> bool:
        settings = self._settings
        strangers = self._strangers.count_one(now, settings.window_s)
        return strangers <= settings.strangers_requests_per_window * self.strangers_share

    def measured(self, late_s: float, limit_s: float) -> None:
        """The node is `late_s` seconds late, and turns calls away at `limit_s`. To be told a few times a
        second.
        """
        if late_s > LATE * limit_s:
            self.strangers_share = max(LEAST_SHARE, self.strangers_share / 2)
        else:
            self.strangers_share = min(1.0, self.strangers_share + SHARE_REGAINED)

    def _misbehaviour(self, data: bytes, count: int) -> str | None:
        """Why an unknown source is to be banned for a request, its `count`th of the window."""
        settings = self._settings
        if count > settings.requests_per_window:
            return f"more than {settings.requests_per_window} requests in {settings.window_s:g} s"
        if any(name in data for name in SCANNERS):
            return "a scanner, by its own words"
        return None

    def crowding(self, host: str) -> str | None:
        """Why `host` may not open one more connection now, for it has opened many in this window: an unknown
        one may open as many as it may send requests. None when it may. It is not banned for that.
        """
        if self.knows(host):
            return None
        settings = self._settings
        source = self._sources.get(host) or self._meet(host)
        if source.opened.count_one(self._clock.now(), settings.window_s) <= settings.requests_per_window:
            return None
        self.refused += 1
        return f"more than {settings.requests_per_window} connections in {settings.window_s:g} s"

    def admits_connection(self, host: str) -> bool:
        """Whether `host` may have a connection: it isn't shut out."""
        if self.spares(host):
            return True
        source = self._sources.get(host) or self._meet(host)
        if not self._is_shut_out(source, host, self._clock.now(), proven=True):
            return True
        self.refused += 1
        return False

    def spares(self, source: str) -> bool:
        """Whether a host, or a source as `Ban.source` names it, is let in unseen, whatever is told of it: a
        front, or this machine itself."""
        ours = is_loopback(source) or source == _LOOPBACK
        return source in self._settings.fronts or (not self._settings.loopback and ours)

    def knows(self, host: str) -> bool:
        """Whether `host` is a carrier's or a customer's, or ours to talk to: no stranger's."""
        if self.spares(host):
            return True
        source = self._sources.get(host) or self._meet(host)
        return self._is_known(source, host, self._clock.now())

    def vouch(self, host: str, for_s: float) -> None:
        """Take `host` for known during `for_s` seconds: it has authenticated, or we call it. Ends a ban on
        UDP evidence.
        """
        if self.spares(host):
            return
        source = self._sources.get(host) or self._meet(host)
        source.vouched_until = max(source.vouched_until, self._clock.now() + for_s)
        vouched = self._vouched
        if vouched.pop(source.key, None) is None and len(vouched) >= self._settings.max_sources:
            del vouched[next(iter(vouched))]
        vouched[source.key] = source
        ban = self._bans.get(source.key)
        if ban is not None and ban.evidence is Evidence.SPOOFABLE:
            self._lift(source.key)

    def sent(self, host: str, data: bytes) -> None:
        """We send `data` to `host`: a request makes it known, a response (anyone gets one) doesn't."""
        if not data.startswith(RESPONSE):
            self.vouch(host, CALLED_S)

    def ban(self, host: str, reason: str, *, evidence: Evidence, for_s: float | None = None) -> Ban:
        """Shut `host` out for `for_s` seconds (the settings' time if None). Never weakens a ban that
        stands.
        """
        source = self._sources.get(host) or self._meet(host)
        return self._shut_out(source, reason, evidence, self._settings.ban_s if for_s is None else for_s)

    def take_over(self, ban: Ban) -> None:
        """Hold a ban that was made elsewhere: nobody is told. Never weakens a ban that stands."""
        source = self._sources.get(ban.source) or self._meet(ban.source)
        self._hold(source, ban)

    def bans(self) -> list[Ban]:
        """The bans that stand, oldest first."""
        now = self._clock.now()
        return [ban for ban in self._bans.values() if ban.deadline > now]

    def lift(self, source: str) -> bool:
        """End the ban of a host, or of a source as `Ban.source` names it. False when there was none."""
        return self._lift(source if source.endswith("/64") else source_key(source))

    def _meet(self, host: str) -> _Source:
        """The state of a host seen for the first time, or again after long. All hosts of an IPv6 /64 share
        one.
        """
        key = source_key(host)
        source = self._sources.get(key)
        if source is None:
            source = self._remember(key, self._vouched.get(key) or _Source(key))
        return source if key == host else self._remember(host, source)

    def _remember(self, name: str, source: _Source) -> _Source:
        if len(self._sources) >= self._settings.max_sources:
            del self._sources[next(iter(self._sources))]
        self._sources[name] = source
        return source

    def _is_known(self, source: _Source, host: str, now: float) -> bool:
        if now < source.vouched_until:
            return True
        if now >= source.known_until:
            source.known = self._known(host)
            source.known_until = now + self._settings.known_recheck_s
        return source.known

    def _is_shut_out(self, source: _Source, host: str, now: float, *, proven: bool) -> bool:
        ban = self._bans.get(source.key)
        if ban is None:
            return False
        if now >= ban.deadline:
            self._lift(source.key)
            return False
        if ban.evidence is Evidence.ORDERED:
            return True
        if proven and ban.evidence is Evidence.SPOOFABLE:
            return False
        return not self._is_known(source, host, now)

    def _shut_out(self, source: _Source, reason: str, evidence: Evidence, for_s: float) -> Ban:
        ban = Ban(source.key, reason, evidence, self._clock.wall(), self._clock.now() + for_s)
        held = self._hold(source, ban)
        if held is ban:
            self._banned(ban)
        return held

    def _hold(self, source: _Source, ban: Ban) -> Ban:
        """`ban`, or the stronger one that stands."""
        old = self._bans.get(source.key)
        if old is not None and old.deadline > self._clock.now() and old.evidence > ban.evidence:
            return old
        self._forget(source.key)
        if len(self._bans) >= self._settings.max_bans:
            weakest = next(sources for sources in self._by_evidence.values() if sources)
            self._lift(next(iter(weakest)))
        self._bans[source.key] = ban
        self._by_evidence[ban.evidence][source.key] = None
        return ban

    def _forget(self, key: str) -> bool:
        ban = self._bans.pop(key, None)
        if ban is None:
            return False
        del self._by_evidence[ban.evidence][key]
        return True

    def _lift(self, key: str) -> bool:
        source = self._sources.get(key)
        if source is not None:
            source.datagrams.count = source.streamed.count = 0
        return self._forget(key)
