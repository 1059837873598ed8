"""The session timer (RFC 4028): who refreshes a session, how often, and when it is given up.

Decides the interval and the refresher on either side of a session refresh request (an INVITE, re-INVITE or
UPDATE) and keeps the one deadline that follows. Does not send anything: `usage` sends the refresh and the BYE
when it is told to.

A peer without the extension is refreshed all the same, by us and for our benefit alone (§7.2); then any final
response other than 408 and 481 counts as a sign of life, since the peer never agreed to a timer. The BYE
comes min(32 s, a third of the interval) before the expiration (§10). When the choice is ours we take the
refresher's role: a peer that claims the extension and doesn't refresh must not cost a call. Pinned by
`tests/conformance/rfc4028`.
"""

from collections.abc import Callable
from typing import Protocol

from trunkline.clock import Clock, Timer
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request, Response

ABSOLUTE_MIN_SE_S = 90
"""RFC 4028 §5: Min-SE is never below 90 s, and is 90 s when absent."""


def too_small(request: Request, min_se_s: int) -> bool:
    """Whether a session refresh request asks for a shorter interval than `min_se_s` (§9), and would
    understand the 422. It is asked before anything is done about the request, so it reads all that
    `SessionTimer.accept` reads when the 2xx goes out: raises `SipSyntaxError` when part of that is malformed.
    """
    expires, supported, _ = request.session_expires, request.supported, request.min_se
    return expires is not None and expires.seconds < min_se_s and "timer" in supported


class SessionTimerOwner(Protocol):
    """The usage whose session is timed."""

    def refresh_session(self) -> None:
        """Half of the interval has gone by: send a refresh."""

    def session_expired(self) -> None:
        """The session was not refreshed in time: end it."""


class _Nobody:
    """The owner of a timer that is closed."""

    def refresh_session(self) -> None:
        pass

    def session_expired(self) -> None:
        pass


_NOBODY = _Nobody()


