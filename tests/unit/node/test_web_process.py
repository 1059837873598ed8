"""The node's child: started, started again, ended."""

import asyncio
import os
import signal
import ssl
from pathlib import Path

import httpx
import pytest

from tests.interop.addresses import wait_for
from tests.unit.node.ground import Installation
from trunkline.cli.init import write_certificate
from trunkline.config import Settings
from trunkline.errors import NetError
from trunkline.node import web_process as module
from trunkline.node.web_process import WebProcess
from trunkline.web.serving import listen_tcp

PATIENCE_S = 40.0


def installed(directory: Path) -> Settings:
    return Installation.make(directory).settings


def answered(settings: Settings) -> bool:
    """Whether somebody serves `web.bind`."""
    url = f"{settings.web.url}/v1/me"
    return httpx.get(url, timeout=PATIENCE_S, trust_env=False).status_code == 401


def child() -> int | None:
    """The process that runs now."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return next((int(pid) for pid in children if b"--listener" in cmdline(pid)), None)


def cmdline(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def started(settings: Settings) -> int:
    """The process, as soon as it answers."""
    wait_for("an answer", lambda: answered(settings), within_s=PATIENCE_S)
    return wait_for("the child", child)


def test_it_is_started_again_when_it_dies_and_ends_with_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTART_S", (0.0,))
    settings = installed(tmp_path)

    async def scenario() -> int:
        web = WebProcess(settings, tmp_path / "trunkline.toml")
        web.start()
        try:
            assert not web.settled.is_set()
            await asyncio.wait_for(web.settled.wait(), PATIENCE_S)
            assert await asyncio.to_thread(answered, settings), "it said that it serves"
            first = await asyncio.to_thread(started, settings)
            os.kill(first, signal.SIGKILL)
            # The socket is the node's: nobody is refused meanwhile.
            second = await asyncio.to_thread(started, settings)
            assert second != first
        finally:
            await web.stop()
            await web.stop()
        return second

    last = asyncio.run(scenario())
    assert not Path(f"/proc/{last}").exists()
    listen_tcp(settings.web.bind.host, settings.web.bind.port).close()


def test_a_reload_is_passed_on(tmp_path: Path) -> None:
    settings = Installation.make(tmp_path, web__tls=True).settings
    bind = settings.web.bind

    def served() -> str:
        return ssl.get_server_certificate((bind.host, bind.port), timeout=PATIENCE_S)

    async def scenario() -> None:
        web = WebProcess(settings, tmp_path / "trunkline.toml")
        web.reload()
        web.start()
        try:
            await asyncio.wait_for(web.settled.wait(), PATIENCE_S)
            first, before = child(), await asyncio.to_thread(served)
            write_certificate(settings.certificate, settings.private_key, "new.example")
            web.reload()
            await asyncio.to_thread(wait_for, "the new one", lambda: served() != before)
            assert child() == first, "the same process"
        finally:
            await web.stop()

    asyncio.run(scenario())


def test_a_reload_waits_for_a_process_that_only_starts(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    file = tmp_path / "trunkline.toml"

    async def scenario() -> None:
        web = WebProcess(settings, file)
        web.start()
        try:
            first = await asyncio.to_thread(wait_for, "the child", child)
            web.reload()
            await asyncio.wait_for(web.settled.wait(), PATIENCE_S)
            assert await asyncio.to_thread(answered, settings)
            assert child() == first, "the same process"
            assert not web._reread
        finally:
            await web.stop()

    asyncio.run(scenario())


def test_a_sighup_to_all_processes_of_the_service_ends_none_that_only_starts(tmp_path: Path) -> None:
    """As `systemctl kill -s HUP` sends it."""
    settings = installed(tmp_path)

    async def scenario() -> None:
        web = WebProcess(settings, tmp_path / "trunkline.toml")
        web.start()
        try:
            first = await asyncio.to_thread(wait_for, "the child", child)
            await asyncio.to_thread(wait_for, "the program", lambda: b"python" in cmdline(str(first))[:40])
            os.kill(first, signal.SIGHUP)
            await asyncio.wait_for(web.settled.wait(), PATIENCE_S)
            assert await asyncio.to_thread(answered, settings)
            assert child() == first, "the same process"
        finally:
            await web.stop()

    asyncio.run(scenario())


def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    taken = listen_tcp(settings.web.bind.host, settings.web.bind.port)

    async def scenario() -> None:
        with pytest.raises(NetError, match=r"Address already in use: see web\.bind$"):
            WebProcess(settings, None).start()

    asyncio.run(scenario())
    taken.close()


def test_one_that_dies_is_not_waited_for(tmp_path: Path) -> None:
    settings = installed(tmp_path)

    async def scenario() -> None:
        web = WebProcess(settings, tmp_path / "nowhere.toml")
        web.start()
        try:
            await asyncio.wait_for(web.settled.wait(), PATIENCE_S)
        finally:
            await web.stop()

    asyncio.run(scenario())


def test_the_command(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    with_file = WebProcess(settings, Path("a.toml"))._command(7)
    assert with_file[1:] == ["-m", "trunkline.cli", "--config", "a.toml", "web", "--listener", "7"]
    assert "--config" not in WebProcess(settings, None)._command(7)
