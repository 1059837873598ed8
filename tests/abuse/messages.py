"""The messages to throw: RFC 4475 and 5118 (`torture`), and 3,585 of other stacks' test suites and captures
(`corpus`).

Origins are in tests/conformance/data/sip/ORIGIN.md.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_DATA = Path(__file__).parent.parent / "conformance" / "data" / "sip"


class Message(NamedTuple):
    """One of them. `cls` is `valid`, `invalid` or `app` as its origin has it, or empty."""

    id: str
    cls: str
    data: bytes


def _rows(lines: Iterator[str], port: int) -> Iterator[Message]:
    for line in lines:
        row = json.loads(line)
        data = base64.b64decode(row["b64"]).replace(b"__TO__", b"bob")
        yield Message(row["id"], row.get("cls") or "", data.replace(b"__TARGET__", b"127.0.0.1:%d" % port))


def torture() -> list[Message]:
    """The 62 of the RFCs."""
    with (_DATA / "rfc-torture.jsonl").open() as lines:
        return list(_rows(lines, 5060))


def corpus(port: int) -> list[Message]:
    """All 3,585, for a node on this port."""
    with gzip.open(_DATA / "corpus.jsonl.gz", "rt") as lines:
        return list(_rows(lines, port))
