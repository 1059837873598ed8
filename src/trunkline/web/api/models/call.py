"""Calls, live and past, their attempts and messages."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from trunkline.call.quality import Quality
from trunkline.call.record import AttemptRecord, CallRecord, Direction, Party, RecordState
from trunkline.observe.message import LadderMessage
from trunkline.store.calls import CallDetail
from trunkline.trunk.verdict import Fault, Slug
from trunkline.web.api.models.base import Body
from trunkline.web.views import CallState

_MOMENT = ["2026-03-14T09:26:53.589793Z"]

ErrorId = Annotated[str, BeforeValidator(str), Field(examples=["no-route"])]


class VerdictView(Body):
    """Why a call or attempt ended."""

    id: ErrorId = Field(validation_alias="slug", description="The stable error id.")
    status: int = Field(description="SIP status.", examples=[404])
    q850: int | None = Field(description="Cause of ITU-T Q.850.", examples=[3])
    fault: Fault = Field(description="On which side to look.")
    text: str = Field(description="What happened.", examples=["No carrier serves this destination."])
    remedy: str = Field(description="What to change.", examples=["Add a route for the prefix."])
    detail: str = Field(description="About this very case.")


class MediaView(Body):
    """What one leg's audio looked like, seen from the service."""

    codec: str = Field(examples=["PCMA"])
    packets_received: int = Field(examples=[3000])
    packets_sent: int = Field(examples=[2999])
    packets_lost: int = Field(examples=[1])
    jitter_ms: float = Field(examples=[1.5])
    mos: float | None = Field(description="Estimated listening quality, 1.0 to 4.5.", examples=[4.4])


class AudioView(Body):
    """The audio of a call under way, as far as it has come."""

    caller: MediaView
    callee: MediaView = Field(description="Of the present attempt.")


class QualityPointView(Body):
    """What one peer's audio was like, from the point before (or the answer) on."""

    until_s: float = Field(description="Seconds after the answer.", examples=[5.0])
    received: int = Field(description="RTP packets that came.", examples=[249])
    lost: int = Field(description="RTP packets that never came.", examples=[1])
    jitter_ms: float = Field(description="At the end of the stretch.", examples=[1.5])
    mos: float | None = Field(
        description="Estimated listening quality, 1.0 to 4.5. null: nothing came.", examples=[4.35]
    )


class QualityView(Body):
    """How the audio of both sides of an answered call went over its time, oldest point first. None before
    the first five seconds are over; the points of a long call are further apart, up to 200 of each leg.
    """

    caller: list[QualityPointView]
    callee: list[QualityPointView]

    @classmethod
    def of(cls, quality: Quality) -> "QualityView":
        return cls(
            caller=[QualityPointView.model_validate(point) for point in quality.caller],
            callee=[QualityPointView.model_validate(point) for point in quality.callee],
        )


class CallView(Body):
    """One call."""

    call_id: str = Field(examples=["9f3c2a7be1"])
    node: str = Field(examples=["sip-eu1"])
    direction: Direction
    state: RecordState
    account: str | None = Field(examples=["trunk1"])
    number: str | None = Field(
        description="The account's number that was called, or whose caller ID was used.",
        examples=["442079460123"],
    )
    dialled: str = Field(description="As it came.", examples=["00442079460123"])
    called: str = Field(description="In E.164; empty when malformed.", examples=["442079460123"])
    caller: str = Field(description="`anonymous` when withheld.", examples=["493012345678"])
    sip_call_id: str = Field(description="Call-ID of the caller's leg.", examples=["a84b4c76e66710@pbx"])
    source: str = Field(examples=["UDP 198.51.100.1:5060"])
    setup_at: datetime = Field(examples=_MOMENT)
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    setup_s: float | None = Field(description="From the INVITE to ringing, answer or the end.")
    ring_s: float = Field(examples=[6.1])
    talk_s: float = Field(examples=[60.25])
    carrier: str | None = Field(examples=["upstream"])
    attempts: int = Field(description="How many endpoints or gateways were tried.", examples=[1])
    hung_up_by: Party | None
    verdict: VerdictView | None = Field(description="null: it is under way.")
    transcoded: bool
    caller_media: MediaView
    callee_media: MediaView

    @classmethod
    def of(cls, record: CallRecord) -> "CallView":
        return cls.model_validate(record)


