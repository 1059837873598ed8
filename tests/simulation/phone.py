"""A user of a `UserAgent` that writes down what it is told and does what a test says, and two of them on one
network.
"""

import hashlib
from collections.abc import Callable

from tests.simulation.virtual_network import VirtualHost, VirtualNetwork
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.dialog_request import Fields
from trunkline.sip.failures import RequestFailure
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outgoing_invite import OutgoingInvite
from trunkline.sip.ports import Flow, Target
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import IncomingOffer, Usage
from trunkline.sip.user_agent import UserAgent, UserAgentSettings

OFFER = b"v=0 offer"
ANSWER = b"v=0 answer"


def ringing_then_answering(phone: "Phone", invite: IncomingInvite) -> None:
    """Ring at once, answer after a second."""
    invite.progress(180)
    clock = phone.agent.clock
    clock.at(clock.now() + 1, lambda: invite.accept(body=ANSWER))


def accept_offers(phone: "Phone", exchange: IncomingOffer) -> None:
    """Answer every offer at once."""
    phone.answered_offers.append(exchange.request.body)
    exchange.accept(ANSWER)


def _let_in(request: Request, flow: Flow) -> Response | None:
    del request, flow
    return None


class Phone:
    """`events` lists what happened, as the names of the callbacks with the status or method that matters."""

    def __init__(
        self,
        network: VirtualNetwork,
        address: str,
        *,
        settings: UserAgentSettings | None = None,
        host: VirtualHost | None = None,
    ) -> None:
        self.host = network.host(address) if host is None else host
        self.network = network
        self.agent = UserAgent(
            clock=network.clock,
            connector=self.host,
            locator=self.host,
            token=token_source(address),
            user=self,
            settings=UserAgentSettings(product="phone") if settings is None else settings,
            secret=b"a secret of sixteen bytes",
        )
        self.host.receiver = self.agent
        self.events: list[str] = []
        self.on_invite: Callable[[Phone, IncomingInvite], None] = ringing_then_answering
        self.on_offer: Callable[[Phone, IncomingOffer], None] = accept_offers
        self.on_screen: Callable[[Request, Flow], Response | None] = _let_in
        self.invites: list[IncomingInvite] = []
        self.answered_offers: list[bytes] = []
        self.refreshed_with: list[bytes] = []
        """The answers to session refreshes."""
        self.usage: Usage | None = None
        """Of the call that is up."""
        self.targets: list[Target | Flow] = []
        self.responses: list[Response] = []
        self.requests: list[Request] = []
        """Requests handed up: CANCEL, ACK, BYE, INFO, PRACK."""

    @property
    def uri(self) -> SipUri:
        return SipUri("sip", "callee", self.host.address.host)

    def call(self, uri: SipUri, **more: object) -> OutgoingInvite:
        """Send an INVITE with an offer."""
        parameters: dict[str, object] = {
            "uri": uri,
            "from_": NameAddr.parse("<sip:caller@example.com>"),
            "to": NameAddr.parse("<sip:callee@example.com>"),
            "body": OFFER,
            "events": self,
        }
        parameters.update(more)
        return self.agent.invite(**parameters)  # type: ignore[arg-type]

    @property
    def the_usage(self) -> Usage:
        """The usage, which must exist."""
        assert self.usage is not None
        return self.usage

    # UserAgentUser

    def screen(self, request: Request, flow: Flow) -> Response | None:
        return self.on_screen(request, flow)

    def invite_received(self, invite: IncomingInvite) -> None:
        self.events.append("invite_received")
        invite.events = self
        self.usage = invite.usage
        self.invites.append(invite)
        self.on_invite(self, invite)

    def invite_refused(self, request: Request, flow: Flow, refusal: Response) -> Fields:
        del request, flow, refusal
        return ()

    def request_received(self, request: Request, transaction: ServerTransaction) -> None:
        self.events.append(f"request_received {request.method}")
        self.requests.append(request)
        transaction.respond(response_to(request, 200))

    # OutgoingInviteEvents

    def target_chosen(self, target: Target | Flow) -> None:
        self.targets.append(target)

    def trying(self, response: Response) -> None:
        self.events.append("trying")

    def progressed(self, response: Response, usage: Usage | None) -> None:
        self.events.append(f"progressed {response.status}")
        self.responses.append(response)
        if usage is not None:
            self.usage = usage
            usage.events = self

    def answered(self, response: Response, usage: Usage) -> None:
        self.events.append("answered")
        self.responses.append(response)
        self.usage = usage
        usage.events = self

    def rejected(self, response: Response) -> None:
        self.events.append(f"rejected {response.status}")
        self.responses.append(response)

    def failed(self, failure: RequestFailure | str) -> None:
        self.events.append(f"failed {failure if isinstance(failure, str) else failure.kind}")

    def late_answer(self, response: Response) -> None:
        self.events.append("late_answer")

    # UsageEvents, IncomingInviteEvents

    def cancelled(self, cancel: Request) -> None:
        self.events.append("cancelled")
        self.requests.append(cancel)

    def lapsed(self, status: int, reason: str) -> None:
        self.failed(reason)

    def offer_received(self, exchange: IncomingOffer) -> None:
        self.events.append(f"offer_received {exchange.method}")
        self.on_offer(self, exchange)

    def acknowledged(self, ack: Request) -> None:
        self.events.append("acknowledged")
        self.requests.append(ack)

    def prack_received(self, request: Request) -> None:
        self.events.append("prack_received")
        self.requests.append(request)

    def refreshed(self, answer: bytes) -> None:
        self.refreshed_with.append(answer)

    def bye_received(self, request: Request) -> None:
        self.events.append("bye_received")
        self.requests.append(request)

    def info_received(self, request: Request, transaction: ServerTransaction) -> None:
        self.events.append("info_received")
        self.requests.append(request)
        transaction.respond(response_to(request, 200))

    def refer_received(self, request: Request, transaction: ServerTransaction) -> None:
        self.events.append("refer_received")
        transaction.respond(response_to(request, 603))

    def no_ack(self) -> None:
        self.events.append("no_ack")

    def expired(self) -> None:
        self.events.append("expired")

    # outcomes of requests

    def note_answer(self, response: Response) -> None:
        """An `on_answer`."""
        self.events.append(f"answer {response.status} {response.cseq.method}")
        self.responses.append(response)

    def note_refusal(self, outcome: Response | RequestFailure) -> None:
        """An `on_reject`."""
        if isinstance(outcome, Response):
            self.events.append(f"refusal {outcome.status}")
        else:
            self.events.append(f"refusal {outcome.kind}")