class SessionTimer:
    """The timer of one dialog, or of an INVITE that has none yet.

    `wanted_s` is the interval that we ask for, None to ask for none; `min_se_s` the least that we accept.
    """

    __slots__ = (
        "_bye_at",
        "_clock",
        "_owner",
        "_refresh_sent",
        "_timer",
        "agreed",
        "interval_s",
        "min_se_s",
        "refreshing",
        "required_min_se_s",
        "wanted_s",
    )

    def __init__(self, clock: Clock, owner: SessionTimerOwner, wanted_s: int | None, min_se_s: int) -> None:
        self._clock = clock
        self._owner: SessionTimerOwner = owner
        self._timer: Timer | None = None
        self._bye_at = 0.0
        self._refresh_sent = False
        self.wanted_s = wanted_s
        self.min_se_s = max(min_se_s, ABSOLUTE_MIN_SE_S)
        self.required_min_se_s = 0
        """The largest Min-SE seen in a 422 or a refresh request (§7.4); 0 when none was."""
        self.interval_s: int | None = None
        """Session interval in seconds; None while the session has none."""
        self.refreshing = False
        """True when we refresh."""
        self.agreed = False
        """True when the peer knows of the timer."""

    def resume(self, interval_s: int | None, *, refreshing: bool, agreed: bool, min_se_s: int) -> None:
        """Go on with what was agreed on at another node; the interval begins anew."""
        self.required_min_se_s = min_se_s
        if interval_s is not None:
            self._run(interval_s, refreshing=refreshing, agreed=agreed)

    def asked_s(self) -> int | None:
        """The interval for a session refresh request of ours (§7.4); None to ask for none."""
        current = self.wanted_s if self.interval_s is None else self.interval_s
        return None if current is None else max(current, self.required_min_se_s, ABSOLUTE_MIN_SE_S)

    def request_fields(self) -> list[tuple[str, str]]:
        """Session-Expires and Min-SE of a session refresh request of ours (§7.1, §7.4)."""
        asked = self.asked_s()
        fields = []
        if asked is not None:
            refresher = "" if self.interval_s is None else f";refresher={'uac' if self.refreshing else 'uas'}"
            fields.append(("session-expires", f"{asked}{refresher}"))
        if self.required_min_se_s:
            fields.append(("min-se", str(self.required_min_se_s)))
        return fields

    def rejected_as_too_small(self, response: Response) -> bool:
        """Take in a 422 (§7.3); False when it names no larger minimum, so that trying again would be no
        use.
        """
        try:
            min_se = response.min_se
        except SipSyntaxError:
            return False
        if min_se is None or min_se <= max(self.required_min_se_s, self.asked_s() or 0):
            return False
        self.required_min_se_s = min_se
        return True

    def accepted_by_peer(self, response: Response, asked_s: int | None) -> None:
        """Our session refresh request, which asked for `asked_s`, got a 2xx (§7.2)."""
        try:
            expires = response.session_expires
        except SipSyntaxError:
            expires = None
        if expires is not None:
            self._run(expires.seconds, refreshing=expires.refresher != "uas", agreed=True)
        elif asked_s is not None:
            self._run(asked_s, refreshing=True, agreed=False)
        else:
            self.stop()

    def minimum_for(self, request: Request) -> int | None:
        """The Min-SE to refuse a session refresh request with (422, §9), or None when its interval will
        do. Raises as `too_small`.
        """
        return self.min_se_s if too_small(request, self.min_se_s) else None

    def accept(self, request: Request) -> list[tuple[str, str]]:
        """Start the timer that a 2xx of ours to `request` agrees to; return that 2xx's header fields (§9,
        Table 2).
        """
        expires = request.session_expires
        wanted = self.wanted_s
        supported = "timer" in request.supported
        min_se = request.min_se or 0
        if min_se > self.required_min_se_s:
            self.required_min_se_s = min_se
        if expires is not None:
            interval, refresher = expires.seconds, expires.refresher or "uas"
            if wanted is not None and wanted < interval:
                interval = min(interval, max(wanted, min_se, self.min_se_s))
        elif wanted is not None:
            interval, refresher = max(wanted, min_se), "uas"
        else:
            self.stop()
            return []
        if not supported:
            self._run(interval, refreshing=True, agreed=expires is not None)
            return [] if expires is None else [("session-expires", f"{interval};refresher=uas")]
        self._run(interval, refreshing=refresher == "uas", agreed=True)
        return [("session-expires", f"{interval};refresher={refresher}"), ("require", "timer")]

    def refresh_failed(self) -> None:
        """A request that would have refreshed was refused: if a refresh is due, try again half-way to the
        BYE, as long as that leaves 32 s (§10)."""
        now = self._clock.now()
        left = self._bye_at - now
        if self._refresh_sent and left >= 64:
            self._refresh_sent = False
            self._arm(now + left / 2, self._owner.refresh_session)

    def peer_seemed_alive(self) -> None:
        """A peer that never agreed to the timer answered a refresh, if not with a 2xx: count from here
        again.
        """
        if self.interval_s is not None:
            self._run(self.interval_s, refreshing=True, agreed=False)

    def refresh_sent(self) -> None:
        """A refresh is on its way: only the expiration is left to wait for."""
        self._refresh_sent = True
        self._arm(self._bye_at, self._owner.session_expired)

    def stop(self) -> None:
        """No session expiration any more."""
        self.interval_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """The dialog is over: let go of its owner too."""
        self.stop()
        self._owner = _NOBODY

    def _run(self, interval_s: int, *, refreshing: bool, agreed: bool) -> None:
        interval_s = max(interval_s, ABSOLUTE_MIN_SE_S)
        self.interval_s = interval_s
        self.refreshing = refreshing
        self.agreed = agreed
        self._refresh_sent = False
        now = self._clock.now()
        self._bye_at = now + interval_s - min(32.0, interval_s / 3)
        if refreshing:
            self._arm(now + interval_s / 2, self._owner.refresh_session)
        else:
            self._arm(self._bye_at, self._owner.session_expired)

    def _arm(self, deadline: float, fire: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.at(deadline, fire)
