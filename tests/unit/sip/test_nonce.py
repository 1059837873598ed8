"""`trunkline.sip.nonce`: nonces without memory, and the memory of counts."""

import pytest

from trunkline.sip.nonce import NonceCounts, NonceMint

KEY = b"0123456789abcdef"
NOW = 1_700_000_000.25
HOST = "192.0.2.1"


def test_a_nonce_tells_its_age_to_every_edge_with_the_key() -> None:
    nonce = NonceMint("example.com", KEY).issue(NOW, HOST)
    other_edge = NonceMint("example.com", KEY)
    assert len(nonce) == 40
    assert other_edge.issued_at(nonce) == pytest.approx(NOW)
    assert other_edge.issued_at(nonce) == other_edge.issued_at(nonce)


def test_only_the_key_makes_nonces() -> None:
    nonce = NonceMint("example.com", KEY).issue(NOW, HOST)
    assert NonceMint("example.com", KEY[::-1]).issued_at(nonce) is None
    assert NonceMint("example.org", KEY).issued_at(nonce) is None


def test_a_nonce_tells_every_edge_whom_it_was_for() -> None:
    mint, other_edge = NonceMint("example.com", KEY), NonceMint("example.com", KEY)
    for host in (HOST, "2001:db8::1"):
        nonce = mint.issue(NOW, host)
        assert other_edge.is_for(nonce, host)
        assert not other_edge.is_for(nonce, "192.0.2.2")
    assert mint.issue(NOW, HOST)[12:] != mint.issue(NOW, "192.0.2.2")[12:]
    assert not mint.is_for("A" * 40, HOST)
    assert not NonceMint("example.com", KEY[::-1]).is_for(mint.issue(NOW, HOST), HOST)


def test_a_nonce_tells_every_edge_which_one_has_issued_it() -> None:
    one, two = NonceMint("example.com", KEY, "one"), NonceMint("example.com", KEY, "two")
    nonce = one.issue(NOW, HOST)
    assert two.issuer_of(nonce) == one.issuer_of(nonce) == one.issuer != two.issuer
    assert two.issuer_of(two.issue(NOW, HOST)) == two.issuer
    assert NonceMint("example.com", KEY[::-1], "one").issuer_of(nonce) is None


def test_only_the_key_makes_receipts_and_each_is_for_one_question() -> None:
    receipt = NonceMint("example.com", KEY, "one").receipt("q", "n", 1)
    two = NonceMint("example.com", KEY, "two")
    assert two.receipt("q", "n", 1) == receipt
    others = [two.receipt("r", "n", 1), two.receipt("q", "m", 1), two.receipt("q", "n", 2)]
    others.append(NonceMint("example.com", KEY[::-1]).receipt("q", "n", 1))
    assert receipt not in others


def test_every_changed_character_is_noticed() -> None:
    mint = NonceMint("example.com", KEY)
    nonce = mint.issue(NOW, HOST)
    for index, char in enumerate(nonce):
        changed = nonce[:index] + ("A" if char != "A" else "B") + nonce[index + 1 :]
        assert mint.issued_at(changed) is None


@pytest.mark.parametrize(
    "text", ["", "x", "A" * 39, "A" * 40, "A" * 41, "A" * 10**6, "!" * 40, "é" * 40, "=" * 40]
)
def test_other_text_is_no_nonce(text: str) -> None:
    assert NonceMint("example.com", KEY).issued_at(text) is None


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        NonceMint("example.com", KEY[:15])


LATER = 1000.0
"""When all the nonces of the tests of counts are old enough."""


def test_counts_only_go_up() -> None:
    counts = NonceCounts()
    assert counts.take("n", 1.0, 1, LATER)
    assert not counts.take("n", 1.0, 1, LATER)
    assert counts.take("n", 1.0, 3, LATER)
    assert not counts.take("n", 1.0, 2, LATER)
    assert counts.take("m", 1.0, 1, LATER)
    assert not counts.take("m", 1.0, 0, LATER)


def test_counts_are_bounded_and_what_is_forgotten_counts_as_used() -> None:
    counts = NonceCounts(limit=10)
    for number in range(100):
        assert counts.take(f"n{number}", 100.0 + number, 1, LATER)
        assert len(counts) <= 20
    for number in range(100):
        assert not counts.take(f"n{number}", 100.0 + number, 1, LATER)
    remembered = [number for number in range(100) if counts.take(f"n{number}", 100.0 + number, 2, LATER)]
    assert remembered
    assert remembered == list(range(min(remembered), 100))
    assert counts.take("new", 300.0, 1, LATER)


def test_an_old_nonce_can_not_come_back_through_a_rotation() -> None:
    counts = NonceCounts(limit=2)
    assert counts.take("a", 1.0, 1, LATER)
    assert counts.take("b", 2.0, 1, LATER)
    assert counts.take("c", 3.0, 1, LATER)
    assert counts.take("d", 4.0, 1, LATER)
    assert counts.take("e", 5.0, 1, LATER)
    assert not counts.take("a", 1.0, 1, LATER)
    assert not counts.take("b", 2.0, 1, LATER)
    assert not counts.take("c", 3.0, 1, LATER)


def test_what_was_issued_before_the_memory_began_counts_as_used() -> None:
    counts = NonceCounts(since=NOW)
    assert not counts.take("before", NOW, 1, NOW + 1)
    assert counts.take("after", NOW + 0.1, 1, NOW + 1)
    back = NOW - 3600
    assert not counts.take("a clock that is put back", back, 1, back)
    assert counts.take("since then", back + 0.1, 1, back + 0.2)


def test_a_clock_that_was_put_back_locks_nobody_out() -> None:
    """By an hour, when everything remembered is of a time that is yet to come again."""
    counts = NonceCounts(limit=10)
    for number in range(30):
        assert counts.take(f"n{number}", NOW + number, 1, NOW + number)
    back = NOW - 3600
    assert not counts.take("before", back - 0.5, 1, back), "from before the step: nobody can tell"
    for number in range(30):
        assert counts.take(f"m{number}", back + number + 0.5, 1, back + number + 1)
        assert not counts.take(f"m{number}", back + number + 0.5, 1, back + number + 1)
    assert not counts.take("m0", back + 0.5, 1, back + 31), "what is forgotten counts as used, as ever"
