"""A world for calls: one node as `trunkline.node` makes it, but for its sockets; a customer's PBX, a
carrier with
two gateways, and further phones, on one virtual network and clock.

Addresses: the node is 10.0.0.1, the customer 10.0.0.2, the gateways 10.0.0.3 and 10.0.0.4. One way takes 10
ms.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

from tests.simulation.books import Books
from tests.simulation.descriptions import audio
from tests.simulation.door_log import DoorLog
from tests.simulation.phone import Phone, key_source, token_source
from tests.simulation.scripted_peer import Fields, ScriptedPeer
from tests.simulation.virtual_network import LinkQuality, VirtualNetwork
from tests.unit.trunk.entities import table
from tests.unit.virtual_clock import FakeClock
from trunkline.call.call import Call
from trunkline.call.doorman import Doorman
from trunkline.call.gateway_finder import GatewayFinder
from trunkline.call.ports import NonceIssuers
from trunkline.call.record import AttemptRecord, CallRecord
from trunkline.call.registrar import Registrar
from trunkline.call.services import CallSettings, Services
from trunkline.call.switch import Switch
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_leg import FakeLeg
from trunkline.media.fake_network import FakeNetwork
from trunkline.sip.digest import Algorithm, Challenger, ha1
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.nonce import NonceCounts
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.outgoing_invite import OutgoingInvite
from trunkline.sip.ports import Flow, Target, Transport
from trunkline.sip.uri import SipUri
from trunkline.sip.user_agent import ALLOW, UserAgent, UserAgentSettings
from trunkline.trunk.account import Account, Credential
from trunkline.trunk.carrier import Carrier, Gateway
from trunkline.trunk.directory import Directory, Put, Snapshot
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.fraud import Alarm, FraudWatch
from trunkline.trunk.health import HealthBook
from trunkline.trunk.limits import AccountLimits, inbound_key
from trunkline.trunk.number import Number
from trunkline.trunk.registrations import Registrations
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.trunk.verdict import Slug, Verdict

DOMAIN = "sip.example.net"
KEY, SECRET = "abc123", "s3cret"
NUMBER = "442079460000"
"""Of the account."""
CALLEE = "493012345678"
"""Somewhere in the world."""
NODE, CUSTOMER, GATEWAY, GATEWAY_2 = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"
SETTINGS = CallSettings(DOMAIN, "node-1")


def credential(key: str = KEY, secret: str = SECRET) -> Credential:
    """What the directory keeps of a secret."""
    return Credential(ha1(key, DOMAIN, secret, Algorithm.MD5), ha1(key, DOMAIN, secret, Algorithm.SHA_256))


ACCOUNT = Account(KEY, credentials=(credential(),))
PASSING_ONLY = replace(ACCOUNT, transcoding=False)
"""Both peers of its calls have to share a codec."""
CARRIER = Carrier(
    "carrier",
    (Gateway(SipUri.parse(f"sip:{GATEWAY}")), Gateway(SipUri.parse(f"sip:{GATEWAY_2}"), priority=1)),
    sources=(ip_network(f"{GATEWAY}/32"),),
)


class NoTrace:
    """A ladder that remembers which SIP calls belong to which call."""

    def __init__(self) -> None:
        self.links: dict[str, str] = {}
        self.closed: list[str] = []
        self.dropped: list[str] = []

    def link(self, sip_call_id: str, call_id: str) -> None:
        self.links[sip_call_id] = call_id

    def close(self, call_id: str) -> None:
        self.closed.append(call_id)

    def drop(self, call_id: str) -> None:
        self.dropped.append(call_id)


class SimulatedNode:
    """A node's signalling over a fake media engine."""

    def __init__(
        self,
        network: VirtualNetwork,
        snapshot: Snapshot,
        *,
        address: str = NODE,
        settings: CallSettings = SETTINGS,
        agent_settings: UserAgentSettings | None = None,
        media: FakeNetwork | None = None,
        ports: int = 1000,
        issuers: NonceIssuers | None = None,
    ) -> None:
        """`issuers`: the other nodes, each of which counts its own nonces."""
        clock = network.clock
        assert isinstance(clock, FakeClock)
        self.clock = clock
        self.host = network.host(address)
        self.books = Books()
        self.trace = NoTrace()
        self.engine = FakeEngine(clock, network=media, address=address, port_max=10_000 + 2 * ports)
        self.legs: list[FakeLeg] = []
        self.door = DoorLog()
        self.alarms: list[Alarm] = []
        self.passed_over: list[CallRecord] = []
        self.directory = Directory(snapshot)
        self.limits = AccountLimits(clock)
        self.health = HealthBook(clock)
        self.registrations = Registrations(clock)
        token = token_source(address)
        self.services = Services(
            clock=clock,
            token=lambda: token() + token(),
            key=key_source(address),
            pick=lambda weights: 0,
            media=self.engine,
            records=self.books,
            trace=self.trace,
            directory=self.directory,
            limits=self.limits,
            fraud=FraudWatch(clock, self.alarms.append),
            health=self.health,
            registrations=self.registrations,
            settings=settings,
            passed_over=self.passed_over.append,
        )
        challenger = Challenger(
            DOMAIN,
            hashlib.sha256(b"key").digest(),
            clock,
            counts=None if issuers is None else NonceCounts(),
            edge=address,
        )
        doorman = Doorman(
            challenger,
            self.directory,
            clock,
            events=self.door,
            issuers=issuers,
        )
        self.registrar = Registrar(self.registrations, clock, self.books, DOMAIN)
        self.switch = Switch(self.services, doorman, self.registrar)
        self.agent = self.services.agent = UserAgent(
            clock=clock,
            connector=self.host,
            locator=self.host,
            token=self.services.token,
            user=self.switch,
            settings=agent_settings or UserAgentSettings(product="Trunkline", allow=(*ALLOW, "REGISTER")),
            secret=b"another secret of more bytes",
        )
        self.host.receiver = self.agent
        self.gateway_finder = GatewayFinder(self.services)
        self.gateway_finder.refresh()

    @property
    def uri(self) -> SipUri:
        return SipUri("sip", None, self.host.address.host)

    @property
    def the_call(self) -> Call:
        """The only call that is up."""
        (call,) = self.switch
        return call

    def put(self, entity: Account | Number | Carrier | Route) -> None:
        """Change the directory."""
        self.directory.apply(Put(entity))
        if isinstance(entity, Carrier):
            self.gateway_finder.refresh()

    def assert_idle(self) -> None:
        """No call, dialog, transaction or media port; every record closed."""
        self.books.assert_closed()
        agent = self.agent
        assert len(self.switch) == 0
        assert agent.dialogs == 0
        assert agent.pending_invites == 0
        assert agent.stack.client_transactions == 0
        assert agent.stack.server_transactions == 0
        assert self.engine.open_legs == 0
        keys = [account.key for account in self.directory.accounts()]
        assert all(self.limits.calls_up(key) == self.limits.calls_up(inbound_key(key)) == 0 for key in keys)
        assert sorted(self.trace.closed) == sorted(record.call_id for record in self.books.calls)


