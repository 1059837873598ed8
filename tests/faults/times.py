"""What time does to a node: its wall clock is put forward and back, its certificate runs out."""

import asyncio
import signal
import socket
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.abuse.doors import options, statuses
from tests.faults.world import (
    CUSTOMER,
    NODE,
    NUMBER,
    PORT,
    TLS_PORT,
    Figures,
    World,
    counted,
    until,
    world,
)
from tests.interop.node import DOMAIN, KEY, SECRET
from tests.unit.net.certificates import Certificate, self_signed
from trunkline.pstn.dialling import CallReport
from trunkline.sip.message import Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.stack import ContactSpec
from trunkline.sip.uri import SipUri

STRANGER = "10.77.2.1"
HOUR_S = 3600
BAN_S = 8.0
BY_TLS = SipUri.parse(f"sip:{NODE}:{TLS_PORT};transport=tls")


async def clock_stepped() -> Figures:
    """The wall clock goes an hour forward, then two back, then right again, with calls up, a device
    registered and a stranger banned.
    """
    with tempfile.TemporaryDirectory() as folder:
        clock = Path(folder) / "clock"
        clock.write_text("+0")
        settings = {"sip.tls": [f"{NODE}:{TLS_PORT}"], "limits.ban_s": BAN_S}
        async with world(settings, environment=_wall_clock(clock)) as here:
            here.node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"{KEY}@{DOMAIN}")
            await _register(here)
            reports = []
            banned = []
            for offset_s in (HOUR_S, -HOUR_S, 0):
                up = [asyncio.create_task(here.call(talk_s=4.0)) for _ in range(4)]
                up.append(asyncio.create_task(here.call(talk_s=4.0, next_hop=BY_TLS)))
                await until(lambda: here.node.gauge("active_calls") == 5)
                await asyncio.to_thread(_be_banned)
                clock.write_text(f"{offset_s:+}")
                banned.append(len(here.node.command("ban", "list")))
                reports += await here.calls(3, 0.1)
                reports += [await here.call(next_hop=BY_TLS), await here.call_in()]
                reports += await asyncio.gather(*up)
                await until(lambda: not here.node.command("ban", "list"))
            figures = await counted(here, reports)
            return figures | {
                "banned": banned,
                "registered": len(here.node.command("registration", "list")),
                "talk_off_s": _talk_off_s(here, reports),
            }


def _wall_clock(file: Path) -> dict[str, str]:
    """The environment of a program whose wall clock is as many seconds off as `file` says at the moment."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


async def _register(here: World) -> None:
    """The customer's phone, for the hour that the node grants."""
    answers: list[Response] = []
    user = SipUri("sip", KEY, DOMAIN)
    here.customer.station.agent.request(
        "REGISTER",
        SipUri("sip", None, DOMAIN),
        from_=NameAddr(None, user),
        to=NameAddr(None, user),
        next_hop=SipUri("sip", None, NODE, PORT),
        contact=ContactSpec(user=KEY),
        credentials=DigestUser(KEY, SECRET),
        on_response=answers.append,
        on_failure=lambda failure: answers.append(Response(408, str(failure))),
    )
    await until(lambda: answers)
    assert answers[0].status == 200, answers[0]


def _be_banned() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((STRANGER, PORT))
        for _ in range(30):
            stranger.sendto(b"OPTIONS sip:a SIP/2.0\r\nUser-Agent: friendly-scanner\r\n\r\n", (NODE, PORT))


def _talk_off_s(here: World, reports: Sequence[CallReport]) -> float:
    """By how much the record of a call is off what the phone took for its length, at most."""
    rows = [here.node.command("calls", row["call_id"]) for row in here.records()]
    billed: dict[str, float] = {row["sip_call_id"]: row["talk_s"] for row in rows}
    return max(abs(billed[report.sip_call_id] - _talked_s(report)) for report in reports)


def _talked_s(report: CallReport) -> float:
    at_s = {step.what: step.at_s for step in report.steps}
    return at_s["we hang up"] - at_s["200 OK"]


async def certificate_replaced() -> Figures:
    """The certificate has run out. Another one is put in its place with calls over TLS up: a broken file
    first, by mistake, then a good one.
    """
    with tempfile.TemporaryDirectory() as folder:
        old = self_signed(Path(folder), "old.test", days=-1)
        new = self_signed(Path(folder), "new.test")
        settings = {
            "sip.tls": [f"{NODE}:{TLS_PORT}"],
            "tls.certificate": str(old.certificate),
            "tls.private_key": str(old.key),
        }
        async with world(settings) as here:
            up = [asyncio.create_task(here.call(talk_s=6.0, next_hop=BY_TLS)) for _ in range(5)]
            await until(lambda: here.node.gauge("active_calls") == 5)
            kept = await asyncio.to_thread(_handshake, None)
            taken = [await asyncio.to_thread(_taken_by, old)]
            old.certificate.write_text("no certificate")
            here.node.signal(signal.SIGHUP)
            await until(lambda: here.node.logged("the settings were not reread"))
            taken.append(await asyncio.to_thread(_is_answered, _handshake(None)))
            old.certificate.write_bytes(new.certificate.read_bytes())
            old.key.write_bytes(new.key.read_bytes())
            here.node.signal(signal.SIGHUP)
            await until(lambda: _taken_by(new))
            taken.append(await asyncio.to_thread(_is_answered, kept))
            still_up = here.node.gauge("active_calls")
            reports = await asyncio.gather(*up)
            reports += await here.calls(3, 0.1, next_hop=BY_TLS)
            kept.close()
            return await counted(here, reports) | {"taken": taken, "still_up": still_up}


def _handshake(trusted: Certificate | None) -> ssl.SSLSocket:
    """An open TLS connection; `trusted` is the only certificate that will do. Raises `ssl.SSLError`."""
    context = ssl.create_default_context(cafile=None if trusted is None else trusted.certificate)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE if trusted is None else ssl.CERT_REQUIRED
    plain = socket.create_connection((NODE, TLS_PORT), 5, (CUSTOMER, 0))
    return context.wrap_socket(plain)


def _taken_by(trusted: Certificate) -> bool:
    """Whether somebody who looks at certificates, and trusts that one, gets through."""
    try:
        _handshake(trusted).close()
    except ssl.SSLError:
        return False
    return True


def _is_answered(connection: ssl.SSLSocket) -> bool:
    """Whether OPTIONS over it gets its 200."""
    connection.sendall(options(TLS_PORT, CUSTOMER, "TLS")[0])
    return statuses(connection.recv(65535)) == [200]
