"""Which of our SRTP keys goes with which of a peer's."""

import pytest

from tests.simulation.phone import key_source
from trunkline.call.leg_keys import KEYS_KEPT, LegKeys

THEIRS, OTHERS = b"p" * 30, b"q" * 30


@pytest.fixture
def keys() -> LegKeys:
    return LegKeys(key_source("a leg"))


def test_the_key_is_the_same_as_long_as_the_peers_is(keys: LegKeys) -> None:
    own = keys.beside(THEIRS)
    assert keys.beside(THEIRS) == own
    assert keys.beside(OTHERS) != own
    assert keys.beside(THEIRS) == own, "the other one was refused"


def test_the_key_that_was_offered_is_the_one_beside_the_answers(keys: LegKeys) -> None:
    keys.offered = keys.make()
    keys.pair(THEIRS, keys.offered)
    assert keys.beside(THEIRS) == keys.offered


def test_a_key_that_the_peer_comes_back_to_has_another_beside_it(keys: LegKeys) -> None:
    own = keys.beside(THEIRS)
    keys.beside(OTHERS)
    keys.come_anew(THEIRS)
    assert keys.beside(THEIRS) != own


def test_a_peer_that_changes_its_key_again_and_again_is_not_remembered_for_it(keys: LegKeys) -> None:
    ours = {keys.beside(bytes([number]) * 30) for number in range(20)}
    assert len(ours) == 20
    assert [own for _, own in keys.book.pairs] == [
        keys.beside(bytes([number]) * 30) for number in range(20 - KEYS_KEPT, 20)
    ]


def test_a_book_says_all_and_shows_nothing(keys: LegKeys) -> None:
    keys.offered = keys.beside(b"")
    keys.beside(THEIRS)
    again = LegKeys(key_source("a leg"))
    again.book = keys.book
    assert again.book == keys.book
    assert again.beside(THEIRS) == keys.beside(THEIRS)
    assert repr(keys.book) == "KeyBook(…)"
