"""Our INVITE: where it goes, what it knows. What RFC 3261 §13.2 asks of it is in
tests/conformance/rfc3261_13.
"""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from tests.simulation.scripted_peer import ScriptedPeer
from tests.unit.sip.living import uncollected
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import UsageState

CHALLENGE = ("Proxy-Authenticate", 'Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"')
PEER = Target(Transport.UDP, Address("10.0.0.9", 5060))
NOBODY = Target(Transport.UDP, Address("10.0.0.77", 5060))


def test_usage_follows_what_happens() -> None:
    """The latest early dialog, then the one that answered, and none when it came to nothing."""
    bench = Bench()
    invite, request = bench.calling()
    tags: list[str | None] = []

    def note() -> None:
        bench.settle()
        tags.append(None if invite.usage is None else invite.usage.dialog.remote_tag)

    note()
    for tag in ("one", "two", "one"):
        bench.peer.respond(request, 180, to_tag=tag)
        note()
    bench.peer.respond(request, 200, to_tag="two", body=ANSWER)
    note()
    assert tags == [None, "one", "two", "one", "two"]
    bench = Bench()
    invite, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    bench.peer.respond(request, 486)
    bench.settle()
    assert invite.usage is None


def test_next_hop_is_not_the_request_uri() -> None:
    """An outbound proxy, a flow of a registered device, targets of a gateway."""
    bench = Bench()
    flow = bench.phone.host.flow_to(PEER)
    for next_hop in (SipUri.parse("sip:10.0.0.9"), flow, PEER, [PEER]):
        bench.phone.call(SipUri.parse("sip:+49@carrier.example.com"), next_hop=next_hop)
        bench.settle()
        assert bench.peer.request_heard("INVITE").uri_text == "sip:+49@carrier.example.com"
    assert bench.peer.summaries == ["INVITE"] * 4


def test_second_target_answers() -> None:
    """RFC 3263 §4.3, done below; the dialog goes on where the answer came from."""
    bench = Bench()
    bench.phone.call(SipUri.parse("sip:x@carrier.example.com"), next_hop=[NOBODY, PEER])
    bench.clock.advance(33)
    request = bench.peer.request_heard("INVITE")
    bench.peer.respond(request, 200, body=ANSWER, contact="<sip:x@192.168.0.1>")
    bench.settle()
    assert bench.peer.summaries[-1] == "ACK"
    flow = bench.phone.the_usage.dialog.flow
    assert flow is not None
    assert flow.remote == PEER.address
    assert bench.phone.targets == [NOBODY, PEER]


def test_credentials_go_to_the_server_that_asked() -> None:
    """Of several targets, the one whose nonce it is."""
    bench = Bench()
    other = ScriptedPeer(bench.network, "10.0.0.8")
    targets = [PEER, Target(Transport.UDP, other.host.address)]
    bench.phone.call(
        SipUri.parse("sip:x@carrier.example.com"), next_hop=targets, credentials=DigestUser("u", "s")
    )
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 407, headers=(CHALLENGE,))
    bench.settle()
    assert bench.peer.request_heard("INVITE").cseq.number == 2
    assert other.heard == []


def test_credentials_after_the_connection_has_closed() -> None:
    """A server may close after its challenge: then the way is found again."""
    bench = Bench(transport=Transport.TCP)
    uri = SipUri.parse("sip:x@10.0.0.9;transport=tcp")
    bench.phone.call(uri, credentials=DigestUser("u", "s"))
    bench.settle()
    request = bench.peer.request_heard("INVITE")
    bench.peer.respond(request, 407, headers=(CHALLENGE,))
    stream = next(iter(bench.phone.host.streams.values()))
    stream.closed = True
    stream.host.receiver.received(bench.network.packets[-1].data, stream)
    bench.settle()
    assert bench.peer.request_heard("INVITE").cseq.number == 2


def test_silent_targets_share_the_callers_patience() -> None:
    """A silent target is left for the next one after that time, long before timer B."""
    bench = Bench()
    bench.phone.call(SipUri.parse("sip:x@carrier.example.com"), next_hop=[NOBODY, PEER], target_timeout_s=2.0)
    bench.clock.advance(1.9)
    assert bench.peer.heard == []
    bench.clock.advance(0.2)
    assert bench.peer.summaries == ["INVITE"]


