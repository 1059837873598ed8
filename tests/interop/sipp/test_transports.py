"""The same call over every transport that SIPp has, over IPv6, in large messages, and from behind NAT."""

from collections.abc import Iterator

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import Voice
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp

PBX = "127.0.0.10"
CARRIER = "127.0.0.20"
PORTS = {name: free_port(CARRIER) for name in ("udp", "tcp", "large")}
PORT_IPV6 = free_port("::1")
LARGE = [f"X-Padding-{number}: {'p' * 100}" for number in range(12)]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("transports") / "node") as node:
        command = node.command
        command("carrier", "add", "udp", "--gateway", f"sip:{CARRIER}:{PORTS['udp']}")
        command("carrier", "add", "tcp", "--gateway", f"sip:{CARRIER}:{PORTS['tcp']};transport=tcp")
        command("carrier", "add", "large", "--gateway", f"sip:{CARRIER}:{PORTS['large']}")
        for prefix, name in (("44", "udp"), ("33", "tcp"), ("49", "large")):
            command("route", "add", prefix, "--carrier", name)
        command("number", "add", "12125550200", "--account", KEY, "--forward", f"sip:6@[::1]:{PORT_IPV6}")
        yield node


def _calling(called: str, mouth: Voice, headers: list[str] | None = None, near: str = "u1") -> Caller:
    """Hangs up when told, over TCP after a while: it hears nobody there but the node."""
    caller = Caller(called, body=sdp(mouth), headers=headers or [])
    caller.invite_with_credentials()
    caller.answered()
    caller.until_told() if near == "u1" else caller.pause(4000)
    caller.bye()
    return caller


def _hear_each_other(phone: Sipp, carrier: Sipp, mouth: Voice, ear: Voice, told: Sipp | None) -> None:
    """Then the call is ended by who is `told` to; None: by the phone, of itself."""
    there, here = carrier.received("INVITE").audio, phone.answer().audio
    assert there is not None
    assert here is not None
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the callee to hear the caller", lambda: ear.hears(440))
    wait_for("the caller to hear the callee", lambda: mouth.hears(1000))
    if told is not None:
        told.tell()
    phone.done()
    carrier.done()


@pytest.mark.parametrize(("near", "far"), [("u1", "tcp"), ("t1", "udp"), ("t1", "tcp")])
def test_udp_and_tcp_in_any_combination(node: Node, sipp: Start, voice: Speak, near: str, far: str) -> None:
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    transport = "t1" if far == "tcp" else "u1"
    carrier = sipp(Callee.answering(sdp(ear)), host=CARRIER, port=PORTS[far], transport=transport)
    called = "442071838750" if far == "udp" else "33140205050"
    to = (HOST, node.port)
    caller = _calling(called, mouth, near=near)
    phone = sipp(caller, host=PBX, to=to, user=KEY, password=SECRET, transport=near)
    _hear_each_other(phone, carrier, mouth, ear, phone if near == "u1" else None)
    contact = phone.answer().header("Contact") or ""
    assert (";transport=tcp" in contact) == (near == "t1")


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_ipv6_on_one_side_and_ipv4_on_the_other(
    node: Node, sipp: Start, voice: Speak, transport: str
) -> None:
    mouth, ear = voice(440, "::1"), voice(1000, CARRIER)
    carrier = sipp(Callee.answering(sdp(ear)), host=CARRIER, port=PORTS["udp"])
    to = ("::1", node.port_ipv6)
    caller = _calling("442071838751", mouth, near=transport)
    phone = sipp(caller, host="::1", to=to, user=KEY, password=SECRET, transport=transport)
    _hear_each_other(phone, carrier, mouth, ear, phone if transport == "u1" else None)
    assert "c=IN IP6 ::1" in phone.answer().body
    assert "c=IN IP4 127.0.0.1" in carrier.received("INVITE").body


def test_an_endpoint_on_ipv6(node: Node, sipp: Start, voice: Speak) -> None:
    mouth, ear = voice(440, CARRIER), voice(1000, "::1")
    pbx = sipp(Callee.answering(sdp(ear)), host="::1", port=PORT_IPV6)
    caller = Caller("12125550200", body=sdp(mouth))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    phone = sipp(caller, host=CARRIER, to=(HOST, node.port))
    _hear_each_other(phone, pbx, mouth, ear, phone)
    assert pbx.received("INVITE").start_line == f"INVITE sip:6@[::1]:{PORT_IPV6} SIP/2.0"


@pytest.mark.parametrize("listens", ["t1", "u1"])
def test_a_large_request_goes_by_tcp_and_by_udp_where_there_is_none(
    node: Node, sipp: Start, voice: Speak, listens: str
) -> None:
    """RFC 3261 §18.1.1: above 1300 bytes TCP comes first, and UDP when that is refused."""
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    carrier = sipp(Callee.answering(sdp(ear)), host=CARRIER, port=PORTS["large"], transport=listens)
    caller = _calling("4930123456", mouth, LARGE)
    phone = sipp(caller, host=PBX, to=(HOST, node.port), user=KEY, password=SECRET)
    _hear_each_other(phone, carrier, mouth, ear, phone)
    invite = carrier.received("INVITE")
    assert len(invite.text) > 1300
    assert [invite.header(line.partition(":")[0]) for line in LARGE] == ["p" * 100] * len(LARGE)
    via = "SIP/2.0/TCP" if listens == "t1" else "SIP/2.0/UDP"
    assert (invite.header("Via") or "").startswith(via)


def test_a_phone_behind_nat_is_answered_where_it_speaks_from(node: Node, sipp: Start, voice: Speak) -> None:
    """RFC 3581: the Via and the Contact name an address that nobody can reach."""
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.accept()
    callee.until_told()
    callee.bye()
    carrier = sipp(callee, host=CARRIER, port=PORTS["udp"])
    caller = Caller(
        "442071838752", body=sdp(mouth).replace(f"IP4 {PBX}", "IP4 10.99.0.7"), address="10.99.0.7"
    )
    caller.invite_with_credentials()
    caller.answered()
    caller.hung_up()
    phone = sipp(caller, host=PBX, to=(HOST, node.port), user=KEY, password=SECRET)
    _hear_each_other(phone, carrier, mouth, ear, carrier)
    via = phone.received("SIP/2.0 200").header("Via") or ""
    assert f";received={PBX}" in via
    assert f";rport={phone.port}" in via
