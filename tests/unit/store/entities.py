"""Accounts, numbers, carriers, routes and records with every field set to something that is not its
default.
"""

import random
import struct

from trunkline.call.quality import Courses, LegCourse
from trunkline.call.record import AttemptRecord, CallRecord, Direction, MediaFigures, Party, RecordState
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import Account, AccountStatus, CallerIdPolicy, Ringback
from trunkline.trunk.carrier import (
    Carrier,
    CarrierCredentials,
    Gateway,
    GatewayTransport,
    Rewrite,
    parse_network,
)
from trunkline.trunk.forwarding import Endpoint, ForwardingList, MediaProtection
from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.trunk.verdict import Slug, Verdict

ACCOUNT = Account(
    key="acme",
    name="Acme Ltd",
    status=AccountStatus.BLOCKED,
    caller_id_policy=CallerIdPolicy.REPLACE,
    caller_id_number="441632960000",
    max_concurrent=0,
    max_inbound=12,
    max_per_second=3,
    minutes_per_day=600,
    allowed_prefixes=("44", "1"),
    denied_prefixes=("4470",),
    codecs=("G729", "PCMA"),
    transcoding=False,
    srtp=SrtpPolicy.REQUIRED,
    dtmf=DtmfMode.INFO,
    refer_enabled=True,
    ringback=Ringback.AT_ONCE,
    announcements=True,
)

FORWARDING = ForwardingList(
    endpoints=(
        Endpoint(SipUri.parse("sips:14155550100@pbx.example.com:5071"), 2500, MediaProtection.SRTP, "sips:…"),
        Endpoint(SipUri.parse("sip:1@[2001:db8::1];transport=tcp"), None, MediaProtection.RTP, "1@…"),
    ),
    warnings=("unknown parameter x",),
    text="sips:… , 1@…",
)
NUMBER = Number("441632960001", "acme", FORWARDING, 20.5)

CARRIER = Carrier(
    name="upstream",
    gateways=(
        Gateway(SipUri.parse("sip:gw1.example.org"), 0, 3),
        Gateway(SipUri.parse("sip:192.0.2.1:5080"), 1, 0),
    ),
    enabled=False,
    called_rules=(Rewrite("44", 2, "0"), Rewrite("", 0, "+")),
    caller_rules=(Rewrite("1", 1, ""),),
    inbound_called_rules=(Rewrite("0", 1, "44"),),
    inbound_caller_rules=(Rewrite("00", 2, ""),),
    credentials=CarrierCredentials("user", "carrier-s3cret", "realm"),
    register=True,
    codecs=("PCMU",),
    transcoding=False,
    srtp=SrtpPolicy.FORBIDDEN,
    dtmf=DtmfMode.INBAND,
    transport=GatewayTransport.TLS,
    verify_tls=True,
    sources=(parse_network("192.0.2.0/24"), parse_network("2001:db8::/32")),
    inbound_account="acme",
    pings=False,
    ping_interval_s=15.0,
    response_timeout_ms=900,
    ring_timeout_s=90.0,
    from_host="example.org",
    trusted=True,
)

ROUTE = Route("44", (RouteCarrier("upstream", 1, 5),))


def call_record(call_id: str = "c1", *, setup_at: float = 1000.5, account: str = "acme") -> CallRecord:
    """An outbound call as it opens."""
    return CallRecord(
        call_id=call_id,
        node="n1",
        direction=Direction.OUTBOUND,
        account=account,
        number="441632960001",
        dialled="0014155550100",
        called="14155550100",
        caller="441632960001",
        sip_call_id=f"{call_id}@pbx",
        source="UDP 198.51.100.1:5060",
        setup_at=setup_at,
    )


def random_text(length: int) -> str:
    """Text that nothing makes shorter, the same each time, as a peer may send it: of four bytes a letter."""
    return "".join(map(chr, random.Random(length).choices(range(0x10000, 0x20000), k=length)))


class HeardLeg:
    """A media leg whose peer was heard: 250 packets in five seconds, and then what is `left`."""

    def __init__(self, left: int = 2750) -> None:
        self.left = left

    def follow(self) -> None:
        """It was."""

    def course(self) -> LegCourse:
        return LegCourse(5, 2.5, struct.pack("<8H", 250, 0, 10, 400, self.left, 0, 10, 400))


def heard_courses(caller: HeardLeg | None = None) -> Courses:
    """Of a call whose caller's leg is this, or one like the callee's."""
    courses = Courses()
    courses.follow(0.0, caller or HeardLeg(), HeardLeg())
    return courses


def ended_call(call_id: str = "c1", *, setup_at: float = 1000.5, account: str = "acme") -> CallRecord:
    """An answered call that is over, every field set."""
    record = call_record(call_id, setup_at=setup_at, account=account)
    record.ringing_at = setup_at + 1
    record.answered_at = setup_at + 2
    record.ended_at = setup_at + 62.25
    record.state = RecordState.CLOSED
    record.carrier = "upstream"
    record.attempts = 2
    record.hung_up_by = Party.CALLEE
    record.verdict = Verdict.of(Slug.ANSWERED, detail="fine", retry_after_s=3)
    record.caller_media = MediaFigures("PCMA", 3000, 2999, 1, 1.5, 4.4)
    record.callee_media = MediaFigures("G729", 2999, 3000, 0, 0.5, None)
    return record


def attempt_record(call_id: str = "c1", position: int = 1) -> AttemptRecord:
    """An attempt as it opens."""
    return AttemptRecord(
        attempt_id=f"{call_id}-{position}",
        call_id=call_id,
        position=position,
        target="sip:14155550100@gw1.example.org",
        carrier="upstream",
        started_at=1000.6,
        sip_call_id=f"{call_id}-leg-{position}",
    )


def ended_attempt(call_id: str = "c1", position: int = 1) -> AttemptRecord:
    """An attempt that is over, every field set."""
    record = attempt_record(call_id, position)
    record.resolved = "UDP 192.0.2.1:5080"
    record.ringing_at = 1001.5
    record.answered_at = 1002.5
    record.ended_at = 1062.75
    record.verdict = Verdict.of(Slug.SERVER_FAILURE, status=503, detail="busy")
    return record
