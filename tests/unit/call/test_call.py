"""One call from its INVITE to its end: early media, CANCEL, BYE, late offers, INFO, REFER, timeouts
(BEHAVIOUR §5).
"""

from dataclasses import replace

import pytest

from tests.simulation.descriptions import attributes, audio, codecs_of, direction, line, secure_audio
from tests.simulation.phone import Phone
from tests.simulation.scripted_peer import ScriptedPeer
from tests.simulation.world import (
    ACCOUNT,
    CALLEE,
    CARRIER,
    CUSTOMER,
    GATEWAY,
    GATEWAY_2,
    KEY,
    NODE,
    NUMBER,
    PASSING_ONLY,
    SETTINGS,
    World,
    answer,
    early_media,
    rejecting,
    ringing,
)
from trunkline.call.call import CallState
from trunkline.call.record import Party
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.user_agent import UserAgentSettings
from trunkline.trunk.media_policy import SrtpPolicy
from trunkline.trunk.verdict import Slug, Verdict

UNRELIABLE = UserAgentSettings(product="phone", supported=("timer",))
INSISTING = UserAgentSettings(product="phone", require_reliable=True)


def slug(world: World) -> Slug:
    """What the only call ended with."""
    assert world.record.verdict is not None
    return world.record.verdict.slug


# -- the happy path --------------------------------------------------------------------------------


def test_outbound_with_digest() -> None:
    world = World()
    world.talking_outbound()
    assert [len(world.heard_by(world.gateway, method)) for method in ("INVITE", "ACK")] == [1, 1]
    (invite,) = world.heard_by(world.gateway, "INVITE")
    assert invite.uri_text == f"sip:{CALLEE}@{GATEWAY}"
    assert "proxy-authorization" not in invite.headers, "the customer's digest is the customer's"
    world.clock.advance(8)
    world.customer.the_usage.bye()
    world.finish()
    record = world.record
    assert slug(world) is Slug.ANSWERED
    assert (record.account, record.number, record.carrier, record.called) == (KEY, NUMBER, "carrier", CALLEE)
    assert (record.setup_s, record.ring_s) == pytest.approx((0.02, 1.0))
    assert record.talk_s == pytest.approx(8.96, abs=0.05)
    assert record.hung_up_by is Party.CALLER
    for figures in (record.caller_media, record.callee_media):
        assert figures.codec == "PCMA"
        assert figures.packets_received == pytest.approx(450, abs=10)
        assert figures.packets_sent == pytest.approx(450, abs=10)


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_wall_clock_that_is_put_right_makes_no_call_longer_or_shorter(step_s: int) -> None:
    """Ringing, talking and the attempt are counted from the INVITE's moment; the next call is of the new
    time.
    """
    world = World()
    world.talking_outbound()
    world.clock.advance(4)
    world.clock.step_wall(step_s)
    world.clock.advance(4)
    world.customer.the_usage.bye()
    world.finish()
    record = world.record
    assert (record.setup_s, record.ring_s, record.talk_s) == pytest.approx((0.02, 1.0, 8.96), abs=0.05)
    (attempt,) = world.attempts
    assert attempt.answered_at == record.answered_at
    assert attempt.ended_at == pytest.approx(record.ended_at)


def test_inbound() -> None:
    world = World()
    world.talking_inbound()
    world.gateway.the_usage.bye()
    world.finish()
    assert slug(world) is Slug.ANSWERED
    assert (world.record.account, world.record.number, world.record.caller) == (KEY, NUMBER, CALLEE)


def test_the_bye_of_either_side_ends_the_other_with_its_x_headers_and_reason() -> None:
    for who in ("caller", "callee"):
        world = World()
        world.talking_outbound()
        one, other = (world.customer, world.gateway) if who == "caller" else (world.gateway, world.customer)
        one.the_usage.bye(
            (
                ("X-Cost", "3"),
                ("X-Trunkline-Id", "no"),
                ("Reason", 'Q.850;cause=16;text="bye"'),
                ("Reason", "private;cause=1"),
            )
        )
        world.clock.advance(1)
        (bye,) = world.heard_by(other, "BYE")
        assert bye.headers.get("x-cost") == "3"
        assert "x-trunkline-id" not in bye.headers
        assert bye.headers.all("reason") == ['Q.850;cause=16;text="bye"']
        world.finish()
        assert world.record.hung_up_by is (Party.CALLER if who == "caller" else Party.CALLEE)


