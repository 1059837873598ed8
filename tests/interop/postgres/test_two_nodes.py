"""Two nodes on one PostgreSQL database: each learns what the other changed, a number is sold once, and one
that dies takes no record of its neighbour with it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from tests.interop.addresses import accepts, free_port, wait_for
from tests.interop.conftest import Start
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.postgres.ground import NUMBER, Phones, prepare
from tests.postgres import Cluster

pytestmark = pytest.mark.timeout(300)

WEB_PORTS = free_port(), free_port()
PRICE, CREDIT = 2, 20
STOCK = [str(13125550000 + number) for number in range(24)]


@pytest.fixture(scope="module")
def nodes(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node]]:
    """Both up; the second joined."""
    folder = tmp_path_factory.mktemp("two")
    first_web, second_web = (
        {"web.enabled": True, "web.bind": f"{HOST}:{port}", "node.name": name}
        for name, port in zip(("first", "second"), WEB_PORTS, strict=True)
    )
    url = cluster.create("two")
    with (
        running_node(folder / "first", first_web, database=url) as first,
        running_node(folder / "second", second_web, beside=first) as second,
    ):
        prepare(first)
        yield first, second
    cluster.drop("two")


def knows(node: Node, account: str) -> bool:
    """Whether the running node would place a call of this account."""
    answer = node._answer("-c", str(node.settings_file), "explain", account, "442071838750", "--json")
    return '"placed": true' in answer["printed"]


def test_a_node_learns_what_the_other_changed(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    for number in range(5):
        key = f"learnt{number}"
        first.command("account", "add", "--key", key)
        wait_for("the other node to know", partial(knows, second, key))
    second.command("account", "block", "learnt0")
    wait_for("the first node to know", lambda: not knows(first, "learnt0"))


def test_a_number_is_sold_once_and_paid_once(nodes: tuple[Node, Node]) -> None:
    """Two customers at two nodes, four requests of each at a time, all after the same numbers."""
    first, _ = nodes
    first.command("account", "add", "--key", "rival", "--secret", SECRET)
    for account in (KEY, "rival"):
        first.run("account", "credit", account, str(CREDIT))
    first.run("number", "stock", "add", *STOCK, "--price", str(PRICE))
    for port in WEB_PORTS:
        wait_for("the web process", partial(accepts, HOST, port), within_s=30)

    def buy(wanted: tuple[int, str]) -> int:
        at, number = wanted
        form = {"api_key": (KEY, "rival")[at], "api_secret": SECRET, "country": "US", "msisdn": number}
        return httpx.post(f"http://{HOST}:{WEB_PORTS[at]}/number/buy", data=form, timeout=60).status_code

    wishes = [(at, number) for number in STOCK for at in (0, 1)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(zip(wishes, pool.map(buy, wishes), strict=True))
    bought: dict[int, list[str]] = {0: [], 1: []}
    for (at, number), status in answers:
        if status == 200:
            bought[at].append(number)
    assert set(bought[0]).isdisjoint(bought[1])
    for at, account in ((0, KEY), (1, "rival")):
        owned = {row["e164"] for row in first.command("number", "list", account)} - {NUMBER}
        assert owned == set(bought[at])
        assert len(owned) <= CREDIT // PRICE
        left = first.command("account", "credit", account)["credit"]
        assert float(left) == CREDIT - PRICE * len(owned)
    assert len(bought[0]) + len(bought[1]) == 2 * CREDIT // PRICE


def test_a_node_that_dies_closes_its_own_records_alone(nodes: tuple[Node, Node], sipp: Start) -> None:
    first, second = nodes
    phones = Phones(sipp)
    phones.carrier(calls=2)
    here, there = phones.out(first), phones.out(second)
    here.answer()
    there.answer()

    def states() -> dict[str, Any]:
        rows = (first.command("calls", row["call_id"]) for row in first.command("calls"))
        return {row["sip_call_id"]: (row["node"], row["state"]) for row in rows}

    open_records = {here.call_id: ("first", "open"), there.call_id: ("second", "open")}
    wait_for("both records", lambda: states() == open_records)
    first.kill()
    first.start()
    wait_for("the record of the dead node", lambda: states()[here.call_id] == ("first", "recovered"))
    assert states()[there.call_id] == ("second", "open")
    there.tell()
    there.done()
    wait_for("the neighbour's record", lambda: states()[there.call_id] == ("second", "closed"))
