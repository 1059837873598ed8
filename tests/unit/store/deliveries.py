"""What the tests of the records' delivery share."""

from collections.abc import Callable, Sequence

import pytest

from trunkline.call.record import AttemptRecord, CallRecord
from trunkline.store.calls import Calls
from trunkline.store.database import Database
from trunkline.store.group_commit import AwayError, Group
from trunkline.store.record_delivery import Place, RecordDelivery
from trunkline.store.record_rows import attempt_row, call_row

Open = Callable[..., RecordDelivery]


def group(*records: CallRecord | AttemptRecord, run: str = "run1", taken_at: float = 2000.0) -> Group:
    calls = [call_row(record, run) for record in records if isinstance(record, CallRecord)]
    attempts = [attempt_row(record, run) for record in records if isinstance(record, AttemptRecord)]
    return Group({"run": [(run, "n1", 1.0, taken_at)], "call": calls, "attempt": attempts}, {})


def ids(database: Database) -> list[str]:
    return sorted(record.call_id for record in Calls(database).list().calls)


class Keeping:
    """A delivery whose groups are kept first, as those for a server are."""

    def __init__(self, delivery: RecordDelivery) -> None:
        self.delivery = delivery
        self.kept: list[tuple[Group, Place | None]] = []

    def keep(self, *groups: Group) -> None:
        self.kept += [(one, self.delivery.keep(one)) for one in groups]

    def deliver(self, number: int | None = None) -> None:
        """The next ones that were kept."""
        some, self.kept = self.kept[:number], self.kept[len(self.kept[:number]) :]
        self.delivery.deliver([one for one, _ in some], [place for _, place in some])


def break_writer(monkeypatch: pytest.MonkeyPatch, delivery: RecordDelivery, *, after: bool = False) -> None:
    """The database is away: before it has done anything, or after the commit."""
    real = delivery._writer.write

    def write(groups: Sequence[Group], mark: tuple[str, str] | None = None) -> int:
        if after:
            real(groups, mark)
        raise AwayError("gone")

    monkeypatch.setattr(delivery._writer, "write", write)
