"""Twinkle as a customer's phone, SIPp as the carrier: signalling only.

Without a sound card, which machines that run tests lack, Twinkle sends next to no audio; so no answered call
is proven with it. What it sends as digits does come.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.scenario import Callee, Caller, sdp
from tests.interop.terminal import Terminal

pytestmark = pytest.mark.program(Program.TWINKLE)

CARRIER = "127.0.0.20"
PORT = free_port(CARRIER)
NUMBER, FAR = "12125550200", "442071838750"
_PROFILE = """\
user_name={key}
user_domain={domain}
auth_name={key}
auth_pass={secret}
outbound_proxy={host}:{port}
all_requests_to_proxy=yes
registrar={host}:{port}
register_at_startup=yes
registration_time=600
codecs=g711u,g711a
dtmf_transport=rfc2833
sip_transport=udp
"""
_SYSTEM = """\
dev_ringtone=alsa:null
dev_speaker=alsa:null
dev_mic=alsa:null
validate_audio_dev=no
sip_udp_port={port}
rtp_port={rtp_port}
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("twinkle") / "node", {"service.digest": ["MD5"]}) as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("carrier", "set", "main", "--source", CARRIER)
        node.command("route", "add", "44", "--carrier", "main")
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"sip:{KEY}@{DOMAIN}")
        yield node


@pytest.fixture(scope="module")
def phone(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    home: Path = tmp_path_factory.mktemp("twinkle") / "home"
    settings = home / ".twinkle"
    settings.mkdir(parents=True)
    profile = _PROFILE.format(key=KEY, secret=SECRET, domain=DOMAIN, host=HOST, port=node.port)
    (settings / "trunk.cfg").write_text(profile)
    (settings / "twinkle.sys").write_text(_SYSTEM.format(port=free_port(), rtp_port=free_port()))
    with closing(Terminal(home, "twinkle-console", ["trunk.cfg"])) as phone:
        phone.says("registration succeeded")
        yield phone


@pytest.mark.case(Case.REGISTER)
def test_it_registers(node: Node, phone: Terminal) -> None:
    """It is asked for MD5 alone: with SHA-256 beside that it gives up, against RFC 8760 §2.4."""
    del phone
    (row,) = node.command("registration", "list")
    assert row["account"] == KEY


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(486, "Busy Here", marks=pytest.mark.case(Case.OUT_BUSY)),
        pytest.param(603, "Decline", marks=pytest.mark.case(Case.OUT_DECLINED)),
    ],
)
def test_a_call_out_that_is_refused(
    phone: Terminal, sipp: Start, voice: Speak, status: int, reason: str
) -> None:
    callee = Callee(body=sdp(voice(1000, CARRIER)))
    callee.invited()
    callee.refuse(status, reason)
    carrier = sipp(callee, host=CARRIER, port=PORT)
    phone.command(f"call {FAR}")
    phone.says(f"{status} {reason}")
    carrier.done()


@pytest.mark.case(Case.OUT_CANCELLED)
def test_a_call_out_that_is_given_up(phone: Terminal, sipp: Start, voice: Speak) -> None:
    callee = Callee(body=sdp(voice(1000, CARRIER)))
    callee.invited()
    callee.ring()
    callee.cancelled()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    phone.command(f"call {FAR}")
    phone.says("180 Ringing")
    phone.command("bye")
    carrier.done()


def test_its_digits_come(phone: Terminal, sipp: Start, voice: Speak) -> None:
    far = voice(1000, CARRIER)
    callee = Callee(body=sdp(far))
    callee.invited()
    callee.accept()
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    phone.command(f"call {FAR}")
    far.talk_to(*carrier.remote_audio())
    phone.says("far end answered")
    phone.command("dtmf 19")
    wait_for("two keys", lambda: far.keys() == [1, 9])
    phone.command("bye")
    carrier.done()


@pytest.mark.case(Case.IN_BUSY)
def test_a_call_in_that_the_phone_rejects(node: Node, phone: Terminal, sipp: Start, voice: Speak) -> None:
    caller = Caller(NUMBER, caller=FAR, body=sdp(voice(1000, CARRIER)))
    caller.invite()
    caller.refused(486)
    phone.command("line")
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    phone.says("incoming call")
    phone.command("reject")
    carrier.done()


@pytest.mark.case(Case.IN_CANCELLED)
@pytest.mark.case(Case.NO_ANSWER)
def test_a_call_in_that_the_caller_gives_up(node: Node, phone: Terminal, sipp: Start, voice: Speak) -> None:
    caller = Caller(NUMBER, caller=FAR, body=sdp(voice(1000, CARRIER)))
    caller.invite()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel()
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    carrier.done()
    assert node.record(carrier.call_id)["verdict"] == "cancelled"