def test_answer_of_a_target_that_was_left_behind() -> None:
    """It comes when everything has failed already: acknowledged, ended, told. Never a ghost call."""
    bench = Bench()
    refusing = Target(Transport.TCP, Address("10.0.0.88", 5060))
    bench.phone.call(
        SipUri.parse("sip:x@carrier.example.com"), next_hop=[PEER, refusing], target_timeout_s=2.0
    )
    bench.clock.advance(3)
    assert bench.phone.events == ["failed unreachable"]
    bench.peer.respond(bench.peer.request_heard("INVITE"), 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events == ["failed unreachable", "late_answer"]
    assert bench.peer.summaries[-2:] == ["ACK", "BYE"]
    bench.peer.respond(bench.peer.request_heard("BYE"), 200)
    bench.settle()
    bench.finish()


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
@pytest.mark.parametrize("status", [200, 486])
def test_late_answer_of_a_target_that_was_left_behind_is_ended_there(
    status: int, transport: Transport
) -> None:
    """RFC 3261 §13.2.2.4: its ACK and BYE go where it came from, not to the target that was heard first."""
    bench = Bench(transport=transport)
    other = ScriptedPeer(bench.network, "10.0.0.8", transport=transport)
    targets = [Target(transport, peer.host.address) for peer in (other, bench.peer)]
    bench.phone.call(SipUri.parse("sip:x@carrier.example.com"), next_hop=targets, target_timeout_s=2.0)
    bench.clock.advance(3)
    bench.peer.respond(bench.peer.request_heard("INVITE"), status, body=ANSWER if status == 200 else b"")
    bench.settle()
    other.respond(
        other.request_heard("INVITE"), 200, to_tag="late", body=ANSWER, contact="<sip:y@192.168.0.1>"
    )
    bench.settle()
    assert other.summaries[-2:] == ["ACK", "BYE"]
    assert other.request_heard("BYE").to_tag == "late"
    assert bench.peer.summaries[-1] == "ACK"


def test_no_body() -> None:
    """Nothing is said about a body that isn't there."""
    _, request = Bench().calling(body=b"")
    assert "content-type" not in request.headers


def test_failure_ends_early_dialogs() -> None:
    bench = Bench(transport=Transport.TCP)
    _, request = bench.calling(uri="sip:peer@10.0.0.9;transport=tcp")
    bench.peer.respond(request, 180)
    bench.settle()
    usage = bench.phone.the_usage
    next(iter(bench.peer.host.streams.values())).close()
    bench.settle()
    assert bench.phone.events == ["progressed 180", "failed unreachable"]
    assert bench.phone.agent.dialogs == 0
    assert usage.state is UsageState.TERMINATED


def test_allow_of_a_provisional_response() -> None:
    """RFC 3311 §4: it tells what may be sent before the answer."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180, headers=(("Allow", "UPDATE"),))
    bench.settle()
    assert bench.phone.the_usage.peer_allows("UPDATE")


def test_answer_with_another_contact() -> None:
    """RFC 3261 §12.2.1.2: the 2xx decides, even after an early dialog."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180, contact="<sip:early@10.0.0.9>")
    bench.settle()
    bench.peer.respond(request, 200, contact="<sip:late@10.0.0.9>")
    bench.settle()
    assert bench.peer.request_heard("ACK").uri_text == "sip:late@10.0.0.9"


def test_what_waits_for_the_answer_goes_on_with_it() -> None:
    """A re-INVITE of ours that was asked for while the callee rang."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    bench.phone.the_usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    assert bench.peer.summaries == ["INVITE"]
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.peer.summaries == ["INVITE", "ACK", "INVITE"]


def test_request_is_the_latest_attempt() -> None:
    bench = Bench()
    invite, request = bench.calling(credentials=DigestUser("u", "s"))
    assert invite.request.cseq.number == 1
    bench.peer.respond(request, 407, headers=(CHALLENGE,))
    bench.settle()
    assert invite.request.cseq.number == 2
    assert invite.request.body == OFFER


def test_early_dialogs_of_an_attempt_that_failed_end_with_it() -> None:
    """RFC 3261 §12.3: a challenge is a final response too."""
    bench = Bench()
    _, request = bench.calling(credentials=DigestUser("u", "s"))
    bench.peer.respond(request, 180)
    bench.settle()
    bench.peer.respond(request, 407, headers=(CHALLENGE,))
    bench.settle()
    assert bench.phone.agent.dialogs == 0


def test_early_dialog_ended_by_a_callees_bye() -> None:
    """It may not do that; if it does, only that dialog is gone, and an answer is still an answer."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    bench.tag = request.from_tag or ""
    bench.within_to_caller("BYE", cseq=1)
    assert bench.phone.events == ["progressed 180", "bye_received"]
    assert bench.phone.agent.dialogs == 0
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events[-1] == "answered"


def test_nothing_but_the_user_keeps_a_call_alive() -> None:
    """No cycle of references: what is over is gone without the garbage collector."""
    with uncollected() as living:
        bench = Bench()
        before = living()
        invite = bench.call_to_peer()
        assert living() == before + 1
        invite.cancel()
        bench.settle()
        bench.peer.respond(bench.peer.request_heard("BYE"), 200)
        bench.clock.advance(100)
        bench.phone.usage = None
        del invite
        assert living() == before
