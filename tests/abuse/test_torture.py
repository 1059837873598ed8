"""RFC 4475 and RFC 5118 against the running program: what each message gets, over TCP and over UDP.

The manifest's own expectation, and why an answer is more lenient or more strict than that, is in README.md.
"""

import pytest

from tests.abuse.doors import Datagrams, Streams
from tests.abuse.messages import torture
from tests.interop.node import Node

UNFINISHED: list[int] = []
"""Over a stream the rest of it may still come."""
ELSEWHERE: list[int] = []
"""The answer goes to the port that its Via names (RFC 3261 §18.2.2), which isn't ours."""
NOTHING: list[int] = []
"""A response that belongs to no request, or no SIP at all: dropped."""

EXPECTED: dict[str, tuple[list[int], list[int]]] = {
    # id: (over UDP, over TCP)
    "rfc4475/badaspec": ([200], [200]),
    "rfc4475/badbranch": ([200], [200]),
    "rfc4475/baddate": ([407], [407]),
    "rfc4475/baddn": ([400], UNFINISHED),
    "rfc4475/badinv01": ([400], [400]),
    "rfc4475/badvers": ([505], [505]),
    "rfc4475/bcast": (NOTHING, NOTHING),
    "rfc4475/bext01": ([420], [420]),
    "rfc4475/bigcode": (NOTHING, NOTHING),
    "rfc4475/clerr": ([400], UNFINISHED),
    "rfc4475/cparam01": ([401], [401]),
    "rfc4475/cparam02": ([401], [401]),
    "rfc4475/dblreq": ([401], [401, 407]),
    "rfc4475/esc01": ([407], [407]),
    "rfc4475/esc02": ([405], [405]),
    "rfc4475/escnull": ([401], [401]),
    "rfc4475/escruri": ([400], [400]),
    "rfc4475/insuf": ([400], [400]),
    "rfc4475/intmeth": ([405], [405]),
    "rfc4475/inv2543": ([407], [400]),
    "rfc4475/invut": ([407], [407]),
    "rfc4475/longreq": ([407], [407]),
    "rfc4475/ltgtruri": ([400], [400]),
    "rfc4475/lwsdisp": ([200], [200]),
    "rfc4475/lwsruri": ([400], [400]),
    "rfc4475/lwsstart": ([400], [400]),
    "rfc4475/mcl01": ([400], [400]),
    "rfc4475/mismatch01": ([400], [400]),
    "rfc4475/mismatch02": ([400], [400]),
    "rfc4475/mpart01": ([405], [405]),
    "rfc4475/multi01": ([400], [400]),
    "rfc4475/ncl": ([400], [400]),
    "rfc4475/noreason": (NOTHING, NOTHING),
    "rfc4475/novelsc": ([416], [416]),
    "rfc4475/quotbal": (ELSEWHERE, [400]),
    "rfc4475/regaut01": ([401], [401]),
    "rfc4475/regbadct": ([401], [401]),
    "rfc4475/regescrt": ([401], [401]),
    "rfc4475/scalar02": ([400], [400]),
    "rfc4475/scalarlg": (NOTHING, NOTHING),
    "rfc4475/sdp01": ([407], [407]),
    "rfc4475/semiuri": ([200], [200]),
    "rfc4475/test": (NOTHING, NOTHING),
    "rfc4475/transports": ([200], [200]),
    "rfc4475/trws": ([400], [400]),
    "rfc4475/unkscm": ([416], [416]),
    "rfc4475/unksm2": ([401], [401]),
    "rfc4475/unreason": (NOTHING, NOTHING),
    "rfc4475/wsinv": ([481], [481]),
    "rfc4475/zeromf": ([200], [200]),
    "rfc5118/ipv4-mapped-ipv6": (ELSEWHERE, [407]),
    "rfc5118/ipv6-bad": ([400], [400]),
    "rfc5118/ipv6-bug-abnf-3-colons": ([200], [200]),
    "rfc5118/ipv6-correct-abnf-2-colons": ([200], [200]),
    "rfc5118/ipv6-good": ([401], [401]),
    "rfc5118/ipv6-in-sdp": ([407], [407]),
    "rfc5118/mult-ip-in-header": (ELSEWHERE, [481]),
    "rfc5118/mult-ip-in-sdp": ([407], [407]),
    "rfc5118/port-ambiguous": ([401], [401]),
    "rfc5118/port-unambiguous": ([401], [401]),
    "rfc5118/via-received-param-no-delim": ([200], [200]),
    "rfc5118/via-received-param-with-delim": ([481], [481]),
}
MESSAGES = {message.id: message.data for message in torture()}


def test_every_message_has_its_expectation() -> None:
    assert set(EXPECTED) == set(MESSAGES)
    assert len(MESSAGES) == 62


@pytest.mark.parametrize("name", EXPECTED)
def test_over_tcp(node: Node, name: str) -> None:
    door = Streams(node.port)
    assert door.exchange(MESSAGES[name], len(EXPECTED[name][1])) == EXPECTED[name][1]
    door.probe()


def test_over_udp(node: Node) -> None:
    """All from one socket: what isn't answered is followed by a probe that is."""
    door = Datagrams(node.port)
    try:
        for name, (expected, _) in EXPECTED.items():
            assert door.exchange(MESSAGES[name]) == expected, name
    finally:
        door.close()
