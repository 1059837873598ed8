"""A node that asks for SHA-256 alone (RFC 8760), and linphonec as a customer's phone."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import PCMU, Voice
from tests.interop.conftest import Speak, Start
from tests.interop.linphone.program import Linphone
from tests.interop.node import DOMAIN, HOST, KEY, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp

CARRIER = "127.0.0.20"
THIRD = "127.0.0.21"
PORT, THIRD_PORT = free_port(CARRIER), free_port(THIRD)
NUMBER, SECURE_NUMBER, FAR, THIRD_NUMBER = "12125550200", "12125550201", "442071838750", "33140205050"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    settings = {"service.digest": ["SHA-256"]}
    with running_node(tmp_path_factory.mktemp("linphone") / "node", settings) as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("carrier", "set", "main", "--source", CARRIER)
        node.command("route", "add", "44", "--carrier", "main")
        node.command("carrier", "add", "third", "--gateway", f"sip:{THIRD}:{THIRD_PORT}")
        node.command("route", "add", "33", "--carrier", "third")
        node.command("account", "set", KEY, "--refer")
        registered = f"sip:{KEY}@{DOMAIN}"
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", registered)
        secure = f"{registered};media=srtp;transport=tls"
        node.command("number", "add", SECURE_NUMBER, "--account", KEY, "--forward", secure)
        yield node


@pytest.fixture(scope="module")
def phone(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linphone]:
    """Registered; says 440 Hz, in G.711."""
    with closing(Linphone(tmp_path_factory.mktemp("linphone") / "home", trunk=node.port)) as phone:
        yield phone


@pytest.fixture(scope="module")
def secure_phone(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linphone]:
    """By TLS, and with SRTP only."""
    home = tmp_path_factory.mktemp("linphone") / "home"
    with closing(Linphone(home, trunk=node.tls_port, secure=True)) as phone:
        yield phone


class Trial:
    """Calls between a phone and the carrier."""

    def __init__(self, node: Node, sipp: Start, voice: Speak) -> None:
        self.node = node
        self._sipp = sipp
        self._voice = voice

    def carrier_voice(self, payload_type: int = PCMU) -> Voice:
        """Says 1000 Hz."""
        return self._voice(1000, CARRIER, payload_type)

    def callee(self, scenario: Callee) -> Sipp:
        """Waits at the carrier."""
        return self._sipp(scenario, host=CARRIER, port=PORT)

    def third_voice(self) -> Voice:
        """Says 1480 Hz."""
        return self._voice(1480, THIRD)

    def third(self, scenario: Callee) -> Sipp:
        """Waits for calls to `THIRD_NUMBER`."""
        return self._sipp(scenario, host=THIRD, port=THIRD_PORT)

    def calls(self, scenario: Caller) -> Sipp:
        """A call from the carrier."""
        return self._sipp(scenario, host=CARRIER, to=(HOST, self.node.port))


def hear_each_other(phone: Linphone, carrier: Sipp, voice: Voice) -> None:
    """From now on."""
    voice.talk_to(*carrier.remote_audio())
    voice.heard.clear()
    wait_for("the carrier to hear the phone", lambda: voice.hears(440))
    wait_for("the phone to hear the carrier", lambda: phone.hears(voice.frequency))


@pytest.fixture
def trial(node: Node, sipp: Start, voice: Speak) -> Trial:
    return Trial(node, sipp, voice)


def dial(phone: Linphone, number: str = FAR) -> None:
    """Call somebody out there."""
    phone.command(f"call sip:{number}@{DOMAIN}")


def called(voice: Voice, formats: str = "0 101") -> Callee:
    """A scenario of somebody who is called, up to the INVITE."""
    callee = Callee(body=sdp(voice, formats=formats))
    callee.invited()
    return callee
