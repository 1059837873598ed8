"""One leg: a dialog of ours with one peer, what that peer's SDP says, what ours says, and the media port
between them.

A leg knows only its own side. What it offers and answers is made from the *other* peer's description, handed
in as such, so that the two peers agree end to end on codecs and direction while addresses, versions and
payload types stay each leg's own (RFC 3264). `connect` joins the media of two legs once both peers have
spoken.

Events of its dialog go to the owner, the call, with the leg's name on them.
"""

from collections.abc import Sequence
from typing import Protocol

from trunkline.call.ports import MediaEngine, MediaFlow, MediaLeg, RemoteMedia, TelephoneEvents
from trunkline.call.record import MediaFigures
from trunkline.errors import MediaError, SdpError
from trunkline.sdp.codecs import CODEC_NAMES, TELEPHONE_EVENT
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.local import LocalAudio
from trunkline.sdp.offer_answer import (
    Direction,
    RemoteAudio,
    map_payloads,
    match_answer,
    select_for_callee,
    select_telephone_event,
)
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.incoming_invite import IncomingInviteEvents
from trunkline.sip.message import Request, response_to
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.usage import Usage
from trunkline.trunk.verdict import Slug


class LegOwner(Protocol):
    """The call: what a leg tells it."""

    def cancelled(self, cancel: Request) -> None: ...

    def leg_acknowledged(self, leg: "Leg", ack: Request) -> None: ...

    def leg_offered(self, leg: "Leg", exchange: IncomingOffer) -> None: ...

    def leg_hung_up(self, leg: "Leg", bye: Request) -> None: ...

    def leg_informed(self, leg: "Leg", info: Request, transaction: ServerTransaction) -> None: ...

    def leg_referred(self, leg: "Leg", refer: Request, transaction: ServerTransaction) -> None: ...

    def leg_lost(self, leg: "Leg", slug: Slug, detail: str) -> None: ...

    def media_timed_out(self, leg: MediaLeg) -> None: ...

    def digit_received(self, leg: MediaLeg, digit: str, duration_ms: int) -> None: ...

    def sound_ended(self, leg: MediaLeg) -> None: ...


class Leg(IncomingInviteEvents):
    """See the module. Raises `NoPortsError` when made while no media port is free."""

    __slots__ = ("_closed", "description", "local", "media", "owner", "remote", "signalled_from", "usage")

    def __init__(
        self,
        engine: MediaEngine,
        owner: LegOwner,
        *,
        session_id: int,
        ipv6: bool,
        beside: "Leg | None" = None,
    ) -> None:
        self._closed = False
        self.owner = owner
        self.local = LocalAudio(session_id)
        self.remote: RemoteAudio | None = None
        """What the peer said last; None until it has described itself."""
        self.description = b""
        """What we said last."""
        self.usage: Usage | None = None
        self.signalled_from: str | None = None
        """The address that the peer's SIP comes from."""
        self.media: MediaLeg = engine.open_leg(
            ipv6=ipv6, events=owner, beside=None if beside is None else beside.media
        )

    def adopt(self, usage: Usage) -> None:
        """Take over a dialog: the first of the attempt, or another branch of a fork that answers instead."""
        if usage is not self.usage:
            self.usage = usage
            usage.events = self
            flow = usage.dialog.flow
            self.signalled_from = None if flow is None else flow.remote.host

    # -- offer and answer --------------------------------------------------------------------------

    def offer(self, far: RemoteAudio | None, order: Sequence[str] = CODEC_NAMES) -> bytes:
        """Our offer to this peer, on behalf of the peer that described itself as `far` (None: nobody has
        yet).

        Raises `NoCommonCodecError` when `far` has no codec of `order`.
        """
        codecs = select_for_callee(far, order)
        media = self.media
        self.description = self.local.offer(
            codecs,
            media.address,
            media.port,
            Direction.SENDRECV if far is None else far.effective_direction,
            select_telephone_event(far, codecs),
            None if far is None else far.ptime,
        )
        return self.description

    def offer_again(self) -> bytes:
        """The codecs of our last description once more, with audio both ways: for a re-INVITE without SDP
        (RFC 6337 §5.2.5).
        """
        listed = self.local.listed
        codecs = [codec for codec in listed if codec.name != TELEPHONE_EVENT]
        event = next((codec for codec in listed if codec.name == TELEPHONE_EVENT), None)
        media = self.media
        self.description = self.local.offer(codecs, media.address, media.port, Direction.SENDRECV, event)
        return self.description

    def answer(self, far: "Leg") -> bytes:
        """Our answer to this peer's offer, from what the peer of `far` answered to ours.

        Raises `NoCommonCodecError`.
        """
        remote, theirs = self.described, far.described
        agreement = match_answer(remote, theirs, far.local.listed)
        media = self.media
        self.description = self.local.answer(
            remote,
            agreement.codecs,
            media.address,
            media.port,
            theirs.effective_direction,
            agreement.telephone_event,
            theirs.ptime,
            rtcp_mux=True,
        )
        return self.description

    def take_answer(self, body: bytes) -> None:
        """The peer's answer. Raises `SdpError`; what stood before then stays."""
        self.remote = RemoteAudio.read(body)

    def take_late_answer(self, body: bytes, far: "Leg") -> None:
        """The peer's answer in an ACK, to an offer made from what the peer of `far` says. Raises
        `SdpError`.
        """
        self.take_answer(body)
        keys = {codec.key for codec in far.described.codecs}
        if not any(codec.key in keys for codec in self.described.codecs):
            raise NoCommonCodecError("the answer holds no codec of the other peer")

    def take_offer(self, body: bytes) -> bool:
        """The peer's offer; True when the other peer has to hear of it. Raises `SdpError`; what stood before
        then stays.
        """
        before = self.remote
        self.remote = RemoteAudio.read(body)
        return self.differs_from(before)

    def differs_from(self, before: RemoteAudio | None) -> bool:
        """Whether the flow of audio or the set of codecs is another than `before`."""
        now = self.remote
        if before is None or now is None:
            return before is not now
        return now.effective_direction is not before.effective_direction or (
            {codec.key for codec in now.codecs} != {codec.key for codec in before.codecs}
        )

    @property
    def described(self) -> RemoteAudio:
        """`remote`. Raises `SdpError` while there is none."""
        if self.remote is None:
            raise SdpError("the peer has not described itself")
        return self.remote

    # -- the dialog's events -----------------------------------------------------------------------

    def cancelled(self, cancel: Request) -> None:
        self.owner.cancelled(cancel)

    def offer_received(self, exchange: IncomingOffer) -> None:
        self.owner.leg_offered(self, exchange)

    def acknowledged(self, ack: Request) -> None:
        self.owner.leg_acknowledged(self, ack)

    def prack_received(self, request: Request) -> None:
        self.owner.leg_acknowledged(self, request)

    def bye_received(self, bye: Request) -> None:
        self.owner.leg_hung_up(self, bye)

    def info_received(self, info: Request, transaction: ServerTransaction) -> None:
        self.owner.leg_informed(self, info, transaction)

    def refer_received(self, refer: Request, transaction: ServerTransaction) -> None:
        self.owner.leg_referred(self, refer, transaction)

    def no_ack(self) -> None:
        self.owner.leg_lost(self, Slug.NO_ACK, "no ACK within 64*T1")

    def expired(self) -> None:
        self.owner.leg_lost(self, Slug.SESSION_EXPIRED, "no refresh within the session interval")

    def failed(self, reason: str) -> None:
        self.owner.leg_lost(self, Slug.SESSION_EXPIRED, reason)

    # -- the end -----------------------------------------------------------------------------------

    def hang_up(self, headers: Sequence[tuple[str, str]]) -> None:
        """BYE, unless the dialog has ended already."""
        if self.usage is not None and not self.usage.ended:
            self.usage.bye(headers)

    def close(self) -> MediaFigures:
        """Give the port back, tell the owner nothing any more, and say what passed through it. Idempotent."""
        self.owner = _NOBODY
        figures = self.media.close()
        if self.remote is not None:
            keys = {codec.key for codec in self.remote.codecs}
            figures.codec = next((codec.name for codec in self.local.listed if codec.key in keys), "")
        return figures


