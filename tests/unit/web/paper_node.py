"""A node of paper: answers what a test put into it, and remembers what it was told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from trunkline.call.quality import Quality, QualityPoint
from trunkline.call.record import Direction, MediaFigures
from trunkline.errors import DirectoryError, StoreError
from trunkline.observe.message import LadderMessage
from trunkline.sip.ports import Address, Transport
from trunkline.trunk.health import HealthState
from trunkline.web.call_feed import CallFeed
from trunkline.web.views import (
    BanView,
    CallAudio,
    CallState,
    DirectoryStats,
    Explanation,
    Glance,
    LiveCall,
    MediaPorts,
    NodeStats,
    PbxView,
    PingAnswer,
    Question,
    Readiness,
    RegistrationView,
    TargetHealth,
    TrialCall,
    Usage,
    WeakTlsView,
)

CALL = LiveCall(
    call_id="c1",
    direction=Direction.OUTBOUND,
    state=CallState.ANSWERED,
    account="abcd1234",
    caller="442079460000",
    called="15550001",
    source="UDP 192.0.2.9:5060",
    setup_at=1000.0,
    answered_at=1003.5,
    target="sip:15550001@carrier.example",
    attempts=2,
    codecs=("PCMA", "PCMU"),
)
HEALTH = TargetHealth(
    uri="sip:100@pbx.example",
    number="442079460000",
    account="abcd1234",
    carrier=None,
    state=HealthState.DOWN,
    results=(True, False, False, False),
    since_at=960.0,
    last_at=990.0,
    last_failure="unreachable",
    last_detail="OPTIONS: no answer",
)
REGISTRATION = RegistrationView("abcd1234", "sip:pbx@192.0.2.9", "UDP 192.0.2.9:5060", 4600.0)
QUALITY = Quality(
    (QualityPoint(5.0, 249, 1, 1.5, 4.38), QualityPoint(10.0, 125, 125, 40.5, 1.5)),
    (QualityPoint(5.0, 250, 0, 0.5, 4.4), QualityPoint(10.0, 0, 0, 0.5, None)),
)
MESSAGES = [
    LadderMessage(
        1000.0,
        0,
        False,
        Transport.UDP,
        Address("192.0.2.1", 5060),
        Address("192.0.2.9", 5060),
        b"INVITE sip:1@h SIP/2.0\r\n\r\n\xff\x00",
    )
]


async def until_heard(feed: CallFeed) -> None:
    """Return once somebody listens to `feed`."""
    while not feed.heard:  # noqa: ASYNC110  # a listener announces itself to nobody
        await asyncio.sleep(0)


@dataclass
class PaperNode:
    """Satisfies `trunkline.web.node_view.NodeView`."""

    ready: Readiness = field(default_factory=lambda: Readiness(True))
    live: list[LiveCall] = field(default_factory=lambda: [CALL])
    registered: list[RegistrationView] = field(default_factory=lambda: [REGISTRATION])
    targets: list[TargetHealth] = field(default_factory=lambda: [HEALTH])
    banned: dict[str, str] = field(
        default_factory=lambda: {"192.0.2.66": "wrong passwords", "2001:db8::/64": "flood"}
    )
    draining: list[float | None] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    used: dict[str, Usage] = field(default_factory=dict)
    store_fails: bool = False
    feed: CallFeed = field(default_factory=CallFeed)

    def readiness(self) -> Readiness:
        return self.ready

    def metrics(self) -> bytes:
        return b"trunkline_calls_active 1.0\n"

    def stats(self) -> NodeStats:
        return NodeStats(
            "n1", "0.1.0", 900.0, bool(self.draining), len(self.live), 7, 3, len(self.banned), 4, 0.5, 1, 2
        )

    def calls(self) -> list[LiveCall]:
        return self.live

    def hang_up(self, call_id: str) -> bool:
        kept = [call for call in self.live if call.call_id != call_id]
        found = len(kept) < len(self.live)
        self.live = kept
        return found

    def audio(self, call_id: str) -> CallAudio | None:
        if all(call.call_id != call_id for call in self.live):
            return None
        return CallAudio(MediaFigures("PCMA", 100, 99, 1, 2.5, 4.25), MediaFigures("PCMU", 99, 100))

    def quality(self, call_id: str) -> Quality | None:
        return QUALITY if any(call.call_id == call_id for call in self.live) else None

    async def ladder(self, call_id: str) -> list[LadderMessage]:
        return MESSAGES if call_id == "c1" else []

    def registrations(self) -> list[RegistrationView]:
        return self.registered

    def pbx(self, account: str, hosts: Sequence[str]) -> PbxView:
        seen = tuple(one for one in self.registrations() if one.account == account)
        return PbxView(
            seen, 950.0, "UDP 192.0.2.9:5062", "", None, "", 990.0 if "192.0.2.9" in hosts else None, ""
        )

    async def glance(self, account: str | None, hosts: Sequence[str]) -> Glance:
        down = tuple(one for one in self.targets if one.state is HealthState.DOWN)
        weak = (WeakTlsView("192.0.2.9", "TLSv1", 900.0, "abcd1234"),)
        if account is None:
            bans = tuple(self.bans())
            everything = (None, self.stats(), self.media_ports(), bans)
            return Glance(len(self.live), down, weak, *everything)
        return Glance(
            sum(call.account == account for call in self.live),
            tuple(one for one in down if one.account == account),
            tuple(one for one in weak if one.account == account),
            self.usage(account),
        )

    async def health(self, owner: str | None = None) -> list[TargetHealth]:
        return [one for one in self.targets if owner in (None, one.number, one.carrier)]

    async def ping(self, uri: str) -> PingAnswer:
        return PingAnswer(200, "OK", 4.2) if "up." in uri else PingAnswer(None, "no answer", 3000.0)

    async def trial_call(self, e164: str) -> TrialCall:
        return TrialCall(True, 200, "answered", "c@phone", 3.0, "PCMA", 150, 0, 4.3, ((0.1, f"to {e164}"),))

    def usage(self, account: str) -> Usage:
        return self.used.get(account, Usage(0, 0, 0.0, 0.0))

    def bans(self) -> list[BanView]:
        return [BanView(source, reason, 2000.0) for source, reason in self.banned.items()]

    def ban(self, source: str, reason: str, for_s: float) -> BanView:
        if source.startswith("127."):
            raise DirectoryError(f"{source} is let in unseen")
        self.banned[source] = reason
        return BanView(source, reason, 1000.0 + for_s)

    def lift_ban(self, source: str) -> bool:
        return self.banned.pop(source, None) is not None

    def drain(self, timeout_s: float | None) -> None:
        self.draining.append(timeout_s)

    async def refresh_directory(self) -> DirectoryStats:
        if self.store_fails:
            raise StoreError("the database is away")
        return DirectoryStats(1, 2, 3, 4)

    def explain(self, question: Question) -> Explanation:
        self.asked.append(question)
        return Explanation(
            ("the number is unknown",), "unknown-number", 404, "No account has this number.", "Add it."
        )

    def media_ports(self) -> MediaPorts:
        return MediaPorts(10000, 20000, 4, 2, 4994)
