"""What every call of a node shares. Made by `trunkline.node`, by the tests and by the simulation; holds no
call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from trunkline.call.ports import CallLimits, MediaEngine, RecordSink, Tone
from trunkline.call.record import CallRecord
from trunkline.clock import Clock
from trunkline.sip.user_agent import UserAgent
from trunkline.trunk.directory import Directory
from trunkline.trunk.fraud import FraudWatch
from trunkline.trunk.gateway_addresses import NONE_BARRED, Places
from trunkline.trunk.health import HealthBook
from trunkline.trunk.registrations import Registrations
from trunkline.trunk.routes import Pick

EUROPEAN_RINGBACK = Tone((425.0,), -13.0, (1000, 4000))
"""ETSI TR 101 041-2, as most of Europe rings."""


class Trace(Protocol):
    """Who keeps the SIP messages of a call together (the ladder)."""

    def link(self, sip_call_id: str, call_id: str) -> None:
        """Messages with this Call-ID belong to this call from now on, earlier ones if they belong to none."""

    def close(self, call_id: str) -> None:
        """The call has ended; messages that still come belong to it for a short while."""

    def drop(self, call_id: str) -> None:
        """What was kept of the call is not wanted."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The settings that calls read, in the units of their names. A new object replaces the old one on
    SIGHUP.
    """

    service_domain: str
    node_name: str
    endpoint_silence_ms: int = 5000
    """Inbound: without a response that counts, before the next endpoint is tried; for entries without
    `;timeout=`.
    """
    endpoint_ring_s: float = 60.0
    """Inbound: from the first such response to the answer; for numbers without a setting of their own."""
    gateway_silence_ms: int = 5000
    """Outbound: the same for gateways of carriers without a setting of their own."""
    gateway_progress_s: float = 20.0
    """Outbound: with nothing but a 100 Trying, before the next gateway is tried."""
    gateway_ring_s: float = 120.0
    trying_counts: bool = True
    timeout_status: int = 486
    longest_call_s: float = 4 * 3600.0
    max_calls: int | None = None
    """Calls at a time on this node; None is no bound."""
    max_inbound: int | None = None
    """Calls at a time to the numbers of one account on this node; None is no bound."""
    ringback: Tone = EUROPEAN_RINGBACK
    """What callers of accounts with `Ringback.TONE` hear of a far end that rings without a sound of its
    own.
    """
    announcements: Mapping[str, str] = field(default_factory=dict)
    """Error id (`str` of a `Slug`) -> WAV file that a refused caller of an account with announcements
    hears.
    """
    guarded_prefixes: tuple[str, ...] = ()
    """E.164 prefixes that an account may only call when it is allowed them by name."""
    srtp_needs_tls: bool = False
    """SRTP is neither offered nor taken where its keys would travel readable."""
    to_gateways: bool = False
    """Inbound: whether endpoints may be at carriers' gateways."""


def _nobody(what: object) -> None:
    """Who is told where nobody wants to be."""


@dataclass(slots=True)
class Services:
    """The rooms a call works with, by the ports it knows them by."""

    agent: UserAgent = field(init=False)
    """Set once it exists: it is made with the `Switch` that is made with this."""
    clock: Clock
    token: Callable[[], str]
    """16 or more fresh random hexadecimal digits at each call."""
    key: Callable[[], bytes]
    """30 fresh random octets at each call: master key and salt for SRTP (RFC 4568 §6.1)."""
    pick: Pick
    media: MediaEngine
    records: RecordSink
    trace: Trace
    directory: Directory
    limits: CallLimits
    fraud: FraudWatch
    health: HealthBook
    registrations: Registrations
    settings: CallSettings
    gateways: Places = NONE_BARRED
    """Where the carriers' gateways listen, as `gateway_finder` keeps it."""
    keys_exposed: Callable[[str], None] = _nobody
    """Told the address of a peer whose SRTP keys travelled over something else than TLS."""
    agreed: Callable[[str], None] = _nobody
    """Told the id of an answered call in which something new was agreed on."""
    passed_over: Callable[[CallRecord], None] = _nobody
    """Told of a refused call that leaves no record, for there are too many (`refused_calls`)."""

    @property
    def barred(self) -> Places:
        """Where no endpoint is called (`trunk.gateway_addresses`)."""
        return NONE_BARRED if self.settings.to_gateways else self.gateways

    def new_call_id(self) -> str:
        """An id for a call record: 27 hexadecimal digits that sort by the time they were made (to a
        millisecond), which is what keeps an index of them cheap to write.
        """
        return f"{int(self.clock.wall() * 1000):011x}{self.token()}"

    def new_session_id(self) -> int:
        """A session id for an `o=` line: 62 bits (RFC 3264 §5)."""
        return int(self.token()[:16], 16) & (2**62 - 1)
