"""What a simple far end does about everything in a dialog that it has no opinion on."""

from trunkline.sip.incoming_invite import IncomingInviteEvents
from trunkline.sip.message import Request, response_to
from trunkline.sip.stack import ServerTransaction


class QuietDialog(IncomingInviteEvents):
    """Takes note of nothing, accepts INFO, declines REFER."""

    def acknowledged(self, ack: Request) -> None: ...

    def prack_received(self, request: Request) -> None: ...

    def refreshed(self, answer: bytes) -> None: ...

    def info_received(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(response_to(request, 200))

    def refer_received(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(response_to(request, 603))

    def cancelled(self, cancel: Request) -> None: ...

    def lapsed(self, status: int, reason: str) -> None:  # noqa: ARG002 - it is over, whatever was answered
        self.failed(reason)
