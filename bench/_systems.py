"""The systems that the benches of a call compare, each started fresh with one customer and one carrier: the
embedded node, Kamailio with rtpengine, Asterisk with chan_pjsip.

Asterisk is not in Debian 12, so it runs from a root of Debian 11 that `debootstrap` makes once, below the
folder for temporary files. What can't be had is named and left out.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from trunkline.config import Settings
from trunkline.sip.uri import SipUri
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier, Gateway
from trunkline.trunk.routes import Route, RouteCarrier

PROGRAMS = Path(__file__).parent / "programs"
DOMAIN, KEY, SECRET = "trunk.example.net", "trunk1", "s3cret-trunk1"
CUSTOMER, CARRIER, CARRIER_PORT = "127.0.0.10", "127.0.0.20", 5080
TRUNKLINE, KAMAILIO, ASTERISK = "127.0.0.30", "127.0.0.40", "127.0.0.50"
SETTINGS = f"""
[service]
domain = "{DOMAIN}"
[node]
name = "bench"
data_dir = "{{folder}}"
[sip]
udp = ["{TRUNKLINE}:5060"]
tcp = []
tls = []
[media]
bind_address = "{TRUNKLINE}"
allow_loopback = true
[http]
bind = "{TRUNKLINE}:8090"
[web]
enabled = false
"""


class Running(NamedTuple):
    """A system under test."""

    address: str
    pids: list[int]


ASTERISK_ROOT = Path(tempfile.gettempdir()) / "trunkline-bench-asterisk"


@contextmanager
def asterisk(folder: Path) -> Iterator[Running]:
    """Asterisk 16 of Debian 11 with no more modules than the call needs; records as CSV."""
    settings = ASTERISK_ROOT / "etc/asterisk"
    modules = next(ASTERISK_ROOT.glob("usr/lib/**/asterisk/modules/chan_pjsip.so")).parent
    shutil.rmtree(settings)
    settings.mkdir()
    for section in (PROGRAMS / "asterisk.conf").read_text().split("==== ")[1:]:
        name, _, text = section.partition("\n")
        for key, value in {
            "MODULES": f"/{modules.relative_to(ASTERISK_ROOT)}",
            "LISTEN": ASTERISK,
            "CARRIER": f"{CARRIER}:{CARRIER_PORT}",
            "CARRIER_HOST": CARRIER,
        }.items():
            text = text.replace(f"@{key}@", value)
        (settings / name).write_text(text)
    (ASTERISK_ROOT / "var/log/asterisk/cdr-csv").mkdir(parents=True, exist_ok=True)
    program = ["chroot", str(ASTERISK_ROOT), "/usr/sbin/asterisk", "-f", "-C", "/etc/asterisk/asterisk.conf"]
    subprocess.run(["mount", "-t", "proc", "proc", ASTERISK_ROOT / "proc"], check=True)
    try:
        with running(program, folder, start_s=8) as pid:
            yield Running(ASTERISK, [pid])
    finally:
        subprocess.run(["umount", ASTERISK_ROOT / "proc"], check=False)


def has_asterisk() -> bool:
    """Whether there is a root with Asterisk, made now if that is possible: by root, and with debootstrap."""
    if (ASTERISK_ROOT / "usr/sbin/asterisk").exists():
        return os.geteuid() == 0
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        return False
    print("  making a root with Asterisk, which takes some minutes")
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=asterisk", "bullseye", ASTERISK_ROOT],
        check=False,
        capture_output=True,
    )
    return made.returncode == 0


@contextmanager
def trunkline(folder: Path) -> Iterator[Running]:
    """A node of its own with one account, one carrier and one route."""
    file = folder / "trunkline.toml"
    file.write_text(SETTINGS.format(folder=folder))
    settings = Settings.load(file)
    store = Store.initialise(settings.database_url, settings.key_file, DOMAIN)
    store.accounts.add(Account(KEY), SECRET)
    gateway = Gateway(SipUri("sip", None, CARRIER, CARRIER_PORT))
    store.carriers.add(Carrier("carrier", (gateway,), ping_interval_s=None))
    store.routes.add(Route("", (RouteCarrier("carrier"),)))
    store.close()
    code = f"from pathlib import Path; from trunkline.node.run import run; run(Path({str(file)!r}))"
    with running([sys.executable, "-c", code], folder) as pid:
        yield Running(TRUNKLINE, [pid])


@contextmanager
def kamailio(folder: Path) -> Iterator[Running]:
    """Kamailio with two workers and its fastest memory manager, rtpengine in user space."""
    control = f"{KAMAILIO}:2223"
    config = folder / "kamailio.cfg"
    text = (PROGRAMS / "kamailio.cfg").read_text()
    values = {"LISTEN": f"{KAMAILIO}:5060", "CARRIER": f"{CARRIER}:{CARRIER_PORT}", "DATA": str(folder)}
    for name, value in {**values, "CONTROL": control, "CHILDREN": "2"}.items():
        text = text.replace(f"@{name}@", value)
    config.write_text(text)
    (folder / "flat").mkdir()
    relay = [
        "rtpengine",
        "--config-file=none",
        "--table=-1",
        f"--interface={KAMAILIO}",
        f"--listen-ng={control}",
    ]
    relay += ["--port-min=30000", "--port-max=49999", "--num-threads=2", "--media-num-threads=2"]
    relay += ["--delete-delay=0", "--foreground", "--log-stderr", "--log-level=3"]
    proxy = ["kamailio", "-f", str(config), "-DD", "-E", "-m", "256", "-M", "16", "-x", "fm", "-X", "fm"]
    with running(relay, folder) as first, running([*proxy, "-Y", str(folder)], folder) as second:
        yield Running(KAMAILIO, [first, second])


@contextmanager
def running(command: list[str], folder: Path, start_s: float = 3) -> Iterator[int]:
    """A process, given `start_s` to begin; its id. Raises `RuntimeError` when it ends at once."""
    with (
        (folder / f"{Path(command[0]).name}.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process,
    ):
        try:
            time.sleep(start_s)
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended: {Path(log.name).read_text()[-500:]}")
            yield process.pid
        finally:
            process.terminate()


SYSTEMS: dict[str, Callable[[Path], AbstractContextManager[Running]]] = {
    "trunkline": trunkline,
    "kamailio + rtpengine": kamailio,
    "asterisk": asterisk,
}


def systems() -> list[str]:
    """Those of `SYSTEMS` that can run here; of the others it says what is missing. None without SIPp."""
    missing = [name for name in ("sipp", "kamailio", "rtpengine") if not shutil.which(name)]
    there = [name for name in SYSTEMS if name not in os.environ.get("WITHOUT", "").split(",")]
    if missing:
        print(f"  not installed: {', '.join(missing)}")
        there = [name for name in there if name != "kamailio + rtpengine"]
    if "asterisk" in there and not has_asterisk():
        print("  asterisk is left out: it takes root and debootstrap")
        there.remove("asterisk")
    return [] if "sipp" in missing else there


@contextmanager
def started(name: str) -> Iterator[tuple[Running, Path]]:
    """One of `SYSTEMS`, and a folder for what belongs to it."""
    with tempfile.TemporaryDirectory() as folder, SYSTEMS[name](Path(folder)) as system:
        yield system, Path(folder)
