"""Chance, in pieces."""

from trunkline.node.tokens import srtp_key, token_source, weighted_pick


def test_tokens_are_64_random_bits_each() -> None:
    token = token_source()
    tokens = [token() for _ in range(5000)]
    assert len(set(tokens)) == 5000
    assert {len(one) for one in tokens} == {16}
    assert all(set(one) <= set("0123456789abcdef") for one in tokens)


def test_two_sources_differ() -> None:
    assert token_source()() != token_source()()


def test_srtp_keys_are_30_octets_and_never_the_same() -> None:
    keys = {srtp_key() for _ in range(100)}
    assert {len(key) for key in keys} == {30}
    assert len(keys) == 100


def test_a_pick_follows_the_weights() -> None:
    picks = [weighted_pick([0, 3, 1]) for _ in range(4000)]
    assert picks.count(0) == 0
    assert 2700 < picks.count(1) < 3300


def test_without_weights_all_are_alike() -> None:
    picks = [weighted_pick([0, 0]) for _ in range(4000)]
    assert 1700 < picks.count(0) < 2300
