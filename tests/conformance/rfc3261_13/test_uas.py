"""RFC 3261 §13.3, §9.2, §8.2: an INVITE that reaches us."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow, Transport
from trunkline.sip.usage import UsageState

T1 = 0.5


def answers(bench: Bench) -> list[float]:
    """When each 200 to the INVITE was sent, seconds after the first."""
    sent = [packet.at for packet in bench.network.packets if packet.summary == "200 INVITE"]
    return [round(at - sent[0], 3) for at in sent]


def ack(bench: Bench, body: bytes = b"") -> None:
    """The peer acknowledges the 200."""
    bench.tag = bench.peer.response_heard(200, "INVITE").to_tag or ""
    bench.within("ACK", cseq=1, body=body)


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_2xx_is_repeated_until_the_ack(transport: Transport) -> None:
    """§13.3.1.4: from T1, doubling up to T2, on any transport."""
    bench = Bench(transport=transport)
    bench.invited().accept(body=ANSWER)
    bench.clock.advance(20)
    assert answers(bench) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5]
    ack(bench)
    assert bench.phone.events[-1] == "acknowledged"
    bench.clock.advance(40)
    assert len(answers(bench)) == 8


def test_no_ack() -> None:
    """§13.3.1.4: after 64*T1 the session is ended with a BYE."""
    bench = Bench()
    bench.invited().accept(body=ANSWER)
    bench.clock.advance(64 * T1 - 0.1)
    assert "no_ack" not in bench.phone.events
    bench.clock.advance(0.3)
    assert bench.phone.events[-1] == "no_ack"
    assert bench.phone.the_usage.state is UsageState.TERMINATED
    bench.peer.respond(bench.peer.request_heard("BYE"), 481)
    bench.settle()
    bench.finish()
    assert max(answers(bench)) < 32


def test_bye_waits_for_the_ack() -> None:
    """§15: a callee MUST NOT send a BYE before the ACK of its 2xx has come."""
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    invite.usage.bye([("X-Why", "so")])
    bench.clock.advance(3)
    assert "BYE" not in bench.peer.summaries
    ack(bench)
    assert bench.peer.request_heard("BYE").headers.get("x-why") == "so"
    assert "acknowledged" not in bench.phone.events


def test_bye_without_an_ack() -> None:
    """§15: … or the transaction has timed out."""
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    invite.usage.bye([("X-Why", "so")])
    bench.clock.advance(33)
    assert bench.peer.request_heard("BYE").headers.get("x-why") == "so"
    assert "no_ack" not in bench.phone.events
    bench.finish()


def test_invite_without_an_offer() -> None:
    """§13.2.1: the offer is in the 2xx, the answer in the ACK."""
    bench = Bench()
    invite = bench.call_from_peer(body=b"", ack_body=ANSWER)
    assert bench.peer.response_heard(200, "INVITE").body == OFFER
    assert bench.phone.requests[-1].body == ANSWER
    assert invite.usage.state is UsageState.CONFIRMED


def test_progress() -> None:
    """§13.3.1.1: any number of provisional responses, all with one To tag; Allow and Supported tell what we
    can.
    """
    bench = Bench()
    invite = bench.invited()
    invite.trying()
    invite.progress(180)
    invite.progress(183, body=ANSWER, headers=[("X-Early", "1")])
    invite.accept(body=ANSWER)
    bench.settle()
    assert bench.peer.summaries == ["100 INVITE", "180 INVITE", "183 INVITE", "200 INVITE"]
    tags = {message.to_tag for message in bench.peer.heard[1:]}
    assert tags == {invite.usage.dialog.local_tag}
    early = bench.peer.response_heard(183, "INVITE")
    assert early.body == ANSWER
    assert early.headers.get("x-early") == "1"
    assert "UPDATE" in early.allow


def test_progress_is_repeated_every_minute() -> None:
    """§13.3.1.1: so that no proxy gives up."""
    bench = Bench()
    bench.invited().progress(183, body=ANSWER)
    bench.clock.advance(185)
    assert bench.peer.summaries == ["183 INVITE"] * 4
    bench.phone.invites[-1].reject(486)
    bench.clock.advance(185)
    assert bench.peer.summaries.count("183 INVITE") == 4


def test_a_minute_without_progress() -> None:
    """§13.3.1.1: a 100 doesn't count, and where nothing else is said a 183 is sent."""
    bench = Bench()
    invite = bench.invited()
    bench.clock.advance(59)
    assert bench.peer.summaries == ["100 INVITE"]
    bench.clock.advance(125)
    assert bench.peer.summaries == ["100 INVITE", *["183 INVITE"] * 3]
    assert bench.peer.response_heard(183, "INVITE").to_tag == invite.usage.dialog.local_tag
    invite.reject(486)
    bench.clock.advance(185)
    assert bench.peer.summaries.count("183 INVITE") == 3
    bench.finish()


