"""Many calls through the real program, SIPp on both sides: all of them succeed, and afterwards everything
is as it was.

`SOAK_CALLS` says how many (1,000; from 20,000 on it is the long run, in less than 150 MB), `SOAK_RATE` how
many of them begin in a second (100; beyond that each call of the last 32 s may hold 8 kB more). `-s` shows
the figures.
"""

import os
import re
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.addresses import free_port, listens, taken_ports, wait_for
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.scenario import Callee, Caller, Scenario
from tests.programs import require_program

CALLS = int(os.environ.get("SOAK_CALLS", "1000"))
RATE = int(os.environ.get("SOAK_RATE", "100"))
PBX, CARRIER = "127.0.5.10", "127.0.5.20"
TALK_MS = 400
AT_ONCE = 500
"""SIPp begins no more calls while so many are up: two legs each, so many ports are needed."""
GROWTH_KB = 4 * 1024
"""What the end of the second half may take more than the end of the first one did."""
MOST_KB = 150 * 1024
"""Of the long run, up to `USUAL_RATE`."""
USUAL_RATE = 100
LINGER_S = 32
"""Timers J and L (RFC 3261 §17): for so long a finished call's transactions answer repetitions."""
LINGERING_KB = 8
"""What they may hold of a call. Beyond `USUAL_RATE` it is asked of each call, not of all together."""
LONG_RUN = 20_000
LEAK_BYTES = 40
"""What a call of the long run's second half may leave behind, as the memory's slope has it: one small object
would be more.
"""
EMPTY = ("active_calls", "dialogs", "transactions", 'media_port_pairs{state="open"}', "connections")
SAMPLES_S = 2.0
"""How often memory is looked at."""
NO_AUDIO = """v=0
o=phone 1 1 IN IP4 127.0.5.10
s=-
c=IN IP4 127.0.5.10
t=0 0
m=audio 30000 RTP/AVP 0 8"""


def media_range(pairs: int) -> tuple[int, int]:
    """UDP ports that nobody uses at the moment."""
    taken = taken_ports(HOST, "udp")
    for first in range(10_000, 30_000 - 2 * pairs, 500):
        if taken.isdisjoint(range(first, first + 2 * pairs)):
            return first, first + 2 * pairs - 1
    raise AssertionError("no free range of ports")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    first, last = media_range(2 * AT_ONCE + 300)
    settings = {"media.port_min": first, "media.port_max": last, "limits.overload_lag_ms": 5000}
    with running_node(tmp_path / "node", settings) as node:
        yield node


