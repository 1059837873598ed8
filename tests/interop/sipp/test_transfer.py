"""Blind transfer through the real program: SIPp refers, SIPp is referred and SIPp is called; the two that are
left hear each other, one in PCMU and one in PCMA.
"""

from collections.abc import Iterator

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import PCMA
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, answer_lines, sdp, silent_sdp

pytestmark = pytest.mark.program(Program.SIPP)

PBX, CARRIER, THIRD = "127.0.0.10", "127.0.0.20", "127.0.0.21"
PORT, THIRD_PORT = free_port(CARRIER), free_port(THIRD)
NO_AUDIO = silent_sdp("127.0.0.10")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("transfer") / "node") as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("carrier", "add", "third", "--gateway", f"sip:{THIRD}:{THIRD_PORT}")
        node.command("route", "add", "44", "--carrier", "main")
        node.command("route", "add", "33", "--carrier", "third")
        node.command("account", "set", KEY, "--refer")
        node.command("account", "limit", KEY, "--deny", "3389")
        yield node


def _calls(node: Node, sipp: Start, caller: Caller) -> Sipp:
    return sipp(caller, host=PBX, to=(HOST, node.port), user=KEY, password=SECRET)


def _notified(caller: Caller, times: int) -> None:
    for _ in range(times):
        caller.request("NOTIFY")
        caller.send(answer_lines(200, "OK", tag=""))


def _news(phone: Sipp) -> list[str]:
    """The status lines that it was notified of."""
    return [item.body.strip() for item in phone.requests("NOTIFY")]


@pytest.mark.case(Case.REFER)
def test_the_two_that_are_left_hear_each_other(node: Node, sipp: Start, voice: Speak) -> None:
    second, third = voice(440, CARRIER), voice(1000, THIRD, PCMA)
    callee = Callee(body=sdp(second, formats="0"))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.request("INVITE")
    callee.agree(sdp(second, formats="0", version=2))
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    target = Callee(body=sdp(third, formats="8"))
    target.invited()
    target.ring()
    target.pause(300)
    target.accept()
    target.until_told()
    target.bye()
    far = sipp(target, host=THIRD, port=THIRD_PORT)
    caller = Caller("442071838750", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.answered()
    caller.in_dialog("REFER", ["Refer-To: <sip:+33140205050@sip.example.net>"])
    caller.response(202)
    _notified(caller, 3)
    caller.hung_up()
    phone = _calls(node, sipp, caller)

    there = far.received("INVITE").audio
    phone.done()
    here = carrier.received("INVITE").audio
    assert there is not None
    assert here is not None
    second.talk_to(*here)
    third.talk_to(*there)
    wait_for("the third to hear the second", lambda: third.hears(440))
    wait_for("the second to hear the third", lambda: second.hears(1000))
    far.tell()
    carrier.done()
    far.done()

    assert _news(phone) == ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]
    record = node.record(phone.call_id)
    assert (record["verdict"], record["attempts"], record["hung_up_by"]) == ("answered", 2, "caller")


def test_a_number_that_the_account_may_not_dial(node: Node, sipp: Start) -> None:
    callee = Callee(body=NO_AUDIO)
    callee.invited()
    callee.accept()
    callee.until_told()
    callee.bye()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = Caller("442071838751", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.answered()
    caller.in_dialog("REFER", [f"Refer-To: <sip:3389123456@{THIRD}:{THIRD_PORT}>"])
    caller.response(202)
    _notified(caller, 1)
    caller.hung_up()
    phone = _calls(node, sipp, caller)
    phone.received("NOTIFY")
    carrier.tell()
    phone.done()
    carrier.done()
    assert _news(phone) == ["SIP/2.0 403 Forbidden"]
    assert node.record(phone.call_id)["attempts"] == 1
