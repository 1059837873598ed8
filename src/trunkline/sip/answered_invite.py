"""What is left of an INVITE of ours once it has been answered (RFC 3261 §13.2.2.4).

For the 64·T1 that the transaction stays in Accepted (RFC 6026 §7.2), 2xx may still come: repetitions, whose
ACK is sent once more, and the answers of other forks, which are acknowledged and ended with a BYE at once.
That takes the ACKs as bytes and a few header fields of the INVITE; everything else has been let go by then.

The first 2xx, and everything before it, is `outgoing_invite`'s.
"""

from typing import TYPE_CHECKING

from trunkline.sip.dialog import Dialog
from trunkline.sip.failures import RequestFailure
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.outgoing import SentAck
from trunkline.sip.ports import Flow, Target
from trunkline.sip.stack import ContactSpec
from trunkline.sip.usage import Usage

if TYPE_CHECKING:
    from trunkline.sip.outbound_auth import Authenticator
    from trunkline.sip.user_agent import UserAgent

FORKS_MAX = 32
"""Dialogs that one INVITE may make, one for each To tag: responses with further tags are ignored."""

_NAMING = ("from", "to", "call-id", "cseq")
_CREDENTIALS = ("authorization", "proxy-authorization")


class AnsweredInvite:
    """The `ClientEvents` of an INVITE from its first 2xx on."""

    __slots__ = (
        "_acks",
        "_agent",
        "_authenticator",
        "_contact",
        "_credentials",
        "_dialogs",
        "_naming",
        "_uri_text",
    )

    def __init__(
        self,
        agent: "UserAgent",
        invite: Request,
        contact: ContactSpec,
        authenticator: "Authenticator | None",
        dialogs: dict[str, Dialog],
    ) -> None:
        """`dialogs` are the early ones by To tag: when one of them answers too, it goes on where it was,
        because its sequence numbers have been used.
        """
        self._agent = agent
        headers = invite.headers
        self._uri_text = invite.uri_text
        self._naming = tuple([headers.get(key) or "" for key in _NAMING])
        self._credentials = tuple([(key, value) for key in _CREDENTIALS for value in headers.all(key)])
        self._contact = contact
        self._authenticator = authenticator
        self._dialogs = dialogs or None
        self._acks: tuple[tuple[str, SentAck], ...] = ()

    @property
    def _invite(self) -> Request:
        """What another fork's dialog and ACK take from the INVITE."""
        fields = [*zip(_NAMING, self._naming, strict=True), *self._credentials]
        return Request("INVITE", self._uri_text, Headers(fields))

    def acknowledged(self, tag: str, ack: SentAck) -> None:
        """`ack` is for the 2xx with this To tag; its dialog has its own owner."""
        self._acks = (*self._acks, (tag, ack))
        if self._dialogs is not None:
            self._dialogs.pop(tag, None)

    # events of the stack

    def target_chosen(self, target: Target | Flow) -> None:
        """An answered INVITE goes nowhere else."""

    def response_received(self, response: Response, flow: Flow) -> None:
        """A further 2xx."""
        tag = response.to_tag or ""
        for acknowledged, ack in self._acks:
            if acknowledged == tag:
                ack.repeat()
                return
        dialogs = self._dialogs or {}
        dialog = dialogs.get(tag)
        if dialog is None:
            if len(self._acks) + len(dialogs) >= FORKS_MAX:
                return
            dialog = Dialog.as_uac(self._invite, response, flow)
        self._end_fork(tag, dialog, response)

    def request_failed(self, failure: RequestFailure) -> None:
        """An answered INVITE can't fail."""

    def _end_fork(self, tag: str, dialog: Dialog, response: Response) -> None:
        """Somebody else had answered already."""
        usage = Usage(self._agent, dialog, self._contact, None, self._authenticator)
        self._agent.remember(usage)
        self.acknowledged(tag, usage.accept_answer(response, self._invite))
        usage.bye()
