"""Who may open the control socket, and when it is replaced."""

import os
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


def test_a_socket_that_another_user_left_is_said_to_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "control.sock"
    listen_unix(path).close()
    monkeypatch.setattr("trunkline.web.control_socket.is_answered", refuse)
    with pytest.raises(NetError, match=r"can't be made: Permission denied$"):
        listen_unix(path)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(NetError, match=r"Permission denied; a node of another user .*: .* remove the file$"):
        listen_unix(path)
    path.unlink()
    with pytest.raises(NetError, match=r"Permission denied$"):
        listen_unix(path)
