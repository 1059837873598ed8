"""Notices and letters between nodes, by a real server."""

import asyncio

import pytest
from redis.asyncio import Redis

from tests.contract.live.nodes import Sharer, run, sharer, sharing, until
from tests.contract.live.server import LiveServer
from trunkline.live.words import Notice, Tell


class Ears:
    """What a node hears of bans."""

    def __init__(self, node: Sharer) -> None:
        self.heard: list[Notice] = []
        self.letters: list[object] = []
        node.link.board.listen("ban", self.heard.append, lambda kept, fresh: ())
        node.link.board.listen("said", self.heard.append)
        node.link.post.listen(("letter",), lambda letter: self.letters.append(letter[1]))


def test_what_one_tells_the_others_hear_and_those_that_come_later(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 2) as (here, there):
            ears, own = Ears(there), Ears(here)
            here.link.board.tell(Tell("ban", "192.0.2.1", "why", 60.0))
            here.link.board.tell(Tell("ban", "192.0.2.2", "ends soon", 0.5))
            here.link.board.tell(Tell("said", "k", "once"))
            await until("all are heard", lambda: len(ears.heard) == 3)
            assert [(one.key, one.text) for one in ears.heard[:2]] == [
                ("192.0.2.1", "why"),
                ("192.0.2.2", "ends soon"),
            ]
            assert 30.0 < (ears.heard[0].for_s or 0) <= 60.0
            assert ears.heard[2] == Notice("said", "k", "once", None)
            assert own.heard == []
            told = here.clock.now()
            await until("one holds no more", lambda: here.clock.now() > told + 1.0)
            late = sharer(server.url, "late")
            late_ears = Ears(late)
            await late.link.start()
            assert [one.key for one in late_ears.heard] == ["192.0.2.1"]
            here.link.board.tell(Tell("ban", "192.0.2.1", for_s=0))
            await until("it is taken back", lambda: late_ears.heard[-1].for_s == 0)
            await late.link.close()
            late.clock.stop()
            later = sharer(server.url, "later")
            later_ears = Ears(later)
            await later.link.start()
            assert later_ears.heard == []
            await later.link.close()
            later.clock.stop()

    run(body)


@pytest.mark.parametrize("text", ["ü \U0001f600", "\udcff\udc80", '\0"\\', "\udced\udca0\udc80"])
def test_what_peers_have_made_up_is_told_as_it_is(server: LiveServer, text: str) -> None:
    """A device names itself with any bytes: in the key of a notice."""

    async def body() -> None:
        async with sharing(server.url, 2) as (here, there):
            ears = Ears(there)
            here.link.board.tell(Tell("ban", text, text, 60.0))
            await until("it is heard", lambda: bool(ears.heard))
            assert (ears.heard[0].key, ears.heard[0].text) == (text, text)
            late = sharer(server.url, "late")
            late_ears = Ears(late)
            await late.link.start()
            assert [(one.key, one.text) for one in late_ears.heard] == [(text, text)]
            await late.link.close()
            late.clock.stop()
            assert here.link.state.away_total == there.link.state.away_total == 0

    run(body)


def test_what_is_said_again_yields_to_what_others_have_said_since(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 2) as (here, there):
            mine, theirs = Ears(here), Ears(there)
            there.link.board.tell(Tell("ban", "lifted", for_s=0))
            there.link.board.tell(Tell("ban", "made", "newer", 60.0))
            await there.said()
            for key in ("lifted", "made", "lost"):
                here.link.board.tell(Tell("ban", key, "of before", 60.0, again=True))
            await here.said()
            assert [(one.key, one.text) for one in mine.heard] == [("lifted", ""), ("made", "newer")]
            await until("the others have heard", lambda: bool(theirs.heard))
            assert [(one.key, one.text) for one in theirs.heard] == [("lost", "of before")]
            here.link.board.tell(Tell("ban", "lifted", "once more", 60.0))
            await until("a new word holds", lambda: len(theirs.heard) == 2)
            here.link.board.tell(Tell("ban", "lifted", "once more", 90.0, again=True))
            late = sharer(server.url, "late")
            late_ears = Ears(late)
            await late.link.start()
            kept = {one.key: one.text for one in late_ears.heard}
            assert kept == {"made": "newer", "lost": "of before", "lifted": "once more"}
            await late.link.close()
            late.clock.stop()

    run(body)


def test_many_notices_come_in_order_and_whole(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 2) as (here, there):
            ears = Ears(there)
            for number in range(3000):
                here.link.board.tell(Tell("ban", str(number), "x", 60.0))
            await until("all are heard", lambda: len(ears.heard) >= 3000)
            assert [one.key for one in ears.heard] == [str(number) for number in range(3000)]
            late = sharer(server.url, "late")
            late_ears = Ears(late)
            await late.link.start()
            assert {one.key for one in late_ears.heard} == {str(number) for number in range(3000)}
            await late.link.close()
            late.clock.stop()

    run(body)


def test_what_holds_no_more_is_swept(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 1) as (here,):
            Ears(here)
            for number in range(100):
                here.link.board.tell(Tell("ban", str(number), "x", 0.2))
            await until("they are told", lambda: not here.link.board.has_more)
            await asyncio.sleep(0.5)
            for number in range(10):
                here.link.board.tell(Tell("ban", f"new {number}", "x", 60.0))
            async with Redis(port=server.port) as client:
                await until_kept(client, 10)

    run(body)


async def until_kept(client: Redis, number: int) -> None:
    """Once so many bans are kept."""
    async with asyncio.timeout(30):
        while await client.hlen("trunkline:{trunk.test}:kept:ban") != number:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert await client.zcard("trunkline:{trunk.test}:ends:ban") == number


def test_letters(server: LiveServer) -> None:
    async def body() -> None:
        async with sharing(server.url, 2) as (here, there):
            ears = Ears(there)
            returned: list[str] = []
            for number in range(50):
                here.link.post.send("node-2", ["letter", number], lambda: returned.append("node-2"))
            here.link.post.send("nobody", ["letter", "x"], lambda: returned.append("nobody"))
            await until("they have come", lambda: len(ears.letters) == 50)
            assert ears.letters == list(range(50))
            await until("one is returned", lambda: returned)
            assert returned == ["nobody"]

    run(body)
