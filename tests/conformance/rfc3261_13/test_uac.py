"""RFC 3261 §13.2 and §9.1: our INVITE and what comes back."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.answered_invite import FORKS_MAX
from trunkline.sip.message import Request
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import UsageState
from trunkline.sip.user_agent import UserAgentSettings


def acks(bench: Bench) -> list[Request]:
    """Every ACK that the peer heard."""
    return [one for one in bench.peer.heard if isinstance(one, Request) and one.method == "ACK"]


def test_the_invite() -> None:
    """§8.1.1, §13.2.1: what an INVITE must and should have."""
    bench = Bench()
    _, request = bench.calling(headers=[("X-Call", "7")], max_forwards=42, call_id="my-id")
    assert request.cseq == (1, "INVITE")
    assert request.call_id == "my-id"
    assert request.from_tag
    assert request.to_tag is None
    assert request.max_forwards == 42
    assert "UPDATE" in request.allow
    assert request.supported == {"100rel", "timer"}
    assert request.content_type == "application/sdp"
    assert request.body == OFFER
    assert request.headers.get("x-call") == "7"
    assert str(request.contact) == "<sip:10.0.0.2:5060>"
    assert len(request.vias) == 1


def test_preloaded_route() -> None:
    """§8.1.2: the request goes to the first route, which stays in it."""
    bench = Bench()
    route = [NameAddr.parse("<sip:10.0.0.9;lr>"), NameAddr.parse("<sip:p2.example.com;lr>")]
    bench.phone.call(SipUri.parse("sip:+4989123@carrier.example.com"), route=route)
    bench.settle()
    request = bench.peer.request_heard("INVITE")
    assert request.uri_text == "sip:+4989123@carrier.example.com"
    assert [str(one) for one in request.route] == ["<sip:10.0.0.9;lr>", "<sip:p2.example.com;lr>"]


def test_progress_and_answer() -> None:
    """§13.2.2: each kind of response is told, early dialogs made, the 2xx acknowledged at once."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 100, to_tag=None)
    bench.peer.respond(request, 180, to_tag=None)
    bench.peer.respond(request, 183, body=ANSWER)
    bench.settle()
    early = bench.phone.the_usage.state
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events == ["trying", "progressed 180", "progressed 183", "answered"]
    assert [early, bench.phone.the_usage.state] == [UsageState.EARLY, UsageState.CONFIRMED]
    assert acks(bench)[0].cseq == (1, "ACK")


def test_ack_of_each_repetition() -> None:
    """§13.2.2.4: an ACK for every 2xx that arrives, the same but for the branch."""
    bench = Bench()
    bench.call_to_peer()
    request = bench.peer.request_heard("INVITE")
    for _ in range(3):
        bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    heard = acks(bench)
    assert len(heard) == 4
    first = heard[0].headers.copy()
    for ack in heard[1:]:
        for name in set(first.keys()) - {"via"}:
            assert ack.headers.get(name) == first.get(name)
    assert len({ack.top_via.branch for ack in heard}) == 4
    assert bench.phone.events == []


def test_ack_of_a_repetition_after_the_bye() -> None:
    """RFC 5407 §3.1.6: the session doesn't come back, but the ACK goes out."""
    bench = Bench()
    invite = bench.call_to_peer()
    request = bench.peer.request_heard("INVITE")
    invite.cancel()
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("BYE"), 200)
    bench.settle()
    assert bench.phone.agent.dialogs == 0
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert len(acks(bench)) == 2
    assert bench.phone.agent.dialogs == 0
    bench.finish()


def test_forks() -> None:
    """§13.2.2.4: every 2xx is a dialog; the later ones are acknowledged and ended."""
    bench = Bench()
    _, request = bench.calling()
    for tag in ("one", "two", "three"):
        bench.peer.respond(request, 180, to_tag=tag)
    bench.settle()
    assert bench.phone.agent.dialogs == 3
    bench.peer.respond(request, 200, to_tag="two", body=ANSWER)
    bench.settle()
    assert bench.phone.agent.dialogs == 1
    bench.peer.respond(request, 200, to_tag="three", body=ANSWER)
    bench.peer.respond(request, 200, to_tag="four", body=ANSWER)
    bench.settle()
    assert bench.phone.events == ["progressed 180"] * 3 + ["answered"]
    assert bench.phone.the_usage.dialog.remote_tag == "two"
    assert [ack.to_tag for ack in acks(bench)] == ["two", "three", "four"]
    byes = [one for one in bench.peer.heard if isinstance(one, Request) and one.method == "BYE"]
    assert [bye.to_tag for bye in byes] == ["three", "four"]
    for bye in byes:
        assert bye.cseq.number == 2
        bench.peer.respond(bye, 200)
    bench.settle()
    assert bench.phone.agent.dialogs == 1
    bench.peer.respond(request, 200, to_tag="three", body=ANSWER)
    bench.settle()
    assert [ack.to_tag for ack in acks(bench)] == ["two", "three", "four", "three"]


