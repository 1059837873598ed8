"""Who may open the control socket, and when it is replaced."""

import stat
from pathlib import Path

import pytest

from trunkline.errors import NetError
from trunkline.web.control_socket import is_answered, listen_unix


def test_control_socket_is_the_owners(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    listener = listen_unix(path)
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    listener.close()


def test_a_dead_nodes_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    listen_unix(path).close()
    assert not is_answered(path)
    listen_unix(path).close()


def test_a_living_nodes_socket_is_not(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    listener = listen_unix(path)
    with pytest.raises(NetError, match="another node listens"):
        listen_unix(path)
    listener.close()


def test_a_socket_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(NetError, match="can't be made"):
        listen_unix(tmp_path / "missing" / "control.sock")
