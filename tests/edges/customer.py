"""One customer's PBX: SIPp, and the step before it that finds out where to call.

Two kinds. `srv` follows the service's name as RFC 2782 says: for each call anew, by the zone as it is then.
`nearest` knows no SRV and does what the document advises: it shares its calls between the two nearest edges,
and keeps the others as backup. Both try the next target when one refuses with 503 (RFC 3263 §4.3) or says
nothing for `SILENCE_S`.

A call is one SIPp for each target that is tried. What became of it is a line of JSON on standard output, with
the moments as seconds of the wall clock.
"""

import asyncio
import itertools
import json
import re
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from tests.edges.ground import DOMAIN
from tests.interop.sipp.scenario import Caller
from trunkline.cli.stations import Ground, on_ground
from trunkline.sip.ports import Address, LocateFailure, Target
from trunkline.sip.uri import SipUri

SILENCE_S: Final = 2.0
"""After that long without an answer a target is given up."""
TARGETS: Final = 3
"""So many are tried."""
TALK_S: Final = 6.0
_STATUS = re.compile(r"(?m)^SIP/2\.0 ([0-9]{3}) ")
_FIRST_PORT: Final = 20_000
_PORTS: Final = 8
"""Of each SIPp: one for SIP, and four in a row for media."""


@dataclass
class Placed:
    """One call of a customer."""

    customer: str
    began_at: float
    tried: list[str] = field(default_factory=list)
    """Hosts, in this order; the last one took the call or was the last that did not."""
    answered_at: float | None = None
    ended_at: float = 0.0
    outcome: str = ""
    """`whole`: answered, and hung up in order. `cut`: answered, and nobody knew of it any more. `refused`: a
    final status from the last target. `silent`: no answer.
    """
    status: int = 0
    """The last final one."""


def scenario(file: Path, key: str, called: str, here: str) -> None:
    """One call of `TALK_S`, without audio."""
    lines = (
        "v=0",
        f"o=pbx 1 1 IN IP4 {here}",
        "s=-",
        f"c=IN IP4 {here}",
        "t=0 0",
        "m=audio 30000 RTP/AVP 0 8",
    )
    caller = Caller(called, caller=key, domain=DOMAIN, body="\n".join(lines))
    caller.invite_with_credentials()
    caller.answered()
    caller.pause(int(TALK_S * 1000))
    caller.bye()
    caller.write(file)


class Customer:
    """Places `calls` calls, `rate` a second."""

    def __init__(self, name: str, folder: Path, key: str, secret: str, called: str) -> None:
        self._name = name
        self._folder = folder
        self._sign = ("-au", key, "-ap", secret)
        self._ports = itertools.count(_FIRST_PORT, _PORTS)
        self._here = _own_address()
        self._scenario = folder / "call.xml"
        scenario(self._scenario, key, called, self._here)

    async def place(self, targets: list[Address]) -> Placed:
        """One call."""
        call = Placed(self._name, time.time())
        for target in targets[:TARGETS]:
            call.tried.append(target.host)
            await self._try(call, target)
            if call.outcome != "silent" and call.status != 503:
                break
        call.ended_at = time.time()
        return call

    async def _try(self, call: Placed, target: Address) -> None:
        port = next(self._ports)
        trace = self._folder / f"{port}.messages"
        process = await asyncio.create_subprocess_exec(
            *("sipp", "-sf", str(self._scenario), "-i", self._here, "-p", str(port), "-mp", str(port + 4)),
            *("-m", "1", "-nostdin", "-skip_rlimit", "-recv_timeout", f"{SILENCE_S * 1000:.0f}"),
            *("-trace_msg", "-message_file", str(trace), "-timeout", "30s", "-timeout_error", *self._sign),
            f"{target.host}:{target.port}",
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            while process.returncode is None and call.answered_at is None:
                if 200 in _statuses(trace):
                    call.answered_at = time.time()
                await _at_most(process.wait(), 0.05)
            whole = await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
        if not trace.exists():
            raise RuntimeError(f"SIPp did not begin at port {port}")
        finals = [status for status in _statuses(trace) if status >= 200 and status != 407]
        if 200 in finals and call.answered_at is None:
            call.answered_at = time.time()
        call.status = finals[-1] if finals else 0
        if call.answered_at is not None:
            call.outcome = "whole" if whole else "cut"
        else:
            call.outcome = "refused" if finals else "silent"


async def _at_most(work: object, seconds: float) -> None:
    waiting = asyncio.ensure_future(work)  # type: ignore[call-overload]
    await asyncio.wait([waiting], timeout=seconds)
    waiting.cancel()


def _statuses(trace: Path) -> list[int]:
    """Those that came, in this order."""
    return (
        [int(status) for status in _STATUS.findall(trace.read_text(errors="replace"))]
        if trace.exists()
        else []
    )


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("10.255.255.255", 9))
        return str(probe.getsockname()[0])


async def located(ground: Ground, uri: str) -> list[Address]:
    """Targets of a URI, the first to try first; none while nobody answers for its name."""
    found: asyncio.Future[list[Target] | None] = asyncio.get_running_loop().create_future()

    def take(targets: object) -> None:
        found.set_result(None if isinstance(targets, LocateFailure) else targets)  # type: ignore[arg-type]

    ground.resolver.locate(SipUri.parse(uri), take)
    return [target.address for target in await found or []]


async def play(
    ground: Ground, customer: Customer, rule: Callable[[int], list[str]], calls: int, rate: float
) -> None:
    """Place them; `rule` gives the names for the call with this number."""

    async def one(number: int) -> None:
        targets = [address for uri in rule(number) for address in await located(ground, uri)]
        sys.stdout.write(json.dumps(asdict(await customer.place(targets))) + "\n")
        sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        for number in range(calls):
            group.create_task(one(number))
            await asyncio.sleep(1 / rate)


def srv(name: str) -> Callable[[int], list[str]]:
    """The service's name, or a region's."""
    return lambda _number: [f"sip:{name};transport=udp"]


def nearest(share: list[str], backup: list[str]) -> Callable[[int], list[str]]:
    """In turns, the other one next, then the backup."""

    def names(number: int) -> list[str]:
        turn = number % len(share)
        return [f"sip:{name}:5060;transport=udp" for name in [*share[turn:], *share[:turn], *backup]]

    return names


def main() -> None:
    order = json.loads(sys.argv[1])
    folder = Path(order["folder"])
    folder.mkdir()
    rule = srv(order["srv"]) if "srv" in order else nearest(order["share"], order["backup"])
    customer = Customer(order["name"], folder, order["key"], order["secret"], order["called"])
    on_ground(None, lambda ground: play(ground, customer, rule, order["calls"], order["rate"]))


if __name__ == "__main__":
    main()
