"""Calls of a customer's phone, which come to nothing: nobody takes them, or the password is wrong."""

import subprocess
import sys

from tests.interop.addresses import wait_for
from tests.interop.node import KEY, ROOT, SECRET, Node

DIALLED = "12125550100"


def dial(node: Node, host: str, secret: str = SECRET) -> None:
    """One of the first customer's, from `host`."""
    done = subprocess.run(
        _command(node, host, secret), cwd=ROOT, stdout=subprocess.DEVNULL, timeout=90, check=False
    )
    assert done.returncode == 1


def guess_until_banned(node: Node, host: str) -> None:
    """Wrong passwords from `host`, until that is banned. (What it says then is not answered any more.)"""

    def banned() -> bool:
        return host in [one["source"] for one in node.command("ban", "list")]

    while not banned():
        command = _command(node, host, "a-wrong-secret")
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as phone:
            try:
                wait_for("an answer or the ban", lambda: phone.poll() is not None or banned(), within_s=60)
            finally:
                phone.kill()


def _command(node: Node, host: str, secret: str) -> list[str]:
    program = [sys.executable, "-m", "trunkline.cli", "--config", str(node.settings_file)]
    return [*program, "dial", DIALLED, "--key", KEY, "--secret", secret, "--bind", host]
