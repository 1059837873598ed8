"""Which address of ours the kernel sends from."""

import pytest

from trunkline.net.route import source_address


@pytest.mark.parametrize(
    ("host", "source"), [("127.0.0.1", "127.0.0.1"), ("127.9.9.9", "127.0.0.1"), ("::1", "::1")]
)
def test_loopback(host: str, source: str) -> None:
    assert source_address(host) == source


@pytest.mark.parametrize("host", ["fe80::1", "256.0.0.1", "255.255.255.255"])
def test_no_way_is_none(host: str) -> None:
    """A link without its name, no address at all, and broadcast, which sockets may not send to."""
    assert source_address(host) is None
