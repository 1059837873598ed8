"""Questions to DNS: one at a time per question, remembered for as long as DNS says.

`dns_exchange` asks one nameserver; here is which one is asked, and the bounds: each question's time, how many
are under way, how much is remembered and how long. Follows CNAMEs, across answers too.

An answer that can't be had anew counts on (RFC 8767): while the nameservers are away, and while too many
questions wait, which may be a customer's whose own server keeps them waiting.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rdtypes.IN.NAPTR
import dns.rdtypes.IN.SRV
import dns.resolver
import dns.rrset

from trunkline.clock import Clock
from trunkline.errors import ConfigError
from trunkline.net.dns_exchange import exchange
from trunkline.net.flows import packed
from trunkline.net.locating import Answer, Naptr, Outcome, Question, RecordType, Srv
from trunkline.sip.ports import Address

MAX_RECORDS: Final = 64
"""Records of one answer that are looked at."""
MAX_ALIASES: Final = 8
"""CNAMEs in a row, across answers (dnspython bounds them within one)."""

_FAILED: Final = Answer(Outcome.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSettings:
    """Whom to ask, and the bounds."""

    nameservers: tuple[str, ...] = ()
    """Addresses; empty takes those of /etc/resolv.conf. Search domains are not used: names in SIP are
    absolute.
    """
    port: int = 53
    hosts_file: Path = Path("/etc/hosts")
    attempt_s: float = 0.7
    """How long one nameserver has to answer before the next, or itself once more, is asked as well."""
    question_s: float = 1.4
    """How long one question may take, over all nameservers."""
    locate_s: float = 3.0
    """How long finding the targets of one URI may take."""
    cache_size: int = 4096
    """Questions whose answer is remembered."""
    max_ttl_s: float = 3600.0
    """An answer is not remembered longer, whatever its TTL."""
    negative_min_s: float = 5.0
    negative_max_s: float = 30.0
    """The bounds of how long "no such name" and failures are remembered (RFC 2308 gives the time in
    between).
    """
    stale_s: float = 24 * 3600.0
    """How long an answer counts on where none can be had (RFC 8767 §5 has one day to three)."""
    questions_at_once: int = 256


class _Known(NamedTuple):
    """What is remembered of one question."""

    until: float
    """From then on it is asked again."""
    answer: Answer
    stale_until: float
    """Until then the answer counts on when there is no other."""


class DnsClient:
    """Asks, shares and remembers. Lives in the running event loop."""

    def __init__(self, settings: DnsSettings, clock: Clock) -> None:
        """Raises `ConfigError` when there is nobody to ask."""
        self._settings: Final = settings
        self._clock: Final = clock
        self._servers = _nameservers(settings)
        self._remembered: dict[Question, _Known] = {}
        self._waiting: dict[Question, list[Callable[[Question, Answer], None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def remembered(self, question: Question) -> Answer | None:
        """The answer, if it is known and fresh."""
        known = self._remembered.get(question)
        if known is None or known.until <= self._clock.now():
            return None
        return known.answer

    def ask(self, question: Question, then: Callable[[Question, Answer], None]) -> None:
        """Call `then` once with the answer, later: never from within this call. It must not raise.

        Everyone who asks the same while the answer is out shares it. Too many questions at once fail, or get
        what was known last.
        """
        waiting = self._waiting.get(question)
        if waiting is not None:
            waiting.append(then)
            return
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= self._settings.questions_at_once:
            stale = self._stale(question)
            loop.call_soon(then, question, _FAILED if stale is None else stale.answer)
            return
        self._waiting[question] = [then]
        task = loop.create_task(self._find(question))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up every question; nobody is called any more."""
        tasks = list(self._tasks)
        self._waiting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _find(self, question: Question) -> None:
        settings = self._settings
        answer, ttl = _FAILED, 0.0
        with contextlib.suppress(TimeoutError, dns.exception.DNSException):
            async with asyncio.timeout(settings.question_s):
                answer, ttl = await self._query(question)
        now = self._clock.now()
        stale_until = now
        if answer.outcome is Outcome.FOUND:
            lasts = min(ttl, settings.max_ttl_s)
            stale_until += lasts + settings.stale_s
        else:
            lasts = min(max(ttl, settings.negative_min_s), settings.negative_max_s)
            stale = self._stale(question) if answer.outcome is Outcome.FAILED else None
            if stale is not None:
                answer, stale_until = stale.answer, stale.stale_until
        self._remember(question, _Known(now + lasts, answer, stale_until))
        for then in self._waiting.pop(question, ()):
            then(question, answer)

    def _stale(self, question: Question) -> _Known | None:
        """What was found last, while it counts on."""
        known = self._remembered.get(question)
        return known if known is not None and self._clock.now() < known.stale_until else None

    def _remember(self, question: Question, known: _Known) -> None:
        self._remembered.pop(question, None)
        if len(self._remembered) >= self._settings.cache_size:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[question] = known

    async def _query(self, question: Question) -> tuple[Answer, float]:
        """The answer and the seconds it is good for, following CNAMEs."""
        ttl = self._settings.max_ttl_s
        name = dns.name.from_text(question.name)
        for _ in range(MAX_ALIASES):
            response = await self._ask_servers(name, question.kind)
            if response is None:
                break
            found = response.resolve_chaining()
            ttl = min(ttl, found.minimum_ttl)
            if found.answer is not None:
                return _answer(found.answer), ttl
            if response.rcode() == dns.rcode.NXDOMAIN:
                return Answer(Outcome.NO_NAME), ttl
            if found.canonical_name == name:
                return Answer(Outcome.NO_DATA), ttl
            name = found.canonical_name
        return _FAILED, 0.0

    async def _ask_servers(self, name: dns.name.Name, kind: RecordType) -> dns.message.QueryMessage | None:
        """The first usable answer; None when every server has failed. One that is slow may still answer while
        the next one, or itself once more, is asked.
        """
        servers = list(self._servers)
        asked: dict[asyncio.Task[dns.message.QueryMessage], Address] = {}
        turn = 0
        try:
            while servers or asked:
                if servers:
                    server = servers[turn % len(servers)]
                    turn += 1
                    asked[asyncio.create_task(exchange(name, kind, server))] = server
                patience_s = self._settings.attempt_s if servers else None
                done, _ = await asyncio.wait(asked, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    server = asked.pop(task)
                    response = _usable(task)
                    if response is not None:
                        return response
                    if server in servers:
                        servers.remove(server)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return None


def _usable(done: asyncio.Task[dns.message.QueryMessage]) -> dns.message.QueryMessage | None:
    """What a server answered, unless it has failed."""
    try:
        response = done.result()
    except (dns.exception.DNSException, OSError, EOFError):
        return None
    return response if response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) else None


