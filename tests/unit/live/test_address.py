"""The server's URL without its secrets."""

import pytest

from trunkline.live.address import is_encrypted, is_local, shown


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("valkey://:geheim@h.example:6379/2", "valkey://h.example:6379/2"),
        ("rediss://user:geheim@[2001:db8::1]:6380?ssl_ca_certs=/geheim", "rediss://[2001:db8::1]:6380"),
        ("redis://h.example", "redis://h.example"),
    ],
)
def test_what_is_shown_has_no_secret(url: str, text: str) -> None:
    assert shown(url) == text


def test_encrypted_and_local() -> None:
    assert [is_encrypted(f"{scheme}://h") for scheme in ("valkey", "valkeys", "redis", "rediss")] == [
        False,
        True,
        False,
        True,
    ]
    assert [
        is_local(f"redis://{host}") for host in ("127.0.0.1:1", "[::1]", "localhost", "192.0.2.1", "h")
    ] == [
        True,
        True,
        True,
        False,
        False,
    ]
