"""The command line's end, against the real app over a real socket."""

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from tests.unit.web.paper_node import CALL, MESSAGES, QUALITY, PaperNode, until_heard
from trunkline.call.record import Direction
from trunkline.errors import DirectoryError
from trunkline.web.control import control_app
from trunkline.web.control_client import ControlClient, ControlError, NoNodeError
from trunkline.web.control_socket import listen_unix
from trunkline.web.serving import HttpServer
from trunkline.web.views import CallEvent, DirectoryStats, Question

T = TypeVar("T")


def with_client(path: Path, node: PaperNode, act: Callable[[ControlClient], T], publish: int = 0) -> T:
    """Run `act` in a thread against a served node, publishing `publish` events once somebody follows."""

    async def scenario() -> T:
        server = HttpServer(control_app(node), listen_unix(path))
        await server.start()

        def run() -> T:
            with ControlClient(path) as client:
                return act(client)

        acting = asyncio.create_task(asyncio.to_thread(run))
        if publish:
            await until_heard(node.feed)
            for number in range(publish):
                node.feed.publish(CallEvent(float(number), replace(CALL, call_id=f"c{number}")))
            node.feed.close()
        try:
            return await acting
        finally:
            node.feed.close()
            await server.stop()

    return asyncio.run(scenario())


def test_reads(tmp_path: Path) -> None:
    node = PaperNode()

    def act(client: ControlClient) -> None:
        assert client.calls() == node.calls()
        assert client.stats() == node.stats()
        assert client.registrations() == node.registrations()
        assert client.bans() == node.bans()
        assert client.media_ports() == node.media_ports()
        assert client.ladder("c1") == MESSAGES
        assert client.ladder("no such?call#") == []
        audio = client.audio("c1")
        assert audio is not None
        assert (audio.caller.codec, audio.caller.mos, audio.callee.packets_sent) == ("PCMA", 4.25, 100)
        assert client.audio("no such?call#") is None
        assert client.quality("c1") == QUALITY
        everything, own = client.glance(), client.glance("abcd1234", ["192.0.2.9"])
        assert (everything.calls, everything.stats, everything.usage) == (1, client.stats(), None)
        assert (own.calls, own.stats, own.usage, own.bans) == (1, None, client.usage("abcd1234"), ())
        assert client.glance("ffff0000").down == ()
        assert client.quality("no such?call#") is None

    with_client(tmp_path / "s", node, act)


def test_a_pbx_that_is_known_by_its_hosts(tmp_path: Path) -> None:
    view = with_client(tmp_path / "s", PaperNode(), lambda client: client.pbx("abcd1234", ["192.0.2.9"]))
    assert [one.contact for one in view.registrations] == ["sip:pbx@192.0.2.9"]
    assert (view.refused_at, view.asked_at) == (950.0, 990.0)
    view = with_client(tmp_path / "s", PaperNode(), lambda client: client.pbx("other"))
    assert (view.registrations, view.asked_at) == ((), None)


def test_acts(tmp_path: Path) -> None:
    node = PaperNode()

    def act(client: ControlClient) -> None:
        assert client.hang_up("c1")
        assert not client.hang_up("c1")
        assert client.ban("192.0.2.7", "calls to +882 & more", 60.0).ends_at == 1060.0
        assert node.banned["192.0.2.7"] == "calls to +882 & more"
        with pytest.raises(DirectoryError, match=r"^127\.0\.0\.1 is let in unseen$"):
            client.ban("127.0.0.1", "by hand", 60.0)
        assert client.lift_ban("2001:db8::/64")
        assert not client.lift_ban("2001:db8::/64")
        assert client.drain(5.0).draining
        assert client.drain().draining
        assert client.refresh_directory() == DirectoryStats(1, 2, 3, 4)
        question = Question(Direction.OUTBOUND, "+1 555 0001", "abcd1234", "442079460000")
        assert client.explain(question).status == 404
        assert node.asked == [question]

    with_client(tmp_path / "s", node, act)
    assert node.draining == [5.0, None]


def test_follow(tmp_path: Path) -> None:
    events = with_client(tmp_path / "s", PaperNode(), lambda client: list(client.follow_calls()), publish=3)
    assert [event.call.call_id for event in events] == ["c0", "c1", "c2"]


def test_a_failure_is_an_error_with_the_nodes_words(tmp_path: Path) -> None:
    def act(client: ControlClient) -> None:
        with pytest.raises(ControlError, match="503: the database is away"):
            client.refresh_directory()

    with_client(tmp_path / "s", PaperNode(store_fails=True), act)


@pytest.mark.parametrize("left_behind", [False, True])
def test_no_node(tmp_path: Path, left_behind: bool) -> None:
    path = tmp_path / "control.sock"
    if left_behind:
        listen_unix(path).close()
    with pytest.raises(NoNodeError, match=r"no node answers at .*control\.sock"):
        ControlClient(path)


def test_a_path_that_is_no_socket(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="can't be opened: Not a directory"):
        ControlClient(Path("/dev/null/control.sock"))


def test_a_node_that_stopped_in_between(tmp_path: Path) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with ControlClient(tmp_path, transport=httpx.MockTransport(refuse)) as client, pytest.raises(NoNodeError):
        client.stats()


def test_a_node_that_goes_away(tmp_path: Path) -> None:
    def vanish(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone")

    with (
        ControlClient(tmp_path, transport=httpx.MockTransport(vanish)) as client,
        pytest.raises(ControlError, match="went away"),
    ):
        client.calls()


def test_a_connection_that_the_node_is_about_to_close_is_not_used_again(tmp_path: Path) -> None:
    def answer_once(listener: socket.socket) -> None:
        """Per connection: an answer that promises another, which doesn't come."""
        for _ in range(3):  # the first is the client's look whether anybody is there
            connection, _ = listener.accept()
            with connection:
                if connection.recv(65536):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
                    connection.recv(65536)

    with listen_unix(tmp_path / "s") as listener:
        node = threading.Thread(target=answer_once, args=(listener,))
        node.start()
        with ControlClient(tmp_path / "s") as client:
            assert (client.bans(), client.bans()) == ([], [])
        node.join(10)
        assert not node.is_alive()


def test_an_answer_that_is_no_json(tmp_path: Path) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(500, text="Internal Server Error"))
    with (
        ControlClient(tmp_path, transport=transport) as client,
        pytest.raises(ControlError, match="500: Internal Server Error"),
    ):
        client.calls()
    with ControlClient(tmp_path, transport=transport) as client, pytest.raises(ControlError, match="500"):
        list(client.follow_calls())
