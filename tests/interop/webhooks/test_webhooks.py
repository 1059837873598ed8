"""A customer's program is told what happens: by a node as its operator runs it, over HTTP."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import Start
from tests.interop.node import HOST, KEY, SECRET, CommandError, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller
from tests.interop.webhooks.program import Receiver, answering_options

CARRIER, PBX = "127.0.0.50", "127.0.0.51"
PBX_PORT, FLAKY_PORT, WEB_PORT = free_port(PBX), free_port(PBX), free_port()
NUMBER, FLAKY = "12125550300", "12125550301"
WHOLE_LIFE = {"call.started", "call.ringing", "call.answered", "call.completed"}
NO_AUDIO = f"""v=0
o=phone 1 1 IN IP4 {CARRIER}
s=-
c=IN IP4 {CARRIER}
t=0 0
m=audio 30000 RTP/AVP 0 8"""
SETTINGS = {"web.enabled": True, "web.webhooks_private": True}
PINGING = {
    "forwarding.pings": True,
    "forwarding.ping_interval_s": 1.0,
    "forwarding.health_failures": 2,
    "forwarding.health_window": 3,
}


def prepare(node: Node, receiver: Receiver) -> None:
    """A webhook, which is told what happens from then on; a carrier and numbers."""
    with api(node) as client:
        made = client.post("/v1/webhooks", json={"url": receiver.url})
    assert made.status_code == 201, made.text
    receiver.secret = made.json()["secret"]
    node.command("carrier", "add", "main", "--source", CARRIER)
    for number, port in ((NUMBER, PBX_PORT), (FLAKY, FLAKY_PORT)):
        forward = f"sip:100@{PBX}:{port}"
        node.command("number", "add", number, "--account", KEY, "--forward", forward)


def api(node: Node) -> httpx.Client:
    """The customer's."""
    return httpx.Client(base_url=f"http://{HOST}:{WEB_PORT}", auth=(KEY, SECRET), timeout=30)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path) as receiver:
        yield receiver


def settings(**more: object) -> dict[str, object]:
    return {**SETTINGS, "web.bind": f"{HOST}:{WEB_PORT}", **more}


@pytest.fixture
def node(tmp_path: Path, receiver: Receiver) -> Iterator[Node]:
    with running_node(tmp_path / "node", settings()) as node:
        prepare(node, receiver)
        yield node


def pbx_answers(sipp: Start) -> Sipp:
    callee = Callee(body=NO_AUDIO)
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    return sipp(callee, host=PBX, port=PBX_PORT)


def call(node: Node, sipp: Start, number: str, *, stay: bool = False) -> Sipp:
    """A short call; with `stay` it is up until `Sipp.tell`."""
    caller = Caller(number, caller="442071838750", body=NO_AUDIO)
    caller.invite()
    caller.answered()
    caller.until_told() if stay else caller.pause(100)
    caller.bye()
    return sipp(caller, host=CARRIER, to=(HOST, node.port))


def test_calls_are_told_as_they_happen(node: Node, receiver: Receiver, sipp: Start) -> None:
    pbx = pbx_answers(sipp)
    phone = call(node, sipp, NUMBER, stay=True)
    answered = receiver.wait_for("call.answered", called=NUMBER)
    call_id = answered["call"]["call_id"]
    assert "call.completed" not in receiver.types(call_id), "told while the call was up"
    phone.tell()
    phone.done()
    pbx.done()
    completed = receiver.wait_for("call.completed", call_id=call_id)
    wait_for("the rest", lambda: receiver.types(call_id) == WHOLE_LIFE)
    record = node.record(phone.call_id)
    assert completed["account"] == KEY
    assert completed["call"]["caller"] == record["caller"] == "442071838750"
    assert (completed["call"]["verdict"], completed["call"]["hung_up_by"]) == ("answered", "caller")
    assert completed["call"]["talk_s"] == pytest.approx(record["talk_s"], abs=0.01)

    busy = Callee()
    busy.invited()
    busy.refuse(486, "Busy Here")
    pbx = sipp(busy, host=PBX, port=PBX_PORT)
    refused = Caller(NUMBER, caller="442071838751", body=NO_AUDIO)
    refused.invite()
    refused.refused(486)
    sipp(refused, host=CARRIER, to=(HOST, node.port)).done()
    pbx.done()
    failed = receiver.wait_for("call.failed", caller="442071838751")
    assert (failed["call"]["verdict"], failed["call"]["status"]) == ("busy", 486)
    assert "answered_at" not in failed["call"]
    assert not [event for event in receiver.events if event["account"] != KEY]


