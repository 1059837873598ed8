"""A node is killed in a call whose media are at an rtpengine: the other node goes on with it. Audio never
stops, both peers take the survivor's re-INVITE, either may hang up, and there is one record.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.contract.media.rtpengine_daemon import RtpengineDaemon
from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import Voice
from tests.interop.baresip.program import Baresip
from tests.interop.conftest import Speak
from tests.interop.live.peer import Carrier, carrier_at
from tests.interop.live.site import CARRIER, Site, running_site
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node

pytestmark = pytest.mark.timeout(400)

PHONE = "127.0.0.1"
FAR = {"udp": "442071838750", "tcp": "442171838750", "tls": "442271838750"}
"""Whom a phone calls that speaks so."""
USER, PASSWORD = "trunk-user", "tr0nk-secret"
PORTS = {transport: free_port(CARRIER) for transport in FAR}
A_GAP = 25
"""Packets of half a second. A busy machine may lose one; until the survivor came, hundreds go by."""
REFRESH = re.compile(r"CSeq: 10\d\d ACK")
"""The numbers of the survivor go on a thousand further."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    directory = tmp_path / "site"
    directory.mkdir()
    daemon = RtpengineDaemon(directory)
    settings = {
        "service.digest": ["MD5"],
        "media.engine": "rtpengine",
        "media.rtpengine": [f"udp:{daemon.host}:{daemon.ng_port}"],
        "media.rtpengine_ready": 2,
    }
    commands: list[tuple[str, ...]] = [("carrier", "set", "main", "--user", USER, "--secret", PASSWORD)]
    for transport in ("tcp", "tls"):
        commands += [
            ("carrier", "add", transport, "--gateway", f"sip:{CARRIER}:{PORTS[transport]}"),
            ("route", "add", FAR[transport][:4], "--carrier", transport),
        ]
    try:
        with running_site(directory, 2, PORTS["udp"], directory_commands=commands, settings=settings) as made:
            yield made
    finally:
        daemon.stop()


def checkpoints(site: Site) -> dict[str, bytes]:
    """What the server has of calls, by call."""
    with Redis.from_url(site.server.url.replace("valkey", "redis")) as server:
        return {
            call.decode(): text
            for key in server.scan_iter("trunkline:*:checkpoints:*")
            for call, text in dict(server.hgetall(key)).items()
        }


def records(node: Node) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.command("calls", "--limit", "20")
    return found


def lost(ear: Voice) -> int:
    """Packets that are missing in what an ear has heard."""
    numbers = [number for number, _, _ in list(ear.line)]
    return sum((after - before - 1) % 65536 for before, after in pairwise(numbers))


class Talk:
    """A call from a phone, which says 440 Hz, to a carrier, which says 1000 Hz."""

    def __init__(self, phone: Baresip, carrier: Carrier, ear: Voice) -> None:
        self.phone = phone
        self.carrier = carrier
        self.ear = ear

    def await_audio(self) -> None:
        self.ear.heard.clear()
        wait_for("the carrier to hear the phone", lambda: self.ear.hears(440), within_s=30)
        wait_for("the phone to hear the carrier", lambda: self.phone.hears(1000), within_s=30)

    def await_refresh(self) -> None:
        """Until both peers have the survivor's ACK."""
        acks = self.carrier.requests
        wait_for("the carrier's ACK", lambda: any(REFRESH.search(one.text) for one in acks("ACK")), 60, 0.1)
        wait_for("the phone's ACK", lambda: REFRESH.search(self.phone.output()), 60, 0.1)

    def hang_up(self, ends: str) -> None:
        if ends == "phone":
            self.phone.command("hangup")
            wait_for("the carrier to be hung up", lambda: self.carrier.requests("BYE"), 30)
        else:
            self.carrier.bye()
        self.phone.event("CALL_CLOSED", within_s=30)


