"""Questions to a real server on loopback: sharing, remembering, failing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.unit.net.dns_server import DnsServer, dns_server
from tests.unit.net.wire import until
from tests.unit.virtual_clock import FakeClock
from trunkline.errors import ConfigError
from trunkline.net.dns_client import DnsClient, DnsSettings
from trunkline.net.locating import Answer, Naptr, Outcome, Question, RecordType, Srv

HOST = Question("pbx.example", RecordType.A)


class Asker:
    """A client, its clock and what it was told."""

    def __init__(self, server: DnsServer, clock: FakeClock, settings: DnsSettings) -> None:
        self.server = server
        self.clock = clock
        self.client = DnsClient(settings, clock)
        self.told: list[tuple[Question, Answer]] = []

    def ask(self, question: Question) -> None:
        self.client.ask(question, lambda asked, answer: self.told.append((asked, answer)))

    async def answer(self, question: Question) -> Answer:
        """Ask, and wait."""
        count = len(self.told)
        self.ask(question)
        await until(lambda: len(self.told) > count)
        assert self.told[-1][0] == question
        return self.told[-1][1]


@asynccontextmanager
async def asker(**settings: object) -> AsyncIterator[Asker]:
    async with dns_server() as server:
        made = DnsSettings(nameservers=("127.0.0.1",), port=server.port, **settings)  # type: ignore[arg-type]
        one = Asker(server, FakeClock(), made)
        try:
            yield one
        finally:
            await one.client.close()


async def test_each_type_is_read() -> None:
    async with asker() as one:
        one.server.add("pbx.example", "A", "192.0.2.1", "192.0.2.2")
        one.server.add("pbx.example", "AAAA", "2001:db8::1")
        one.server.add("_sip._udp.pbx.example", "SRV", "10 60 5060 A.example.", "20 0 0 .")
        one.server.add("pbx.example", "NAPTR", '50 60 "s" "SIP+D2U" "" _sip._udp.pbx.example.')
        assert set((await one.answer(HOST)).addresses) == {"192.0.2.1", "192.0.2.2"}
        assert (await one.answer(Question("pbx.example", RecordType.AAAA))).addresses == ("2001:db8::1",)
        services = (await one.answer(Question("_sip._udp.pbx.example", RecordType.SRV))).services
        assert set(services) == {Srv(10, 60, 5060, "a.example"), Srv(20, 0, 0, "")}
        pointers = (await one.answer(Question("pbx.example", RecordType.NAPTR))).pointers
        assert pointers == (Naptr(50, 60, "s", "SIP+D2U", "", "_sip._udp.pbx.example"),)


async def test_an_answer_is_remembered_for_its_ttl() -> None:
    async with asker() as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        one.server.ttl = 60
        assert one.client.remembered(HOST) is None
        answer = await one.answer(HOST)
        one.clock.advance(59.0)
        assert one.client.remembered(HOST) == answer
        one.clock.advance(1.0)
        assert one.client.remembered(HOST) is None


async def test_no_answer_is_remembered_longer_than_the_limit() -> None:
    async with asker(max_ttl_s=100.0) as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        one.server.ttl = 86_400
        await one.answer(HOST)
        one.clock.advance(100.0)
        assert one.client.remembered(HOST) is None


async def test_a_ttl_of_zero_is_not_remembered_at_all() -> None:
    async with asker() as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        one.server.ttl = 0
        assert (await one.answer(HOST)).outcome is Outcome.FOUND
        assert one.client.remembered(HOST) is None


@pytest.mark.parametrize(("outcome", "seconds"), [(Outcome.NO_NAME, 20.0), (Outcome.NO_DATA, 20.0)])
async def test_no_such_record_is_remembered_as_long_as_the_soa_says(outcome: Outcome, seconds: float) -> None:
    async with asker() as one:
        if outcome is Outcome.NO_DATA:
            one.server.add("pbx.example", "AAAA", "2001:db8::1")
        assert (await one.answer(HOST)).outcome is outcome
        one.clock.advance(seconds - 0.1)
        assert one.client.remembered(HOST) == Answer(outcome)
        one.clock.advance(0.1)
        assert one.client.remembered(HOST) is None


@pytest.mark.parametrize(("ttl", "seconds"), [(1, 5.0), (86_400, 20.0)])
async def test_that_has_bounds(ttl: int, seconds: float) -> None:
    async with asker() as one:
        one.server.ttl = ttl
        assert (await one.answer(HOST)).outcome is Outcome.NO_NAME
        one.clock.advance(seconds - 0.1)
        assert one.client.remembered(HOST) is not None
        one.clock.advance(0.1)
        assert one.client.remembered(HOST) is None


async def test_servfail_is_a_failure_remembered_for_a_moment() -> None:
    async with asker() as one:
        one.server.failing.add("pbx.example")
        assert (await one.answer(HOST)).outcome is Outcome.FAILED
        one.clock.advance(4.9)
        assert one.client.remembered(HOST) == Answer(Outcome.FAILED)
        one.clock.advance(0.2)
        assert one.client.remembered(HOST) is None


async def test_an_answer_counts_on_while_there_is_no_other() -> None:
    """RFC 8767; where the name is gone, that is the answer."""
    async with asker(stale_s=100.0) as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        one.server.ttl = 60
        found = await one.answer(HOST)
        one.server.failing.add("pbx.example")
        one.clock.advance(60)
        for _ in range(2):
            assert one.client.remembered(HOST) is None
            assert await one.answer(HOST) == found == one.client.remembered(HOST)
            one.clock.advance(5)
        assert one.server.asked[("pbx.example", "A")] == 3
        one.clock.advance(90)
        assert (await one.answer(HOST)).outcome is Outcome.FAILED


async def test_a_name_that_is_gone_is_gone() -> None:
    async with asker() as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        one.server.ttl = 60
        await one.answer(HOST)
        one.server.zone.clear()
        one.clock.advance(60)
        assert (await one.answer(HOST)).outcome is Outcome.NO_NAME
        one.server.failing.add("pbx.example")
        one.clock.advance(30)
        assert (await one.answer(HOST)).outcome is Outcome.FAILED


async def test_a_customers_slow_names_cost_nobody_a_name_that_was_found_before() -> None:
    async with asker(questions_at_once=1) as one:
        one.server.add("gateway.example", "A", "192.0.2.1")
        one.server.ttl = 60
        gateway = Question("gateway.example", RecordType.A)
        found = await one.answer(gateway)
        one.clock.advance(60)
        one.server.silent.add("pbx.example")
        one.ask(HOST)
        assert await one.answer(gateway) == found


async def test_silence_is_a_failure_when_the_questions_time_is_up() -> None:
    async with asker(attempt_s=0.02, question_s=0.05) as one:
        one.server.silent.add("pbx.example")
        assert (await one.answer(HOST)).outcome is Outcome.FAILED
        assert one.server.asked[("pbx.example", "A")] >= 1


async def test_the_next_nameserver_is_asked_when_one_is_dead() -> None:
    async with dns_server() as server:
        server.add("pbx.example", "A", "192.0.2.1")
        settings = DnsSettings(nameservers=("127.0.0.2", "127.0.0.1"), port=server.port, attempt_s=0.05)
        one = Asker(server, FakeClock(), settings)
        assert (await one.answer(HOST)).addresses == ("192.0.2.1",)
        await one.client.close()


async def test_a_slow_nameserver_is_asked_again_and_its_first_answer_taken() -> None:
    async with asker(attempt_s=0.01, question_s=10.0) as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        held: list[tuple[bytes, tuple[str, int]]] = []
        answer_now = one.server.datagram_received
        one.server.datagram_received = lambda *question: held.append(question)  # type: ignore[method-assign]
        one.ask(HOST)
        await until(lambda: len(held) == 2)
        answer_now(*held[0])
        await until(lambda: one.told)
        assert one.told[0][1].addresses == ("192.0.2.1",)


async def test_a_truncated_answer_is_asked_for_over_tcp() -> None:
    async with asker() as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        one.server.truncating.add("pbx.example")
        assert (await one.answer(HOST)).addresses == ("192.0.2.1",)
        assert one.server.asked_by_tcp == 1


@pytest.mark.parametrize("across_answers", [False, True])
async def test_aliases_are_followed(across_answers: bool) -> None:
    async with asker() as one:
        one.server.add("pbx.example", "CNAME", "a.example.")
        one.server.add("a.example", "CNAME", "b.example.")
        one.server.add("b.example", "A", "192.0.2.1")
        if across_answers:
            one.server.add("alias only", "")
        assert (await one.answer(HOST)).addresses == ("192.0.2.1",)
        assert one.server.asked[("b.example", "A")] == int(across_answers)


async def test_aliases_in_a_circle_fail() -> None:
    async with asker() as one:
        one.server.add("alias only", "")
        one.server.add("pbx.example", "CNAME", "a.example.")
        one.server.add("a.example", "CNAME", "pbx.example.")
        assert (await one.answer(HOST)).outcome is Outcome.FAILED


async def test_the_same_question_asked_twice_goes_out_once() -> None:
    async with asker() as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        for _ in range(5):
            one.ask(HOST)
        assert one.told == []
        await until(lambda: len(one.told) == 5)
        assert one.server.asked[("pbx.example", "A")] == 1


async def test_too_many_questions_at_once_fail_but_not_from_within() -> None:
    async with asker(questions_at_once=1) as one:
        one.server.silent.add("pbx.example")
        one.ask(HOST)
        one.ask(Question("other.example", RecordType.A))
        assert one.told == []
        await until(lambda: one.told)
        assert one.told == [(Question("other.example", RecordType.A), Answer(Outcome.FAILED))]
        assert one.server.asked[("other.example", "A")] == 0


async def test_what_is_remembered_is_bounded() -> None:
    async with asker(cache_size=2) as one:
        names = [f"{letter}.example" for letter in "abc"]
        for name in names:
            one.server.add(name, "A", "192.0.2.1")
            await one.answer(Question(name, RecordType.A))
        known = [one.client.remembered(Question(name, RecordType.A)) is not None for name in names]
        assert known == [False, True, True]


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", "\x00", "a" * 300])
async def test_a_name_that_cannot_be_asked_for_fails(name: str) -> None:
    async with asker() as one:
        outcome = (await one.answer(Question(name, RecordType.A))).outcome
        assert outcome in (Outcome.FAILED, Outcome.NO_NAME)


async def test_rubbish_from_a_server_fails() -> None:
    async with asker(attempt_s=0.05, question_s=0.1) as one:
        one.server.rubbish.add("pbx.example")
        assert (await one.answer(HOST)).outcome is Outcome.FAILED


async def test_closing_gives_up_quietly() -> None:
    async with asker() as one:
        one.server.silent.add("pbx.example")
        one.ask(HOST)
        await until(lambda: one.server.asked)
        await one.client.close()
        assert one.told == []


def test_a_nameserver_has_to_be_an_address() -> None:
    with pytest.raises(ConfigError, match="no nameserver can be used"):
        DnsClient(DnsSettings(nameservers=("dns.example",)), FakeClock())


def test_the_systems_nameservers_are_the_default() -> None:
    if not Path("/etc/resolv.conf").exists():
        pytest.skip("this machine has no /etc/resolv.conf")
    client = DnsClient(DnsSettings(), FakeClock())
    assert client._servers
