"""What FreeSWITCH 1.10 sends as a customer's PBX, played by SIPp: there is no package of it where these run.

The gateway is the one that `trunkline pbx freeswitch` writes: REGISTER and OPTIONS of mod_sofia's gateway, an
INVITE with the dialled `00`, the number in Remote-Party-ID or P-Asserted-Identity, a wide offer, and session
timers of its own.
"""

from collections.abc import Iterator

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import Voice
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Message, Sipp
from tests.interop.sipp.scenario import Callee, Caller, Registration, Scenario, sdp

pytestmark = pytest.mark.program(Program.FREESWITCH)

PBX, CARRIER = "127.0.0.12", "127.0.0.20"
PORT, CARRIER_PORT = free_port(PBX), free_port(CARRIER)
NUMBER, REGISTERED_NUMBER, FAR = "12125550200", "12125550201", "442071838750"
ALLOW = "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY"
CONTACT = "gw+trunkline@{address}:[local_port];transport=udp;gw=trunkline"
SENDS = ("User-Agent: FreeSWITCH-mod_sofia/1.10.12-release~64bit", ALLOW, "Supported: timer, path, replaces")
TIMER = ("Session-Expires: 120;refresher=uac", "Min-SE: 120")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("freeswitch") / "node") as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{CARRIER_PORT}")
        node.command("carrier", "set", "main", "--source", CARRIER)
        node.command("route", "add", "44", "--carrier", "main")
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"{NUMBER}@{PBX}:{PORT}")
        registered = f"sip:{KEY}@{DOMAIN}"
        node.command("number", "add", REGISTERED_NUMBER, "--account", KEY, "--forward", registered)
        yield node


def wide(voice: Voice, version: int = 1, direction: str = "sendrecv") -> str:
    """FreeSWITCH's own codecs, two rates of telephone-event, and comfort noise."""
    return "\n".join(
        [
            "v=0",
            f"o=FreeSWITCH 1732700000 173270000{version} IN IP4 {voice.host}",
            "s=FreeSWITCH",
            f"c=IN IP4 {voice.host}",
            "t=0 0",
            f"m=audio {voice.port} RTP/AVP 102 9 0 8 103 101 13",
            "a=rtpmap:102 opus/48000/2",
            "a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:103 telephone-event/48000",
            "a=fmtp:103 0-15",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=rtpmap:13 CN/8000",
            "a=ptime:20",
            f"a={direction}",
        ]
    )


def _dials(voice: Voice, *headers: str) -> Caller:
    caller = Caller(
        f"00{FAR}", caller=NUMBER, headers=[*SENDS, *TIMER, *headers], body=wide(voice), contact=CONTACT
    )
    caller.invite_with_credentials()
    return caller


def _calls(node: Node, sipp: Start, scenario: Scenario, port: int | None = None) -> Sipp:
    return sipp(scenario, host=PBX, port=port, to=(HOST, node.port), user=KEY, password=SECRET)


def _hear_each_other(one: tuple[Sipp, Voice], other: tuple[Sipp, Voice]) -> None:
    for sipp, voice in (one, other):
        voice.talk_to(*sipp.remote_audio())
        voice.heard.clear()
    (_, here), (_, there) = one, other
    wait_for(
        "both to hear each other",
        lambda: here.hears(there.frequency) and there.hears(here.frequency),
        within_s=30,
    )


def _register(node: Node, sipp: Start) -> None:
    contact = f"<sip:gw+trunkline@{PBX}:{PORT};transport=udp;gw=trunkline>"
    _calls(node, sipp, Registration(KEY, [contact], 600, headers=SENDS), PORT).done()


@pytest.mark.case(Case.REGISTER)
@pytest.mark.case(Case.QUALIFY)
def test_the_gateway_registers_and_pings(node: Node, sipp: Start) -> None:
    _register(node, sipp)
    (row,) = node.command("registration", "list")
    assert row["contact"] == f"sip:gw+trunkline@{PBX}:{PORT};transport=udp;gw=trunkline"
    ping = Scenario()
    lines = [
        f"OPTIONS sip:{DOMAIN};transport=udp SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]",
        "Max-Forwards: 70",
        f"From: <sip:{KEY}@{DOMAIN}>;tag=[pid]o[call_number]",
        f"To: <sip:{DOMAIN};transport=udp>",
        "Call-ID: [call_id]",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:gw+trunkline@{PBX}:{PORT};transport=udp;gw=trunkline>",
        *SENDS,
    ]
    ping.send(lines, repeat=True)
    ping.response(200)
    _calls(node, sipp, ping).done()


@pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
@pytest.mark.case(Case.INTERNATIONAL)
@pytest.mark.case(Case.SHOWN)
@pytest.mark.case(Case.OUT_AUDIT)
@pytest.mark.case(Case.HOLD)
@pytest.mark.parametrize(
    "identity",
    [
        f'Remote-Party-ID: "Alice" <sip:{NUMBER}@{DOMAIN}>;party=calling;screen=yes;privacy=off',
        f'P-Asserted-Identity: "Alice" <sip:{NUMBER}@{DOMAIN}>',
    ],
    ids=["rpid", "pid"],
)
def test_a_call_out_with_hold_and_refresh(node: Node, sipp: Start, voice: Speak, identity: str) -> None:
    near, far = voice(440, PBX), voice(1000, CARRIER)
    callee = Callee(body=sdp(far))
    callee.invited()
    callee.ring()
    callee.accept()
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        callee.request("INVITE")
        callee.agree(sdp(far, direction=direction, version=version))
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=CARRIER_PORT)
    caller = _dials(near, identity)
    caller.answered()
    for version, direction in ((1, "sendrecv"), (2, "sendonly"), (3, "sendrecv")):  # a refresh, hold, resume
        caller.until_told()
        caller.in_dialog("INVITE", [*SENDS, *TIMER], body=wide(near, version, direction))
        caller.provisional()
        caller.response(200)
        caller.ack()
    caller.until_told()
    caller.bye()
    pbx = _calls(node, sipp, caller)
    _hear_each_other((pbx, near), (carrier, far))
    refreshed = _asks_again(pbx, 1)
    assert refreshed.header("Session-Expires") == "120;refresher=uac"
    _hear_each_other((pbx, near), (carrier, far))
    assert "a=recvonly" in _asks_again(pbx, 2).body
    assert "a=sendrecv" in _asks_again(pbx, 3).body
    _hear_each_other((pbx, near), (carrier, far))
    pbx.tell()
    pbx.done()
    carrier.done()
    invite = carrier.received("INVITE")
    assert f"sip:{NUMBER}@" in (invite.header("From") or "")
    answer = pbx.answer().body
    assert "opus" not in answer
    assert "telephone-event/8000" in answer
    assert node.record(pbx.call_id)["called"] == FAR


def _asks_again(pbx: Sipp, number: int) -> Message:
    """Let it send its re-INVITE of this number; the answer."""
    pbx.tell()

    def answers() -> list[Message]:
        found = [item for item in pbx.messages if not item.sent and item.status == 200 and item.body]
        return list({item.header("CSeq"): item for item in found}.values())[number:]

    return wait_for("the answer", answers)[0]


@pytest.mark.case(Case.RESTRICTED)
def test_a_withheld_number_out(node: Node, sipp: Start, voice: Speak) -> None:
    """`sip_cid_type=rpid` and `origination_privacy`, as its dialplans do it."""
    callee = Callee()
    callee.invited()
    callee.refuse(486, "Busy Here")
    carrier = sipp(callee, host=CARRIER, port=CARRIER_PORT)
    caller = _dials(
        voice(440, PBX),
        f'Remote-Party-ID: "Alice" <sip:{NUMBER}@{DOMAIN}>;party=calling;screen=yes;privacy=full',
    )
    caller.refused(486)
    _calls(node, sipp, caller).done()
    carrier.done()
    invite = carrier.received("INVITE")
    assert NUMBER not in (invite.header("From") or "")
    assert "id" in (invite.header("Privacy") or "")


@pytest.mark.case(Case.OUT_BUSY)
def test_a_busy_callee(node: Node, sipp: Start, voice: Speak) -> None:
    callee = Callee()
    callee.invited()
    callee.refuse(486, "Busy Here")
    carrier = sipp(callee, host=CARRIER, port=CARRIER_PORT)
    caller = _dials(voice(440, PBX))
    caller.refused(486)
    _calls(node, sipp, caller).done()
    carrier.done()


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
@pytest.mark.case(Case.SHOWN)
@pytest.mark.case(Case.DIGITS)
@pytest.mark.case(Case.RESTRICTED)
@pytest.mark.parametrize("number", [NUMBER, REGISTERED_NUMBER], ids=["by its address", "by its registration"])
@pytest.mark.parametrize("private", [False, True], ids=["shown", "withheld"])
def test_a_call_in_reaches_the_dialplan(
    node: Node, sipp: Start, voice: Speak, number: str, private: bool
) -> None:
    """`^(\\d+)$` matches the Request-URI's user, or with `auto_to_user` that of To; the ACL our address."""
    _register(node, sipp)
    near, far = voice(440, PBX), voice(1000, CARRIER)
    callee = Callee(body=wide(near))
    callee.invited()
    callee.ring()
    callee.accept([*SENDS])
    callee.hung_up()
    pbx = sipp(callee, host=PBX, port=PORT)
    headers = ("Privacy: id", f"P-Asserted-Identity: <sip:+{FAR}@carrier.test>") if private else ()
    caller = Caller(number, caller=FAR, headers=headers, body=sdp(far))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    _hear_each_other((carrier, far), (pbx, near))
    far.press("19#")
    near.press("28*")
    wait_for("the PBX to get three keys", lambda: near.keys() == [1, 9, 11])
    wait_for("the caller to get three keys", lambda: far.keys() == [2, 8, 10])
    carrier.tell()
    carrier.done()
    pbx.done()
    invite = pbx.received("INVITE")
    user = "gw+trunkline" if number == REGISTERED_NUMBER else number
    assert invite.start_line.startswith(f"INVITE sip:{user}@{PBX}:{PORT}")
    assert f"sip:{number}@" in (invite.header("To") or "")
    assert (FAR in invite.text) != private
