"""RFC 3263 itself: a SIP URI becomes questions to DNS, and their answers the ordered targets to try.

Sans-I/O: `search` is a generator that yields the questions it has and is sent their answers; `resolver`
drives it. Owns RFC 3263 §4.1 and §4.2 (transport, port and address) and the selection of RFC 2782.

Settled here, where the RFC leaves room:
- All questions about one name go out at once: NAPTR, SRV of each transport, addresses. An answer that turns
  out not to be needed costs less than a round trip.
- NAPTR records of the lowest order that we can use are all used, by preference; those of a higher order are
  not (RFC 3403).
- Without NAPTR, a `sip:` name is tried by its UDP service, then its TCP one. TLS is used for `sips:`, for
  `transport=tls`, and where NAPTR says so.
- An SRV record may name an address, as some zones do, though RFC 2782 wants a host there.
- A service that can't be looked up counts as absent: its host's addresses are tried.
- Addresses of one name are tried IPv4 first, each family in an order of chance: a cache would pin the load to
  the first.
- A certificate has to be valid for the name in the URI, not for what DNS made of it (RFC 5922).
"""

import socket
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from enum import Enum, StrEnum, auto
from typing import Final, NamedTuple

from trunkline.net.flows import packed
from trunkline.sip.ports import Address, LocateFailure, Target, Transport
from trunkline.sip.response_path import DEFAULT_PORT
from trunkline.sip.uri import SipUri

MAX_TARGETS: Final = 16
"""What is left of a longer list is not tried."""
MAX_SERVICES: Final = 16
"""SRV records of one name that are looked at, NAPTR records likewise."""


class RecordType(StrEnum):
    """The DNS record types that matter here."""

    A = "A"
    AAAA = "AAAA"
    SRV = "SRV"
    NAPTR = "NAPTR"

    __hash__ = str.__hash__  # Enum's own is slow Python, and every look into the cache asks for it


class Question(NamedTuple):
    """One lookup. `name` is lower case, without the last dot."""

    name: str
    kind: RecordType


class Srv(NamedTuple):
    """RFC 2782."""

    priority: int
    weight: int
    port: int
    target: str
    """Empty when the service is declared not to exist (`.`)."""


class Naptr(NamedTuple):
    """RFC 3403."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


class Outcome(Enum):
    """How a question ended."""

    FOUND = auto()
    NO_DATA = auto()
    """The name exists, without a record of this type."""
    NO_NAME = auto()
    FAILED = auto()
    """No answer: SERVFAIL, a time-out, rubbish."""


class Answer(NamedTuple):
    """What DNS said. Only the field of the question's type is filled."""

    outcome: Outcome
    addresses: tuple[str, ...] = ()
    services: tuple[Srv, ...] = ()
    pointers: tuple[Naptr, ...] = ()


Answers = Mapping[Question, Answer]
Search = Generator[Sequence[Question], Answers, list[Target] | LocateFailure]

_BY_SERVICE_FIELD: Final = {"SIPS+D2T": Transport.TLS, "SIP+D2T": Transport.TCP, "SIP+D2U": Transport.UDP}
_SERVICE_PREFIX: Final = {
    Transport.UDP: "_sip._udp.",
    Transport.TCP: "_sip._tcp.",
    Transport.TLS: "_sips._tcp.",
}
_UNKNOWN: Final = Answer(Outcome.FAILED)


def direct(uri: SipUri) -> list[Target] | LocateFailure | None:
    """The target of a URI whose host is an address literal; None for a name, which has to be searched for."""
    host = uri.maddr or uri.host
    transport = _transport(uri)
    if isinstance(transport, LocateFailure):
        return transport
    address = packed(host)
    if address is None:
        return None
    if not _is_unicast(address):
        return LocateFailure(f"{host} is not a host's address")
    if transport is None:
        transport = Transport.TLS if uri.scheme == "sips" else Transport.UDP
    return [Target(transport, Address(_text(address), uri.port or DEFAULT_PORT[transport]))]


