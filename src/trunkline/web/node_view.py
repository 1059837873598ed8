"""What the HTTP ports ask of the node. `trunkline.node` implements it; the tests bring a node of paper."""

from collections.abc import Sequence
from typing import Protocol

from trunkline.call.quality import Quality
from trunkline.observe.message import LadderMessage
from trunkline.web.call_feed import CallFeed
from trunkline.web.views import (
    BanView,
    CallAudio,
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
)


class NodeView(Protocol):
    """A running node, seen from outside. Every method runs on the node's loop and returns at once unless it
    is async."""

    @property
    def feed(self) -> CallFeed:
        """Where the steps of calls are published."""

    def readiness(self) -> Readiness:
        """Whether new calls are taken."""

    def metrics(self) -> bytes:
        """Everything counted, in Prometheus' text format."""

    def stats(self) -> NodeStats:
        """The node at a glance."""

    def calls(self) -> list[LiveCall]:
        """Calls under way, oldest first."""

    def hang_up(self, call_id: str) -> bool:
        """End a call on an operator's word; False when there is no such call."""

    def audio(self, call_id: str) -> CallAudio | None:
        """The audio of a call under way; None when there is no such call."""

    def quality(self, call_id: str) -> Quality | None:
        """How the audio of a call under way went until now; None when there is no such call."""

    async def ladder(self, call_id: str) -> list[LadderMessage]:
        """The SIP messages of a call, live or ended, without secrets; none when unknown. Raises OSError."""

    def registrations(self) -> list[RegistrationView]:
        """Every binding that has not expired."""

    def pbx(self, account: str, hosts: Sequence[str]) -> PbxView:
        """What has been seen of the account's PBX; `hosts` are addresses that it is known to use besides."""

    async def glance(self, account: str | None, hosts: Sequence[str]) -> Glance:
        """What the first page shows: of everything, or of one account, whose PBX is known to use `hosts`
        besides."""

    async def health(self, owner: str | None = None) -> list[TargetHealth]:
        """Every endpoint and gateway that was heard of, up to `MAX_TARGETS`; or those of the number or the
        carrier `owner`."""

    async def ping(self, uri: str) -> PingAnswer:
        """Send OPTIONS to a SIP URI now. Raises `SipSyntaxError`."""

    async def trial_call(self, e164: str) -> TrialCall:
        """Call a number of ours with a phone of our own, as a carrier would. Raises `MediaError`, `NetError`,
        `DirectoryError` while another test call is under way.
        """

    def usage(self, account: str) -> Usage:
        """What an account has used of its limits; nothing, where there is no such account."""

    def bans(self) -> list[BanView]:
        """Every ban that has not ended."""

    def ban(self, source: str, reason: str, for_s: float) -> BanView:
        """Turn a source away for `for_s` seconds, a known one too. Raises `DirectoryError` for one that is
        let in unseen."""

    def lift_ban(self, source: str) -> bool:
        """Let a source in again; False when it is not banned."""

    def drain(self, timeout_s: float | None) -> None:
        """Take no new calls, and stop when the last one has ended, or after `timeout_s` (None: as
        configured)."""

    async def refresh_directory(self) -> DirectoryStats:
        """Read the directory from the database now. Raises `StoreError`."""

    def explain(self, question: Question) -> Explanation:
        """Say what would happen to a call now, the health of its targets included."""

    def media_ports(self) -> MediaPorts:
        """The use of the media port range."""