def answering(phone: Phone, invite: IncomingInvite) -> None:
    """Ring, answer after a second, with audio at the phone's own address."""
    invite.progress(180)
    phone.agent.clock.at(phone.agent.clock.now() + 1, lambda: answer(phone, invite))


def answer(phone: Phone, invite: IncomingInvite, **changes: object) -> None:
    """Send the 200 with audio at the phone's own address."""
    invite.accept(body=audio(phone.host.address.host, **changes))  # type: ignore[arg-type]


def rejecting(
    status: int, *, headers: tuple[tuple[str, str], ...] = ()
) -> Callable[[Phone, IncomingInvite], None]:
    """Refuse at once."""

    def reject(phone: Phone, invite: IncomingInvite) -> None:
        invite.reject(status, headers=headers)

    return reject


def ringing(phone: Phone, invite: IncomingInvite) -> None:
    """Ring, and never answer."""
    invite.progress(180)


def silent(phone: Phone, invite: IncomingInvite) -> None:
    """Say nothing. The user agent would send a 100 after 200 ms: `World.mute` keeps that off the wire too."""


def early_media(phone: Phone, invite: IncomingInvite) -> None:
    """183 with SDP, and no more."""
    invite.progress(183, body=audio(phone.host.address.host))


def follow_offer(phone: Phone, exchange: IncomingOffer) -> None:
    """Answer a re-INVITE or UPDATE as a phone does: hold is mirrored."""
    body = exchange.request.body
    phone.answered_offers.append(body)
    mirrored = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
    wanted = next((mirrored[one] for one in mirrored if f"a={one}".encode() in body), None)
    exchange.accept(audio(phone.host.address.host, direction=wanted, version=2))