def search(uri: SipUri, *, ipv6: bool, chance: Callable[[], float]) -> Search:
    """Find the targets of a URI whose host is a name. `ipv6`: whether such addresses are of use.

    `chance` gives floats of [0, 1).
    """
    transport = _transport(uri)
    if isinstance(transport, LocateFailure):
        return transport
    seeker = _Seeker((uri.maddr or uri.host).rstrip("."), ipv6=ipv6, chance=chance)
    default = Transport.TLS if uri.scheme == "sips" else Transport.UDP
    if uri.port is not None:
        yield from seeker.ask(seeker.address_questions(seeker.host))
        return seeker.hosts_at(transport or default, uri.port)
    if transport is not None:
        return (yield from seeker.by_services([transport]))
    offered = [Transport.TLS] if uri.scheme == "sips" else [Transport.UDP, Transport.TCP]
    return (yield from seeker.by_pointers(offered, secure=uri.scheme == "sips"))


def in_order(services: Sequence[Srv], chance: Callable[[], float]) -> list[Srv]:
    """SRV records in the order to try them: by priority, within one by chance, weighted (RFC 2782)."""
    ordered: list[Srv] = []
    for priority in sorted({service.priority for service in services}):
        rest = sorted(
            (each for each in services if each.priority == priority), key=lambda each: each.weight > 0
        )
        while rest:
            draw = int(chance() * (sum(each.weight for each in rest) + 1))
            total = 0
            for index, service in enumerate(rest):
                total += service.weight
                if total >= draw:
                    ordered.append(rest.pop(index))
                    break
    return ordered


class _Seeker:
    """One search: the answers so far, and what they add up to."""

    def __init__(self, host: str, *, ipv6: bool, chance: Callable[[], float]) -> None:
        self.host = host
        self._kinds = (RecordType.A, RecordType.AAAA) if ipv6 else (RecordType.A,)
        self._chance = chance
        self._known: dict[Question, Answer] = {}

    def ask(self, questions: Iterable[Question]) -> Generator[Sequence[Question], Answers, None]:
        """Get the answers to those questions that are still open, all at once."""
        fresh = [question for question in dict.fromkeys(questions) if question not in self._known]
        if fresh:
            self._known.update((yield fresh))

    def address_questions(self, name: str) -> list[Question]:
        return [Question(name, kind) for kind in self._kinds]

    def by_pointers(
        self, offered: list[Transport], *, secure: bool
    ) -> Generator[Sequence[Question], Answers, list[Target] | LocateFailure]:
        """Neither transport nor port is given: NAPTR decides, else the services that exist (§4.1)."""
        pointer_question = Question(self.host, RecordType.NAPTR)
        direct_services = [(each, self._service(each)) for each in offered]
        yield from self.ask(
            [
                pointer_question,
                *(question for _, question in direct_services),
                *self.address_questions(self.host),
            ]
        )
        pointed = _usable(self._answer(pointer_question).pointers, secure=secure)
        if pointed:
            yield from self.ask([question for _, question in pointed])
            targets = yield from self._targets_of(pointed)
            if targets:
                return targets
        return (yield from self._by_srv(direct_services, pointed[0][0] if pointed else None))

    def by_services(
        self, transports: list[Transport]
    ) -> Generator[Sequence[Question], Answers, list[Target] | LocateFailure]:
        """The transport is given, the port is not: SRV, else the host itself at the default port (§4.2)."""
        services = [(each, self._service(each)) for each in transports]
        yield from self.ask([*(question for _, question in services), *self.address_questions(self.host)])
        return (yield from self._by_srv(services, None))

    def _by_srv(
        self, services: Sequence[tuple[Transport, Question]], preferred: Transport | None
    ) -> Generator[Sequence[Question], Answers, list[Target] | LocateFailure]:
        """The services' targets; where no SRV record exists, the host's at the default port of a
        transport.
        """
        targets = yield from self._targets_of(services)
        if targets:
            return targets
        left = [transport for transport, question in services if not self._answer(question).services]
        for _, question in services:
            if any(record.target for record in self._answer(question).services):
                return LocateFailure(f"no host that {question.name} names has an address in DNS")
        if not left:
            return LocateFailure(f"{self.host} declares that it offers no SIP over {services[0][0]}")
        transport = preferred or left[0]
        return self.hosts_at(transport, DEFAULT_PORT[transport])

    def hosts_at(self, transport: Transport, port: int) -> list[Target] | LocateFailure:
        """The host's own addresses, at `port`."""
        targets = list(self._targets_at(transport, self.host, port))
        return _first_of(targets) if targets else self._failure()

    def _service(self, transport: Transport) -> Question:
        return Question(f"{_SERVICE_PREFIX[transport]}{self.host}", RecordType.SRV)

    def _answer(self, question: Question) -> Answer:
        return self._known.get(question, _UNKNOWN)

    def _targets_of(
        self, services: Sequence[tuple[Transport, Question]]
    ) -> Generator[Sequence[Question], Answers, list[Target]]:
        """The targets of services whose SRV records are known, their hosts' addresses asked for all at
        once.
        """
        chosen: list[tuple[Transport, Srv]] = []
        for transport, question in services:
            records = [each for each in self._answer(question).services[:MAX_SERVICES] if each.target]
            chosen += [(transport, record) for record in in_order(records, self._chance)]
        chosen = chosen[:MAX_SERVICES]
        yield from self.ask(
            question
            for _, record in chosen
            if packed(record.target) is None
            for question in self.address_questions(record.target)
        )
        targets: list[Target] = []
        for transport, record in chosen:
            targets += self._targets_at(transport, record.target, record.port)
        return _first_of(targets)

    def _targets_at(self, transport: Transport, name: str, port: int) -> Iterable[Target]:
        server_name = self.host if transport is Transport.TLS else None
        for kind in self._kinds:
            hosts = list(self._answer(Question(name, kind)).addresses)
            if kind is RecordType.A and packed(name) is not None:
                hosts = [name]
            for index in range(len(hosts) - 1, 0, -1):
                other = int(self._chance() * (index + 1))
                hosts[index], hosts[other] = hosts[other], hosts[index]
            for host in hosts:
                address = packed(host)
                if address is not None and _is_unicast(address) and port:
                    yield Target(transport, Address(_text(address), port), server_name)

    def _failure(self) -> LocateFailure:
        outcomes = {answer.outcome for question, answer in self._known.items() if question.name == self.host}
        if Outcome.NO_NAME in outcomes:
            return LocateFailure(f"{self.host} does not exist in DNS")
        if Outcome.FAILED in outcomes:
            return LocateFailure(f"DNS gives no answer about {self.host}")
        return LocateFailure(f"{self.host} has no address in DNS")