def test_forks_without_end() -> None:
    """A peer that makes up tags gets no more than a number of dialogs out of us."""
    bench = Bench()
    _, request = bench.calling()
    for number in range(100):
        bench.peer.respond(request, 180, to_tag=f"t{number}")
    bench.settle()
    assert bench.phone.agent.dialogs == FORKS_MAX
    for number in range(100):
        bench.peer.respond(request, 200, to_tag=f"u{number}")
    bench.settle()
    assert acks(bench) == []
    bench.peer.respond(request, 200, to_tag="t7")
    bench.settle()
    assert bench.phone.events[-1] == "answered"


@pytest.mark.parametrize("status", [302, 404, 486, 500, 503, 603])
def test_rejection(status: int) -> None:
    """§13.2.2.2, §13.2.2.3: told once; early dialogs end; nothing is tried elsewhere."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    bench.peer.respond(request, status, contact="<sip:other@10.0.0.9>")
    bench.peer.respond(request, 486)
    bench.settle()
    assert bench.phone.events == ["progressed 180", f"rejected {status}"]
    assert bench.phone.agent.dialogs == 0
    assert bench.phone.the_usage.state is UsageState.TERMINATED
    assert bench.peer.summaries.count("INVITE") == 1
    bench.finish()


def test_silence() -> None:
    """§13.2.2, §8.1.3.1: timer B."""
    bench = Bench()
    bench.phone.call(SipUri.parse("sip:nobody@10.0.0.77"))
    bench.clock.advance(31)
    assert bench.phone.events == []
    bench.clock.advance(2)
    assert bench.phone.events == ["failed no-response"]
    bench.finish()


def test_ringing_for_minutes() -> None:
    """Timer B acts in Calling only: a ringing phone is not given up."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.clock.advance(600)
    assert bench.phone.events == ["progressed 180"]
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events[-1] == "answered"


def test_name_that_leads_nowhere() -> None:
    bench = Bench()
    invite = bench.phone.call(SipUri.parse("sip:nobody@nowhere.example.com"))
    assert bench.phone.events == []
    bench.settle()
    assert bench.phone.events == ["failed name"]
    invite.cancel()
    bench.finish()


# CANCEL


def test_cancel_while_ringing() -> None:
    """§9.1: CANCEL after a provisional response, with what the caller wants to say; then silence."""
    bench = Bench()
    invite, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    invite.cancel([("Reason", 'SIP;cause=200;text="answered elsewhere"')])
    bench.settle()
    cancel = bench.peer.request_heard("CANCEL")
    assert cancel.headers.get("reason") == 'SIP;cause=200;text="answered elsewhere"'
    assert cancel.cseq == (1, "CANCEL")
    assert cancel.top_via.branch == request.top_via.branch
    assert bench.phone.agent.dialogs == 0
    bench.peer.respond(cancel, 200)
    bench.peer.respond(request, 487)
    bench.settle()
    assert bench.phone.events == ["progressed 180"]
    bench.finish()


def test_cancel_waits_for_a_provisional_response() -> None:
    """§9.1: MUST NOT be sent before one has come."""
    bench = Bench()
    invite, request = bench.calling()
    invite.cancel()
    bench.settle()
    assert "CANCEL" not in bench.peer.summaries
    bench.peer.respond(request, 100, to_tag=None)
    bench.settle()
    assert "CANCEL" in bench.peer.summaries
    assert bench.phone.events == []


@pytest.mark.parametrize("rung", [True, False])
def test_answer_crosses_the_cancel(*, rung: bool) -> None:
    """§9.1, §15, RFC 5407 §3.1.2: acknowledged, ended, and told as a late answer."""
    bench = Bench()
    invite, request = bench.calling()
    if rung:
        bench.peer.respond(request, 180)
        bench.settle()
    invite.cancel()
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events[-1] == "late_answer"
    assert [one for one in bench.peer.summaries if one in ("ACK", "BYE")] == ["ACK", "BYE"]
    bye = bench.peer.request_heard("BYE")
    assert bye.cseq.number == 2
    bench.peer.respond(bye, 200)
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.peer.summaries.count("ACK") == 2
    assert bench.peer.summaries.count("BYE") == 1
    bench.finish()


def test_answer_crosses_the_cancel_after_a_prack() -> None:
    """The BYE of a dialog whose early part used a sequence number goes on from there (§12.2.1.1)."""
    bench = Bench()
    invite, request = bench.calling()
    bench.peer.respond(request, 183, headers=(("Require", "100rel"), ("RSeq", "5")))
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("PRACK"), 200)
    bench.settle()
    invite.cancel()
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.peer.request_heard("BYE").cseq.number == 3


