"""A network that loses one in twenty of all RTP packets: digits arrive whole, once each and in order, and
audio goes on where packets are missing.

The loss is a rule of the packet filter, so it is only made in a network namespace with nothing but loopback:
`ip netns add x; ip netns exec x ip link set lo up; ip netns exec x pytest tests/interop/codecs`.
"""

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.interop.addresses import wait_for
from tests.interop.codecs.test_digits import DIGITS, SIDES, World, world
from tests.interop.codecs.test_pairs import HEARD_MS
from tests.programs import require_program
from trunkline.call.ports import Tone

__all__ = ["world"]

ROUNDS = 3
RULE = ("INPUT", "-p", "udp", "--dport", "10000:19999", "-m", "statistic", "--mode", "random")


@pytest.fixture(autouse=True)
def lossy(world: World) -> Iterator[None]:
    """5 % of what goes to any port for media."""
    del world
    if [interface.name for interface in Path("/sys/class/net").iterdir()] != ["lo"]:
        pytest.skip("needs a network namespace with nothing but a loopback")
    rule = (*RULE, "--probability", "0.05", "-j", "DROP")
    command = require_program("iptables")
    subprocess.run([command, "-A", *rule], check=True)
    yield
    subprocess.run([command, "-D", *rule], check=True)


@pytest.mark.parametrize("info", [False, True], ids=["from events", "from INFO"])
@pytest.mark.parametrize("far", [name for name, _, events in SIDES if events])
def test_no_digit_is_lost_or_doubled(world: World, far: str, info: bool) -> None:
    for _ in range(ROUNDS):
        for report in world.heard(far, digits=DIGITS, info=info):
            assert (report.digits_in_info if far == "info" else report.hearing.digits) == DIGITS


def test_audio_goes_on_where_packets_are_missing(world: World) -> None:
    frequency = 770.0
    for report in world.heard("events", say=Tone((frequency,))):
        assert report.figures.packets_lost > 0
        assert report.hearing.heard_ms(frequency) > HEARD_MS, report.hearing
    wait_for("the calls to end", partial(_over, world))


def _over(world: World) -> bool:
    return world.node.gauge("active_calls") == 0
