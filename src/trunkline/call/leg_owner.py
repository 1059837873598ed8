"""Whom a leg tells what happens in its dialog and at its media port: the call, or a transfer, with the leg's
name on it.
"""

from typing import TYPE_CHECKING, Protocol

from trunkline.call.ports import MediaEvents, MediaLeg
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.message import Request, response_to
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.verdict import Slug

if TYPE_CHECKING:
    from trunkline.call.leg import Leg
    from trunkline.call.transfer import Consultation


class LegOwner(MediaEvents, Protocol):
    """What a leg tells of its dialog, and its port of the audio."""

    __slots__ = ()

    def cancelled(self, cancel: Request) -> None:
        """The INVITE of the peer was cancelled before its answer."""

    def leg_acknowledged(self, leg: "Leg", ack: Request) -> None:
        """The ACK of our 2xx, or a PRACK, with the answer to an offer of ours, if it holds one."""

    def leg_offered(self, leg: "Leg", exchange: IncomingOffer) -> None:
        """A re-INVITE, or an offer in an UPDATE or PRACK; `exchange` has to be settled."""

    def leg_refreshed(self, leg: "Leg", answer: bytes) -> None:
        """The answer to what stood, which a session refresh has offered once more."""

    def leg_hung_up(self, leg: "Leg", bye: Request) -> None:
        """A BYE; it is answered already."""

    def leg_informed(self, leg: "Leg", info: Request, transaction: ServerTransaction) -> None:
        """An INFO, which has to be answered."""

    def leg_referred(self, leg: "Leg", refer: Request, transaction: ServerTransaction) -> None:
        """A REFER, which has to be answered."""

    def leg_consulted(self, leg: "Leg", account: str) -> "Consultation | None":
        """The call, if the peer of `leg` is on the side of `account` in it and may be replaced."""

    def leg_lost(self, leg: "Leg", slug: Slug, detail: str) -> None:
        """The dialog has ended by itself, or the INVITE can't be answered any more."""


class _Nobody(LegOwner):
    """The owner of a leg that is closed: what still happens in its dialog concerns nobody."""

    def cancelled(self, cancel: Request) -> None:
        pass

    def leg_acknowledged(self, leg: "Leg", ack: Request) -> None:
        pass

    def leg_refreshed(self, leg: "Leg", answer: bytes) -> None:
        pass

    def leg_offered(self, leg: "Leg", exchange: IncomingOffer) -> None:  # noqa: ARG002
        exchange.reject(481)

    def leg_hung_up(self, leg: "Leg", bye: Request) -> None:
        pass

    def leg_informed(self, leg: "Leg", info: Request, transaction: ServerTransaction) -> None:  # noqa: ARG002
        transaction.respond(response_to(info, 481))

    def leg_referred(self, leg: "Leg", refer: Request, transaction: ServerTransaction) -> None:  # noqa: ARG002
        transaction.respond(response_to(refer, 481))

    def leg_consulted(self, leg: "Leg", account: str) -> "Consultation | None":  # noqa: ARG002
        return None

    def leg_lost(self, leg: "Leg", slug: Slug, detail: str) -> None:
        pass

    def media_timed_out(self, leg: MediaLeg) -> None:
        pass

    def digit_received(self, leg: MediaLeg, digit: str, duration_ms: int) -> None:
        pass

    def sound_ended(self, leg: MediaLeg) -> None:
        pass

    def key_worn(self, leg: MediaLeg, *, spent: bool) -> None:
        pass


NOBODY = _Nobody()
