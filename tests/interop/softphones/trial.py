"""Calls between a softphone and the carrier, which SIPp plays, and a third party."""

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import PCMU, Voice
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, Node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp
from tests.interop.softphones.softphone import Softphone

CARRIER = "127.0.0.20"
THIRD = "127.0.0.21"
PORT, THIRD_PORT = free_port(CARRIER), free_port(THIRD)
NUMBER, SECURE_NUMBER, FAR, THIRD_NUMBER = "12125550200", "12125550201", "442071838750", "33140205050"


class Trial:
    """What is around the phone."""

    def __init__(self, node: Node, sipp: Start, voice: Speak) -> None:
        self.node = node
        self._sipp = sipp
        self._voice = voice

    def far(self, payload_type: int = PCMU) -> Voice:
        """Somebody at the carrier, who says 1000 Hz."""
        return self._voice(1000, CARRIER, payload_type)

    def callee(self, scenario: Callee) -> Sipp:
        """Waits at the carrier for calls to `FAR`."""
        return self._sipp(scenario, host=CARRIER, port=PORT)

    def there(self) -> Voice:
        """The third party, who says 1480 Hz."""
        return self._voice(1480, THIRD)

    def third(self, scenario: Callee) -> Sipp:
        """Waits for calls to `THIRD_NUMBER`."""
        return self._sipp(scenario, host=THIRD, port=THIRD_PORT)

    def rings(self, phone: Softphone, scenario: Caller) -> Sipp:
        """A call from the carrier, which the phone rings for."""
        phone.command(phone.lets_ring)
        carrier = self._sipp(scenario, host=CARRIER, to=(HOST, self.node.port))
        phone.says(phone.rings)
        return carrier


def called(voice: Voice, formats: str = "0 101") -> Callee:
    """A scenario of somebody who is called, up to the INVITE."""
    callee = Callee(body=sdp(voice, formats=formats))
    callee.invited()
    return callee


def held_and_resumed(callee: Callee, voice: Voice) -> None:
    """The callee agrees to both."""
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        callee.request("INVITE")
        callee.agree(sdp(voice, formats="0 101", direction=direction, version=version))


def calling(voice: Voice, number: str = NUMBER) -> Caller:
    """A scenario of somebody who calls the phone, up to the INVITE."""
    caller = Caller(number, caller=FAR, body=sdp(voice))
    caller.invite()
    return caller


def hear_each_other(phone: Softphone, carrier: Sipp, voice: Voice) -> None:
    """From now on."""
    voice.talk_to(*carrier.remote_audio())
    voice.heard.clear()
    wait_for("the carrier to hear the phone", lambda: voice.hears(440))
    wait_for("the phone to hear the carrier", lambda: phone.hears(voice.frequency))
