"""What breaks, while calls are placed. Each returns plain figures; `test_faults` judges them."""

import asyncio
import os
import random
import signal
import socket
import sqlite3
import tempfile
from pathlib import Path
from typing import cast

from tests.faults.world import (
    CARRIER,
    CUSTOMER,
    NODE,
    NUMBER,
    PORT,
    Figures,
    World,
    counted,
    heard,
    until,
    world,
)
from tests.interop.node import KEY
from tests.unit.net.dns_server import DnsServer
from tests.unit.store.entities import ended_call
from trunkline.call.record import CallRecord
from trunkline.sip.uri import SipUri
from trunkline.store.group_commit import Group
from trunkline.store.journal import Journal
from trunkline.store.record_rows import call_row
from trunkline.web.control_client import ControlClient
from trunkline.web.views import CallState


async def _as_root(*command: str) -> None:
    """In the namespaces of this process."""
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0, command


NAME_SERVER = "10.77.9.1"
NAME_SERVER_S = 0.75
"""How long a slow one takes."""
OUTAGE_S = float(os.environ.get("OUTAGE_S", "8"))
"""How long the database is locked or gone: longer than a writer waits for it."""


async def database_locked() -> Figures:
    """Somebody else holds the database for `OUTAGE_S`."""
    async with world() as here:
        before = await here.calls(3, 0.2)
        database = sqlite3.connect(here.node.directory / "trunkline.db", isolation_level=None)
        database.execute("BEGIN EXCLUSIVE")
        during = await here.calls(int(4 * OUTAGE_S), 0.25)
        database.execute("COMMIT")
        database.close()
        after = await here.calls(3, 0.2)
        return await counted(here, [*before, *during, *after])


async def database_gone() -> Figures:
    """Its file can't be opened for half of `OUTAGE_S`."""
    async with world() as here:
        before = await here.calls(3, 0.2)
        files = [path for path in here.node.directory.iterdir() if path.name.startswith("trunkline.db")]
        for path in files:
            await _as_root("mount", "--bind", "/dev/full", str(path))
        during = await here.calls(int(2 * OUTAGE_S), 0.25)
        for path in files:
            await _as_root("umount", str(path))
        after = await here.calls(3, 0.2)
        return await counted(here, [*before, *during, *after])


