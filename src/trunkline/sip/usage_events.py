"""What the user of an INVITE dialog is told, and the words that go with it. The machine behind them is
`usage`.
"""

from enum import Enum
from typing import Protocol

from trunkline.sip.dialog_request import Fields
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.message import Request, response_to
from trunkline.sip.stack import ServerTransaction


class UsageState(Enum):
    """The states of the dialog (RFC 3261 §12) as its user sees them."""

    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Offer(Enum):
    """Which offer has no answer yet (RFC 3264 §4)."""

    NONE = "none"
    OURS = "ours"
    THEIRS = "theirs"


class UsageEvents(Protocol):
    """What the user of a dialog is told. Nothing comes after `bye_received`, `no_ack`, `expired` or
    `failed`.
    """

    __slots__ = ()

    def offer_received(self, exchange: IncomingOffer) -> None:
        """A re-INVITE (with or without a body), or an UPDATE or PRACK with an offer: to be answered by
        `exchange`.
        """

    def acknowledged(self, ack: Request) -> None:
        """The ACK of a 2xx of ours; when that carried our offer, its body is the answer."""

    def prack_received(self, request: Request) -> None:
        """A PRACK that brings the answer to our offer in a reliable provisional response (200 already
        sent).
        """

    def refreshed(self, answer: bytes) -> None:
        """The peer's answer to what stood, which a session refresh has offered once more (RFC 4028 §7.4)."""

    def bye_received(self, request: Request) -> None:
        """The peer has hung up (200 already sent)."""

    def info_received(self, request: Request, transaction: ServerTransaction) -> None:
        """An INFO (RFC 6086), to be answered by `transaction`."""

    def refer_received(self, request: Request, transaction: ServerTransaction) -> None:
        """A REFER (RFC 3515), to be answered by `transaction`."""

    def no_ack(self) -> None:
        """No ACK for a 2xx of ours within 64·T1; a BYE has been sent."""

    def expired(self) -> None:
        """The session was not refreshed in time (RFC 4028 §10); a BYE has been sent."""

    def failed(self, reason: str) -> None:
        """The peer doesn't know the dialog any more, or doesn't answer; a BYE has been sent. `reason` is one
        line.
        """


class Unattended:
    """Who is told while nobody has taken a usage over yet, or any more: offers and transfers are refused."""

    def offer_received(self, exchange: IncomingOffer) -> None:
        exchange.reject(488)

    def acknowledged(self, ack: Request) -> None:
        pass

    def prack_received(self, request: Request) -> None:
        pass

    def refreshed(self, answer: bytes) -> None:
        pass

    def bye_received(self, request: Request) -> None:
        pass

    def info_received(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(response_to(request, 481))

    def refer_received(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(response_to(request, 603))

    def no_ack(self) -> None:
        pass

    def expired(self) -> None:
        pass

    def failed(self, reason: str) -> None:
        pass

    def cancelled(self, cancel: Request) -> None:
        pass

    def lapsed(self, status: int, reason: str) -> None:
        pass


UNATTENDED = Unattended()


class Invitation(Protocol):
    """The initial INVITE of an early dialog."""

    def abandon(self, headers: Fields) -> None:
        """End it: CANCEL, or a final response."""

    def ended_by_bye(self) -> None:
        """The peer has sent a BYE within the early dialog."""
