"""Kamailio as the carrier: a proxy that stays in the path. What is sent within a call follows the route set
(RFC 3261 §12.2.1.1, §16.12).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import Voice
from tests.interop.conftest import Speak, Start
from tests.interop.kamailio.program import Kamailio
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp

PBX = "127.0.0.10"
PROXY = "127.0.0.70"
SUBSCRIBER = "127.0.0.71"
PHONE_PORT = free_port(SUBSCRIBER)
PBX_PORT = free_port(PBX)


@dataclass(frozen=True)
class Setup:
    node: Node
    proxy: Kamailio


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    directory = tmp_path_factory.mktemp("kamailio")
    with running_node(directory / "node", {"forwarding.to_gateways": True}) as node:
        proxy = Kamailio(
            directory,
            host=PROXY,
            trunk=(HOST, node.port),
            phone=(SUBSCRIBER, PHONE_PORT),
            certificate=node.directory / "tls-certificate.pem",
            key=node.directory / "tls-key.pem",
        )
        try:
            command = node.command
            gateways = {
                "44": f"sip:{PROXY}:{proxy.port}",
                "33": f"sip:{PROXY}:{proxy.port};transport=tcp",
                "49": f"sip:{PROXY}:{proxy.tls_port};transport=tls",
            }
            for prefix, gateway in gateways.items():
                command("carrier", "add", f"to{prefix}", "--gateway", gateway, "--source", PROXY)
                command("route", "add", prefix, "--carrier", f"to{prefix}")
            secure = f"sips:9@{PROXY}:{proxy.tls_port}"
            command("number", "add", "12125550200", "--account", KEY, "--forward", f"sip:9@{PBX}:{PBX_PORT}")
            command("number", "add", "12125550201", "--account", KEY, "--forward", secure)
            yield Setup(node, proxy)
        finally:
            proxy.close()


def _hear_each_other(caller: Sipp, callee: Sipp, mouth: Voice, ear: Voice) -> None:
    there, here = callee.received("INVITE").audio, caller.answer().audio
    assert there is not None
    assert here is not None
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the callee to hear the caller", lambda: ear.hears(440))
    wait_for("the caller to hear the callee", lambda: mouth.hears(1000))


@pytest.mark.parametrize("called", ["442071838750", "33140205050", "4930123456"])
def test_a_call_through_the_proxy_by_udp_tcp_and_tls(
    setup: Setup, sipp: Start, voice: Speak, called: str
) -> None:
    mouth, ear = voice(440, PBX), voice(1000, SUBSCRIBER)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.request("INVITE")
    callee.agree(sdp(ear, version=2))
    callee.hung_up()
    phone = sipp(callee, host=SUBSCRIBER, port=PHONE_PORT)
    caller = Caller(called, body=sdp(mouth))
    caller.invite_with_credentials()
    caller.answered()
    caller.until_told()
    caller.in_dialog("INVITE", body=sdp(mouth, direction="sendonly", version=2))
    caller.provisional()
    caller.response(200)
    caller.ack()
    caller.pause(100)
    caller.bye()
    pbx = sipp(caller, host=PBX, to=(HOST, setup.node.port), user=KEY, password=SECRET)
    _hear_each_other(pbx, phone, mouth, ear)
    pbx.tell()
    pbx.done()
    phone.done()

    for method in ("INVITE", "ACK", "BYE"):
        request = phone.received(f"{method} sip:phone@{SUBSCRIBER}:{PHONE_PORT}")
        vias = [line for line in request.text.splitlines() if line.startswith("Via:")]
        assert PROXY in vias[0], f"{method} did not pass the proxy"
        assert len(vias) == 2
        assert request.header("Route") is None, "the proxy takes its own Route off"
    assert setup.node.record(pbx.call_id)["hung_up_by"] == "caller"


def test_the_subscriber_hangs_up(setup: Setup, sipp: Start, voice: Speak) -> None:
    mouth, ear = voice(440, PBX), voice(1000, SUBSCRIBER)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.accept()
    callee.until_told()
    callee.bye()
    phone = sipp(callee, host=SUBSCRIBER, port=PHONE_PORT)
    caller = Caller("442071838751", body=sdp(mouth))
    caller.invite_with_credentials()
    caller.answered()
    caller.hung_up()
    pbx = sipp(caller, host=PBX, to=(HOST, setup.node.port), user=KEY, password=SECRET)
    _hear_each_other(pbx, phone, mouth, ear)
    phone.tell()
    pbx.done()
    phone.done()
    assert setup.node.record(pbx.call_id)["hung_up_by"] == "callee"


def test_the_caller_gives_up(setup: Setup, sipp: Start, voice: Speak) -> None:
    callee = Callee()
    callee.invited()
    callee.ring()
    callee.cancelled()
    phone = sipp(callee, host=SUBSCRIBER, port=PHONE_PORT)
    caller = Caller("442071838752", body=sdp(voice(440, PBX)))
    caller.invite_with_credentials()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel()
    pbx = sipp(caller, host=PBX, to=(HOST, setup.node.port), user=KEY, password=SECRET)
    pbx.done()
    phone.done()


def test_a_call_from_the_carrier(setup: Setup, sipp: Start, voice: Speak) -> None:
    mouth, ear = voice(440, SUBSCRIBER), voice(1000, PBX)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.accept()
    callee.until_told()
    callee.bye()
    pbx = sipp(callee, host=PBX, port=PBX_PORT)
    caller = Caller("12125550200", caller="442071838750", body=sdp(mouth))
    caller.invite()
    caller.answered()
    caller.hung_up()
    to = (PROXY, setup.proxy.port)
    phone = sipp(caller, host=SUBSCRIBER, port=PHONE_PORT, to=to)
    _hear_each_other(phone, pbx, mouth, ear)
    pbx.tell()
    phone.done()
    pbx.done()
    bye = phone.received("BYE")
    assert PROXY in (bye.header("Via") or "")
    record = setup.node.record(phone.call_id)
    assert (record["direction"], record["source"]) == ("inbound", f"UDP {PROXY}:{setup.proxy.port}")
    assert record["hung_up_by"] == "callee"


def test_a_sips_endpoint(setup: Setup, sipp: Start, voice: Speak) -> None:
    """The proxy ends TLS; behind it a phone answers. Its certificate is self-signed, and not verified. That
    it is a carrier's gateway as well, the settings allow here.
    """
    mouth, ear = voice(440, PROXY), voice(1000, SUBSCRIBER)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.accept()
    callee.hung_up()
    pbx = sipp(callee, host=SUBSCRIBER, port=PHONE_PORT)
    caller = Caller("12125550201", caller="442071838750", body=sdp(mouth))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    phone = sipp(caller, host=PROXY, to=(HOST, setup.node.port))
    _hear_each_other(phone, pbx, mouth, ear)
    phone.tell()
    phone.done()
    pbx.done()
    attempt = setup.node.record(phone.call_id)["attempt_records"][0]
    assert attempt["resolved"] == f"TLS {PROXY}:{setup.proxy.tls_port}"
