"""SRTP in every media engine: keys for each leg and way (`call.ports.SrtpKeys`, RFC 4568)."""

from dataclasses import replace

import pytest

from tests.contract.media.rigs import Rig, Told, between_terminals, figures_of, open_pair, remote_at
from trunkline.call.ports import MediaFlow, SrtpKeys, Tone
from trunkline.errors import MediaError
from trunkline.media.terminals import Silence, Terminal

NEAR_KEY, CALLER_KEY, CALLEE_KEY, FAR_KEY, OTHER_KEY = (bytes([octet]) * 30 for octet in (1, 2, 3, 4, 5))
AT_NEAR = SrtpKeys(send=NEAR_KEY, receive=CALLER_KEY)
AT_CALLER = SrtpKeys(send=CALLER_KEY, receive=NEAR_KEY)
AT_CALLEE = SrtpKeys(send=CALLEE_KEY, receive=FAR_KEY)
AT_FAR = SrtpKeys(send=FAR_KEY, receive=CALLEE_KEY)


EVERYWHERE = {"near_srtp": AT_NEAR, "caller_srtp": AT_CALLER, "callee_srtp": AT_CALLEE, "far_srtp": AT_FAR}


def speakers(rig: Rig) -> tuple[Terminal, Terminal]:
    """Two terminals that listen for each other's tone: 440 Hz near, 1000 Hz far."""
    near = rig.engine.open_terminal(Tone((440.0,)), listen_for=(1000.0,))
    return near, rig.engine.open_terminal(Tone((1000.0,)), listen_for=(440.0,))


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
    near, far = speakers(rig)
    caller, callee = between_terminals(rig, near, far, **EVERYWHERE)
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
    near, far = speakers(rig)
    caller, _ = between_terminals(rig, near, far, near_srtp=near_srtp, caller_srtp=caller_srtp)
    rig.until(lambda: figures_of(near)[1] >= 20 and figures_of(far)[1] >= 20)
    assert far.hearing().heard_ms(440.0) == 0
    if caller_srtp is not None:
        assert figures_of(caller)[0] == figures_of(far)[0] == 0, "what isn't the peer's isn't even counted"


def test_a_callee_alone_may_have_srtp(rig: Rig) -> None:
    near, far = speakers(rig)
    _, callee = between_terminals(rig, near, far, callee_srtp=AT_CALLEE, far_srtp=AT_FAR)
    rig.until(lambda: far.hearing().heard_ms(440.0) >= 200 and near.hearing().heard_ms(1000.0) >= 200)
    callee.send_digits("2")
    rig.until(lambda: far.hearing().digits == "2")
    assert near.figures().packets_lost == far.figures().packets_lost == 0


def test_hold_and_resumption_go_on_with_the_same_keys(rig: Rig) -> None:
    near, far = speakers(rig)
    caller, _ = between_terminals(rig, near, far, **EVERYWHERE)
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


def test_a_key_that_wears_out_is_told_of_and_serves_no_longer(rig: Rig) -> None:
    """The peer's serves for less than a hundred packets (RFC 4568 §6.1)."""
    told = Told()
    near = rig.engine.open_terminal(Tone((440.0,)))
    far = rig.engine.open_terminal(Silence(), listen_for=(440.0,))
    caller, callee = open_pair(rig, told)
    short = replace(AT_CALLER, receive_lifetime=100)
    caller.set_remote(remote_at(near.address, near.port, payload_types={8: 8}, srtp=short))
    callee.set_remote(remote_at(far.address, far.port, payload_types={8: 8}))
    rig.engine.bridge(caller, callee)
    rig.settle()
    near.set_remote(remote_at(caller.address, caller.port, payload_types={8: 8}, srtp=AT_NEAR))
    far.set_remote(remote_at(callee.address, callee.port, payload_types={8: 8}))
    rig.until(lambda: far.hearing().heard_ms(440.0) > 0 and told.worn == [(caller, False)])
    rig.until(lambda: figures_of(caller)[0] > 0 and told.worn == [(caller, False), (caller, True)])
    assert figures_of(caller)[0] <= 99
    caller.close()
    callee.close()
