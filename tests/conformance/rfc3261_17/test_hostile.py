"""Every torture and corpus message at a whole stack, from a good and from an impossible source.

What must hold whatever arrives: nothing is raised, nothing is sent anywhere but to the source address, at
most one answer to one datagram at once, none to an ACK or a response, and in the end nothing is left behind.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sip.fake_wire import FakeFlow, Rig, respond_with
from trunkline.sip.ports import Address, Transport

DATA = Path(__file__).parent.parent / "data" / "sip"
SOURCE = Address("192.0.2.10", 40000)


def corpus() -> Iterator[tuple[str, bytes]]:
    with gzip.open(DATA / "corpus.jsonl.gz", "rt") as lines:
        rows = [
            *map(json.loads, lines),
            *map(json.loads, (DATA / "rfc-torture.jsonl").read_text().splitlines()),
        ]
    for row in rows:
        yield f"{row.get('suite')}/{row.get('name')}", base64.b64decode(row["b64"])


CORPUS = list(corpus())


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) > 3000


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TLS])
def test_whatever_arrives(transport: Transport) -> None:
    for name, data in CORPUS:
        rig = Rig()
        rig.user.answering = respond_with(200)
        flow = FakeFlow(transport, SOURCE)
        rig.receive(data, flow)
        sent = [*flow.sent, *(one for other in rig.connector.flows.values() for one in other.sent)]
        assert len(sent) <= 1, name
        assert {target.address.host for target in rig.connector.asked} <= {SOURCE.host}, name
        if data.lstrip().startswith((b"SIP/2.0", b"ACK ")):
            assert sent == [], name
        rig.clock.run_out()
        assert rig.idle, name


@pytest.mark.parametrize(
    "remote", [Address("255.255.255.255", 5060), Address("224.0.1.75", 5060), Address("192.0.2.1", 0)]
)
def test_nothing_is_answered_to_an_impossible_source(remote: Address) -> None:
    for name, data in CORPUS:
        rig = Rig()
        rig.user.answering = respond_with(200)
        flow = FakeFlow(Transport.UDP, remote)
        rig.receive(data, flow)
        rig.clock.run_out()
        assert flow.sent == [], name
        assert all(target.address.port for target in rig.connector.asked), name
        assert {target.address.host for target in rig.connector.asked} <= {"192.0.2.1"}, name


def test_all_of_them_one_after_the_other_leave_nothing_behind() -> None:
    rig = Rig()
    rig.user.answering = respond_with(200)
    flow = FakeFlow(remote=SOURCE)
    for _, data in CORPUS:
        rig.receive(data, flow)
        rig.clock.advance(0.01)
    rig.clock.run_out()
    assert rig.idle
