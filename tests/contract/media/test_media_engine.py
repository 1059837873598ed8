"""What every media engine does alike: the contract of `call.ports.MediaEngine`, and of `TerminalEngine`.

Each test runs over the embedded engine (real packets on loopback) and over the fake.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.media.rigs import EmbeddedRig, FakeRig, Rig, Told, figures_of, open_pair, remote_at
from tests.contract.media.rtpengine_daemon import RtpengineDaemon
from tests.contract.media.rtpengine_rig import RtpengineRig
from trunkline.call.ports import MediaFlow, MediaLeg, NoPortsError, SrtpKeys, TelephoneEvents, Tone
from trunkline.errors import MediaError
from trunkline.media.terminals import Echo, Silence

RIGS: dict[str, Callable[[int], Rig]] = {"embedded": EmbeddedRig, "fake": FakeRig}
RTPENGINE_CANNOT = {
    "test_payload_types_that_were_not_agreed_go_nowhere": "it passes on what it has no handler for",
    "test_what_was_heard_is_rated": "it tells of loss and jitter in the peers' RTCP, not of what it sees",
    "test_digits_need_no_audio_to_travel_with": "it sends digits in a stream of the far side's only",
    "test_a_digit_by_signalling_while_the_far_peer_sends_one_is_heard_as_well": "as above, and in its audio",
}
"""Tests that rtpengine 10.5 does not pass, each with the reason. docs/operations.md says the same."""


ENOUGH = 16
"""Port pairs of a rig, where a test is not about their number."""


@pytest.fixture(params=[*RIGS, "rtpengine"])
def make_rig(
    request: pytest.FixtureRequest, rtpengine: Callable[[], RtpengineDaemon], tmp_path: Path
) -> Iterator[Callable[[int], Rig]]:
    if request.param == "rtpengine":
        reason = RTPENGINE_CANNOT.get(request.node.name.replace("rtpengine-", "").removesuffix("[rtpengine]"))
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    with ExitStack() as ends:

        def make(pairs: int) -> Rig:
            if request.param != "rtpengine":
                rig = RIGS[request.param](pairs)
            elif pairs == ENOUGH:
                rig = RtpengineRig(rtpengine(), pairs)
            else:
                daemon = RtpengineDaemon(tmp_path, pairs=2 * pairs)
                ends.callback(daemon.stop)
                rig = RtpengineRig(daemon, pairs)
            ends.callback(rig.stop)
            return rig

        yield make


@pytest.fixture
def rig(make_rig: Callable[[int], Rig]) -> Rig:
    return make_rig(ENOUGH)


class Bridged:
    """Two legs with peers, bridged."""

    def __init__(self, rig: Rig) -> None:
        self.told = Told()
        self.caller, self.callee = open_pair(rig, self.told)
        self.caller_peer, self.callee_peer = rig.peer(), rig.peer()
        self.caller.set_remote(self.caller_peer.remote)
        self.callee.set_remote(self.callee_peer.remote)
        rig.engine.bridge(self.caller, self.callee)
        rig.settle()


def test_a_leg_has_an_even_port_of_its_own(rig: Rig) -> None:
    legs = [rig.engine.open_leg(ipv6=False, events=Told()) for _ in range(16)]
    assert all(leg.port % 2 == 0 for leg in legs)
    assert len({leg.port for leg in legs}) == 16
    assert len({leg.address for leg in legs}) == 1


def test_ports_run_out_and_come_back(make_rig: Callable[[int], Rig]) -> None:
    rig = make_rig(2)
    first, second = (rig.engine.open_leg(ipv6=False, events=Told()) for _ in range(2))
    with pytest.raises(NoPortsError):
        rig.engine.open_leg(ipv6=False, events=Told())
    first.close()
    rig.pass_time(rig.drain_s)
    again: list[MediaLeg] = []

    def opens() -> bool:
        with suppress(NoPortsError):
            again.append(rig.engine.open_leg(ipv6=False, events=Told()))
        return bool(again)

    rig.until(opens)
    assert again[0].port != second.port
    with pytest.raises(NoPortsError):
        rig.engine.open_leg(ipv6=False, events=Told())


@pytest.mark.parametrize("make", RIGS.values(), ids=RIGS)
def test_a_port_of_our_own_rests_before_it_is_used_again(make: Callable[[int], Rig]) -> None:
    """Those of an rtpengine are its own to rest."""
    rig = make(2)
    try:
        first, second = (rig.engine.open_leg(ipv6=False, events=Told()) for _ in range(2))
        first.close()
        with pytest.raises(NoPortsError, match="1 "):
            rig.engine.open_leg(ipv6=False, events=Told())
        rig.pass_time(rig.drain_s)
        again = rig.engine.open_leg(ipv6=False, events=Told())
        assert again.port == first.port != second.port
    finally:
        rig.stop()


def test_closing_twice_says_the_same(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller_peer.send(call.caller, 8, 3)
    rig.until(lambda: figures_of(call.callee) == (0, 3))
    last = call.caller.close()
    assert last.packets_received == 3
    assert call.caller.close() == last == call.caller.figures()


def test_a_bridge_carries_both_ways_in_each_peers_numbers(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller_peer.send(call.caller, 8, 2)
    call.caller_peer.send(call.caller, 101, 1)
    rig.until(lambda: figures_of(call.callee) == (0, 3))
    assert call.callee_peer.received() == [8, 8, rig.far_event]
    call.callee_peer.send(call.callee, 101, 1)
    rig.until(lambda: figures_of(call.caller) == (3, 1))
    assert call.caller_peer.received() == [rig.far_event]


def test_payload_types_that_were_not_agreed_go_nowhere(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller_peer.send(call.caller, 0, 5)
    call.caller_peer.send(call.caller, 8, 1)
    rig.until(lambda: figures_of(call.callee) == (0, 1))
    assert call.callee_peer.received() == [8]
    assert figures_of(call.caller) == (1, 0)


def test_nothing_passes_before_the_bridge_or_before_the_far_peer_is_known(rig: Rig) -> None:
    told = Told()
    caller, callee = open_pair(rig, told)
    peer = rig.peer()
    caller.set_remote(peer.remote)
    rig.settle()
    peer.send(caller, 8)
    rig.until(lambda: figures_of(caller) == (1, 0))
    rig.engine.bridge(caller, callee)
    rig.settle()
    peer.send(caller, 8)
    rig.until(lambda: figures_of(caller) == (2, 0))
    assert figures_of(callee) == (0, 0)


def test_what_comes_before_the_bridge_goes_nowhere(rig: Rig) -> None:
    """Whoever sends to a port of ours that nobody is bridged with is not heard by the other peer."""
    told = Told()
    caller, callee = open_pair(rig, told)
    near, far, stranger = rig.peer(), rig.peer(), rig.peer()
    caller.set_remote(near.remote)
    rig.settle()
    stranger.send(callee, 8)
    callee.set_remote(far.remote)
    rig.settle()
    far.send(callee, 8)
    assert near.received() == []
    rig.engine.bridge(caller, callee)
    rig.settle()
    far.send(callee, 8)
    rig.until(lambda: figures_of(caller)[1] == 1)
    assert near.received() == [8]


@pytest.mark.parametrize(
    ("direction", "to_callee", "to_caller"),
    [
        (MediaFlow.BOTH, [8], [8]),
        (MediaFlow.SEND, [], [8]),
        (MediaFlow.RECEIVE, [8], []),
        (MediaFlow.NONE, [], []),
    ],
)
def test_hold_by_direction(
    rig: Rig, direction: MediaFlow, to_callee: list[int], to_caller: list[int]
) -> None:
    call = Bridged(rig)
    call.caller.set_remote(replace(call.caller_peer.remote, direction=direction))
    rig.settle()
    call.caller_peer.send(call.caller, 8)
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: figures_of(call.caller)[0] == figures_of(call.callee)[0] == 1)
    assert call.callee_peer.received() == to_callee
    assert call.caller_peer.received() == to_caller


def test_hold_by_address_and_back(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller.set_remote(replace(call.caller_peer.remote, rtp_address="0.0.0.0"))
    rig.settle()
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: figures_of(call.callee) == (1, 0))
    assert call.caller_peer.received() == []
    call.caller.set_remote(call.caller_peer.remote)
    rig.settle()
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: figures_of(call.caller) == (0, 1))
    assert call.caller_peer.received() == [8]


def test_a_peer_that_moves_is_followed_once_signalling_says_so(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: figures_of(call.callee) == (0, 1))
    moved = rig.peer()
    call.caller.set_remote(moved.remote)
    rig.settle()
    call.callee_peer.send(call.callee, 8)
    rig.until(lambda: figures_of(call.caller)[1] == 1)
    assert moved.received() == [8]
    assert call.caller_peer.received() == []


def test_bridging_elsewhere_ends_the_old_bridge(rig: Rig) -> None:
    call = Bridged(rig)
    third, third_peer = rig.engine.open_leg(ipv6=False, events=call.told, beside=call.caller), rig.peer()
    third.set_remote(third_peer.remote)
    rig.engine.bridge(call.caller, third)
    rig.settle()
    call.callee_peer.send(call.callee, 8)
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: figures_of(third) == (0, 1))
    assert third_peer.received() == [8]
    assert call.caller_peer.received() == call.callee_peer.received() == []


def test_what_is_closed_stays_closed(rig: Rig) -> None:
    call = Bridged(rig)
    call.callee.close()
    call.caller_peer.send(call.caller, 8)
    rig.until(lambda: figures_of(call.caller) == (1, 0))
    with pytest.raises(MediaError):
        call.callee.set_remote(call.callee_peer.remote)
    with pytest.raises(MediaError):
        rig.engine.bridge(call.caller, call.callee)
    with pytest.raises(MediaError):
        rig.engine.bridge(call.caller, call.caller)


def test_the_other_address_family_is_refused(rig: Rig) -> None:
    leg = rig.engine.open_leg(ipv6=False, events=Told())
    with pytest.raises(MediaError, match="family"):
        leg.set_remote(remote_at("2001:db8::7", 4000))


# --- media timeout ---------------------------------------------------------------------------------------


def test_silence_on_both_sides_is_told_once_of_the_caller(rig: Rig) -> None:
    call = Bridged(rig)
    rig.pass_time(rig.timeout_s * 0.5)
    assert call.told.timed_out == []
    rig.pass_time(rig.timeout_s * 2)
    assert call.told.timed_out == [call.caller]
    call.callee_peer.send(call.callee, 8)
    rig.pass_time(rig.timeout_s * 2)
    assert call.told.timed_out == [call.caller, call.caller], "after sound, silence is news again"


def test_sound_on_one_side_is_enough(rig: Rig) -> None:
    call = Bridged(rig)
    for _ in range(10):
        call.callee_peer.send(call.callee, 8)
        rig.pass_time(rig.timeout_s * 0.3)
    assert call.told.timed_out == []


@pytest.mark.parametrize("change", [{"direction": MediaFlow.SEND}, {"rtp_address": "0.0.0.0"}])
def test_a_held_call_may_be_silent_until_it_is_resumed(rig: Rig, change: dict[str, str]) -> None:
    call = Bridged(rig)
    call.callee.set_remote(replace(call.callee_peer.remote, **change))  # type: ignore[arg-type]
    rig.pass_time(rig.timeout_s * 3)
    assert call.told.timed_out == []
    call.callee.set_remote(call.callee_peer.remote)
    rig.pass_time(rig.timeout_s * 0.5)
    assert call.told.timed_out == []
    rig.pass_time(rig.timeout_s * 2)
    assert call.told.timed_out == [call.caller]


def test_a_closed_call_is_not_missed(rig: Rig) -> None:
    call = Bridged(rig)
    call.caller.close()
    call.callee.close()
    rig.pass_time(rig.timeout_s * 3)
    assert call.told.timed_out == []


# --- terminals -------------------------------------------------------------------------------------------


def between_terminals(
    rig: Rig,
    near: MediaLeg,
    far: MediaLeg,
    *,
    near_srtp: SrtpKeys | None = None,
    caller_srtp: SrtpKeys | None = None,
    callee_srtp: SrtpKeys | None = None,
    far_srtp: SrtpKeys | None = None,
) -> tuple[MediaLeg, MediaLeg]:
    """Two bridged legs, each with a terminal as its peer. Telephone-event is 101 near."""
    caller, callee = open_pair(rig, Told())
    event = rig.far_event
    at_far = {
        "payload_types": {8: 8, event: 101},
        "dtmf_payload_type": event,
        "takes_events": TelephoneEvents(event, 8000),
    }
    caller.set_remote(remote_at(near.address, near.port, payload_types={8: 8, 101: event}, srtp=caller_srtp))
    callee.set_remote(remote_at(far.address, far.port, **at_far, srtp=callee_srtp))
    rig.engine.bridge(caller, callee)
    rig.settle()
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8, 101: 101}, srtp=near_srtp))
    far.set_remote(
        remote_at(
            callee.address,
            callee.port,
            payload_types={8: 8, event: event},
            dtmf_payload_type=event,
            srtp=far_srtp,
        )
    )
    return caller, callee


def test_a_tone_is_heard_through_two_legs_from_end_to_end(rig: Rig) -> None:
    listen_for = (440.0, 1000.0)
    near = rig.engine.open_terminal(Tone((440.0,), level_dbm0=-13.0), listen_for=listen_for)
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=listen_for)
    caller, callee = between_terminals(rig, near, far)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 200 and near.hearing().heard_ms(1000.0) >= 200)
    assert near.hearing().heard_ms(440.0) == far.hearing().heard_ms(1000.0) == 0
    level = far.hearing().tones[0].level_dbm0
    assert level is not None
    assert level == pytest.approx(-13.0, abs=0.5)
    rig.until(lambda: min(*figures_of(caller), *figures_of(callee)) >= 10)
    far.close()
    assert far.hearing().heard_ms(440.0) >= 200, "it remembers after it was closed"


def test_what_was_heard_is_rated(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0,))
    caller, _ = between_terminals(rig, near, far)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 200)
    assert (caller.figures().mos or 0.0) > 4.0


def test_digits_arrive_in_order_and_are_told_to_have_been_sent(rig: Rig) -> None:
    ended: list[None] = []
    near = rig.engine.open_terminal(Silence(), source_ended=lambda: ended.append(None))
    far = rig.engine.open_terminal(Silence())
    between_terminals(rig, near, far)
    near.send_digits("0a#", duration_ms=60)
    rig.until(lambda: far.hearing().digits == "0A#" and len(ended) == 1)


def test_digits_that_came_by_signalling_are_sent_to_a_legs_peer(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0,))
    caller, callee = between_terminals(rig, near, far)
    rig.until(lambda: far.hearing().heard_ms(440.0) > 0)
    callee.send_digits("1")
    callee.send_digits("2d", duration_ms=60)
    rig.until(lambda: far.hearing().digits == "12D")
    caller.send_digits("9")
    rig.until(lambda: near.hearing().digits == "9")
    heard_ms = far.hearing().heard_ms(440.0)
    rig.until(lambda: far.hearing().heard_ms(440.0) > heard_ms)
    assert callee.figures().packets_lost == far.figures().packets_lost == 0


def test_digits_need_no_audio_to_travel_with(rig: Rig) -> None:
    near, far = rig.engine.open_terminal(Echo()), rig.engine.open_terminal(Echo())
    _, callee = between_terminals(rig, near, far)
    callee.send_digits("77")
    rig.until(lambda: far.hearing().digits == "77")
    assert near.hearing().digits == ""


def test_a_digit_by_signalling_while_the_far_peer_sends_one_is_heard_as_well(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0,))
    _, callee = between_terminals(rig, near, far)
    rig.until(lambda: far.hearing().heard_ms(440.0) > 0)
    near.send_digits("1")
    callee.send_digits("2")
    rig.until(lambda: far.hearing().digits in {"12", "21"})


def test_digits_are_refused_where_they_cannot_be_sent(rig: Rig) -> None:
    leg = rig.engine.open_leg(ipv6=False, events=Told())
    with pytest.raises(MediaError, match="telephone-event"):
        leg.send_digits("1")
    leg.set_remote(remote_at("198.51.100.7", 4000, payload_types={8: 8}, takes_events=None))
    with pytest.raises(MediaError, match="telephone-event"):
        leg.send_digits("1")
    leg.set_remote(remote_at("198.51.100.7", 4000))
    with pytest.raises(MediaError, match="DTMF digit"):
        leg.send_digits("1x")
    leg.close()
    with pytest.raises(MediaError):
        leg.send_digits("1")


def test_an_echo_is_heard_by_who_spoke(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(440.0,))
    far = rig.engine.open_terminal(Echo())
    between_terminals(rig, near, far)
    rig.until(lambda: near.hearing().heard_ms(440.0) >= 100)
    near.play(Silence())
    heard_ms = near.hearing().heard_ms(440.0)
    rig.pass_time(0.5)
    assert near.hearing().heard_ms(440.0) <= heard_ms + 200


# --- SRTP ------------------------------------------------------------------------------------------------


NEAR_KEY, CALLER_KEY, CALLEE_KEY, FAR_KEY, OTHER_KEY = (bytes([octet]) * 30 for octet in (1, 2, 3, 4, 5))
AT_NEAR = SrtpKeys(send=NEAR_KEY, receive=CALLER_KEY)
AT_CALLER = SrtpKeys(send=CALLER_KEY, receive=NEAR_KEY)
AT_CALLEE = SrtpKeys(send=CALLEE_KEY, receive=FAR_KEY)
AT_FAR = SrtpKeys(send=FAR_KEY, receive=CALLEE_KEY)


def test_srtp_on_one_leg_and_rtp_on_the_other(rig: Rig) -> None:
    ended: list[None] = []
    near = rig.engine.open_terminal(
        Tone((440.0,)), listen_for=(1000.0,), source_ended=lambda: ended.append(None)
    )
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=(440.0,))
    _, callee = between_terminals(rig, near, far, near_srtp=AT_NEAR, caller_srtp=AT_CALLER)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 200 and near.hearing().heard_ms(1000.0) >= 200)
    near.send_digits("1")
    rig.until(lambda: far.hearing().digits == "1" and len(ended) == 1)
    callee.send_digits("2")
    rig.until(lambda: far.hearing().digits == "12")
    assert near.figures().packets_lost == far.figures().packets_lost == 0


def test_srtp_on_both_legs_with_keys_of_their_own(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(1000.0,))
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=(440.0,))
    caller, callee = between_terminals(
        rig,
        near,
        far,
        near_srtp=AT_NEAR,
        caller_srtp=AT_CALLER,
        callee_srtp=AT_CALLEE,
        far_srtp=AT_FAR,
    )
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 200 and near.hearing().heard_ms(1000.0) >= 200)
    near.send_digits("1")
    rig.until(lambda: far.hearing().digits == "1")
    assert near.figures().packets_lost == far.figures().packets_lost == 0
    rig.until(lambda: min(*figures_of(caller), *figures_of(callee)) >= 10)


@pytest.mark.parametrize(
    ("near_srtp", "caller_srtp"),
    [
        pytest.param(AT_NEAR, None, id="the peer only"),
        pytest.param(None, AT_CALLER, id="we only"),
        pytest.param(AT_NEAR, SrtpKeys(OTHER_KEY, OTHER_KEY), id="other keys"),
        pytest.param(AT_NEAR, SrtpKeys(CALLER_KEY, NEAR_KEY, b"\x01"), id="a key identifier"),
    ],
)
def test_without_the_same_keys_at_both_ends_nothing_is_made_out(
    rig: Rig, near_srtp: SrtpKeys | None, caller_srtp: SrtpKeys | None
) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(1000.0,))
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=(440.0,))
    caller, _ = between_terminals(rig, near, far, near_srtp=near_srtp, caller_srtp=caller_srtp)
    rig.until(lambda: figures_of(near)[1] >= 20 and figures_of(far)[1] >= 20)
    assert far.hearing().heard_ms(440.0) == 0
    if caller_srtp is not None:
        assert figures_of(caller)[0] == figures_of(far)[0] == 0, "what isn't the peer's isn't even counted"


def test_a_callee_alone_may_have_srtp(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(1000.0,))
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=(440.0,))
    between_terminals(rig, near, far, callee_srtp=AT_CALLEE, far_srtp=AT_FAR)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 200 and near.hearing().heard_ms(1000.0) >= 200)
    assert near.figures().packets_lost == far.figures().packets_lost == 0


def test_hold_and_resumption_go_on_with_the_same_keys(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(1000.0,))
    far = rig.engine.open_terminal(Tone((1000.0,)), listen_for=(440.0,))
    caller, _ = between_terminals(
        rig,
        near,
        far,
        near_srtp=AT_NEAR,
        caller_srtp=AT_CALLER,
        callee_srtp=AT_CALLEE,
        far_srtp=AT_FAR,
    )
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100 and near.hearing().heard_ms(1000.0) >= 100)
    remote = remote_at(near.address, near.port, payload_types={8: 8, 101: rig.far_event}, srtp=AT_CALLER)
    caller.set_remote(replace(remote, direction=MediaFlow.SEND))
    rig.settle()
    heard_ms = far.hearing().heard_ms(440.0), near.hearing().heard_ms(1000.0)
    caller.set_remote(remote)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= heard_ms[0] + 200)
    rig.until(lambda: near.hearing().heard_ms(1000.0) >= heard_ms[1] + 200)


def test_keys_of_a_reinvite_take_the_place_of_those_before(rig: Rig) -> None:
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0,))
    caller, _ = between_terminals(rig, near, far, near_srtp=AT_NEAR, caller_srtp=AT_CALLER)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 100)
    near.set_remote(
        remote_at(caller.address, caller.port, payload_types={8: 8}, srtp=SrtpKeys(OTHER_KEY, CALLER_KEY))
    )
    caller.set_remote(remote_at(near.address, near.port, srtp=SrtpKeys(CALLER_KEY, OTHER_KEY)))
    heard_ms = far.hearing().heard_ms(440.0)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= heard_ms + 200)


@pytest.mark.parametrize("keys", [SrtpKeys(b"short", NEAR_KEY), SrtpKeys(NEAR_KEY, NEAR_KEY, bytes(129))])
def test_keys_of_an_impossible_length_are_refused(rig: Rig, keys: SrtpKeys) -> None:
    leg = rig.engine.open_leg(ipv6=False, events=Told())
    with pytest.raises(MediaError, match="SRTP needs"):
        leg.set_remote(remote_at("198.51.100.7", 4000, srtp=keys))


def test_a_terminal_refuses_what_it_cannot_do(rig: Rig) -> None:
    terminal = rig.engine.open_terminal(Silence())
    with pytest.raises(MediaError, match="telephone-event"):
        terminal.send_digits("1")
    with pytest.raises(MediaError, match=r"format|spoken to"):
        terminal.set_remote(remote_at("198.51.100.7", 4000, payload_types={18: 18}))
    terminal.set_remote(remote_at("198.51.100.7", 4000))
    with pytest.raises(MediaError, match="DTMF digit"):
        terminal.send_digits("12x")
    with pytest.raises(MediaError):
        terminal.play(Tone(()))
    with pytest.raises(MediaError):
        rig.engine.open_terminal(Tone((1.0, 2.0, 3.0)))
    terminal.close()
    with pytest.raises(MediaError):
        terminal.play(Silence())
