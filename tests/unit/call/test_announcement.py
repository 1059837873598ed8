"""Why a call is refused, in words: who hears it, when it ends, and what it delays."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio, line
from tests.simulation.phone import Phone
from tests.simulation.world import ACCOUNT, CUSTOMER, GATEWAY, SETTINGS, World, rejecting, ringing
from tests.unit.call.test_sounds import sound, statuses
from tests.unit.virtual_clock import FakeClock
from trunkline.call.announcement import LONGEST_S
from trunkline.call.ports import WavFile
from trunkline.call.record import Party
from trunkline.call.switch import HEARING_MOST
from trunkline.clock import Timer
from trunkline.media.fake_leg import FakeLeg
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.trunk.account import Account, AccountStatus
from trunkline.trunk.verdict import Slug

TALKATIVE = replace(ACCOUNT, announcements=True)
RECORDED = replace(SETTINGS, announcements={"busy": __file__, "account-blocked": __file__})


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
    world.clock.advance(LONGEST_S - 1)
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


def test_calls_that_are_not_let_in_hear_why_a_few_at_a_time() -> None:
    """They are in no limit of the account: with a stolen password they would have all media ports."""
    world = World(account=replace(TALKATIVE, status=AccountStatus.BLOCKED), settings=RECORDED)
    hold_sounds(world)
    for _ in range(HEARING_MOST + 3):
        world.outbound()
    world.clock.advance(2)
    events = world.customer.events
    assert (events.count("progressed 183"), events.count("rejected 403")) == (HEARING_MOST, 3)
    world.clock.advance(LONGEST_S)
    assert events.count("rejected 403") == HEARING_MOST + 3
    world.outbound()
    world.clock.advance(1)
    assert events.count("progressed 183") == HEARING_MOST + 1
    world.clock.advance(LONGEST_S)
    assert not world.node.switch._hearing
    world.finish()
