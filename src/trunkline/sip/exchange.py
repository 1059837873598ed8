"""A request of the peer that the layer above must answer within a dialog: a re-INVITE, or an UPDATE or PRACK
with an offer.

RFC 3261 §14.2, RFC 3311 §5.2, RFC 3262 §5. Holds the request until it is accepted or refused, once; what
either does to the dialog, the offer/answer state and the session timer is `usage`'s business.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trunkline.sip.dialog_request import Fields
from trunkline.sip.message import Request
from trunkline.sip.stack import ServerTransaction

if TYPE_CHECKING:
    from trunkline.sip.usage_uas import UsageServer


class IncomingOffer:
    """One such request. A re-INVITE without a body asks us for the offer: then `accept` carries ours."""

    __slots__ = ("_usage", "cancelled", "on_cancel", "request", "settled", "transaction")

    def __init__(self, usage: "UsageServer", request: Request, transaction: ServerTransaction) -> None:
        self._usage = usage
        self.request = request
        self.transaction = transaction
        self.settled = False
        """A final response has been sent."""
        self.cancelled = False
        """The peer has sent a CANCEL for it."""
        self.on_cancel: Callable[[], None] | None = None
        """Called at a CANCEL. None: the re-INVITE is answered with 487 at once (RFC 3261 §9.2). A user that
        has already begun to change the session sets it, and accepts where that can't be undone (RFC 6141
        §3.8)."""

    @property
    def method(self) -> str:
        """`INVITE`, `UPDATE` or `PRACK`."""
        return self.request.method

    def accept(self, body: bytes = b"", headers: Fields = ()) -> None:
        """Answer 200 with `body`. Does nothing once the exchange is settled or the dialog has ended."""
        if not self.settled:
            self.settled = True
            self.on_cancel = None
            self._usage.exchange_accepted(self, body, headers)

    def reject(self, status: int, headers: Fields = (), reason: str | None = None) -> None:
        """Answer with `status`, 300 to 699: the session stays as it was. Does nothing once the exchange is
        settled.
        """
        if not self.settled:
            self.settled = True
            self.on_cancel = None
            self._usage.exchange_rejected(self, status, headers, reason)
