"""A flood of requests that nobody authenticates, from one source and from a thousand, while a customer calls.

Everything happens in a network namespace of its own (root is needed), since strangers on the loopback are let
in unseen. The customer is Trunkline's own test phone, the carrier another one: a call counts when it was
answered and heard. SECONDS and RATE in the environment change the flood.
"""

import asyncio
import contextlib
import json
import math
import os
import re
import socket
import sys
import time
from multiprocessing import Process
from pathlib import Path
from typing import NamedTuple

from tests.faults.world import NODE, PORT, World, heard, within, world
from tests.interop.node import Node
from trunkline.pstn.dialling import CallReport

STRANGERS = "10.77.{}.{}"
CALLS_PER_S = 5
TICK_S = 0.005
METHODS = ("REGISTER", "INVITE", "OPTIONS")


class Outcome(NamedTuple):
    """What a flood did."""

    sources: int
    sent: int
    calls: int
    succeeded: int
    failed: list[str]
    """What came of each of the others."""
    first_response_p99_ms: float
    """From the customer's INVITE to the first provisional or final response after the challenge."""
    memory_before_mb: float
    memory_peak_mb: float
    memory_after_mb: float
    refused_at_the_door: float
    banned: float


def main() -> None:
    """For each number of sources, a line."""
    seconds, rate = float(os.environ.get("SECONDS", "90")), int(os.environ.get("RATE", "5000"))
    for sources in (1, 1000):
        outcome = flood(sources, rate, seconds)
        print(f"  {rate}/s for {seconds:g} s from {sources} source{'s'[: sources > 1]}: {_words(outcome)}")


def _words(outcome: Outcome) -> str:
    memory = (outcome.memory_before_mb, outcome.memory_peak_mb, outcome.memory_after_mb)
    return (
        f"{outcome.succeeded} of {outcome.calls} calls, "
        f"first response p99 {outcome.first_response_p99_ms:.0f} ms, "
        f"memory {' → '.join(f'{value:.0f}' for value in memory)} MB, "
        f"{outcome.sent} sent, {outcome.refused_at_the_door:.0f} refused at the door"
    )


def flood(sources: int, rate: int, seconds: float) -> Outcome:
    """One flood, in a network namespace that is gone afterwards. Raises `CalledProcessError`."""
    return Outcome(**within("bench.flood", sources, rate, seconds))


async def _play(sources: int, rate: int, seconds: float) -> Outcome:
    """In the namespace."""
    async with world() as here:
        assert (await here.call()).answered, "a call before the flood"
        return await _measure(here, sources, rate, seconds)


async def _measure(here: World, sources: int, rate: int, seconds: float) -> Outcome:
    node = here.node
    before = _memory_mb(node)
    peak = before
    flooder = Process(target=_send, args=(sources, rate, seconds), daemon=True)
    calls: list[asyncio.Task[CallReport]] = []
    flooder.start()
    try:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            calls.append(asyncio.create_task(here.call()))
            await asyncio.sleep(1 / CALLS_PER_S)
            peak = max(peak, _memory_mb(node))
        reports = await asyncio.gather(*calls)
        await asyncio.to_thread(flooder.join)
    finally:
        if flooder.is_alive():
            flooder.terminate()
    await asyncio.sleep(2)
    waits = sorted(wait for report in reports if (wait := _first_response_s(report)) is not None)
    return Outcome(
        sources=sources,
        sent=int(rate * seconds),
        calls=len(reports),
        succeeded=heard(reports),
        failed=[report.outcome for report in reports if not heard([report])],
        first_response_p99_ms=1000 * waits[math.ceil(0.99 * len(waits)) - 1] if waits else math.inf,
        memory_before_mb=before,
        memory_peak_mb=peak,
        memory_after_mb=_memory_mb(node),
        refused_at_the_door=node.gauge("gate_refused_total"),
        banned=node.gauge("bans"),
    )


def _first_response_s(report: CallReport) -> float | None:
    """Of the authenticated INVITE."""
    return next((step.at_s for step in report.steps if re.match(r"(1\d\d|[2-6]\d\d) ", step.what)), None)


def _memory_mb(node: Node) -> float:
    assert node.process is not None
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def _send(sources: int, rate: int, seconds: float) -> None:
    """The flood: `rate` requests a second, each with names of its own."""
    sockets = []
    for number in range(sources):
        door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        door.setblocking(False)
        door.bind((STRANGERS.format(1 + number // 250, 1 + number % 250), PORT))
        sockets.append(door)
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while sent < passed * rate:
            door = sockets[sent % sources]
            with contextlib.suppress(BlockingIOError):
                door.sendto(_request(METHODS[sent % len(METHODS)], sent, door.getsockname()[0]), (NODE, PORT))
            sent += 1
        time.sleep(TICK_S)
    for door in sockets:
        door.close()


def _request(method: str, number: int, host: str) -> bytes:
    to = f"sip:{1000 + number % 9000}@{NODE}"
    lines = (
        f"{method} {to} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{PORT};branch=z9hG4bK{number}",
        f"From: <sip:{number % 9999}@{host}>;tag={number}",
        f"To: <{to}>",
        f"Call-ID: {number}@{host}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:a@{host}>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_play(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))._asdict()))
