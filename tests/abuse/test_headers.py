"""Header fields as weapons: injection through what we pass on, twins, smuggling, enormous and endless
ones.
"""

from collections.abc import Iterator

import pytest

from tests.abuse.caller import Caller
from tests.abuse.doors import ANSWER_S, HOST, Datagrams, options, statuses
from tests.interop.node import Node
from tests.simulation.descriptions import audio

OFFER = audio(HOST)


@pytest.fixture
def door(node: Node) -> Iterator[Datagrams]:
    door = Datagrams(node.port)
    yield door
    door.probe()
    door.close()


def altered(node: Node, door: Datagrams, old: bytes, new: bytes) -> list[int]:
    """What a good OPTIONS gets when `old` has become `new`."""
    data = options(node.port, f"{door.address}:5060", "UDP")[0]
    assert old in data
    return door.exchange(data.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"CSeq: 1 OPTIONS", b"CSeq: 1 OPTIONS\r\nCSeq: 2 OPTIONS", id="two CSeq"),
        pytest.param(b"Max-Forwards: 70", b"Max-Forwards: 70\r\nMax-Forwards: 1", id="two Max-Forwards"),
        pytest.param(b"CSeq:", b"From: <sip:x@y>;tag=2\r\nCSeq:", id="two From"),
        pytest.param(b"CSeq:", b"t: <sip:x@y>\r\nCSeq:", id="To and its compact form"),
        pytest.param(b"CSeq:", b"i: other\r\nCSeq:", id="Call-ID and its compact form"),
        pytest.param(b"Content-Length: 0", b"Content-Length: 0\r\nl: 5", id="two Content-Length"),
        pytest.param(b"Content-Length: 0", b"Content-Length: 99", id="body too short"),
        pytest.param(b"Content-Length: 0", b"Content-Length: -1", id="negative length"),
        pytest.param(b"Content-Length: 0", b"Content-Length: 0x0", id="hexadecimal length"),
        pytest.param(b"To: ", b"To\x01: ", id="control character in a name"),
        pytest.param(b"CSeq: 1 ", b"CSeq: 99999999999999999999 ", id="CSeq out of range"),
        pytest.param(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE", id="CSeq of another method"),
    ],
)
def test_it_is_400(node: Node, door: Datagrams, old: bytes, new: bytes) -> None:
    assert altered(node, door, old, new) in ([400], [])


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(b"X-A: " + b"a" * 60_000, id="60 kB value"),
        pytest.param(b"X-A: 1\r\n" * 5000 + b"X-B: 1", id="5000 fields"),
        pytest.param(b"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\n" * 1000 + b"X-B: 1", id="1000 Via"),
        pytest.param(b"Route: " + b"<sip:a;lr>," * 4000 + b"<sip:b;lr>", id="4000 routes"),
        pytest.param(b"Contact: " + b"<" * 30_000, id="30000 brackets"),
        pytest.param(b'Contact: "' + b"\\" * 30_000, id="30000 backslashes"),
        pytest.param(b"Accept: " + b"," * 50_000, id="50000 commas"),
        pytest.param(
            b"Proxy-Authorization: Digest " + b"a=b," * 12_000 + b"c=d", id="12000 digest parameters"
        ),
        pytest.param(b"X-A: 1\r\n " * 5000 + b"2", id="5000 folds"),
    ],
)
def test_large_ones_cost_little(node: Node, door: Datagrams, field: bytes) -> None:
    """Linear: a probe right behind each is answered for little work."""
    data = options(node.port, f"{door.address}:5060", "UDP")[0]
    data = data.replace(b"Content-Length: 0", field + b"\r\nContent-Length: 0")[:65_000]
    before = node.processor_s()
    for _ in range(10):
        door.throw(data)
    door.probe()
    assert node.processor_s() - before < 1.0


@pytest.mark.parametrize(
    "line",
    [
        "X-Evil: 1\rRoute: <sip:evil>",
        "X-Evil: 1\nRoute: <sip:evil>",
        "X-Evil: 1\x00Route: <sip:evil>",
        "X-Evil: \x1b[2J",
        'P-Asserted-Identity: "a\rb" <sip:4930@x>',
        "P-Asserted-Identity: <sip:4930\r\n Route:x@y>",
    ],
)
def test_nothing_can_be_injected_into_the_other_leg(node: Node, line: str) -> None:
    """Refused, or harmless: the simulated carrier refuses a header that breaks, and the call stands or
    falls as one.
    """
    caller = Caller(node)
    try:
        final = caller.call(OFFER, (line,))
        assert final.status in (200, 400, 488)
        assert not any(
            "route" in name.lower() for name, _ in final.headers.fields() if name.lower() != "record-route"
        )
        if final.status == 200:
            caller.hang_up()
        caller.probe()
    finally:
        caller.close()


def test_responses_that_nobody_asked_for(node: Node, door: Datagrams) -> None:
    for status in (100, 180, 200, 407, 503):
        data = options(node.port, f"{door.address}:5060", "UDP")[0]
        assert door.exchange(data.replace(b"OPTIONS sip:", b"SIP/2.0 %d x\r\nX: " % status, 1)) == []


def test_a_stranger_is_not_answered_at_length(node: Node, door: Datagrams) -> None:
    """No amplification: an answer to an unauthenticated INVITE is of the INVITE's own size."""
    data = options(node.port, f"{door.address}:5060", "UDP")[0]
    data = data.replace(b"OPTIONS", b"INVITE").replace(b"CSeq:", b"Contact: <sip:a@127.0.0.9>\r\nCSeq:")
    door.throw(data)
    answer = next(door.answers(ANSWER_S))
    assert statuses(answer) == [407]
    assert not list(door.answers(0.7)), "stateless: sent once"
    assert len(answer) < 2.5 * len(data)