def test_cancel_after_the_answer_is_a_bye() -> None:
    bench = Bench()
    invite = bench.call_to_peer()
    invite.cancel([("X-Why", "enough")])
    bench.settle()
    assert bench.peer.request_heard("BYE").headers.get("x-why") == "enough"
    assert "CANCEL" not in bench.peer.summaries


def test_cancel_ignored() -> None:
    """§9.1: 64*T1 after a CANCEL without a final response, the INVITE is given up."""
    bench = Bench()
    invite, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    invite.cancel()
    bench.finish()
    assert bench.phone.events == ["progressed 180"]


def test_bye_on_an_early_dialog_gives_the_invite_up() -> None:
    """§15: CANCEL is the way to end a call that is not answered."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    bench.phone.the_usage.bye()
    bench.settle()
    assert bench.peer.summaries[-1] == "CANCEL"


# credentials (§22.2, §22.3) and what goes with them

CHALLENGE = ("Proxy-Authenticate", 'Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"')
USER = DigestUser("trunk", "secret")


def test_challenge_is_answered() -> None:
    """§22.2: same Call-ID and From tag, higher CSeq; the ACK of the 2xx has the same credentials
    (§13.2.2.4).
    """
    bench = Bench()
    _, first = bench.calling(credentials=USER)
    bench.peer.respond(first, 407, headers=(CHALLENGE,))
    bench.settle()
    second = bench.peer.request_heard("INVITE")
    assert second.cseq.number == 2
    assert (second.call_id, second.from_tag) == (first.call_id, first.from_tag)
    assert 'username="trunk"' in (second.headers.get("proxy-authorization") or "")
    bench.peer.respond(second, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events == ["answered"]
    ack = acks(bench)[-1]
    assert ack.headers.get("proxy-authorization") == second.headers.get("proxy-authorization")
    assert ack.cseq.number == 2


def test_credentials_within_the_dialog() -> None:
    """§22.2: the BYE carries them at once, with the next nonce count."""
    bench = Bench()
    invite, first = bench.calling(credentials=USER)
    bench.peer.respond(first, 407, headers=(CHALLENGE,))
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 200, body=ANSWER)
    bench.settle()
    invite.cancel()
    bench.settle()
    bye = bench.peer.request_heard("BYE")
    assert "nc=00000002" in (bye.headers.get("proxy-authorization") or "")
    assert bye.cseq.number == 3


def test_bye_is_challenged() -> None:
    """RFC 5407 Appendix D: a BYE is sent again with credentials even though the dialog is over."""
    bench = Bench()
    invite = bench.call_to_peer(credentials=USER)
    invite.cancel()
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("BYE"), 407, headers=(CHALLENGE,))
    bench.settle()
    bye = bench.peer.request_heard("BYE")
    assert (bye.cseq.number, "proxy-authorization" in bye.headers) == (3, True)
    bench.peer.respond(bye, 200)
    bench.settle()
    bench.finish()


def test_wrong_credentials() -> None:
    """§22.1: not the same answer twice."""
    bench = Bench()
    _, first = bench.calling(credentials=USER)
    bench.peer.respond(first, 407, headers=(CHALLENGE,))
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 407, headers=(CHALLENGE,))
    bench.settle()
    assert bench.phone.events == ["rejected 407"]
    assert bench.peer.summaries.count("INVITE") == 2


def test_two_rounds_at_most() -> None:
    """New nonces, or stale ones, don't make it go on for ever."""
    bench = Bench()
    bench.calling(credentials=USER)
    for n in range(4):
        challenge = ("WWW-Authenticate", f'Digest realm="r", nonce="n{n}", stale=true, qop="auth"')
        bench.peer.respond(bench.peer.request_heard("INVITE"), 401, headers=(challenge,))
        bench.settle()
    assert bench.peer.summaries.count("INVITE") == 3
    assert bench.phone.events == ["rejected 401"]


def test_challenge_without_credentials() -> None:
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 401, headers=(CHALLENGE,))
    bench.settle()
    assert bench.phone.events == ["rejected 401"]


def test_cancelled_invite_is_not_sent_again() -> None:
    bench = Bench()
    invite, request = bench.calling(credentials=USER)
    bench.peer.respond(request, 100, to_tag=None)
    bench.settle()
    invite.cancel()
    bench.peer.respond(request, 407, headers=(CHALLENGE,))
    bench.settle()
    assert bench.peer.summaries.count("INVITE") == 1
    bench.finish()


def test_reliability_can_be_insisted_on() -> None:
    """RFC 3262 §4: Require: 100rel."""
    bench = Bench(settings=UserAgentSettings(product="x", require_reliable=True))
    _, request = bench.calling()
    assert request.require == {"100rel"}
