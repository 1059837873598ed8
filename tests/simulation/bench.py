"""One user agent facing one scripted peer: what the conformance tests of single messages are made of."""

from tests.simulation.phone import ANSWER, OFFER, Phone, assert_nothing_left
from tests.simulation.scripted_peer import Fields, ScriptedPeer
from tests.simulation.virtual_network import VirtualNetwork
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response
from trunkline.sip.outgoing_invite import OutgoingInvite
from trunkline.sip.ports import Address, Transport
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import IncomingOffer
from trunkline.sip.user_agent import UserAgentSettings


def leave_it(phone: Phone, invite: IncomingInvite) -> None:
    """Do nothing: the test will."""


def refuse_offers(phone: Phone, exchange: IncomingOffer) -> None:
    """Nothing is acceptable here (RFC 3261 §13.3.1.3)."""
    exchange.reject(488)


def answer_at_once(phone: Phone, invite: IncomingInvite) -> None:
    """Send the 200, with an answer or, to an INVITE without offer, with an offer."""
    invite.accept(body=ANSWER if invite.request.body else OFFER)


class Bench:
    """`phone` is 10.0.0.2, `peer` 10.0.0.9. One way takes 10 ms."""

    def __init__(
        self,
        *,
        settings: UserAgentSettings | None = None,
        transport: Transport = Transport.UDP,
        public: Address | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.network = VirtualNetwork(self.clock)
        self.phone = Phone(self.network, "10.0.0.2", settings=settings)
        self.peer = ScriptedPeer(self.network, transport=transport, public=public)
        self.phone.on_invite = leave_it
        self.cseq = 1
        """The last sequence number that the peer used."""
        self.tag = ""
        """The phone's tag in the call that is up."""

    @property
    def at(self) -> Address:
        """The phone's address."""
        return self.phone.host.address

    def settle(self) -> None:
        """Let what is under way arrive, and its answers too."""
        self.clock.advance(0.05)

    def invited(
        self, *, body: bytes = OFFER, headers: Fields = (), contact: str | None = None
    ) -> IncomingInvite:
        """The peer sends an INVITE; the phone has it."""
        self.peer.request("INVITE", self.at, cseq=self.cseq, body=body, headers=headers, contact=contact)
        self.settle()
        return self.phone.invites[-1]

    def call_from_peer(
        self, *, body: bytes = OFFER, headers: Fields = (), contact: str | None = None, ack_body: bytes = b""
    ) -> IncomingInvite:
        """A call from the peer, answered and acknowledged."""
        self.phone.on_invite = answer_at_once
        invite = self.invited(body=body, headers=headers, contact=contact)
        self.tag = self.peer.response_heard(200, "INVITE").to_tag or ""
        self.within("ACK", cseq=self.cseq, body=ack_body)
        self.phone.events.clear()
        return invite

    def within(
        self,
        method: str,
        *,
        cseq: int | None = None,
        body: bytes = b"",
        headers: Fields = (),
        contact: str | None = None,
        from_tag: str = "peer",
        call_id: str = "call-1",
    ) -> None:
        """The peer sends a request within the call that is up, with the next sequence number unless one is
        given.
        """
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        self.peer.request(
            method,
            self.at,
            cseq=cseq,
            body=body,
            headers=headers,
            contact=contact,
            to_tag=self.tag,
            from_tag=from_tag,
            call_id=call_id,
        )
        self.settle()

    def calling(self, *, uri: str = "sip:peer@10.0.0.9", **more: object) -> tuple[OutgoingInvite, Request]:
        """The phone sends an INVITE; the peer has it."""
        invite = self.phone.call(SipUri.parse(uri), **more)
        self.settle()
        return invite, self.peer.request_heard("INVITE")

    def call_to_peer(
        self,
        *,
        uri: str = "sip:peer@10.0.0.9",
        headers: Fields = (),
        contact: str | None = None,
        **more: object,
    ) -> OutgoingInvite:
        """A call to the peer, answered and acknowledged."""
        invite, request = self.calling(uri=uri, **more)
        self.peer.respond(request, 200, body=ANSWER, headers=headers, contact=contact)
        self.settle()
        self.tag = request.from_tag or ""
        assert self.phone.events[-1] == "answered"
        self.phone.events.clear()
        return invite

    def within_to_caller(self, method: str, *, cseq: int, body: bytes = b"", headers: Fields = ()) -> None:
        """The peer, which was called, sends a request within the call that is up."""
        request = self.peer.request_heard("INVITE")
        self.within(method, cseq=cseq, body=body, headers=headers, call_id=request.call_id)

    def hold_offers(self) -> list[IncomingOffer]:
        """From now on the phone leaves offers to the test: they are listed here."""
        held: list[IncomingOffer] = []

        def hold(phone: Phone, exchange: IncomingOffer) -> None:
            held.append(exchange)

        self.phone.on_offer = hold
        return held

    def heard(self, what: str) -> Request | Response:
        """The last message that the peer heard, of that summary."""
        for summary, message in zip(reversed(self.peer.summaries), reversed(self.peer.heard), strict=True):
            if summary == what:
                return message
        raise AssertionError(f"no {what} among {self.peer.summaries}")

    def finish(self) -> None:
        """Nothing may be left when all timers have run out."""
        assert_nothing_left(self.clock, self.phone)
