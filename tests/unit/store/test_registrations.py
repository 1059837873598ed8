"""Registrations over a restart."""

from dataclasses import replace

from tests.unit.observe.flows import PaperFlow
from trunkline.sip.ports import Transport
from trunkline.sip.uri import SipUri
from trunkline.store.database import Database
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import RecordRow
from trunkline.store.registrations import load_bindings, registration_row
from trunkline.trunk.registrations import Binding

FLOW = PaperFlow()
LONG = Binding(
    SipUri.parse("sip:1@198.51.100.1:5062;transport=udp"),
    1000,
    600.0,
    "id",
    7,
    FLOW,
    "urn:x;1",
    "UDP 1.2.3.4:5060",
    "PBX",
    ("<sip:192.0.2.5;lr>",),
    fronted=True,
    secret="7-1.5",
)
SHORT = Binding(SipUri.parse("sip:2@198.51.100.2"), 500, 130.0, "id2", 1, FLOW)


def write(database: Database, *rows: RecordRow) -> None:
    GroupWriter(database).write([Group({"registration": list(rows)}, {})])


def without_flow(binding: Binding, deadline: float) -> Binding:
    return replace(binding, deadline=deadline, flow=None)


def test_bindings_come_back_on_another_monotonic_clock(database: Database) -> None:
    write(database, registration_row("n1", "acme", [LONG, SHORT], 1_000_000.0))
    found = load_bindings(database, "n1", now=5.0, wall=1_000_100.0)
    assert found == {"acme": [without_flow(LONG, 505.0), without_flow(SHORT, 35.0)]}


def test_who_registered_over_tls_is_sought_by_tls_after_it(database: Database) -> None:
    """RFC 4568 §8.3: whatever its Contact asks for."""
    by_tls = replace(SHORT, flow=PaperFlow(Transport.TLS), source="TLS 198.51.100.2:40123")
    write(database, registration_row("n1", "acme", [by_tls], 0.0))
    [binding] = load_bindings(database, "n1", now=0.0, wall=0.0)["acme"]
    assert str(binding.next_hop) == "sip:2@198.51.100.2;transport=tls"


def test_what_has_expired_stays_away(database: Database) -> None:
    write(
        database,
        registration_row("n1", "acme", [LONG, SHORT], 0.0),
        registration_row("n1", "old", [SHORT], 0.0),
    )
    found = load_bindings(database, "n1", now=0.0, wall=130.0)
    assert {account: len(bindings) for account, bindings in found.items()} == {"acme": 1}


def test_each_node_has_its_own(database: Database) -> None:
    write(database, registration_row("n1", "acme", [LONG], 0.0), registration_row("n2", "acme", [SHORT], 0.0))
    [binding] = load_bindings(database, "n2", now=0.0, wall=0.0)["acme"]
    assert binding.uri == SHORT.uri
