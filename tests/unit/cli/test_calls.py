import json
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import ENVIRONMENT, CommandLine, RunningNode
from trunkline.web.control_client import ControlClient

WHO = ("--key", "trunk1", "--secret", "s3cret-trunk1")


def ended(node: RunningNode, called: str) -> dict[str, Any]:
    """The newest call to `called`, once its record is written, a moment after its end."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for call in node.line.json("calls"):
            if call["called"] == called and call["verdict"] != "open":
                return dict(call)
    raise AssertionError(f"no call to {called} has ended")


def test_a_call_and_its_ladder(node: RunningNode, tmp_path: Path) -> None:
    node.line.run("dial", "9995000", *WHO, status=1)
    call = ended(node, "9995000")
    assert (call["account"], call["status"], call["verdict"]) == ("trunk1", 486, "busy")
    whole = node.line.run("calls", call["call_id"])
    assert "INVITE" in whole
    assert "486 Busy Here" in whole
    assert "(busy)" in whole
    assert "Proxy-Authorization" in node.line.run("calls", call["call_id"], "--messages")
    card = node.line.json("calls", call["call_id"])
    assert card["attempt_records"][0]["status"] == 486
    assert len(card["messages"]) > 6
    capture = tmp_path / "call.pcap"
    node.line.run("calls", call["call_id"], "--pcap", capture)
    assert struct.unpack("=I", capture.read_bytes()[:4]) == (0xA1B2C3D4,)


def test_filters(node: RunningNode) -> None:
    node.line.run("dial", "9996404", *WHO, "--caller", "442079460123", status=1)
    ended(node, "9996404")
    assert node.line.json("calls", "--account", "nobody") == []
    assert node.line.json("calls", "--account", "trunk1", "--limit", "1", "--hours", "1")


def test_an_operator_ends_a_call(node: RunningNode) -> None:
    command = [sys.executable, "-m", "trunkline.cli", "-c", str(node.line.settings_file)]
    caller = subprocess.Popen([*command, "dial", "9994000", *WHO], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    call_id = ""
    while not call_id:
        up = [call for call in node.line.json("calls") if call["called"] == "9994000"]
        call_id = up[0]["call_id"] if up else ""
    assert "is ended" in node.line.run("calls", call_id, "--hang-up")
    assert caller.wait(timeout=60) == 1
    assert ended(node, "9994000")["verdict"] == "hung-up-by-operator"
    assert "is up" in node.line.error("calls", call_id, "--hang-up")


def test_following_prints_one_json_object_a_line(node: RunningNode) -> None:
    command = [sys.executable, "-m", "trunkline.cli", "-c", str(node.line.settings_file), "calls"]
    follower = subprocess.Popen(
        [*command, "--follow", "--json"], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    assert follower.stdout is not None
    try:
        states: list[str] = []
        reader = threading.Thread(target=_read_to_the_end, args=(follower.stdout, states))
        reader.start()
        while reader.is_alive():
            node.line.run("dial", "9995000", *WHO, status=1)
            reader.join(timeout=0.2)
        assert states[-1] == "ended"
    finally:
        follower.terminate()
        follower.wait(timeout=60)
        follower.stdout.close()


def _read_to_the_end(lines: Any, states: list[str]) -> None:
    """States of calls, up to the first that ended."""
    for line in lines:
        states.append(json.loads(line)["call"]["state"])
        if states[-1] == "ended":
            return


def test_a_node_that_stops_ends_the_following_with_a_word(
    node: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ControlClient, "follow_calls", lambda _: iter(()))
    assert "the node has stopped" in node.line.error("calls", "--follow")


def test_what_needs_a_call_or_a_node_says_so(line: CommandLine) -> None:
    assert "need a CALL-ID" in line.error("calls", "--messages")
    assert "needs a running node" in line.error("calls", "--follow")
    assert "trunkline calls lists them" in line.error("calls", "nonsense")
    assert line.run("calls") == "No calls.\n"


def test_how_the_audio_of_a_call_went(node: RunningNode) -> None:
    command = [sys.executable, "-m", "trunkline.cli", "-c", str(node.line.settings_file)]
    arguments = [*command, "dial", "9992000", *WHO, "--for", "12"]
    caller = subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    points: list[dict[str, Any]] = []
    call_id = ""
    while not points:
        assert caller.poll() is None, "the call ended before it had a point"
        up = [call for call in node.line.json("calls") if call["called"] == "9992000"]
        call_id = up[0]["call_id"] if up else ""
        points = node.line.json("calls", call_id)["quality"] if call_id else []
    assert points[0]["until_s"] == 5.0
    assert caller.wait(timeout=60) == 0
    ended(node, "9992000")
    whole = node.line.json("calls", call_id)["quality"]
    assert whole[0] == points[0]
    assert 200 < whole[0]["caller_received"] < 300
    assert len(whole) == 3
    assert "CALLEE MOS" in node.line.run("calls", call_id, "--quality")


def test_so_many_hours_that_it_is_all_of_them(line: CommandLine) -> None:
    assert line.json("calls", "--hours", 99_999_999) == []
    line.run("calls", "--hours", "nan", status=2)
