"""What a node knows again when it starts."""

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from tests.interop.addresses import free_port
from tests.unit.net.wire import until
from tests.unit.node.ground import (
    KEY,
    Installation,
    in_loop,
    running,
)
from tests.unit.store.entities import ended_call
from tests.unit.virtual_clock import FakeClock
from trunkline.call.record import CallRecord, Direction, RecordState
from trunkline.config import Settings
from trunkline.live.words import Base
from trunkline.net.admission import Evidence, Gate
from trunkline.node import restoring, wiring
from trunkline.node.rooms import Rooms
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.uri import SipUri
from trunkline.store.bans import StoredBan
from trunkline.store.callers import Caller
from trunkline.store.errors import DatabaseError
from trunkline.store.group_commit import Group
from trunkline.store.journal import Journal
from trunkline.store.record_delivery import RecordDelivery
from trunkline.store.record_rows import call_row
from trunkline.store.record_writer import RecordWriter
from trunkline.store.usage import Usage
from trunkline.trunk.account import Account, AccountStatus
from trunkline.trunk.limits import AccountLimits, Held
from trunkline.trunk.registrations import Binding


class Paper:
    """Rooms with a gate and a clock, where bans of operators may last as long as they said."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.settings = Settings.parse('[limits]\nban_s = 300\n[node]\nname = "here"\n')
        self.gate = Gate(self.clock, wiring.gate_settings(self.settings))

    def until_s(self, *bans: StoredBan) -> list[float]:
        """How long each lasts, once they were taken over."""
        restoring.shut_out(cast("Rooms", self), bans)
        return [ban.deadline - self.clock.now() for ban in self.gate.bans()]


def test_a_wall_clock_that_was_wrong_makes_no_ban_longer() -> None:
    paper = Paper()
    in_an_hour = paper.clock.wall() + 3600
    ordered = StoredBan("192.0.2.1", "abuse", int(Evidence.ORDERED), 0.0, in_an_hour)
    earned = StoredBan("192.0.2.2", "flood", int(Evidence.SPOOFABLE), 0.0, in_an_hour)
    assert paper.until_s(ordered, earned) == pytest.approx([3600, 300])


def test_a_ban_that_holds_already_stays_as_it_is() -> None:
    paper = Paper()
    paper.gate.ban("192.0.2.1", "a flood", evidence=Evidence.PROVEN, for_s=10)
    again = StoredBan("192.0.2.1", "abuse", int(Evidence.ORDERED), 0.0, paper.clock.wall() + 3600)
    assert paper.until_s(again) == pytest.approx([10])


def test_who_was_registered_before_the_start_is_known_at_the_gate() -> None:
    """Or forged datagrams could shut it out until it registers again, which they would keep it from."""
    paper = Paper()
    until = paper.clock.now() + 90
    restoring.welcome(
        cast("Rooms", paper),
        [
            Binding(SipUri.parse("sip:a@10.0.0.1"), 1000, until, "c", 1, None, source=source)
            for source in ("UDP 192.0.2.1:5060", "TLS [2001:db8::1]:40000", "")
        ],
    )
    known = ["192.0.2.1", "2001:db8::2"]
    assert [paper.gate.knows(host) for host in (*known, "10.0.0.1")] == [True, True, False]
    paper.clock.advance(91)
    assert not any(paper.gate.knows(host) for host in known)


def test_who_called_within_the_day_is_known_at_the_gate_for_the_rest_of_it() -> None:
    """A PBX that doesn't register ends its calls all at once when the node was killed under them: no BYE
    signs in, and more of them than a stranger may send would have it banned.
    """
    paper = Paper()
    wall = paper.clock.wall()
    callers = [
        Caller("UDP 192.0.2.1:5060", wall - 86_000),
        Caller("TLS [2001:db8::1]:40000", wall + 7200),
        Caller("UDP 192.0.2.3:5060", wall - 86_400),
        Caller("", wall),
    ]
    restoring.welcome_back(cast("Rooms", paper), callers)
    hosts = ["192.0.2.1", "2001:db8::2", "192.0.2.3"]
    assert [paper.gate.knows(host) for host in hosts] == [True, True, False]
    paper.clock.advance(401)
    assert [paper.gate.knows(host) for host in hosts] == [False, True, False]
    paper.clock.advance(86_000)
    assert not any(paper.gate.knows(host) for host in hosts), "a day, whatever the wall clock said"


@pytest.mark.parametrize("ended", [True, False])
def test_a_pbx_whose_calls_a_node_died_under_is_no_stranger_to_the_next(
    tmp_path: Path, *, ended: bool
) -> None:
    installation = Installation.make(tmp_path)
    record = replace(half_a_minute(), direction=Direction.OUTBOUND, source="UDP 192.0.2.1:5060")
    if not ended:
        record = replace(record, ended_at=None, state=RecordState.OPEN)
    journal = Journal(installation.settings.journal_file)
    journal.append(Group({"call": [call_row(record, "a run that was killed")]}, {}))
    journal.close()

    async def once() -> None:
        async with running(installation) as ground:
            gate = ground.node.rooms.gate
            assert [gate.knows(host) for host in ("192.0.2.1", "192.0.2.2")] == [True, False]

    in_loop(once())


@pytest.mark.parametrize("shared", [True, False])
def test_what_a_day_has_used_here_and_elsewhere_is_told_apart(*, shared: bool) -> None:
    paper = Paper()
    limits, said = AccountLimits(paper.clock), list[Base]()
    link = SimpleNamespace(link=SimpleNamespace(ledger=SimpleNamespace(remember=said.extend)))
    rooms: Any = SimpleNamespace(
        clock=paper.clock,
        settings=paper.settings,
        gate=paper.gate,
        directory=SimpleNamespace(account={"acme": Account("acme", minutes_per_day=10)}.get),
        limits=limits,
        shared=link if shared else None,
    )
    used = {
        "here": {"acme": Usage(60.0, 1.0), "gone": Usage(7.0, 7.0)},
        "b": {"acme": Usage(30.0, 0.5)},
        "c": {"acme": Usage(15.0, 0.25)},
    }
    restoring.take(rooms, restoring.Known({}, (), (), used))
    assert limits.here("acme") == Held(0, 60.0, 1.0)
    assert limits.elsewhere("acme") == Held(0, 45.0, 0.75)
    assert said == ([Base("b", "acme", 30.0, 0.5), Base("c", "acme", 15.0, 0.25)] if shared else [])


def test_a_device_that_registered_over_udp_has_its_way_back_unless_a_proxy_is_before_it() -> None:
    paper = Paper()
    got: dict[str, list[Binding]] = {}
    rooms: Any = SimpleNamespace(
        clock=paper.clock,
        settings=paper.settings,
        gate=paper.gate,
        registrations=SimpleNamespace(restore=got.__setitem__),
        transports=SimpleNamespace(flow_to=lambda target: target),
        shared=None,
    )
    uri, until = SipUri.parse("sip:a@10.0.0.1"), paper.clock.now() + 90
    plain = Binding(uri, 1000, until, "c", 1, None, source="UDP 192.0.2.1:5060")
    behind = replace(plain, path=("<sip:192.0.2.9;lr>",))
    stream = replace(plain, source="TCP 192.0.2.1:5060")
    unknown = replace(plain, source="")
    restoring.take(rooms, restoring.Known({"acme": [plain, behind, stream, unknown]}, (), (), {}))
    back: Any = Target(Transport.UDP, Address("192.0.2.1", 5060))
    assert got == {"acme": [replace(plain, flow=back), behind, stream, unknown]}
    assert paper.gate.knows("192.0.2.1")


def test_it_starts_again_where_it_was_stopped_with_its_bans(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def twice() -> None:
        async with running(installation) as ground:
            ground.node.rooms.gate.ban("192.0.2.7", "a test", evidence=Evidence.ORDERED)
            ground.node.rooms.gate.ban("192.0.2.8", "a test", evidence=Evidence.ORDERED)
            ground.node.rooms.gate.ban("192.0.2.9", "a test", evidence=Evidence.SPOOFABLE)
            assert ground.node.lift_ban("192.0.2.8")
            assert not ground.node.lift_ban("192.0.2.8")
        async with running(installation) as ground:
            assert [ban.source for ban in ground.face.bans()] == ["192.0.2.7"]

    in_loop(twice())


def half_a_minute() -> CallRecord:
    """A call that has just ended."""
    now = time.time()
    record = ended_call("c", setup_at=now - 31, account=KEY)
    record.answered_at, record.ended_at = now - 30, now
    return replace(record, node="node-1")


def of_today_s(record: CallRecord) -> float:
    """How much of it."""
    assert record.ended_at is not None
    return min(30.0, record.ended_at % 86400)


def test_what_waits_in_the_journal_counts_among_what_the_day_has_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = Installation.make(tmp_path)
    record = half_a_minute()
    journal = Journal(installation.settings.journal_file)
    journal.append(Group({"call": [call_row(record, "a run that was killed")]}, {}))
    journal.close()
    catch_up, settle = RecordDelivery._catch_up, RecordWriter.settle
    waited_for = threading.Event()

    def take_long(delivery: RecordDelivery) -> None:
        waited_for.wait(5)
        catch_up(delivery)

    def settle_now(writer: RecordWriter, timeout_s: float = 10.0) -> bool:
        waited_for.set()
        return settle(writer, timeout_s)

    monkeypatch.setattr(RecordDelivery, "_catch_up", take_long)
    monkeypatch.setattr(RecordWriter, "settle", settle_now)

    async def once() -> None:
        async with running(installation) as ground:
            assert ground.node.rooms.limits.used_today_s(KEY) == pytest.approx(of_today_s(record), abs=0.1)

    in_loop(once())


def test_what_was_not_known_at_the_start_is_once_the_database_is_back(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path, live__url=f"valkey://127.0.0.1:{free_port()}/0")
    record = half_a_minute()
    file, aside = tmp_path / "trunkline.db", tmp_path / "aside"

    async def twice() -> None:
        async with running(installation) as ground:
            rooms = ground.node.rooms
            device = SipUri.parse("sip:d@127.0.0.1:5999")
            expires = rooms.clock.now() + 600
            binding = Binding(device, 1000, expires, "c", 1, None, source="UDP 127.0.0.1:5999")
            rooms.writer.bindings_changed(KEY, (binding,))
            blocked = Account("blocked", status=AccountStatus.BLOCKED)
            await asyncio.to_thread(rooms.store.accounts.add, blocked)
            rooms.writer.bindings_changed(blocked.key, (binding,))
            rooms.writer.call_changed(record)
        file.rename(aside)
        file.write_bytes(b"no database" * 100)
        async with running(installation) as ground:
            rooms = ground.node.rooms
            assert list(rooms.registrations.accounts()) == []
            aside.rename(file)
            await until(lambda: bool(list(rooms.registrations.accounts())))
            (known,) = rooms.registrations.bindings(KEY)
            assert known.flow is not None
            assert rooms.registrations.bindings(blocked.key) == ()
            assert rooms.shared is not None
            assert rooms.shared.link.board.has_more, "the other nodes hear of it"
            assert rooms.limits.used_today_s(KEY) == pytest.approx(of_today_s(record), abs=0.1)
            rooms.registrations.keep(KEY, {})
            assert await asyncio.to_thread(rooms.watcher.refresh)
            assert list(rooms.registrations.accounts()) == [], "once is enough"

    in_loop(twice())


def test_what_fails_to_be_read_is_read_again_though_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was away at the start, comes back, and fails once more just then."""
    installation = Installation.make(tmp_path)
    read, tries = restoring.read, []

    def fail_thrice(rooms: Rooms) -> restoring.Known:
        tries.append(rooms)
        if len(tries) <= 3:
            raise DatabaseError("gone again")
        return read(rooms)

    monkeypatch.setattr(restoring, "read", fail_thrice)

    async def once() -> None:
        async with running(installation) as ground:
            ban = StoredBan("192.0.2.7", "abuse", int(Evidence.PROVEN), 0.0, time.time() + 60)
            ground.node.rooms.writer.ban_changed(ban.source, ban)
            assert await asyncio.to_thread(ground.node.rooms.writer.flush)
            assert list(ground.node.rooms.gate.bans()) == []
            for _ in range(3):
                assert await asyncio.to_thread(ground.node.rooms.watcher.refresh)
            assert [one.source for one in ground.node.rooms.gate.bans()] == [ban.source]

    with capture_logs() as logs:
        in_loop(once())
    told = [one.get("reason") for one in logs if "registrations, bans" in one["event"]]
    assert told == ["gone again", "gone again", None], "at the start, after it, and once it is known"
