"""Numbers, and where they are forwarded to."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from trunkline.trunk import number as domain
from trunkline.trunk.forwarding import (
    MAX_ENDPOINTS,
    MAX_TEXT,
    MAX_TIMEOUT_MS,
    MIN_TIMEOUT_MS,
    NOT_FORWARDED,
    ForwardingList,
    ForwardingSyntaxError,
    MediaProtection,
)
from trunkline.trunk.health import HealthState
from trunkline.web.api.models.base import Body, Key, Number, Real, Whole

Entry = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
RingTimeout = Annotated[Real | None, Field(ge=domain.MIN_RING_TIMEOUT_S, le=domain.MAX_RING_TIMEOUT_S)]
TEXT = "100@pbx1.example.com;timeout=2000, sips:100@pbx2.example.com"
_BETWEEN = ", "


class EndpointFields(Body):
    """One entry of a forwarding list, in its parts."""

    uri: Entry = Field(
        description="`user@host`, `sip:` or `sips:`, with `;transport=`.",
        examples=["sips:100@pbx2.example.com"],
    )
    timeout_ms: Annotated[Whole | None, Field(ge=MIN_TIMEOUT_MS, le=MAX_TIMEOUT_MS)] = Field(
        None, description="Silence for this long moves a call to the next entry.", examples=[2000]
    )
    media: MediaProtection = Field(MediaProtection.RTP, description="`srtp`: its audio is encrypted.")

    def as_text(self) -> str:
        """The entry as a customer would type it."""
        timeout = "" if self.timeout_ms is None else f";timeout={self.timeout_ms}"
        return self.uri + timeout + (";media=srtp" if self.media is MediaProtection.SRTP else "")


class EndpointView(EndpointFields):
    """One entry of a forwarding list."""

    text: str = Field(description="As it was typed.", examples=["sips:100@pbx2.example.com"])


class NewForwarding(Body):
    """Where calls go: either as `text` or as `entries`. An empty list: nowhere."""

    text: str | None = Field(
        None,
        max_length=MAX_TEXT,
        description="SIP URIs in order, with commas between, as in the field Forward to SIP.",
        examples=[TEXT],
    )
    entries: Annotated[tuple[Entry | EndpointFields, ...] | None, Field(max_length=MAX_ENDPOINTS)] = Field(
        None, description="The same as a list: each entry as typed, or in its parts."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "NewForwarding":
        if (self.text is None) == (self.entries is None):
            raise ValueError("give either text or entries")
        return self

    def read(self) -> ForwardingList:
        """The list. Raises `ForwardingSyntaxError`, whose position is within the entry when the list came as
        entries."""
        if self.entries is None:
            return ForwardingList.parse(self.text or "")
        return _joined([one if isinstance(one, str) else one.as_text() for one in self.entries])


def _joined(entries: list[str]) -> ForwardingList:
    for number, entry in enumerate(entries, 1):
        if "," in entry:
            raise ForwardingSyntaxError("holds a comma; write it %2C", number, entry.index(","))
    if not entries:
        return NOT_FORWARDED
    try:
        return ForwardingList.parse(_BETWEEN.join(entries))
    except ForwardingSyntaxError as error:
        before = sum(len(entry) + len(_BETWEEN) for entry in entries[: max(0, error.entry - 1)])
        raise ForwardingSyntaxError(error.reason, error.entry, error.position - before) from None


class ForwardingView(Body):
    """Where calls to a number go."""

    text: str = Field(description="The whole list as typed.", examples=[TEXT])
    endpoints: list[EndpointView] = Field(description="Tried in this order.")
    warnings: list[str] = Field(description="What is odd about the list.")

    @classmethod
    def of(cls, forwarding: ForwardingList) -> "ForwardingView":
        return cls(
            text=forwarding.text,
            endpoints=[
                EndpointView(uri=str(one.uri), timeout_ms=one.timeout_ms, media=one.media, text=one.text)
                for one in forwarding.endpoints
            ],
            warnings=list(forwarding.warnings),
        )


class NewNumber(Body):
    """A number to be."""

    e164: Number = Field(description="In E.164, with or without +.", examples=["442079460123"])
    account: Key = Field(description="Key of the account that it belongs to.", examples=["trunk1"])
    forwarding: NewForwarding | None = Field(None, description="null: nowhere.")
    ring_timeout_s: RingTimeout = Field(
        None, description="How long an endpoint may ring. null: as configured.", examples=[30.0]
    )


class NumberUpdate(Body):
    """What to change about a number; fields left out stay."""

    account: Key | None = Field(None, description="Give it to this account (operators).", examples=["trunk2"])
    forwarding: NewForwarding | None = Field(None, description="Where its calls go.")
    ring_timeout_s: RingTimeout = Field(
        None, description="How long an endpoint may ring. null: as configured.", examples=[30.0]
    )


class NumberView(Body):
    """A number."""

    e164: str = Field(examples=["442079460123"])
    account: str = Field(examples=["trunk1"])
    forwarding: ForwardingView
    ring_timeout_s: float | None = Field(examples=[30.0])

    @classmethod
    def of(cls, number: domain.Number) -> "NumberView":
        return cls(
            e164=number.e164,
            account=number.account,
            forwarding=ForwardingView.of(number.forwarding),
            ring_timeout_s=number.ring_timeout_s,
        )


class NumberPage(Body):
    """Some numbers in order."""

    items: list[NumberView]
    next: str | None = Field(description="`after` of the page behind; null: that was the last.")


class HealthShared(Body):
    """How something that is called has answered lately."""

    uri: str = Field(examples=["sips:100@pbx2.example.com"])
    state: HealthState = Field(description="`unknown`: nothing was heard about it yet.")
    results: list[bool] = Field(
        description="The last pings and calls, oldest first; true is good.", examples=[[True, True, False]]
    )
    since_at: datetime | None = Field(description="When it last went up or down.")
    last_at: datetime | None = Field(description="When the last result came.")
    last_failure: str = Field(
        description="The error id of the last failure; empty: none.", examples=["unreachable"]
    )
    last_detail: str = Field(examples=["OPTIONS: no answer"])


class TargetView(HealthShared):
    """An endpoint or gateway in its place, and how it has answered lately."""

    position: int = Field(description="Its place in the list, from 1.", examples=[1])


class TargetList(Body):
    """Endpoints or gateways in order."""

    items: list[TargetView]


class PingView(Body):
    """What came back to one OPTIONS."""

    status: int | None = Field(description="SIP status; null: no answer.", examples=[200])
    reason: str = Field(description="Reason phrase, or why there was no answer.", examples=["OK"])
    after_ms: float = Field(examples=[4.2])


class TrialStep(Body):
    """One step of a test call."""

    after_s: float = Field(description="Seconds after the INVITE.", examples=[0.12])
    what: str = Field(examples=["180 Ringing"])


class TrialCallView(Body):
    """What came of a test call."""

    call_id: str | None = Field(description="Its record.", examples=["9f3c2a7be1"])
    answered: bool
    status: int | None = Field(description="Of the final response.", examples=[200])
    outcome: str = Field(description="In words.", examples=["answered"])
    talk_s: float = Field(examples=[3.0])
    codec: str = Field(examples=["PCMA"])
    packets_received: int = Field(examples=[150])
    packets_lost: int = Field(examples=[0])
    mos: float | None = Field(description="Estimated listening quality, 1.0 to 4.5.", examples=[4.3])
    steps: list[TrialStep]