def _nameservers(settings: DnsSettings) -> list[Address]:
    hosts = settings.nameservers
    if not hosts:
        try:
            hosts = tuple(map(str, dns.resolver.Resolver().nameservers))
        except dns.exception.DNSException as error:
            raise ConfigError(f"no nameserver can be used: {error}") from error
    for host in hosts:
        if packed(host) is None:
            raise ConfigError(f"no nameserver can be used: {host} is not an IP address")
    return [Address(host, settings.port) for host in hosts]


def _answer(rrset: dns.rrset.RRset) -> Answer:
    addresses: list[str] = []
    services: list[Srv] = []
    pointers: list[Naptr] = []
    for record in list(rrset)[:MAX_RECORDS]:
        match record:
            case dns.rdtypes.IN.A.A() | dns.rdtypes.IN.AAAA.AAAA():
                addresses.append(record.address)
            case dns.rdtypes.IN.SRV.SRV():
                services.append(Srv(record.priority, record.weight, record.port, _name(record.target)))
            case dns.rdtypes.IN.NAPTR.NAPTR():
                pointers.append(
                    Naptr(
                        record.order,
                        record.preference,
                        record.flags.decode("latin-1"),
                        record.service.decode("latin-1"),
                        record.regexp.decode("latin-1"),
                        _name(record.replacement),
                    )
                )
            case _:
                pass
    return Answer(Outcome.FOUND, tuple(addresses), tuple(services), tuple(pointers))


def _name(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else ""
