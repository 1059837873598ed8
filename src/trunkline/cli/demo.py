"""`trunkline demo`: a whole trunk on loopback, and two calls through it with audio.

The node is the real program in a process of its own. A test phone plays the customer's PBX, another one the
carrier; both really listen. The demo succeeds only if each end of both calls heard the other one's tone.

Outbound: PBX (440 Hz) ──▶ node, with digest ──▶ carrier (1004 Hz).
Inbound: carrier (1004 Hz) ──▶ node ──▶ first endpoint, where nobody is; then the PBX (440 Hz).
"""

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.calls import ladder_of, show_call
from trunkline.cli.dial import phone_engine
from trunkline.cli.init import set_up
from trunkline.cli.installation import Installation
from trunkline.cli.output import say
from trunkline.cli.stations import Ground, on_ground
from trunkline.errors import ConfigError, TrunklineError
from trunkline.media.terminals import Tone
from trunkline.pstn.numbering import described
from trunkline.pstn.phone import CallReport, Dialling, Phone
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
NUMBER = "442079460123"
CALLED = "493012345678"
PBX_HZ, CARRIER_HZ = 440.0, 1004.0
TALK_S = 2.0
START_S = 20.0
CARRIER_HOST = "127.0.0.2"
"""A loopback address of its own: a carrier is known by where its calls come from."""


@dataclass(frozen=True, slots=True)
class _Ports:
    sip: int
    tls: int
    http: int
    pstn: int
    pbx: int
    carrier: int
    nobody: int


def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Place no calls: leave the node running for a phone of yours.")
    ] = False,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Where the installation goes. Default: a temporary one.")
    ] = None,
) -> None:
    """Start a node on loopback with a simulated carrier and place an outbound and an inbound call through it.

    Shows both ladders and records. Exit status 0 only if the tones were heard at both ends of both calls.
    """
    if stay:
        _stay(directory)
        return
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
    ports = _Ports(*_free_ports(7))
    say(
        f"1. A new installation in {home}: account {KEY}, number +{NUMBER}, carrier 'demo' at {CARRIER_HOST}."
    )
    here = _install(home, ports)
    _furnish(here, ports)
    say("2. Starting the node, as `trunkline serve` does.")
    with _node(here):
        outbound, inbound, taken_out, taken_in = on_ground(None, lambda ground: _calls(ground, ports))
        _await_records(here, 2)
        good = [
            _tell(
                "3. Outbound: the PBX calls +" + CALLED + " through the trunk.",
                outbound,
                taken_out,
                PBX_HZ,
                CARRIER_HZ,
            ),
            _tell(
                "4. Inbound: the carrier calls +" + NUMBER + "; the first endpoint is dead.",
                inbound,
                taken_in,
                CARRIER_HZ,
                PBX_HZ,
            ),
        ]
        _show_calls(here)
    if all(good):
        say("\nBoth calls went through the trunk, and every end heard the other one's tone.")
    return all(good)


def _tell(
    title: str, placed: CallReport, taken: list[CallReport], caller_hz: float, callee_hz: float
) -> bool:
    """What the two ends of a call say; True when each heard the other."""
    say(f"\n{title}")
    for step in placed.steps:
        say(f"   {step.at_s:7.3f} s  {step.what}")
    callee_heard = any(report.heard(caller_hz) for report in taken)
    caller_heard = placed.heard(callee_hz)
    say(f"   The caller {'heard' if caller_heard else 'did NOT hear'} the callee's tone of {callee_hz:g} Hz.")
    say(f"   The callee {'heard' if callee_heard else 'did NOT hear'} the caller's tone of {caller_hz:g} Hz.")
    return caller_heard and callee_heard


