"""The native `HeadReader` reads what the oracle reads, over real messages and mutations of them."""

import base64
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property import plain_head
from trunkline._native import HeadReader
from trunkline.sip import limits
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.headers import KEYS, SPELLING

CORPUS = Path(__file__).parent.parent / "conformance" / "data" / "sip" / "corpus.jsonl.gz"
ONCE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")
READER = HeadReader(
    list(KEYS.items()),
    [(key, SPELLING[key]) for key in ONCE],
    head_bytes=limits.HEAD_BYTES,
    lines=limits.HEADER_FIELDS,
    parameters=limits.PARAMETERS,
    cseq=limits.CSEQ_MAX,
)
USUAL = (
    b"INVITE sip:49301234567@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1;rport\r\n"
    b'From: "Anna \\" B" <sip:+49-30@example.com:5060>;tag=a1\r\n'
    b"t: <sips:example.com>;tag=x\r\n"
    b"Call-ID: 1@example.com\r\nCSeq: 1 INVITE\r\n"
    b"X-Odd : \t a\r\n  b\r\nx-odd: c\r\nContent-Length: 4\r\n\r\nbody"
)
PIECES = (
    *(
        b"\r\n",
        b"\r",
        b"\n",
        b" ",
        b"\t",
        b":",
        b";",
        b",",
        b'"',
        b"\\",
        b"<",
        b">",
        b"@",
        b"=",
        b"%41",
        b"\0",
    ),
    *(b"\x7f", b"\xe9", b"\xc3\xa9", b"[::1]", b"65536", b"0", b";tag=", b";lr", b"sip:", b"SIP/2.0/TCP "),
)


def messages() -> list[bytes]:
    with gzip.open(CORPUS) as file:
        return [base64.b64decode(row["b64"]) for row in map(json.loads, file) if "b64" in row]


def agree(data: bytes) -> None:
    read = READER.read(data)
    if len(read) == 3:
        with pytest.raises(SipSyntaxError) as caught:
            plain_head.index(data)
        assert read[2] == caught.value.status
        return
    start_line, values, spellings, body = plain_head.index(data)
    assert read[:2] == (start_line, values)
    assert list(read[1]) == list(values)
    assert (read[2] or {}) == spellings
    assert read[3] == body
    for recognised, key, oracle in (
        (read[4], "via", plain_head.via),
        (read[5], "from", plain_head.tag),
        (read[6], "to", plain_head.tag),
        (read[7], "cseq", plain_head.cseq),
    ):
        if recognised is not None:
            assert recognised == oracle(values[key][0])


def test_on_every_message_of_the_corpus() -> None:
    corpus = messages()
    assert len(corpus) > 3000
    for data in corpus:
        agree(data)


def test_what_is_usual_is_recognised_at_sight() -> None:
    plain = USUAL.replace(b' \\" ', b" ")
    read = READER.read(plain)
    assert len(read) == 8
    assert read[4] == ("UDP", "192.0.2.1", 5060, {"branch": "z9hG4bK-1", "rport": None})
    assert read[5:] == (("a1",), ("x",), (1, "INVITE"))


@given(
    st.sampled_from([USUAL, *messages()[::40]]),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 4), st.sampled_from(PIECES) | st.binary(max_size=3)),
        max_size=4,
    ),
)
def test_on_mutations(data: bytes, cuts: list[tuple[float, int, bytes]]) -> None:
    for place, length, piece in cuts:
        at = int(place * min(len(data), 600))
        data = data[:at] + piece + data[at + length :]
    agree(data)


@pytest.mark.parametrize("unit", [b'"', b'"\\', b"\\", b";", b"<", b"a:\r\n b\r\n"])
def test_of_rubbish_without_end(unit: bytes) -> None:
    agree(b"A\r\nX: \x01" + unit * (limits.HEAD_BYTES // len(unit)) + b"\r\n\r\n")
    agree(b"A\r\nX: " + unit * 1000 + b"\r\n\r\n")
