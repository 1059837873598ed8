"""Re-INVITE and UPDATE through the node: hold, resume, codecs, addresses, glare."""

import pytest

from tests.simulation.descriptions import audio, codecs_of, direction, line, secure_audio
from tests.simulation.phone import Phone
from tests.simulation.world import CUSTOMER, GATEWAY, GATEWAY_2, PASSING_ONLY, World
from trunkline.call.leg import Leg
from trunkline.call.ports import MediaFlow
from trunkline.call.renegotiation import Renegotiation
from trunkline.media.fake_leg import FakeLeg
from trunkline.sdp.offer_answer import Direction
from trunkline.sip.user_agent import UserAgentSettings
from trunkline.trunk.verdict import Slug

WITHOUT_UPDATE = UserAgentSettings(
    product="phone", allow=("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "INFO", "REFER")
)


class Talking(World):
    """An answered call of the customer with the carrier."""

    def __init__(self, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.talking_outbound()
        self.network.packets.clear()

    def offer(self, phone: Phone, method: str = "INVITE", **changes: object) -> None:
        """`phone` sends a new offer; its outcome is the last of its events."""
        body = audio(phone.host.address.host, **{"version": 2, **changes})  # type: ignore[arg-type]
        send = phone.the_usage.reinvite if method == "INVITE" else phone.the_usage.update
        send(body, phone.note_answer, phone.note_refusal)
        self.clock.advance(1)

    def flow(self, phone: Phone) -> MediaFlow:
        """Which way audio may go on the node's leg to `phone`."""
        call = self.node.the_call
        leg: Leg | None = call.caller if phone is self.customer else call.callee
        assert leg is not None
        assert isinstance(leg.media, FakeLeg)
        assert leg.media.remote is not None
        return leg.media.remote.direction

    def flows(self) -> tuple[MediaFlow, MediaFlow]:
        return self.flow(self.customer), self.flow(self.gateway)

    def hang_up(self) -> None:
        self.customer.the_usage.bye()
        self.finish()
        assert self.record.verdict is not None
        assert self.record.verdict.slug is Slug.ANSWERED


BOTH = (MediaFlow.BOTH, MediaFlow.BOTH)


def sides(world: World, who: str) -> tuple[Phone, Phone]:
    return (world.customer, world.gateway) if who == "caller" else (world.gateway, world.customer)


def spoken(world: World) -> tuple[str, str]:
    """The codecs that the two peers are sent."""
    call = world.node.the_call
    assert call.callee is not None
    return call.caller.codec, call.callee.codec


@pytest.mark.parametrize("who", ["caller", "callee"])
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("how", ["sendonly", "inactive"])
def test_hold_and_resume_reach_the_other_side(who: str, method: str, how: str) -> None:
    world = Talking()
    one, other = sides(world, who)
    world.offer(one, method, direction=how)
    assert one.events[-1] == f"answer 200 {method}"
    assert direction(other.answered_offers[-1]) == how
    assert direction(one.responses[-1].body) == {"sendonly": "recvonly", "inactive": "inactive"}[how]
    assert world.flow(one) is not MediaFlow.BOTH
    assert len(world.heard_by(other, method)) == 1, "the same method on the other leg"
    world.offer(one, method, version=3)
    assert direction(other.answered_offers[-1]) == "sendrecv"
    assert world.flows() == BOTH
    world.hang_up()


def test_hold_by_address_is_hold() -> None:
    """RFC 2543's c=0.0.0.0."""
    world = Talking()
    world.offer(world.customer, address="0.0.0.0")
    assert world.customer.events[-1] == "answer 200 INVITE"
    assert direction(world.gateway.answered_offers[-1]) in ("sendonly", "inactive")
    world.offer(world.customer, version=3)
    assert world.flows() == BOTH
    world.hang_up()


def test_a_call_on_hold_does_not_time_out() -> None:
    world = Talking()
    world.offer(world.customer, direction="inactive")
    world.node.engine.peers_talk = False
    world.clock.advance(600)
    assert len(world.node.switch) == 1
    world.hang_up()


def test_update_becomes_a_reinvite_for_a_peer_without_update() -> None:
    world = World()
    world.gateway.agent.settings = WITHOUT_UPDATE
    world.gateway.agent._allow_value = ", ".join(WITHOUT_UPDATE.allow)
    world.talking_outbound()
    world.customer.the_usage.update(
        audio(CUSTOMER, direction="sendonly", version=2),
        world.customer.note_answer,
        world.customer.note_refusal,
    )
    world.clock.advance(1)
    assert world.customer.events[-1] == "answer 200 UPDATE"
    assert world.heard_by(world.gateway, "UPDATE") == []
    assert len(world.heard_by(world.gateway, "INVITE")) == 2
    world.customer.the_usage.bye()
    world.finish()


def test_a_moved_address_concerns_its_own_leg_only() -> None:
    world = Talking()
    world.offer(world.customer, address="10.0.0.44", port=4444)
    assert world.customer.events[-1] == "answer 200 INVITE"
    assert world.heard_by(world.gateway, "INVITE") == []
    media = world.node.the_call.caller.media
    assert isinstance(media, FakeLeg)
    assert media.remote is not None
    assert (media.remote.rtp_address, media.remote.rtp_port) == ("10.0.0.44", 4444)
    world.hang_up()


def test_a_reinvite_tells_where_the_peers_sip_comes_from_now() -> None:
    """A peer behind NAT has another address after a reconnect, and says the same of its audio as before."""
    world = Talking()
    caller = world.node.the_call.caller
    caller.signalled_from = "203.0.113.99"
    world.offer(world.customer)
    assert world.customer.events[-1] == "answer 200 INVITE"
    assert isinstance(caller.media, FakeLeg)
    assert caller.media.remote is not None
    assert caller.media.remote.signalled_from == CUSTOMER
    world.hang_up()


def test_an_unchanged_answer_keeps_its_version() -> None:
    """RFC 8866 §5.2: the version counts up with each change, and only then."""
    world = Talking()
    answers = []
    for version in (1, 1, 2):
        world.offer(world.customer, version=version)
        answers.append(line(world.customer.responses[-1].body, "o"))
    assert len(set(answers)) == 1
    world.hang_up()


def test_other_codecs_go_on_to_the_other_side() -> None:
    world = Talking(account=PASSING_ONLY)
    world.gateway.on_offer = lambda phone, exchange: exchange.accept(audio(GATEWAY, codecs=(9,), version=2))
    world.offer(world.customer, codecs=(9,))
    assert world.customer.events[-1] == "answer 200 INVITE"
    (onward,) = world.heard_by(world.gateway, "INVITE")
    assert line(onward.body, "m").split()[3] == "9"
    assert line(world.customer.responses[-1].body, "m").split()[3] == "9"
    world.hang_up()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_another_codec_is_transcoded_without_asking_the_other_side(who: str) -> None:
    world = Talking()
    one, other = sides(world, who)
    world.offer(one, codecs=(9,))
    assert one.events[-1] == "answer 200 INVITE"
    assert codecs_of(one.responses[-1].body) == [9]
    assert world.heard_by(other, "INVITE") == []
    assert spoken(world) == (("G722", "PCMA") if who == "caller" else ("PCMA", "G722"))
    world.offer(one, codecs=(0,), version=3)
    assert codecs_of(one.responses[-1].body) == [0]
    assert set(spoken(world)) == {"PCMU"}, "which passes"
    assert world.flows() == BOTH
    world.hang_up()


def test_hold_and_another_codec_at_once_go_on_to_the_other_side() -> None:
    world = Talking()
    world.offer(world.customer, codecs=(9,), direction="sendonly")
    assert direction(world.gateway.answered_offers[-1]) == "sendonly"
    assert direction(world.customer.responses[-1].body) == "recvonly"
    assert spoken(world) == ("G722", "PCMA")
    world.hang_up()


def test_new_keys_concern_their_own_leg_only_and_a_downgrade_is_refused() -> None:
    world = Talking()
    for version, key in enumerate((bytes(30), b"k" * 30), 2):
        body = secure_audio(CUSTOMER, key, version=version)
        world.customer.the_usage.reinvite(body, world.customer.note_answer, world.customer.note_refusal)
        world.clock.advance(1)
        assert world.customer.events[-1] == "answer 200 INVITE"
        keys = world.node.the_call.caller.srtp_keys
        assert keys is not None
        assert keys.receive == key
    assert world.heard_by(world.gateway, "INVITE") == []
    world.offer(world.customer, version=4)
    assert world.customer.events[-1] == "refusal 488"
    assert world.node.the_call.caller.srtp_keys == keys
    world.hang_up()


# -- session refreshes of ours ---------------------------------------------------------------------


@pytest.mark.parametrize("moves", [True, False])
def test_an_answer_to_a_session_refresh_is_an_answer(moves: bool) -> None:
    """RFC 4028 §7.4, RFC 3264 §8: a peer that moves its audio is sent it there; one that says less than it
    did, as answers do, is taken at its earlier word.
    """
    world = Talking(phone_settings=WITHOUT_UPDATE)
    port = 7000 if moves else 4000
    world.customer.on_offer = lambda phone, exchange: exchange.accept(
        audio(CUSTOMER, port=port, codecs=(8,), version=2)
    )
    world.clock.advance(1000)
    assert len(world.heard_by(world.customer, "INVITE")) == 1, "the refresh"
    caller = world.node.the_call.caller
    assert (caller.described.rtp_port, len(caller.described.codecs)) == ((7000, 1) if moves else (4000, 2))
    assert isinstance(caller.media, FakeLeg)
    assert caller.media.remote is not None
    assert caller.media.remote.rtp_port == port
    assert world.flows() == BOTH
    world.hang_up()


def test_an_answer_to_a_session_refresh_says_which_way_audio_flows() -> None:
    """It holds the call, and resumes it; one that says more than was offered changes nothing (RFC 3264
    §6.1).
    """
    world = Talking(phone_settings=WITHOUT_UPDATE)
    says = ["inactive", "sendrecv", "sendrecv", "sendrecv"]
    world.customer.on_offer = lambda phone, exchange: exchange.accept(
        audio(CUSTOMER, direction=says.pop(0), version=6 - len(says))
    )
    world.clock.advance(1000)
    assert world.flow(world.customer) is MediaFlow.NONE
    world.clock.advance(900)
    assert world.flow(world.customer) is MediaFlow.BOTH
    world.offer(world.gateway, direction="sendonly", version=4)
    caller = world.node.the_call.caller
    assert caller.remote is not None
    held = caller.remote.body
    world.clock.advance(1000)
    assert says == []
    assert caller.remote.body == held
    assert world.flow(world.customer) is MediaFlow.SEND
    world.hang_up()


@pytest.mark.parametrize("offer", ["session refresh", "new key", "takeover"])
def test_who_holds_and_resumes_in_an_answer_to_an_offer_of_ours_is_heard_by_the_other(offer: str) -> None:
    """RFC 3264 §8.4: the other peer would go on playing its music, or think itself on hold for ever."""
    world = Talking(phone_settings=WITHOUT_UPDATE)
    says = ["sendonly", "sendonly", "sendrecv"]
    world.customer.on_offer = lambda phone, exchange: exchange.accept(
        audio(CUSTOMER, direction=says.pop(0), version=5 - len(says))
    )
    heard = []
    for _ in range(3):
        if offer == "new key":
            renegotiation(world).rekey(world.node.the_call.caller)
        elif offer == "takeover":
            renegotiation(world).offer_standing(world.node.the_call.caller)
        else:
            world.clock.advance(920)
        world.clock.advance(10)
        heard.append([direction(body) for body in world.gateway.answered_offers])
    assert says == []
    assert heard == [["sendonly"], ["sendonly"], ["sendonly", "sendrecv"]], "only what is new"
    assert world.flows() == BOTH
    world.hang_up()


def test_a_new_key_in_the_answer_to_a_session_refresh_is_taken() -> None:
    """RFC 4568 §7.1.4: without it nothing of the peer's audio could be read any more."""
    world = World(phone_settings=WITHOUT_UPDATE)
    old, new = (bytes([number]) * 30 for number in (1, 2))
    world.talking_outbound(body=secure_audio(CUSTOMER, old))
    world.customer.on_offer = lambda phone, exchange: exchange.accept(secure_audio(CUSTOMER, new, version=2))
    before = world.node.the_call.caller.srtp_keys
    world.clock.advance(1000)
    assert "offer_received INVITE" in world.customer.events
    after = world.node.the_call.caller.srtp_keys
    assert before is not None
    assert after is not None
    assert (before.receive, after.receive) == (old, new)
    assert after.send == before.send, "ours stands in what was offered"
    media = world.node.the_call.caller.media
    assert isinstance(media, FakeLeg)
    assert media.remote is not None
    assert media.remote.srtp == after
    world.customer.the_usage.bye()
    world.finish()


def test_an_unusable_answer_to_a_session_refresh_changes_nothing() -> None:
    world = Talking(phone_settings=WITHOUT_UPDATE)
    world.customer.on_offer = lambda phone, exchange: exchange.accept(audio(CUSTOMER, address="224.0.0.1"))
    world.clock.advance(1000)
    assert len(world.heard_by(world.customer, "INVITE")) == 1, "the refresh"
    assert world.node.the_call.caller.described.address == CUSTOMER
    assert world.flows() == BOTH
    world.hang_up()


# -- without SDP -----------------------------------------------------------------------------------


def test_a_reinvite_without_sdp_is_answered_with_what_stands() -> None:
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY), answered=True)
    before = peer.peer.response_heard(200, "INVITE").body
    peer.within("INVITE")
    offer = peer.peer.response_heard(200, "INVITE").body
    assert line(offer, "m").split()[1] == line(before, "m").split()[1]
    assert direction(offer) == "sendrecv"
    peer.within("ACK", cseq=2, body=audio(GATEWAY, version=2))
    assert len(world.heard_by(world.customer, "INVITE")) == 1, "nothing has changed"
    peer.hang_up()
    world.finish()


