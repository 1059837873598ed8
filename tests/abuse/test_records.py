"""What strangers write ends in the log, in records and on the operator's terminal: as text, and nothing else.

SQL, formulas, markup and control characters in the caller's display name, in the number it says it is, in the
name of its program.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.abuse.caller import Caller
from tests.abuse.doors import HOST
from tests.interop.addresses import wait_for
from tests.interop.node import Node
from tests.simulation.descriptions import audio

OFFER = audio(HOST)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def caller(node: Node) -> Iterator[Caller]:
    caller = Caller(node)
    yield caller
    caller.close()


HOSTILE = {
    "sql": 'P-Asserted-Identity: "\'); DROP TABLE call;--" <sip:493012345678@x>',
    "sql in the number": "P-Asserted-Identity: <sip:1'%20OR%20'1'='1@x>",
    "formula": "P-Asserted-Identity: <sip:=cmd%7C'%20/C%20calc'!A1@x>",
    "markup": 'P-Asserted-Identity: "<script>alert(1)</script>" <sip:493012345678@x>',
    "markup in User-Agent": "User-Agent: <img src=x onerror=alert(1)>",
    "terminal escape": 'P-Asserted-Identity: "\\\x1b]0;owned\\\x07" <sip:493012345678@x>',
    "escaped escape": "P-Asserted-Identity: <sip:%1b%5b2J%0a%0dlevel=error@x>",
    "bidi and bad UTF-8": 'P-Asserted-Identity: "\u202e\udcff" <sip:493012345678@x>',
}


def test_it_stays_text(node: Node, caller: Caller) -> None:
    statuses = {}
    for name, line in HOSTILE.items():
        statuses[name] = caller.call(OFFER, (line,)).status
        if statuses[name] == 200:
            caller.hang_up()
        else:
            assert 400 <= statuses[name] < 500, name
    answered = sum(status == 200 for status in statuses.values())
    assert answered >= 4, statuses
    wait_for("the calls' end", lambda: node.gauge("active_calls") == 0)
    rows = wait_for("their records", lambda: closed(node, len(HOSTILE)))
    assert not CONTROL.search(node.run("calls", "--limit", "100"))
    for row in rows[:2]:
        assert not CONTROL.search(node.run("calls", row["call_id"])), row
    node.assert_clean_log()
    caller.probe()


def closed(node: Node, count: int) -> list[dict[str, Any]] | None:
    """The newest records, once so many are closed."""
    rows: list[dict[str, Any]] = node.command("calls", "--limit", "100")
    return rows if sum(row["verdict"] != "open" for row in rows) >= count else None
