"""Which address of ours a packet leaves from."""

import pytest

from trunkline.net.route import misfit_towards, source_address


@pytest.mark.parametrize(
    ("host", "source"), [("127.0.0.1", "127.0.0.1"), ("127.9.9.9", "127.0.0.1"), ("::1", "::1")]
)
def test_loopback(host: str, source: str) -> None:
    assert source_address(host) == source


@pytest.mark.parametrize("host", ["fe80::1", "256.0.0.1", "255.255.255.255"])
def test_no_way_is_none(host: str) -> None:
    """A link without its name, no address at all, and broadcast, which sockets may not send to."""
    assert source_address(host) is None


def test_the_address_of_the_route_fits_best_and_one_of_another_scope_worst() -> None:
    misfit = misfit_towards("127.0.0.9")
    assert [misfit(bound) for bound in ("127.0.0.1", "0.0.0.0", "127.0.0.9", "192.0.2.1")] == [0, 0, 1, 2]