def test_a_hold_in_the_ack_goes_on_to_the_other_side() -> None:
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY), answered=True)
    peer.within("INVITE")
    peer.within("ACK", cseq=2, body=audio(GATEWAY, codecs=(8,), direction="sendonly", version=2))
    world.clock.advance(1)
    assert direction(world.customer.answered_offers[-1]) == "sendonly"
    peer.hang_up()
    world.finish()


def test_a_hold_in_the_ack_that_the_other_side_refuses_stays_on_its_own_leg() -> None:
    """Its offerer has no request that could be refused."""
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY), answered=True)
    world.customer.on_offer = lambda phone, exchange: exchange.reject(488)
    peer.within("INVITE")
    peer.within("ACK", cseq=2, body=audio(GATEWAY, direction="sendonly", version=2))
    world.clock.advance(1)
    assert "offer_received INVITE" in world.customer.events
    call = world.node.the_call
    assert call.callee is not None
    assert call.caller.described.direction is Direction.SENDONLY
    assert call.callee.local.direction is Direction.SENDRECV
    assert not call.renegotiating
    peer.hang_up()
    world.finish()


def test_an_ack_without_an_answer_does_not_block_later_offers() -> None:
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY), answered=True)
    peer.within("INVITE")
    peer.within("ACK", cseq=2)
    world.clock.advance(1)
    peer.within("INVITE", body=audio(GATEWAY, direction="sendonly", version=2))
    world.clock.advance(1)
    assert peer.peer.summaries[-1] == "200 INVITE"
    peer.within("ACK", cseq=3)
    peer.hang_up()
    world.finish()


