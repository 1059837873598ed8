"""PBXs as they come: each works, or the check says in words what to change."""

import os
import re
from collections.abc import Iterator

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import Voice
from tests.interop.conftest import Speak, Start
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.road import road
from tests.interop.sipp.scenario import Callee, Caller, Registration, sdp

PBX, CARRIER = "127.0.0.10", "127.0.0.20"
PORT = free_port(CARRIER)
FAR, NUMBER = "442071838750", "12125550100"
BEHIND_NAT = "192.168.7.20"
MEDIA_TIMEOUT_S = 6.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    settings = {"media.timeout_s": MEDIA_TIMEOUT_S}
    with running_node(tmp_path_factory.mktemp("badinput") / "node", settings) as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("carrier", "set", "main", "--source", CARRIER)
        node.command("route", "add", "44", "--carrier", "main")
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"sip:{KEY}@{DOMAIN}")
        yield node


class Trial:
    """A call from a PBX to the carrier, both with a voice."""

    def __init__(self, node: Node, sipp: Start, voice: Speak) -> None:
        self.node = node
        self._sipp = sipp
        self.near: Voice = voice(440, PBX)
        self.far: Voice = voice(1000, CARRIER)

    def callee(self) -> Callee:
        """What the carrier plays, up to the INVITE."""
        callee = Callee(body=sdp(self.far))
        callee.invited()
        return callee

    def carrier(self, scenario: Callee) -> Sipp:
        """Starts it."""
        return self._sipp(scenario, host=CARRIER, port=PORT)

    def pbx(self, scenario: Caller | Registration, to: tuple[str, int] | None = None) -> Sipp:
        """Starts what the PBX plays."""
        return self._sipp(scenario, host=PBX, to=to or (HOST, self.node.port), user=KEY, password=SECRET)

    def hear_each_other(self, pbx: Sipp, carrier: Sipp) -> None:
        """From now on."""
        for sipp, voice in ((pbx, self.near), (carrier, self.far)):
            voice.heard.clear()
            voice.talk_to(*sipp.remote_audio())
        wait_for("both to hear each other", lambda: self.near.hears(1000) and self.far.hears(440))

    def works(self, caller: Caller, to: tuple[str, int] | None = None) -> tuple[Sipp, Sipp]:
        """The caller's INVITE with credentials, both heard, BYE; the two programs afterwards."""
        callee = self.callee()
        callee.ring()
        callee.accept()
        callee.hung_up()
        carrier = self.carrier(callee)
        caller.invite_with_credentials()
        caller.answered()
        caller.until_told()
        caller.bye()
        pbx = self.pbx(caller, to)
        self.hear_each_other(pbx, carrier)
        pbx.tell()
        pbx.done()
        carrier.done()
        assert self.node.record(pbx.call_id)["verdict"] == "answered"
        return pbx, carrier


@pytest.fixture
def trial(node: Node, sipp: Start, voice: Speak) -> Trial:
    return Trial(node, sipp, voice)


def test_credentials_for_another_realm_are_named(node: Node, trial: Trial) -> None:
    """The account is a new one: a PBX that has come in is known by that."""
    key = "wrong-realm"
    node.command("account", "add", "--key", key, "--secret", SECRET)
    digest = (
        f'Proxy-Authorization: Digest username="{key}", realm="asterisk", nonce="x", uri="sip:{DOMAIN}", '
        f'response="{"0" * 32}"'
    )
    caller = Caller(FAR, headers=[digest], body=sdp(trial.near))
    caller.invite()
    caller.challenged()
    trial.pbx(caller).done()
    found = node.findings(key)["Password"]
    assert found["state"] == "bad"
    assert "'asterisk'" in found["said"]
    assert "service domain" in found["remedy"]


def test_private_addresses_behind_nat_work_and_are_named(node: Node, trial: Trial) -> None:
    body = sdp(trial.near).replace(f"IP4 {PBX}", f"IP4 {BEHIND_NAT}")
    trial.works(Caller(FAR, caller=NUMBER, body=body, address=BEHIND_NAT))
    trial.pbx(Registration(KEY, [f"<sip:{KEY}@{BEHIND_NAT}:5060>"], 600)).done()
    found = node.findings(KEY)["NAT"]
    assert found["state"] == "warn"
    assert BEHIND_NAT in found["said"]
    assert PBX in found["said"]


def test_a_hold_by_the_address_of_nowhere(trial: Trial) -> None:
    """RFC 3264 §8.4: 0.0.0.0 is how RFC 2543 held, and sendonly says the same."""
    callee = trial.callee()
    callee.accept()
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        callee.request("INVITE")
        callee.agree(sdp(trial.far, direction=direction, version=version))
    callee.hung_up()
    carrier = trial.carrier(callee)
    caller = Caller(FAR, caller=NUMBER, body=sdp(trial.near))
    caller.invite_with_credentials()
    caller.answered()
    nowhere = sdp(trial.near, direction="sendonly", version=2).replace(f"c=IN IP4 {PBX}", "c=IN IP4 0.0.0.0")
    for body in (nowhere, sdp(trial.near, version=3)):
        caller.until_told()
        caller.in_dialog("INVITE", body=body)
        caller.provisional()
        caller.response(200)
        caller.ack()
    caller.until_told()
    caller.bye()
    pbx = trial.pbx(caller)
    trial.hear_each_other(pbx, carrier)
    pbx.tell()
    wait_for("the hold", lambda: re.search("a=(sendonly|inactive)", carrier.received("INVITE").body))
    wait_for("silence at the PBX", trial.near.hears_nothing)
    pbx.tell()
    wait_for("the resumption", lambda: "a=sendrecv" in carrier.received("INVITE").body)
    trial.hear_each_other(pbx, carrier)
    pbx.tell()
    pbx.done()
    carrier.done()


