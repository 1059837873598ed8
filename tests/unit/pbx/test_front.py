"""The files of a front. What Kamailio makes of them: tests/interop/edges."""

import pytest

from trunkline.errors import ConfigError
from trunkline.pbx.front import FrontNode, Listener, write_front
from trunkline.sip.ports import Address

NODES = [
    FrontNode("one", "udp", Address("10.0.0.1", 5060)),
    FrontNode("two", "tcp", Address("2001:db8::2", 5070)),
]
LISTENERS = [Listener.parse("udp:203.0.113.5:5060")]


def test_nothing_is_left_to_edit() -> None:
    config, nodes = write_front("sip.example.net", LISTENERS, NODES, "/srv/front")
    assert 'alias="sip.example.net"\nlisten=udp:203.0.113.5:5060\n' in config.text
    assert 'modparam("dispatcher", "list_file", "/srv/front/dispatcher.list")' in config.text
    assert 'append_hf("X-Trunkline-Source: $proto $si $sp\\r\\n");' in config.text
    assert "mhomed" not in config.text
    assert nodes.name == "dispatcher.list"
    assert "\n1 sip:10.0.0.1:5060;transport=udp 0 0 name=one\n" in nodes.text
    assert "\n1 sip:[2001:db8::2]:5070;transport=tcp 0 0 name=two\n" in nodes.text


def test_a_front_with_two_sides_shows_each_the_address_that_leads_there() -> None:
    listeners = [*LISTENERS, Listener.parse("tcp:[2001:db8::5]:5060")]
    config, _ = write_front("sip.example.net", listeners, NODES)
    assert "mhomed=1\nlisten=udp:203.0.113.5:5060\nlisten=tcp:[2001:db8::5]:5060\n" in config.text


def test_a_front_that_ends_tls_has_a_certificate() -> None:
    config, _ = write_front(
        "sip.example.net", [*LISTENERS, Listener.parse("tls:203.0.113.5:5061")], NODES, "/srv/front"
    )
    assert "enable_tls=yes\nlisten=udp:203.0.113.5:5060\nlisten=tls:203.0.113.5:5061\n" in config.text
    assert 'modparam("tls", "certificate", "/srv/front/cert.pem")' in config.text
    without, _ = write_front("sip.example.net", LISTENERS, NODES)
    assert "tls" not in without.text.replace("TLS", "")


@pytest.mark.parametrize(
    "text",
    ["", "udp", "udp:5060", "wss:203.0.113.5:5061", "udp:pbx.example:5060", "udp:203.0.113.5:0", "udp:::1:5"],
)
def test_what_is_no_place_to_listen(text: str) -> None:
    with pytest.raises(ConfigError, match="is no place to listen"):
        Listener.parse(text)


def test_what_can_not_be_written() -> None:
    with pytest.raises(ConfigError, match="an address to listen on"):
        write_front("sip.example.net", [], NODES)
    with pytest.raises(ConfigError, match="no node is known"):
        write_front("sip.example.net", LISTENERS, [])
    with pytest.raises(ConfigError, match="the service domain"):
        write_front('a";exec', LISTENERS, NODES)
