"""3,585 messages of other stacks' test suites and of captures against the running program, over every
transport and cut into every kind of pieces: it answers probes all the while, and holds no more afterwards
than before.
"""

import re
import time
from pathlib import Path

import pytest

from tests.abuse.doors import Datagrams, Streams
from tests.abuse.messages import corpus
from tests.interop.addresses import wait_for
from tests.interop.node import Node

GROWTH_KB = 8 * 1024
"""What the allocator may keep of two more rounds of the same."""


def resident_kb(node: Node) -> int:
    """The program's resident memory."""
    assert node.process is not None
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def descriptors(node: Node) -> int:
    """The program's open files and sockets."""
    assert node.process is not None
    return len(list(Path(f"/proc/{node.process.pid}/fd").iterdir()))


def throw_all(door: Datagrams | Streams, node: Node, step: int, probe_every: int) -> None:
    before = node.processor_s()
    for number, message in enumerate(corpus(node.port)[::step]):
        door.throw(message.data)
        if number % probe_every == 0:
            door.probe()
            before, earlier = node.processor_s(), before
            assert before - earlier < 1.0, message.id


def test_datagrams(node: Node) -> None:
    door = Datagrams(node.port)
    try:
        throw_all(door, node, 1, 10)
    finally:
        door.close()


@pytest.mark.parametrize(
    ("cut", "tls", "step", "probe_every"),
    [
        ("whole", False, 1, 25),
        ("random", False, 1, 25),
        ("glued", False, 1, 25),
        ("bytes", False, 12, 5),  # of up to 64,000 octets, and as many reads, each
        ("whole", True, 8, 25),
        ("random", True, 12, 25),
    ],
)
def test_streams(node: Node, cut: str, tls: bool, step: int, probe_every: int) -> None:
    throw_all(Streams(node.tls_port if tls else node.port, tls=tls, cut=cut), node, step, probe_every)


def test_nothing_is_kept(node: Node) -> None:
    """After two rounds of everything, two more take no memory to speak of, and no descriptor.

    The allocator gives memory back when it likes, so the higher of the first two is what counts.
    """
    rounds = []
    before = descriptors(node)
    for _ in range(4):
        test_datagrams(node)
        throw_all(Streams(node.port), node, 1, 50)
        throw_all(Streams(node.tls_port, tls=True), node, 6, 50)
        wait_for("connections to close", lambda: descriptors(node) <= before + 2)
        time.sleep(0.5)
        rounds.append(resident_kb(node))
    assert rounds[3] - max(rounds[:2]) < GROWTH_KB, rounds
    assert node.gauge("dialogs") == 0
    assert node.gauge("active_calls") == 0


def test_the_log_stays_readable(node: Node) -> None:
    """At most one line a second for each source, whatever it sends."""
    seen: dict[tuple[str, str], int] = {}
    for entry in node.log():
        source = str(entry.get("source", ""))
        if source:
            key = (source.rpartition(":")[0] or source, str(entry["at"])[:19])
            seen[key] = seen.get(key, 0) + 1
    assert all(count <= 2 for count in seen.values()), "one a second, wherever the second begins"
    assert not [entry for entry in node.log() if entry["level"] in ("error", "critical")]
