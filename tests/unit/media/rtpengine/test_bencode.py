"""Bencode: both ways, cut short at every byte, and what is no bencode."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.media.rtpengine.bencode import (
    MAX_DEPTH,
    BencodeError,
    CutShortError,
    Value,
    decode,
    decode_first,
    encode,
)

values = st.recursive(
    st.integers(-(2**62), 2**62) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read(value: Value) -> None:
    data = encode(value)
    assert decode(data) == value
    for end in range(len(data)):
        with pytest.raises(CutShortError):
            decode(data[:end])


def test_keys_come_in_any_order_and_text_is_utf8() -> None:
    assert encode({"sdp": "ü", "a": [1, b"\xff"]}) == b"d3:sdp2:\xc3\xbc1:ali1e1:\xffee"
    assert decode(b"d1:bi1e1:ai2e1:bi3ee") == {"b": 3, "a": 2}


def test_the_end_of_the_first_value_is_known() -> None:
    assert decode_first(b"xx i7e more", 3) == (7, 6)
    with pytest.raises(BencodeError, match="follow"):
        decode(b"i7emore")


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"e",
        b"iee",
        b"i1-e",
        b"i--1e",
        b"-1:",
        b"di1ei2ee",
        b"d1:a",
        b"l" * (MAX_DEPTH + 2),
        b"i" + b"9" * 30 + b"e",
        b"9" * 30 + b":",
        b"1x:a",
        b"l" + b"i1e" * 60_000 + b"e",
        b"99999999999:abc",
    ],
)
def test_what_is_no_bencode_raises_one_error(data: bytes) -> None:
    with pytest.raises(BencodeError):
        decode(data)


@given(st.binary(max_size=60))
def test_any_bytes_end_in_a_value_or_that_error(data: bytes) -> None:
    with suppress(BencodeError):
        decode(data)
