"""Kamailio before a customer's PBX, with what `trunkline pbx kamailio` writes: it answers challenges for the
PBX, which SIPp plays, and lets in what comes from the trunk.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, in_use, wait_for
from tests.interop.audio import Voice
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.kamailio.program import end, run
from tests.interop.names import name_server
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, Scenario, sdp
from tests.programs import require_program

pytestmark = [
    pytest.mark.program(Program.KAMAILIO),
    pytest.mark.skipif(os.geteuid() != 0, reason="its name server is set in a mount namespace, as root"),
]

PBX, CARRIER, RESOLVER = "127.0.0.13", "127.0.0.20", "127.0.0.78"
PBX_PORT, PORT, SBC_PORT = free_port(PBX), free_port(CARRIER), free_port()
NUMBER, FAR = "12125550200", "442071838750"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("sbc")
    with (
        running_node(folder / "node", {"sip.advertised_host": HOST}) as node,
        name_server({(f"{DOMAIN}.", "A"): HOST}, (RESOLVER, 53)),
    ):
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("carrier", "set", "main", "--source", CARRIER)
        node.command("route", "add", "44", "--carrier", "main")
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"{NUMBER}@{HOST}:{SBC_PORT}")
        process = run(_config(node, folder), folder / "output", RESOLVER)
        try:
            wait_for(
                "kamailio to listen",
                lambda: process.poll() is not None or in_use(HOST, SBC_PORT, "tcp"),
            )
            assert process.poll() is None, (folder / "output").read_text(errors="replace")
            yield node
        finally:
            end(process)


def _config(node: Node, folder: Path) -> Path:
    """As written, but for the two lines that are to name the PBX."""
    account = ("--account", KEY, "--secret", SECRET)
    node.run("pbx", "kamailio", *account, "--pbx-port", str(SBC_PORT), "--out", str(folder / "written"))
    text = (folder / "written" / "kamailio.cfg").read_text()
    changed = text.replace('"sip:127.0.0.1:5080"', f'"sip:{PBX}:{PBX_PORT}"')
    changed = changed.replace('PBX_ADDRESS "127.0.0.1"', f'PBX_ADDRESS "{PBX}"')
    assert changed.count(PBX) == 2
    path = folder / "kamailio.cfg"
    path.write_text(changed)
    return path


class Trial:
    """Calls between the PBX and the carrier."""

    def __init__(self, node: Node, sipp: Start, voice: Speak) -> None:
        self.node = node
        self._sipp = sipp
        self.near: Voice = voice(440, PBX)
        self.far: Voice = voice(1000, CARRIER)

    def out(self, caller: Caller, callee: Callee) -> tuple[Sipp, Sipp]:
        """The PBX and the carrier."""
        carrier = self._sipp(callee, host=CARRIER, port=PORT)
        return self._starts(caller, PBX, (HOST, SBC_PORT)), carrier

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
        wait_for("both to hear each other", lambda: self.near.hears(1000) and self.far.hears(440), within_s=8)

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


@pytest.fixture
def trial(node: Node, sipp: Start, voice: Speak) -> Trial:
    return Trial(node, sipp, voice)


@pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
@pytest.mark.case(Case.INTERNATIONAL)
@pytest.mark.case(Case.SHOWN)
@pytest.mark.case(Case.HOLD)
@pytest.mark.case(Case.DIGITS)
def test_a_call_out_with_hold_and_digits(trial: Trial) -> None:
    callee = trial.callee(trial.far)
    callee.ring()
    callee.accept()
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        callee.request("INVITE")
        callee.agree(sdp(trial.far, direction=direction, version=version))
    callee.hung_up()
    caller = trial.dials()
    caller.answered()
    for version, direction in ((2, "sendonly"), (3, "sendrecv")):
        caller.until_told()
        caller.in_dialog("INVITE", body=sdp(trial.near, direction=direction, version=version))
        caller.provisional()
        caller.response(200)
        caller.ack()
    caller.until_told()
    caller.bye()
    pbx, carrier = trial.out(caller, callee)
    trial.hear_each_other(pbx, carrier)
    trial.far.press("19#")
    trial.near.press("28*")
    wait_for("the PBX to get three keys", lambda: trial.near.keys() == [1, 9, 11], within_s=8)
    wait_for("the carrier to get three keys", lambda: trial.far.keys() == [2, 8, 10], within_s=8)
    pbx.tell()
    wait_for("the hold", lambda: "a=sendonly" in carrier.received("INVITE").body)
    pbx.tell()
    wait_for("the resumption", lambda: "a=sendrecv" in carrier.received("INVITE").body)
    trial.near.heard.clear()
    trial.far.heard.clear()
    trial.hear_each_other(pbx, carrier)
    pbx.tell()
    pbx.done()
    carrier.done()
    invite = carrier.received(f"INVITE sip:{FAR}@")
    assert f"sip:{NUMBER}@" in (invite.header("From") or "")


@pytest.mark.case(Case.OUT_ENDED_BY_CALLEE)
@pytest.mark.case(Case.EARLY_MEDIA)
def test_a_call_out_with_early_media_that_the_callee_ends(trial: Trial) -> None:
    callee = trial.callee(trial.far)
    callee.early_media()
    callee.until_told()
    callee.accept()
    callee.until_told()
    callee.bye()
    caller = trial.dials()
    caller.answered()
    caller.hung_up()
    pbx, carrier = trial.out(caller, callee)
    trial.near.talk_to(*pbx.remote_audio())  # what a PBX sends meanwhile, for the path back
    trial.far.talk_to(*carrier.remote_audio())
    wait_for("the PBX to hear the carrier", lambda: trial.near.hears(1000), within_s=8)
    carrier.tell()
    pbx.answer()
    trial.hear_each_other(pbx, carrier)
    carrier.tell()
    pbx.done()
    carrier.done()


@pytest.mark.case(Case.OUT_CANCELLED)
def test_a_call_out_that_is_given_up(trial: Trial) -> None:
    callee = trial.callee(trial.far)
    callee.ring()
    callee.cancelled()
    caller = trial.dials()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel(in_order=False)
    for sipp in trial.out(caller, callee):
        sipp.done()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(
            486, "Busy Here", marks=[pytest.mark.case(Case.OUT_BUSY), pytest.mark.case(Case.IN_BUSY)]
        ),
        pytest.param(
            *(603, "Decline"),
            marks=[pytest.mark.case(Case.OUT_DECLINED), pytest.mark.case(Case.IN_DECLINED)],
        ),
    ],
)
def test_calls_that_are_refused(trial: Trial, status: int, reason: str) -> None:
    callee = trial.callee(trial.far)
    callee.refuse(status, reason)
    caller = trial.dials()
    caller.refused(status)
    for sipp in trial.out(caller, callee):
        sipp.done()
    callee = trial.callee(trial.near)
    callee.refuse(status, reason)
    caller = trial.calls()
    caller.refused(status)
    for sipp in trial.comes(caller, callee):
        sipp.done()


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
@pytest.mark.case(Case.SHOWN)
def test_a_call_in_that_the_caller_ends(trial: Trial) -> None:
    callee = trial.callee(trial.near)
    callee.ring()
    callee.accept()
    callee.hung_up()
    caller = trial.calls()
    caller.answered()
    caller.until_told()
    caller.bye()
    pbx, carrier = trial.comes(caller, callee)
    trial.hear_each_other(pbx, carrier)
    carrier.tell()
    pbx.done()
    carrier.done()
    invite = pbx.received(f"INVITE sip:{NUMBER}@")
    assert f"sip:{FAR}@" in (invite.header("From") or "")


@pytest.mark.case(Case.IN_ENDED_BY_CALLEE)
def test_a_call_in_that_the_callee_ends(trial: Trial) -> None:
    callee = trial.callee(trial.near)
    callee.accept()
    callee.until_told()
    callee.bye()
    caller = trial.calls()
    caller.answered()
    caller.hung_up()
    pbx, carrier = trial.comes(caller, callee)
    trial.hear_each_other(pbx, carrier)
    pbx.tell()
    pbx.done()
    carrier.done()


@pytest.mark.case(Case.IN_CANCELLED)
@pytest.mark.case(Case.NO_ANSWER)
def test_a_call_in_that_is_given_up(trial: Trial) -> None:
    callee = trial.callee(trial.near)
    callee.ring()
    callee.cancelled()
    caller = trial.calls()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel()
    for sipp in trial.comes(caller, callee):
        sipp.done()


@pytest.mark.parametrize("options", [(), ("--tls",), ("--tls", "--srtp")], ids=" ".join)
def test_kamailio_takes_each_configuration(node: Node, tmp_path: Path, options: tuple[str, ...]) -> None:
    node.run("pbx", "kamailio", "--account", KEY, "--secret", SECRET, "--out", str(tmp_path), *options)
    done = subprocess.run(
        [require_program("kamailio"), "-c", "-f", str(tmp_path / "kamailio.cfg")],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_stranger_is_not_let_in(trial: Trial, sipp: Start) -> None:
    caller = trial.calls()
    caller.refused(403)
    sipp(caller, host=CARRIER, to=(HOST, SBC_PORT)).done()
