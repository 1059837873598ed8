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
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
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
CARRIER_PORT = 5080
READY_S = 60.0
"""A node on a busy machine takes its time to begin."""
SETTINGS = f"""
[service]
domain = "{DOMAIN}"
[node]
name = "{{name}}"
data_dir = "{{folder}}"
[sip]
udp = ["{{address}}:5060"]
tcp = []
tls = []
[media]
bind_address = "{{address}}"
allow_loopback = true
{{media}}
[http]
bind = "{{address}}:8090"
[web]
enabled = false
{{more}}
"""


class Place(NamedTuple):
    """Where a system and its two ends are. As many as there are places can run at once."""

    system: str
    customer: str
    carrier: str


def place(number: int) -> Place:
    """The place with this number, 0 to 255."""
    return Place(*(f"127.0.{number}.{host}" for host in (30, 10, 20)))


class Running(NamedTuple):
    """A system under test."""

    place: Place
    pids: list[int]
    talk_ms: int = 50
    """How long its calls last."""


ASTERISK_ROOT = Path(tempfile.gettempdir()) / "trunkline-bench-asterisk"


@contextmanager
def asterisk(folder: Path, place: Place) -> Iterator[Running]:
    """Asterisk 16 of Debian 11 with no more modules than the call needs; records as CSV."""
    settings = ASTERISK_ROOT / "etc/asterisk"
    modules = next(ASTERISK_ROOT.glob("usr/lib/**/asterisk/modules/chan_pjsip.so")).parent
    shutil.rmtree(settings)
    settings.mkdir()
    for section in (PROGRAMS / "asterisk.conf").read_text().split("==== ")[1:]:
        name, _, text = section.partition("\n")
        for key, value in {
            "MODULES": f"/{modules.relative_to(ASTERISK_ROOT)}",
            "LISTEN": place.system,
            "CARRIER": f"{place.carrier}:{CARRIER_PORT}",
            "CARRIER_HOST": place.carrier,
        }.items():
            text = text.replace(f"@{key}@", value)
        (settings / name).write_text(text)
    (ASTERISK_ROOT / "var/log/asterisk/cdr-csv").mkdir(parents=True, exist_ok=True)
    program = ["chroot", str(ASTERISK_ROOT), "/usr/sbin/asterisk", "-f", "-C", "/etc/asterisk/asterisk.conf"]
    subprocess.run(["mount", "-t", "proc", "proc", ASTERISK_ROOT / "proc"], check=True)
    try:
        with running(program, folder, start_s=8) as pid:
            yield Running(place, [pid])
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
def trunkline(
    folder: Path,
    place: Place,
    sources: Path | None = None,
    *,
    name: str = "bench",
    media: str = "",
    more: str = "",
    prepare: Callable[[Store], None] = lambda _store: None,
    beside: Path | None = None,
    processor: int | None = None,
    socketless: tuple[int, int] | None = None,
) -> Iterator[Running]:
    """A node of its own with one account, one carrier and one route; its code is that of another checkout's
    `sources`, if they are given. `media` are more settings of that section, `more` other sections, `prepare`
    fills its store; with the folder of another node `beside`, it is a second one on that one's database. It
    runs on one `processor`, or on all. Legs from the first number of `socketless` to the second have no
    sockets.
    """
    file = folder / "trunkline.toml"
    file.write_text(SETTINGS.format(folder=folder, name=name, address=place.system, media=media, more=more))
    settings = Settings.load(file)
    if beside is not None:
        shutil.copy(beside / settings.key_file.name, settings.key_file)
    store = Store.initialise(settings.database_url, settings.key_file, DOMAIN)
    if beside is None:
        store.accounts.add(Account(KEY), SECRET)
        gateway = Gateway(SipUri("sip", None, place.carrier, CARRIER_PORT))
        store.carriers.add(Carrier("carrier", (gateway,), ping_interval_s=None))
        store.routes.add(Route("", (RouteCarrier("carrier"),)))
        prepare(store)
    store.close()
    code = f"from pathlib import Path; from trunkline.node.run import run; run(Path({str(file)!r}))"
    if socketless is not None:
        sources = Path(__file__).parents[1]
        code = f"from bench._socketless import serve; serve({str(file)!r}, *{socketless})"
    ready = partial(answers, f"http://{place.system}:8090/readyz")
    pinned = [] if processor is None else ["taskset", "--cpu-list", str(processor)]
    with running([*pinned, sys.executable, "-c", code], folder, sources=sources, ready=ready) as pid:
        yield Running(place, [pid])


def answers(url: str) -> bool:
    """Whether somebody says 200 there."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


@contextmanager
def rtpengine(folder: Path, place: Place, control: str) -> Iterator[int]:
    """In user space, with ports for 3,300 calls and two threads; its id. Calls may be silent."""
    relay = ["rtpengine", "--config-file=none", "--table=-1", f"--interface={place.system}"]
    relay += [f"--listen-ng={control}", "--port-min=30000", "--port-max=49999", "--timeout=3600"]
    relay += ["--num-threads=2", "--media-num-threads=2", "--delete-delay=0"]
    with running([*relay, "--foreground", "--log-stderr", "--log-level=3"], folder) as pid:
        yield pid


@contextmanager
def kamailio(folder: Path, place: Place) -> Iterator[Running]:
    """Kamailio with two workers and its fastest memory manager, rtpengine in user space."""
    control = f"{place.system}:2223"
    config = folder / "kamailio.cfg"
    text = (PROGRAMS / "kamailio.cfg").read_text()
    carrier = f"{place.carrier}:{CARRIER_PORT}"
    values = {"LISTEN": f"{place.system}:5060", "CARRIER": carrier, "DATA": str(folder)}
    for name, value in {**values, "CONTROL": control, "CHILDREN": "2"}.items():
        text = text.replace(f"@{name}@", value)
    config.write_text(text)
    (folder / "flat").mkdir()
    proxy = ["kamailio", "-f", str(config), "-DD", "-E", "-m", "256", "-M", "16", "-x", "fm", "-X", "fm"]
    with rtpengine(folder, place, control) as first, running([*proxy, "-Y", str(folder)], folder) as second:
        yield Running(place, [first, second])


@contextmanager
def running(
    command: list[str],
    folder: Path,
    start_s: float = 3,
    *,
    sources: Path | None = None,
    ready: Callable[[], bool] | None = None,
) -> Iterator[int]:
    """A process that has begun, by what `ready` says or after `start_s`; its id. Python finds modules in
    `sources` first. Raises `RuntimeError` when it ends at once, or isn't ready in time.
    """
    environment = os.environ if sources is None else {**os.environ, "PYTHONPATH": str(sources)}
    with (
        (folder / f"{Path(command[0]).name}.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            deadline = time.monotonic() + (start_s if ready is None else READY_S)
            while time.monotonic() < deadline and not (ready is not None and ready()):
                if process.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended: {Path(log.name).read_text()[-500:]}")
                time.sleep(0.1)
            if ready is not None and not ready():
                raise RuntimeError(f"{command[0]} is not ready: {Path(log.name).read_text()[-500:]}")
            yield process.pid
        finally:
            process.terminate()


SYSTEMS: dict[str, Callable[[Path, Place], AbstractContextManager[Running]]] = {
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
    """One of `SYSTEMS` at the first place, and a folder for what belongs to it."""
    with tempfile.TemporaryDirectory() as folder, SYSTEMS[name](Path(folder), place(0)) as system:
        yield system, Path(folder)