def token_source(seed: str) -> Callable[[], str]:
    """Tokens that look random and are the same in every run."""
    count = 0

    def token() -> str:
        nonlocal count
        count += 1
        return hashlib.blake2b(f"{seed} {count}".encode(), digest_size=8).hexdigest()

    return token


def key_source(seed: str) -> Callable[[], bytes]:
    """SRTP keys that look random, differ, and are the same in every run."""
    token = token_source(f"{seed} keys")
    return lambda: bytes.fromhex("".join(token() for _ in range(4)))[:30]


def established(caller: Phone, callee: Phone, clock: FakeClock) -> OutgoingInvite:
    """A call from one to the other that is answered and acknowledged."""
    invite = caller.call(callee.uri)
    clock.advance(2)
    assert caller.events[-1] == "answered"
    assert callee.events[-1] == "acknowledged"
    caller.events.clear()
    callee.events.clear()
    caller.network.packets.clear()
    return invite


def assert_nothing_left(clock: FakeClock, *phones: Phone) -> None:
    """After everything has run out: no dialog, no transaction, no timer."""
    clock.advance(200)
    for phone in phones:
        assert phone.agent.dialogs == 0
        assert phone.agent.pending_invites == 0
        assert phone.agent.stack.client_transactions == 0
        assert phone.agent.stack.server_transactions == 0
    assert len(clock) == 0
