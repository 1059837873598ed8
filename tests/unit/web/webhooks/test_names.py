"""The addresses of a receiver's name."""

import asyncio
from collections.abc import Sequence

from tests.unit.net.dns_server import DnsServer, dns_server
from trunkline.config import Settings
from trunkline.web.webhooks.names import Names


def lookup(*hosts: str) -> tuple[list[Sequence[str]], DnsServer]:
    async def run() -> tuple[list[Sequence[str]], DnsServer]:
        async with dns_server() as server:
            server.add("hook.example", "A", "192.0.2.1", "192.0.2.2")
            server.add("hook.example", "AAAA", "2001:db8::1")
            server.add("alias.example", "CNAME", "hook.example.")
            dns = {"nameservers": ["127.0.0.1"], "port": server.port}
            names = Names(Settings.model_validate({"dns": dns}))
            try:
                return [await names.lookup(host) for host in hosts], server
            finally:
                await names.close()

    return asyncio.run(run())


def test_both_families_ipv4_first() -> None:
    (found,), _ = lookup("hook.example")
    assert found[-1] == "2001:db8::1"
    assert set(found[:2]) == {"192.0.2.1", "192.0.2.2"}


def test_case_and_the_last_dot_do_not_matter_and_answers_are_remembered() -> None:
    (first, second), server = lookup("Hook.Example.", "hook.example")
    assert first == second
    assert set(server.asked.values()) == {1}


def test_what_has_no_address() -> None:
    found, _ = lookup("nowhere.example", "0x7f000001")
    assert found == [[], []]


def test_the_machine_s_own_names_are_known_and_so_can_be_refused() -> None:
    (found,), server = lookup("localhost")
    assert "127.0.0.1" in found
    assert not server.asked
