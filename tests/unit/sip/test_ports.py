"""What a URI says of its transport by itself, and of a peer that had another."""

import pytest

from trunkline.sip.ports import Transport, as_private, asked_transport
from trunkline.sip.uri import SipUri


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("sip:a@h.example", None),
        ("sip:a@h.example;transport=UDP", Transport.UDP),
        ("sip:a@h.example;transport=tcp", Transport.TCP),
        ("sip:a@h.example;transport=tls", Transport.TLS),
        ("sips:a@h.example", Transport.TLS),
        ("sips:a@h.example;transport=tcp", Transport.TLS),
        ("sip:a@h.example;transport=sctp", None),
    ],
)
def test_the_transport_that_a_uri_asks_for(uri: str, asked: Transport | None) -> None:
    assert asked_transport(SipUri.parse(uri)) is asked


@pytest.mark.parametrize(
    ("uri", "sought"),
    [
        ("sip:a@192.0.2.1", "sip:a@192.0.2.1;transport=tls"),
        ("sip:a@192.0.2.1:5061;ob", "sip:a@192.0.2.1:5061;ob;transport=tls"),
        ("sip:a@192.0.2.1:5061;transport=TCP", "sip:a@192.0.2.1:5061;transport=tls"),
        ("sip:a@192.0.2.1;transport=TLS", "sip:a@192.0.2.1;transport=TLS"),
        ("sips:a@192.0.2.1", "sips:a@192.0.2.1"),
    ],
)
def test_a_peer_that_had_tls_is_sought_by_tls(uri: str, sought: str) -> None:
    assert str(as_private(SipUri.parse(uri), Transport.TLS)) == sought


@pytest.mark.parametrize("had", ["", Transport.UDP, Transport.TCP])
def test_any_other_peer_is_sought_as_its_uri_says(had: str) -> None:
    uri = SipUri.parse("sip:a@192.0.2.1")
    assert as_private(uri, had) is uri
