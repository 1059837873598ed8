"""Session descriptions that mean harm, from a customer who knows the password."""

import time
from collections.abc import Iterator

import pytest

from tests.abuse.caller import Caller, Listener
from tests.interop.addresses import wait_for
from tests.interop.node import HOST, Node
from tests.simulation.descriptions import audio, line

GOOD = audio(HOST)


@pytest.fixture
def caller(node: Node) -> Iterator[Caller]:
    caller = Caller(node)
    yield caller
    caller.probe()
    caller.close()


def huge(lines: int) -> bytes:
    return GOOD + b"a=x-filler:0123456789\r\n" * lines


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"rubbish", id="rubbish"),
        pytest.param(b"\x00" * 1000, id="zeros"),
        pytest.param(b"v=0\r\n" * 5000, id="versions"),
        pytest.param(GOOD[: len(GOOD) // 2], id="half"),
        pytest.param(huge(2500), id="60 kB"),
        pytest.param(GOOD.replace(b"m=", b"m=audio 4000 RTP/AVP 8\r\nm=" * 200, 1), id="200 streams"),
        pytest.param(GOOD.replace(b"RTP/AVP 8", b"RTP/AVP " + b"8 " * 5000), id="5000 formats"),
        pytest.param(audio(HOST, address="224.0.0.1"), id="multicast"),
        pytest.param(audio(HOST, address="239.255.255.250"), id="ssdp"),
        pytest.param(audio(HOST, address="255.255.255.255"), id="broadcast"),
        pytest.param(audio(HOST, address="localhost"), id="name"),
        pytest.param(audio(HOST, address="127.1"), id="short address"),
        pytest.param(audio(HOST, address="0x7f000001"), id="hexadecimal address"),
        pytest.param(audio(HOST, address=f"{HOST}/127"), id="ttl"),
        pytest.param(audio(HOST, port=0), id="port 0"),
        pytest.param(audio(HOST, port=65536), id="port 65536"),
        pytest.param(audio(HOST, port=-1), id="port -1"),
        pytest.param(audio(HOST).replace(b"IP4", b"IP6"), id="family"),
    ],
)
def test_it_is_refused(caller: Caller, body: bytes) -> None:
    assert 400 <= caller.call(body).status < 500


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(GOOD.replace(b"m=audio 4000", b"m=audio 4000/60000"), id="60000 ports"),
        pytest.param(GOOD.replace(b"PCMA/8000", b"PCMA/" + b"9" * 4000), id="clock rate"),
        pytest.param(GOOD + b"a=fmtp:8 " + b"x" * 4000 + b"\r\n", id="long fmtp"),
        pytest.param(GOOD + b"a=rtcp:70000\r\n", id="rtcp port"),
    ],
)
def test_it_is_left_out_of_the_answer(caller: Caller, body: bytes) -> None:
    """What is unusable but not needed costs nothing: the answer is a small one of ours."""
    final = caller.call(body)
    assert final.status in (200, 400, 488)
    if final.status == 200:
        assert len(final.body) < 400
        assert line(final.body, "m").split()[1].isdigit()
        caller.hang_up()


def test_a_third_party_hears_nothing_from_the_door(caller: Caller) -> None:
    """Nothing is sent to an address in the SDP of a call that is refused."""
    third = Listener("127.0.77.7")
    try:
        body = audio(third.address, port=third.port, codecs=())
        assert caller.call(body).status == 488
        time.sleep(0.5)
        assert third.heard() == 0
    finally:
        third.close()


def test_audio_is_not_aimed_at_a_third_party(caller: Caller) -> None:
    """A call to a number that talks, with somebody else's address in c= (SDP as a flood's lever)."""
    third = Listener("127.0.77.7")
    try:
        assert caller.call(audio(third.address, port=third.port)).status == 200
        time.sleep(1)
        caller.hang_up()
        assert third.heard() == 0
    finally:
        third.close()


def test_audio_follows_the_one_who_sends(caller: Caller) -> None:
    """Once the signalling address has sent RTP, the address of the SDP gets no more."""
    third, own = Listener("127.0.77.7"), Listener(caller.address)
    try:
        final = caller.call(audio(third.address, port=third.port))
        port = int(line(final.body, "m").split()[1])
        own.send(b"\x80\x08\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01" + b"\xd5" * 160, port)
        wait_for("audio for the one who sends", own.heard)
        third.heard()
        for _ in range(10):
            wait_for("more audio for the one who sends", own.heard)
        assert third.heard() == 0
        caller.hang_up()
    finally:
        third.close()
        own.close()


def test_audio_aimed_at_our_own_sip_port_harms_nobody(caller: Caller, node: Node) -> None:
    final = caller.call(audio(HOST, port=node.port))
    if final.status == 200:
        for _ in range(5):
            time.sleep(0.2)
            caller.probe()
        caller.hang_up()


def test_audio_of_one_call_aimed_at_another_ends_with_them(caller: Caller, node: Node) -> None:
    """Two calls whose SDP names each other's ports: no storm outlives them, none grows while they last."""
    first = caller.call(audio(HOST))
    other = Caller(node)
    try:
        port = int(line(first.body, "m").split()[1])
        assert other.call(audio(HOST, port=port)).status == 200
        before = node.processor_s()
        time.sleep(1)
        caller.probe()
        assert node.processor_s() - before < 0.2
        other.hang_up()
        caller.hang_up()
    finally:
        other.close()
