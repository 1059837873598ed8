"""What a node costs while nothing happens, and each call that is up meanwhile: processor time of each second.

Its legs keep how its audio goes, in the node's own engine; where the media are an rtpengine's, that one is
asked now and then. Nobody talks, so nothing is relayed. LIVE and SECONDS in the environment change the sizes.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench._calls import CUSTOMER_PORT, SETTLED_S, STANDING_RATE, Customer, carrier, cpu_s
from bench._systems import Running, place, rtpengine, trunkline

LIVE = int(os.environ.get("LIVE", "2000"))
SECONDS = int(os.environ.get("SECONDS", "20"))


def main() -> None:
    for engine in ("embedded", "rtpengine"):
        missing = [name for name in ("sipp", engine) if name != "embedded" and not shutil.which(name)]
        if missing:
            print(f"  not installed: {', '.join(missing)}")
            continue
        with tempfile.TemporaryDirectory() as folder, node(Path(folder), engine) as system:
            time.sleep(SETTLED_S)
            alone_s = spent_s(system)
            there_s = LIVE / STANDING_RATE + SETTLED_S
            with carrier(system, Path(folder)):
                talk_ms = round(1000 * (there_s + SECONDS + 5))
                others = Customer(
                    system._replace(talk_ms=talk_ms), Path(folder), CUSTOMER_PORT, STANDING_RATE, LIVE
                )
                time.sleep(there_s)
                used_s = spent_s(system) - alone_s
                failed = LIVE - others.succeeded()
        each_us = 1e6 * used_s / SECONDS / LIVE
        alone_ms = 1e3 * alone_s / SECONDS
        print(f"  {engine:9}: {alone_ms:5.2f} ms a second without a call")
        print(f"  {'':9}  {each_us:5.1f} µs a second and call, {LIVE} of them, {failed} failed")


@contextmanager
def node(folder: Path, engine: str) -> Iterator[Running]:
    """One with its own media, or with an rtpengine, whose time doesn't count."""
    here = place(0)
    media = "timeout_s = 3600\nport_min = 20000\nport_max = 65534"
    with ExitStack() as stack:
        if engine == "rtpengine":
            control = f"{here.system}:2223"
            stack.enter_context(rtpengine(folder, here, control))
            media = f'timeout_s = 3600\nengine = "rtpengine"\nrtpengine = ["udp:{control}"]'
        yield stack.enter_context(trunkline(folder, here, media=media))


def spent_s(system: Running) -> float:
    """Seconds on a processor, in `SECONDS`."""
    before = cpu_s(system.pids)
    time.sleep(SECONDS)
    return cpu_s(system.pids) - before