def _transport(uri: SipUri) -> Transport | LocateFailure | None:
    """What the transport parameter asks for; None when it is absent. `sips` makes TCP mean TLS (RFC 3261
    §26.2.2).
    """
    named = uri.transport
    if named is None:
        return None
    secure = uri.scheme == "sips"
    if named == "tls" or (secure and named == "tcp"):
        return Transport.TLS
    if not secure and named in ("udp", "tcp"):
        return Transport.UDP if named == "udp" else Transport.TCP
    return LocateFailure(f"transport {named} is not offered for a {uri.scheme} URI")


def _usable(pointers: Sequence[Naptr], *, secure: bool) -> list[tuple[Transport, Question]]:
    """The services that NAPTR points to, most preferred first (RFC 3263 §4.1)."""
    usable = [
        pointer
        for pointer in pointers[:MAX_SERVICES]
        if pointer.flags.lower() == "s"
        and not pointer.regexp
        and pointer.replacement
        and pointer.service.upper() in _BY_SERVICE_FIELD
        and (not secure or pointer.service.upper() == "SIPS+D2T")
    ]
    if not usable:
        return []
    lowest = min(pointer.order for pointer in usable)
    best = sorted((each for each in usable if each.order == lowest), key=lambda each: each.preference)
    return [
        (_BY_SERVICE_FIELD[each.service.upper()], Question(each.replacement, RecordType.SRV)) for each in best
    ]


def _first_of(targets: Iterable[Target]) -> list[Target]:
    return list(dict.fromkeys(targets))[:MAX_TARGETS]


def _is_unicast(address: bytes) -> bool:
    """Neither unspecified, multicast, broadcast nor reserved: an address that a host may have."""
    if len(address) == 4:
        return address[0] != 0 and address[0] < 224
    if address.startswith(_MAPPED):
        return _is_unicast(address[12:])
    return address[0] != 0xFF and any(address)


_MAPPED: Final = bytes(10) + b"\xff\xff"


def _text(address: bytes) -> str:
    """The one spelling of an address; an IPv4-mapped one as IPv4."""
    if len(address) == 4 or address.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, address[-4:])
    return socket.inet_ntop(socket.AF_INET6, address)