def test_byes_that_cross() -> None:
    world = World()
    world.talking_outbound()
    world.customer.the_usage.bye()
    world.gateway.the_usage.bye()
    world.finish()
    assert slug(world) is Slug.ANSWERED


def test_each_leg_has_an_origin_of_its_own() -> None:
    world = World()
    world.talking_outbound()
    (onward,) = world.heard_by(world.gateway, "INVITE")
    back = world.customer.responses[-1].body
    assert line(onward.body, "o") != line(back, "o")
    assert line(onward.body, "c") == line(back, "c") == f"IN IP4 {NODE}"
    assert line(onward.body, "m").split()[1] != line(back, "m").split()[1]
    world.customer.the_usage.bye()
    world.finish()


# -- early media -----------------------------------------------------------------------------------


def test_early_media_reaches_the_caller_and_flows() -> None:
    world = World()
    world.gateway.on_invite = early_media
    world.outbound()
    world.clock.advance(3)
    progress = world.customer.responses[-1]
    assert progress.status == 183
    assert line(progress.body, "c") == f"IN IP4 {NODE}"
    assert world.node.the_call.caller.media.figures().packets_sent > 100
    answer(world.gateway, world.gateway.invites[-1])
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize("who", ["neither", "caller", "callee", "both"])
def test_prack_is_each_legs_own(who: str) -> None:
    world = World()
    if who in ("neither", "callee"):
        world.customer.agent.settings = UNRELIABLE
        world.customer.agent._supported_value = "timer"
    world.gateway.on_invite = (
        early_media
        if who in ("callee", "both")
        else lambda phone, invite: invite.progress(183, body=audio(GATEWAY), reliable=False)
    )
    world.outbound()
    world.clock.advance(1)
    assert len(world.heard_by(world.gateway, "PRACK")) == (who in ("callee", "both"))
    assert len(world.heard_by_node("PRACK")) == (who in ("caller", "both"))
    assert "progressed 183" in world.customer.events
    answer(world.gateway, world.gateway.invites[-1])
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_a_caller_that_insists_on_reliability() -> None:
    """180 without SDP goes out reliably too (RFC 3262 §3)."""
    world = World()
    world.customer.agent.settings = INSISTING
    world.outbound()
    world.clock.advance(3)
    ringing_response = next(one for one in world.customer.responses if one.status == 180)
    assert ringing_response.rseq is not None
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_ringing_after_early_media() -> None:
    world = World()

    def both(phone: Phone, invite: IncomingInvite) -> None:
        early_media(phone, invite)
        world.clock.at(world.clock.now() + 1, lambda: invite.progress(180))

    world.gateway.on_invite = both
    world.outbound()
    world.clock.advance(2)
    assert [one.status for one in world.customer.responses] == [183, 180]
    world.customer_cancels()
    world.finish()


def test_never_another_gateway_after_early_media() -> None:
    world = World()
    second = world.phone(GATEWAY_2)

    def fail(phone: Phone, invite: IncomingInvite) -> None:
        early_media(phone, invite)
        world.clock.at(world.clock.now() + 1, lambda: invite.reject(503))

    world.gateway.on_invite = fail
    world.outbound()
    world.clock.advance(3)
    assert world.customer.events[-1] == "rejected 503"
    assert second.events == []
    world.finish()


def test_unusable_early_sdp_costs_the_early_media_only() -> None:
    world = World()
    world.gateway.on_invite = lambda phone, invite: invite.progress(
        183, body=b"v=0\r\nrubbish", reliable=False
    )
    world.outbound()
    world.clock.advance(1)
    assert world.customer.responses[-1].status == 183
    assert world.customer.responses[-1].body == b""
    answer(world.gateway, world.gateway.invites[-1])
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


