"""RFC 4028 §7 and §9: who asks for what, and what comes of it."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.limits import LIST_ELEMENTS
from trunkline.sip.message import Request, Response
from trunkline.sip.user_agent import UserAgentSettings

TIMER = (("Supported", "timer"),)


def settings(session_expires_s: int | None = 1800, min_se_s: int = 90) -> UserAgentSettings:
    return UserAgentSettings(product="x", session_expires_s=session_expires_s, min_se_s=min_se_s)


def session_expires(message: Request | Response) -> str | None:
    return message.headers.get("session-expires")


# we are the UAS, §9 and Table 2


@pytest.mark.parametrize(
    ("headers", "answer", "requires"),
    [
        # Table 2: the UAC supports it
        ((*TIMER, ("Session-Expires", "1200")), "1200;refresher=uas", True),
        ((*TIMER, ("Session-Expires", "1200;refresher=uac")), "1200;refresher=uac", True),
        ((*TIMER, ("Session-Expires", "1200;refresher=uas")), "1200;refresher=uas", True),
        # no refresher is named that there is (§4)
        ((*TIMER, ("Session-Expires", "1200;refresher=both")), "1200;refresher=uas", True),
        # it doesn't, a proxy asked
        ((("Session-Expires", "1200"),), "1200;refresher=uas", False),
        ((("x", "1200"),), "1200;refresher=uas", False),
        # may be reduced to ours, never below Min-SE, never raised
        ((*TIMER, ("Session-Expires", "7200")), "1800;refresher=uas", True),
        ((*TIMER, ("Session-Expires", "7200"), ("Min-SE", "3600")), "3600;refresher=uas", True),
        # supported, not asked for: we may ask
        (TIMER, "1800;refresher=uas", True),
        ((*TIMER, ("Min-SE", "2400")), "2400;refresher=uas", True),
        # neither
        ((), None, False),
    ],
)
def test_answer(headers: tuple[tuple[str, str], ...], answer: str | None, *, requires: bool) -> None:
    bench = Bench()
    bench.call_from_peer(headers=headers)
    response = bench.peer.response_heard(200, "INVITE")
    assert session_expires(response) == answer
    assert ("timer" in response.require) is requires
    assert "min-se" not in response.headers


def test_too_small() -> None:
    """§6, §9: 422 with our Min-SE."""
    bench = Bench(settings=settings(min_se_s=300))
    bench.peer.request("INVITE", bench.at, body=OFFER, headers=(*TIMER, ("Session-Expires", "299")))
    bench.settle()
    assert bench.peer.response_heard(422, "INVITE").headers.get("min-se") == "300"
    assert bench.phone.invites == []
    bench.finish()


def test_absolute_minimum() -> None:
    """§5: Min-SE is never below 90."""
    bench = Bench(settings=settings(min_se_s=1))
    bench.call_from_peer(headers=TIMER)
    bench.within("UPDATE", headers=(*TIMER, ("Session-Expires", "89")))
    assert bench.heard("422 UPDATE").headers.get("min-se") == "90"


def test_too_small_without_support() -> None:
    """§9: a UAC that doesn't know the extension can't be told: accepted as it is."""
    bench = Bench()
    bench.call_from_peer(headers=(("Session-Expires", "30"),))
    assert session_expires(bench.peer.response_heard(200, "INVITE")) == "30;refresher=uas"


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_too_small_within_the_dialog(method: str) -> None:
    bench = Bench()
    bench.call_from_peer(headers=TIMER)
    bench.within(method, body=OFFER, headers=(*TIMER, ("Session-Expires", "10")))
    assert bench.heard(f"422 {method}").headers.get("min-se") == "90"
    assert bench.phone.events == []


def test_we_ask_for_none() -> None:
    """A node without a session timer of its own still does what it is asked for."""
    bench = Bench(settings=settings(None))
    bench.call_from_peer(headers=TIMER)
    assert session_expires(bench.peer.response_heard(200, "INVITE")) is None
    assert bench.phone.the_usage.session_timer.interval_s is None
    bench.within("UPDATE", headers=(*TIMER, ("Session-Expires", "600;refresher=uac")))
    assert session_expires(bench.heard("200 UPDATE")) == "600;refresher=uac"
    bench.within("UPDATE", headers=TIMER)
    assert session_expires(bench.heard("200 UPDATE")) is None
    assert bench.phone.the_usage.session_timer.interval_s is None


MALFORMED = [
    ("Session-Expires", "soon"),
    ("Min-SE", "soon"),
    ("Supported", ",".join(f"option{number}" for number in range(LIST_ELEMENTS + 1))),
]


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_malformed(name: str, value: str) -> None:
    """400 names the header, before the INVITE has rung anywhere: the answer is too late to find it out."""
    bench = Bench()
    bench.peer.request("INVITE", bench.at, body=OFFER, headers=((name, value),))
    bench.settle()
    assert name in (bench.peer.response_heard(400, "INVITE").headers.get("warning") or "")
    assert bench.phone.invites == []
    bench.finish()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_malformed_within_the_dialog(method: str, name: str, value: str) -> None:
    """400, and nothing has been agreed on: the next offer is as good as any."""
    bench = Bench()
    bench.call_from_peer(headers=TIMER)
    bench.within(method, body=OFFER, headers=((name, value),))
    assert name in (bench.heard(f"400 {method}").headers.get("warning") or "")
    assert bench.phone.events == []
    bench.within(method, body=OFFER, headers=TIMER)
    assert bench.heard(f"200 {method}")


# we are the UAC, §7


def test_request() -> None:
    """§7.1: Supported always, Session-Expires as wanted, no refresher, no Min-SE without a reason."""
    bench = Bench()
    _, request = bench.calling()
    assert "timer" in request.supported
    assert session_expires(request) == "1800"
    assert "min-se" not in request.headers
    _, request = Bench(settings=settings(None)).calling()
    assert "timer" in request.supported
    assert session_expires(request) is None
    _, request = Bench(settings=settings(1800, 600)).calling()
    assert request.min_se == 600


@pytest.mark.parametrize(
    ("answer", "interval", "refreshing", "agreed"),
    [
        ("1800;refresher=uac", 1800, True, True),
        ("1800;refresher=uas", 1800, False, True),
        ("600", 600, True, True),
        ("30;refresher=uac", 90, True, True),
        (None, 1800, True, False),
    ],
)
def test_response(answer: str | None, interval: int, *, refreshing: bool, agreed: bool) -> None:
    """§7.2; an interval below the absolute minimum of §4 isn't run."""
    bench = Bench()
    bench.call_to_peer(headers=() if answer is None else (("Session-Expires", answer), ("Require", "timer")))
    timer = bench.phone.the_usage.session_timer
    assert (timer.interval_s, timer.refreshing, timer.agreed) == (interval, refreshing, agreed)


