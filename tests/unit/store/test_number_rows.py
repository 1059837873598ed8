"""All numbers at once, from their rows."""

from collections.abc import Iterable, Mapping

import pytest
import sqlalchemy as sa

from tests.unit.store.entities import ACCOUNT, NUMBER
from trunkline.store import number_rows, schema
from trunkline.store.errors import DatabaseError
from trunkline.store.loading import ROWS_AT_ONCE
from trunkline.store.number_rows import load_number_table, table_of
from trunkline.store.rows import number_from
from trunkline.store.store import Store
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.number_table import NumberTable, Piece


@pytest.fixture
def known(store: Store) -> Store:
    store.accounts.add(ACCOUNT)
    return store


def one(number: int) -> Number:
    return Number(f"4930{number:06}", "acme", ForwardingList.parse(f"{number}@pbx.example"))


def load(store: Store, pauses: list[int] | None = None) -> tuple[NumberTable, dict[str, str]]:
    left_out: dict[str, str] = {}
    pause = None if pauses is None else lambda: pauses.append(1)
    with store.database.read() as connection:
        return load_number_table(connection, left_out.__setitem__, pause), left_out


def test_every_shape_of_a_number_is_loaded(known: Store) -> None:
    shapes = [
        NUMBER,
        Number("4930123456", "acme"),
        Number(
            "49301234567", "acme", ForwardingList.parse("a@x, sips:b%40c@[2001:db8::1];media=srtp, a@x"), 30.0
        ),
        Number("493012345670", "acme", ForwardingList.parse("a@X.example:5070;timeout=2000")),
    ]
    for number in shapes:
        known.numbers.add(number)
    table, left_out = load(known)
    assert [table.number(number.e164) for number in shapes] == shapes
    assert (len(table), left_out) == (4, {})
    again = table_of(table.pieces(3))
    assert [again.number(number.e164) for number in shapes] == shapes
    assert list(again.servers()) == list(table.servers())


def test_the_usual_row_is_not_made_a_number(known: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in map(one, range(5)):
        known.numbers.add(number)
    made: list[object] = []
    monkeypatch.setattr(number_rows, "number_from", lambda row, _: made.append(row))
    table, _ = load(known)
    assert (len(table), made) == (5, [])


@pytest.mark.parametrize(
    ("table", "values", "why"),
    [
        ("number", {"ring_timeout_s": 0.5}, "the ring timeout is 1 to 600 seconds"),
        ("number", {"forwarding": "a\x1fb"}, "holds a control character"),
        ("number", {"forwarding_warnings": [5]}, "str"),
        ("endpoint", {"uri": "sip:@x"}, "malformed user"),
        ("endpoint", {"media": "zrtp"}, "'zrtp' is not a valid MediaProtection"),
    ],
)
def test_a_row_that_can_not_be_used_is_left_out_and_named(
    known: Store, table: str, values: dict[str, object], why: str
) -> None:
    check_left_out(known, table, values, why)


@pytest.mark.usefixtures("file")
def test_so_is_one_with_words_for_a_number(known: Store) -> None:
    """Which SQLite alone would take."""
    values: dict[str, object] = {"ring_timeout_s": sa.literal_column("'soon'")}
    check_left_out(known, "number", values, "its row in the database can't be used")


def check_left_out(known: Store, table: str, values: Mapping[str, object], why: str) -> None:
    for number in map(one, range(3)):
        known.numbers.add(number)
    this = one(1).e164
    with known.database.write() as connection:
        if table == "number":
            connection.execute(schema.number.update().filter_by(e164=this).values(**values))
        else:
            connection.execute(schema.endpoint.update().filter_by(number=this).values(**values))
    numbers, left_out = load(known)
    assert [numbers.number(one(n).e164) for n in range(3)] == [one(0), None, one(2)]
    assert list(left_out) == [this]
    assert why in left_out[this]


def test_a_row_that_builds_all_the_same_is_taken(known: Store) -> None:
    known.numbers.add(one(1))
    with known.database.write() as connection:
        connection.execute(schema.endpoint.update().values(timeout_ms=77))
    table, _ = load(known)
    row = {"e164": one(1).e164, "account": "acme", "forwarding": "1@pbx.example", "forwarding_warnings": []}
    endpoint = {"uri": "sip:1@pbx.example", "timeout_ms": 77, "media": "rtp", "text": "1@pbx.example"}
    assert table.number(one(1).e164) == number_from({**row, "ring_timeout_s": None}, [endpoint])


def test_a_long_read_pauses(known: Store) -> None:
    rows = {"account": "acme", "forwarding": "", "forwarding_warnings": [], "created_at": 1.0}
    with known.database.write() as connection:
        connection.execute(schema.number.insert(), [{**rows, "e164": one(n).e164} for n in range(250)])
    pauses: list[int] = []
    table, _ = load(known, pauses)
    assert (len(table), len(pauses)) == (250, 250 // ROWS_AT_ONCE)
    table_of(table.pieces(50), lambda: pauses.append(1))
    assert len(pauses) == 2 * (250 // ROWS_AT_ONCE)


def test_a_database_with_an_order_of_its_own_is_refused(
    known: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Upside(NumberTable):
        def append(self, e164: str, record: str, servers: Iterable[str]) -> None:
            raise ValueError(f"{e164} is out of order")

    known.numbers.add(one(1))
    monkeypatch.setattr(number_rows, "NumberTable", Upside)
    with pytest.raises(DatabaseError, match=r"4930000001 is out of order.*collation"):
        load(known)


def test_pieces_that_hold_no_numbers_are_refused(known: Store) -> None:
    known.numbers.add(one(1))
    [piece] = load(known)[0].pieces(10)
    with pytest.raises(ValueError, match="no end"):
        table_of([Piece(piece.keys, piece.records[:-1])])
    with pytest.raises(ValueError, match="out of order"):
        table_of([piece, piece])
    with pytest.raises(ValueError, match="number 4930000001: "):
        table_of([Piece(piece.keys, piece.records.replace("acme", "!"))])