def test_each_progress_starts_the_minute_again() -> None:
    bench = Bench()
    invite = bench.invited()
    invite.progress(180)
    bench.clock.advance(30)
    invite.progress(180)
    bench.clock.advance(65)
    assert bench.peer.summaries == ["180 INVITE"] * 3


def test_rejection() -> None:
    """§13.3.1.3: with the reason phrase and the fields that the layer above wants."""
    bench = Bench()
    bench.invited().reject(488, reason="No Codec", headers=[("Warning", '305 x "no codec"')])
    bench.settle()
    response = bench.peer.response_heard(488, "INVITE")
    assert response.reason == "No Codec"
    assert response.headers.get("warning") == '305 x "no codec"'
    assert response.to_tag
    assert bench.phone.agent.dialogs == 0
    bench.finish()


def test_late_calls_do_nothing() -> None:
    """A user that is overtaken by events needs no care."""
    bench = Bench()
    invite = bench.invited()
    invite.reject(486)
    invite.reject(500)
    invite.progress(180)
    invite.accept(body=ANSWER)
    invite.trying()
    invite.usage.bye()
    bench.settle()
    bench.finish()
    assert set(bench.peer.summaries) == {"486 INVITE"}


def test_late_rejection_does_nothing() -> None:
    bench = Bench()
    invite = bench.call_from_peer()
    invite.reject(500)
    bench.settle()
    assert invite.usage.state is UsageState.CONFIRMED
    assert bench.peer.summaries == ["200 INVITE"]


def test_nothing_is_left_of_a_rejected_invite() -> None:
    """No timer of its own outlives it."""
    bench = Bench()
    invite = bench.invited(headers=(("Expires", "3600"), ("Supported", "100rel")))
    invite.progress(183, body=ANSWER)
    invite.reject(486)
    bench.clock.advance(40)
    assert len(bench.clock) == 0


def test_cancel() -> None:
    """§9.2: 200 to the CANCEL, 487 to the INVITE, both with one To tag; the user hears of it."""
    bench = Bench()
    invite = bench.invited()
    invite.progress(180)
    bench.peer.request("CANCEL", bench.at, branch="z9hG4bKpeer1", headers=(("Reason", "SIP;cause=200"),))
    bench.settle()
    assert bench.peer.summaries[1:] == ["200 CANCEL", "487 INVITE"]
    assert bench.peer.heard[-1].to_tag == bench.peer.heard[-2].to_tag
    assert bench.phone.events[-1] == "cancelled"
    assert bench.phone.requests[-1].headers.get("reason") == "SIP;cause=200"
    assert not invite.pending
    bench.peer.request("ACK", bench.at, branch="z9hG4bKpeer1", to_tag=invite.usage.dialog.local_tag)
    bench.finish()


def test_cancel_after_the_answer() -> None:
    """§9.2: no effect but its own 200."""
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    bench.peer.request("CANCEL", bench.at, branch="z9hG4bKpeer1")
    bench.settle()
    assert "200 CANCEL" in bench.peer.summaries
    assert "cancelled" not in bench.phone.events
    assert invite.usage.state is UsageState.CONFIRMED


def test_bye_before_the_answer() -> None:
    """§15.1.2: a caller may end an early dialog with BYE; the INVITE then gets a 487."""
    bench = Bench()
    invite = bench.invited()
    invite.progress(180)
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag
    bench.within("BYE")
    assert bench.peer.summaries[1:] == ["200 BYE", "487 INVITE"]
    assert bench.phone.events[-1] == "bye_received"
    invite.accept(body=ANSWER)
    bench.settle()
    assert "200 INVITE" not in bench.peer.summaries
    bench.finish()


def test_bye_of_an_early_usage_is_a_rejection() -> None:
    """§15: a callee MUST NOT send a BYE on an early dialog."""
    bench = Bench()
    invite = bench.invited()
    invite.progress(180)
    invite.usage.bye()
    bench.settle()
    assert bench.peer.summaries == ["180 INVITE", "480 INVITE"]


def test_expires() -> None:
    """§13.3.1: an invitation that expires before the final response gets a 487."""
    bench = Bench()
    bench.invited(headers=(("Expires", "20"),)).progress(180)
    bench.clock.advance(19)
    assert "487 INVITE" not in bench.peer.summaries
    bench.clock.advance(2)
    assert "487 INVITE" in bench.peer.summaries
    assert bench.phone.events[-1] == "failed the INVITE has expired"


def test_expires_after_the_answer() -> None:
    bench = Bench()
    bench.call_from_peer(headers=(("Expires", "20"),))
    bench.clock.advance(30)
    assert bench.phone.events == []


