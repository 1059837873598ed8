"""Kamailio before a customer's PBX, with what `trunkline pbx kamailio` writes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.addresses import free_port, listens, wait_for
from tests.interop.audio import Voice
from tests.interop.conftest import Speak, Start
from tests.interop.kamailio.program import run
from tests.interop.names import name_server
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, Scenario, sdp
from tests.processes import end

PBX, CARRIER, RESOLVER = "127.0.0.13", "127.0.0.20", "127.0.0.78"
PBX_PORT, PORT = free_port(PBX), free_port(CARRIER)
NUMBER, FAR = "12125550200", "442071838750"


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="its name server is set in a mount namespace, as root")


class Sbc(NamedTuple):
    """A node, and the Kamailio before the PBX."""

    node: Node
    port: int
    """Where the PBX reaches it, over UDP."""


@contextmanager
def sbc(folder: Path, *, tls: bool = False) -> Iterator[Sbc]:
    """Both, with the trunk between them over UDP or TLS."""
    port, trunk_port = free_port(), free_port()
    with (
        running_node(folder / "node", {"sip.advertised_host": HOST}) as node,
        name_server({(f"{DOMAIN}.", "A"): HOST}, (RESOLVER, 53)),
    ):
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("carrier", "set", "main", "--source", CARRIER)
        node.command("route", "add", "44", "--carrier", "main")
        where = f"sips:{NUMBER}@{HOST}:{trunk_port}" if tls else f"{NUMBER}@{HOST}:{port}"
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", where)
        config = _config(node, folder, port, trunk_port if tls else None)
        process = run(config, folder / "output", RESOLVER)
        try:
            wait_for(
                "kamailio to listen",
                lambda: (
                    process.poll() is not None
                    or (listens(HOST, port, "tcp") and (not tls or listens(HOST, trunk_port, "tcp")))
                ),
            )
            assert process.poll() is None, (folder / "output").read_text(errors="replace")
            yield Sbc(node, port)
        finally:
            end(process)


def _config(node: Node, folder: Path, port: int, tls_port: int | None) -> Path:
    """As written, but for what is to name the PBX and, over TLS, Kamailio's own port and certificate."""
    account = ("--account", KEY, "--secret", SECRET)
    options = ("--pbx-port", str(tls_port or port), *(("--tls",) if tls_port else ()))
    node.run("pbx", "kamailio", *account, *options, "--out", str(folder / "written"))
    text = (folder / "written" / "kamailio.cfg").read_text()
    changed = text.replace('"sip:127.0.0.1:5080"', f'"sip:{PBX}:{PBX_PORT}"')
    changed = changed.replace('PBX_ADDRESS "127.0.0.1"', f'PBX_ADDRESS "{PBX}"')
    assert changed.count(PBX) == 2
    if tls_port:
        for name, of_the_node in (("cert.pem", "tls-certificate.pem"), ("key.pem", "tls-key.pem")):
            assert changed.count(f"/etc/kamailio/{name}") == 1
            changed = changed.replace(f"/etc/kamailio/{name}", str(node.directory / of_the_node))
        assert changed.count("\nport=5060\n") == 1
        changed = changed.replace("\nport=5060\n", f"\nport={port}\n")
    path = folder / "kamailio.cfg"
    path.write_text(changed)
    return path


class Trial:
    """Calls between the PBX and the carrier."""

    def __init__(self, sbc: Sbc, sipp: Start, voice: Speak) -> None:
        self.node, self._port = sbc
        self._sipp = sipp
        self.near: Voice = voice(440, PBX)
        self.far: Voice = voice(1000, CARRIER)

    def out(self, caller: Caller, callee: Callee) -> tuple[Sipp, Sipp]:
        """The PBX and the carrier."""
        carrier = self._sipp(callee, host=CARRIER, port=PORT)
        return self._starts(caller, PBX, (HOST, self._port)), carrier

    def comes(self, caller: Caller, callee: Callee) -> tuple[Sipp, Sipp]:
        """The PBX and the carrier."""
        pbx = self._sipp(callee, host=PBX, port=PBX_PORT)
        return pbx, self._starts(caller, CARRIER, (HOST, self.node.port))

    def _starts(self, caller: Scenario, host: str, to: tuple[str, int]) -> Sipp:
        return self._sipp(caller, host=host, to=to)

    def hear_each_other(self, pbx: Sipp, carrier: Sipp) -> None:
        """From now on."""
        for sipp, voice in ((pbx, self.near), (carrier, self.far)):
            voice.talk_to(*sipp.remote_audio())
        wait_for("both to hear each other", lambda: self.near.hears(1000) and self.far.hears(440))

    def callee(self, voice: Voice) -> Callee:
        """Up to the INVITE."""
        callee = Callee(body=sdp(voice))
        callee.invited()
        return callee

    def dials(self) -> Caller:
        """The PBX, which knows no password."""
        caller = Caller(f"00{FAR}", caller=NUMBER, domain=HOST, body=sdp(self.near))
        caller.invite()
        return caller

    def calls(self) -> Caller:
        """Somebody out there."""
        caller = Caller(NUMBER, caller=FAR, body=sdp(self.far))
        caller.invite()
        return caller

    def call_out(self) -> tuple[Sipp, Sipp]:
        """The PBX calls and is answered, both are heard: the PBX (hangs up when told), the carrier."""
        callee = self.callee(self.far)
        callee.accept()  # at once: of Kamailio's processes one may overtake another with a 180
        callee.hung_up()
        caller = self.dials()
        caller.answered()
        caller.until_told()
        caller.bye()
        pbx, carrier = self.out(caller, callee)
        self.hear_each_other(pbx, carrier)
        return pbx, carrier

    def call_in(self) -> tuple[Sipp, Sipp]:
        """Somebody calls, the PBX answers, both are heard: the PBX, the carrier (hangs up when told)."""
        callee = self.callee(self.near)
        callee.accept()  # at once: of Kamailio's processes one may overtake another with a 180
        callee.hung_up()
        caller = self.calls()
        caller.answered()
        caller.until_told()
        caller.bye()
        pbx, carrier = self.comes(caller, callee)
        self.hear_each_other(pbx, carrier)
        return pbx, carrier
