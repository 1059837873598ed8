"""Carriers that want a password: SIPp checks the digest that the node answers its challenges with."""

from collections.abc import Iterator

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import Start
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, Scenario, answer_lines, silent_sdp

PBX = "127.0.0.10"
CARRIER = "127.0.0.20"
PORT, REGISTRAR = free_port(CARRIER), free_port(CARRIER)
USER, PASSWORD = "trunk-17", "s3cret of the carrier"
NO_AUDIO = silent_sdp("127.0.0.10")
CHALLENGE = 'WWW-Authenticate: Digest realm="carrier.test", nonce="47ebe028cda119c35d4877b383027d28"'
VERIFY = f'<action><verifyauth assign_to="right" username="{USER}" password="{PASSWORD}"/></action>'


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("carriers") / "node") as node:
        account = ("--user", USER, "--secret", PASSWORD)
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}", *account)
        node.command("carrier", "add", "open", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("route", "add", "44", "--carrier", "main")
        node.command("route", "add", "33", "--carrier", "open")
        yield node


def _dial(node: Node, sipp: Start, caller: Caller) -> Sipp:
    return sipp(caller, host=PBX, to=(HOST, node.port), user=KEY, password=SECRET)


@pytest.mark.parametrize("qop", ["", ', qop="auth"', ', algorithm=MD5, qop="auth,auth-int", opaque="x"'])
def test_the_carriers_challenge_is_answered(node: Node, sipp: Start, qop: str) -> None:
    callee = Callee(body=NO_AUDIO)
    callee.invited()
    callee.refuse(401, "Unauthorized", [CHALLENGE + qop])
    callee.request("INVITE", action=VERIFY)
    callee.accept(["X-Verified: [$right]"])
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = Caller("442071838750", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.answered()
    caller.bye()
    phone = _dial(node, sipp, caller)
    phone.done()
    carrier.done()
    accepted = next(item for item in carrier.messages if item.sent and item.status == 200)
    assert accepted.header("X-Verified") == "true"
    assert node.record(phone.call_id)["attempts"] == 1


def test_a_challenge_without_an_account_there_is_a_refusal(node: Node, sipp: Start) -> None:
    callee = Callee()
    callee.invited()
    callee.refuse(401, "Unauthorized", [CHALLENGE])
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = Caller("33140205050", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.refused(403)
    phone = _dial(node, sipp, caller)
    phone.done()
    carrier.done()
    assert phone.received("SIP/2.0 403").header("WWW-Authenticate") is None
    assert node.record(phone.call_id)["verdict"] == "challenged"


def test_registration_with_a_carrier(node: Node, sipp: Start) -> None:
    registrar = Scenario()
    registrar.request("REGISTER")
    registrar.send(answer_lines(401, "Unauthorized", tag=";tag=r1", headers=[CHALLENGE + ', qop="auth"']))
    registrar.request("REGISTER", action=VERIFY)
    registrar.send(
        answer_lines(
            200, "OK", tag=";tag=r2", headers=["[last_Contact:]", "Expires: 600", "X-Verified: [$right]"]
        )
    )
    carrier = sipp(registrar, host=CARRIER, port=REGISTRAR)
    account = ("--user", USER, "--secret", PASSWORD, "--register")
    node.command("carrier", "add", "registered", "--gateway", f"sip:{CARRIER}:{REGISTRAR}", *account)
    carrier.done()
    accepted = wait_for(
        "the 200", lambda: [item for item in carrier.messages if item.sent and item.status == 200]
    )[0]
    assert accepted.header("X-Verified") == "true"
    first, second = carrier.requests("REGISTER")
    assert first.header("Call-ID") == second.header("Call-ID")
    assert f"{HOST}:{node.port}" in (second.header("Contact") or "")
