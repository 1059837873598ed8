"""Calls through a customer's Asterisk that its network is away from for a while."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.interop.addresses import wait_for
from tests.interop.asterisk.program import Asterisk
from tests.interop.asterisk.stage import Stage, ended, hear_each_other
from tests.interop.asterisk.trunk import MEDIA_TIMEOUT_S
from tests.interop.cases import Case
from tests.programs import require_program

QUALIFIES_WITHIN_S = 3.0
"""An OPTIONS of the PBX that the cut swallowed has failed by then. The PBX would take the trunk for dead, and
place no call on it, until it asks again: up to a minute, in which other tests want to call.
"""


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
    time.sleep(QUALIFIES_WITHIN_S)
    stage.pbx.qualified()
    carrier.sipp.tell()
    ended(carrier, phone)
