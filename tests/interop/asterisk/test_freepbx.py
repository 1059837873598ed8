"""What FreePBX makes of what `trunkline pbx freepbx` says to type, loaded by its Asterisk."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.interop.addresses import free_port
from tests.interop.asterisk import freepbx
from tests.interop.asterisk.program import Asterisk, Pbx, require_root
from tests.interop.asterisk.stage import Stage, ended
from tests.interop.asterisk.trunk import (
    FAR,
    NUMBER,
    PHONES,
    SETTINGS,
    THIRD_NUMBER,
    forward,
    furnish,
    written,
)
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, Node, running_node

FREEPBXS = [
    pytest.param(pbx, marks=pytest.mark.program(pbx.program), id=str(pbx))
    for pbx in (
        Pbx("bullseye", "freepbx-sip", Program.FREEPBX_SIP),
        Pbx("sid", "freepbx-pjsip", Program.FREEPBX_PJSIP),
    )
]


@pytest.fixture(scope="module")
def freepbx_node(names: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("freepbx") / "node", SETTINGS) as node:
        furnish(node)
        yield node


@pytest.fixture(scope="module", params=FREEPBXS)
def asterisk(
    request: pytest.FixtureRequest, freepbx_node: Node, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asterisk]:
    which: Pbx = request.param
    require_root(which)
    port = free_port()
    pages = written(freepbx_node, "freepbx", port, tmp_path_factory.mktemp("typed"))
    if which.chan_sip:
        files = freepbx.chan_sip(pages["freepbx-chan-sip.txt"])
    else:
        files = freepbx.chan_pjsip(pages["freepbx-17-pjsip.txt"], port)
    forward(freepbx_node, port)
    asterisk = Asterisk(which, files=files, port=port, phones=PHONES, forwards_to=f"00{THIRD_NUMBER}")
    try:
        asterisk.registered()
        yield asterisk
    finally:
        asterisk.close()


@pytest.fixture
def stage(freepbx_node: Node, asterisk: Asterisk, sipp: Start, voice: Speak) -> Iterator[Stage]:
    with closing(Stage(freepbx_node, asterisk, sipp, voice)) as stage:
        yield stage


@pytest.mark.case(Case.REGISTER)
@pytest.mark.case(Case.QUALIFY)
def test_it_registers_and_qualifies(stage: Stage) -> None:
    contacts = [one["contact"] for one in stage.node.command("registration", "list")]
    assert any(f"{KEY}@{HOST}:{stage.pbx.port}" in contact for contact in contacts)
    stage.pbx.qualified()


@pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
@pytest.mark.case(Case.INTERNATIONAL)
@pytest.mark.case(Case.SHOWN)
def test_a_call_out(stage: Stage) -> None:
    phone, carrier = stage.call_out(f"00{FAR}")
    phone.sipp.tell()
    ended(phone, carrier)
    invite = carrier.sipp.received("INVITE")
    assert invite.start_line.startswith(f"INVITE sip:{FAR}@")
    assert f"sip:{NUMBER}@" in (invite.header("From") or "")


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
@pytest.mark.case(Case.SHOWN)
@pytest.mark.case(Case.DIGITS)
def test_a_call_in_with_digits(stage: Stage) -> None:
    carrier, phone = stage.call_in()
    stage.digits_both_ways()
    carrier.sipp.tell()
    ended(carrier, phone)
    assert f"sip:{FAR}@" in (phone.sipp.received("INVITE").header("From") or "")