class _Nobody(LegOwner):
    """The owner of a leg that is closed: what still happens in its dialog concerns nobody."""

    def cancelled(self, cancel: Request) -> None:
        pass

    def leg_acknowledged(self, leg: Leg, ack: Request) -> None:
        pass

    def leg_offered(self, leg: Leg, exchange: IncomingOffer) -> None:  # noqa: ARG002
        exchange.reject(481)

    def leg_hung_up(self, leg: Leg, bye: Request) -> None:
        pass

    def leg_informed(self, leg: Leg, info: Request, transaction: ServerTransaction) -> None:  # noqa: ARG002
        transaction.respond(response_to(info, 481))

    def leg_referred(self, leg: Leg, refer: Request, transaction: ServerTransaction) -> None:  # noqa: ARG002
        transaction.respond(response_to(refer, 481))

    def leg_lost(self, leg: Leg, slug: Slug, detail: str) -> None:
        pass

    def media_timed_out(self, leg: MediaLeg) -> None:
        pass

    def digit_received(self, leg: MediaLeg, digit: str, duration_ms: int) -> None:
        pass

    def sound_ended(self, leg: MediaLeg) -> None:
        pass


_NOBODY = _Nobody()


def connect(engine: MediaEngine, caller: Leg, callee: Leg) -> None:
    """Join the media of two legs whose peers have both described themselves. Raises `SdpError`."""
    payloads = map_payloads(caller.local.listed, caller.described, callee.local.listed, callee.described)
    _direct(caller, payloads.caller_to_callee)
    _direct(callee, payloads.callee_to_caller)
    engine.bridge(caller.media, callee.media)


def _direct(leg: Leg, payload_types: dict[int, int]) -> None:
    """Tell the media port of `leg` where its peer is and what to expect from it. Raises `SdpError` for a peer
    that the engine can't send to.
    """
    remote = leg.described
    listed = leg.local.listed
    event = next((codec for codec in listed if codec.name == TELEPHONE_EVENT), None)
    media = RemoteMedia(
        rtp_address=remote.address,
        rtp_port=remote.rtp_port,
        rtcp_port=remote.rtp_port if remote.rtcp_mux else remote.rtcp_port,
        direction=_flow(leg.local.direction, remote.effective_direction),
        payload_types=payload_types,
        clock_rates={codec.payload_type: codec.clock_rate for codec in listed},
        dtmf_payload_type=None if event is None else event.payload_type,
        signalled_from=leg.signalled_from,
        takes_events=None if event is None else TelephoneEvents(event.payload_type, event.clock_rate),
    )
    try:
        leg.media.set_remote(media)
    except MediaError as error:
        raise SdpError(str(error)) from error


def _flow(ours: Direction, theirs: Direction) -> MediaFlow:
    sends = ours.sends and theirs.receives
    receives = ours.receives and theirs.sends
    if sends:
        return MediaFlow.BOTH if receives else MediaFlow.SEND
    return MediaFlow.RECEIVE if receives else MediaFlow.NONE
