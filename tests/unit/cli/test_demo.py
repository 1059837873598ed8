import signal
import subprocess
import sys
from pathlib import Path

from tests.interop.addresses import free_port
from tests.processes import readiness
from tests.unit.cli.conftest import ENVIRONMENT, CommandLine
from trunkline.cli.installation import Installation


def test_both_ends_of_both_calls_are_heard() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trunkline.cli", "demo"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT" not in done.stdout
    assert done.stderr == ""
    assert "the SIP ladder of the inbound call" in done.stdout


def test_staying_leaves_a_node_with_a_carrier_to_call(tmp_path: Path) -> None:
    ports = {
        "TRUNKLINE_SIP__UDP": f"127.0.0.1:{free_port()}",
        "TRUNKLINE_SIP__TCP": f"127.0.0.1:{free_port()}",
        "TRUNKLINE_SIP__TLS": f"127.0.0.1:{free_port()}",
        "TRUNKLINE_HTTP__BIND": f"127.0.0.1:{free_port()}",
        "TRUNKLINE_WEB__BIND": f"127.0.0.1:{free_port()}",
    }
    home = tmp_path / "trial"
    with readiness(tmp_path) as ready:
        process = subprocess.Popen(
            [sys.executable, "-m", "trunkline.cli", "demo", "--stay", "--dir", str(home)],
            env=ENVIRONMENT | ports | ready.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        ready.wait(process)
    try:
        line = CommandLine(home / "trunkline.toml")
        server = ports["TRUNKLINE_SIP__UDP"]
        who = ("--key", "demo", "--secret", "demo-secret-1")
        line.run("dial", f"sip:9992000@{server}", *who, "--listen", "1004", "--for", "1")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait(timeout=60)
    assert f"server    {server}" in said
    assert f"The dashboard is at http://{ports['TRUNKLINE_WEB__BIND']}." in said
    assert process.returncode == 0
    here = Installation(home / "trunkline.toml")
    assert here.settings.pstn.enabled
    assert here.store.users.verify("admin", "demo-operator") is not None
    here.close()