def play(
    directory: Path, scenario: Scenario, host: str, port: int, calls: int, *more: str
) -> "subprocess.Popen[bytes]":
    """SIPp, without a trace: that would be a gigabyte."""
    file = directory / f"{host}-{port}.xml"
    scenario.write(file)
    return subprocess.Popen(
        [
            require_program("sipp"),
            *("-sf", str(file), "-i", host, "-p", str(port), "-m", str(calls)),
            *("-nostdin", "-skip_rlimit", "-au", KEY, "-ap", SECRET),
            *("-trace_err", "-error_file", str(directory / f"{host}-{port}.errors")),
            *("-timeout", f"{60 + 2 * calls // RATE}s", "-timeout_error", *more),
        ],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def place(node: Node, directory: Path, port: int, calls: int) -> None:
    """So many calls, answered, with a moment of talk; each goes as written."""
    callee = Callee(body=NO_AUDIO)
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    caller = Caller("442071838750", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.answered()
    caller.pause(TALK_MS)
    caller.bye()
    carrier = play(directory, callee, CARRIER, port, calls)
    try:
        wait_for("sipp to listen", lambda: listens(CARRIER, port, "udp"))
        phone = play(
            directory,
            caller,
            PBX,
            free_port(PBX),
            calls,
            "-r",
            str(RATE),
            "-l",
            str(AT_ONCE),
            f"{HOST}:{node.port}",
        )
        try:
            status = phone.wait(120 + 3 * calls // RATE)
            assert status == 0, "".join(path.read_text()[:3000] for path in directory.glob("*.errors"))
        finally:
            phone.kill()
            phone.wait()
    finally:
        carrier.kill()
        carrier.wait()


def numbers(node: Node, name: str) -> list[float]:
    """Every series of a metric."""
    with urllib.request.urlopen(f"http://{HOST}:{node.http_port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    labels = "" if "{" in name else r"(?:\{.*\})?"
    found = re.findall(rf"(?m)^trunkline_{re.escape(name)}{labels} (\S+)$", text)
    assert found, f"no metric {name}"
    return [float(value) for value in found]


class Standing(NamedTuple):
    """What a node holds while nothing is under way."""

    descriptors: int
    """But for media ports, which stay bound once they were needed."""
    threads: int
    tasks: int


def proc_of(node: Node) -> Path:
    """Its folder in /proc."""
    assert node.process is not None
    return Path("/proc") / str(node.process.pid)


def resident_kb(node: Node) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", (proc_of(node) / "status").read_text())
    assert found is not None
    return int(found[1])


def standing(node: Node) -> Standing:
    """As it is at this moment."""
    proc = proc_of(node)
    lines = [line.split() for line in (proc / "net/udp").read_text().splitlines()[1:]]
    media = {
        f"socket:[{line[9]}]" for line in lines if int(line[1].rpartition(":")[2], 16) in node_media(node)
    }
    held = 0
    for path in (proc / "fd").iterdir():
        try:
            held += str(path.readlink()) not in media
        except FileNotFoundError:  # closed meanwhile
            continue
    return Standing(held, len(list((proc / "task").iterdir())), int(numbers(node, "tasks")[0]))


def node_media(node: Node) -> range:
    """Its media ports."""
    text = node.settings_file.read_text()
    first, last = (re.search(rf"(?m)^port_{end} = (\d+)", text) for end in ("min", "max"))
    assert first is not None
    assert last is not None
    return range(int(first[1]), int(last[1]) + 1)


def wait_until_empty(node: Node) -> None:
    """Until calls, dialogs, transactions, media ports and connections are back to zero."""
    try:
        wait_for("zero", lambda: not any(any(numbers(node, name)) for name in EMPTY), within_s=120, every_s=1)
    except AssertionError:
        raise AssertionError({name: numbers(node, name) for name in EMPTY}) from None


def wait_until_standing_at(node: Node, before: Standing) -> None:
    """Until it holds no more than `before`."""

    def no_more() -> bool:
        return all(now <= then for now, then in zip(standing(node), before, strict=True))

    try:
        wait_for("no more than before", no_more, within_s=60, every_s=1)
    except AssertionError:
        raise AssertionError(f"{standing(node)}, {before} before") from None


@contextmanager
def memory_watched(node: Node) -> Iterator[list[int]]:
    """The node's memory in kB, looked at every `SAMPLES_S`."""
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLES_S):
            seen.append(resident_kb(node))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def growth_kb(samples: list[int]) -> float:
    """How much memory grew from the first to the last of `samples`, by the line that fits them best."""
    count = len(samples)
    middle, mean = (count - 1) / 2, sum(samples) / count
    covariance = sum((at - middle) * (value - mean) for at, value in enumerate(samples))
    return (count - 1) * covariance / sum((at - middle) ** 2 for at in range(count))


def records(node: Node) -> tuple[int, int]:
    """Records of answered calls that are closed, and how many different calls they are of."""
    with sqlite3.connect(node.directory / "trunkline.db") as database:
        count, different = database.execute(
            "SELECT count(*), count(DISTINCT sip_call_id) FROM call"
            " WHERE state = 'closed' AND verdict = 'answered'"
        ).fetchone()
    database.close()
    return count, different


@pytest.mark.timeout(600 + CALLS // 10)  # as long as it may wait by itself
def test_calls_leave_nothing_behind(node: Node, tmp_path: Path) -> None:
    """Finished transactions absorb repetitions for 32 s (RFC 3261 timers J and L): so long it takes."""
    port = free_port(CARRIER)
    node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{port}")
    node.command("route", "add", "all", "--carrier", "main")
    place(node, tmp_path, port, CALLS // 2)
    wait_until_empty(node)
    halfway, before = resident_kb(node), standing(node)
    with memory_watched(node) as memory:
        place(node, tmp_path, port, CALLS - CALLS // 2)
    resident = resident_kb(node)
    wait_until_empty(node)
    wait_until_standing_at(node, before)
    assert numbers(node, 'calls_total{direction="outbound",verdict="answered"}') == [CALLS]
    wait_for("all records", lambda: records(node) == (CALLS, CALLS), within_s=30, every_s=1)
    slope = growth_kb(memory) if len(memory) > 2 else 0.0
    sys.stdout.write(
        f"{CALLS} calls at {RATE}/s: memory {halfway} kB halfway, {resident} kB at the end, "
        f"{max(memory, default=0)} kB at most, {slope:+.0f} kB over the second half; "
        f"{before} halfway, {standing(node)} at the end; records {records(node)}\n"
    )
    assert resident - halfway < GROWTH_KB * max(1, CALLS // 10_000), (halfway, resident)
    if CALLS >= LONG_RUN:
        assert max(memory) < MOST_KB + max(0, RATE - USUAL_RATE) * LINGER_S * LINGERING_KB
        assert slope * 1024 < LEAK_BYTES * CALLS / 2
