"""Counts of nonces over a real server: each is used once, at whichever node it is answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.live.nodes import Sharer, run, sharing, until
from tests.contract.live.server import LiveServer
from trunkline.live.ledger import Standing
from trunkline.node.nonce_letters import NonceLetters
from trunkline.sip.digest import Challenge, Challenger
from trunkline.sip.nonce import NonceCounts

COUNTS = 200


class Edge:
    """A node's part in it."""

    def __init__(self, node: Sharer) -> None:
        self.node = node
        self.challenger = Challenger(
            "trunk.test", b"the same key on each edge", node.clock, counts=NonceCounts(), edge=node.name
        )
        tokens = iter(range(10_000))
        self.letters = NonceLetters(
            node.link.post,
            node.clock,
            self.challenger,
            token=lambda: f"{node.name}-{next(tokens)}",
            is_away=lambda: node.standing is Standing.AWAY,
        )
        self.decided: list[bool] = []

    def nonce(self) -> str:
        return Challenge.parse(self.challenger.challenge_headers("192.0.2.1")[0]).nonce

    def ask(self, issuer: "Edge", nonce: str, count: int = 1) -> None:
        self.letters.take(issuer.challenger.issuer, nonce, count, self.decided.append)


@asynccontextmanager
async def edges(url: str, number: int) -> AsyncIterator[list[Edge]]:
    """So many that share the server; no fault is left behind."""
    made: list[Edge] = []
    async with sharing(url, number, prepare=lambda node: made.append(Edge(node))):
        yield made


def test_a_count_that_is_answered_everywhere_at_once_is_used_once(server: LiveServer) -> None:
    async def body() -> None:
        async with edges(server.url, 3) as (issuer, here, there):
            nonces = [issuer.nonce() for _ in range(COUNTS)]
            at_issuer = []
            for index, nonce in enumerate(nonces):
                here.ask(issuer, nonce)
                there.ask(issuer, nonce)
                if index % 2:
                    at_issuer.append(issuer.challenger.take(nonce, 1))
            await until("all are decided", lambda: len(here.decided) == len(there.decided) == COUNTS)
            used = sum(here.decided) + sum(there.decided) + sum(at_issuer)
            assert used == COUNTS
            assert all(at_issuer), "who has issued it waits for nobody"
            assert not any(issuer.challenger.take(nonce, 1) for nonce in nonces)

    run(body)


def test_of_a_node_that_is_gone_nothing_is_used_and_while_the_server_is_away_each_counts_itself(
    server: LiveServer,
) -> None:
    async def body() -> None:
        async with edges(server.url, 2) as (issuer, here):
            nonce = issuer.nonce()
            await issuer.node.link.close()
            here.ask(issuer, nonce)
            await until("it is decided", lambda: here.decided == [False])
            server.pause()
            here.ask(issuer, nonce)
            await until("the server is found away", lambda: here.decided == [False, True])
            assert here.node.standing is Standing.AWAY
            server.resume()

    run(body)
