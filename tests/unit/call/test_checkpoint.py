"""A call goes on at another node once its own has died."""

from dataclasses import replace

import pytest

from tests.simulation.descriptions import attributes, audio, direction, line, secure_audio
from tests.simulation.phone import Phone
from tests.simulation.survivor import SURVIVOR, LastingFake, Survivor
from tests.simulation.world import ACCOUNT, CARRIER, CUSTOMER, ChallengingPeer, World, ringing
from trunkline.call.checkpoint import checkpoint
from trunkline.call.ports import MediaHandle
from trunkline.call.record import Party, RecordState
from trunkline.errors import MediaError, SdpError
from trunkline.media.fake_leg import FakeLeg
from trunkline.sip.checkpoint import FlowCheckpoint
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Target, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.limits import Held, Inbound, inbound_key
from trunkline.trunk.media_policy import SrtpPolicy
from trunkline.trunk.registrations import Binding
from trunkline.trunk.verdict import Slug

PEERS_KEY = bytes(range(30))


def talking(way: str = "outbound", **more: object) -> tuple[World, Survivor]:
    world = World(**more)  # type: ignore[arg-type]
    if way == "outbound":
        world.talking_outbound()
    else:
        world.talking_inbound()
    return world, Survivor(world, ACCOUNT)


def finish(world: World, survivor: Survivor) -> None:
    """Nothing is left, at the phones and at the survivor."""
    world.clock.advance(200)
    for phone in world.phones:
        assert phone.agent.dialogs == 0
    survivor.assert_idle()


@pytest.mark.parametrize("way", ["outbound", "inbound"])
@pytest.mark.parametrize("who", ["caller", "callee"])
def test_both_peers_learn_where_the_call_is_and_either_hangs_up(way: str, who: str) -> None:
    world, survivor = talking(way)
    caller, callee = (world.customer, world.gateway) if way == "outbound" else (world.gateway, world.customer)
    known = survivor.known()
    answered_at = known.record.answered_at
    call = survivor.go_on(known)
    for phone in (caller, callee):
        assert phone.events == ["offer_received INVITE", "acknowledged"]
        assert phone.the_usage.dialog.remote_target.host == SURVIVOR
        assert direction(phone.answered_offers[-1]) == "sendrecv"
    for leg in (call.caller.media, call.callee.media if call.callee else None):
        assert isinstance(leg, FakeLeg)
        assert leg.remote is not None
    world.clock.advance(60)
    (caller if who == "caller" else callee).the_usage.bye()
    world.clock.advance(1)
    assert (callee if who == "caller" else caller).events[-1] == "bye_received"
    record = survivor.books.call
    assert (record.state, record.node, record.hung_up_by) == (RecordState.CLOSED, "node-2", Party(who))
    assert record.verdict is not None
    assert record.verdict.slug is Slug.ANSWERED
    assert record.answered_at == answered_at
    assert record.talk_s == pytest.approx(61, abs=1.5)
    finish(world, survivor)


def test_the_numbers_of_requests_go_on_further_on() -> None:
    """RFC 3261 §12.2.2: the dead node may have used some."""
    world, survivor = talking()
    before = {phone: phone.the_usage.dialog.remote_seq for phone in world.phones}
    survivor.go_on(survivor.known())
    for phone, number in before.items():
        assert phone.the_usage.dialog.remote_seq > max(number, 0) + 999
    world.customer.the_usage.bye()
    finish(world, survivor)


def test_what_was_agreed_on_later_counts() -> None:
    world, survivor = talking()
    world.customer.the_usage.reinvite(
        audio(world.customer.host.address.host, direction="sendonly", version=2),
        world.customer.note_answer,
        world.customer.note_refusal,
    )
    world.clock.advance(1)
    for phone in world.phones:
        phone.events.clear()
    said = line(world.customer.responses[-1].body, "o")
    survivor.go_on(survivor.known())
    offers = [phone.answered_offers[-1] for phone in (world.customer, world.gateway)]
    assert [direction(offer) for offer in offers] == ["recvonly", "sendonly"], "still on hold"
    assert line(offers[0], "o").rpartition("IN")[0].split()[1] == said.split()[1], "the same session"
    world.customer.the_usage.bye()
    finish(world, survivor)


