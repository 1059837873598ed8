"""A fault of ours, or a journal that can not be written, costs no group and holds no other up."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.store.deliveries import Keeping, Open, break_writer, group, ids
from tests.unit.store.entities import call_record, ended_call
from trunkline.store import record_delivery
from trunkline.store.calls import Calls
from trunkline.store.database import Database
from trunkline.store.group_commit import Group
from trunkline.store.journal import Journal
from trunkline.store.record_delivery import RecordDelivery


def fault(
    monkeypatch: pytest.MonkeyPatch, delivery: RecordDelivery, of: str = "", *, times: int = 99
) -> None:
    """The writer has a fault, with every group or with those that hold `of`, so many times."""
    real, left = delivery._writer.write, [times]

    def write(groups: Sequence[Group], mark: tuple[str, str] | None = None) -> int:
        if left[0] and of in repr(groups):
            left[0] -= 1
            raise RuntimeError("mine")
        return real(groups, mark)

    monkeypatch.setattr(delivery._writer, "write", write)


@pytest.mark.parametrize("kept", [False, True])
def test_a_fault_costs_no_group(
    open_delivery: Open,
    database: Database,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kept: bool,
) -> None:
    """It waits in the journal, whether it was there before or not, and those after it wait their turn."""
    keeping = Keeping(open_delivery())
    delivery = keeping.delivery
    delivery.tick(0.0, 2000.0)
    fault(monkeypatch, delivery, times=2)
    for one in group(call_record("a")), group(ended_call("a")), group(ended_call("b")):
        if kept:
            keeping.keep(one)
            keeping.deliver()
        else:
            delivery.deliver([one])
    assert (ids(database), delivery.waiting, delivery.journal_bytes > 900) == ([], True, True)
    delivery.tick(1.0, 2000.0)
    assert ids(database) == []
    delivery.tick(1.4, 2000.0)
    assert ids(database) == [], "not all the time"
    delivery.tick(1.5, 2000.0)
    assert [Calls(database).get(one).call for one in "ab"] == [ended_call("a"), ended_call("b")]
    assert (delivery.written, delivery.refused, delivery.waiting, delivery.away) == (3, 0, False, None)
    assert not journal.exists()
    assert [line.levelname for line in caplog.records] == ["ERROR", "WARNING"]
    assert "a fault in the writer: records wait in the journal" in caplog.text


@pytest.mark.parametrize("kept", [False, True])
def test_while_nothing_can_be_written_nothing_is_left_out_and_the_next_process_delivers_it(
    open_delivery: Open, database: Database, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    keeping = Keeping(open_delivery())
    keeping.delivery.tick(0.0, 2000.0)
    fault(monkeypatch, keeping.delivery)
    if kept:
        keeping.keep(group(ended_call("a")), group(ended_call("b")))
        keeping.deliver()
    else:
        keeping.delivery.deliver([group(ended_call("a")), group(ended_call("b"))])
    for second in range(1, 20):
        keeping.delivery.tick(float(second), 2000.0)
    keeping.delivery.close()
    assert (ids(database), keeping.delivery.refused) == ([], 0)
    later = open_delivery("run2")
    later.tick(0.0, 9000.0)
    assert (ids(database), later.written) == (["a", "b"], 2)


@pytest.mark.parametrize("place", ["journal", "memory"])
def test_a_group_that_meets_a_fault_each_time_is_left_out_and_holds_nobody_up(
    open_delivery: Open,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: str,
) -> None:
    delivery = open_delivery()
    delivery.tick(0.0, 2000.0)
    fault(monkeypatch, delivery, of="poison")
    with monkeypatch.context() as disk:
        if place == "memory":
            disk.setattr(os, "pwrite", lambda _fd, _data, _offset: 0)
        delivery.deliver([group(ended_call(one)) for one in ("a", "poison", "b")])
    delivery.deliver([group(ended_call("c"))])
    for second in range(1, 6):
        delivery.tick(float(second), 2000.0)
    assert ids(database) == ["a", "b", "c"]
    assert (delivery.written, delivery.refused, delivery.waiting) == (3, 1, False)
    [line] = [line.getMessage() for line in caplog.records if "left out" in line.getMessage()]
    assert f"call, Call-ID {ended_call('poison').sip_call_id}, call poison" in line
    delivery.deliver([group(ended_call("d"))])
    assert ids(database) == ["a", "b", "c", "d"]


def test_what_is_no_group_holds_nobody_up(open_delivery: Open, database: Database, journal: Path) -> None:
    """As another version may have left it."""
    left = Journal(journal)
    for entry in (group(ended_call("a")), {"no": "group"}, [1, 2], [{"no table": [[1]]}, {}]):
        left.append(entry)
    left.append(group(ended_call("b")))
    left.close()
    delivery = open_delivery("run2")
    for second in range(12):
        delivery.tick(float(second), 9000.0)
    assert (ids(database), delivery.refused, delivery.waiting) == (["a", "b"], 1, False)
    assert not journal.exists()


def test_what_the_journal_can_not_hold_goes_on(open_delivery: Open, database: Database) -> None:
    keeping = Keeping(open_delivery())
    keeping.delivery.tick(0.0, 2000.0)
    impossible = ended_call("a")
    impossible.dialled = object()  # type: ignore[assignment]
    keeping.keep(group(impossible), group(ended_call("b")))
    keeping.deliver()
    assert (ids(database), keeping.delivery.refused) == (["b"], 1)


def test_what_is_damaged_in_the_journal_is_said_and_the_rest_is_delivered(
    open_delivery: Open, database: Database, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeping = Keeping(open_delivery())
    keeping.keep(*(group(ended_call(one)) for one in "abc"))
    journal.write_bytes(journal.read_bytes().replace(b'"b@pbx"', b'"B@pbx"'))
    later = open_delivery("run2")
    later.tick(0.0, 9000.0)
    assert (ids(database), later.waiting, journal.exists()) == (["a", "c"], False, False)
    assert f"1 groups of records in {journal} are damaged, and lost" in caplog.text


def test_what_waits_in_memory_alone_keeps_its_order_and_is_said_once(
    open_delivery: Open, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keeping = Keeping(open_delivery())
    delivery = keeping.delivery
    delivery.tick(0.0, 2000.0)
    break_writer(monkeypatch, delivery)
    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", lambda _fd, _data, _offset: 0)
        keeping.keep(group(call_record("a")))
        keeping.deliver()
        keeping.keep(group(call_record("b")))
    keeping.keep(group(ended_call("a")))
    assert [place for _, place in keeping.kept] == [None, None], "those before are not in the journal either"
    keeping.deliver()
    assert caplog.text.count("records are in memory alone") == 1
    monkeypatch.undo()
    delivery.tick(1.0, 2000.0)
    assert Calls(database).get("a").call == ended_call("a")
    assert (ids(database), delivery.waiting) == (["a", "b"], False)
    keeping.keep(group(ended_call("b")))
    keeping.deliver()
    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", lambda _fd, _data, _offset: 0)
        for one in "cd":
            keeping.keep(group(ended_call(one)))
            keeping.deliver()
    assert caplog.text.count("records are in memory alone") == 2
    keeping.keep(group(ended_call("e")))
    keeping.deliver()
    assert ids(database) == ["a", "b", "c", "d", "e"]


def test_what_was_delivered_from_a_journal_that_can_not_be_removed_is_not_delivered_again(
    open_delivery: Open, database: Database, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is handed over late is older."""
    keeping = Keeping(open_delivery())
    delivery = keeping.delivery
    delivery.tick(0.0, 2000.0)
    keeping.keep(*(group(one) for one in (ended_call("x"), call_record("a"), ended_call("a"))))
    with monkeypatch.context() as away:
        break_writer(away, delivery)
        keeping.deliver(1)

    def fail(_path: Path, **_: bool) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "unlink", fail)
        delivery.tick(1.0, 2000.0)
        keeping.deliver(1)
    assert Calls(database).get("a").call == ended_call("a")
    keeping.deliver()
    keeping.keep(group(ended_call("b")))
    keeping.deliver()
    assert (ids(database), delivery.journal_bytes, journal.exists()) == (["a", "b", "x"], 0, False)


