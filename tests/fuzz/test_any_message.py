"""Any message in any state: calls are under way on a virtual network, and somebody who sees every packet
sends changed copies of them to the node, from either peer's address.

Whatever comes of the calls, the node raises nothing, and once time has run out nothing is left of them: no
call, dialog, transaction or media port, every record closed. `FUZZ_SEEDS` says how many walks (40),
`FUZZ_FROM` which one is first.
"""

import os
import random
from collections.abc import Callable, Sequence

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.phone import Phone
from tests.simulation.world import (
    ACCOUNT,
    CUSTOMER,
    GATEWAY,
    World,
    answering,
    early_media,
    rejecting,
    ringing,
)
from trunkline.sip.incoming_invite import IncomingInvite

SEEDS = range(int(os.environ.get("FUZZ_FROM", "0")), int(os.environ.get("FUZZ_SEEDS", "40")))
STEPS = 80
METHODS = (
    *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "REFER"),
    *("NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH", "NONSENSE"),
)
STATUSES = (100, 180, 183, 200, 202, 302, 401, 407, 408, 422, 481, 486, 487, 488, 491, 500, 503, 600, 699)
FIELDS = (
    *(
        "Require: 100rel",
        "Require: replaces",
        "Supported: timer, 100rel",
        "Session-Expires: 90;refresher=uac",
    ),
    *("RSeq: 1", "RAck: 1 1 INVITE", "Replaces: a;to-tag=b;from-tag=c", "Refer-To: <sip:+493012345678@x>"),
    *(
        "Content-Type: application/dtmf-relay",
        "Content-Type: multipart/mixed",
        "Contact: <sip:other@10.9.9.9>",
    ),
    *(
        "Contact: *",
        "Route: <sip:10.9.9.9;lr>",
        "Record-Route: <sip:10.9.9.9;lr>",
        "Max-Forwards: 0",
        "Expires: 0",
    ),
    *("Min-SE: 90", "Event: refer", "Subscription-State: terminated", "Reason: SIP;cause=200"),
)
BODIES = (
    b"",
    b"Signal=5\r\nDuration=100\r\n",
    b"v=0\r\nnonsense",
    audio(CUSTOMER),
    audio(GATEWAY, codecs=(8,)),
    audio(CUSTOMER, direction="inactive", version=2),
    audio(GATEWAY, direction="sendonly", version=3),
    audio("0.0.0.0", version=4),
)


class Walk:
    """One seed's."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World(account=ACCOUNT, seed=seed)
        for phone in self.world.phones:
            phone.on_invite = self.behave

    def behave(self, phone: Phone, invite: IncomingInvite) -> None:
        """A callee of some kind."""
        kinds: Sequence[Callable[[Phone, IncomingInvite], None]]
        kinds = (answering, answering, answering, ringing, early_media, rejecting(486), rejecting(503))
        self.random.choice(kinds)(phone, invite)

    def go(self) -> None:
        """All its steps, and the end."""
        steps: Sequence[Callable[[], object]]
        steps = (self.call, self.forge, self.forge, self.forge, self.replay, self.wait, self.wait)
        for _ in range(STEPS):
            self.random.choice(steps)()
        self.world.network.drop = lambda packet: True
        self.world.clock.advance(15_000)
        self.world.node.assert_idle()

    def call(self) -> None:
        if len(self.world.node.switch) < 5:
            self.random.choice((self.world.outbound, self.world.inbound))()

    def wait(self) -> None:
        self.world.clock.advance(self.random.choice((0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 33.0)))

    def replay(self) -> None:
        """An old packet, as it was."""
        data = self.overheard()
        if data is not None:
            self.inject(data)

    def forge(self) -> None:
        """An old packet, changed."""
        data = self.overheard()
        for _ in range(self.random.randrange(1, 4)):
            if data is not None:
                data = self.changed(data)
        if data is not None:
            self.inject(data)

    def overheard(self) -> bytes | None:
        """What was sent to the node, or by it, one of the last hundred packets."""
        packets = self.world.network.packets[-100:]
        return self.random.choice(packets).data if packets else None

    def inject(self, data: bytes) -> None:
        """To the node, from one of the peers."""
        phone = self.random.choice(self.world.phones)
        self.world.node.agent.received(data, self.world.flow_from(phone))

    def changed(self, data: bytes) -> bytes:
        """One change."""
        chance = self.random
        head, _, body = data.partition(b"\r\n\r\n")
        first, *fields = head.split(b"\r\n")
        match chance.randrange(9):
            case 0:  # another method, in the request line and in CSeq
                method = chance.choice(METHODS).encode()
                if not first.startswith(b"SIP/2.0"):
                    first = b" ".join([method, *first.split(b" ")[1:]])
                fields = [_with_method(field, method) for field in fields]
            case 1:  # another answer
                if first.startswith(b"SIP/2.0"):
                    first = b"SIP/2.0 %d Whatever" % chance.choice(STATUSES)
            case 2:  # an answer to what was a request
                if not first.startswith(b"SIP/2.0"):
                    first = b"SIP/2.0 %d Whatever" % chance.choice(STATUSES)
            case 3:  # another place in the dialog
                step = chance.choice((-1, 1, 2, 1000))
                fields = [_with_number(field, step) for field in fields]
            case 4:  # another transaction
                branch = b"branch=z9hG4bK%d" % chance.randrange(3)
                fields = [_replaced(field, b"via", b"branch=", branch) for field in fields]
            case 5:  # another dialog
                name = chance.choice((b"from", b"to"))
                fields = [
                    _replaced(field, name, b"tag=", b"tag=%d" % chance.randrange(3)) for field in fields
                ]
            case 6:
                fields.append(chance.choice(FIELDS).encode())
            case 7:
                if len(fields) > 1:
                    fields.pop(chance.randrange(len(fields)))
            case _:
                body = chance.choice(BODIES)
                fields = [field for field in fields if not field.lower().startswith(b"content-")]
                fields += [b"Content-Type: application/sdp", b"Content-Length: %d" % len(body)]
        return b"\r\n".join([first, *fields]) + b"\r\n\r\n" + body


def _with_method(field: bytes, method: bytes) -> bytes:
    name, _, value = field.partition(b":")
    return b"CSeq: %s %s" % (value.split()[0], method) if name.lower() == b"cseq" and value.split() else field


def _with_number(field: bytes, step: int) -> bytes:
    name, _, value = field.partition(b":")
    if name.lower() != b"cseq" or not value.split()[:1] or not value.split()[0].isdigit():
        return field
    return b"CSeq: %d %s" % (max(0, int(value.split()[0]) + step), value.split()[-1])


def _replaced(field: bytes, name: bytes, parameter: bytes, by: bytes) -> bytes:
    if not field.lower().startswith(name + b":") or parameter not in field:
        return field
    before, _, after = field.partition(parameter)
    rest = after.partition(b";")
    return before + by + rest[1] + rest[2]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_raised_and_nothing_is_left(seed: int) -> None:
    Walk(seed).go()
