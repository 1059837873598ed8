"""Two calls that last longer than their session interval (RFC 4028), one out and one in, while other tests
make theirs: SIPp knows nothing of session timers, so whatever refreshes them is the PBX's and the trunk's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.addresses import wait_for
from tests.interop.asterisk.own_files import SECOND
from tests.interop.asterisk.program import Asterisk
from tests.interop.asterisk.stage import FAR_HZ, NEAR_HZ, Party, hear_each_other
from tests.interop.asterisk.trunk import CARRIER, CARRIERS, FAR, LONG_NUMBER, PHONES, SECOND_HOST, number_of
from tests.interop.conftest import Speak, Start, sipps, voices
from tests.interop.node import HOST, Node
from tests.interop.sipp.scenario import Callee, Caller, sdp

LIFE_S = 150


@dataclass(frozen=True)
class LongCall:
    """One of the two: `caller` hangs up when told, once the carrier's side has been refreshed."""

    caller: Party
    callee: Party
    carrier: Party
    """Which of them stands behind the carrier."""
    call_id: str
    """Of the record."""

    def refreshed(self) -> bool:
        """Whether the carrier's side was asked again, and agreed."""
        messages = self.carrier.sipp.messages
        acknowledged = {(one.sent, one.header("CSeq")) for one in messages if one.text.startswith("ACK ")}
        return len(acknowledged) == 2


@contextmanager
def long_calls(node: Node, pbx: Asterisk, directory: Path) -> Iterator[dict[str, LongCall]]:
    """`outbound` and `inbound`, answered and heard."""
    with sipps(directory) as sipp, voices() as voice:
        yield {"outbound": _out(node, pbx, sipp, voice), "inbound": _in(node, sipp, voice)}


def _out(node: Node, pbx: Asterisk, sipp: Start, voice: Speak) -> LongCall:
    host, port = CARRIERS["49"]
    there, here = voice(FAR_HZ, host), voice(NEAR_HZ, SECOND_HOST)
    callee = Callee(body=sdp(there))
    callee.invited()
    callee.accept()
    callee.request("INVITE")
    callee.agree(sdp(there))
    callee.hung_up()
    carrier = Party(there, sipp(callee, host=host, port=port, within_s=LIFE_S))
    caller = Caller(f"+{LONG_NUMBER}", caller="101", domain=HOST, body=sdp(here))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    to = (HOST, pbx.port)
    phone = Party(here, sipp(caller, host=SECOND_HOST, to=to, within_s=LIFE_S))
    return _begun(node, LONG_NUMBER, phone, carrier, carrier)


def _in(node: Node, sipp: Start, voice: Speak) -> LongCall:
    host, port = PHONES[1]
    there, here = voice(NEAR_HZ, host), voice(FAR_HZ, CARRIER)
    callee = Callee(body=sdp(there))
    callee.invited()
    callee.accept()
    callee.hung_up()
    phone = Party(there, sipp(callee, host=host, port=port, within_s=LIFE_S))
    caller = Caller(number_of(SECOND), caller=FAR, body=sdp(here))
    caller.invite()
    caller.answered()
    caller.request("INVITE")
    caller.agree(sdp(here))
    caller.until_told()
    caller.bye()
    to = (HOST, node.port)
    carrier = Party(here, sipp(caller, host=CARRIER, to=to, within_s=LIFE_S))
    return _begun(node, number_of(SECOND), carrier, phone, carrier)


def _begun(node: Node, called: str, caller: Party, callee: Party, carrier: Party) -> LongCall:
    hear_each_other(caller, callee)
    call_id = wait_for("its record", lambda: _up(node, called))
    return LongCall(caller, callee, carrier, call_id)


def _up(node: Node, called: str) -> str | None:
    """The call to this number that is up, once there is a record of it."""
    calls = (row for row in node.command("calls") if row["called"] == called and row["verdict"] == "open")
    return next((str(row["call_id"]) for row in calls), None)