class ChallengingPeer:
    """Takes a re-INVITE or UPDATE with credentials alone."""

    CHALLENGE = ("Proxy-Authenticate", 'Digest realm="carrier.test", nonce="n1", algorithm=MD5, qop="auth"')

    def __init__(self) -> None:
        self.answers: list[str | None] = []
        """What each had for Proxy-Authorization."""

    def __call__(self, phone: Phone, exchange: IncomingOffer) -> None:
        answer = exchange.request.headers.get("proxy-authorization")
        self.answers.append(answer)
        if answer is None:
            exchange.reject(407, headers=(self.CHALLENGE,))
        else:
            follow_offer(phone, exchange)


class CarrierPeer:
    """A carrier that says exactly what it is told, message by message, in one call to `NUMBER`."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.peer = ScriptedPeer(world.network, GATEWAY)
        self.at = world.node.host.address
        self.uri = f"sip:{NUMBER}@{NODE}"
        self.cseq = 1
        self.tag = ""

    def invite(self, body: bytes = b"", headers: Fields = (), *, answered: bool = False) -> None:
        """Send the INVITE; with `answered`, wait for the 200 and acknowledge it."""
        self.peer.request("INVITE", self.at, uri=self.uri, body=body, headers=headers)
        if answered:
            self.world.clock.advance(2)
            self.acknowledge(b"" if body else None)

    def acknowledge(self, body: bytes | None = None) -> None:
        """ACK the 200, with an answer to the offer in it unless `body` says otherwise."""
        self.tag = self.peer.response_heard(200, "INVITE").to_tag or ""
        answer = audio(GATEWAY, codecs=(8,)) if body is None else body
        self.within("ACK", body=answer, cseq=self.cseq)

    def within(
        self, method: str, *, cseq: int | None = None, body: bytes = b"", headers: Fields = ()
    ) -> None:
        """A request within the dialog."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        self.peer.request(
            method, self.at, uri=self.uri, to_tag=self.tag, cseq=cseq, body=body, headers=headers
        )
        self.world.clock.advance(0.1)

    def hang_up(self) -> None:
        self.within("BYE")


