"""What a URI says of its transport by itself."""

import pytest

from trunkline.sip.ports import Transport, asked_transport
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