def test_422_on_the_way() -> None:
    """§7.3, §7.4, §13: sent again with the largest Min-SE seen, CSeq one higher, the rest the same."""
    bench = Bench()
    _, first = bench.calling()
    bench.peer.respond(first, 422, headers=(("Min-SE", "3600"),))
    bench.settle()
    second = bench.peer.request_heard("INVITE")
    assert (session_expires(second), second.min_se) == ("3600", 3600)
    assert (second.cseq.number, second.call_id, second.from_tag) == (2, first.call_id, first.from_tag)
    bench.peer.respond(second, 422, headers=(("Min-SE", "4000"),))
    bench.settle()
    third = bench.peer.request_heard("INVITE")
    assert (session_expires(third), third.min_se) == ("4000", 4000)
    bench.peer.respond(third, 200, body=ANSWER, headers=(("Session-Expires", "4000;refresher=uac"), *TIMER))
    bench.settle()
    assert bench.phone.events == ["answered"]
    assert bench.phone.the_usage.session_timer.interval_s == 4000
    bench.phone.the_usage.update(b"", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    update = bench.peer.request_heard("UPDATE")
    assert session_expires(update) == "4000;refresher=uac"
    assert "min-se" not in update.headers


@pytest.mark.parametrize("min_se", [None, "90", "1800", "x"])
def test_422_that_helps_nobody(min_se: str | None) -> None:
    """One that asks for no more than it got is final."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 422, headers=() if min_se is None else (("Min-SE", min_se),))
    bench.settle()
    assert bench.phone.events == ["rejected 422"]


def test_422_for_ever() -> None:
    bench = Bench()
    bench.calling()
    for n in range(10):
        bench.peer.respond(bench.peer.request_heard("INVITE"), 422, headers=(("Min-SE", str(4000 + n)),))
        bench.settle()
    assert bench.phone.events == ["rejected 422"]
    assert bench.peer.summaries.count("INVITE") == 4


def test_min_se_of_the_peer_is_kept() -> None:
    """§7.4: the largest of any request or 422 on the dialog goes into our refreshes."""
    bench = Bench()
    bench.call_from_peer(headers=(*TIMER, ("Session-Expires", "1800;refresher=uas"), ("Min-SE", "120")))
    bench.phone.the_usage.update(b"", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    update = bench.peer.request_heard("UPDATE")
    assert update.min_se == 120
    bench.peer.respond(update, 422, headers=(("Min-SE", "2000"),))
    bench.settle()
    update = bench.peer.request_heard("UPDATE")
    assert (session_expires(update), update.min_se) == ("2000;refresher=uac", 2000)