async def disk_full() -> Figures:
    """The data directory's file system has no room for a while."""
    with tempfile.TemporaryDirectory() as folder:
        await _as_root("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder)
        try:
            async with world(folder=Path(folder)) as here:
                before = await here.calls(3, 0.2)
                ballast = Path(folder) / "ballast"
                _fill(ballast)
                during = await here.calls(16, 0.25)
                left = _free_bytes(folder)
                ballast.unlink()
                after = await here.calls(3, 0.2)
                return await counted(here, [*before, *during, *after]) | {"left": left}
        finally:
            await _as_root("umount", "--lazy", folder)


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def _free_bytes(folder: str) -> int:
    stats = os.statvfs(folder)
    return stats.f_bavail * stats.f_frsize


async def bad_network() -> Figures:
    """On both sides of the node SIP suffers 5 % loss, 5 % duplicates, and up to 100 ms of delay, which
    reorders."""
    return await _relayed(_Rough, 16, 0.4)


async def poor_network() -> Figures:
    """The same with 1 % loss and 1 % duplicates."""
    return await _relayed(_Poor, 16, 0.4)


async def everything_thrice() -> Figures:
    """On both sides of the node every SIP message is sent three times."""
    return await _relayed(_Triple, 3, 1.0)


async def _relayed(relay: "type[_Relay]", calls: int, every_s: float) -> Figures:
    """Calls through a relay before the node and one behind it."""
    loop = asyncio.get_running_loop()
    near, far = "10.77.0.8", "10.77.0.9"
    async with world(gateways=(f"sip:{far}:{PORT}",)) as here:
        here.node.command("carrier", "set", "upstream", "--source", far)
        ways = ((near, CUSTOMER, NODE), (far, NODE, CARRIER))
        relays = [relay(one, other) for _, one, other in ways]
        for (host, _, _), each in zip(ways, relays, strict=True):
            await loop.create_datagram_endpoint(lambda each=each: each, (host, PORT))  # type: ignore[misc]
        reports = await here.calls(
            calls, every_s, talk_s=1.0, ring_s=40.0, next_hop=SipUri("sip", None, near, PORT)
        )
        figures = await counted(here, reports, 45.0)
        for each in relays:
            each.transport.close()
        return figures


class _Relay(asyncio.DatagramProtocol):
    """Passes datagrams between two hosts."""

    transport: asyncio.DatagramTransport

    def __init__(self, one: str, other: str) -> None:
        self._ways = {one: (other, PORT), other: (one, PORT)}
        self._random = random.Random(5)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.passed(data, self._ways[addr[0]])

    def passed(self, data: bytes, to: tuple[str, int]) -> None:
        """What becomes of one."""
        self.transport.sendto(data, to)


class _Triple(_Relay):
    def passed(self, data: bytes, to: tuple[str, int]) -> None:
        for _ in range(3):
            self.transport.sendto(data, to)


class _Rough(_Relay):
    PERCENT = 5
    """Of the datagrams are lost, and as many doubled."""

    def passed(self, data: bytes, to: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        copies = self._random.choices((0, 1, 2), (self.PERCENT, 100 - 2 * self.PERCENT, self.PERCENT))[0]
        for _ in range(copies):
            loop.call_later(self._random.uniform(0, 0.1), self.transport.sendto, data, to)


class _Poor(_Rough):
    PERCENT = 1


async def bad_carriers() -> Figures:
    """A gateway that is silent, one that says 100 and nothing more, one that resets its connections, one that
    takes them and reads nothing; then a good one."""
    silent, trying, resetting, deaf = "10.77.1.1", "10.77.1.2", "10.77.1.3", "10.77.1.4"
    gateways = (
        f"sip:{silent}:{PORT}",
        f"sip:{trying}:{PORT}",
        f"sip:{resetting}:{PORT};transport=tcp",
        f"sip:{deaf}:{PORT};transport=tcp",
        f"sip:{CARRIER}:{PORT}",
    )
    async with world(
        {"outbound.attempt_timeout_ms": 700, "outbound.progress_timeout_s": 1.0}, gateways=gateways
    ) as here:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody, socket.socket() as half_open:
            nobody.bind((silent, PORT))
            half_open.bind((deaf, PORT))
            half_open.listen()
            hesitant, _ = await loop.create_datagram_endpoint(_Hesitant, (trying, PORT))
            rude = await asyncio.start_server(_reset, resetting, PORT)
            reports = await here.calls(3, 0.1, ring_s=30.0)
            hesitant.close()
            rude.close()
        figures = await counted(here, reports)
        detail = here.node.command("calls", here.records()[0]["call_id"])
        return figures | {"attempts": [one["verdict"] for one in detail["attempt_records"]]}


class _Hesitant(asyncio.DatagramProtocol):
    """Answers 100 to INVITE, and 200 to the CANCEL that follows; nothing else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        head, *fields = data.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
        if head.startswith("INVITE"):
            kept = [line for line in fields if line.split(":")[0].lower() in _ECHOED]
            answer = "\r\n".join(["SIP/2.0 100 Trying", *kept, "Content-Length: 0", "", ""])
            self._transport.sendto(answer.encode("latin-1"), addr)


_ECHOED = ("via", "from", "to", "call-id", "cseq")


async def _reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.close()


async def dead_names() -> Figures:
    """The name servers are silent: an endpoint by name costs its time, the next one by address takes the
    call."""
    async with world({"dns.nameservers": ["10.77.9.9"], "dns.timeout_s": 1.0}) as here:
        node = here.node
        node.command(
            "number", "add", NUMBER, "--account", KEY, "--forward", f"1@pbx.example.com, 1@{CUSTOMER}:{PORT}"
        )
        reports = [await here.call_in() for _ in range(3)]
        figures = await counted(here, reports)
        detail = node.command("calls", here.records()[0]["call_id"])
        return figures | {"attempts": [one["verdict"] for one in detail["attempt_records"]]}


async def slow_names() -> Figures:
    """The name server takes its time: endpoints by name are called all the same."""
    server = DnsServer()
    server.add("pbx.example.com", "A", CUSTOMER)

    class Late(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            server.connection_made(transport)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            asyncio.get_running_loop().call_later(NAME_SERVER_S, server.datagram_received, data, addr)

    async with world({"dns.nameservers": [NAME_SERVER]}) as here:
        await asyncio.get_running_loop().create_datagram_endpoint(Late, (NAME_SERVER, 53))
        here.node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"1@pbx.example.com:{PORT}")
        reports = [await here.call_in() for _ in range(3)]
        return await counted(here, reports)


async def killed() -> Figures:
    """SIGKILL with calls up; started again at once."""
    async with world() as here:
        placed = [asyncio.create_task(here.call(talk_s=4.0)) for _ in range(5)]
        await until(lambda: _answered(here) == 5)
        await until(lambda: len(here.node.open_calls()) == 5)
        here.node.signal(signal.SIGKILL)
        assert here.node.process is not None
        here.node.process.wait()
        await asyncio.to_thread(here.node.start)
        again = await here.calls(5, 0.1)
        ended = await asyncio.gather(*placed)
        rows = await here.closed_records(len(placed) + len(again))
        figures = await counted(here, again)
        return figures | {
            "ended": sum(report.hung_up_by_us for report in ended),
            "states": sorted(here.node.command("calls", row["call_id"])["state"] for row in rows),
        }


def _answered(here: World) -> int:
    """How many calls are up and answered."""
    with ControlClient(here.node.directory / "control.sock") as line:
        return sum(call.state is CallState.ANSWERED for call in line.calls())


async def journal_poisoned() -> Figures:
    """A node dies, and its next start finds in the journal, between groups that are good, what the database
    can't hold and what is no group.
    """
    async with world() as here:
        here.node.kill()
        too_much = ended_call("too-much")
        too_much.attempts = 2**70
        left = Journal(here.node.directory / "records.journal")
        for entry in (
            _group(ended_call("before")),
            _group(too_much),
            {"no": "group"},
            _group(ended_call("behind")),
        ):
            left.append(entry)
        left.close()
        await asyncio.to_thread(here.node.start)
        reports = await here.calls(3, 0.2)
        rows = await here.closed_records(len(reports) + 2)
        return {
            "heard": heard(reports),
            "records": len(rows),
            "left": sorted(
                row["call_id"] for row in rows if row["call_id"] in ("before", "behind", "too-much")
            ),
            "errors": [line["event"] for line in here.node.log() if line["level"] == "error"],
            "journal": (here.node.directory / "records.journal").exists(),
        }


def _group(record: CallRecord) -> Group:
    return Group({"call": [call_row(record, "earlier")]}, {})


async def ports_exhausted() -> Figures:
    """Ten callers where there are ports for five; then five again."""
    async with world({"media.port_max": 10019, "media.drain_s": 0.3}) as here:
        await here.call()  # known from now on, its address has a customer's budget
        await until(lambda: _free(here))
        crowd = await asyncio.gather(*(here.call(talk_s=1.5) for _ in range(10)))
        await until(lambda: _free(here))
        again = await asyncio.gather(*(here.call() for _ in range(5)))
        statuses = sorted(report.status or 0 for report in crowd)
        return {"crowd": statuses, "again": heard(again)}


def _free(here: World) -> bool:
    """Whether no media port is in use, or rests after a call."""
    return not any(here.node.gauge(f'media_port_pairs{{state="{state}"}}') for state in ("open", "draining"))
