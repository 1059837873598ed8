"""Two customers who point their legs at each other's ports, their own and those behind them, in every way and
order, while both speak and are spoken to: no packet runs in a circle.
"""

import itertools
import re
import time

import pytest

from tests.abuse.caller import Caller
from tests.interop.addresses import wait_for
from tests.interop.audio import PCMU, Voice
from tests.interop.node import HOST, Node
from tests.simulation.descriptions import audio, line
from trunkline.pstn.numbering import TONE_HZ

ECHO, TONE = "9991000", "9992000"
VOICE_HZ = 440.0
A_SECOND = 50
"""Packets of one stream."""


class Customer:
    """In a call, with a voice."""

    def __init__(self, node: Node, number: str) -> None:
        self.caller = Caller(node, number)
        self.voice = Voice(VOICE_HZ, self.caller.address)
        self._version = 1
        final = self.caller.call(self._body(self.caller.address, self.voice.port))
        assert final.status == 200
        self.port = int(line(final.body, "m").split()[1])
        """The one of ours that it speaks to."""
        self.voice.talk_to(HOST, self.port)

    def _body(self, address: str, port: int) -> bytes:
        return audio(address, port=port, codecs=(PCMU,), event=None, version=self._version)

    def points_at(self, port: int) -> None:
        self._version += 1
        assert self.caller.change(self._body(HOST, port)).status == 200

    def comes_back(self) -> None:
        self._version += 1
        assert self.caller.change(self._body(self.caller.address, self.voice.port)).status == 200

    def close(self) -> None:
        self.voice.close()
        self.caller.hang_up()
        self.caller.close()


def ports_behind(node: Node) -> list[int]:
    """The media ports of the calls that are up on the side of the carrier."""
    found = []
    wait_for("the records of both", lambda: len(node.open_calls()) == 2)
    for call_id in node.open_calls():
        messages = node.run("calls", call_id, "--messages").split("\n--- +")
        offer = next(text for text in messages if " to attempt 1, " in text and "m=audio" in text)
        found.append(int(offer.partition("m=audio ")[2].split()[0]))
    return found


@pytest.mark.parametrize("number", [TONE, ECHO], ids=["tones", "echoes"])
def test_nothing_runs_in_a_circle(node: Node, number: str) -> None:
    first, second = (Customer(node, number) for _ in range(2))
    try:
        ports = [first.port, second.port, first.port + 1, *ports_behind(node)]
        for one, other in itertools.product(ports, repeat=2):
            first.points_at(one)
            second.points_at(other)
            time.sleep(0.02)
            first.comes_back()
            second.points_at(one)
            first.points_at(other)
        first.points_at(second.port)
        second.points_at(first.port)
        time.sleep(0.5)
        first.comes_back()
        answer = TONE_HZ if number == TONE else VOICE_HZ
        wait_for("an answer, as before", lambda: first.voice.hears(answer))
    finally:
        first.close()
        second.close()
    for caller in (first.caller, second.caller):
        record = node.record(caller.call_id)
        counted = [
            int(count)
            for side in ("caller_media", "callee_media")
            for count in re.findall(r"(\d+) (?:in|out)", record[side])
        ]
        assert len(counted) == 4
        assert max(counted) < 2 * A_SECOND * record["talk_s"] + A_SECOND, record
