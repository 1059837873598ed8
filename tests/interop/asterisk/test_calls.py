"""A customer's Asterisk with the configuration that the service writes: how calls begin and end."""

import socket

import pytest

from tests.interop.asterisk.own_files import PHONE, WITHHELD, WITHHELD_BY_NAME
from tests.interop.asterisk.program import Asterisk
from tests.interop.asterisk.stage import Stage, ended, fields, hear_each_other
from tests.interop.asterisk.trunk import FAR, NUMBER
from tests.interop.cases import Case
from tests.interop.node import DOMAIN, HOST, KEY, Node


@pytest.mark.case(Case.REGISTER)
@pytest.mark.case(Case.QUALIFY)
def test_it_registers_and_qualifies(node: Node, pbx: Asterisk) -> None:
    contacts = [one["contact"] for one in node.command("registration", "list") if one["account"] == KEY]
    assert f"sip:{KEY}@{HOST}:{pbx.port}" in [contact.partition(";line=")[0] for contact in contacts]
    pbx.qualified()


@pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
@pytest.mark.case(Case.INTERNATIONAL)
@pytest.mark.case(Case.SHOWN)
@pytest.mark.parametrize("prefix", ["00", "+"])
def test_a_call_out_that_the_caller_ends(stage: Stage, prefix: str) -> None:
    phone, carrier = stage.call_out(f"{prefix}{FAR}")
    phone.sipp.tell()
    ended(phone, carrier)
    invite = carrier.sipp.received("INVITE")
    assert invite.start_line.startswith(f"INVITE sip:{FAR}@")
    assert f"sip:{NUMBER}@" in (invite.header("From") or "")


@pytest.mark.case(Case.OUT_ENDED_BY_CALLEE)
def test_a_call_out_that_the_callee_ends(stage: Stage) -> None:
    callee = stage.callee(stage.far)
    callee.accept()
    callee.until_told()
    callee.bye()
    carrier = stage.at_carrier(callee)
    caller = stage.dials(f"00{FAR}")
    caller.answered()
    caller.hung_up()
    phone = stage.from_phone(caller)
    hear_each_other(phone, carrier)
    carrier.sipp.tell()
    ended(carrier, phone)


@pytest.mark.case(Case.OUT_CANCELLED)
def test_a_call_out_that_the_caller_gives_up(stage: Stage) -> None:
    callee = stage.callee(stage.far)
    callee.ring()
    callee.cancelled()
    carrier = stage.at_carrier(callee)
    caller = stage.dials(f"00{FAR}")
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel(in_order=not stage.pbx.pbx.chan_sip)
    ended(stage.from_phone(caller), carrier)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(486, "Busy Here", marks=pytest.mark.case(Case.OUT_BUSY)),
        pytest.param(603, "Decline", marks=pytest.mark.case(Case.OUT_DECLINED)),
    ],
)
def test_a_call_out_that_is_refused(stage: Stage, status: int, reason: str) -> None:
    """The phone hears whatever its own PBX makes of that."""
    callee = stage.callee(stage.far)
    callee.refuse(status, reason)
    carrier = stage.at_carrier(callee)
    caller = stage.dials(f"00{FAR}")
    caller.provisional()
    for possible in (486, 503, 480, 403):
        caller.response(possible, jump=True)
    caller.response(603)
    caller.land()
    caller.ack_refusal()
    ended(carrier, stage.from_phone(caller))
    output = stage.pbx.output()
    assert str(status) in output or reason.split()[0].upper() in output.upper()


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
@pytest.mark.case(Case.SHOWN)
def test_a_call_in_that_the_caller_ends(stage: Stage) -> None:
    carrier, phone = stage.call_in()
    carrier.sipp.tell()
    ended(carrier, phone)
    assert f"sip:{FAR}@" in (phone.sipp.received("INVITE").header("From") or "")
    record = stage.node.record(carrier.sipp.call_id)
    assert (record["verdict"], record["hung_up_by"]) == ("answered", "caller")
    assert record["attempt_records"][0]["resolved"] == f"UDP {HOST}:{stage.pbx.port}"