def test_a_description_in_an_ack_that_answers_nothing_changes_nothing() -> None:
    """RFC 3261 §13.2.1: the offer was the re-INVITE's, and its answer the 2xx's."""
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY), answered=True)
    peer.within("INVITE", body=audio(GATEWAY, version=2))
    peer.within("ACK", cseq=2, body=audio(GATEWAY, port=7000, direction="sendonly", version=3))
    world.clock.advance(1)
    assert world.node.the_call.caller.described.rtp_port == 4000
    assert len(world.heard_by(world.customer, "INVITE")) == 1
    peer.hang_up()
    world.finish()


def test_a_hold_that_is_answered_in_a_reliable_183() -> None:
    """The 200 need not say the answer again (RFC 6141 §3.3, RFC 6337 §3.1.1)."""
    world = World()
    callee, invite = world.outbound_to_peer()
    callee.respond(invite, 200, body=audio(GATEWAY_2))
    world.clock.advance(0.2)
    usage = world.customer.the_usage
    hold = audio(CUSTOMER, direction="sendonly", version=2)
    usage.reinvite(hold, world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(0.1)
    asked = callee.request_heard("INVITE")
    held = audio(GATEWAY_2, direction="recvonly", version=2)
    callee.respond(asked, 183, body=held, headers=(("Require", "100rel"), ("RSeq", "1")))
    world.clock.advance(0.1)
    callee.respond(callee.request_heard("PRACK"), 200, contact="")
    callee.respond(asked, 200)
    world.clock.advance(0.2)
    assert world.customer.events[-1] == "answer 200 INVITE"
    assert direction(world.customer.responses[-1].body) == "recvonly"
    usage.bye()
    world.clock.advance(0.2)
    callee.respond(callee.request_heard("BYE"), 200, contact="")
    world.finish()


# -- one peer leaves -------------------------------------------------------------------------------


def renegotiation(world: World) -> Renegotiation:
    talk = world.node.the_call.talk
    assert talk is not None
    assert talk.may_rekey is not None
    return talk.may_rekey


def test_offers_of_ours_do_not_wait_for_a_peer_that_has_left() -> None:
    world = Talking()
    call, exchanges = world.node.the_call, renegotiation(world)
    assert call.callee is not None
    busy = []
    exchanges.rekey(call.caller)
    for leg in (call.callee, call.caller):
        exchanges.left(leg)
        busy.append(exchanges.busy)
    exchanges.refresh()
    for leg in (call.caller, call.callee):
        exchanges.left(leg)
        busy.append(exchanges.busy)
    assert busy == [True, False, True, False]
    world.clock.advance(1)
    world.hang_up()


def test_nor_does_an_offer_that_it_has_asked_for() -> None:
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY), answered=True)
    exchanges = renegotiation(world)
    peer.within("INVITE")
    busy = [exchanges.busy]
    exchanges.left(world.node.the_call.caller)
    assert [*busy, exchanges.busy] == [True, False]
    peer.within("ACK", cseq=2)
    peer.hang_up()
    world.finish()
