"""A node that is killed loses at most the last moment, and the next start tells the truth about the rest."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from tests.interop.addresses import wait_for
from tests.postgres import Cluster
from tests.slow_line import slow_line
from tests.unit.store.entities import ended_attempt, ended_call
from tests.unit.virtual_clock import FakeClock
from trunkline.call.record import AttemptRecord, CallRecord, RecordState
from trunkline.store.calls import Calls
from trunkline.store.database import Database
from trunkline.store.migrate import upgrade
from trunkline.store.record_writer import RecordWriter
from trunkline.trunk.verdict import Slug

ROOT = Path(__file__).resolve().parents[3]
TOLERANCE_S = 0.4
"""The bound is 100 ms; a machine that runs other tests at the same time gets some more."""


class Death(NamedTuple):
    """What a killed process had said, and when it died."""

    said: dict[str, list[tuple[float, str]]]
    at: float


class Node:
    """The process that is killed."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self.file = folder / "trunkline.db"
        self.url = database or f"sqlite:///{self.file}"
        self.by = self.url
        """Where the process that is killed finds the database."""
        self.journal = folder / "records.journal"
        self.lines = folder / "said"
        upgrade(self.url)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        command = [sys.executable, "-m", "tests.contract.store.calling_node", self.by, str(self.journal)]
        with self.lines.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, cwd=ROOT, env=environment)

    def wait_for_calls(self, count: int) -> None:
        give_up = time.monotonic() + 60
        while self.lines.read_bytes().count(b"open") < count:
            assert time.monotonic() < give_up
            time.sleep(0.01)

    def kill(self) -> Death:
        assert self.process is not None
        at = time.time()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        said: dict[str, list[tuple[float, str]]] = {}
        for line in self.lines.read_text().splitlines():
            moment, call_id, state = line.split()
            said.setdefault(call_id, []).append((float(moment), state))
        return Death(said, at)


@contextmanager
def ended(node: Node) -> Iterator[Node]:
    try:
        yield node
    finally:
        if node.process is not None and node.process.poll() is None:
            node.process.kill()
            node.process.wait(10)


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory, if it can be: a kill is no power cut, and a busy disk takes its time for a sync."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


@pytest.fixture
def node(folder: Path) -> Iterator[Node]:
    with ended(Node(folder)) as node:
        yield node


def records_after_restart(node: Node) -> dict[str, tuple[CallRecord, AttemptRecord]]:
    writer = RecordWriter(node.url, clock=FakeClock(), node="n1", journal=node.journal)
    writer.start()
    assert writer.close()
    database = Database(node.url)
    calls = Calls(database)
    found = {}
    for record in calls.list(limit=1000).calls:
        [attempt] = calls.get(record.call_id).attempts
        found[record.call_id] = (record, attempt)
    database.close()
    return found


def check(death: Death, found: dict[str, tuple[CallRecord, AttemptRecord]]) -> None:
    assert set(found) <= set(death.said), "no call was invented"
    for call_id, changes in death.said.items():
        known = [state for moment, state in changes if moment < death.at - TOLERANCE_S]
        if known:
            assert call_id in found, f"{call_id} is lost"
        if call_id not in found:
            continue
        record, attempt = found[call_id]
        if "closed" in known:
            assert record.state is RecordState.CLOSED, f"the end of {call_id} is lost"
        if record.state is RecordState.CLOSED:
            assert changes[-1][1] == "closed"
            assert record.verdict == ended_call().verdict
            assert attempt.verdict == ended_attempt().verdict
            continue
        assert record.state is RecordState.RECOVERED
        assert record.verdict is not None
        assert attempt.verdict is not None
        assert record.verdict.slug is attempt.verdict.slug is Slug.CRASHED
        assert record.ended_at is not None
        assert record.setup_at <= record.ended_at <= death.at
        assert record.ended_at >= death.at - 1.0 - TOLERANCE_S, "the node was alive until it was killed"


def test_after_a_kill_the_records_are_whole_and_true(node: Node) -> None:
    node.start()
    node.wait_for_calls(60)
    death = node.kill()
    found = records_after_restart(node)
    states = [record.state for record, _ in found.values()]
    assert states.count(RecordState.CLOSED) > 5
    assert states.count(RecordState.RECOVERED) > 20
    check(death, found)


def test_a_kill_while_the_database_is_locked_loses_no_more(node: Node) -> None:
    node.start()
    node.wait_for_calls(20)
    lock = sqlite3.connect(node.file, isolation_level=None)
    lock.execute("PRAGMA busy_timeout = 10000")
    lock.execute("BEGIN IMMEDIATE")
    node.wait_for_calls(90)
    death = node.kill()
    lock.execute("ROLLBACK")
    lock.close()
    assert node.journal.stat().st_size > 1000
    check(death, records_after_restart(node))
    assert not node.journal.exists()


def test_a_kill_with_groups_on_the_way_to_a_far_server_loses_no_more(folder: Path, cluster: Cluster) -> None:
    """A second there and back: without the journal, what was said in the last two would be lost."""

    def written() -> int:
        return len(cluster.execute('SELECT 1 FROM "call"', "killed"))

    cluster.create("killed")
    near = sa.make_url(cluster.url("killed", tcp=True))
    try:
        with (
            slow_line(cluster.host, cluster.port, 0.0) as line,
            ended(Node(folder, near.render_as_string(hide_password=False))) as node,
        ):
            node.by = near.set(port=line.port).render_as_string(hide_password=False)
            node.start()
            wait_for("the server to have some", written, within_s=60)
            line.one_way_s = 0.5
            node.wait_for_calls(written() + 250)
            death = node.kill()
            line.close()
            in_time = written()
            found = records_after_restart(node)
            assert len(found) > in_time, "some were on the way"
            check(death, found)
            assert not node.journal.exists()
            assert records_after_restart(node) == found
    finally:
        cluster.drop("killed")
