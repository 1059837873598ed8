"""`make edges`: six edges in three regions on this machine, and what happens when one is killed.

Each machine of the show is a network namespace; between the regions packets take their time. Real servers:
PostgreSQL, Redis, Knot with the zone that `trunkline dns` keeps, two rtpengines, SIPp as customers and as the
carrier. The exit status is 0 only if all was as it should be. Needs root; leaves nothing behind, even after
Ctrl-C; with a folder as its argument, which is made, only that: logs, settings, traces.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.programs import SYSTEM_PATH
from trunkline.cli.output import say

PROGRAMS = ("ip", "unshare", "mount", "knotd", "knotc", "redis-server", "rtpengine", "sipp")
ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    missing = [name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None]
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        missing.append("initdb (postgresql)")
    if os.geteuid() != 0:
        say("It makes network namespaces, which is root's alone: sudo make edges")
        return 2
    if missing:
        say(f"Not installed: {', '.join(missing)}. `tools/machine programs` installs them.")
        return 2
    if not Path("/dev/net/tun").exists():
        say("There is no /dev/net/tun here, by which packets between the regions are delayed: modprobe tun")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))
    with ExitStack() as stack:
        if sys.argv[1:]:
            home = Path(sys.argv[1]).resolve()
            home.mkdir()
        else:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trunkline-edges-")))
        home.chmod(0o755)  # PostgreSQL is another user
        try:
            return _play(home)
        except KeyboardInterrupt:
            return 130
        finally:
            say("Everything is taken down.")


def _play(home: Path) -> int:
    own = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = {**os.environ, "PATH": SYSTEM_PATH, "PYTHONPATH": path}
    command = [*own, sys.executable, "-m", "tests.edges.ground", str(home)]
    process = subprocess.Popen(command, cwd=home, env=environment)
    try:
        return process.wait()
    finally:
        process.kill()  # with it goes the first process in there, and with that one all others
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
