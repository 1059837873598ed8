"""What peers are told instead of bound addresses."""

import socket

import pytest

from trunkline.config import Settings, advertised


def settings() -> Settings:
    return Settings.parse("")


def test_a_wildcard_is_advertised_as_our_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advertised, "own_address", lambda *, ipv6: "2001:db8::7" if ipv6 else "192.0.2.7")
    assert advertised.advertised_host(settings(), "0.0.0.0") == "192.0.2.7"
    assert advertised.advertised_host(settings(), "::") == "2001:db8::7"
    assert advertised.advertised_host(settings(), "198.51.100.1") == "198.51.100.1"
    monkeypatch.setattr(advertised, "own_address", lambda **_: None)
    assert advertised.advertised_host(settings(), "0.0.0.0") == "127.0.0.1"
    assert advertised.advertised_host(settings(), "::") == "::1"


def test_own_address_is_none_without_a_route(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unroutable(socket.socket):
        def connect(self, address: object) -> None:
            raise OSError("no route")

    monkeypatch.setattr("trunkline.config.advertised.socket.socket", Unroutable)
    assert advertised.own_address(ipv6=False) is None
