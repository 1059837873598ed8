"""A customer's Asterisk over TLS and SRTP, restarted in a call, with a wrong secret, and with credentials for
another realm.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.asterisk.connected import assert_encrypted, connected
from tests.interop.asterisk.program import PBXS, Asterisk, Pbx, require_root
from tests.interop.asterisk.stage import Stage, ended, hear_each_other
from tests.interop.asterisk.trunk import FAR, PHONES, SETTINGS, THIRD_NUMBER, furnish, written
from tests.interop.cases import Case
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, SECRET, Node, running_node

WRONG = "5e1f77aa"
RIGHT = "the-right-one"
"""An account whose PBX has a wrong secret, and the right one."""
STRAY = "9d02c6b4"
"""An account whose PBX has credentials for another realm."""


@pytest.fixture(scope="package")
def secure_node(names: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("secure") / "node", SETTINGS) as node:
        furnish(node)
        node.command("account", "add", "--key", WRONG, "--secret", RIGHT)
        node.command("account", "add", "--key", STRAY, "--secret", SECRET)
        yield node


@pytest.fixture(scope="package")
def secure_pbx(which: Pbx, secure_node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asterisk]:
    """A PBX that takes calls over TLS and SRTP only."""
    with connected(secure_node, which, tmp_path_factory.mktemp("written"), secure=True) as asterisk:
        yield asterisk


@pytest.fixture
def secure(secure_node: Node, secure_pbx: Asterisk, sipp: Start, voice: Speak) -> Iterator[Stage]:
    with closing(Stage(secure_node, secure_pbx, sipp, voice)) as stage:
        yield stage


@pytest.mark.case(Case.TLS)
@pytest.mark.case(Case.SRTP)
def test_a_call_out_is_encrypted(secure: Stage) -> None:
    stage = secure
    phone, carrier = stage.call_out(f"00{FAR}")
    phone.sipp.tell()
    ended(phone, carrier)
    assert "RTP/AVP" in carrier.sipp.received("INVITE").body
    call_id = stage.node.command("calls", "--limit", "1")[0]["call_id"]
    assert_encrypted(stage.node, call_id, "caller")


@pytest.mark.case(Case.TLS)
@pytest.mark.case(Case.SRTP)
def test_a_call_in_is_encrypted(secure: Stage) -> None:
    _hears_a_call_in(secure)


def _hears_a_call_in(stage: Stage) -> None:
    carrier, phone = stage.call_in()
    carrier.sipp.tell()
    ended(carrier, phone)
    record = stage.node.record(carrier.sipp.call_id)
    assert record["attempt_records"][0]["resolved"].startswith("TLS ")
    assert_encrypted(stage.node, record["call_id"], "attempt 1")


@pytest.mark.case(Case.RESTARTED)
def test_the_pbx_dies_in_a_call_and_comes_back(secure: Stage) -> None:
    """It has forgotten the call. The caller hears nothing and hangs up; the next call is as ever."""
    stage = secure
    callee = stage.callee(stage.near)
    callee.accept()
    phone = stage.at_phone(callee)
    caller = stage.calls()
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = stage.from_carrier(caller)
    hear_each_other(carrier, phone)
    ended(phone)
    stage.pbx.kill()
    stage.pbx.start()
    stage.pbx.registered()
    stage.pbx.qualified()
    (contact,) = [one for one in stage.node.command("registration", "list") if one["account"] == KEY]
    assert contact["source"].startswith("TLS ")
    assert stage.far.hears_nothing()
    carrier.sipp.tell()
    ended(carrier)
    assert stage.node.record(carrier.sipp.call_id)["verdict"] == "answered"
    _hears_a_call_in(stage)


@pytest.mark.case(Case.WRONG_SECRET)
def test_a_wrong_secret_is_found(
    secure_node: Node, sipp: Start, voice: Speak, which: Pbx, tmp_path: Path
) -> None:
    port = free_port()
    files = written(secure_node, which, port, tmp_path / "written", key=WRONG, secret=RIGHT)
    files = {name: text.replace(RIGHT, "a-wrong-one") for name, text in files.items()}
    asterisk = Asterisk(which, files=files, port=port, phones=PHONES, forwards_to=f"00{THIRD_NUMBER}")
    try:
        stage = Stage(secure_node, asterisk, sipp, voice)
        caller = stage.dials(f"00{FAR}")
        caller.provisional()
        for possible in (503, 603):
            caller.response(possible, jump=True)
        caller.response(403)
        caller.land()
        caller.ack_refusal()
        ended(stage.from_phone(caller))
        found = secure_node.findings(WRONG)["Password"]
        assert found["state"] == "bad"
        assert f"{HOST}:{port} sent a wrong password" in found["said"]
    finally:
        asterisk.close()


def test_another_realm_is_found(secure_node: Node, tmp_path: Path) -> None:
    """chan_pjsip answers no challenge but one of the realm that its credentials name."""
    newest = PBXS[-1]
    require_root(newest)
    port = free_port()
    files = written(secure_node, newest, port, tmp_path / "written", key=STRAY)
    file = "pjsip_trunkline.conf"
    files[file] = files[file].replace(f"password={SECRET}", f"password={SECRET}\nrealm=asterisk")
    asterisk = Asterisk(newest, files=files, port=port, phones=PHONES, forwards_to=f"00{THIRD_NUMBER}")
    try:
        asterisk.command("pjsip send register trunkline-registration")
        found = wait_for("a registration", lambda: _wrong(secure_node.findings(STRAY)["Password"]))
        assert f"{HOST}:{port} asked to register" in found["said"]
        assert "another realm" in found["remedy"]
    finally:
        asterisk.close()


def _wrong(finding: dict[str, str]) -> dict[str, str] | None:
    return finding if finding["state"] == "bad" else None
