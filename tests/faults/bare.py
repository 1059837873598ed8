"""Callers and callees that are SIP only: whose audio, if any, is the test's own."""

from collections.abc import Callable

from tests.faults.world import NODE, PORT, World
from tests.interop.node import KEY, SECRET
from trunkline.node.tokens import token_source
from trunkline.pstn.quiet_dialog import QuietDialog
from trunkline.pstn.station import Station
from trunkline.sip.dialog_request import Fields
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.failures import RequestFailure
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.outgoing_invite import OutgoingInvite, OutgoingInviteEvents
from trunkline.sip.ports import Address, Flow
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage
from trunkline.sip.user_agent import UserAgentUser


class BareDialog(QuietDialog):
    """Whose end is nobody's business."""

    def offer_received(self, exchange: IncomingOffer) -> None:
        exchange.reject(488)

    def bye_received(self, request: Request) -> None:
        return

    def no_ack(self) -> None:
        return

    def expired(self) -> None:
        return

    def failed(self, reason: str | RequestFailure) -> None:
        return


class BareCall(BareDialog, OutgoingInviteEvents):
    """A call of the account through the node."""

    def __init__(
        self,
        station: Station,
        host: str,
        number: str,
        body: bytes,
        ended: Callable[[Response | None], None] = lambda _response: None,
    ) -> None:
        """`ended` is told of the final response, or that none came."""
        self._ended = ended
        self._began = station.clock.now()
        self._clock = station.clock
        self.answer: Response | None = None
        self.wait_s = 0.0
        """From the INVITE to the answer."""
        to = SipUri("sip", number, NODE, PORT)
        self._invite: OutgoingInvite | None = None
        self._invite = station.agent.invite(
            uri=to,
            from_=NameAddr(None, SipUri("sip", KEY, host)),
            to=NameAddr(None, to),
            body=body,
            credentials=DigestUser(KEY, SECRET),
            events=self,
        )

    def hang_up(self) -> None:
        """Send the BYE."""
        assert self._invite is not None
        self._invite.cancel()

    def target_chosen(self, target: object) -> None:
        return

    def trying(self, response: Response) -> None:
        return

    def progressed(self, response: Response, usage: Usage | None) -> None:
        return

    def answered(self, response: Response, usage: Usage) -> None:
        usage.events = self
        self.answer = response
        self.wait_s = self._clock.now() - self._began
        self._ended(response)

    def rejected(self, response: Response) -> None:
        self._ended(response)

    def failed(self, reason: str | RequestFailure) -> None:
        if self.answer is None:
            self._ended(None)

    def late_answer(self, response: Response) -> None:
        return


class Terminus:
    """Takes every call."""

    def __init__(self, body: bytes) -> None:
        """`body`: the answer to every offer."""
        self._body = body
        self.offers: list[bytes] = []

    def screen(self, request: Request, flow: Flow) -> Response | None:
        return None

    def invite_refused(self, request: Request, flow: Flow, refusal: Response) -> Fields:
        del request, flow, refusal
        return ()

    def request_received(self, request: Request, transaction: ServerTransaction) -> None:
        return

    def invite_received(self, invite: IncomingInvite) -> None:
        self.offers.append(invite.request.body)
        invite.events = BareDialog()
        invite.accept(body=self._body)


def bare_station(here: World, user: UserAgentUser, host: str) -> Station:
    """A station at `host`, to be started and closed."""
    phone = here.customer.station
    return Station(
        user,
        clock=phone.clock,
        locator=phone.agent.stack.locator,
        token=token_source(),
        product="bare",
        bind=Address(host, PORT),
    )
