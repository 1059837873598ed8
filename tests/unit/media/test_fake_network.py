"""Who hears whom: engines of one network, circles, and keys that fit or don't."""

import pytest

from tests.contract.media.rigs import Told, remote_at
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import SrtpKeys, Tone
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_network import FakeNetwork, Sound, as_made_out

OURS, THEIRS = SrtpKeys(b"a" * 30, b"b" * 30), SrtpKeys(b"b" * 30, b"a" * 30)


def test_two_engines_of_one_network_hear_each_other() -> None:
    clock = FakeClock()
    network = FakeNetwork(clock)
    node = FakeEngine(clock, network=network)
    carrier = FakeEngine(clock, network=network, address="203.0.113.1")
    terminal = carrier.open_terminal(Tone((425.0,)), listen_for=(440.0,))
    phone = carrier.open_terminal(Tone((440.0,)), listen_for=(425.0,))
    caller, callee = (node.open_leg(ipv6=False, events=Told()) for _ in range(2))
    for leg, far_end in ((caller, phone), (callee, terminal)):
        leg.set_remote(remote_at(far_end.address, far_end.port, payload_types={8: 8}))
        far_end.set_remote(remote_at(leg.address, leg.port, payload_types={8: 8}))
    node.bridge(caller, callee)
    clock.advance(3.0)
    assert phone.hearing().heard_ms(425.0) == terminal.hearing().heard_ms(440.0) == 3000
    node.bridge(caller, node.open_leg(ipv6=False, events=Told()))
    clock.advance(3.0)
    assert phone.hearing().heard_ms(425.0) == terminal.hearing().heard_ms(440.0) == 3000


def test_a_circle_of_legs_ends() -> None:
    clock = FakeClock()
    engine = FakeEngine(clock)
    first, second = (engine.open_leg(ipv6=False, events=Told()) for _ in range(2))
    engine.bridge(first, second)
    first.set_remote(remote_at(second.address, second.port, payload_types={8: 8, 96: 96}))
    second.set_remote(remote_at(first.address, first.port, payload_types={8: 8, 96: 96}))
    first.deliver(8)
    assert first.figures().packets_received < 20


@pytest.mark.parametrize(
    ("sender", "receiver", "heard"),
    [
        (None, None, (425.0,)),
        (OURS, THEIRS, (425.0,)),
        (OURS, OURS, None),
        (None, THEIRS, None),
        (OURS, None, ()),
    ],
)
def test_keys_at_both_ends(
    sender: SrtpKeys | None, receiver: SrtpKeys | None, heard: tuple[float, ...] | None
) -> None:
    made_out = as_made_out(Sound(8, 50, 1.0, (425.0,)), sender, receiver)
    assert (None if made_out is None else made_out.tones) == heard
