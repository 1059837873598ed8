"""Calls through a customer's Asterisk that outlive half a session interval. They are looked at right after
the first calls that are made meanwhile (pytest goes by the file's name): SIPp takes one refresh, not two.
"""

import re

import pytest

from tests.interop.addresses import wait_for
from tests.interop.asterisk.long_calls import LongCall
from tests.interop.asterisk.stage import ended, hear_each_other
from tests.interop.cases import Case
from tests.interop.node import Node


@pytest.mark.parametrize(
    "direction",
    [
        pytest.param("outbound", marks=pytest.mark.case(Case.OUT_AUDIT)),
        pytest.param("inbound", marks=pytest.mark.case(Case.IN_AUDIT)),
    ],
)
def test_a_session_is_refreshed(node: Node, long: dict[str, LongCall], direction: str) -> None:
    """Half of 90 s after the answer (RFC 4028 §7.2), by whoever of the two said so; the audio goes on."""
    call = long[direction]
    wait_for("the refresh at the carrier", call.refreshed, within_s=75, every_s=0.2)
    hear_each_other(call.caller, call.callee)
    call.caller.sipp.tell()
    ended(call.caller, call.callee)
    record = wait_for("the closed record", lambda: node.closed(call.call_id))
    assert (record["verdict"], record["hung_up_by"]) == ("answered", "caller")
    side = "caller" if direction == "outbound" else "attempt 1"
    assert _refreshes(node.run("calls", call.call_id, "--messages"), side)


def _refreshes(ladder: str, side: str) -> list[str]:
    """The CSeqs of what refreshed the session with the PBX (RFC 4028 §7.4, §9) and was answered with 200."""
    messages = re.findall(rf"(?m)^--- \+(\d+)\.\d+ s (?:to|from) {side}, .*\n((?:.+\n)+)", ladder)
    late = [text for seconds, text in messages if int(seconds) >= 40 and "\nSession-Expires: " in text]
    asked = {_cseq(text) for text in late if text.startswith(("UPDATE ", "INVITE "))}
    return sorted(asked & {_cseq(text) for text in late if text.startswith("SIP/2.0 200 ")})


def _cseq(text: str) -> str:
    found = re.search(r"(?m)^CSeq: (.*)$", text)
    return "" if found is None else found[1]
