"""The door as it comes: who sends too much or guesses passwords is shut out, and nobody else notices."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse.doors import Datagrams, Streams, options
from tests.abuse.messages import corpus
from tests.interop.node import Node, running_node


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    directory: Path = tmp_path_factory.mktemp("door") / "node"
    with running_node(directory) as node:
        yield node


def test_a_flood_is_shut_out_and_nobody_else_notices(guarded: Node) -> None:
    flood, other = Datagrams(guarded.port), Datagrams(guarded.port)
    try:
        for number, message in enumerate(corpus(guarded.port)):
            flood.throw(message.data)
            if number % 500 == 0:
                time.sleep(0.3)
                assert other.probe() < 0.5
        list(flood.answers(0.2))
        flood.throw(options(guarded.port, f"{flood.address}:5060", "UDP")[0])
        assert not list(flood.answers(0.5)), "banned: not even OPTIONS is answered"
        assert flood.address in [ban["source"] for ban in guarded.command("bans", "list")]
    finally:
        flood.close()
        other.close()


def test_a_flood_over_tcp(guarded: Node) -> None:
    flood = Streams(guarded.port)
    for message in corpus(guarded.port)[:300]:
        try:
            flood.throw(message.data)
        except OSError:
            break
    assert Streams(guarded.port).probe() < 0.5


def test_the_log_of_a_flood_is_short(guarded: Node) -> None:
    lines = [entry for entry in guarded.log() if "source" in entry]
    assert len(lines) < 30, lines[:5]