def test_srtp_goes_on_with_its_keys() -> None:
    world = World(carrier=replace(CARRIER, srtp=SrtpPolicy.REQUIRED))

    def secure(phone: Phone, invite: IncomingInvite) -> None:
        invite.accept(body=secure_audio(phone.host.address.host, PEERS_KEY))

    def follow(phone: Phone, exchange: IncomingOffer) -> None:
        phone.answered_offers.append(exchange.request.body)
        exchange.accept(secure_audio(phone.host.address.host, PEERS_KEY, version=2))

    world.gateway.on_invite, world.gateway.on_offer = secure, follow
    world.talking_outbound()
    survivor = Survivor(world, ACCOUNT)
    before = world.node.the_call.callee
    assert before is not None
    offered = attributes(world.heard_by(world.gateway, "INVITE")[0].body, "crypto")
    after = survivor.go_on(survivor.known()).callee
    assert after is not None
    assert after.srtp_keys == before.srtp_keys
    assert attributes(world.gateway.answered_offers[-1], "crypto") == offered
    world.customer.the_usage.bye()
    finish(world, survivor)


def test_a_peer_that_knows_no_such_call_any_more_ends_it() -> None:
    world, survivor = talking()
    known = survivor.known()
    world.gateway.the_usage.drop()
    survivor.go_on(known, wait_s=0.001)
    world.clock.advance(1)
    assert world.customer.events[-1] == "bye_received"
    record = survivor.books.call
    assert record.verdict is not None
    assert (record.verdict.slug, record.verdict.detail) == (Slug.SESSION_EXPIRED, "481 to INVITE")
    assert record.hung_up_by is Party.SERVICE
    finish(world, survivor)


def test_a_peer_that_refuses_the_offer_keeps_the_call() -> None:
    world, survivor = talking()
    world.gateway.on_offer = lambda phone, exchange: exchange.reject(488)
    call = survivor.go_on(survivor.known())
    assert call.may_rekey is not None, "nothing is under way any more"
    world.customer.the_usage.bye()
    world.clock.advance(1)
    assert world.gateway.events[-1] == "bye_received"
    finish(world, survivor)


def test_a_carrier_s_challenge_is_answered_with_its_credentials() -> None:
    world, survivor = talking()
    world.gateway.on_offer = peer = ChallengingPeer()
    survivor.go_on(survivor.known(), credentials=DigestUser("trunk", "s3cret"))
    world.clock.advance(1)
    first, answer = peer.answers
    assert first is None
    assert answer is not None
    assert 'username="trunk"' in answer
    assert world.gateway.the_usage.dialog.remote_target.host == SURVIVOR
    world.customer.the_usage.bye()
    finish(world, survivor)


def test_a_challenge_that_nobody_has_credentials_for_leaves_the_call_as_it_is() -> None:
    world, survivor = talking()
    world.gateway.on_offer = peer = ChallengingPeer()
    survivor.go_on(survivor.known())
    assert peer.answers == [None]
    world.customer.the_usage.bye()
    finish(world, survivor)


def test_what_both_sides_say_from_then_on_is_in_the_call_s_ladder() -> None:
    world, survivor = talking()
    call = survivor.go_on(survivor.known())
    dialogs = [phone.the_usage.dialog.call_id for phone in world.phones]
    assert survivor.trace.links == dict.fromkeys(dialogs, call.record.call_id)
    world.customer.the_usage.bye()
    finish(world, survivor)


def test_a_registered_device_is_reached_over_the_flow_that_it_has_to_a_node_that_lives() -> None:
    """Its Contact leads nowhere, and the connection that the call was on is gone with its node."""
    world, survivor = talking("inbound")
    known = survivor.known()
    leg = known.callee
    way = FlowCheckpoint(Transport.TCP, CUSTOMER, 40123, None)
    lost = replace(leg, dialog=replace(leg.dialog, flow=way, remote_target="sip:pbx@10.9.9.9;transport=tcp"))
    held = survivor.host.flow_to(Target(Transport.TCP, world.customer.host.address))
    uri = SipUri.parse("sip:pbx@10.9.9.9;transport=tcp")
    for source, flow in ((f"TCP {CUSTOMER}:40000", None), (f"TCP {CUSTOMER}:40123", held)):
        survivor.registrations.take_over(
            ACCOUNT.key, Binding(uri, 1000, world.clock.now() + 600, source, 1, flow, source, source)
        )
    survivor.go_on(replace(known, callee=lost))
    assert world.customer.events == ["offer_received INVITE", "acknowledged"]
    world.gateway.the_usage.bye()
    world.clock.advance(1)
    assert world.customer.events[-1] == "bye_received"
    finish(world, survivor)