def test_the_command_line_tries_it_out(node: Node, receiver: Receiver) -> None:
    [webhook] = node.command("webhook", "list", KEY)
    told = node.command("webhook", "test", webhook["id"])
    assert (told["state"], told["status"], told["attempts"]) == ("delivered", 200, 1)
    assert receiver.wait_for("webhook.test")["webhook"] == webhook["id"]
    receiver.status = 503
    with pytest.raises(CommandError):
        node.command("webhook", "test", webhook["id"])
    [refused, delivered] = node.command("webhook", "deliveries", webhook["id"])
    assert (refused["state"], refused["detail"]) == ("waiting", "it answered 503")
    receiver.status = 200
    node.command("webhook", "resend", webhook["id"], str(delivered["id"]))
    wait_for("it again", lambda: [one["id"] for one in receiver.events].count(delivered["event_id"]) == 2)


def test_an_endpoint_goes_down_and_comes_up(tmp_path: Path, receiver: Receiver) -> None:
    uri = f"sip:100@{PBX}:{FLAKY_PORT}"
    with running_node(tmp_path / "node", settings(**PINGING)) as node:
        prepare(node, receiver)
        down = receiver.wait_for("endpoint.down", number=FLAKY)
        assert (down["endpoint"]["uri"], down["endpoint"]["node"]) == (uri, "sip-test1")
        with answering_options(PBX, FLAKY_PORT):
            receiver.wait_for("endpoint.up", number=FLAKY)


def test_a_receiver_that_was_away_gets_what_it_missed(node: Node, receiver: Receiver, sipp: Start) -> None:
    receiver.status = 503
    pbx = pbx_answers(sipp)
    call(node, sipp, NUMBER).done()
    pbx.done()
    wait_for("a refused event", lambda: receiver.refused, within_s=30)
    receiver.status = 200
    completed = receiver.wait_for("call.completed", called=NUMBER)
    wait_for("the rest", lambda: receiver.types(completed["call"]["call_id"]) == WHOLE_LIFE, within_s=60)
    with api(node) as client:
        (webhook,) = client.get("/v1/webhooks").json()["items"]
        path = f"/v1/webhooks/{webhook['id']}/deliveries"
        (delivery,) = (one for one in client.get(path).json()["items"] if one["event_id"] == completed["id"])
        assert delivery["body"] == completed
        assert client.post(f"{path}/{delivery['id']}/resend").json()["state"] == "waiting"
        wait_for("it again", lambda: receiver.events.count(completed) == 2, within_s=30)


def web_process(node: Node) -> int | None:
    """Its process id; None: there is none at the moment."""
    assert node.process is not None
    pid = node.process.pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            if b"\0web\0" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return None


def test_what_ends_while_the_web_process_is_gone_is_told_afterwards(
    tmp_path: Path, receiver: Receiver, sipp: Start
) -> None:
    node = Node(tmp_path / "node", settings())
    try:
        node.init()
        node.start()
        prepare(node, receiver)
        pbx = pbx_answers(sipp)
        phone = call(node, sipp, NUMBER, stay=True)
        long = receiver.wait_for("call.answered", called=NUMBER)["call"]["call_id"]
        so_far = WHOLE_LIFE - {"call.completed"}
        wait_for("all of it so far", lambda: receiver.types(long) == so_far)
        (webhook,) = node.command("webhook", "list", KEY)
        wait_for("that to be written down", lambda: _states(node, webhook["id"]) == {"delivered"})
        victim = wait_for("the web process", lambda: web_process(node))
        os.kill(victim, signal.SIGSTOP)
        phone.tell()
        phone.done()
        pbx.done()
        pbx = pbx_answers(sipp)
        call(node, sipp, NUMBER).done()
        pbx.done()
        before = len(receiver.events)
        os.kill(victim, signal.SIGKILL)
        wait_for("another web process", lambda: web_process(node) not in (None, victim), within_s=30)
        receiver.wait_for("call.completed", call_id=long)
        calls = {event["call"]["call_id"] for event in receiver.events[before:] if "call" in event}
        (short,) = wait_for("the other call", lambda: _calls_since(receiver, before) - {long}, within_s=30)
        wait_for("all of it", lambda: receiver.types(short) == WHOLE_LIFE, within_s=30)
        assert long in calls
        assert receiver.types(long) == WHOLE_LIFE
        ids = [event["id"] for event in receiver.events]
        assert len(ids) == len(set(ids)), "nothing was told twice"
        node.signal(signal.SIGTERM)
        assert node.wait() == 0
    finally:
        node.close()


def _states(node: Node, webhook: str) -> set[str]:
    return {one["state"] for one in node.command("webhook", "deliveries", webhook)}


def _calls_since(receiver: Receiver, first: int) -> set[str]:
    return {event["call"]["call_id"] for event in receiver.events[first:] if "call" in event}
