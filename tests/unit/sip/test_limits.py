"""`trunkline.sip.limits`: bounds of an RFC are that RFC's, and the others leave room."""

import base64
import json
from pathlib import Path

from trunkline.sip import limits

TORTURE = Path(__file__).parents[2] / "conformance" / "data" / "sip" / "rfc-torture.jsonl"


def test_numbers_of_the_rfcs() -> None:
    assert limits.CSEQ_MAX == 2147483647  # RFC 3261 §8.1.1.5: less than 2**31
    assert limits.MAX_FORWARDS_MAX == 255  # RFC 3261 §20.22
    assert limits.DELTA_SECONDS_MAX == 4294967295  # RFC 3261 §20.19: (2**32)-1
    assert limits.RSEQ_MAX == 4294967295  # RFC 3262 §7.1: 32 bits


def test_every_message_of_the_torture_rfcs_fits_many_times() -> None:
    for row in TORTURE.read_text().splitlines():
        head, _, body = base64.b64decode(json.loads(row)["b64"]).partition(b"\r\n\r\n")
        assert len(head) * 8 < limits.HEAD_BYTES
        assert len(body) * 8 < limits.BODY_BYTES
        assert head.count(b"\r\n") * 4 < limits.HEADER_FIELDS
        assert head.count(b"branch") * 3 < limits.LIST_ELEMENTS
        assert max(line.count(b";") for line in head.split(b"\r\n")) < limits.PARAMETERS


def test_a_datagram_of_any_size_has_a_bounded_body() -> None:
    assert limits.BODY_BYTES > 65_507
