"""What a caller hears of the service itself: ringback, and why its call is refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio, codecs_of, line
from tests.simulation.phone import Phone
from tests.simulation.world import ACCOUNT, CUSTOMER, GATEWAY, GATEWAY_2, SETTINGS, World, rejecting, ringing
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import WavFile
from trunkline.call.record import Party
from trunkline.call.services import EUROPEAN_RINGBACK
from trunkline.call.sounds import LONGEST_ANNOUNCEMENT_S
from trunkline.clock import Timer
from trunkline.media.fake import FakeLeg
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.user_agent import UserAgentSettings
from trunkline.trunk.account import Account, AccountStatus, Ringback
from trunkline.trunk.verdict import Slug

TONE = replace(ACCOUNT, ringback=Ringback.TONE)
TALKATIVE = replace(ACCOUNT, announcements=True)
RECORDED = replace(SETTINGS, announcements={"busy": __file__, "account-blocked": __file__})
WITHOUT_RELIABLE = UserAgentSettings(product="phone", supported=())


def ringing_in_silence(codec: int = 8) -> Callable[[Phone, IncomingInvite], None]:
    """180, 180, and after two seconds an answer."""

    def ring(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(180)
        clock = phone.agent.clock
        clock.at(clock.now() + 1, lambda: invite.progress(180))
        clock.at(clock.now() + 2, lambda: invite.accept(body=audio(GATEWAY, codecs=(codec,))))

    return ring


def sound(world: World) -> object:
    """What the caller hears of us now."""
    media = world.node.the_call.caller.media
    assert isinstance(media, FakeLeg)
    return media.sound


def statuses(phone: Phone) -> list[str]:
    return [event for event in phone.events if event != "trying"]


@pytest.mark.parametrize("reliable", [True, False])
@pytest.mark.parametrize("codec", [8, 0, 18])
def test_a_far_end_that_rings_in_silence_is_heard(reliable: bool, codec: int) -> None:
    world = World(account=TONE, phone_settings=None if reliable else WITHOUT_RELIABLE)
    world.gateway.on_invite = ringing_in_silence(codec)
    world.outbound()
    world.clock.advance(1.5)
    assert statuses(world.customer) == ["progressed 183"], "no 180, which would ring on top of it"
    assert codecs_of(world.customer.responses[-1].body) == [8, 0]
    assert sound(world) == EUROPEAN_RINGBACK
    world.clock.advance(1)
    assert world.customer.events[-1] == "answered"
    assert sound(world) is None
    callee = world.node.the_call.callee
    assert callee is not None
    assert callee.codec == {8: "PCMA", 0: "PCMU", 18: "G729"}[codec]
    assert world.node.the_call.caller.codec == {8: "PCMA", 0: "PCMU", 18: "PCMA"}[codec]
    world.customer.the_usage.bye()
    world.finish()


def test_early_media_takes_the_place_of_the_tone() -> None:
    world = World(account=TONE)

    def ring(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(180)
        clock = phone.agent.clock
        clock.at(clock.now() + 1, lambda: invite.progress(183, body=audio(GATEWAY)))

    world.gateway.on_invite = ring
    world.outbound()
    world.clock.advance(0.5)
    assert sound(world) == EUROPEAN_RINGBACK
    world.clock.advance(1)
    assert sound(world) is None
    assert world.node.the_call.caller.media.remote.payload_types == {8: 8, 0: 0, 101: 101}  # type: ignore[attr-defined]
    world.customer_cancels()
    world.finish()


@pytest.mark.parametrize("account", [ACCOUNT, replace(ACCOUNT, ringback=Ringback.AT_ONCE)])
def test_without_being_asked_to_there_is_no_tone(account: Account) -> None:
    world = World(account=account)
    world.gateway.on_invite = ringing_in_silence()
    world.outbound()
    world.clock.advance(1)
    assert "progressed 180" in world.customer.events
    assert sound(world) is None
    world.customer_cancels()
    world.finish()


@pytest.mark.parametrize("ringback", Ringback)
def test_who_is_told_at_once_that_it_rings_is_told_so_while_the_first_gateway_is_silent(
    ringback: Ringback,
) -> None:
    world = World(account=replace(ACCOUNT, ringback=ringback))
    world.mute(world.gateway)
    world.outbound()
    world.clock.advance(0.5)
    told = ["progressed 180"] if ringback is Ringback.AT_ONCE else []
    assert statuses(world.customer) == told
    assert all(not response.body for response in world.customer.responses), "there is nothing to hear yet"
    world.customer_cancels()
    world.finish()


def test_a_caller_without_an_offer_hears_it_ring_by_itself() -> None:
    world = World(account=TONE)
    peer = world.carrier_peer()
    world.customer.on_invite = lambda phone, invite: invite.progress(180)
    peer.invite()
    world.clock.advance(1)
    assert "180 INVITE" in peer.peer.summaries
    world.customer_cancels()
    world.finish()


def test_the_tone_goes_on_while_the_next_gateway_is_tried_and_ends_with_the_call() -> None:
    world = World(account=TONE)

    def ring_and_fail(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(180)
        clock = phone.agent.clock
        clock.at(clock.now() + 1, lambda: invite.reject(503))

    world.gateway.on_invite = ring_and_fail
    world.phone(GATEWAY_2).on_invite = ringing_in_silence()
    world.outbound()
    world.clock.advance(2)
    assert sound(world) == EUROPEAN_RINGBACK
    assert statuses(world.customer) == ["progressed 183"]
    world.clock.advance(2)
    assert world.customer.events[-1] == "answered"
    world.customer.the_usage.bye()
    world.finish()


# -- announcements ---------------------------------------------------------------------------------


def busy(world: World) -> None:
    world.gateway.on_invite = rejecting(486)
    world.outbound()


class _Stopped:
    """A clock at which nothing happens."""

    def __init__(self, clock: FakeClock) -> None:
        self.now = clock.now

    def at(self, deadline: float, callback: Callable[[], None]) -> Timer:
        return FakeClock().at(deadline, callback)


def hold_sounds(world: World) -> None:
    """Recordings last until the test ends them."""
    world.node.engine.clock = _Stopped(world.clock)  # type: ignore[assignment]


def test_a_refused_caller_hears_why_before_the_final_answer() -> None:
    world = World(account=TALKATIVE, settings=RECORDED)
    hold_sounds(world)
    busy(world)
    world.clock.advance(2)
    assert statuses(world.customer) == ["progressed 183"]
    assert sound(world) == WavFile(__file__)
    media = world.node.the_call.caller.media
    assert isinstance(media, FakeLeg)
    assert media.events is not None
    media.events.sound_ended(media)
    world.clock.advance(1)
    assert world.customer.events[-1] == "rejected 486"
    world.finish()
    assert world.record.verdict is not None
    assert (world.record.verdict.slug, world.record.hung_up_by) == (Slug.BUSY, Party.CALLEE)


def test_a_recording_is_cut_off_when_it_lasts_too_long() -> None:
    world = World(account=TALKATIVE, settings=RECORDED)
    hold_sounds(world)
    busy(world)
    world.clock.advance(LONGEST_ANNOUNCEMENT_S - 1)
    assert statuses(world.customer) == ["progressed 183"]
    world.clock.advance(2)
    assert world.customer.events[-1] == "rejected 486"
    world.finish()


@pytest.mark.parametrize("how", ["cancel", "operator"])
def test_an_announcement_can_be_interrupted(how: str) -> None:
    world = World(account=TALKATIVE, settings=RECORDED)
    hold_sounds(world)
    world.gateway.on_invite = rejecting(486)
    invite = world.outbound()
    world.clock.advance(2)
    if how == "cancel":
        invite.cancel()
    else:
        world.customer_cancels()
    world.clock.advance(1)
    assert len(world.node.switch) == 0
    final = "487 INVITE" if how == "cancel" else "486 INVITE"
    assert final in world.network.summaries(world.node.host)
    world.finish()
    assert world.record.verdict is not None
    assert world.record.verdict.slug is Slug.BUSY, "why it had failed, whoever waited no longer"


def test_a_call_that_nobody_was_tried_for_is_announced_too() -> None:
    blocked = replace(TALKATIVE, status=AccountStatus.BLOCKED)
    world = World(account=blocked, settings=RECORDED)
    world.outbound()
    world.clock.advance(2)
    assert statuses(world.customer) == ["progressed 183", "rejected 403"]
    assert world.gateway.events == []
    world.finish()
    assert world.record.verdict is not None
    assert world.record.verdict.slug is Slug.ACCOUNT_BLOCKED


@pytest.mark.parametrize(
    ("account", "announcements", "body"),
    [
        (ACCOUNT, RECORDED.announcements, audio(CUSTOMER)),
        (TALKATIVE, {"no-route": __file__}, audio(CUSTOMER)),
        (replace(TALKATIVE, codecs=("G722",)), RECORDED.announcements, audio(CUSTOMER, codecs=(9, 8))),
    ],
    ids=["not asked for", "no recording", "another codec"],
)
def test_who_hears_an_announcement(account: Account, announcements: dict[str, str], body: bytes) -> None:
    world = World(account=account, settings=replace(SETTINGS, announcements=announcements))
    world.gateway.on_invite = rejecting(486)
    world.outbound(body=body)
    world.clock.advance(2)
    heard = "progressed 183" in world.customer.events
    assert heard is (account.codecs == ("G722",))
    if heard:
        early = next(one for one in world.customer.responses if one.status == 183)
        assert line(early.body, "m").split()[3:] == ["9", "101"]
    assert world.customer.events[-1] == "rejected 486"
    world.finish()


def test_a_caller_that_has_heard_the_far_ends_own_words_hears_no_others() -> None:
    world = World(account=TALKATIVE, settings=RECORDED)

    def speak(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(183, body=audio(GATEWAY))
        clock = phone.agent.clock
        clock.at(clock.now() + 1, lambda: invite.reject(486))

    world.gateway.on_invite = speak
    world.outbound()
    world.clock.advance(3)
    assert statuses(world.customer) == ["progressed 183", "rejected 486"]
    world.finish()


def test_a_recording_that_can_not_be_played_costs_the_recording_only() -> None:
    world = World(account=TALKATIVE, settings=replace(RECORDED, announcements={"busy": ""}))
    busy(world)
    world.clock.advance(2)
    assert world.customer.events[-1] == "rejected 486"
    world.finish()


def test_no_recording_delays_an_end_that_the_operator_wants() -> None:
    world = World(
        account=TALKATIVE, settings=replace(SETTINGS, announcements={"hung-up-by-operator": __file__})
    )
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(1)
    world.customer_cancels()
    world.clock.advance(0.1)
    assert "progressed 183" not in world.customer.events
    world.finish()
