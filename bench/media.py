"""What relaying costs: CPU microseconds per RTP packet, of the embedded engine and of rtpengine if installed.

Both relay the same load (N calls of PCMA, 20 ms, both ways, on loopback) in turns, and their medians are
compared: the machine's mood weighs more than a single run can tell. The embedded engine relays it as SRTP as
well: on one side, where each packet is deciphered or enciphered, and on both, where it is first one and then
the other. Every thread of the relay's process counts, the kernel's work for it included. Also: what opening,
setting, bridging and closing a call's two legs costs. CALLS, SECONDS and ROUNDS in the environment change the
load.
"""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from trunkline.call.ports import MediaFlow, RemoteMedia, SrtpKeys
from trunkline.media.embedded import EmbeddedEngine, EngineSettings

ROOT = Path(__file__).parent.parent
CALLS = int(os.environ.get("CALLS", "200"))
SECONDS = int(os.environ.get("SECONDS", "5"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
NG_PORT = 22_223
PATTERNS = ("slots", "spread")
"""All packets of a millisecond at once, or evenly spread as unrelated calls would be."""
SIDES = ("127.0.0.10", "127.0.0.20")
RELAY_CPU, LOAD_CPU = 1, 0
PLAIN, ONE, BOTH = "plain", "one", "both"
"""Which sides have SRTP; the load has words for it and the same keys."""
KEYS = SrtpKeys(send=bytes([1]) * 30, receive=bytes([2]) * 30)
SECURE = {PLAIN: (), ONE: SIDES[:1], BOTH: SIDES}


class Deaf:
    """A `MediaEvents` for calls that nobody hangs up."""

    def media_timed_out(self, leg: object) -> None:
        """Never mind."""

    def digit_received(self, leg: object, digit: str, duration_ms: int) -> None:
        """None is told."""

    def sound_ended(self, leg: object) -> None:
        """None is announced."""

    def key_worn(self, leg: object, *, spent: bool) -> None:
        """They last."""


def remote(address: str, srtp: SrtpKeys | None = None) -> RemoteMedia:
    """The load's side at `address`."""
    return RemoteMedia(
        address,
        20_000,
        20_001,
        MediaFlow.BOTH,
        {8: 8, 101: 101},
        {8: 8000, 101: 8000},
        101,
        None,
        srtp=srtp,
    )


def embedded_calls(engine: EmbeddedEngine, protection: str) -> Iterator[str]:
    """Set up the calls; yield the map's lines."""
    for _ in range(CALLS):
        legs = [engine.open_leg(ipv6=False, events=Deaf()) for _ in SIDES]
        for leg, side in zip(legs, SIDES, strict=True):
            leg.set_remote(remote(side, KEYS if side in SECURE[protection] else None))
        engine.bridge(*legs)
        yield " ".join(f"{leg.address} {leg.port}" for leg in legs)


def host_embedded(protection: str) -> None:
    """Run as a process of its own: host the engine until standard input ends."""
    engine = EmbeddedEngine(EngineSettings(bind_v4="127.0.0.1", allow_loopback=True))
    print("\n".join(embedded_calls(engine, protection)), flush=True)
    print(flush=True)
    sys.stdin.read()
    engine.stop()


@contextmanager
def embedded(protection: str) -> Iterator[tuple[int, list[str]]]:
    """The embedded engine in a Python process: its id, and the map's lines."""
    program = f"from bench.media import host_embedded; host_embedded({protection!r})"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=pin_relay
    ) as process:
        assert process.stdout is not None
        yield process.pid, list(iter(process.stdout.readline, "\n"))


def bencode(value: Any) -> bytes:
    """The encoding of rtpengine's control protocol."""
    match value:
        case str():
            return f"{len(value.encode())}:{value}".encode()
        case list():
            return b"l" + b"".join(map(bencode, value)) + b"e"
        case dict():
            return b"d" + b"".join(bencode(key) + bencode(item) for key, item in value.items()) + b"e"
    raise TypeError(value)


def ask_rtpengine(control: socket.socket, **fields: Any) -> tuple[str, int]:
    """One command with a session description: the relay's address and port in the answer."""
    cookie = f"{time.monotonic_ns()} "  # a repeated one would get the first one's answer again
    control.send(cookie.encode() + bencode({name.replace("_", "-"): value for name, value in fields.items()}))
    answer = control.recv(65_535).decode()
    if "c=IN IP4 " not in answer:
        raise RuntimeError(f"rtpengine said {answer!r}")
    return answer.split("c=IN IP4 ")[1].split()[0], int(answer.split("m=audio ")[1].split()[0])


def describe(address: str, payload_type: int = 8, rtpmap: str = "PCMA/8000") -> str:
    """A session description of the load's side at `address`."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0"]
    lines += [f"m=audio 20000 RTP/AVP {payload_type}", f"a=rtpmap:{payload_type} {rtpmap}"]
    lines += ["a=ptime:20", "a=sendrecv", ""]
    return "\r\n".join(lines)


def rtpengine_calls(control: socket.socket) -> Iterator[str]:
    """Set up the calls; yield the map's lines."""
    same = {"ICE": "remove", "replace": ["origin", "session-connection"], "from_tag": "a"}
    for number in range(CALLS):
        call = {"call_id": f"bench-{os.getpid()}-{number}-{time.monotonic_ns()}", **same}
        to_b = ask_rtpengine(control, command="offer", sdp=describe(SIDES[0]), **call)
        to_a = ask_rtpengine(control, command="answer", to_tag="b", sdp=describe(SIDES[1]), **call)
        yield f"{to_a[0]} {to_a[1]} {to_b[0]} {to_b[1]}\n"


@contextmanager
def rtpengine_process() -> Iterator[tuple[int, socket.socket]]:
    """Rtpengine in user space: its id, and a socket to its control port."""
    options = ["--config-file=none", "--table=-1", "--interface=127.0.0.1", "--foreground", "--log-level=3"]
    options += [
        f"--listen-ng=127.0.0.1:{NG_PORT}",
        "--num-threads=2",
        "--media-num-threads=2",
        "--delete-delay=0",
    ]
    options += ["--port-min=30000", "--port-max=49999", "--log-stderr"]
    with (
        subprocess.Popen(["rtpengine", *options], stderr=subprocess.DEVNULL, preexec_fn=pin_relay) as process,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control,
    ):
        time.sleep(1.0)
        control.settimeout(3.0)
        control.connect(("127.0.0.1", NG_PORT))
        try:
            yield process.pid, control
        finally:
            process.terminate()


@contextmanager
def rtpengine() -> Iterator[tuple[int, list[str]]]:
    """The same with the calls of the load: its id, and the map's lines."""
    with rtpengine_process() as (pid, control):
        yield pid, list(rtpengine_calls(control))


def pin_relay() -> None:
    """The relay has a processor, the load another, where there are two."""
    if (os.cpu_count() or 1) > RELAY_CPU:
        os.sched_setaffinity(0, {RELAY_CPU})


def measure(
    load: Path, pid: int, lines: list[str], pattern: str, protection: str, formats: Sequence[str] = ()
) -> dict[str, float]:
    """Run the load against a relay. `formats`: `type:codec` of each side, if not PCMA."""
    with tempfile.NamedTemporaryFile("w", suffix=".map") as file:
        file.writelines(lines)
        file.flush()
        command = [str(load), file.name, str(SECONDS), str(pid), pattern, protection, *formats]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CPU}),
        )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def build_load() -> Path:
    """The load generator, an example of the engine crate."""
    command = [
        "cargo",
        "build",
        "--release",
        "--quiet",
        "--locked",
        "--manifest-path",
        str(ROOT / "native/Cargo.toml"),
    ]
    command += ["--package", "trunkline-engine", "--example", "rtpload", "--message-format=json"]
    built = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    artifacts = (json.loads(line) for line in built.splitlines())
    return next(Path(item["executable"]) for item in artifacts if item.get("executable"))