@pytest.mark.parametrize("at_the_end", [False, True])
def test_what_waits_in_memory_goes_to_the_journal_once_there_is_room(
    open_delivery: Open, database: Database, monkeypatch: pytest.MonkeyPatch, at_the_end: bool
) -> None:
    """A server may be away for longer than a disk is full. With the next group, or when the node ends."""
    delivery = open_delivery()
    delivery.tick(0.0, 2000.0)
    last = [group(ended_call("a"))]
    with monkeypatch.context() as away:
        break_writer(away, delivery)
        with monkeypatch.context() as disk:
            disk.setattr(os, "pwrite", lambda _fd, _data, _offset: 0)
            delivery.deliver([group(call_record("a")), group(call_record("b")), *(last * at_the_end)])
        if not at_the_end:
            delivery.deliver(last)
        delivery.close()
    later = open_delivery("run2")
    later.tick(0.0, 9000.0)
    assert Calls(database).get("a").call == ended_call("a"), "in the order in which they changed"
    assert (ids(database), delivery.dropped) == (["a", "b"], 0)


def test_what_is_lost_at_the_end_is_said(
    open_delivery: Open, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = open_delivery()
    delivery.tick(0.0, 2000.0)
    break_writer(monkeypatch, delivery)
    monkeypatch.setattr(os, "pwrite", lambda _fd, _data, _offset: 0)
    monkeypatch.setattr(record_delivery, "_NAMED", 2)
    delivery.deliver([group(call_record(one)) for one in ("a", "b", "c")])
    delivery.deliver([group(ended_call("a"))])
    for second in (1.0, 5.0):
        delivery.tick(second, 2000.0)
    assert "records wait in memory: gone" in caplog.text
    delivery.close()
    names = [f"call, Call-ID {ended_call(one).sip_call_id}, call {one}" for one in ("a", "b")]
    said = f"4 changes are lost, nothing could be written: {'; '.join(names)}; …"
    assert [line.getMessage() for line in caplog.records if "lost" in line.getMessage()] == [said]
    assert (ids(database), delivery.dropped, delivery.waiting) == ([], 4, False)


def test_a_sign_of_life_that_is_lost_at_the_end_is_not_said(
    open_delivery: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = open_delivery()
    delivery.tick(0.0, 2000.0)
    break_writer(monkeypatch, delivery)
    monkeypatch.setattr(os, "pwrite", lambda _fd, _data, _offset: 0)
    delivery.deliver([group()])
    delivery.close()
    assert ("lost" in caplog.text, delivery.dropped) == (False, 0)