async def _calls(
    ground: Ground, ports: _Ports
) -> tuple[CallReport, CallReport, list[CallReport], list[CallReport]]:
    """Place both calls; reports of the placing ends, then of the taking ends."""
    media = phone_engine("127.0.0.1")
    media.attach(asyncio.get_running_loop())
    at_carrier: list[CallReport] = []
    at_pbx: list[CallReport] = []
    pbx = Phone(
        clock=ground.clock,
        media=media,
        locator=ground.resolver,
        token=ground.token,
        bind=Address("127.0.0.1", ports.pbx),
        answers=Tone((PBX_HZ,)),
        listen_for=(CARRIER_HZ,),
        taken=at_pbx.append,
    )
    carrier = Phone(
        clock=ground.clock,
        media=media,
        locator=ground.resolver,
        token=ground.token,
        bind=Address(CARRIER_HOST, ports.carrier),
        answers=Tone((CARRIER_HZ,)),
        listen_for=(PBX_HZ,),
        taken=at_carrier.append,
    )
    node = f"127.0.0.1:{ports.sip}"
    try:
        await pbx.start()
        await carrier.start()
        outbound = await pbx.dial(
            Dialling(
                SipUri.parse(f"sip:+{CALLED}@{node}"),
                caller=NUMBER,
                credentials=DigestUser(KEY, SECRET),
                say=Tone((PBX_HZ,)),
                listen_for=(CARRIER_HZ,),
                talk_s=TALK_S,
                ring_s=10,
            )
        )
        inbound = await carrier.dial(
            Dialling(
                SipUri.parse(f"sip:+{NUMBER}@{node}"),
                caller=CALLED,
                say=Tone((CARRIER_HZ,)),
                listen_for=(PBX_HZ,),
                talk_s=TALK_S,
                ring_s=10,
            )
        )
    finally:
        await pbx.close()
        await carrier.close()
        media.stop()
    return outbound, inbound, at_carrier, at_pbx


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


def _install(home: Path, ports: _Ports) -> Installation:
    values: dict[str, object] = {
        "service.domain": "sip.demo.test",
        "node.name": "demo",
        "node.data_dir": str(home.resolve()),
        "sip.udp": [f"127.0.0.1:{ports.sip}"],
        "sip.tcp": [f"127.0.0.1:{ports.sip}"],
        "sip.tls": [f"127.0.0.1:{ports.tls}"],
        "media.bind_address": "127.0.0.1",
        "media.allow_loopback": True,
        "http.bind": f"127.0.0.1:{ports.http}",
        "pstn.enabled": True,
        "pstn.bind": f"127.0.0.1:{ports.pstn}",
    }
    set_up(home, values)
    return Installation(home / "trunkline.toml")


def _furnish(here: Installation, ports: _Ports) -> None:
    """An account with a number, and two carriers: the demo's phone, and the simulated one for numbers below
    999.
    """
    store = here.store
    store.accounts.add(Account(KEY, name="Demo"), SECRET)
    forwarding = f"pbx@127.0.0.1:{ports.nobody}, pbx@127.0.0.1:{ports.pbx}"
    store.numbers.add(Number(NUMBER, KEY, ForwardingList.parse(forwarding)))
    store.carriers.add(
        Carrier(
            "demo",
            (Gateway(SipUri("sip", None, CARRIER_HOST, ports.carrier)),),
            sources=(parse_network(CARRIER_HOST),),
            pings=False,
        )
    )
    store.carriers.add(
        Carrier("pstn", (Gateway(SipUri("sip", None, "127.0.0.1", ports.pstn)),), inbound_account=None)
    )
    store.routes.add(Route("", (RouteCarrier("demo"),)))
    store.routes.add(Route("999", (RouteCarrier("pstn"),)))


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


def _stay(directory: Path | None) -> None:
    home = directory or Path("run")
    settings_file = home / "trunkline.toml"
    if settings_file.exists():
        here = Installation(settings_file)
    else:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        ports = _Ports(sip=5060, tls=5061, http=8080, pstn=5070, pbx=5080, carrier=5090, nobody=5091)
        here = _install(home, ports)
        _furnish(here, ports)
    settings = here.settings
    say(f"Settings and data: {home.resolve()}")
    say(
        f"Point a phone or PBX on this machine at {settings.sip.udp[0]} (UDP, TCP) or {settings.sip.tls[0]} "
        "(TLS):"
    )
    say(f"  user {KEY}, password {SECRET}, domain {settings.service.domain}; or, without a phone:")
    say(f"  trunkline -c {settings_file} dial 9992000 --key {KEY} --secret {SECRET} --listen 1004")
    say("Numbers of the simulated carrier:")
    for number, what in described():
        say(f"  {number:<12} {what}")
    say(f"Calls to +{NUMBER} go where `trunkline -c {settings_file} number forward {NUMBER} URI` says.")
    say("Ctrl-C ends it.\n")
    try:
        subprocess.run(
            [sys.executable, "-m", "trunkline.cli", "-c", str(settings_file), "serve"], check=False
        )
    except KeyboardInterrupt as interrupt:
        raise TrunklineError("ended") from interrupt
