"""What the running node knows."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from trunkline.call.record import Direction
from trunkline.web.api.models.base import PRINTABLE, Body, Key, Real
from trunkline.web.api.models.number import HealthShared
from trunkline.web.banning import MAX_REASON, MAX_S, USUAL_S

Dialled = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=PRINTABLE)]


class RegistrationView(Body):
    """A device that is registered now."""

    account: str = Field(examples=["trunk1"])
    contact: str = Field(examples=["sip:trunk1@198.51.100.1:5060"])
    source: str = Field(examples=["UDP 198.51.100.1:5060"])
    expires_at: datetime


class RegistrationList(Body):
    """All registrations, by account."""

    items: list[RegistrationView]


class BanView(Body):
    """A source that is turned away unread."""

    source: str = Field(examples=["192.0.2.66"])
    reason: str = Field(examples=["wrong passwords"])
    ends_at: datetime


class Banning(Body):
    """Who is to be turned away, why, and for how long."""

    source: Annotated[str, StringConstraints(min_length=2, max_length=64, pattern=PRINTABLE)] = Field(
        description="An IP address; of IPv6 its whole /64 is meant.", examples=["192.0.2.66"]
    )
    reason: Annotated[str, StringConstraints(min_length=1, max_length=MAX_REASON, pattern=PRINTABLE)] = Field(
        description="For whoever reads the list.", examples=["calls to +882"]
    )
    for_s: Real = Field(USUAL_S, gt=0, le=MAX_S, description="Seconds from now on.", examples=[86400])


class BanList(Body):
    """All bans."""

    items: list[BanView]


class HealthView(HealthShared):
    """How an endpoint of a number, or a gateway of a carrier, has answered lately."""

    number: str | None = Field(description="null: it is a gateway.", examples=["442079460123"])
    account: str | None = Field(examples=["trunk1"])
    carrier: str | None = Field(description="null: it is an endpoint.")


class HealthList(Body):
    """Every endpoint and gateway that something was heard of."""

    items: list[HealthView]


class MediaPortsView(Body):
    """Port pairs of the media range."""

    first: int = Field(examples=[10000])
    last: int = Field(examples=[20000])
    in_use: int = Field(examples=[4])
    draining: int = Field(description="Closed a moment ago, not given out yet.", examples=[2])
    free: int = Field(examples=[4994])


class StatsView(Body):
    """A node at a glance."""

    node: str = Field(examples=["sip-eu1"])
    version: str = Field(examples=["0.1.0"])
    started_at: datetime
    draining: bool
    calls: int = Field(description="Under way, ringing ones included.", examples=[12])
    calls_total: int = Field(description="Since the start.", examples=[48210])
    registrations: int = Field(examples=[3])
    bans: int = Field(examples=[1])
    media_ports_in_use: int = Field(examples=[24])
    media_instances: tuple[str, ...] = Field(description="The rtpengines; none with the built-in engine.")
    live: str = Field(
        description="How the state is that the nodes share, in a sentence; empty where they share none.",
        examples=["The live state is shared by 3 nodes."],
    )
    live_degraded: bool = Field(description="Limits of accounts are held by this node's share.")
    loop_lag_ms: float = Field(examples=[0.4])
    client_transactions: int = Field(examples=[3])
    server_transactions: int = Field(examples=[9])
    problems: tuple[str, ...] = Field(
        description="What is wrong with it among the other nodes, in sentences.", examples=[[]]
    )


class NodeView(StatsView):
    """A node at a glance, and its media ports."""

    media_ports: MediaPortsView


class Draining(Body):
    """How to stop."""

    timeout_s: Annotated[Real | None, Field(ge=0, le=86400)] = Field(
        None, description="Seconds after which calls are hung up. null: as configured.", examples=[600.0]
    )


class QuestionBody(Body):
    """A call that nobody places."""

    direction: Direction
    called: Dialled = Field(
        description="As it would be dialled (outbound) or as the carrier would send it (inbound).",
        examples=["+442079460123"],
    )
    account: Key | None = Field(
        None, description="Who would place it (outbound). Default: the own account.", examples=["trunk1"]
    )
    caller: Dialled | None = Field(None, description="The caller ID. null: none.", examples=["+493012345678"])


class ExplanationView(Body):
    """What would happen, and why."""

    placed: bool = Field(description="Whether the call would be placed.")
    steps: tuple[str, ...] = Field(examples=[["account trunk1 is active", "route 44: upstream"]])
    verdict: str | None = Field(description="The error id of the refusal.", examples=["no-route"])
    status: int | None = Field(examples=[404])
    text: str
    remedy: str