def test_the_account_s_limits_hold_on() -> None:
    world, survivor = talking()
    account = replace(ACCOUNT, minutes_per_day=1)
    admission = survivor.limits.enter(account)
    survivor.go_on(survivor.known(), admission=admission)
    assert survivor.limits.calls_up(account.key) == 1
    world.clock.advance(62)
    assert world.customer.events[-1] == "bye_received"
    record = survivor.books.call
    assert record.verdict is not None
    assert record.verdict.slug is Slug.MINUTES_LIMIT
    finish(world, survivor)


def test_a_call_to_the_account_s_numbers_counts_there_until_its_end() -> None:
    world, survivor = talking("inbound")
    survivor.go_on(survivor.known(), admission=survivor.limits.enter(Inbound.of(ACCOUNT)))
    world.clock.advance(100)
    key = inbound_key(ACCOUNT.key)
    assert survivor.limits.here(key) == Held(1)
    world.gateway.the_usage.bye()
    world.clock.advance(1)
    assert survivor.limits.here(key) == Held()
    finish(world, survivor)


def test_the_longest_call_counts_from_its_answer() -> None:
    world, survivor = talking()
    known = survivor.known()
    world.clock.advance(100)
    survivor.services.settings = replace(survivor.services.settings, longest_call_s=150.0)
    survivor.go_on(known)
    world.clock.advance(55)
    record = survivor.books.call
    assert record.verdict is not None
    assert record.verdict.slug is Slug.MAX_DURATION
    finish(world, survivor)


def test_a_node_that_lost_its_call_says_nothing_more() -> None:
    world, survivor = talking()
    known = survivor.known()
    first = world.node
    before = replace(first.books.call)
    first.the_call.part()
    world.clock.advance(100)
    assert len(first.switch) == first.agent.dialogs == first.engine.open_legs == 0
    assert first.limits.calls_up(ACCOUNT.key) == 0
    assert first.books.call == before, "the record is another's"
    assert [phone.events for phone in world.phones] == [[], []]
    survivor.go_on(known)
    world.customer.the_usage.bye()
    finish(world, survivor)


def test_only_a_call_that_stands_has_one() -> None:
    world = World()
    media = LastingFake(world.node.engine)
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(2)
    assert checkpoint(world.node.the_call, media) is None, "it rings"
    world.customer_cancels()
    world.finish()

    world = World()
    media = LastingFake(world.node.engine)
    world.talking_outbound()
    assert checkpoint(world.node.the_call, media) is not None
    world.gateway.on_offer = lambda phone, exchange: None
    world.customer.the_usage.reinvite(
        audio(CUSTOMER, direction="sendonly", version=2),
        world.customer.note_answer,
        world.customer.note_refusal,
    )
    world.clock.advance(1)
    assert checkpoint(world.node.the_call, media) is None, "something is being agreed on"


@pytest.mark.parametrize("wrong", ["remote", "local", "dialog", "media"])
def test_what_can_not_be_gone_on_with_leaves_nothing(wrong: str) -> None:
    """The peers are hung up on, unless nobody can say who they are."""
    world, survivor = talking()
    known = survivor.known()
    leg = known.callee
    if wrong == "remote":
        leg = replace(leg, remote="v=0")
    elif wrong == "local":
        leg = replace(leg, local=replace(leg.local, listed=()))
    elif wrong == "dialog":
        leg = replace(leg, dialog=replace(leg.dialog, remote_target="nobody"))
    else:
        known = replace(known, media=MediaHandle("elsewhere", ""))
    with pytest.raises((SdpError, SipSyntaxError, MediaError)):
        survivor.go_on(replace(known, callee=leg))
    survivor.clock.advance(100)
    for phone in world.phones:
        assert (phone.events[-1:] == ["bye_received"]) is (wrong != "dialog")
    assert survivor.agent.dialogs == survivor.engine.open_legs == len(survivor.switch) == 0
    assert not survivor.books.calls
