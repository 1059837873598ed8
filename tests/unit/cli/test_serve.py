import json
import signal
import subprocess
import sys

from tests.interop.addresses import free_port
from tests.unit.cli.conftest import ENVIRONMENT, CommandLine, RunningNode

HANG_UP_WHILE_IT_STARTS = """
import os, signal, sys
from trunkline.cli.app import app
from trunkline.node.node import Node

start = Node.start

async def interrupted(node):
    os.kill(os.getpid(), signal.SIGHUP)
    await start(node)

Node.start = interrupted
app(["-c", sys.argv[1], "serve"])
"""


def test_it_runs_until_it_is_told_to_stop(node: RunningNode) -> None:
    """SIGINT ends it at once: what the fixture does in the end, and this does first."""
    assert node.process.poll() is None
    node.process.send_signal(2)
    assert node.process.wait(timeout=60) == 0


def test_a_hangup_while_it_starts_rereads_the_settings_once_it_has(line: CommandLine) -> None:
    sip = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [sys.executable, "-c", HANG_UP_WHILE_IT_STARTS, line.settings_file],
        env={
            **ENVIRONMENT,
            "TRUNKLINE_SIP__UDP": sip,
            "TRUNKLINE_SIP__TCP": sip,
            "TRUNKLINE_SIP__TLS": "",
            "TRUNKLINE_HTTP__BIND": f"127.0.0.1:{free_port()}",
            "TRUNKLINE_WEB__ENABLED": "false",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        events = [json.loads(process.stderr.readline())["event"] for _ in range(2)]
        process.send_signal(signal.SIGINT)
    assert events == ["started", "the settings are as they were"]
    assert process.returncode == 0


def test_wrong_settings_are_named(line: CommandLine) -> None:
    line.settings_file.write_text('[sip]\nadvertised_hots = "a.example"\n')
    assert "did you mean sip.advertised_host?" in line.error("serve")
