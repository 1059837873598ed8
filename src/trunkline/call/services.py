"""What every call of a node shares. Made by `trunkline.node`, by the tests and by the simulation; holds no call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from trunkline.call.ports import MediaEngine, RecordSink
from trunkline.clock import Clock
from trunkline.sip.user_agent import UserAgent
from trunkline.trunk.directory import Directory
from trunkline.trunk.health import HealthBook
from trunkline.trunk.limits import AccountLimits
from trunkline.trunk.registrations import Registrations


class Trace(Protocol):
    """Who keeps the SIP messages of a call together (the ladder)."""

    def link(self, sip_call_id: str, call_id: str) -> None:
        """Messages with this Call-ID belong to this call, from now on and (if still held) before."""

    def close(self, call_id: str) -> None:
        """The call has ended; messages that still come belong to it for a short while."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The settings that calls read, in the units of their names. A new object replaces the old one on SIGHUP."""

    service_domain: str
    node_name: str
    ring_timeout_s: float = 60.0
    """Inbound: from the first response of an endpoint to its answer, unless the number says otherwise (BEHAVIOUR §3)."""
    gateway_silence_s: float = 5.0
    """Outbound: without any response of a gateway, before the next one is tried."""
    gateway_ring_s: float = 120.0
    trying_counts: bool = True
    timeout_status: int = 486
    longest_call_s: float = 4 * 3600.0
    max_calls: int | None = None
    """Calls at a time on this node; None is no bound."""


@dataclass(slots=True)
class Services:
    """The rooms a call works with, by the ports it knows them by."""

    clock: Clock
    token: Callable[[], str]
    agent: UserAgent
    media: MediaEngine
    records: RecordSink
    trace: Trace
    directory: Directory
    limits: AccountLimits
    health: HealthBook
    registrations: Registrations
    settings: CallSettings

    def new_call_id(self) -> str:
        """A fresh SIP Call-ID (RFC 3261 §8.1.1.4): no host in it, for the inside is nobody's business."""
        return self.token() + self.token()