class World:
    """See the module. `forwarding` is the list of `NUMBER`."""

    def __init__(
        self,
        *,
        forwarding: str = f"pbx@{CUSTOMER}",
        account: Account = ACCOUNT,
        carrier: Carrier = CARRIER,
        numbers: tuple[Number, ...] = (),
        settings: CallSettings = SETTINGS,
        agent_settings: UserAgentSettings | None = None,
        phone_settings: UserAgentSettings | None = None,
        seed: int = 0,
        quality: LinkQuality | None = None,
        ports: int = 1000,
        issuers: NonceIssuers | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.network = VirtualNetwork(self.clock, seed, quality)
        number = Number(NUMBER, account.key, ForwardingList.parse(forwarding))
        self.node = SimulatedNode(
            self.network,
            Snapshot(
                (account,), table(number, *numbers), (carrier,), (Route("", (RouteCarrier(carrier.name),)),)
            ),
            settings=settings,
            agent_settings=agent_settings,
            ports=ports,
            issuers=issuers,
        )
        self._phone_settings = phone_settings
        self.phones: list[Phone] = []
        self.customer = self.phone(CUSTOMER)
        self.gateway = self.phone(GATEWAY)

    def phone(self, address: str) -> Phone:
        """One more phone; it answers calls and follows offers."""
        phone = Phone(self.network, address, settings=self._phone_settings)
        phone.on_invite = answering
        phone.on_offer = follow_offer
        self.phones.append(phone)
        return phone

    def change_number(self, **changes: object) -> None:
        """Another setting of `NUMBER`."""
        number = self.node.directory.number(NUMBER)
        assert number is not None
        self.node.put(replace(number, **changes))  # type: ignore[arg-type]

    # -- calls -------------------------------------------------------------------------------------

    def outbound(self, called: str = CALLEE, **more: object) -> OutgoingInvite:
        """The customer calls somebody, answering the challenge."""
        parameters: dict[str, object] = {
            "from_": NameAddr(None, SipUri("sip", NUMBER, DOMAIN)),
            "to": NameAddr(None, SipUri("sip", called, DOMAIN)),
            "credentials": DigestUser(KEY, SECRET),
            "body": audio(self.customer.host.address.host),
        }
        parameters.update(more)
        return self.customer.call(SipUri("sip", called, NODE), **parameters)

    def inbound(self, called: str = NUMBER, **more: object) -> OutgoingInvite:
        """The carrier brings a call."""
        parameters: dict[str, object] = {
            "from_": NameAddr(None, SipUri("sip", CALLEE, GATEWAY)),
            "to": NameAddr(None, SipUri("sip", called, NODE)),
            "body": audio(self.gateway.host.address.host),
        }
        parameters.update(more)
        return self.gateway.call(SipUri("sip", called, NODE), **parameters)

    def talking_outbound(self, **more: object) -> OutgoingInvite:
        """An answered call of the customer; the event lists begin afresh."""
        return self._answered(self.outbound(**more), self.customer, self.gateway)  # type: ignore[arg-type]

    def talking_inbound(self, **more: object) -> OutgoingInvite:
        """An answered call of the carrier; the event lists begin afresh."""
        return self._answered(self.inbound(**more), self.gateway, self.customer)  # type: ignore[arg-type]

    def _answered(self, invite: OutgoingInvite, caller: Phone, callee: Phone) -> OutgoingInvite:
        self.clock.advance(2)
        assert caller.events[-1] == "answered", caller.events
        assert callee.events[-1] == "acknowledged", callee.events
        caller.events.clear()
        callee.events.clear()
        return invite

    def customer_cancels(self) -> None:
        """The customer gives the only call up that rings."""
        self.node.the_call.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))

    def use_gateway(self, address: str) -> None:
        """The carrier has this one gateway only."""
        carrier = self.node.directory.carrier("carrier")
        assert carrier is not None
        self.node.put(replace(carrier, gateways=(Gateway(SipUri.parse(f"sip:{address}")),)))

    def outbound_to_peer(self) -> tuple[ScriptedPeer, Request]:
        """The customer calls somebody at `GATEWAY_2`, a scripted peer; the INVITE that it has got."""
        peer = ScriptedPeer(self.network, GATEWAY_2)
        self.use_gateway(GATEWAY_2)
        self.outbound()
        self.clock.advance(0.2)
        return peer, peer.request_heard("INVITE")

    def carrier_peer(self) -> CarrierPeer:
        """From now on the carrier is a scripted peer."""
        self.network.remove(self.gateway.host)
        self.phones.remove(self.gateway)
        return CarrierPeer(self)

    def mute(self, phone: Phone) -> None:
        """From now on everything that `phone` sends is lost."""
        earlier = self.network.drop
        self.network.drop = lambda packet: packet.source == phone.host.seen_as or earlier(packet)

    # -- what was seen -----------------------------------------------------------------------------

    def heard_by(self, phone: Phone, method: str) -> list[Request]:
        """The requests of that method that were sent to `phone`, repetitions included."""
        return [
            message
            for packet in self.network.packets
            if packet.destination == phone.host.seen_as
            and isinstance(message := packet.message, Request)
            and message.method == method
        ]

    @property
    def record(self) -> CallRecord:
        """Of the only call."""
        return self.node.books.call

    @property
    def slug(self) -> Slug:
        """What the only call ended with."""
        assert self.record.verdict is not None
        return self.record.verdict.slug

    @property
    def attempts(self) -> list[AttemptRecord]:
        return self.node.books.attempts

    @property
    def attempt_slugs(self) -> list[Slug]:
        """Why each attempt ended."""
        return [attempt.verdict.slug for attempt in self.attempts if attempt.verdict is not None]

    def flow_from(self, phone: Phone) -> Flow:
        """How the node sees `phone`."""
        return self.node.host.flow_to(Target(Transport.UDP, phone.host.seen_as))

    def heard_by_node(self, method: str) -> list[Request]:
        """The requests of that method that were sent to the node."""
        return [
            message
            for packet in self.network.packets
            if packet.destination == self.node.host.seen_as
            and isinstance(message := packet.message, Request)
            and message.method == method
        ]

    def finish(self) -> None:
        """Let everything run out; nothing may be left, and every record must be closed."""
        self.node.gateway_finder.stop()
        self.clock.advance(200)
        for phone in self.phones:
            assert phone.agent.dialogs == 0
            assert phone.agent.pending_invites == 0
            assert phone.agent.stack.client_transactions == 0
            assert phone.agent.stack.server_transactions == 0
        self.node.assert_idle()
        assert len(self.clock) == 0
