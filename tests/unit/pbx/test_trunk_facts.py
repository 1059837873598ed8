from typing import Any

import pytest

from trunkline.pbx.trunk_facts import Edge, PbxError, TrunkFacts


def facts(**changes: Any) -> TrunkFacts:
    values = {
        "domain": "sip.example.net",
        "edges": (Edge("sip-us1.sip.example.net", ("203.0.113.10", "2001:db8::10")),),
        "key": "trunk1",
        "secret": "s3cret-trunk1",
    }
    return TrunkFacts(**(values | changes))


def test_udp_at_the_usual_port_where_nothing_is_asked_for() -> None:
    usual = facts()
    assert (usual.transport, usual.port, usual.default_port) == ("udp", 5060, True)
    assert usual.number is None


@pytest.mark.parametrize(
    ("changes", "transport", "port", "usual"),
    [
        ({"tls": True}, "tls", 5061, True),
        ({"tls": True, "tls_port": 5071}, "tls", 5071, False),
        ({"udp_port": None}, "tcp", 5060, True),
        ({"udp_port": 5080}, "udp", 5080, False),
    ],
)
def test_how_signalling_goes(changes: dict[str, Any], transport: str, port: int, usual: bool) -> None:
    made = facts(**changes)
    assert (made.transport, made.port, made.default_port) == (transport, port, usual)


def test_every_address_once() -> None:
    edges = (Edge("a.example.net", ("192.0.2.1",)), Edge("b.example.net", ("192.0.2.2", "192.0.2.1")))
    assert facts(edges=edges).addresses == ("192.0.2.1", "192.0.2.2")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"domain": "sip.example.net\nregister => x"}, "service domain"),
        ({"key": "trunk1;x"}, "the key"),
        ({"secret": "with:colon"}, "rotate-secret"),
        ({"secret": "semi;colon"}, "rotate-secret"),
        ({"secret": ""}, "rotate-secret"),
        ({"secret": "new\nline"}, "rotate-secret"),
        ({"numbers": ("+442079460123",)}, "number"),
        ({"edges": ()}, "advertised_host"),
        ({"edges": (Edge("<x>", ("192.0.2.1",)),)}, "name of an edge"),
        ({"edges": (Edge("a.example.net", ("192.0.2.1;",)),)}, "address of an edge"),
        ({"srtp": True}, "TLS"),
        ({"tls": True, "tls_port": None}, "does not listen"),
        ({"udp_port": None, "tcp_port": None}, "TLS only"),
    ],
)
def test_what_no_file_could_hold(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(PbxError, match=says):
        facts(**changes)
