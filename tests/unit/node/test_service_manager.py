"""What the service manager is told, over the socket that it names."""

import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from trunkline.node import service_manager


@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{tmp_path}" if abstract else str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{tmp_path}" if abstract else str(tmp_path / "notify"))
        service_manager.notify(service_manager.READY)
        assert manager.recv(100) == b"READY=1"


def test_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with capture_logs() as logged:
        service_manager.notify(service_manager.READY)
    assert logged == []


def test_a_manager_that_is_gone_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    with capture_logs() as logged:
        service_manager.notify(service_manager.STOPPING)
    (line,) = logged
    assert (line["log_level"], line["state"]) == ("warning", "STOPPING=1")