def test_another_host_in_from(trial: Trial) -> None:
    """The number counts, wherever the PBX says that it is from."""
    caller = Caller(FAR, caller=NUMBER, body=sdp(trial.near), from_host=BEHIND_NAT)
    _, carrier = trial.works(caller)
    assert f"sip:{NUMBER}@{DOMAIN}" in (carrier.received("INVITE").header("From") or "")


def test_g711_only(trial: Trial) -> None:
    caller = Caller(FAR, caller=NUMBER, body=sdp(trial.near, formats="0 101"))
    trial.works(caller)
    assert "Answered, with PCMU" in trial.node.findings(KEY)["Call out"]["said"]


def test_annex_b_is_answered_without(trial: Trial) -> None:
    """RFC 4856 §2.1.9: what doesn't say annexb=no has it on; the answer says no."""
    offer = sdp(trial.near, formats="18 0 101").replace(
        "a=ptime", "a=rtpmap:18 G729/8000\na=fmtp:18 annexb=yes\na=ptime"
    )
    callee = trial.callee()
    callee.accept()
    callee.hung_up()
    carrier = trial.carrier(callee)
    caller = Caller(FAR, caller=NUMBER, body=offer)
    caller.invite_with_credentials()
    caller.answered()
    caller.bye()
    pbx = trial.pbx(caller)
    pbx.done()
    carrier.done()
    for body in (pbx.answer().body, carrier.received("INVITE").body):
        assert "annexb=yes" not in body
        assert "G729" not in body or "a=fmtp:18 annexb=no" in body


def test_a_pbx_that_is_silent_for_a_while(trial: Trial) -> None:
    """A third of the media time-out: 20 s of the default. The far end goes on talking."""
    callee = trial.callee()
    callee.accept()
    callee.hung_up()
    carrier = trial.carrier(callee)
    caller = Caller(FAR, caller=NUMBER, body=sdp(trial.near))
    caller.invite_with_credentials()
    caller.answered()
    caller.until_told()
    caller.bye()
    pbx = trial.pbx(caller)
    trial.hear_each_other(pbx, carrier)
    trial.near.hush()
    heard = len(trial.near.heard)
    wait_for("a third of the time-out", lambda: len(trial.near.heard) > heard + MEDIA_TIMEOUT_S / 3 * 50)
    trial.hear_each_other(pbx, carrier)
    pbx.tell()
    pbx.done()
    carrier.done()


def test_a_pbx_that_never_sends_audio_is_told(trial: Trial) -> None:
    callee = trial.callee()
    callee.accept()
    callee.hung_up()
    carrier = trial.carrier(callee)
    caller = Caller(FAR, caller=NUMBER, body=sdp(trial.near))
    caller.invite_with_credentials()
    caller.answered()
    caller.until_told()
    caller.bye()
    pbx = trial.pbx(caller)
    trial.far.talk_to(*carrier.remote_audio())
    wait_for("the PBX to hear the carrier", lambda: trial.near.hears(1000))
    pbx.tell()
    pbx.done()
    carrier.done()
    trial.node.record(pbx.call_id)
    found = trial.node.findings(KEY)["Audio"]
    assert found["state"] == "bad"
    assert "no audio came from the PBX" in found["said"]
    assert "firewall" in found["remedy"]


def test_a_clock_ten_minutes_off(trial: Trial) -> None:
    """Nonces are of our time alone, and nothing reads Date (RFC 3261 §20.17)."""
    late = "Date: Sat, 01 Jan 2000 00:10:00 GMT"
    trial.pbx(Registration(KEY, [f"<sip:{KEY}@{PBX}:5060>"], 600, headers=[late])).done()
    trial.works(Caller(FAR, caller=NUMBER, headers=[late], body=sdp(trial.near)))


def test_everything_comes_twice(trial: Trial) -> None:
    """RFC 3261 §17.2: the second is answered as the first was, and nobody is called twice."""
    with road(PBX, (HOST, trial.node.port)) as way:
        pbx, carrier = trial.works(Caller(FAR, caller=NUMBER, body=sdp(trial.near)), way.address)
    assert way.carried >= 5
    assert len(carrier.requests("INVITE")) == 1
    assert trial.node.record(pbx.call_id)["attempts"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="fragments are made by hand, as root")
def test_fragments(trial: Trial) -> None:
    """An INVITE of more than 1500 octets, as PBXs with many codecs and headers send over UDP."""
    headers = [f"X-Filler-{number}: {'x' * 200}" for number in range(6)]
    with road(PBX, (HOST, trial.node.port), fragments=True) as way:
        pbx, _ = trial.works(Caller(FAR, caller=NUMBER, headers=headers, body=sdp(trial.near)), way.address)
    assert max(len(item.text) for item in pbx.messages if item.sent) > 1500
