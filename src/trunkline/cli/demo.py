"""`trunkline demo`: a whole trunk on loopback, and two calls through it with audio.

The node is the real program in a process of its own. A test phone plays the customer's PBX, another one the
carrier; both really listen. The demo succeeds only if each end of both calls heard the other one's tone.

Outbound: PBX (440 Hz) ──▶ node, with digest ──▶ carrier (1004 Hz).
Inbound: carrier (1004 Hz) ──▶ node ──▶ first endpoint, where nobody is; then the PBX (440 Hz).
"""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from trunkline.call.ports import Tone
from trunkline.cli.calls import ladder_of, show_call
from trunkline.cli.init import ADMIN, set_up
from trunkline.cli.installation import Installation
from trunkline.cli.output import examples, say
from trunkline.cli.stations import Ground, on_ground
from trunkline.errors import ConfigError
from trunkline.media.embedded import EmbeddedEngine
from trunkline.node.run import run
from trunkline.pstn.dialling import CallReport, Dialling
from trunkline.pstn.numbering import described
from trunkline.pstn.phone import Phone
from trunkline.pstn.phone_engine import phone_engine
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri
from trunkline.store.calls import CallFilter
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier, Gateway, parse_network
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.control_client import ControlError

KEY, SECRET = "demo", "demo-secret-1"
PASSWORD = "demo-operator"  # noqa: S105 - of a node on loopback, and printed
NUMBER = "12025550123"
"""Short enough for the simulated carrier to be asked, by 9998 before it, to call it."""
CALLED = "493012345678"
PBX_HZ, CARRIER_HZ = 440.0, 1004.0
TALK_S = 2.0
END_S = 5.0
START_S = 20.0
OVERLOAD_LAG_MS = 5000.0
"""The demo has to work beside a busy build, too."""
CARRIER_HOST = "127.0.0.2"
"""A loopback address of its own: a carrier is known by where its calls come from."""


@dataclass(frozen=True, slots=True)
class _Ports:
    sip: int
    tls: int
    http: int
    pbx: int
    carrier: int
    nobody: int


app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline demo", "trunkline demo --stay --dir trial"))
def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Place no calls: leave the node running for a phone of yours.")
    ] = False,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            metavar="DIR",
            help="Where the installation goes. Default: a temporary one; with --stay, ./run, which is kept.",
        ),
    ] = None,
) -> None:
    """Try everything on this machine, with a simulated carrier.

    Starts a node on loopback, and places an outbound and an inbound call through it, with audio. Shows both
    ladders and records. Exit status 0 only if the tones were heard at both ends of both calls.
    """
    if stay:
        _stay(directory or Path("run"))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with _home(directory) as home:
        heard = _run(home)
    if not heard:
        say("\nThe demo failed: see above.")
        raise typer.Exit(1)


@contextmanager
def _home(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="trunkline-demo-") as made:
        yield Path(made)


def _run(home: Path) -> bool:
    ports = _Ports(*_free_ports(6))
    say(
        f"1. A new installation in {home}: account {KEY}, number +{NUMBER}, carrier 'demo' at {CARRIER_HOST}."
    )
    here = _install(home, ports.sip, ports.tls, ports.http, {"web.enabled": False})
    _furnish(here, ports)
    say("2. A node, as `trunkline serve` runs it.")
    with _node(here):
        heard = on_ground(None, lambda ground: _calls(ground, ports))
        _await_records(here, 2)
        _show_calls(here)
    if heard:
        say("\nBoth calls went through the trunk, and every end heard the other one's tone.")
    return heard


async def _calls(ground: Ground, ports: _Ports) -> bool:
    """Place both calls; True when every end heard the other one."""
    media = phone_engine("127.0.0.1")
    media.attach(asyncio.get_running_loop())
    pbx = _Party(ground, media, Address("127.0.0.1", ports.pbx), says_hz=PBX_HZ, hears_hz=CARRIER_HZ)
    carrier = _Party(ground, media, Address(CARRIER_HOST, ports.carrier), says_hz=CARRIER_HZ, hears_hz=PBX_HZ)
    node = f"127.0.0.1:{ports.sip}"
    try:
        await pbx.phone.start()
        await carrier.phone.start()
        say(f"\n3. Outbound: the PBX calls +{CALLED} through the trunk, and stays for {TALK_S:g} s.")
        outbound = await _call(pbx, carrier, f"sip:+{CALLED}@{node}", NUMBER, DigestUser(KEY, SECRET))
        say(f"\n4. Inbound: the carrier calls +{NUMBER}; nobody is at the first endpoint.")
        inbound = await _call(carrier, pbx, f"sip:+{NUMBER}@{node}", CALLED, None)
    finally:
        await pbx.phone.close()
        await carrier.phone.close()
        media.stop()
    return outbound and inbound


