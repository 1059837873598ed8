"""Calls through a customer's Asterisk that outlive a session interval, or its network for a while."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.interop.addresses import wait_for
from tests.interop.asterisk.long_calls import LongCall
from tests.interop.asterisk.program import Asterisk
from tests.interop.asterisk.stage import Stage, ended, hear_each_other
from tests.interop.asterisk.trunk import MEDIA_TIMEOUT_S
from tests.interop.cases import Case
from tests.interop.node import Node
from tests.programs import require_program


@pytest.mark.parametrize(
    "direction",
    [
        pytest.param("outbound", marks=pytest.mark.case(Case.OUT_AUDIT)),
        pytest.param("inbound", marks=pytest.mark.case(Case.IN_AUDIT)),
    ],
)
def test_a_session_is_refreshed(node: Node, long: dict[str, LongCall], direction: str) -> None:
    """Half of 90 s after the answer (RFC 4028 §10), by whoever of the two said so; the audio goes on."""
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


@contextmanager
def _cut_off(pbx: Asterisk) -> Iterator[None]:
    """No packet reaches the PBX from anybody, or anybody from it."""
    command = require_program("iptables")
    first, last = pbx.rtp_ports
    rules = [
        ("INPUT", "-p", "udp", "-m", "multiport", way, f"{pbx.port},{first}:{last}", "-j", "DROP")
        for way in ("--dports", "--sports")
    ]
    for rule in rules:
        subprocess.run([command, "-w", "-I", *rule], check=True)
    try:
        yield
    finally:
        for rule in rules:
            subprocess.run([command, "-w", "-D", *rule], check=True)


@pytest.mark.case(Case.CUT_OFF)
def test_the_network_of_the_pbx_is_away_for_a_third_of_the_media_timeout(stage: Stage) -> None:
    """20 s of the 60 that are the default, made shorter: nobody hangs up, and both are heard again."""
    carrier, phone = stage.call_in()
    with _cut_off(stage.pbx):
        wait_for("silence", lambda: stage.far.hears_nothing() and stage.near.hears_nothing())
        time.sleep(MEDIA_TIMEOUT_S / 3)
    hear_each_other(carrier, phone)
    carrier.sipp.tell()
    ended(carrier, phone)
