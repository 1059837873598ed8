"""What `trunkline doctor` sees of a real server."""

from pathlib import Path

import pytest

from tests.contract.live.server import LiveServer
from trunkline.cli.checks import State
from trunkline.cli.checks.live import check_live
from trunkline.config import Settings


def settings(url: str) -> Settings:
    return Settings.parse(f'[live]\nurl = "{url}"\n')


def test_a_server_as_it_should_be(server: LiveServer) -> None:
    (finding,) = check_live(settings(server.url))
    assert finding.state is State.FINE
    assert finding.found.startswith(("valkey ", "redis "))


def test_one_that_drops_keys_and_one_with_a_password(tmp_path: Path) -> None:
    options = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--requirepass", "geheim")
    server = LiveServer(tmp_path, *options)
    try:
        _, warning = check_live(settings(server.url.replace("://", "://:geheim@")))
        assert (warning.state, warning.remedy) == (State.WARNING, "Set maxmemory-policy noeviction.")
        for wrong in ("", ":falsch@"):
            (fault,) = check_live(settings(server.url.replace("://", f"://{wrong}")))
            assert fault.state is State.FAULT
            assert "falsch" not in fault.found
    finally:
        server.kill()


@pytest.mark.parametrize("how", ["silent", "away"])
def test_one_that_does_not_answer(server: LiveServer, how: str) -> None:
    if how == "silent":
        server.pause()
    else:
        server.kill()
    try:
        (fault,) = check_live(settings(server.url))
        assert fault.state is State.FAULT
        assert fault.remedy
    finally:
        if how == "silent":
            server.resume()


def test_tls_to_a_server_without(server: LiveServer) -> None:
    (fault,) = check_live(settings(f"valkeys://127.0.0.1:{server.port}/0"))
    assert fault.state is State.FAULT
    assert not list(check_live(Settings.parse("")))