@pytest.mark.case(Case.IN_ENDED_BY_CALLEE)
def test_a_call_in_that_the_callee_ends(stage: Stage) -> None:
    callee = stage.callee(stage.near)
    callee.accept()
    callee.until_told()
    callee.bye()
    phone = stage.at_phone(callee)
    caller = stage.calls()
    caller.answered()
    caller.hung_up()
    carrier = stage.from_carrier(caller)
    hear_each_other(carrier, phone)
    phone.sipp.tell()
    ended(phone, carrier)
    assert stage.node.record(carrier.sipp.call_id)["hung_up_by"] == "callee"


@pytest.mark.case(Case.IN_CANCELLED)
@pytest.mark.case(Case.NO_ANSWER)
def test_a_call_in_that_nobody_answers(stage: Stage) -> None:
    callee = stage.callee(stage.near)
    callee.ring()
    callee.cancelled()
    phone = stage.at_phone(callee)
    caller = stage.calls()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel()
    carrier = stage.from_carrier(caller)
    ended(carrier, phone)
    assert stage.node.record(carrier.sipp.call_id)["verdict"] == "cancelled"


@pytest.mark.parametrize(
    ("status", "reason", "verdicts"),
    [
        pytest.param(486, "Busy Here", ("busy",), marks=pytest.mark.case(Case.IN_BUSY)),
        pytest.param(603, "Decline", ("declined", "refused"), marks=pytest.mark.case(Case.IN_DECLINED)),
    ],
)
def test_a_call_in_that_is_refused(stage: Stage, status: int, reason: str, verdicts: tuple[str, ...]) -> None:
    callee = stage.callee(stage.near)
    callee.refuse(status, reason)
    phone = stage.at_phone(callee)
    caller = stage.calls()
    caller.provisional()
    caller.response(403, jump=True)
    caller.response(486, jump=True)
    caller.response(603)
    caller.land()
    caller.ack_refusal()
    carrier = stage.from_carrier(caller)
    ended(carrier, phone)
    assert stage.node.record(carrier.sipp.call_id)["verdict"] in verdicts


@pytest.mark.case(Case.RESTRICTED)
def test_a_caller_out_there_withholds_the_number(stage: Stage) -> None:
    callee = stage.callee(stage.near)
    callee.refuse(486, "Busy Here")
    phone = stage.at_phone(callee)
    caller = stage.calls(headers=("Privacy: id", f"P-Asserted-Identity: <sip:+{FAR}@carrier.test>"))
    caller.refused(486)
    ended(stage.from_carrier(caller), phone)
    assert FAR not in phone.sipp.received("INVITE").text


@pytest.mark.case(Case.RESTRICTED)
@pytest.mark.parametrize("prefix", [WITHHELD, WITHHELD_BY_NAME], ids=["as written", "by name"])
def test_the_phone_withholds_its_number(stage: Stage, prefix: str) -> None:
    callee = stage.callee(stage.far)
    callee.refuse(486, "Busy Here")
    carrier = stage.at_carrier(callee)
    caller = stage.dials(f"{prefix}00{FAR}")
    caller.refused(486)
    ended(stage.from_phone(caller), carrier)
    invite = carrier.sipp.received("INVITE")
    assert NUMBER not in (invite.header("From") or ""), fields(
        invite, "From", "Privacy", "P-Asserted-Identity"
    )
    assert "id" in (invite.header("Privacy") or "")


@pytest.mark.case(Case.DIGITS)
def test_digits_both_ways(stage: Stage) -> None:
    carrier, phone = stage.call_in()
    stage.digits_both_ways()
    carrier.sipp.tell()
    ended(carrier, phone)


@pytest.mark.parametrize("name", ["trunkline", "trunkline-in-1", "trunkline-in-01", KEY])
def test_a_stranger_is_not_the_trunk_by_his_name_in_from(pbx: Asterisk, name: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.14", 0))
        stranger.settimeout(5)
        here = f"127.0.0.14:{stranger.getsockname()[1]}"
        head = (
            f"INVITE sip:{PHONE}@{HOST}:{pbx.port} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK-{name}",
            "Max-Forwards: 70",
            f"From: <sip:{name}@{DOMAIN}>;tag=1",
            f"To: <sip:{PHONE}@{HOST}>",
            f"Call-ID: {name}",
            "CSeq: 1 INVITE",
            f"Contact: <sip:{name}@{here}>",
            "Content-Length: 0",
        )
        stranger.sendto("\r\n".join((*head, "", "")).encode(), (HOST, pbx.port))
        assert stranger.recv(4096).startswith(b"SIP/2.0 401 ")
