"""3,585 messages of other stacks' test suites and of captures: each gives a value or `SipSyntaxError`, soon.

What each ought to give is not known for most of them; that nothing else ever happens is. See README.md.
"""

import base64
import gzip
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.framing import StreamFramer
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.parse import parse_message

DATA = Path(__file__).parent.parent / "data" / "sip" / "corpus.jsonl.gz"
BOUND_S = 0.1
PROPERTIES = (
    *("vias", "from_", "to", "from_tag", "to_tag", "call_id", "cseq", "contact", "contacts", "route"),
    *(
        "record_route",
        "max_forwards",
        "content_type",
        "expires",
        "require",
        "supported",
        "allow",
        "rseq",
        "rack",
    ),
    *("session_expires", "min_se", "reason_header"),
)


def rows() -> Iterator[tuple[str, str, bytes]]:
    with gzip.open(DATA, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            data = base64.b64decode(row["b64"])
            data = data.replace(b"__TO__", b"bob").replace(b"__TARGET__", b"127.0.0.1:5060")
            yield row["id"], row["suite"], data


CORPUS = list(rows())
SUITES = sorted({suite for _, suite, _ in CORPUS})


def read_everything(message: Request | Response) -> None:
    for name in PROPERTIES:
        with suppress(SipSyntaxError):
            getattr(message, name)
    for key in message.headers.keys():  # noqa: SIM118 - not a dict
        with suppress(SipSyntaxError):
            message.headers.split(key)


def test_the_corpus_is_whole() -> None:
    assert len(CORPUS) == 3585


def read_and_print(message: Request | Response, name: str) -> None:
    read_everything(message)
    again = parse_message(message.to_bytes())
    assert again.body == message.body, name
    assert repr(again) == repr(message), name
    if isinstance(message, Request):
        parse_message(response_to(message, 200, to_tag="t").to_bytes())


def answer(refusal: SipSyntaxError, data: bytes, name: str) -> None:
    assert 400 <= refusal.status < 700, name
    assert "\n" not in str(refusal), name
    if refusal.message is not None:
        warning = ("Warning", str(refusal))
        response = response_to(refusal.message, refusal.status, to_tag="t", headers=[warning])
        assert len(response.to_bytes()) < len(data) + 200, name


@pytest.mark.parametrize("suite", SUITES)
def test_a_message_or_a_syntax_error(suite: str) -> None:
    for name, _, data in (row for row in CORPUS if row[1] == suite):
        start = time.process_time()
        try:
            message = parse_message(data)
        except SipSyntaxError as error:
            answer(error, data, name)
        else:
            read_and_print(message, name)
        assert time.process_time() - start < BOUND_S, name


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("size", [97, 10**6])
def test_the_stream_framer_gives_messages_or_a_syntax_error(suite: str, size: int) -> None:
    for name, _, data in (row for row in CORPUS if row[1] == suite):
        framer = StreamFramer()
        start = time.process_time()
        complete: list[bytes] = []
        try:
            for position in range(0, len(data), size):
                complete += [
                    item for item in framer.feed(data[position : position + size]) if isinstance(item, bytes)
                ]
        except SipSyntaxError:
            assert framer.failure is not None, name
        for item in complete:
            assert item in data, name
        assert time.process_time() - start < BOUND_S, name


@pytest.mark.parametrize("suite", SUITES)
def test_the_cut_does_not_matter(suite: str) -> None:
    for name, _, data in (row for row in CORPUS if row[1] == suite):
        outcomes = []
        for size in (1, 10**6):
            framer = StreamFramer()
            complete: list[object] = []
            for position in range(0, len(data), size):
                try:
                    complete += framer.feed(data[position : position + size])
                except SipSyntaxError:
                    break
            outcomes.append(([item for item in complete if isinstance(item, bytes)], framer.failure is None))
        assert outcomes[0] == outcomes[1], name