class AttemptView(Body):
    """One INVITE towards one endpoint or gateway."""

    attempt_id: str = Field(examples=["9f3c2a7be1-1"])
    position: int = Field(description="From 1.", examples=[1])
    target: str = Field(examples=["sip:442079460123@sbc.carrier.example"])
    resolved: str = Field(description="What was last tried of it.", examples=["UDP 192.0.2.1:5060"])
    carrier: str | None = Field(examples=["upstream"])
    sip_call_id: str
    started_at: datetime = Field(examples=_MOMENT)
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    verdict: VerdictView | None = Field(description="Why it ended or was left; null: it is under way.")

    @classmethod
    def of(cls, record: AttemptRecord) -> "AttemptView":
        return cls.model_validate(record)


class CallDetailView(Body):
    """One call, and its attempts in order."""

    call: CallView
    attempts: list[AttemptView]

    @classmethod
    def of(cls, detail: CallDetail) -> "CallDetailView":
        return cls(call=CallView.of(detail.call), attempts=[AttemptView.of(one) for one in detail.attempts])


class CallPage(Body):
    """Some calls, newest first."""

    items: list[CallView]
    next: str | None = Field(description="`cursor` of the page behind; null: that was the last.")


class LiveCallView(Body):
    """A call under way."""

    call_id: str = Field(examples=["9f3c2a7be1"])
    direction: Direction
    state: CallState
    account: str | None = Field(examples=["trunk1"])
    caller: str = Field(examples=["493012345678"])
    called: str = Field(examples=["442079460123"])
    source: str = Field(examples=["UDP 198.51.100.1:5060"])
    setup_at: datetime = Field(examples=_MOMENT)
    answered_at: datetime | None
    target: str = Field(
        description="Of the latest attempt; empty before the first.",
        examples=["sip:442079460123@sbc.carrier.example"],
    )
    attempts: int = Field(examples=[1])
    codecs: tuple[str, str] = Field(
        description="Of the caller's and the callee's leg.", examples=[["PCMA", "PCMU"]]
    )


class LiveCallList(Body):
    """All calls under way, oldest first."""

    items: list[LiveCallView]


class MessageView(Body):
    """One SIP message of a call, secrets masked."""

    at: datetime = Field(examples=_MOMENT)
    leg: int = Field(description="0: the caller's; 1 and up: the attempts in order.", examples=[0])
    sent: bool = Field(description="Whether the service sent it.")
    transport: str = Field(examples=["UDP"])
    local: str = Field(examples=["203.0.113.10:5060"])
    remote: str = Field(examples=["198.51.100.1:5060"])
    text: str = Field(
        description="Bytes that are no UTF-8 are shown as U+FFFD.",
        examples=["OPTIONS sip:trunk.example.com SIP/2.0\r\n\r\n"],
    )

    @classmethod
    def of(cls, message: LadderMessage) -> "MessageView":
        return cls(
            at=datetime.fromtimestamp(message.at, UTC),
            leg=message.leg,
            sent=message.sent,
            transport=message.transport.value,
            local=str(message.local),
            remote=str(message.remote),
            text=message.data.decode("utf-8", "replace"),
        )


class LadderView(Body):
    """The SIP messages of a call, oldest first; none when they are kept no longer."""

    items: list[MessageView]


SLUGS: Final = {str(slug): slug for slug in Slug}


class ErrorIdView(Body):
    """What an error id means."""

    id: ErrorId
    fault: Fault = Field(description="On which side to look.")
    status: int = Field(description="The SIP status that the caller gets.", examples=[404])
    q850: int | None = Field(description="Cause of ITU-T Q.850.", examples=[3])
    text: str = Field(examples=["No carrier serves this destination."])
    remedy: str = Field(examples=["Add a route for the prefix."])

    @classmethod
    def of(cls, slug: Slug) -> "ErrorIdView":
        kind = slug.value
        return cls(
            id=str(slug),
            fault=kind.fault,
            status=kind.status,
            q850=kind.q850,
            text=kind.text,
            remedy=kind.remedy,
        )


class ErrorIdList(Body):
    """Every way a call can end."""

    items: list[ErrorIdView]
