"""The arithmetic of the session timer. What RFC 4028 asks for is in tests/conformance/rfc4028."""

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.session_timer import SessionTimer


class Owner:
    """Notes when it was called."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.calls: list[tuple[str, float]] = []

    def refresh_session(self) -> None:
        self.calls.append(("refresh", self.clock.now() - 1000))

    def session_expired(self) -> None:
        self.calls.append(("expired", self.clock.now() - 1000))


class Made:
    """A timer with its clock and owner."""

    def __init__(self, wanted_s: int | None = 1800, min_se_s: int = 90) -> None:
        self.clock = FakeClock()
        self.owner = Owner(self.clock)
        self.timer = SessionTimer(self.clock, self.owner, wanted_s, min_se_s)


def answer(value: str) -> Response:
    return Response(200, headers=Headers([("Session-Expires", value)]))


def request(*fields: tuple[str, str]) -> Request:
    return Request("INVITE", "sip:x@y", Headers(fields))


@pytest.mark.parametrize(
    ("interval", "refresh_at", "bye_at"),
    [(90, 45, 60), (96, 48, 64), (600, 300, 568), (1800, 900, 1768)],
)
def test_deadlines(interval: int, refresh_at: float, bye_at: float) -> None:
    """Half, and the smaller of 32 s and a third before the end (RFC 4028 §7.2, §10)."""
    made = Made()
    made.timer.accepted_by_peer(answer(f"{interval};refresher=uac"), None)
    made.clock.advance(interval)
    assert made.owner.calls == [("refresh", refresh_at)]
    made = Made()
    made.timer.accepted_by_peer(answer(f"{interval};refresher=uas"), None)
    made.clock.advance(interval)
    assert made.owner.calls == [("expired", bye_at)]


def test_refresh_without_an_outcome() -> None:
    made = Made()
    made.timer.accepted_by_peer(answer("600;refresher=uac"), None)
    made.clock.advance(300)
    made.timer.refresh_sent()
    made.clock.advance(300)
    assert made.owner.calls == [("refresh", 300), ("expired", 568)]


def test_refresh_that_fails_again_and_again() -> None:
    """Each time half of what is left, never in the last 32 s; then the end."""
    made = Made()
    made.timer.accepted_by_peer(answer("600;refresher=uac"), None)
    for _ in range(600):
        made.clock.advance(1)
        if made.owner.calls and made.owner.calls[-1][0] == "refresh":
            made.owner.calls.append(("failed", 0))
            made.timer.refresh_sent()
            made.timer.refresh_failed()
    assert [call for call in made.owner.calls if call[0] != "failed"] == [
        ("refresh", 300),
        ("refresh", 434),
        ("refresh", 501),
        ("refresh", 534.5),
        ("expired", 568),
    ]


def test_failure_of_something_else_moves_nothing() -> None:
    made = Made()
    made.timer.accepted_by_peer(answer("600;refresher=uac"), None)
    made.clock.advance(100)
    made.timer.refresh_failed()
    made.clock.advance(210)
    assert made.owner.calls == [("refresh", 300)]


def test_failure_of_something_else_does_not_put_off_the_next_try() -> None:
    made = Made()
    made.timer.accepted_by_peer(answer("600;refresher=uac"), None)
    made.clock.advance(300)
    made.timer.refresh_sent()
    made.timer.refresh_failed()
    made.clock.advance(100)
    made.timer.refresh_failed()
    made.clock.advance(34)
    assert made.owner.calls == [("refresh", 300), ("refresh", 434)]


def test_silent_peer_that_never_agreed() -> None:
    made = Made()
    made.timer.accepted_by_peer(Response(200), 1800)
    assert not made.timer.agreed
    made.clock.advance(900)
    made.timer.refresh_sent()
    made.timer.peer_seemed_alive()
    made.clock.advance(1799)
    assert made.owner.calls == [("refresh", 900), ("refresh", 1800)]


def test_closed() -> None:
    made = Made()
    made.timer.accepted_by_peer(answer("600"), None)
    made.timer.close()
    made.timer.peer_seemed_alive()
    made.clock.advance(1000)
    assert made.owner.calls == []
    assert len(made.clock) == 0


def test_422_raises_what_is_asked_for() -> None:
    made = Made()
    too_small = Response(422, headers=Headers([("Min-SE", "2000")]))
    assert made.timer.asked_s() == 1800
    assert made.timer.rejected_as_too_small(too_small)
    assert made.timer.request_fields() == [("session-expires", "2000"), ("min-se", "2000")]
    assert not made.timer.rejected_as_too_small(too_small)
    less = Response(422, headers=Headers([("Min-SE", "1000")]))
    assert not Made().timer.rejected_as_too_small(less), "1800 s was asked for"
    assert not made.timer.rejected_as_too_small(Response(422))
    assert not made.timer.rejected_as_too_small(Response(422, headers=Headers([("Min-SE", "x")])))


def test_nothing_is_asked_for() -> None:
    assert Made(wanted_s=None).timer.request_fields() == []


def test_largest_minimum_is_kept() -> None:
    """RFC 4028 §7.4: the largest of all requests and 422s on the dialog."""
    made = Made()
    for min_se in ("200", "100"):
        made.timer.accept(request(("Supported", "timer"), ("Session-Expires", "1800"), ("Min-SE", min_se)))
    assert ("min-se", "200") in made.timer.request_fields()


def test_minimum_is_raised_but_never_lowered() -> None:
    made = Made(min_se_s=600)
    asked = request(("Supported", "timer"), ("Session-Expires", "500"))
    assert made.timer.minimum_for(asked) == 600
    assert made.timer.minimum_for(request(("Session-Expires", "500"))) is None
    asked = request(("Supported", "timer"), ("Session-Expires", "89"))
    assert Made(min_se_s=5).timer.minimum_for(asked) == 90


def test_own_wish_is_kept_above_the_minimum() -> None:
    """A UAS may reduce, but not below any minimum (RFC 4028 §9)."""
    made = Made(wanted_s=100, min_se_s=300)
    fields = dict(made.timer.accept(request(("Supported", "timer"), ("Session-Expires", "1200"))))
    assert fields["session-expires"] == "300;refresher=uas"


def test_turned_off_by_the_peer() -> None:
    made = Made(wanted_s=None)
    made.timer.accepted_by_peer(answer("600"), None)
    made.timer.accepted_by_peer(Response(200), None)
    made.clock.advance(1000)
    assert made.owner.calls == []
