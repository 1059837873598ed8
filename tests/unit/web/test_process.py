"""The web process itself: whom it serves, and what ends it."""

import asyncio
import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx
import pytest
import uvloop

from tests.interop.addresses import free_port, wait_for
from tests.unit.web.customers import office_of
from trunkline.cli.init import write_certificate
from trunkline.config import Settings
from trunkline.errors import NetError
from trunkline.observe.log import LogOptions, open_log
from trunkline.web.process import NICENESS, loop_fault, run
from trunkline.web.serving import listen_tcp

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import sys
from pathlib import Path
from trunkline.config import Settings
from trunkline.node.wiring import log_options
from trunkline.observe.log import LogOptions, open_log
from trunkline.web.process import run
home, port, listener = sys.argv[1:]
settings = Settings(node={"data_dir": Path(home)}, web={"bind": f"127.0.0.1:{port}"})
run(settings, open_log(log_options(settings)), int(listener) if listener else None)
"""


@contextmanager
def running(
    home: Path, port: int, listener: socket.socket | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, serving; killed at the end if the test has not ended it."""
    descriptor = "" if listener is None else str(listener.fileno())
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(home), str(port), descriptor],
        stdin=subprocess.PIPE,
        pass_fds=() if listener is None else (listener.fileno(),),
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    try:
        wait_for("an answer", lambda: answers(process, port), within_s=30.0, every_s=0.05)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    assert process.poll() is None, "the web process ended"
    try:
        response = httpx.get(f"http://127.0.0.1:{port}/v1/me", trust_env=False, timeout=5)
    except httpx.TransportError:
        return False
    return response.status_code == 401


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(home: Path, number: signal.Signals) -> None:
    with running(home, free_port()) as process:
        least = min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == least
        process.send_signal(number)
        assert process.wait(timeout=20) == 0


def test_it_ends_with_the_node_that_handed_over_the_socket(home: Path) -> None:
    listener = listen_tcp("127.0.0.1", free_port())
    with running(home, listener.getsockname()[1], listener) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    listener.close()


def test_sighup_rereads_the_certificate_and_the_settings(home: Path) -> None:
    """One that can't be used leaves the old one, and the process."""
    port = free_port()
    file = home / "trunkline.toml"
    file.write_text(f'[node]\ndata_dir = "{home}"\n[web]\nbind = "127.0.0.1:{port}"\ntls = true\n')
    settings = Settings.load(file)

    def served() -> str | None:
        try:
            return ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
        except OSError:
            return None

    write_certificate(settings.certificate, settings.private_key, "a.example")
    first = settings.certificate.read_text()
    command = [sys.executable, "-m", "trunkline.cli", "-c", str(file), "web"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            wait_for("an answer", lambda: served() == first, within_s=30.0, every_s=0.05)
            settings.private_key.write_text("no key")
            process.send_signal(signal.SIGHUP)
            assert "tls-key.pem" in process.stderr.readline()
            assert served() == first
            write_certificate(settings.certificate, settings.private_key, "b.example")
            process.send_signal(signal.SIGHUP)
            wait_for("the new one", lambda: served() == settings.certificate.read_text(), within_s=10.0)
            process.terminate()
            assert process.wait(timeout=20) == 0
            assert "the web process reread the certificate" in process.stderr.read()
        finally:
            process.kill()


def test_plain_http_beyond_this_machine_is_a_warning_in_the_log(home: Path) -> None:
    file = home / "trunkline.toml"
    file.write_text(f'[node]\ndata_dir = "{home}"\n[web]\nbind = "0.0.0.0:0"\n')
    command = [sys.executable, "-m", "trunkline.cli", "-c", str(file), "web"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = json.loads(process.stderr.readline())
            assert (line["event"], line["level"]) == ("passwords readable on the way", "warning")
            assert "web.tls" in line["remedy"]
        finally:
            process.kill()


def test_a_port_that_is_taken_is_an_error(home: Path) -> None:
    taken = listen_tcp("127.0.0.1", free_port())
    office = office_of(home, None, bind=f"127.0.0.1:{taken.getsockname()[1]}")
    with pytest.raises(NetError, match=r"Address already in use: see web\.bind$"):
        run(office.settings, open_log(LogOptions()))
    office.close()
    taken.close()


def test_what_keeps_a_nodes_child_from_serving_is_a_line_of_the_log(home: Path) -> None:
    (home / "secret.key").unlink()
    with listen_tcp("127.0.0.1", 0) as listener:
        ended = subprocess.run(
            [sys.executable, "-c", CODE, str(home), "1", str(listener.fileno())],
            input=b"",
            stderr=subprocess.PIPE,
            pass_fds=(listener.fileno(),),
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            check=False,
        )
    assert ended.returncode == 1
    line = json.loads(ended.stderr)
    assert (line["event"], line["level"]) == ("the web process can't serve", "error")
    assert "secret.key does not exist" in line["reason"]


def test_a_read_that_is_cancelled_as_an_answer_comes_is_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And any other that a callback raises is one."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(loop_fault)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "control.sock"))
            listener.listen()
            async with await anyio.connect_unix(str(tmp_path / "control.sock")) as stream:
                node, _ = listener.accept()
                with node:
                    reading = asyncio.create_task(stream.receive())
                    for _ in range(8):
                        await asyncio.sleep(0)
                    node.send(b"news")
                    reading.cancel()
                    await asyncio.wait([reading])
                    assert reading.cancelled()
        assert not caplog.records
        loop.call_soon(int, "no number")
        await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR, "asyncio"):
        uvloop.run(body())
    (record,) = caplog.records
    assert "no number" in caplog.text, record