def call_cost(rounds: int = 2000) -> float:
    """CPU microseconds of a call: two legs opened, set twice each, bridged, closed."""
    engine = EmbeddedEngine(EngineSettings(bind_v4="127.0.0.1", allow_loopback=True, drain_s=0.0))
    remotes, events = [remote(side) for side in SIDES], Deaf()

    def calls(count: int) -> float:
        begun = time.process_time()
        for _ in range(count):
            legs = [engine.open_leg(ipv6=False, events=events) for _ in SIDES]
            for leg, peer in zip(legs, remotes, strict=True):
                leg.set_remote(peer)
                leg.set_remote(peer)
            engine.bridge(*legs)
            for leg in legs:
                leg.close()
        return (time.process_time() - begun) / count * 1e6

    calls(rounds // 4)
    cost = calls(rounds)
    engine.stop()
    return cost


Relay = Callable[[], AbstractContextManager[tuple[int, list[str]]]]


def relays() -> dict[str, tuple[Relay, str]]:
    """Name -> how to start it, and which sides of its calls have SRTP."""
    found: dict[str, tuple[Relay, str]] = {
        "embedded": (partial(embedded, PLAIN), PLAIN),
        "SRTP on one side": (partial(embedded, ONE), ONE),
        "SRTP on both sides": (partial(embedded, BOTH), BOTH),
    }
    if shutil.which("rtpengine"):
        found["rtpengine"] = (rtpengine, PLAIN)
    return found


def main() -> None:
    """Print what each costs."""
    print(f"  a call's legs, opened to closed: {call_cost():.1f} us")
    load = build_load()
    candidates = relays()
    for pattern in PATTERNS:
        costs: dict[str, list[float]] = {name: [] for name in candidates}
        for _ in range(ROUNDS):
            for name, (relay, protection) in candidates.items():
                with relay() as (pid, lines):
                    result = measure(load, pid, lines, pattern, protection)
                costs[name].append(result["cpu_us_per_packet"])
                figures = f"{result['cpu_us_per_packet']:.2f} us a packet at {result['packets_per_s']:.0f}/s"
                print(f"  {pattern}, {name}: {figures}, {result['lost']} lost")
        medians = {name: statistics.median(values) for name, values in costs.items()}
        for name in ("SRTP on one side", "SRTP on both sides"):
            print(f"  {pattern}, {name} / plain: {medians[name] / medians['embedded']:.2f}")
        if "rtpengine" in medians:
            ratio = medians["embedded"] / medians["rtpengine"]
            print(f"  {pattern}, embedded / rtpengine: {ratio:.2f} (medians of {ROUNDS})")
