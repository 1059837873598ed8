"""Many calls through the real program, SIPp on both sides: all of them succeed, and afterwards everything
is as it was.

`SOAK_CALLS` says how many (1,000; 20,000 is the long run, in less than 150 MB), `SOAK_RATE` how many
of them begin in a second (100).
"""

import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, in_use, wait_for
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.scenario import Callee, Caller, Scenario
from tests.programs import require_program

CALLS = int(os.environ.get("SOAK_CALLS", "1000"))
RATE = int(os.environ.get("SOAK_RATE", "100"))
PBX, CARRIER = "127.0.5.10", "127.0.5.20"
TALK_MS = 400
GROWTH_KB = 4 * 1024
"""What the end of the second half may take more than the end of the first one did."""
MOST_KB = 150 * 1024
"""Of the long run."""
LONG_RUN = 20_000
EMPTY = ("active_calls", "dialogs", "transactions", 'media_port_pairs{state="open"}', "connections")
POOL = 100
"""Media ports stay bound once they were needed: so many more descriptors the second half may need at its
peak.
"""
NO_AUDIO = """v=0
o=phone 1 1 IN IP4 127.0.5.10
s=-
c=IN IP4 127.0.5.10
t=0 0
m=audio 30000 RTP/AVP 0 8"""


def media_range(pairs: int) -> tuple[int, int]:
    """UDP ports that nobody uses at the moment."""
    for first in range(10_000, 30_000 - 2 * pairs, 500):
        if not any(in_use(HOST, first + step, "udp") for step in range(2 * pairs)):
            return first, first + 2 * pairs - 1
    raise AssertionError("no free range of ports")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    first, last = media_range(600)
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
        wait_for("sipp to listen", lambda: in_use(CARRIER, port, "udp"))
        phone = play(
            directory, caller, PBX, free_port(PBX), calls, "-r", str(RATE), "-l", "500", f"{HOST}:{node.port}"
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


def process(node: Node) -> tuple[int, int, int]:
    """Resident memory in kB, descriptors, threads."""
    assert node.process is not None
    proc = Path("/proc") / str(node.process.pid)
    found = re.search(r"VmRSS:\s+(\d+) kB", (proc / "status").read_text())
    assert found is not None
    return int(found[1]), len(list((proc / "fd").iterdir())), len(list((proc / "task").iterdir()))


def wait_until_empty(node: Node) -> None:
    """Until calls, dialogs, transactions, media ports and connections are back to zero."""
    try:
        wait_for("zero", lambda: not any(any(numbers(node, name)) for name in EMPTY), within_s=60, every_s=1)
    except AssertionError:
        raise AssertionError({name: numbers(node, name) for name in EMPTY}) from None


def test_calls_leave_nothing_behind(node: Node, tmp_path: Path) -> None:
    """Finished transactions absorb repetitions for 32 s (RFC 3261 timers J and L): so long it takes."""
    port = free_port(CARRIER)
    node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{port}")
    node.command("route", "add", "all", "--carrier", "main")
    place(node, tmp_path, port, CALLS // 2)
    halfway, descriptors, threads = process(node)
    wait_until_empty(node)
    place(node, tmp_path, port, CALLS - CALLS // 2)
    resident = process(node)[0]
    wait_until_empty(node)
    resident_after, descriptors_after, threads_after = process(node)
    assert descriptors_after <= descriptors + POOL
    assert threads_after <= threads + 2
    assert numbers(node, 'calls_total{direction="outbound",verdict="answered"}') == [CALLS]
    assert resident - halfway < GROWTH_KB * max(1, CALLS // 10_000), (halfway, resident, resident_after)
    if CALLS >= LONG_RUN:
        assert resident < MOST_KB, resident
