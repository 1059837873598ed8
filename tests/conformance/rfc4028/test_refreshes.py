"""RFC 4028 §7.2, §9, §10: refreshes when they are due, and the end when they fail."""

import pytest

from tests.simulation.bench import Bench, refuse_offers
from tests.simulation.phone import ANSWER, OFFER, Phone, assert_nothing_left, established
from tests.simulation.virtual_network import VirtualNetwork
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.user_agent import UserAgentSettings

TIMER = (("Supported", "timer"), ("Allow", "INVITE, ACK, BYE, UPDATE"))
WE_REFRESH = (*TIMER, ("Session-Expires", "600;refresher=uas"))
THEY_REFRESH = (*TIMER, ("Session-Expires", "600;refresher=uac"))


def refreshing(headers: tuple[tuple[str, str], ...] = WE_REFRESH) -> Bench:
    """A call from the peer that was answered just now."""
    bench = Bench()
    bench.call_from_peer(headers=headers)
    return bench


def pass_until(bench: Bench, seconds: float) -> None:
    """To that many seconds after the answer."""
    answered = next(packet.at for packet in bench.network.packets if packet.summary == "200 INVITE")
    bench.clock.advance_to(answered + seconds)


def test_update_at_half_time() -> None:
    """§7.2, §7.4: an UPDATE without offer when the peer allows UPDATE."""
    bench = refreshing()
    pass_until(bench, 299)
    assert "UPDATE" not in bench.peer.summaries
    pass_until(bench, 300.05)
    update = bench.peer.request_heard("UPDATE")
    assert update.body == b""
    assert update.headers.get("session-expires") == "600;refresher=uac"
    bench.peer.respond(update, 200, headers=(("Session-Expires", "600;refresher=uac"),))
    bench.settle()
    pass_until(bench, 590)
    assert bench.phone.events == []
    pass_until(bench, 601)
    assert bench.peer.request_heard("UPDATE").cseq.number == 2


def test_reinvite_when_update_is_not_allowed() -> None:
    """§7.4: with the description that stands, byte for byte."""
    bench = refreshing((("Supported", "timer"), ("Allow", "INVITE, ACK, BYE"), WE_REFRESH[-1]))
    pass_until(bench, 300.05)
    request = bench.peer.request_heard("INVITE")
    assert request.body == ANSWER
    bench.peer.respond(request, 200, body=OFFER, headers=(("Session-Expires", "600;refresher=uac"),))
    bench.settle()
    assert bench.peer.summaries[-1] == "ACK"
    assert bench.phone.refreshed_with == [OFFER], "an answer is an answer (RFC 3264 §8)"
    pass_until(bench, 590)
    assert bench.phone.events == []


@pytest.mark.parametrize("status", [405, 501])
def test_update_turns_out_not_to_be_known(status: int) -> None:
    bench = refreshing()
    pass_until(bench, 300.05)
    bench.peer.respond(bench.peer.request_heard("UPDATE"), status)
    bench.settle()
    assert bench.peer.request_heard("INVITE").body == ANSWER
    assert not bench.phone.the_usage.peer_allows("UPDATE")


def test_peer_never_refreshes() -> None:
    """§10: BYE the smaller of 32 s and a third of the interval before the expiration."""
    bench = refreshing(THEY_REFRESH)
    pass_until(bench, 567.9)
    assert bench.phone.events == []
    pass_until(bench, 568.1)
    assert bench.phone.events == ["expired"]
    assert bench.peer.request_heard("BYE").headers.get("reason") == 'SIP;cause=408;text="Session expired"'
    bench.finish()


def test_short_session() -> None:
    """A third of 90 s is 30 s."""
    bench = refreshing((*TIMER, ("Session-Expires", "90;refresher=uac")))
    pass_until(bench, 59.9)
    assert bench.phone.events == []
    pass_until(bench, 60.1)
    assert bench.phone.events == ["expired"]


def test_early_dialog_does_not_expire() -> None:
    """An UPDATE may start the timer before the answer; a BYE of the callee's has no place there (RFC 3261
    §15).
    """
    bench = Bench()
    invite = bench.invited()
    invite.progress(180)
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag
    bench.within("UPDATE", headers=(*TIMER, ("Session-Expires", "90;refresher=uac")))
    bench.clock.advance(100)
    assert "BYE" not in bench.peer.summaries
    assert invite.pending


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_peer_refreshes(method: str) -> None:
    """§9: counts from the 2xx."""
    bench = refreshing(THEY_REFRESH)
    pass_until(bench, 500)
    bench.within(method, body=OFFER, headers=THEY_REFRESH)
    if method == "INVITE":
        bench.within("ACK", cseq=bench.cseq)
    pass_until(bench, 1060)
    assert "expired" not in bench.phone.events
    pass_until(bench, 1069)
    assert "expired" in bench.phone.events


