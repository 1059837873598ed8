"""The ports of test phones."""

import pytest

from trunkline.errors import MediaError
from trunkline.media.terminals import Silence
from trunkline.pstn.phone_engine import PORT_MAX, PORT_MIN, phone_engine


def test_its_ports_are_not_the_services() -> None:
    engine = phone_engine("127.0.0.1")
    try:
        terminal = engine.open_terminal(Silence())
        assert PORT_MIN <= terminal.port <= PORT_MAX
        assert terminal.address == "127.0.0.1"
        terminal.close()
    finally:
        engine.stop()


def test_an_address_that_is_not_here_is_refused() -> None:
    with pytest.raises(MediaError, match=r"192\.0\.2\.1"):
        phone_engine("192.0.2.1")