@contextmanager
def talk(
    site: Site, voice: Speak, directory: Path, transport: str = "udp", *, challenges: bool = False
) -> Iterator[Talk]:
    """One at the first node, of which the server knows. The phone speaks `transport`."""
    node, ear = site.nodes[0], voice(1000, CARRIER)
    certificate = directory / "phone.pem"
    names = ("tls-key.pem", "tls-certificate.pem")
    certificate.write_bytes(b"".join((node.directory / name).read_bytes() for name in names))
    phone = Baresip(directory / transport, host=PHONE, frequency=440, certificate=certificate)
    called = FAR[transport]
    with carrier_at(CARRIER, PORTS[transport], ear, challenges=challenges) as carrier:
        try:
            port = node.tls_port if transport == "tls" else node.port
            phone.start(
                f"<sip:{KEY}@{DOMAIN}>;auth_user={KEY};auth_pass={SECRET};regint=0"
                f';outbound="sip:{HOST}:{port};transport={transport}";audio_codecs=PCMU'
            )
            before = checkpoints(site)
            phone.command("dial", f"sip:{called}@{DOMAIN}")
            phone.event("CALL_ESTABLISHED", within_s=30)
            audio = carrier.requests("INVITE")[0].audio
            assert audio is not None
            ear.talk_to(*audio)
            made = Talk(phone, carrier, ear)
            made.await_audio()
            wait_for("a checkpoint", lambda: checkpoints(site).keys() - before.keys(), within_s=30)
            yield made
        finally:
            phone.close()


def taken_over(node: Node, calls: int) -> None:
    wait_for("the survivor to have them", lambda: node.gauge("calls_taken_over_total") == calls, 60, 0.1)


def test_a_survivor_goes_on_with_the_calls_of_a_killed_node(site: Site, tmp_path: Path, voice: Speak) -> None:
    """One of UDP, whose carrier challenges the survivor; of TCP and TLS, whose connections are gone."""
    one, two = site.nodes
    with (
        talk(site, voice, tmp_path, "udp", challenges=True) as udp,
        talk(site, voice, tmp_path, "tcp") as tcp,
        talk(site, voice, tmp_path, "tls") as tls,
    ):
        for text in checkpoints(site).values():
            assert PASSWORD.encode() not in text
            assert b"RTP/AVP" not in text
        one.kill()
        taken_over(two, 3)
        for call in (udp, tcp, tls):
            call.await_refresh()
            call.await_audio()
            assert lost(call.ear) < A_GAP, "the rtpengine goes on, whoever asked it to"
        assert two.gauge("active_calls") == 3
        udp.hang_up("phone")
        tcp.hang_up("carrier")
        tls.hang_up("phone")
        wait_for("no dialog to be left", lambda: two.gauge("dialogs") == 0, 60, 0.1)
    rows = records(two)
    assert len(rows) == 3
    for row in rows:
        card = wait_for("the closed record", partial(two.closed, row["call_id"]))
        assert (card["state"], card["verdict"], card["node"]) == ("closed", "answered", "node-2")
        assert card["hung_up_by"] == ("callee" if card["called"] == FAR["tcp"] else "caller")
        answered, ended = (datetime.fromisoformat(card[name]) for name in ("answered_at", "ended_at"))
        assert (ended - answered).total_seconds() > 5, "longer than the lease of the node that died"
    assert two.gauge("active_calls") == 0
    wait_for("no checkpoint to be left", lambda: not checkpoints(site))


def test_a_node_that_was_only_frozen_lets_go_of_its_call(site: Site, tmp_path: Path, voice: Speak) -> None:
    one, two = site.nodes
    with talk(site, voice, tmp_path) as call:
        one.signal(signal.SIGSTOP)
        taken_over(two, 1)
        one.signal(signal.SIGCONT)
        wait_for("the first to let go", lambda: one.gauge("active_calls") == 0, 60, 0.1)
        assert one.gauge("dialogs") == 0
        call.await_refresh()
        call.await_audio()
        assert not call.carrier.requests("BYE")
        assert two.gauge("active_calls") == 1
        [row] = records(two)
        assert two.command("calls", row["call_id"])["state"] == "open"
        call.hang_up("phone")
    card = wait_for("the closed record", lambda: two.closed(row["call_id"]), within_s=30)
    assert (card["state"], card["verdict"], card["node"]) == ("closed", "answered", "node-2")
    assert len(records(one)) == 1
