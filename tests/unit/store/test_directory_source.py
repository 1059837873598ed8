"""From the database into the directory: at the start, as it changes, and while the database is away."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.unit.store.entities import ACCOUNT, CARRIER, NUMBER, ROUTE
from tests.unit.virtual_clock import FakeClock
from trunkline.store import changes, directory_source, schema
from trunkline.store.database import Database
from trunkline.store.directory_source import DirectorySource, Origin, SourceState, Update, apply_update
from trunkline.store.errors import DatabaseError
from trunkline.store.keys import Keyring
from trunkline.store.snapshot_file import StoredSnapshot, read_snapshot
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.directory import Directory, Kind, Put, Remove, Snapshot
from trunkline.trunk.number import Number


@pytest.fixture
def snapshot_file(tmp_path: Path) -> Path:
    return tmp_path / "directory.json"


@pytest.fixture
def other(url: str, keyring: Keyring) -> Iterator[Store]:
    """The command line in another process, as far as SQLite can tell."""
    database = Database(url)
    yield Store(database, keyring, "sip.example.net")
    database.close()


@pytest.fixture
def source(store: Store, snapshot_file: Path, clock: FakeClock) -> DirectorySource:
    return DirectorySource(store.database, store.keyring, snapshot_file, wall=clock.wall, monotonic=clock.now)


def fill(store: Store) -> None:
    store.accounts.add(ACCOUNT)
    store.numbers.add(NUMBER)
    store.carriers.add(CARRIER)
    store.routes.add(ROUTE)


def state_of(source: DirectorySource) -> SourceState:
    assert source.state is not None
    return source.state


def polled(source: DirectorySource) -> Update:
    update = source.poll()
    assert update is not None
    return update


def everything(directory: Directory) -> tuple[object, ...]:
    numbers = [directory.number(e164) for e164 in (NUMBER.e164, "441632960009")]
    of_each_kind = (directory.accounts(), directory.carriers(), directory.routes())
    return (*map(list, of_each_kind), len(directory.numbers), set(directory.numbers.servers()), numbers)


def test_all_of_it_is_loaded(store: Store, source: DirectorySource, clock: FakeClock) -> None:
    fill(store)
    snapshot = source.load()
    assert (snapshot.carriers, snapshot.routes) == ((CARRIER,), (ROUTE,))
    assert len(snapshot.numbers) == 1
    assert snapshot.numbers.number(NUMBER.e164) == NUMBER
    assert snapshot.accounts == (store.accounts.get("acme"),)
    assert source.state == SourceState(Origin.DATABASE, 4, clock.wall(), None, ())


def test_the_collector_runs_again_afterwards(source: DirectorySource) -> None:
    source.load()
    assert gc.isenabled()
    gc.disable()
    try:
        source.load()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_nothing_new_is_nothing(store: Store, source: DirectorySource) -> None:
    fill(store)
    source.load()
    assert source.poll() is None


def test_poll_needs_load(source: DirectorySource) -> None:
    with pytest.raises(ValueError, match="load first"):
        source.poll()


def test_a_directory_that_follows_is_the_directory_that_loads(
    other: Store, source: DirectorySource, database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    directory = Directory(source.load())
    steps: list[Callable[[], object]] = [
        lambda: fill(other),
        lambda: other.accounts.block("acme"),
        lambda: other.accounts.rotate_secret("acme"),
        lambda: other.numbers.update(NUMBER.e164, ring_timeout_s=None),
        lambda: other.numbers.add(Number("441632960009", "acme")),
        lambda: other.carriers.update("upstream", enabled=True),
        lambda: other.routes.remove("44"),
        lambda: other.numbers.remove(NUMBER.e164),
    ]
    for step in steps:
        step()
        update = polled(source)
        assert update.snapshot is None
        apply_update(directory, update)
        fresh = Directory(DirectorySource(database, keyring, tmp_path / "other.json").load())
        assert everything(directory) == everything(fresh)
        assert source.poll() is None


def test_what_is_gone_is_removed(other: Store, source: DirectorySource) -> None:
    other.accounts.add(Account("a"))
    source.load()
    other.accounts.remove("a")
    assert list(polled(source).changes) == [Remove(Kind.ACCOUNT, "a")]


def test_many_changes_of_one_thing_are_one(other: Store, source: DirectorySource) -> None:
    other.accounts.add(Account("a"))
    source.load()
    for limit in range(5):
        other.accounts.update("a", max_concurrent=limit)
    [change] = polled(source).changes
    assert getattr(change, "entity").max_concurrent == 4  # noqa: B009 (a Put)


def test_very_many_changes_are_loaded_as_a_whole(
    other: Store, source: DirectorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_source, "_RELOAD_ABOVE", 3)
    source.load()
    for number in range(4):
        other.accounts.add(Account(f"a{number}"))
    update = polled(source)
    assert update.snapshot is not None
    assert len(update.snapshot.accounts) == 4
    assert state_of(source).sequence == 4


def test_forgotten_changes_are_loaded_as_a_whole(other: Store, source: DirectorySource) -> None:
    other.accounts.add(Account("a"))
    source.load()
    other.accounts.add(Account("b"))
    other.accounts.add(Account("c"))
    with other.database.write() as connection:
        connection.execute(schema.change.delete().where(schema.change.c.sequence <= 2))
    update = polled(source)
    assert update.snapshot is not None
    assert [account.key for account in update.snapshot.accounts] == ["a", "b", "c"]


def test_without_its_database_it_starts_from_the_file(
    store: Store, source: DirectorySource, snapshot_file: Path, tmp_path: Path, clock: FakeClock
) -> None:
    fill(store)
    loaded = source.load()
    database = Database(f"sqlite:///{tmp_path}/nowhere/x.db")
    blind = DirectorySource(database, store.keyring, snapshot_file, wall=clock.wall, monotonic=clock.now)
    clock.advance(60)
    assert everything(Directory(blind.load())) == everything(Directory(loaded))
    state = state_of(blind)
    assert (state.origin, state.sequence, state.read_at) == (Origin.FILE, 4, clock.wall() - 60)
    assert "unable to open database file" in (state.away or "")
    assert blind.poll() is None
    assert state_of(blind).origin is Origin.FILE


def test_it_takes_the_databases_own_directory_once_that_is_back(
    store: Store, source: DirectorySource, snapshot_file: Path, tmp_path: Path, file: Path
) -> None:
    fill(store)
    source.load()
    store.accounts.add(Account("later"))
    store.close()
    hidden = tmp_path / "hidden"
    for path in tmp_path.glob("trunkline.db*"):
        hidden.mkdir(exist_ok=True)
        path.rename(hidden / path.name)
    file.mkdir()
    late = DirectorySource(store.database, store.keyring, snapshot_file)
    late.load()
    assert state_of(late).origin is Origin.FILE
    file.rmdir()
    for path in hidden.iterdir():
        path.rename(tmp_path / path.name)
    update = polled(late)
    assert update.snapshot is not None
    assert {account.key for account in update.snapshot.accounts} == {"acme", "later"}
    assert (state_of(late).origin, state_of(late).away) == (Origin.DATABASE, None)


def test_a_database_that_comes_back_with_another_schema_is_not_taken(
    store: Store, source: DirectorySource, snapshot_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    source.load()
    late = DirectorySource(store.database, store.keyring, snapshot_file)
    monkeypatch.setattr(late, "_load_database", _away)
    late.load()
    monkeypatch.undo()
    with store.database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    assert late.poll() is None
    assert "trunkline migrate upgrades it" in (state_of(late).away or "")
    assert state_of(late).origin is Origin.FILE


def _away(pause: object) -> None:
    raise DatabaseError("gone")


def test_without_both_it_says_so(keyring: Keyring, tmp_path: Path) -> None:
    source = DirectorySource(
        Database(f"sqlite:///{tmp_path}/nowhere/x.db"), keyring, tmp_path / "directory.json"
    )
    with pytest.raises(
        DatabaseError, match=r"unable to open database file; .*directory\.json does not exist"
    ):
        source.load()


def test_while_the_database_is_away_later_the_state_says_so(
    store: Store, source: DirectorySource, file: Path, tmp_path: Path
) -> None:
    fill(store)
    source.load()
    store.close()
    for path in tmp_path.glob("trunkline.db*"):
        path.rename(path.with_name("away" + path.name.removeprefix("trunkline")))
    file.mkdir()
    assert source.poll() is None
    assert "unable to open database file" in (state_of(source).away or "")
    assert state_of(source).origin is Origin.DATABASE
    file.rmdir()
    for path in tmp_path.glob("away.db*"):
        path.rename(path.with_name("trunkline" + path.name.removeprefix("away")))
    assert source.poll() is None
    assert state_of(source).away is None


def test_the_file_follows_once_things_are_quiet(
    other: Store, source: DirectorySource, snapshot_file: Path, clock: FakeClock
) -> None:
    source.load()
    other.accounts.add(Account("a"))
    source.poll()
    clock.advance(9)
    source.poll()
    assert read_snapshot(snapshot_file).sequence == 0
    clock.advance(1)
    source.poll()
    stored = read_snapshot(snapshot_file)
    assert stored.sequence == 1
    assert [row["key"] for row, _ in stored.groups[Kind.ACCOUNT]] == ["a"]


def test_a_file_that_can_not_be_written_is_a_problem_and_no_more(store: Store, tmp_path: Path) -> None:
    source = DirectorySource(store.database, store.keyring, tmp_path / "nowhere" / "directory.json")
    source.load()
    [problem] = state_of(source).problems
    assert "can't be written" in problem


def test_one_bad_row_does_not_take_the_others_down(
    store: Store, source: DirectorySource, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store)
    store.accounts.add(Account("broken"))
    with store.database.write() as connection:
        connection.execute(schema.account.update().where(schema.account.c.key == "broken").values(status="?"))
    snapshot = source.load()
    assert [account.key for account in snapshot.accounts] == ["acme"]
    [problem] = state_of(source).problems
    assert problem.startswith("account broken: its row in the database can't be used")
    assert source.poll() is None
    source.load()
    assert [record.getMessage() for record in caplog.records] == [f"not in use: {problem}"], "said once"
    with store.database.write() as connection:
        connection.execute(
            schema.account.update().where(schema.account.c.key == "broken").values(status="active")
        )
        changes.note(connection, Kind.ACCOUNT, "broken", 1.0)
    assert len(polled(source).changes) == 1
    assert state_of(source).problems == ()


def test_a_carrier_whose_secret_can_not_be_read_is_left_out(
    store: Store, snapshot_file: Path, tmp_path: Path
) -> None:
    fill(store)
    source = DirectorySource(store.database, Keyring.create(tmp_path / "another.key"), snapshot_file)
    snapshot = source.load()
    assert snapshot.carriers == ()
    assert len(snapshot.numbers) == 1
    [problem] = state_of(source).problems
    assert "the secret of carrier upstream was not encrypted with" in problem


def test_a_change_that_can_not_be_used_keeps_what_was(store: Store, source: DirectorySource) -> None:
    fill(store)
    directory = Directory(source.load())
    with store.database.write() as connection:
        connection.execute(schema.carrier.update().values(codecs=["nonsense"]))
        changes.note(connection, Kind.CARRIER, "upstream", 1.0)
    apply_update(directory, polled(source))
    assert directory.carrier("upstream") == CARRIER
    assert len(state_of(source).problems) == 1


def test_numbers_that_change_for_long_are_loaded_as_a_whole(
    other: Store, source: DirectorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_source, "_RELOAD_AFTER", 2)
    other.accounts.add(Account("a"))
    source.load()
    wholes = []
    for number in range(6):
        other.numbers.add(Number(f"44163296000{number}", "a"))
        wholes.append(polled(source).snapshot is not None)
    assert wholes == [False, False, True, False, False, True]


def test_a_file_that_takes_long_is_written_seldom(
    other: Store, source: DirectorySource, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[float] = []

    def write(path: Path, stored: StoredSnapshot, pause: object) -> None:
        written.append(clock.now())
        clock.advance(3)

    monkeypatch.setattr(directory_source, "write_snapshot", write)
    source.load()
    for number in range(100):
        other.accounts.add(Account(f"a{number}"))
        source.poll()
        clock.advance(1)
    assert len(written) == 3
    assert written[2] - written[1] >= 60


def test_a_change_that_no_table_takes_is_left_out(store: Store, source: DirectorySource) -> None:
    fill(store)
    source.load()
    with store.database.write() as connection:
        connection.execute(schema.number.update().values(forwarding="a\x1fb"))
        changes.note(connection, Kind.NUMBER, NUMBER.e164, 1.0)
    assert polled(source).changes == []
    [problem] = state_of(source).problems
    assert "control character" in problem


def test_so_many_problems_are_told(
    store: Store, source: DirectorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_source, "_PROBLEMS", 2)
    for number in range(4):
        store.accounts.add(Account(f"a{number}"))
    with store.database.write() as connection:
        connection.execute(schema.account.update().values(status="?"))
    source.load()
    assert len(state_of(source).problems) == 2


def test_apply_update_tells_which_numbers_have_moved() -> None:
    directory = Directory(Snapshot(accounts=(ACCOUNT,)))
    later = replace(NUMBER, ring_timeout_s=None)
    update = Update(None, (Put(ACCOUNT), Put(NUMBER), Put(later), Remove(Kind.NUMBER, NUMBER.e164)))
    assert apply_update(directory, update) == [(None, NUMBER), (NUMBER, later), (later, None)]
    for change in (Put(CARRIER), Remove(Kind.CARRIER, CARRIER.name)):
        assert apply_update(directory, Update(None, (change,))) is None
    assert apply_update(directory, Update(Snapshot(), ())) is None
    assert apply_update(directory, Update(None, ())) == []


def test_an_update_names_the_accounts_that_it_changes() -> None:
    changes = (Put(ACCOUNT), Put(NUMBER), Remove(Kind.NUMBER, "1"), Remove(Kind.ACCOUNT, "gone"))
    assert Update(None, changes).accounts == [ACCOUNT.key, "gone"]
    assert Update(Snapshot(), ()).accounts is None


def test_apply_update_replaces_then_changes() -> None:
    directory = Directory()
    account = Account("a")
    snapshot = Snapshot(accounts=(account,))
    apply_update(directory, Update(snapshot, ()))
    assert directory.account("a") == account
    apply_update(directory, Update(None, (Remove(Kind.ACCOUNT, "a"),)))
    assert directory.account("a") is None