def test_hung_up_by_the_caller() -> None:
    """§15.1.2: 200, the dialog is gone."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("BYE", headers=(("Reason", "Q.850;cause=16"),))
    bench.heard("200 BYE")
    assert bench.phone.events == ["bye_received"]
    assert bench.phone.requests[-1].headers.get("reason") == "Q.850;cause=16"
    assert bench.phone.agent.dialogs == 0
    bench.phone.the_usage.bye()
    bench.finish()
    assert "BYE" not in bench.peer.summaries


# §8.2: what is refused before anybody sees it


def test_method_not_allowed() -> None:
    """§8.2.1."""
    bench = Bench()
    bench.peer.request("SUBSCRIBE", bench.at)
    bench.settle()
    response = bench.peer.response_heard(405, "SUBSCRIBE")
    assert {"INVITE", "BYE", "OPTIONS"} <= response.allow
    bench.finish()


def test_scheme_not_supported() -> None:
    """§8.2.2.1."""
    bench = Bench()
    bench.peer.request("INVITE", bench.at, uri="mailto:callee@example.com", body=OFFER)
    bench.settle()
    bench.heard("416 INVITE")
    assert bench.phone.invites == []


def test_extension_not_supported() -> None:
    """§8.2.2.3: all that we don't know, and only that."""
    bench = Bench()
    bench.peer.request("INVITE", bench.at, body=OFFER, headers=(("Require", "100rel, sec-agree, Join"),))
    bench.settle()
    assert bench.peer.response_heard(420, "INVITE").headers.split("Unsupported") == ["join", "sec-agree"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((("Content-Type", "application/isup"),), ("accept", "application/sdp")),
        ((), ("accept", "application/sdp")),
        (
            (("Content-Type", "application/sdp"), ("Content-Encoding", "gzip")),
            ("accept-encoding", "identity"),
        ),
    ],
)
def test_body_not_understood(headers: tuple[tuple[str, str], ...], expected: tuple[str, str]) -> None:
    """§8.2.3."""
    bench = Bench()
    bench.peer.request("INVITE", bench.at, body=OFFER, headers=headers, require_body_type=False)
    bench.settle()
    assert bench.peer.response_heard(415, "INVITE").headers.get(expected[0]) == expected[1]
    assert bench.phone.invites == []


def test_optional_body_not_understood() -> None:
    """§8.2.3, §20.11: left out when the sender says that it may be."""
    bench = Bench()
    headers = (("Content-Type", "text/plain"), ("Content-Disposition", "render; handling=optional"))
    bench.peer.request("INVITE", bench.at, body=b"hello", headers=headers, require_body_type=False)
    bench.settle()
    assert bench.phone.invites[-1].request.body == b""


def test_no_hops_left() -> None:
    """§8.1.1.6: what has reached its destination needs none. Whether it has is the user's to say
    (`trunkline.call.switch`).
    """
    bench = Bench()
    for method in ("INVITE", "OPTIONS"):
        text = (
            f"{method} sip:x@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK{method}\r\n"
            "Max-Forwards: 0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:a@10.0.0.9>\r\nContent-Length: 0\r\n\r\n"
        )
        bench.peer.send(text.encode(), bench.at)
    bench.settle()
    assert "200 OPTIONS" in bench.peer.summaries
    assert len(bench.phone.invites) == 1


def test_merged_request() -> None:
    """§8.2.2.2: the same INVITE over another path."""
    bench = Bench()
    bench.invited()
    bench.peer.request("INVITE", bench.at, body=OFFER)
    bench.settle()
    bench.heard("482 INVITE")
    assert len(bench.phone.invites) == 1


def test_screened_out() -> None:
    """§8.2: who may call is asked first, and no state is kept for who may not."""
    bench = Bench()

    def challenge(request: Request, flow: Flow) -> Response | None:
        del flow
        return response_to(request, 407) if request.method == "INVITE" else None

    bench.phone.on_screen = challenge
    bench.peer.request("INVITE", bench.at, body=OFFER, headers=(("Require", "unknown"),))
    bench.settle()
    bench.heard("407 INVITE")
    assert bench.phone.agent.stack.server_transactions == 0
    assert bench.phone.agent.dialogs == 0


def test_repeated_invite_gets_the_last_response() -> None:
    """§17.2.1: and makes no second call."""
    bench = Bench()
    bench.invited().progress(180)
    bench.peer.request("INVITE", bench.at, body=OFFER, branch="z9hG4bKpeer1")
    bench.settle()
    assert bench.peer.summaries == ["180 INVITE", "180 INVITE"]
    assert len(bench.phone.invites) == 1