def test_refused_request_refreshes_nothing() -> None:
    """§10: only a 2xx extends the session."""
    bench = refreshing(THEY_REFRESH)
    bench.phone.on_offer = refuse_offers
    pass_until(bench, 500)
    bench.within("INVITE", body=OFFER, headers=THEY_REFRESH)
    pass_until(bench, 569)
    assert bench.phone.events[-1] == "expired"


@pytest.mark.parametrize("status", [408, 481])
def test_refresh_answered_with(status: int) -> None:
    """§10: then a BYE, at once."""
    bench = refreshing()
    pass_until(bench, 300.05)
    bench.peer.respond(bench.peer.request_heard("UPDATE"), status)
    bench.settle()
    assert bench.phone.events == [f"failed {status} to UPDATE"]
    bench.peer.request_heard("BYE")


def test_refresh_not_answered() -> None:
    bench = refreshing()
    pass_until(bench, 333)
    assert bench.phone.events == ["failed no response to UPDATE"]
    bench.finish()


def test_refresh_refused_for_now() -> None:
    """§10: tried again, not continuously, and given up in time."""
    bench = refreshing()
    for _ in range(2000):
        bench.clock.advance(0.5)
        if bench.peer.summaries[-1] == "UPDATE":
            bench.peer.respond(bench.peer.request_heard("UPDATE"), 500)
            bench.settle()
        if "BYE" in bench.peer.summaries:
            break
    assert bench.phone.events == ["expired"]
    assert 2 <= bench.peer.summaries.count("UPDATE") <= 5
    sent = bench.network.sent("BYE")[0].at - bench.network.sent("200 INVITE")[0].at
    assert sent == pytest.approx(568, abs=0.1)


def test_refresh_meets_glare() -> None:
    """A 491 is retried as of any other request."""
    bench = refreshing((("Supported", "timer"), WE_REFRESH[-1]))
    pass_until(bench, 300.05)
    bench.peer.respond(bench.peer.request_heard("INVITE"), 491)
    bench.clock.advance(2.1)
    assert bench.peer.request_heard("INVITE").cseq.number == 2
    bench.peer.respond(bench.peer.request_heard("INVITE"), 200, body=OFFER, headers=(WE_REFRESH[-1],))
    bench.settle()
    assert bench.phone.events == []


def test_own_reinvite_refreshes_too() -> None:
    """§7.2: a request for another purpose has the same effect."""
    bench = refreshing()
    pass_until(bench, 200)
    bench.phone.the_usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    request = bench.peer.request_heard("INVITE")
    assert request.headers.get("session-expires") == "600;refresher=uac"
    bench.peer.respond(request, 200, body=ANSWER, headers=(("Session-Expires", "600;refresher=uac"),))
    bench.settle()
    pass_until(bench, 490)
    assert "UPDATE" not in bench.peer.summaries
    pass_until(bench, 501)
    assert "UPDATE" in bench.peer.summaries


def test_turned_off() -> None:
    """§7.2: a 2xx without Session-Expires to a request that asked for none ends the timing."""
    bench = Bench(settings=UserAgentSettings(product="x", session_expires_s=None))
    bench.call_from_peer(headers=THEY_REFRESH)
    bench.within("UPDATE", headers=TIMER)
    bench.clock.advance(2000)
    assert bench.phone.events == []


def test_peer_without_the_extension_is_asked_whether_it_lives() -> None:
    """§7.2: for our own benefit we refresh; whatever it says but 408 and 481 is a sign of life."""
    bench = Bench()
    bench.call_from_peer()
    pass_until(bench, 900.05)
    request = bench.peer.request_heard("INVITE")
    assert request.body == ANSWER
    bench.peer.respond(request, 488)
    bench.settle()
    pass_until(bench, 1790)
    assert bench.phone.events == []
    pass_until(bench, 1801)
    assert bench.peer.request_heard("INVITE").cseq.number == 2
    pass_until(bench, 1850)
    assert bench.phone.events == ["failed no response to INVITE"]
    bench.finish()


def test_two_of_ours_talk_for_hours() -> None:
    """One side refreshes, the other is content; at the end nothing is left."""
    clock = FakeClock()
    network = VirtualNetwork(clock)
    caller, callee = Phone(network, "10.0.0.1"), Phone(network, "10.0.0.2")
    invite = established(caller, callee, clock)
    clock.advance(4 * 3600)
    assert caller.events == callee.events == []
    assert network.summaries() == ["UPDATE", "200 UPDATE"] * 16
    invite.cancel()
    assert_nothing_left(clock, caller, callee)


def test_the_other_one_vanishes() -> None:
    """Both sides come to their end by themselves."""
    clock = FakeClock()
    network = VirtualNetwork(clock)
    caller, callee = Phone(network, "10.0.0.1"), Phone(network, "10.0.0.2")
    established(caller, callee, clock)
    network.quality.loss = 1.0
    clock.advance(1800)
    assert caller.events == ["expired"]
    assert callee.events == ["failed no response to UPDATE"]
    assert_nothing_left(clock, caller, callee)
