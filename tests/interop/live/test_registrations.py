"""A phone that registered at one node is called at another: the call leaves by the connection that the phone
has opened to the first, and is heard both ways.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.baresip.program import Baresip
from tests.interop.conftest import Speak, Start
from tests.interop.live.site import CARRIER, Site, running_site
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Caller, sdp, silent_sdp
from trunkline.web.control_client import ControlClient

pytestmark = pytest.mark.timeout(400)

PHONE = "127.0.0.1"
NUMBER, LEAKED_NUMBER = "12125550200", "12125550201"
LEAKED = "leaked"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("registrations")
    settings = {"service.digest": ["MD5"]}
    commands = [
        ("carrier", "set", "main", "--source", CARRIER),
        ("number", "add", NUMBER, "--account", KEY, "--forward", f"sip:{KEY}@{DOMAIN}"),
        ("account", "add", "--key", LEAKED, "--secret", SECRET),
        ("number", "add", LEAKED_NUMBER, "--account", LEAKED, "--forward", f"sip:{LEAKED}@{DOMAIN}"),
    ]
    port = free_port(CARRIER)
    with running_site(directory, 2, port, directory_commands=commands, settings=settings) as made:
        yield made


def registered_at(node: Node, directory: Path, transport: str, key: str = KEY) -> Baresip:
    """A phone that says 440 Hz and answers."""
    phone = Baresip(directory / "phone", host=PHONE, frequency=440)
    port = node.tls_port if transport == "tls" else node.port
    phone.start(
        f"<sip:{key}@{DOMAIN}>;auth_user={key};auth_pass={SECRET};regint=600;answermode=auto"
        f';outbound="sip:{HOST}:{port};transport={transport}";audio_codecs=PCMU,PCMA'
    )
    phone.registered()
    return phone


def devices(node: Node) -> list[str]:
    with ControlClient(node.directory / "control.sock") as line:
        return [one.source for one in line.registrations()]


@pytest.mark.parametrize("ends", ["caller", "phone"])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_a_call_leaves_by_the_node_that_holds_the_flow(
    site: Site, tmp_path: Path, sipp: Start, voice: Speak, transport: str, ends: str
) -> None:
    first, second = site.nodes
    phone = registered_at(first, tmp_path, transport)
    try:
        sources = devices(first)
        wait_for("the other node to know of it", lambda: devices(second) == sources)
        carrier = call(site, sipp, voice, phone, ends)
        record = second.record(carrier.call_id)
        assert record["verdict"] == "answered"
        assert record["hung_up_by"] == ("caller" if ends == "caller" else "callee")
        resolved = record["attempt_records"][0]["resolved"]
        assert resolved == sources[0], "where the phone had registered from"
    finally:
        phone.close()
    wait_for("no node to know of it", lambda: not devices(first) and not devices(second))


def test_who_has_a_revoked_secret_gets_no_more_calls_by_any_node(
    site: Site, tmp_path: Path, sipp: Start
) -> None:
    """Though its connection to the first node is open."""
    first, second = site.nodes
    phone = registered_at(first, tmp_path, "tcp", LEAKED)
    try:
        wait_for("the other node to know of it", lambda: devices(second))
        first.command("account", "rotate-secret", LEAKED, "--overlap-s", "0")
        wait_for("no node to know of it", lambda: not devices(first) and not devices(second))
        for node in site.nodes:
            caller = Caller(LEAKED_NUMBER, caller="442071838750", body=silent_sdp(CARRIER))
            caller.invite()
            caller.refused(480)
            sipp(caller, host=CARRIER, to=(HOST, node.port)).done()
    finally:
        phone.close()


def call(site: Site, sipp: Start, voice: Speak, phone: Baresip, ends: str) -> Sipp:
    mouth = voice(1000, CARRIER)
    caller = Caller(NUMBER, caller="442071838750", body=sdp(mouth))
    caller.invite()
    caller.answered()
    if ends == "caller":
        caller.until_told()
        caller.bye()
    else:
        caller.hung_up()
    carrier = sipp(caller, host=CARRIER, to=(HOST, site.nodes[1].port), within_s=120)
    here = carrier.answer().audio
    assert here is not None
    mouth.talk_to(*here)
    wait_for("baresip to hear the caller", lambda: phone.hears(1000), within_s=30)
    wait_for("the caller to hear baresip", lambda: mouth.hears(440), within_s=30)
    if ends == "phone":
        phone.command("hangup")
    else:
        carrier.tell()
    carrier.done()
    phone.event("CALL_CLOSED")
    return carrier
