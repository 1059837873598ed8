"""Who gets a call at all, and with which answer."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.phone import Phone
from tests.simulation.scripted_peer import ScriptedPeer
from tests.simulation.slow_limits import SlowLimits
from tests.simulation.world import (
    ACCOUNT,
    CALLEE,
    CARRIER,
    CUSTOMER,
    DOMAIN,
    GATEWAY,
    KEY,
    NODE,
    NUMBER,
    SECRET,
    SETTINGS,
    SimulatedNode,
    World,
    early_media,
)
from tests.unit.call.refusals import error_id, refused
from tests.unit.trunk.entities import table
from trunkline.call.record import Direction, RecordState
from trunkline.sip.digest import answer_challenge
from trunkline.sip.message import Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import AccountStatus, CallerIdPolicy
from trunkline.trunk.carrier import Rewrite
from trunkline.trunk.directory import Kind, Remove, Snapshot
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.trunk.verdict import Slug, Verdict

# -- credentials -----------------------------------------------------------------------------------


def test_an_invite_without_credentials_is_challenged_and_leaves_no_trace() -> None:
    world = World()
    world.outbound(credentials=None)
    response = refused(world)
    assert response.status == 407
    challenges = response.headers.all("proxy-authenticate")
    assert {"MD5", "SHA-256"} <= {
        part.strip() for one in challenges for part in one.replace("algorithm=", ",").split(",")
    }
    assert world.node.books.calls == []
    world.finish()


@pytest.mark.parametrize("user", [DigestUser(KEY, "wrong"), DigestUser("nobody", SECRET)])
def test_wrong_secret_and_unknown_key_look_the_same(user: DigestUser) -> None:
    """Challenged again, and 403 to the third wrong try. The phone makes two in a call."""
    world = World()
    for wrong, status in ((2, 407), (3, 403)):
        world.outbound(credentials=user)
        assert refused(world).status == status
        assert [name for _, name in world.node.door.wrong] == [user.username] * wrong
    assert error_id(world.customer.responses[-1]) == "bad-credentials"
    world.finish()


def test_a_stale_nonce_is_said_to_be_stale() -> None:
    world = World()
    peer = ScriptedPeer(world.network, "10.0.0.9")
    at = world.node.host.address
    peer.request("INVITE", at, uri=f"sip:{CALLEE}@{NODE}", body=audio("10.0.0.9"))
    world.clock.advance(1)
    values = peer.response_heard(407, "INVITE").headers.all("proxy-authenticate")
    credentials = answer_challenge(values, "INVITE", f"sip:{CALLEE}@{NODE}", KEY, SECRET, "cnonce", 1, b"")
    assert credentials is not None
    world.clock.advance(3600)
    peer.request(
        "INVITE",
        at,
        uri=f"sip:{CALLEE}@{NODE}",
        cseq=2,
        body=audio("10.0.0.9"),
        headers=(("Proxy-Authorization", credentials),),
    )
    world.clock.advance(1)
    assert "stale=true" in peer.response_heard(407, "INVITE").headers.all("proxy-authenticate")[0]
    assert world.node.door.wrong == [], "it was right, only late"


def test_a_nonce_of_one_edge_is_good_on_another() -> None:
    """Stateless nonces: two nodes with the same key."""
    world = World()
    other = SimulatedNode(
        world.network,
        Snapshot((ACCOUNT,), table(), (CARRIER,), (Route("", (RouteCarrier("carrier"),)),)),
        address="10.0.0.11",
    )
    peer = ScriptedPeer(world.network, "10.0.0.9")
    uri = f"sip:{CALLEE}@{DOMAIN}"
    peer.request("INVITE", world.node.host.address, uri=uri, body=audio("10.0.0.9"))
    world.clock.advance(1)
    values = peer.response_heard(407, "INVITE").headers.all("proxy-authenticate")
    credentials = answer_challenge(values, "INVITE", uri, KEY, SECRET, "cnonce", 1, b"")
    assert credentials is not None
    peer.request(
        "INVITE",
        other.host.address,
        uri=uri,
        cseq=2,
        headers=(("Proxy-Authorization", credentials),),
        body=audio("10.0.0.9"),
    )
    world.clock.advance(0.1)
    assert peer.summaries[-1] in ("100 INVITE", "180 INVITE")
    other.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
    world.clock.advance(60)
    assert other.agent.dialogs == 0


def test_a_blocked_account_is_403() -> None:
    world = World(account=replace(ACCOUNT, status=AccountStatus.BLOCKED))
    world.outbound()
    response = refused(world)
    assert (response.status, error_id(response)) == (403, "account-blocked")
    assert world.record.state is RecordState.CLOSED
    world.finish()


def test_a_carrier_is_known_by_its_address_and_a_stranger_is_not() -> None:
    world = World()
    stranger = world.phone("10.0.0.66")
    stranger.call(SipUri("sip", NUMBER, NODE), body=audio("10.0.0.66"))
    assert refused(world, stranger).status == 407
    world.inbound()
    world.clock.advance(2)
    assert world.gateway.events[-1] == "answered"
    world.gateway.the_usage.bye()
    world.finish()


def test_a_customer_that_shares_a_carriers_address_is_a_customer() -> None:
    world = World()
    world.gateway.call(SipUri("sip", CALLEE, NODE), body=audio(GATEWAY), credentials=DigestUser(KEY, SECRET))
    world.clock.advance(1)
    # A UA sends credentials once challenged, and from a carrier's address it is not: 404, no such number.
    assert world.gateway.events[-1] == "rejected 404"
    world.finish()


# -- numbers and routes ----------------------------------------------------------------------------


@pytest.mark.parametrize("dialled", ["12", "abc", "1234567890123456", "%00", "+", "00", "49x30123456"])
def test_a_malformed_number_is_484(dialled: str) -> None:
    world = World()
    world.outbound(dialled)
    response = refused(world)
    assert (response.status, error_id(response)) == (484, "malformed-number")
    world.finish()


@pytest.mark.parametrize("dialled", ["+493012345678", "00493012345678", "49-30-123.456-78", "(49)3012345678"])
def test_prefixes_and_separators_are_taken_off(dialled: str) -> None:
    world = World()
    world.outbound(dialled)
    world.clock.advance(2)
    (invite,) = world.heard_by(world.gateway, "INVITE")
    assert invite.uri_text == f"sip:{CALLEE}@{GATEWAY}"
    assert world.record.dialled == dialled
    world.customer.the_usage.bye()
    world.finish()


def test_no_route_is_404() -> None:
    world = World()
    world.node.directory.apply(Remove(Kind.ROUTE, ""))
    world.outbound()
    response = refused(world)
    assert (response.status, error_id(response)) == (404, "no-route")
    world.finish()


def test_a_forbidden_destination_is_403() -> None:
    world = World(account=replace(ACCOUNT, denied_prefixes=("4930",)))
    world.outbound()
    response = refused(world)
    assert (response.status, error_id(response)) == (403, "destination-forbidden")
    world.finish()


def test_a_foreign_caller_id_is_403_when_only_own_ones_are_allowed() -> None:
    world = World(account=replace(ACCOUNT, caller_id_policy=CallerIdPolicy.OWNED))
    world.outbound(from_=NameAddr(None, SipUri("sip", "4915112345678", DOMAIN)))
    response = refused(world)
    assert (response.status, error_id(response)) == (403, "caller-id-forbidden")
    world.outbound()
    world.clock.advance(2)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_the_caller_id_can_be_replaced() -> None:
    world = World(account=replace(ACCOUNT, caller_id_policy=CallerIdPolicy.REPLACE, caller_id_number=NUMBER))
    world.outbound(from_=NameAddr("Eve", SipUri("sip", "4915112345678", DOMAIN)))
    world.clock.advance(2)
    (invite,) = world.heard_by(world.gateway, "INVITE")
    assert str(invite.from_.uri) == f"sip:{NUMBER}@{DOMAIN}"
    assert invite.from_.display is None
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_withheld_number_is_told_to_trusted_carriers_only(trusted: bool) -> None:
    world = World(carrier=replace(CARRIER, trusted=trusted))
    world.outbound(headers=(("Privacy", "id"), ("P-Asserted-Identity", f"<sip:{NUMBER}@{DOMAIN}>")))
    world.clock.advance(2)
    (invite,) = world.heard_by(world.gateway, "INVITE")
    assert invite.from_.uri.user == "anonymous"
    assert invite.headers.get("privacy") == "id"
    assert ("p-asserted-identity" in invite.headers) is trusted
    assert world.record.caller == "anonymous"
    world.customer.the_usage.bye()
    world.finish()


def test_a_customers_preferred_identity_counts_and_a_carriers_does_not() -> None:
    """RFC 3325 §6. From is as anonymous as RFC 3323 §4.1.1.3 has it, which names no number to a policy."""
    preferred = ("P-Preferred-Identity", f"<sip:{NUMBER}@{DOMAIN}>")
    nobody = NameAddr("Anonymous", SipUri("sip", "anonymous", "anonymous.invalid"))
    world = World(account=replace(ACCOUNT, caller_id_policy=CallerIdPolicy.OWNED))
    world.outbound(from_=nobody, headers=(("Privacy", "id"), preferred))
    world.clock.advance(2)
    assert world.customer.events[-1] == "answered"
    (invite,) = world.heard_by(world.gateway, "INVITE")
    assert invite.from_.uri.user == "anonymous"
    assert "p-preferred-identity" not in invite.headers
    assert world.record.number == NUMBER
    world.customer.the_usage.bye()
    world.clock.advance(2)
    world.inbound(headers=(preferred,))
    world.clock.advance(2)
    assert world.node.books.calls[-1].caller == CALLEE
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.finish()


def test_a_carriers_rules() -> None:
    world = World(
        carrier=replace(
            CARRIER,
            called_rules=(Rewrite("49", 2, "0"),),
            caller_rules=(Rewrite("", 0, "+"),),
            from_host="trunk.carrier.example",
        )
    )
    world.outbound()
    world.clock.advance(2)
    (invite,) = world.heard_by(world.gateway, "INVITE")
    assert invite.uri_text == f"sip:03012345678@{GATEWAY}"
    assert str(invite.from_.uri) == f"sip:+{NUMBER}@trunk.carrier.example"
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize("why", ["blocked", "not forwarded"])
def test_a_refused_call_to_a_number_is_its_accounts_to_see(why: str) -> None:
    world = World(account=replace(ACCOUNT, status=AccountStatus.BLOCKED) if why == "blocked" else ACCOUNT)
    if why == "not forwarded":
        world.change_number(forwarding=ForwardingList.parse(""))
    world.inbound()
    world.clock.advance(1)
    record = world.record
    assert record.state is RecordState.CLOSED
    assert (record.account, record.number, record.called) == (KEY, NUMBER, NUMBER)
    world.finish()


# -- SDP -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (b"rubbish", "bad-sdp"),
        (audio(CUSTOMER, address="224.0.0.1"), "bad-sdp"),
        (audio(CUSTOMER, address="255.255.255.255"), "bad-sdp"),
        (audio(CUSTOMER, address="pbx.example.org"), "bad-sdp"),
        (audio(CUSTOMER, codecs=()), "codec-mismatch"),
        (audio(CUSTOMER).replace(b"m=audio", b"m=video"), "codec-mismatch"),
    ],
)
def test_an_unusable_offer_is_488_with_a_warning(body: bytes, slug: str) -> None:
    world = World()
    world.outbound(body=body)
    response = refused(world)
    assert response.status == 488
    assert error_id(response) in (slug, "bad-sdp")
    assert response.headers.all("warning")
    assert world.gateway.events == []
    world.finish()


@pytest.mark.parametrize(
    ("codecs", "transcoding"), [((8, 9), False), ((8,), True)], ids=["nothing passes", "nothing is allowed"]
)
def test_codecs_that_carrier_and_account_leave(codecs: tuple[int, ...], transcoding: bool) -> None:
    account = replace(ACCOUNT, codecs=("PCMU", "G722"), transcoding=transcoding)
    world = World(account=account, carrier=replace(CARRIER, codecs=("PCMA",)))
    world.outbound(body=audio(CUSTOMER, codecs=codecs))
    response = refused(world)
    assert response.status == 488
    assert error_id(response) == "codec-mismatch"
    world.finish()


# -- the node --------------------------------------------------------------------------------------


def test_a_draining_node_takes_no_call_and_lets_the_others_end() -> None:
    world = World()
    world.talking_outbound()
    world.node.switch.draining = True
    world.outbound()
    response = refused(world)
    assert (response.status, error_id(response)) == (503, "draining")
    assert response.headers.get("retry-after") == "30"
    assert response.headers.get("retry-after") == "30"
    world.gateway.the_usage.bye()
    world.finish()


@pytest.mark.parametrize("how", ["overloaded", "max_calls"])
def test_a_busy_node_is_503_with_retry_after(how: str) -> None:
    world = World(settings=replace(SETTINGS, max_calls=0 if how == "max_calls" else None))
    world.node.switch.overload.share = float(how == "overloaded")
    world.outbound()
    response = refused(world)
    assert (response.status, error_id(response)) == (503, "overloaded")
    assert response.headers.get("retry-after") == "5"
    world.finish()


def test_a_node_has_as_many_calls_as_it_may_those_that_wait_for_their_limits_included() -> None:
    world = World(settings=replace(SETTINGS, max_calls=2))
    limits = world.node.services.limits = SlowLimits(world.node.limits)
    world.outbound()
    world.clock.advance(0.1)
    limits.answer()
    world.outbound()
    world.clock.advance(0.1)
    assert len(world.node.switch) == 2
    world.outbound()
    world.clock.advance(0.1)
    assert [error_id(one) for one in world.customer.responses if one.status == 503] == ["overloaded"]
    limits.answer()
    world.node.switch.hang_up_all(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.finish()


def options(world: World, phone: Phone) -> Response:
    phone.agent.request(
        "OPTIONS",
        world.node.uri,
        from_=NameAddr(None, SipUri("sip", None, CUSTOMER)),
        to=NameAddr(None, world.node.uri),
        on_response=phone.note_answer,
        on_failure=phone.note_refusal,
    )
    world.clock.advance(0.1)
    return phone.responses[-1]


def test_options_is_answered_without_authentication_and_without_state() -> None:
    world = World()
    response = options(world, world.customer)
    assert response.status == 200
    assert {"INVITE", "REGISTER", "OPTIONS"} <= set(
        (response.headers.get("allow") or "").replace(" ", "").split(",")
    )
    assert response.headers.get("accept") == "application/sdp"
    assert world.node.agent.stack.server_transactions == 0
    world.node.switch.draining = True
    response = options(world, world.customer)
    assert (response.status, response.headers.get("retry-after")) == (503, "30")
    world.finish()


def test_options_that_requires_the_unknown_is_420() -> None:
    world = World()
    peer = ScriptedPeer(world.network)
    peer.request("OPTIONS", world.node.host.address, headers=(("Require", "nosuch"),))
    world.clock.advance(1)
    assert peer.response_heard(420, "OPTIONS").headers.get("unsupported") == "nosuch"
    assert world.node.agent.stack.server_transactions == 0


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH", "FOO"])
def test_unknown_methods_are_405_with_allow(method: str) -> None:
    world = World()
    peer = ScriptedPeer(world.network)
    peer.request(method, world.node.host.address)
    world.clock.advance(1)
    response = peer.response_heard(405, method)
    assert "INVITE" in (response.headers.get("allow") or "")
    assert world.node.agent.stack.server_transactions == 0, "anybody may send it"
    world.finish()


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "PRACK", "REFER"])
def test_methods_that_need_a_call(method: str) -> None:
    world = World()
    peer = ScriptedPeer(world.network)
    peer.request(method, world.node.host.address)
    world.clock.advance(1)
    assert isinstance(peer.heard[-1], Response)
    assert peer.heard[-1].status == (403 if method == "REFER" else 481)
    assert world.node.agent.stack.server_transactions == 0, "anybody may send it"
    peer.request(method, world.node.host.address, to_tag="nosuch")
    world.clock.advance(1)
    assert peer.response_heard(481, method)
    world.finish()


def test_extensions_hops_and_intervals() -> None:
    world = World()
    peer = world.carrier_peer()
    peer.peer.request("INVITE", peer.at, uri=peer.uri, body=audio(GATEWAY), headers=(("Require", "nosuch"),))
    world.clock.advance(1)
    assert peer.peer.response_heard(420, "INVITE").headers.get("unsupported") == "nosuch"
    peer.peer.request(
        "INVITE",
        peer.at,
        uri=peer.uri,
        call_id="c2",
        body=audio(GATEWAY),
        headers=(("Session-Expires", "60"), ("Supported", "timer")),
    )
    world.clock.advance(1)
    assert peer.peer.response_heard(422, "INVITE").headers.get("min-se") == "90"
    assert world.customer.events == []


UNREADABLE: list[tuple[int, dict[str, Any]]] = [
    (400, {"contact": ""}),
    (400, {"contact": "<tel:+442079460000>"}),
    (400, {"headers": (("Session-Expires", "soon"),)}),
    (400, {"headers": (("Expires", "soon"),)}),
    (415, {"headers": (("Content-Type", "text/plain"),), "require_body_type": False}),
    (420, {"headers": (("Require", "nosuch"),)}),
]


@pytest.mark.parametrize(("status", "said"), UNREADABLE)
def test_a_call_that_is_refused_for_its_form_says_why_and_leaves_a_record(
    status: int, said: dict[str, Any]
) -> None:
    """RFC 3261 §8.2.2, §8.2.3, §21.4.1."""
    world = World()
    peer = world.carrier_peer()
    peer.peer.request("INVITE", peer.at, uri=peer.uri, body=audio(GATEWAY), **said)
    world.clock.advance(1)
    assert error_id(peer.peer.response_heard(status, "INVITE")) == "malformed-request"
    peer.peer.request("ACK", peer.at, uri=peer.uri, contact="", branch="z9hG4bKpeer1", to_tag="x")
    record = world.record
    assert (world.slug, record.direction, record.carrier) == (
        Slug.MALFORMED_REQUEST,
        Direction.INBOUND,
        CARRIER.name,
    )
    assert record.verdict is not None
    assert record.verdict.status == status
    assert record.state is RecordState.CLOSED
    assert (record.account, record.called) == (KEY, NUMBER)
    world.finish()


def test_an_accounts_call_that_requires_the_unknown_leaves_a_record() -> None:
    world = World()
    world.outbound(headers=(("Require", "nosuch"),))
    response = refused(world)
    assert (response.status, response.headers.get("unsupported")) == (420, "nosuch")
    assert (error_id(response), world.slug) == ("malformed-request", Slug.MALFORMED_REQUEST)
    assert (world.record.direction, world.record.account) == (Direction.OUTBOUND, KEY)
    world.finish()


@pytest.mark.parametrize("direction", Direction)
def test_a_call_without_a_hop_left_ends_here_and_leaves_a_record(direction: Direction) -> None:
    """The last call of a circle through a PBX (RFC 3261 §8.1.1.6)."""
    world = World()
    outbound = direction is Direction.OUTBOUND
    (world.outbound if outbound else world.inbound)(max_forwards=0)
    response = refused(world, world.customer if outbound else world.gateway)
    assert (response.status, error_id(response)) == (483, "hop-limit")
    assert (world.slug, world.record.direction, world.record.account) == (Slug.HOP_LIMIT, direction, KEY)
    world.finish()


def test_a_call_that_comes_back_in_a_circle_ends() -> None:
    """A number that is forwarded to the node itself: each turn costs a hop (RFC 3261 §16.3)."""
    world = World()
    world.node.put(replace(CARRIER, sources=(ip_network("10.0.0.0/24"),)))
    world.node.put(Number(NUMBER, KEY, ForwardingList.parse(f"{NUMBER}@{NODE}")))
    world.inbound()
    world.clock.advance(40)
    assert world.gateway.events[-1] in ("rejected 483", "rejected 482", "rejected 486")
    assert len(world.node.books.calls) <= 71
    world.finish()


def test_early_media_and_hang_up_all() -> None:
    world = World()
    world.gateway.on_invite = early_media
    world.outbound()
    world.clock.advance(1)
    world.node.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
    response = refused(world)
    assert (response.status, error_id(response)) == (503, "shut-down")
    world.finish()
