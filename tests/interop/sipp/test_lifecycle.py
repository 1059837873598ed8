"""What happens to calls when the node is told to stop, to reread its settings, or is killed."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, SECRET, Node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp, silent_sdp

PBX = "127.0.0.10"
CARRIER = "127.0.0.20"
PORT = free_port(CARRIER)
NO_AUDIO = silent_sdp("127.0.0.10")

Dial = Callable[[Caller], Sipp]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Not running: each test starts it, and knows how it ends."""
    node = Node(tmp_path_factory.mktemp("lifecycle") / "node")
    try:
        node.init()
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("route", "add", "44", "--carrier", "main")
        node.command("number", "add", "12125550200", "--account", KEY, "--forward", f"sip:1@{PBX}:{PORT}")
        yield node
    finally:
        node.close()


@pytest.fixture
def node(installation: Node) -> Iterator[Node]:
    settings = installation.settings_file.read_text()
    installation.start()
    yield installation
    installation.kill()
    installation.settings_file.write_text(settings)


@pytest.fixture
def dial(installation: Node, sipp: Start) -> Dial:
    def start(caller: Caller) -> Sipp:
        return sipp(caller, host=PBX, to=(HOST, installation.port), user=KEY, password=SECRET)

    return start


def _caller(called: str = "442071838750", body: str = NO_AUDIO) -> Caller:
    """Calls, and is answered."""
    caller = Caller(called, body=body)
    caller.invite_with_credentials()
    caller.answered()
    return caller


def _callee(body: str = NO_AUDIO) -> Callee:
    callee = Callee(body=body)
    callee.invited()
    callee.accept()
    callee.hung_up()
    return callee


def test_a_drain_lets_calls_end_by_themselves_and_takes_no_new_ones(
    node: Node, sipp: Start, dial: Dial, voice: Speak
) -> None:
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    carrier = sipp(_callee(sdp(ear)), host=CARRIER, port=PORT)
    caller = _caller(body=sdp(mouth))
    caller.until_told()
    caller.bye()
    phone = dial(caller)
    there, here = carrier.received("INVITE").audio, phone.answer().audio
    assert there is not None
    assert here is not None
    node.signal(signal.SIGTERM)
    wait_for("the drain", lambda: node.logged("draining"))

    refused = Caller("442071838751", body=NO_AUDIO)
    refused.invite()
    refused.refused(503)
    late = dial(refused)
    late.done()
    answer = late.received("SIP/2.0 503")
    assert int(answer.header("Retry-After") or 0) > 0
    assert 'text="draining"' in (answer.header("Reason") or "")

    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the callee to hear the caller during the drain", lambda: ear.hears(440))
    wait_for("the caller to hear the callee during the drain", lambda: mouth.hears(1000))
    phone.tell()
    phone.done()
    carrier.done()
    assert node.wait() == 0
    record = node.record(phone.call_id)
    assert (record["verdict"], record["hung_up_by"]) == ("answered", "caller")
    node.assert_clean_log()


def test_a_second_sigterm_ends_calls_with_bye(node: Node, sipp: Start, dial: Dial) -> None:
    carrier = sipp(_callee(), host=CARRIER, port=PORT)
    caller = _caller()
    caller.hung_up()
    phone = dial(caller)
    carrier.received("ACK")
    phone.answer()
    node.signal(signal.SIGTERM)
    wait_for("the drain", lambda: node.logged("draining"))
    node.signal(signal.SIGTERM)
    phone.done()
    carrier.done()
    assert node.wait() == 0
    for program in (phone, carrier):
        assert 'text="shut-down"' in (program.received("BYE").header("Reason") or "")
    record = node.record(phone.call_id)
    assert (record["state"], record["verdict"], record["hung_up_by"]) == ("closed", "shut-down", "service")
    node.assert_clean_log()


def test_a_killed_node_closes_its_records_at_the_next_start(node: Node, sipp: Start, dial: Dial) -> None:
    sipp(_callee(), host=CARRIER, port=PORT)
    caller = _caller()
    caller.until_told()
    phone = dial(caller)
    phone.answer()
    (call_id,) = wait_for("the open record on the disk", node.open_calls, every_s=0.1)
    wait_for("the answer in it", lambda: node.command("calls", call_id)["answered_at"], every_s=0.1)
    node.signal(signal.SIGKILL)
    assert node.wait() == -signal.SIGKILL
    node.start()
    record = node.command("calls", call_id)
    assert (record["state"], record["verdict"]) == ("recovered", "crashed")
    assert record["answered_at"] is not None
    assert record["ended_at"] is not None
    node.stop()


def test_sighup_rereads_the_settings_and_says_what_changed(node: Node, sipp: Start) -> None:
    failing = Callee()
    failing.invited()
    failing.ring()
    failing.cancelled()
    sipp(failing, host=PBX, port=PORT)
    node.set({"forwarding.ring_timeout_s": 1.5, "forwarding.timeout_status": 480, "http.bind": f"{HOST}:1"})
    node.signal(signal.SIGHUP)
    wait_for("the reload", lambda: len(node.logged("setting changed")) >= 3)
    changes = {line["key"]: line for line in node.logged("setting changed")}
    assert changes["forwarding.timeout_status"]["old"] == "486"
    assert changes["forwarding.timeout_status"]["new"] == "480"
    assert changes["forwarding.timeout_status"]["effect"] == "now"
    assert changes["http.bind"]["effect"] == "after a restart"

    caller = Caller("12125550200", body=NO_AUDIO)
    caller.invite()
    caller.refused(480)
    phone = sipp(caller, host=CARRIER, to=(HOST, node.port))
    phone.done()
    record = node.record(phone.call_id)
    assert (record["status"], record["verdict"]) == (480, "no-answer")

    node.settings_file.write_text(node.settings_file.read_text() + "\n[nonsense]\n")
    node.signal(signal.SIGHUP)
    refused = wait_for("the refusal", lambda: node.logged("the settings were not reread"))
    assert "nonsense" in refused[0]["reason"]
    assert node.gauge("active_calls") == 0
    node.signal(signal.SIGTERM)
    assert node.wait() == 0


def test_the_settings_of_a_wrong_file_are_named(tmp_path: Path) -> None:
    node = Node(tmp_path / "node")
    node.init()
    node.settings_file.write_text(node.settings_file.read_text().replace("udp =", "udpp ="))
    with pytest.raises(AssertionError, match="udpp"):
        node.start()
    node.close()