def test_progress_may_be_181_or_182() -> None:
    world = World()

    def progress(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(181)
        invite.progress(182)

    world.gateway.on_invite = progress
    world.outbound()
    world.clock.advance(1)
    assert [one.status for one in world.customer.responses] == [181, 182]
    world.customer_cancels()
    world.finish()


# -- answers that can't be used --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"", b"rubbish", audio(GATEWAY, codecs=(9,)), audio(GATEWAY, address="224.0.0.1")]
)
def test_an_unusable_answer_ends_both_legs(body: bytes) -> None:
    world = World(account=PASSING_ONLY)
    world.gateway.on_invite = lambda phone, invite: invite.accept(body=body)
    world.outbound()
    world.clock.advance(2)
    assert world.customer.events[-1] == "rejected 488"
    assert world.customer.responses[-1].headers.all("warning")
    assert "bye_received" in world.gateway.events
    world.finish()
    assert slug(world) is Slug.CODEC_MISMATCH


# -- CANCEL ----------------------------------------------------------------------------------------


def test_cancel_reaches_the_callee_with_its_reason() -> None:
    world = World()
    world.gateway.on_invite = ringing
    invite = world.outbound()
    world.clock.advance(3)
    invite.cancel((("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),))
    world.clock.advance(1)
    (cancel,) = world.heard_by(world.gateway, "CANCEL")
    assert cancel.headers.all("reason") == ['SIP;cause=200;text="Call completed elsewhere"']
    assert world.gateway.events[-1] == "cancelled"
    world.finish()
    assert slug(world) is Slug.CANCELLED
    assert world.record.hung_up_by is Party.CALLER
    assert world.attempt_slugs == [Slug.ABANDONED]


@pytest.mark.parametrize("hundredths", range(0, 120, 3))
def test_cancel_at_any_moment(hundredths: int) -> None:
    """It may cross the 200: then the callee is acknowledged and ended, and everybody agrees."""
    world = World()

    def later(phone: Phone, invite: IncomingInvite) -> None:
        now = world.clock.now()
        world.clock.at(now + 0.3, lambda: invite.progress(180))
        world.clock.at(now + 0.6, lambda: answer(phone, invite))

    world.gateway.on_invite = later
    invite = world.outbound()
    world.clock.advance(hundredths / 100)
    invite.cancel()
    world.finish()
    if world.node.books.calls:
        assert slug(world) in (Slug.CANCELLED, Slug.ANSWERED)
        if "acknowledged" in world.gateway.events:
            assert "bye_received" in world.gateway.events


def test_cancel_and_2xx_cross_between_node_and_callee() -> None:
    world = World()
    world.gateway.on_invite = ringing
    invite = world.outbound()
    world.clock.advance(1)
    invite.cancel()
    world.clock.advance(0.005)
    answer(world.gateway, world.gateway.invites[-1])  # on its way while the CANCEL comes
    world.clock.advance(2)
    assert "bye_received" in world.gateway.events
    assert world.customer.events[-1] != "answered"
    world.finish()
    assert slug(world) is Slug.CANCELLED


def test_cancel_while_the_answer_waits_for_a_prack() -> None:
    """The callee has answered, the caller has not heard of it: a cancelled call, and nothing to pay for."""
    world = World()
    world.gateway.on_invite = early_media
    invite = world.outbound()
    world.network.drop = lambda packet: (
        packet.summary == "PRACK" and packet.source == world.customer.host.seen_as
    )
    world.clock.advance(1)
    answer(world.gateway, world.gateway.invites[-1])
    world.clock.advance(1)
    assert "answered" not in world.customer.events
    invite.cancel()
    world.clock.advance(1)
    assert "bye_received" in world.gateway.events
    world.network.drop = lambda packet: False
    world.finish()
    assert slug(world) is Slug.CANCELLED
    assert world.record.answered_at is None
    assert world.record.talk_s == 0


# -- BYE before the answer -------------------------------------------------------------------------


def test_a_bye_of_the_caller_before_the_answer_is_a_cancelled_call() -> None:
    """RFC 3261 §15 lets a caller end an early dialog with BYE."""
    world = World()
    peer = world.carrier_peer()
    world.customer.on_invite = ringing
    peer.invite(audio(GATEWAY))
    world.clock.advance(1)
    peer.tag = peer.peer.response_heard(180, "INVITE").to_tag or ""
    peer.hang_up()
    world.clock.advance(1)
    assert peer.peer.response_heard(200, "BYE")
    assert peer.peer.response_heard(487, "INVITE")
    peer.peer.request(
        "ACK", peer.at, to_tag=peer.tag, contact="", branch="z9hG4bKpeer1", uri=f"sip:{NUMBER}@{NODE}"
    )
    assert world.customer.events[-1] == "cancelled"
    world.finish()
    assert slug(world) is Slug.CANCELLED
    assert world.record.hung_up_by is Party.CALLER


def test_a_bye_of_the_callee_before_the_answer_never_answers_the_caller() -> None:
    """RFC 3261 §15 forbids it, yet it happens."""
    world = World()
    callee = ScriptedPeer(world.network, GATEWAY_2)
    world.use_gateway(GATEWAY_2)
    world.outbound()
    world.clock.advance(0.2)
    invite = callee.request_heard("INVITE")
    callee.respond(invite, 180, contact=f"<sip:x@{GATEWAY_2}>")
    world.clock.advance(0.2)
    callee.request(
        "BYE",
        world.node.host.address,
        uri=f"sip:{NODE}",
        call_id=invite.call_id,
        from_tag="peer",
        to_tag=invite.from_tag,
        contact="",
    )
    world.clock.advance(0.2)
    assert "200 INVITE" not in world.network.summaries(world.node.host)
    callee.respond(invite, 487)
    world.clock.advance(1)
    status = world.customer.responses[-1].status
    assert status >= 300
    world.finish()
    assert slug(world) is not Slug.ANSWERED


# -- late offer ------------------------------------------------------------------------------------


def test_an_invite_without_sdp_is_answered_with_our_offer() -> None:
    world = World()
    peer = world.carrier_peer()
    peer.invite()
    world.clock.advance(2)
    (onward, *_) = world.heard_by(world.customer, "INVITE")
    assert line(onward.body, "m").split()[0] == "audio", "our INVITEs always carry an offer"
    offer = peer.peer.response_heard(200, "INVITE").body
    assert line(offer, "c") == f"IN IP4 {NODE}"
    peer.acknowledge()
    world.clock.advance(5)
    call = world.node.the_call
    assert call.state is CallState.TALKING
    assert call.caller.media.figures().packets_sent > 100
    peer.hang_up()
    world.finish()
    assert slug(world) is Slug.ANSWERED


@pytest.mark.parametrize("body", [b"", b"rubbish", audio(GATEWAY, codecs=(18,))])
def test_a_late_offer_that_the_ack_does_not_answer_ends_the_call(body: bytes) -> None:
    world = World(account=PASSING_ONLY)
    peer = world.carrier_peer()
    world.customer.on_invite = lambda phone, invite: invite.accept(body=audio(CUSTOMER, codecs=(8,)))
    peer.invite()
    world.clock.advance(2)
    peer.acknowledge(body)
    world.clock.advance(1)
    assert "bye_received" in world.customer.events
    bye = peer.peer.request_heard("BYE")
    peer.peer.respond(bye, 200, contact="")
    world.finish()
    assert slug(world) in (Slug.CODEC_MISMATCH, Slug.BAD_SDP)


# -- INFO, REFER, OPTIONS, unknown methods within a call -------------------------------------------


def test_info_crosses_with_its_body_and_its_answer_comes_back() -> None:
    world = World()
    world.talking_outbound()
    world.customer.the_usage.info(
        "application/x-thing", b"abc", world.customer.note_answer, world.customer.note_refusal
    )
    world.clock.advance(1)
    (info,) = world.heard_by(world.gateway, "INFO")
    assert (info.headers.get("content-type"), info.body) == ("application/x-thing", b"abc")
    assert "answer 200 INFO" in world.customer.events
    world.customer.the_usage.bye()
    world.finish()


def test_refer_is_declined() -> None:
    world = World()
    world.talking_outbound()
    world.customer.the_usage.request(
        "REFER",
        world.customer.note_answer,
        world.customer.note_refusal,
        headers=(("Refer-To", "<sip:x@10.0.0.99>"),),
    )
    world.clock.advance(1)
    assert "refusal 603" in world.customer.events
    assert world.heard_by(world.gateway, "REFER") == []
    world.customer.the_usage.bye()
    world.finish()


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("MESSAGE", 405), ("REGISTER", 403)])
def test_other_methods_within_a_call(method: str, status: int) -> None:
    """OPTIONS within a dialog is how some switches look whether the call still stands (RFC 3261 §11)."""
    world = World()
    world.talking_outbound()
    world.customer.the_usage.request(method, world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(1)
    seen = f"answer {status} {method}" if status < 300 else f"refusal {status}"
    assert seen in world.customer.events
    assert len(world.node.switch) == 1
    world.customer.the_usage.bye()
    world.finish()
    assert slug(world) is Slug.ANSWERED


# -- the service hangs up --------------------------------------------------------------------------


def test_an_operator_ends_a_call_that_rings() -> None:
    world = World()
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(1)
    world.node.the_call.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.clock.advance(1)
    assert world.customer.events[-1] == "rejected 480"
    assert world.gateway.events[-1] == "cancelled"
    world.finish()
    assert slug(world) is Slug.HUNG_UP_BY_OPERATOR


def test_an_operator_ends_a_call_that_is_answered() -> None:
    world = World()
    world.talking_outbound()
    world.node.the_call.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
    world.clock.advance(1)
    for phone in (world.customer, world.gateway):
        (bye,) = world.heard_by(phone, "BYE")
        assert bye.headers.all("reason")[0] == 'SIP;cause=200;text="hung-up-by-operator"'
    world.finish()
    assert world.record.hung_up_by is Party.SERVICE


def test_no_rtp_on_either_side_ends_the_call() -> None:
    world = World()
    world.node.engine.peers_talk = False
    world.talking_outbound()
    world.clock.advance(58)
    assert len(world.node.switch) == 1
    world.clock.advance(4)
    for phone in (world.customer, world.gateway):
        (bye,) = world.heard_by(phone, "BYE")
        assert bye.headers.all("reason")[0] == 'SIP;cause=408;text="media-timeout"'
    world.finish()
    assert slug(world) is Slug.MEDIA_TIMEOUT


def test_the_longest_call() -> None:
    world = World(settings=replace(SETTINGS, longest_call_s=600.0))
    world.talking_outbound()
    world.clock.advance(610)
    assert world.customer.events[-1] == "bye_received"
    world.finish()
    assert slug(world) is Slug.MAX_DURATION


def test_no_ack_ends_both_legs() -> None:
    world = World()
    peer = world.carrier_peer()
    peer.invite(audio(GATEWAY))
    world.clock.advance(40)
    assert "bye_received" in world.customer.events
    bye = peer.peer.request_heard("BYE")
    peer.peer.respond(bye, 200, contact="")
    world.finish()
    assert slug(world) is Slug.NO_ACK
    assert world.record.hung_up_by is Party.SERVICE


# -- session timers --------------------------------------------------------------------------------


def test_a_caller_that_vanishes_is_noticed_by_the_session_timer() -> None:
    world = World()
    world.talking_outbound()
    world.mute(world.customer)
    world.clock.advance(1900)
    assert world.gateway.events[-1] == "bye_received"
    world.finish()
    assert slug(world) is Slug.SESSION_EXPIRED
    assert world.record.hung_up_by is Party.SERVICE


def test_sessions_are_refreshed_and_the_call_lasts() -> None:
    world = World()
    world.talking_outbound()
    world.clock.advance(4000)
    assert len(world.node.switch) == 1
    assert world.network.summaries().count("200 UPDATE") >= 8, "two for each half hour, on either leg"
    world.customer.the_usage.bye()
    world.finish()
    assert slug(world) is Slug.ANSWERED


def test_a_request_that_finds_no_dialog_ends_the_call() -> None:
    """481 to our re-INVITE: the callee has lost the call (RFC 3261 §12.2.1.2)."""
    world = World()
    world.talking_outbound()
    world.gateway.the_usage.session_timer.stop()
    world.gateway.agent._usages.clear()
    world.customer.the_usage.reinvite(
        audio(CUSTOMER, direction="sendonly", version=2),
        world.customer.note_answer,
        world.customer.note_refusal,
    )
    world.clock.advance(2)
    assert world.customer.the_usage.ended
    world.finish()
    assert slug(world) is Slug.SESSION_EXPIRED


# -- forks -----------------------------------------------------------------------------------------


def test_of_a_fork_the_first_answer_counts_and_the_second_is_ended() -> None:
    world = World()
    callee = ScriptedPeer(world.network, GATEWAY_2)
    world.use_gateway(GATEWAY_2)
    world.outbound()
    world.clock.advance(0.2)
    invite = callee.request_heard("INVITE")
    for tag in ("one", "two"):
        callee.respond(invite, 180, to_tag=tag)
    world.clock.advance(0.1)
    for tag, port in (("one", 5000), ("two", 6000)):
        callee.respond(invite, 200, to_tag=tag, body=audio(GATEWAY_2, port=port))
    world.clock.advance(0.2)
    assert world.customer.events[-1] == "answered"
    bye = callee.request_heard("BYE")
    assert bye.to_tag == "two"
    callee.respond(bye, 200, contact="")
    assert world.node.the_call.callee is not None
    assert world.node.the_call.callee.described.rtp_port == 5000
    world.customer.the_usage.bye()
    world.clock.advance(0.2)
    bye = callee.request_heard("BYE")
    assert bye.to_tag == "one"
    callee.respond(bye, 200, contact="")
    world.finish()


# -- running out -----------------------------------------------------------------------------------


def test_no_media_port_for_the_caller_is_503() -> None:
    world = World(ports=2)
    world.talking_outbound()
    world.outbound()
    world.clock.advance(1)
    assert world.customer.events[-1] == "rejected 503"
    assert world.customer.responses[-1].headers.get("retry-after") is not None
    world.customer.events.clear()
    world.node.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
    world.finish()


def test_no_media_port_for_the_callee_is_503() -> None:
    world = World(ports=1)
    world.outbound()
    world.clock.advance(1)
    assert world.customer.events[-1] == "rejected 503"
    world.finish()
    assert slug(world) is Slug.NO_MEDIA_PORTS


def test_a_call_to_a_hold_tone_is_possible() -> None:
    """A caller that begins on hold: a=inactive goes on and comes back."""
    world = World()
    world.talking_outbound(body=audio(CUSTOMER, direction="sendonly"))
    (onward,) = world.heard_by(world.gateway, "INVITE")
    assert direction(onward.body) == "sendonly"
    world.customer.the_usage.bye()
    world.finish()


def test_rejections_leave_nothing() -> None:
    world = World()
    world.use_gateway(GATEWAY)
    for status in (302, 404, 486, 503, 603):
        world.gateway.on_invite = rejecting(status)
        world.outbound()
        world.clock.advance(7)
        assert world.customer.events[-1] == f"rejected {status}"
    world.finish()


# -- SRTP ------------------------------------------------------------------------------------------

PEERS_KEY = bytes(range(100, 130))
REQUIRED = replace(CARRIER, srtp=SrtpPolicy.REQUIRED)


def secure_answer(phone: Phone, invite: IncomingInvite) -> None:
    invite.accept(body=secure_audio(phone.host.address.host, PEERS_KEY))


def offered_keys(world: World, phone: Phone) -> list[str]:
    return [attributes(invite.body, "crypto")[0] for invite in world.heard_by(phone, "INVITE")]


def test_srtp_on_one_leg_and_rtp_on_the_other() -> None:
    world = World(carrier=REQUIRED)
    exposed: list[str] = []
    world.node.services.keys_exposed = exposed.append
    world.gateway.on_invite = secure_answer
    world.talking_outbound()
    call = world.node.the_call
    assert call.callee is not None
    assert (call.caller.srtp_keys, call.callee.secure) == (None, True)
    assert exposed == [GATEWAY], "over UDP everybody on the way can read them"
    world.customer.the_usage.bye()
    world.finish()


def test_every_attempt_has_keys_of_its_own() -> None:
    world = World(carrier=REQUIRED)
    world.gateway.on_invite = rejecting(503)
    second = world.phone(GATEWAY_2)
    second.on_invite = secure_answer
    world.outbound()
    world.clock.advance(2)
    assert world.customer.events[-1] == "answered"
    keys = [*offered_keys(world, world.gateway), *offered_keys(world, second)]
    assert len(set(keys)) == 2
    world.customer.the_usage.bye()
    world.finish()


def test_an_answer_without_the_srtp_that_was_offered_is_a_mismatch() -> None:
    world = World(carrier=REQUIRED)
    world.outbound()
    world.clock.advance(2)
    response = world.customer.responses[-1]
    assert (world.customer.events[-1], response.headers.all("warning")[0][:3]) == ("rejected 488", "302")
    assert "bye_received" in world.gateway.events
    world.finish()
    assert slug(world) is Slug.SRTP_UNAVAILABLE


@pytest.mark.parametrize(
    ("srtp", "body"),
    [
        (SrtpPolicy.REQUIRED, audio(CUSTOMER)),
        (SrtpPolicy.FORBIDDEN, secure_audio(CUSTOMER, PEERS_KEY)),
        (SrtpPolicy.ALLOWED, audio(CUSTOMER, profile="RTP/SAVP")),
    ],
    ids=["required", "forbidden", "without keys"],
)
def test_an_offer_against_the_accounts_srtp_policy_is_488_with_a_warning(
    srtp: SrtpPolicy, body: bytes
) -> None:
    world = World(account=replace(ACCOUNT, srtp=srtp))
    world.outbound(body=body)
    world.clock.advance(1)
    response = world.customer.responses[-1]
    assert (response.status, response.headers.all("warning")[0][:3]) == (488, "302")
    assert world.gateway.events == []
    world.finish()
    assert slug(world) is Slug.SRTP_UNAVAILABLE


@pytest.mark.parametrize("srtp", [SrtpPolicy.REQUIRED, SrtpPolicy.ALLOWED])
def test_keys_that_must_not_travel_readable_are_not_taken_over_udp(srtp: SrtpPolicy) -> None:
    world = World(account=replace(ACCOUNT, srtp=srtp), settings=replace(SETTINGS, srtp_needs_tls=True))
    world.outbound(body=secure_audio(CUSTOMER, PEERS_KEY))
    world.clock.advance(1)
    assert world.customer.responses[-1].status == 488
    world.finish()


def test_a_callee_that_was_offered_plain_audio_may_not_turn_to_keys_that_travel_readable() -> None:
    world = World(settings=replace(SETTINGS, srtp_needs_tls=True))
    world.talking_outbound()
    body = secure_audio(GATEWAY, PEERS_KEY, version=2)
    world.gateway.the_usage.reinvite(body, world.gateway.note_answer, world.gateway.note_refusal)
    world.clock.advance(1)
    assert world.gateway.events[-1] == "refusal 488"
    world.customer.the_usage.bye()
    world.finish()


# -- transcoding -----------------------------------------------------------------------------------


def test_peers_without_a_shared_codec_are_transcoded_and_the_record_says_so() -> None:
    world = World()
    world.gateway.on_invite = lambda phone, invite: answer(phone, invite, codecs=(18,))
    world.talking_outbound()
    world.clock.advance(1)
    world.customer.the_usage.bye()
    world.finish()
    assert (world.record.caller_media.codec, world.record.callee_media.codec) == ("PCMA", "G729")
    assert world.record.transcoded


def test_a_call_whose_audio_passes_is_not_transcoded() -> None:
    world = World()
    world.talking_outbound()
    world.customer.the_usage.bye()
    world.finish()
    assert not world.record.transcoded


def test_the_branch_of_a_fork_that_answers_in_another_codec_than_rang_is_transcoded() -> None:
    """RFC 6337 §3.1.1: what the caller was answered in a reliable 183 stands."""
    world = World()
    callee = ScriptedPeer(world.network, GATEWAY_2)
    world.use_gateway(GATEWAY_2)
    world.outbound()
    world.clock.advance(0.2)
    invite = callee.request_heard("INVITE")
    callee.respond(invite, 183, to_tag="one", body=audio(GATEWAY_2, codecs=(0,)))
    world.clock.advance(0.2)
    assert codecs_of(world.customer.responses[-1].body) == [0]
    callee.respond(invite, 200, to_tag="two", body=audio(GATEWAY_2, codecs=(18, 8)))
    world.clock.advance(0.2)
    assert world.customer.events[-1] == "answered"
    call = world.node.the_call
    assert call.callee is not None
    assert (call.caller.codec, call.callee.codec) == ("PCMU", "G729")
    world.customer.the_usage.bye()
    world.clock.advance(0.2)
    callee.respond(callee.request_heard("BYE"), 200, contact="")
    world.finish()
