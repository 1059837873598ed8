"""The core by itself. What RFC 3261 §8.2 asks of it is in tests/conformance/rfc3261_13."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.errors import SipBuildError
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.stack import ContactSpec
from trunkline.sip.uri import SipUri
from trunkline.sip.user_agent import UserAgentSettings


def test_uniform() -> None:
    """Within its bounds, and spread over them."""
    agent = Bench().phone.agent
    drawn = [agent.uniform(10, 20) for _ in range(2000)]
    assert all(10 <= one < 20 for one in drawn)
    for low in range(10, 20):
        assert 140 < sum(low <= one < low + 1 for one in drawn) < 260


@pytest.mark.parametrize(("owner", "low", "high"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_glare_delay(*, owner: bool, low: float, high: float) -> None:
    """RFC 3261 §14.1: steps of 10 ms over the whole window, both ends included."""
    agent = Bench().phone.agent
    drawn = {agent.glare_delay(owner=owner) for _ in range(5000)}
    assert (min(drawn), max(drawn)) == (low, high)
    assert all(round(one, 2) == one for one in drawn)


@pytest.mark.parametrize("bad", ["x\r\nX-Injected: 1", "x\nVia: y", "x\0"])
def test_no_field_can_be_injected(bad: str) -> None:
    """A value of the layer above can't end its line, wherever it goes."""
    bench = Bench()
    phone = bench.phone
    uri = SipUri.parse("sip:peer@10.0.0.9")
    with pytest.raises(SipBuildError):
        phone.call(uri, headers=[("X-A", bad)])
    with pytest.raises(SipBuildError):
        phone.call(uri, headers=[(bad, "x")])
    with pytest.raises(SipBuildError):
        phone.call(uri, to=NameAddr(bad, uri))
    with pytest.raises(SipBuildError):
        phone.call(uri, call_id=bad)
    with pytest.raises(SipBuildError):
        phone.call(uri, content_type=bad)
    with pytest.raises(SipBuildError):
        phone.call(uri, contact=ContactSpec(user=bad))
    if bad != "x\0":  # in a Request-URI that is no end of anything
        with pytest.raises(SipBuildError):
            phone.call(SipUri("sip", bad, "10.0.0.9"))
    invite = bench.invited()
    with pytest.raises(SipBuildError):
        invite.progress(180, headers=[("X-A", bad)])
    if bad != "x\0":
        with pytest.raises(SipBuildError):
            invite.reject(500, reason=bad)
    bench.settle()
    assert "INVITE" not in bench.peer.summaries


def test_capabilities() -> None:
    settings = UserAgentSettings(product="x", allow=("INVITE", "BYE"), supported=("timer",))
    assert Bench(settings=settings).phone.agent.capabilities() == (
        ("allow", "INVITE, BYE"),
        ("supported", "timer"),
        ("accept", "application/sdp"),
    )


def test_settings_are_heeded() -> None:
    """A method or extension that is left out is refused."""
    bench = Bench(settings=UserAgentSettings(product="x", allow=("INVITE", "ACK", "BYE"), supported=()))
    bench.peer.request("OPTIONS", bench.at)
    bench.peer.request("INVITE", bench.at, body=OFFER, headers=(("Require", "timer"),), call_id="2")
    bench.settle()
    assert bench.peer.response_heard(405, "OPTIONS").allow == {"INVITE", "ACK", "BYE"}
    assert bench.peer.response_heard(420, "INVITE").headers.split("Unsupported") == ["timer"]


def test_an_invite_takes_no_dialogs_place() -> None:
    """RFC 3891 §3: 603 for one of ours, 481 for any other, 400 for two. The dialog that was named goes on."""
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    bench.settle()
    usage = invite.usage
    assert usage is not None
    call_id, local_tag, remote_tag = usage.dialog.id
    ours = f"{call_id};to-tag={local_tag};from-tag={remote_tag}"
    others = f"{call_id};to-tag={remote_tag};from-tag={local_tag}"
    for number, (values, status) in enumerate((((ours,), 603), ((others,), 481), ((ours, ours), 400))):
        headers = tuple(("Replaces", value) for value in values)
        bench.peer.request("INVITE", bench.at, body=OFFER, headers=headers, call_id=f"other-{number}")
        bench.settle()
        assert bench.peer.response_heard(status, "INVITE").call_id == f"other-{number}"
    assert bench.phone.agent.usage(usage.dialog.id) is usage
    assert "BYE" not in bench.peer.summaries


def test_product_is_named() -> None:
    bench = Bench(settings=UserAgentSettings(product="Trunkline/9"))
    _, request = bench.calling()
    assert request.headers.get("user-agent") == "Trunkline/9"
    bench.invited().accept(body=ANSWER)
    bench.settle()
    assert bench.peer.response_heard(200, "INVITE").headers.get("server") == "Trunkline/9"


def test_failing_flow_fails_the_invite() -> None:
    """What net reports reaches the call at once (RFC 3261 §8.1.3.1)."""
    bench = Bench()
    bench.calling()
    flow = next(iter(bench.phone.host._datagram_flows.values()))
    bench.phone.agent.flow_failed(flow, FlowFailure(FlowFailureKind.REFUSED, "ICMP"))
    bench.settle()
    assert bench.phone.events == ["failed unreachable"]
    bench.finish()


def test_strange_acks() -> None:
    """They belong to nothing, and nothing comes of them."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("ACK", cseq=77)
    bench.within("ACK", cseq=1)
    bench.within("ACK", cseq=1, from_tag="stranger")
    bench.peer.request("ACK", bench.at, cseq=1)
    bench.settle()
    assert bench.phone.events == []
