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
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process
from pathlib import Path
from typing import NamedTuple

from tests.interop.node import KEY, SECRET, Node
from trunkline.call.ports import Tone
from trunkline.media.embedded import EmbeddedEngine, EngineSettings
from trunkline.net.dns_client import DnsSettings
from trunkline.net.loop_clock import LoopClock
from trunkline.net.resolver import Resolver
from trunkline.node.tokens import token_source
from trunkline.pstn.phone import CallReport, Dialling, Phone
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri

NETWORK, NODE, CUSTOMER, CARRIER, STRANGERS = (
    "10.77.0.0/16",
    "10.77.0.1",
    "10.77.0.2",
    "10.77.0.3",
    "10.77.{}.{}",
)
PORT = 5060
TONE_HZ = 440.0
CALLS_PER_S = 5
TALK_S = 0.6
TICK_S = 0.005
METHODS = ("REGISTER", "INVITE", "OPTIONS")


class Outcome(NamedTuple):
    """What a flood did."""

    sources: int
    sent: int
    calls: int
    succeeded: int
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
    script = (
        f"ip link set lo up && ip route add local {NETWORK} dev lo && exec {sys.executable} -m bench.flood"
    )
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", f"{script} {sources} {rate} {seconds}"],
        check=True,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        text=True,
    )
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def _within(sources: int, rate: int, seconds: float) -> Outcome:
    """The namespace is made: a node, its customer, its carrier, and the flood."""
    with tempfile.TemporaryDirectory() as folder:
        node = Node(
            Path(folder) / "node",
            {
                "sip.udp": [f"{NODE}:{PORT}"],
                "sip.tcp": [],
                "sip.tls": [],
                "media.bind_address": NODE,
                "media.port_min": 10000,
                "media.port_max": 10998,
            },
        )
        node.init()
        node.command("carrier", "add", "upstream", "--gateway", f"sip:{CARRIER}:{PORT}", "--source", CARRIER)
        node.command("route", "add", "all", "--carrier", "upstream")
        node.start()
        try:
            return asyncio.run(_measure(node, sources, rate, seconds))
        finally:
            node.close()


async def _measure(node: Node, sources: int, rate: int, seconds: float) -> Outcome:
    clock = LoopClock(asyncio.get_running_loop(), _faulted)
    resolver = Resolver(DnsSettings(), clock, random.random)
    engines = [
        EmbeddedEngine(EngineSettings(port_min=30000, port_max=31999, bind_v4=host, bind_v6=None))
        for host in (CUSTOMER, CARRIER)
    ]
    customer, carrier = (
        Phone(
            clock=clock,
            media=engine,
            locator=resolver,
            token=token_source(),
            bind=Address(host, PORT),
            answers=Tone((TONE_HZ,)),
        )
        for host, engine in zip((CUSTOMER, CARRIER), engines, strict=True)
    )
    await customer.start()
    await carrier.start()
    before = _memory_mb(node)
    peak = before
    flooder = Process(target=_send, args=(sources, rate, seconds), daemon=True)
    calls: list[asyncio.Task[CallReport]] = []
    try:
        assert (await customer.dial(_call())).answered, "a call before the flood"
        flooder.start()
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            calls.append(asyncio.create_task(customer.dial(_call())))
            await asyncio.sleep(1 / CALLS_PER_S)
            peak = max(peak, _memory_mb(node))
        reports = await asyncio.gather(*calls)
        await asyncio.to_thread(flooder.join)
    finally:
        if flooder.is_alive():
            flooder.terminate()
        await customer.close()
        await carrier.close()
        await resolver.close()
        clock.stop()
        for engine in engines:
            engine.stop()
    await asyncio.sleep(2)
    waits = sorted(wait for report in reports if (wait := _first_response_s(report)) is not None)
    return Outcome(
        sources=sources,
        sent=int(rate * seconds),
        calls=len(reports),
        succeeded=sum(report.answered and report.heard(TONE_HZ, 200) for report in reports),
        first_response_p99_ms=1000 * waits[math.ceil(0.99 * len(waits)) - 1] if waits else math.inf,
        memory_before_mb=before,
        memory_peak_mb=peak,
        memory_after_mb=_memory_mb(node),
        refused_at_the_door=node.gauge("gate_refused_total"),
        banned=node.gauge("bans"),
    )


def _call() -> Dialling:
    return Dialling(
        SipUri("sip", "+493012345678", NODE, PORT),
        credentials=DigestUser(KEY, SECRET),
        say=Tone((TONE_HZ,)),
        listen_for=(TONE_HZ,),
        talk_s=TALK_S,
        ring_s=20,
    )


def _first_response_s(report: CallReport) -> float | None:
    """Of the authenticated INVITE."""
    return next((step.at_s for step in report.steps if re.match(r"(1\d\d|[2-6]\d\d) ", step.what)), None)


def _faulted(error: Exception) -> None:
    raise error


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
    print(json.dumps(_within(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))._asdict()))
