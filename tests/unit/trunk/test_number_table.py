"""What a table costs, and how it is filled. That it says what a dictionary would is a property:
tests/property/test_scale.
"""

import pytest

from trunkline.trunk import number_table
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.number_record import pack, servers_of, unpack
from trunkline.trunk.number_table import NumberTable, Piece


def one(number: int, host: str = "pbx.example") -> Number:
    return Number(f"4930{number:08}", "acme", ForwardingList.parse(f"{number}@{host}"))


def loaded(count: int) -> NumberTable:
    table = NumberTable()
    for number in map(one, range(count)):
        table.append(number.e164, pack(number), servers_of(number))
    return table


class Unpacked:
    """Counts the numbers that are made of records."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        monkeypatch.setattr(number_table, "unpack", self)

    def __call__(self, e164: str, record: str) -> Number:
        self.count += 1
        return unpack(e164, record)


@pytest.mark.parametrize("size", [10, 3000])
def test_a_change_touches_one_number_whatever_the_table_holds(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = loaded(size)
    unpacked = Unpacked(monkeypatch)
    table.put(one(5, "other.example"))
    table.put(one(size))
    table.remove(one(7).e164)
    assert unpacked.count == 2, "the ones that were replaced and removed"
    assert len(table._changed) == 3
    assert len(table) == size


def test_numbers_cost_what_their_texts_do() -> None:
    table = loaded(1000)
    held = (
        len(table._records)
        + 8 * len(table._keys)
        + 8 * len(table._ends)
        + 8 * len(table._at["sip:pbx.example"])
    )
    assert held < 60 * 1000


def test_out_of_order_is_refused() -> None:
    table = loaded(3)
    for e164 in ("493000000002", "493000000001", "49300000000"):
        with pytest.raises(ValueError, match="out of order"):
            table.append(e164, pack(one(1)), ())
    assert len(table) == 3


def test_a_number_that_comes_and_goes_is_found_once_at_its_server() -> None:
    table = loaded(3)
    for _ in range(5):
        table.put(one(1, "other.example"))
        assert [number.e164 for number in table.at("sip:other.example")] == [one(1).e164]
        table.put(one(1))
        assert not table.leads_to("sip:other.example")
    assert [number.e164 for number in table.at("sip:pbx.example")] == [one(n).e164 for n in range(3)]
    assert not list(table.at("sip:nobody.example"))


def test_pieces_hold_what_was_loaded() -> None:
    table = loaded(25)
    pieces = list(table.pieces(10))
    assert [len(piece.keys) for piece in pieces] == [10, 10, 5]
    assert [e164 for piece in pieces for e164, _ in piece.numbers()] == [one(n).e164 for n in range(25)]
    assert dict(pieces[2].numbers())[one(24).e164] == pack(one(24))
    assert not list(NumberTable().pieces(10))


def test_a_damaged_piece_is_noticed() -> None:
    [piece] = loaded(3).pieces(10)
    for damaged in (Piece(piece.keys, piece.records[:-1]), Piece(piece.keys[:2], piece.records)):
        with pytest.raises(ValueError, match=r"no end|argument"):
            list(damaged.numbers())