class _Party:
    """A phone that plays one tone and listens for the other party's."""

    def __init__(
        self, ground: Ground, media: EmbeddedEngine, bind: Address, *, says_hz: float, hears_hz: float
    ) -> None:
        self.says = Tone((says_hz,))
        self.says_hz = says_hz
        self.hears_hz = hears_hz
        self.taken: list[CallReport] = []
        self.has_taken = asyncio.Event()
        self.phone = Phone(
            clock=ground.clock,
            media=media,
            locator=ground.resolver,
            token=ground.token,
            bind=bind,
            answers=self.says,
            listen_for=(hears_hz,),
            taken=self._took,
        )

    def _took(self, report: CallReport) -> None:
        self.taken.append(report)
        self.has_taken.set()


async def _call(
    caller: _Party, callee: _Party, to: str, caller_id: str, credentials: DigestUser | None
) -> bool:
    """One call; True when both heard each other."""
    placed = await caller.phone.dial(
        Dialling(
            SipUri.parse(to),
            caller=caller_id,
            credentials=credentials,
            say=caller.says,
            listen_for=(caller.hears_hz,),
            talk_s=TALK_S,
            ring_s=10,
            noted=lambda step: say(f"   {step.at_s:7.3f} s  {step.what}"),
        )
    )
    # The trunk hangs up on the callee once it has answered the caller's BYE.
    with suppress(TimeoutError):
        await asyncio.wait_for(callee.has_taken.wait(), END_S)
    caller_heard = placed.heard(caller.hears_hz)
    callee_heard = any(report.heard(callee.hears_hz) for report in callee.taken)
    for who, heard, hz in (
        ("caller", caller_heard, callee.says_hz),
        ("callee", callee_heard, caller.says_hz),
    ):
        say(f"   The {who} {'heard' if heard else 'did NOT hear'} the other one's tone of {hz:g} Hz.")
    return caller_heard and callee_heard


def _show_calls(here: Installation) -> None:
    page = here.store.calls.list(CallFilter())
    for call in sorted(page.calls, key=lambda call: call.setup_at):
        detail = here.store.calls.get(call.call_id)
        say(f"\n--- the record and the SIP ladder of the {call.direction.value} call ---\n")
        show_call(detail.call, detail.attempts, ladder_of(here, call.call_id))


