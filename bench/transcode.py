"""What transcoding costs: CPU microseconds per RTP packet, of the embedded engine and of rtpengine if there.

Both transcode the same load (N calls of a tone, 20 ms, both ways, on loopback) in turns; see `bench.media`
for how it is counted. rtpengine transcodes between PCMU and PCMA, G.722 and G.729; iLBC and Speex are
measured for the embedded engine alone. CALLS, SECONDS and ROUNDS in the environment change the load.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from bench.media import (
    ROOT,
    SIDES,
    Deaf,
    ask_rtpengine,
    build_load,
    describe,
    measure,
    pin_relay,
    rtpengine_process,
)
from trunkline.call.ports import AudioFormat, MediaFlow, RemoteMedia
from trunkline.media.embedded import EmbeddedEngine, EngineSettings

CALLS = int(os.environ.get("CALLS", "50"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


class Side(NamedTuple):
    """How one side's audio looks on the wire."""

    payload_type: int
    codec: str
    clock_rate: int

    @property
    def rtpmap(self) -> str:
        return f"{self.codec}/{self.clock_rate}"


PCMU = Side(0, "PCMU", 8000)
OTHERS = (
    Side(8, "PCMA", 8000),
    Side(9, "G722", 8000),
    Side(18, "G729", 8000),
    Side(97, "iLBC", 8000),
    Side(98, "speex", 16000),
)
BESIDE = frozenset({"PCMA", "G722", "G729"})
"""What rtpengine is asked for as well."""


def host_embedded(other: str) -> None:
    """Run as a process of its own: host the engine until standard input ends."""
    engine = EmbeddedEngine(EngineSettings(bind_v4="127.0.0.1", allow_loopback=True))
    sides = (PCMU, next(side for side in OTHERS if side.codec == other))
    for _ in range(CALLS):
        legs = [engine.open_leg(ipv6=False, events=Deaf()) for _ in SIDES]
        for leg, address, side in zip(legs, SIDES, sides, strict=True):
            format_ = AudioFormat(side.payload_type, side.codec, side.clock_rate, 20, 20)
            leg.set_remote(
                RemoteMedia(
                    rtp_address=address,
                    rtp_port=20_000,
                    rtcp_port=20_001,
                    direction=MediaFlow.BOTH,
                    payload_types={},
                    clock_rates={side.payload_type: side.clock_rate},
                    dtmf_payload_type=None,
                    signalled_from=None,
                    hears=(format_,),
                    speaks=format_,
                )
            )
        engine.bridge(*legs)
        print(" ".join(f"{leg.address} {leg.port}" for leg in legs))
    print(flush=True)
    sys.stdin.read()
    engine.stop()


@contextmanager
def embedded(other: Side) -> Iterator[tuple[int, list[str]]]:
    """The embedded engine in a Python process: its id, and the map's lines."""
    program = f"from bench.transcode import host_embedded; host_embedded({other.codec!r})"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=pin_relay,
    ) as process:
        assert process.stdout is not None
        yield process.pid, list(iter(process.stdout.readline, "\n"))


@contextmanager
def rtpengine(other: Side) -> Iterator[tuple[int, list[str]]]:
    """Rtpengine in user space: its id, and the map's lines."""
    with rtpengine_process() as (pid, control):
        yield pid, list(rtpengine_calls(control, other))


def rtpengine_calls(control: socket.socket, other: Side) -> Iterator[str]:
    """Set up the calls; yield the map's lines."""
    same = {"ICE": "remove", "replace": ["origin", "session-connection"], "from_tag": "a"}
    codec: dict[str, Any] = {"transcode": [other.codec], "mask": [PCMU.codec]}
    for number in range(CALLS):
        call = {"call_id": f"bench-{os.getpid()}-{number}-{time.monotonic_ns()}", **same}
        offer = describe(SIDES[0], PCMU.payload_type, PCMU.rtpmap)
        to_b = ask_rtpengine(control, command="offer", sdp=offer, codec=codec, **call)
        answer = describe(SIDES[1], other.payload_type, other.rtpmap)
        to_a = ask_rtpengine(control, command="answer", to_tag="b", sdp=answer, **call)
        yield f"{to_a[0]} {to_a[1]} {to_b[0]} {to_b[1]}\n"


def main() -> None:
    """Print what each pair costs."""
    load = build_load()
    for other in OTHERS:
        systems = {"embedded": embedded}
        if other.codec in BESIDE and shutil.which("rtpengine"):
            systems["rtpengine"] = rtpengine
        formats = [f"{side.payload_type}:{side.codec}" for side in (PCMU, other)]
        costs: dict[str, list[float]] = {name: [] for name in systems}
        for _ in range(ROUNDS):
            for name, start in systems.items():
                with start(other) as (pid, lines):
                    result = measure(load, pid, lines, "spread", "plain", formats)
                costs[name].append(result["cpu_us_per_packet"])
                figures = f"{result['cpu_us_per_packet']:.1f} us a packet at {result['packets_per_s']:.0f}/s"
                print(f"  PCMU and {other.codec}, {name}: {figures}, {result['lost']} lost")
        medians = {name: statistics.median(values) for name, values in costs.items()}
        if "rtpengine" in medians:
            ratio = medians["embedded"] / medians["rtpengine"]
            print(f"  PCMU and {other.codec}, embedded / rtpengine: {ratio:.2f} (medians of {ROUNDS})")
