"""Calls through a customer's PBX: one side is a phone of the PBX, the other stands behind a carrier."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.interop.addresses import wait_for
from tests.interop.asterisk.own_files import PHONE
from tests.interop.asterisk.program import Asterisk
from tests.interop.asterisk.trunk import (
    CARRIER,
    CARRIERS,
    FAR,
    PHONE_HOST,
    PHONES,
    THIRD,
    number_of,
)
from tests.interop.audio import Voice
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, Node
from tests.interop.sipp.program import Message, Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp

HEARD_S = 30.0
NEAR_HZ, FAR_HZ, THIRD_HZ = 440, 1000, 1480


@dataclass
class Party:
    """Somebody who listens and talks, and the program that signals for them."""

    voice: Voice
    sipp: Sipp

    def talk(self) -> None:
        """To where the other side's description says."""
        self.voice.talk_to(*self.sipp.remote_audio())


def hear_each_other(*parties: Party) -> None:
    """Two of them; each hears the other's tone from now on."""
    one, other = parties
    for party in parties:
        party.talk()
        party.voice.heard.clear()
    wait_for(
        f"{one.voice.frequency:g} and {other.voice.frequency:g} Hz to hear each other",
        lambda: one.voice.hears(other.voice.frequency) and other.voice.hears(one.voice.frequency),
        within_s=HEARD_S,
    )


class Stage:
    """A node, a PBX, and who calls through them."""

    def __init__(self, node: Node, pbx: Asterisk, sipp: Start, voice: Speak) -> None:
        self.node = node
        self.pbx = pbx
        self._sipp = sipp
        self.near: Voice = voice(NEAR_HZ, PHONE_HOST)
        self.far: Voice = voice(FAR_HZ, CARRIER)
        self._voice = voice

    def close(self) -> None:
        """Print what the PBX has logged, for whoever looks at a failure."""
        sys.stdout.write("\n".join(self.pbx.output().splitlines()[-60:]))

    def callee(self, voice: Voice, **more: Any) -> Callee:
        """A scenario of somebody who is called, up to the INVITE."""
        callee = Callee(body=sdp(voice, **more))
        callee.invited()
        return callee

    def dials(self, number: str, **more: Any) -> Caller:
        """A scenario of the phone that calls `number`, up to the INVITE."""
        caller = Caller(number, caller=PHONE, domain=HOST, body=sdp(self.near, **more))
        caller.invite()
        return caller

    def calls(self, extension: str = PHONE, *, headers: tuple[str, ...] = (), caller: str = FAR) -> Caller:
        """A scenario of somebody out there who calls the number of `extension`, up to the INVITE."""
        out_there = Caller(number_of(extension), caller=caller, headers=headers, body=sdp(self.far))
        out_there.invite()
        return out_there

    def at_carrier(self, scenario: Callee) -> Party:
        """The callee of calls to `FAR`."""
        return Party(self.far, self._listens(scenario, CARRIERS["44"]))

    def at_phone(self, scenario: Callee) -> Party:
        """The PBX's phone, which is called."""
        return Party(self.near, self._listens(scenario, PHONES[0]))

    def call_out(self, number: str) -> tuple[Party, Party]:
        """The phone calls and is answered, both are heard: the phone (hangs up when told), the callee."""
        callee = self.callee(self.far)
        callee.ring()
        callee.accept()
        callee.hung_up()
        carrier = self.at_carrier(callee)
        caller = self.dials(number)
        caller.answered()
        caller.until_told()
        caller.bye()
        phone = self.from_phone(caller)
        hear_each_other(phone, carrier)
        return phone, carrier

    def call_in(self) -> tuple[Party, Party]:
        """Somebody calls, the phone answers, both are heard: who called (hangs up when told), the phone."""
        callee = self.callee(self.near)
        callee.ring()
        callee.accept()
        callee.hung_up()
        phone = self.at_phone(callee)
        caller = self.calls()
        caller.answered()
        caller.until_told()
        caller.bye()
        carrier = self.from_carrier(caller)
        hear_each_other(carrier, phone)
        return carrier, phone

    def digits_both_ways(self) -> None:
        """In a call that is up: three keys each way."""
        self.far.press("19#")
        self.near.press("28*")
        wait_for("the phone to get three keys", lambda: self.near.keys() == [1, 9, 11], within_s=HEARD_S)
        wait_for("the caller to get three keys", lambda: self.far.keys() == [2, 8, 10], within_s=HEARD_S)

    def third(self, steps: Callable[[Callee], None]) -> Party:
        """Whoever the PBX forwards or transfers to: the callee of calls to `THIRD_NUMBER`."""
        voice = self._voice(THIRD_HZ, THIRD)
        scenario = self.callee(voice)
        steps(scenario)
        return Party(voice, self._listens(scenario, CARRIERS["33"]))

    def _listens(self, scenario: Callee, address: tuple[str, int]) -> Sipp:
        host, port = address
        return self._sipp(scenario, host=host, port=port)

    def from_phone(self, scenario: Caller) -> Party:
        """The PBX's phone calls."""
        host, port = PHONES[0]
        return Party(self.near, self._sipp(scenario, host=host, port=port, to=(HOST, self.pbx.port)))

    def from_carrier(self, scenario: Caller) -> Party:
        """A call comes from the carrier."""
        return Party(self.far, self._sipp(scenario, host=CARRIER, to=(HOST, self.node.port)))


def ended(*parties: Party) -> None:
    """Every scenario went as written; who has hung up says nothing any more."""
    for party in parties:
        party.sipp.done()
        party.voice.hush()


def fields(message: Message, *names: str) -> str:
    """These header fields of a message, those that it has."""
    return "\n".join(f"{name}: {value}" for name in names if (value := message.header(name)) is not None)
