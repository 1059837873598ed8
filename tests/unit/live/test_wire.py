"""The client library's face: what goes wrong is a `LiveError` without the password. What the server does is
in tests/contract/live.
"""

import asyncio

import pytest

from tests.interop.addresses import free_port
from trunkline.errors import LiveError
from trunkline.live.wire import RedisWire, look


def test_nobody_is_there() -> None:
    url = f"valkey://user:geheim@127.0.0.1:{free_port()}/3"
    with pytest.raises(LiveError, match=r"valkey://127\.0\.0\.1:\d+/3: .*[Cc]onnect") as caught:
        asyncio.run(look(url, "trunk.test"))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("url", ["valkey://:geheim@h/0?strange=1&socket_timeout=x", "http://:geheim@h"])
def test_a_url_that_can_t_be(url: str) -> None:
    with pytest.raises(LiveError, match="can't be used") as caught:
        RedisWire(url, "trunk.test")
    assert "geheim" not in str(caught.value)
