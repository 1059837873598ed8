"""The line to the node, over a real socket."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.unit.web.customers import PaperLine
from tests.unit.web.paper_node import PaperNode
from trunkline.web.control import control_app
from trunkline.web.control_client import NoNodeError
from trunkline.web.control_socket import listen_unix
from trunkline.web.errors import TooManyAttemptsError
from trunkline.web.node_line import FRESH_S, MAX_SLOW, MAX_SLOW_OF_ONE, SLOW_RETRY_S, NodeLine
from trunkline.web.process import THREADS
from trunkline.web.serving import HttpServer


def served(path: Path, node: PaperNode, act: Callable[[], object]) -> None:
    """Run `act` in a thread while `node` answers at `path`."""

    async def scenario() -> None:
        server = HttpServer(control_app(node), listen_unix(path))
        await server.start()
        try:
            await asyncio.to_thread(act)
        finally:
            node.feed.close()
            await server.stop()

    asyncio.run(scenario())


def test_it_is_made_when_needed_and_kept(tmp_path: Path) -> None:
    line = NodeLine(tmp_path / "s")

    def act() -> None:
        assert line.client() is line.client()
        assert line.client().stats().node == "n1"
        line.close()
        line.close()

    served(tmp_path / "s", PaperNode(), act)


def test_a_node_that_comes_back_is_found(tmp_path: Path) -> None:
    line = NodeLine(tmp_path / "s")
    with pytest.raises(NoNodeError):
        line.client()
    for _ in range(2):
        served(tmp_path / "s", PaperNode(), lambda: line.client().stats())
    line.close()


def test_a_change_that_the_node_can_not_be_told_is_no_failure(tmp_path: Path) -> None:
    """It is in the database, and the node will see it there."""
    NodeLine(tmp_path / "s").changed()
    PaperLine(PaperNode(store_fails=True)).changed()


def test_nobodys_slow_questions_take_all_threads() -> None:
    """Eight pings of a silent endpoint, again and again, kept everybody else's pages waiting."""
    line = PaperLine(PaperNode())

    def refused(whose: str | None) -> bool:
        try:
            with line.slow(whose):
                return False
        except TooManyAttemptsError:
            return True

    with ExitStack() as held:
        for _ in range(MAX_SLOW_OF_ONE):
            held.enter_context(line.slow("alpha"))
        assert (refused("alpha"), refused("beta"), refused(None)) == (True, False, False)
        with pytest.raises(TooManyAttemptsError, match=f"try again in {SLOW_RETRY_S} s"), line.slow("alpha"):
            pass
        for _ in range(MAX_SLOW - MAX_SLOW_OF_ONE):
            held.enter_context(line.slow(None))
        assert (refused(None), refused("beta")) == (True, True)
    assert not any(refused(whose) for whose in ("alpha", "beta", None))
    assert MAX_SLOW <= THREADS // 2


def test_one_answer_about_calls_serves_many_pages() -> None:
    now = 100.0
    node = PaperNode()
    line = PaperLine(node)
    line._now = lambda: now
    assert [call.call_id for call in line.calls()] == ["c1"]
    node.live = []
    now += FRESH_S / 2
    assert line.calls()
    now += FRESH_S / 2
    assert not line.calls()
