"""What FreePBX makes of what `trunkline pbx freepbx` says to type, loaded by its Asterisk: the trunk's part.
The other tests of this folder have FreePBX as well, at length (`program.EACH_PBX`).
"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.interop.asterisk.connected import assert_encrypted, connected
from tests.interop.asterisk.program import EACH_FREEPBX, Asterisk, Pbx, require_root
from tests.interop.asterisk.stage import Stage, ended
from tests.interop.asterisk.trunk import FAR, NUMBER, SETTINGS, furnish
from tests.interop.cases import Case
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, Node, running_node


@pytest.fixture(scope="module")
def freepbx_node(names: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("freepbx") / "node", SETTINGS) as node:
        furnish(node)
        yield node


@pytest.fixture(scope="module", params=EACH_FREEPBX)
def which(request: pytest.FixtureRequest) -> Pbx:
    found: Pbx = request.param
    require_root(found)
    return found


@pytest.fixture(scope="module", params=[False, True], ids=["udp", "tls"])
def asterisk(
    request: pytest.FixtureRequest, which: Pbx, freepbx_node: Node, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asterisk]:
    folder = tmp_path_factory.mktemp("typed")
    with connected(freepbx_node, which, folder, secure=request.param) as asterisk:
        yield asterisk


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
@pytest.mark.case(Case.TLS)
@pytest.mark.case(Case.SRTP)
def test_a_call_out(stage: Stage) -> None:
    phone, carrier = stage.call_out(f"00{FAR}")
    phone.sipp.tell()
    ended(phone, carrier)
    invite = carrier.sipp.received("INVITE")
    assert invite.start_line.startswith(f"INVITE sip:{FAR}@")
    assert f"sip:{NUMBER}@" in (invite.header("From") or "")
    if stage.pbx.secure:
        assert_encrypted(stage.node, stage.node.command("calls", "--limit", "1")[0]["call_id"], "caller")


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
@pytest.mark.case(Case.SHOWN)
@pytest.mark.case(Case.DIGITS)
@pytest.mark.case(Case.TLS)
@pytest.mark.case(Case.SRTP)
def test_a_call_in_with_digits(stage: Stage) -> None:
    carrier, phone = stage.call_in()
    stage.digits_both_ways()
    carrier.sipp.tell()
    ended(carrier, phone)
    assert f"sip:{FAR}@" in (phone.sipp.received("INVITE").header("From") or "")
    if stage.pbx.secure:
        assert_encrypted(stage.node, stage.node.record(carrier.sipp.call_id)["call_id"], "attempt 1")
