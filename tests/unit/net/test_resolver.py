"""The locator: at once where it can, within its time where it can't, exactly once always."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.unit.net.dns_server import DnsServer, dns_server
from tests.unit.net.wire import Diary, until
from tests.unit.virtual_clock import FakeClock
from trunkline.net.dns_client import DnsSettings
from trunkline.net.resolver import Resolver
from trunkline.sip.ports import Address, LocateFailure, Target, Transport
from trunkline.sip.uri import SipUri

Found = Sequence[Target] | LocateFailure


class Locating:
    """A resolver, its server and clock, and what it found."""

    def __init__(self, server: DnsServer, settings: DnsSettings, *, ipv6: bool) -> None:
        self.server = server
        self.clock = FakeClock()
        self.diary = Diary()
        self.resolver = Resolver(settings, self.clock, random.Random(7).random, ipv6=ipv6, events=self.diary)
        self.found: list[Found] = []

    def begin(self, uri: str) -> None:
        self.resolver.locate(SipUri.parse(uri), self.found.append)

    async def locate(self, uri: str) -> Found:
        """Locate, and wait."""
        count = len(self.found)
        self.begin(uri)
        await until(lambda: len(self.found) > count)
        return self.found[-1]

    def at_once(self, uri: str) -> Found | None:
        """What is found without waiting."""
        count = len(self.found)
        self.begin(uri)
        return self.found[-1] if len(self.found) > count else None


@asynccontextmanager
async def locating(
    *, ipv6: bool = False, hosts: Path = Path("/nonexistent"), **settings: float
) -> AsyncIterator[Locating]:
    async with dns_server() as server:
        dns = DnsSettings(nameservers=("127.0.0.1",), port=server.port, hosts_file=hosts, **settings)  # type: ignore[arg-type]
        one = Locating(server, dns, ipv6=ipv6)
        try:
            yield one
        finally:
            await one.resolver.close()


def udp(host: str, port: int = 5060) -> Target:
    return Target(Transport.UDP, Address(host, port))


async def test_a_literal_is_answered_at_once_without_dns() -> None:
    async with locating() as one:
        assert one.at_once("sip:192.0.2.1:5070") == [udp("192.0.2.1", 5070)]
        assert isinstance(one.at_once("sip:192.0.2.1;transport=sctp"), LocateFailure)
        assert not one.server.asked


async def test_the_whole_walk_and_then_from_memory_at_once() -> None:
    async with locating(ipv6=True) as one:
        one.server.add("example.com", "NAPTR", '10 10 "s" "SIPS+D2T" "" _sips._tcp.example.com.')
        one.server.add("_sips._tcp.example.com", "SRV", "0 0 5081 a.example.com.", "1 0 5061 b.example.com.")
        one.server.add("a.example.com", "A", "192.0.2.1")
        one.server.add("a.example.com", "AAAA", "2001:db8::1")
        one.server.add("b.example.com", "A", "192.0.2.2")
        expected = [
            Target(Transport.TLS, Address("192.0.2.1", 5081), "example.com"),
            Target(Transport.TLS, Address("2001:db8::1", 5081), "example.com"),
            Target(Transport.TLS, Address("192.0.2.2", 5061), "example.com"),
        ]
        assert one.at_once("sip:example.com") is None
        await until(lambda: one.found)
        assert one.found == [expected]
        asked = one.server.asked.total()
        assert one.at_once("sip:example.com") == expected
        assert one.server.asked.total() == asked


async def test_when_memory_fades_dns_is_asked_again() -> None:
    async with locating() as one:
        one.server.ttl = 60
        one.server.add("pbx.example", "A", "192.0.2.1")
        assert await one.locate("sip:pbx.example:5060") == [udp("192.0.2.1")]
        one.server.add("pbx.example", "A", "192.0.2.2")
        assert one.at_once("sip:pbx.example:5060") == [udp("192.0.2.1")]
        one.clock.advance(60.0)
        assert await one.locate("sip:pbx.example:5060") == [udp("192.0.2.2")]


async def test_many_at_once_share_their_questions() -> None:
    async with locating() as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        for _ in range(10):
            one.begin("sip:pbx.example")
        await until(lambda: len(one.found) == 10)
        assert set(one.server.asked.values()) == {1}


async def test_weights_are_drawn_anew_for_each_call() -> None:
    async with locating() as one:
        one.server.add("_sip._udp.example.com", "SRV", "0 1 5060 192.0.2.1.", "0 1 5060 192.0.2.2.")
        await one.locate("sip:example.com;transport=udp")
        firsts = {str(one.at_once("sip:example.com;transport=udp")[0]) for _ in range(50)}  # type: ignore[index]
        assert len(firsts) == 2


async def test_a_name_that_does_not_exist_says_so_and_is_remembered() -> None:
    async with locating() as one:
        failure = LocateFailure("nowhere.example does not exist in DNS")
        assert await one.locate("sip:nowhere.example") == failure
        assert one.at_once("sip:nowhere.example") == failure


async def test_servfail_everywhere_is_a_failure() -> None:
    async with locating() as one:
        one.server.failing |= {"pbx.example", "_sip._udp.pbx.example", "_sip._tcp.pbx.example"}
        assert await one.locate("sip:pbx.example") == LocateFailure("DNS gives no answer about pbx.example")


async def test_silence_about_services_does_not_stop_a_host_that_has_an_address() -> None:
    async with locating(attempt_s=0.02, question_s=0.05) as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        one.server.silent |= {"_sip._udp.pbx.example", "_sip._tcp.pbx.example"}
        assert await one.locate("sip:pbx.example") == [udp("192.0.2.1")]


async def test_the_time_of_one_lookup_is_bounded_and_its_late_answers_are_ignored() -> None:
    async with locating(locate_s=3.0, attempt_s=0.05, question_s=0.1) as one:
        one.server.silent.add("pbx.example")
        one.begin("sip:pbx.example:5060")
        await until(lambda: one.server.asked)
        one.clock.advance(2.9)
        assert one.found == []
        one.clock.advance(0.1)
        assert one.found == [LocateFailure("DNS gives no answer about pbx.example:5060 in time")]
        await until(lambda: not one.resolver._client._waiting)
        assert len(one.found) == 1
        assert len(one.clock) == 0


async def test_no_timer_is_left_after_an_answer() -> None:
    async with locating() as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        await one.locate("sip:pbx.example")
        assert len(one.clock) == 0


async def test_the_hosts_file_goes_before_dns(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.9 pbx.example\n2001:db8::9 pbx.example\n192.0.2.8 b.example.com\n")
    async with locating(hosts=hosts) as one:
        one.server.add("pbx.example", "A", "192.0.2.1")
        one.server.add("_sip._udp.pbx.example", "SRV", "0 0 5080 pbx.example.")
        assert one.at_once("sip:PBX.example") == [udp("192.0.2.9")]
        assert one.at_once("sips:pbx.example") == [
            Target(Transport.TLS, Address("192.0.2.9", 5061), "pbx.example")
        ]
        assert not one.server.asked
        one.server.add("_sip._udp.example.com", "SRV", "0 0 5080 b.example.com.")
        assert await one.locate("sip:example.com;transport=udp") == [udp("192.0.2.8", 5080)]


@pytest.mark.parametrize("name", ["localhost", "edge.localhost"])
async def test_localhost(name: str) -> None:
    async with locating(ipv6=True) as one:
        assert one.at_once(f"sip:{name}") == [udp("127.0.0.1"), udp("::1")]


async def test_a_fault_in_the_callback_is_reported_and_costs_nothing_else() -> None:
    async with locating() as one:
        one.server.add("pbx.example", "A", "192.0.2.1")

        def stumble(_found: Found) -> None:
            raise ZeroDivisionError("oops")

        one.resolver.locate(SipUri.parse("sip:pbx.example:5060"), stumble)
        assert await one.locate("sip:pbx.example:5060") == [udp("192.0.2.1")]
        assert one.diary.entries == [("fault", "located", "ZeroDivisionError('oops')")]
        with pytest.raises(ZeroDivisionError):
            one.resolver.locate(SipUri.parse("sip:pbx.example:5060"), stumble)


async def test_a_callback_may_locate_again() -> None:
    async with locating() as one:
        one.server.add("a.example", "A", "192.0.2.1")
        one.server.add("b.example", "A", "192.0.2.2")
        one.resolver.locate(SipUri.parse("sip:a.example"), lambda _found: one.begin("sip:b.example"))
        await until(lambda: one.found)
        assert one.found == [[udp("192.0.2.2")]]


async def test_closing_leaves_lookups_unanswered() -> None:
    async with locating() as one:
        one.server.silent.add("pbx.example")
        one.begin("sip:pbx.example:5060")
        await until(lambda: one.server.asked)
        await one.resolver.close()
        assert one.found == []