def _await_records(here: Installation, calls: int) -> None:
    """Records are written in groups, a moment after the call."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        page = here.store.calls.list(CallFilter())
        if sum(1 for call in page.calls if call.ended_at is not None) >= calls:
            return
        time.sleep(0.05)


def _install(home: Path, sip: int, tls: int, http: int, more: Mapping[str, object]) -> Installation:
    values: dict[str, object] = {
        "service.domain": "sip.demo.test",
        "node.name": "demo",
        "node.data_dir": str(home.resolve()),
        "sip.udp": [f"127.0.0.1:{sip}"],
        "sip.tcp": [f"127.0.0.1:{sip}"],
        "sip.tls": [f"127.0.0.1:{tls}"],
        "media.bind_address": "127.0.0.1",
        "media.allow_loopback": True,
        "http.bind": f"127.0.0.1:{http}",
        "limits.overload_lag_ms": OVERLOAD_LAG_MS,
        "log.format": "console",
        "log.level": "warning",
    }
    set_up(home, {**values, **more})
    return Installation(home / "trunkline.toml")


def _furnish(here: Installation, ports: _Ports) -> None:
    """An account with a number, and the carrier that the demo plays."""
    store = here.store
    store.accounts.add(Account(KEY, name="Demo"), SECRET)
    forwarding = f"pbx@127.0.0.1:{ports.nobody}, pbx@127.0.0.1:{ports.pbx}"
    store.numbers.add(Number(NUMBER, KEY, ForwardingList.parse(forwarding)))
    gateway = Gateway(SipUri("sip", None, CARRIER_HOST, ports.carrier))
    store.carriers.add(Carrier("demo", (gateway,), sources=(parse_network(CARRIER_HOST),), pings=False))
    store.routes.add(Route("", (RouteCarrier("demo"),)))


@contextmanager
def _node(here: Installation) -> Iterator[None]:
    """The real program in a process of its own, ready when this is entered; ended with SIGINT."""
    command = [sys.executable, "-m", "trunkline.cli", "-c", str(here.path), "serve"]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + START_S
        while not _answers(here):
            if process.poll() is not None:
                raise ConfigError(f"the node ended with status {process.returncode}")
            if time.monotonic() > deadline:
                raise ConfigError(f"the node was not ready within {START_S:g} s")
            time.sleep(0.05)
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=10)


def _answers(here: Installation) -> bool:
    try:
        with here.control() as node:
            node.stats()
    except ControlError:
        return False
    return True


def _free_ports(count: int) -> list[int]:
    """Ports that are free for UDP and TCP on loopback at this moment."""
    found: list[int] = []
    held: list[socket.socket] = []
    try:
        while len(found) < count:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            held.append(udp)
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            held.append(tcp)
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            if not 30_000 <= port < 31_000:
                found.append(port)
    finally:
        for each in held:
            each.close()
    return found


def _stay(home: Path) -> None:
    settings_file = home / "trunkline.toml"
    if settings_file.exists():
        here = Installation(settings_file)
    else:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        here = _install_to_stay(home)
    say(_how_to_call(here, settings_file))
    run(here.path)


def _install_to_stay(home: Path) -> Installation:
    """The usual ports where they are free. Calls to the number go to whoever registers as the account."""
    sip, tls, http, pstn, web = (
        usual if _is_free(usual) else spare
        for usual, spare in zip((5060, 5061, 8080, 5070, 8088), _free_ports(5), strict=True)
    )
    besides = {
        "pstn.enabled": True,
        "pstn.bind": f"{CARRIER_HOST}:{pstn}",
        "web.bind": f"127.0.0.1:{web}",
    }
    here = _install(home, sip, tls, http, besides)
    store = here.store
    store.users.set_password(ADMIN, PASSWORD)
    store.accounts.add(Account(KEY, name="Demo"), SECRET)
    store.numbers.add(Number(NUMBER, KEY, ForwardingList.parse(f"{KEY}@{here.settings.service.domain}")))
    gateway = Gateway(SipUri("sip", None, CARRIER_HOST, pstn))
    store.carriers.add(Carrier("simulated", (gateway,), sources=(parse_network(CARRIER_HOST),)))
    store.routes.add(Route("", (RouteCarrier("simulated"),)))
    return here


def _how_to_call(here: Installation, settings_file: Path) -> str:
    settings = here.settings
    program = "trunkline" if shutil.which("trunkline") else sys.argv[0]
    command = f"{program} -c {settings_file}"
    numbers = "\n".join(f"  {number:<12} {what}" for number, what in described())
    return f"""\
A node with a simulated carrier, kept in {settings_file.parent.resolve()}.

Point a phone or PBX on this machine at it:
  server    {settings.sip.udp[0]} (UDP and TCP), or {settings.sip.tls[0]} (TLS)
  user      {KEY}
  password  {SECRET}
Or, in another terminal, without a phone:
  {command} dial 9992000 --key {KEY} --secret {SECRET} --listen 1004

The dashboard is at {settings.web.url}. Sign in there:
  as a customer   {KEY}, {SECRET}
  as operator     {ADMIN}, {PASSWORD}

The simulated carrier has these numbers:
{numbers}

A registered phone is called at +{NUMBER}: dial 9998{NUMBER}, and it rings back.
  {command} number forward {NUMBER} URI   sends those calls elsewhere
  {command} calls --follow   shows calls as they happen

The node runs now; Ctrl-C ends it."""


def _is_free(port: int) -> bool:
    """Whether UDP and TCP of it can be bound on loopback."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
