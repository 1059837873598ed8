"""Turns SIP URIs into targets: the `Locator` of `trunkline.sip.ports`.

Answers at once for address literals, for names that the machine knows itself, and while everything needed is
remembered; else when DNS has answered, or has had its time. The rules are `locating`, the questions
`dns_client`, the local names `hosts_file`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from trunkline.clock import Clock, Timer
from trunkline.net.dns_client import DnsClient, DnsSettings
from trunkline.net.flows import Silence, TransportEvents
from trunkline.net.hosts_file import HostsFile
from trunkline.net.locating import Answer, Outcome, Question, RecordType, Search, direct, search
from trunkline.sip.ports import LocateFailure, Target
from trunkline.sip.uri import SipUri

Then = Callable[[Sequence[Target] | LocateFailure], None]


class Resolver:
    """Finds targets. Lives in the running event loop; close it when done."""

    def __init__(
        self,
        settings: DnsSettings,
        clock: Clock,
        chance: Callable[[], float],
        *,
        ipv6: bool = True,
        events: TransportEvents | None = None,
    ) -> None:
        """`chance` gives floats of [0, 1); `ipv6` tells whether IPv6 can be sent. Raises `ConfigError`."""
        self._settings: Final = settings
        self._clock: Final = clock
        self._chance: Final = chance
        self._ipv6: Final = ipv6
        self._events: Final[TransportEvents] = Silence() if events is None else events
        self._client: Final = DnsClient(settings, clock)
        self._hosts: Final = HostsFile(settings.hosts_file, clock.now)

    def locate(self, uri: SipUri, then: Then) -> None:
        """Call `then` exactly once with the targets of `uri`, best first and never empty, or with the
        failure.
        """
        found = direct(uri)
        if found is not None:
            then(found)
            return
        searching = search(uri, ipv6=self._ipv6, chance=self._chance)
        _Lookup(self, uri.hostport, searching, then).begin()

    async def close(self) -> None:
        """Give up; lookups under way are never answered."""
        await self._client.close()

    def known(self, question: Question) -> Answer | None:
        """What can be said without waiting."""
        if question.kind in (RecordType.A, RecordType.AAAA):
            addresses = self._hosts.lookup(question.name)
            if addresses is None:
                return self._client.remembered(question)
            ipv6 = question.kind is RecordType.AAAA
            return _addresses_only(tuple(each for each in addresses if (":" in each) == ipv6))
        if self._hosts.lookup(_host_of(question.name)) is not None:
            return _addresses_only(())
        return self._client.remembered(question)

    def ask(self, question: Question, then: Callable[[Question, Answer], None]) -> None:
        """Ask DNS."""
        self._client.ask(question, then)

    def give_up_at(self, fire: Callable[[], None]) -> Timer:
        """Arm the timer of a lookup that begins now."""
        return self._clock.at(self._clock.now() + self._settings.locate_s, fire)

    def tell(self, then: Then, found: Sequence[Target] | LocateFailure) -> None:
        """Call back from the event loop, where nobody else would catch."""
        try:
            then(found)
        except Exception as error:  # noqa: BLE001 - the door where a fault in one callback stops
            self._events.faulted("located", error)


class _Lookup:
    """One `locate` that is under way: feeds a search what is known, and asks for the rest."""

    __slots__ = ("_answers", "_host", "_missing", "_resolver", "_search", "_then", "_timer", "_waits")

    def __init__(self, resolver: Resolver, host: str, search: Search, then: Then) -> None:
        self._resolver = resolver
        self._host = host
        self._search = search
        self._then: Then | None = then
        self._answers: dict[Question, Answer] = {}
        self._missing = 0
        self._timer: Timer | None = None
        self._waits = False

    def begin(self) -> None:
        """Go as far as what is known leads: to the end, if all is."""
        self._advance(lambda: next(self._search))

    def _advance(self, step: Callable[[], Sequence[Question]]) -> None:
        while True:
            try:
                questions = step()
            except StopIteration as end:
                self._finish(end.value)
                return
            missing = self._answer_known(questions)
            if missing:
                self._wait_for(missing)
                return
            step = self._resume

    def _resume(self) -> Sequence[Question]:
        return self._search.send(self._answers)

    def _answer_known(self, questions: Sequence[Question]) -> list[Question]:
        self._answers = {}
        missing = []
        for question in questions:
            answer = self._resolver.known(question)
            if answer is None:
                missing.append(question)
            else:
                self._answers[question] = answer
        return missing

    def _wait_for(self, missing: list[Question]) -> None:
        self._missing = len(missing)
        if self._timer is None:
            self._timer = self._resolver.give_up_at(self._time_ran_out)
        self._waits = True
        for question in missing:
            self._resolver.ask(question, self._answered)

    def _answered(self, question: Question, answer: Answer) -> None:
        if self._then is None:
            return
        self._answers[question] = answer
        self._missing -= 1
        if not self._missing:
            self._advance(self._resume)

    def _time_ran_out(self) -> None:
        self._timer = None
        self._search.close()
        self._finish(LocateFailure(f"DNS gives no answer about {self._host} in time"))

    def _finish(self, found: list[Target] | LocateFailure) -> None:
        then = self._then
        if then is None:
            return
        self._then = None
        if self._timer is not None:
            self._timer.cancel()
        if self._waits:
            self._resolver.tell(then, found)
        else:
            then(found)


def _addresses_only(addresses: tuple[str, ...]) -> Answer:
    return Answer(Outcome.FOUND if addresses else Outcome.NO_DATA, addresses)


def _host_of(name: str) -> str:
    """The host that a service's name (`_sip._udp.host`) or a host's own is about."""
    return name.split(".", 2)[2] if name.startswith("_") and name.count(".") >= 2 else name
