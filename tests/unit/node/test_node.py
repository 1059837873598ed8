"""A whole node: calls both ways, reload, drain, stop, and starting again."""

import asyncio
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.unit.net.wire import until
from tests.unit.node.ground import (
    CALLED,
    CARRIER_HOST,
    CARRIER_HZ,
    CUSTOMER_HZ,
    HOST,
    KEY,
    NUMBER,
    Ground,
    Installation,
    in_loop,
    on_node,
    running,
)
from trunkline.call.record import CallRecord, Direction, RecordState
from trunkline.errors import NetError
from trunkline.node.node import Node
from trunkline.sip.uri import SipUri
from trunkline.store.calls import CallFilter
from trunkline.store.store import Store
from trunkline.trunk.carrier import Gateway
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.registrations import Contact
from trunkline.trunk.verdict import Slug
from trunkline.web.serving import listen_tcp
from trunkline.web.views import Question


def stored_calls(installation: Installation) -> list[CallRecord]:
    """What is in the database."""
    settings = installation.settings
    store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
    try:
        return list(store.calls.list(CallFilter(), limit=100).calls)
    finally:
        store.close()


def test_a_call_each_way_with_audio_and_a_record(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def call() -> None:
        async with running(installation) as ground:
            outbound = await ground.outbound()
            assert outbound.heard(CARRIER_HZ, 100), outbound
            inbound = await ground.inbound()
            assert inbound.heard(CUSTOMER_HZ, 100), inbound
            await until(lambda: ground.taken["customer"] and ground.taken["carrier"])
            assert ground.taken["carrier"][0].heard(CUSTOMER_HZ, 100)
            assert ground.taken["customer"][0].heard(CARRIER_HZ, 100)
            await until(lambda: len(ground.node.rooms.switch) == 0)
            assert ground.node.rooms.records.total == 2
            assert ground.node.rooms.services.agent.dialogs == 0

    in_loop(call())
    calls = stored_calls(installation)
    assert {record.direction for record in calls} == set(Direction)
    assert {record.state for record in calls} == {RecordState.CLOSED}


def test_a_wrong_password_gets_no_call(tmp_path: Path) -> None:
    async def call(ground: Ground) -> None:
        report = await ground.outbound(secret="guessed")
        assert not report.answered
        assert report.status in (403, 407)
        assert ground.taken["carrier"] == []
        assert len(ground.node.rooms.switch) == 0

    on_node(tmp_path, call)


@pytest.mark.parametrize("length", ["", "Content-Length: x\r\n", "Content-Length: -1\r\n"])
def test_a_stream_that_cant_be_framed_is_answered_before_it_is_closed(tmp_path: Path, length: str) -> None:
    """RFC 3261 §18.3: a request over TCP without a usable Content-Length."""

    async def ask(ground: Ground) -> None:
        reader, writer = await asyncio.open_connection(HOST, ground.port)
        writer.write(
            f"INVITE sip:{CALLED}@{HOST} SIP/2.0\r\nVia: SIP/2.0/TCP {HOST};branch=z9hG4bKa;rport\r\n"
            f"From: <sip:a@{HOST}>;tag=1\r\nTo: <sip:{CALLED}@{HOST}>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
            f"{length}Max-Forwards: 70\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert answer.startswith(b"SIP/2.0 400 ")
        assert b"Content-Length" in answer.partition(b"Warning:")[2]

    on_node(tmp_path, ask)


def test_a_drain_lets_the_call_that_is_up_end_and_takes_no_other(tmp_path: Path) -> None:
    async def call(ground: Ground) -> None:
        node = ground.node
        node.reload(node.rooms.settings)
        first = asyncio.ensure_future(ground.outbound(talk_s=1.0))
        await until(lambda: ground.face.calls() and ground.face.calls()[0].answered_at)
        node.drain(30)
        node.drain()
        assert node.stopping
        refused = await ground.inbound()
        assert refused.status == 503
        assert not node.finished.is_set()
        assert (await first).heard(CARRIER_HZ, 500)
        async with asyncio.timeout(5):
            await node.finished.wait()
        assert len(node.rooms.switch) == 0

    on_node(tmp_path, call)


def test_a_drain_before_the_start_is_over_ends_it_at_once(tmp_path: Path) -> None:
    async def begin() -> None:
        node = Node(Installation.make(tmp_path).settings)
        node.drain()
        assert node.finished.is_set()
        await node.stop()
        node.rooms.clock.stop()

    in_loop(begin())


def test_a_drain_ends_when_its_time_is_over(tmp_path: Path) -> None:
    async def call(ground: Ground) -> None:
        first = asyncio.ensure_future(ground.outbound(talk_s=5))
        await until(lambda: ground.face.calls() and ground.face.calls()[0].answered_at)
        ground.node.drain()
        ground.node.drain(0.1)
        async with asyncio.timeout(5):
            await ground.node.finished.wait()
        await ground.node.stop()
        report = await first
        assert report.outcome.startswith("the far end hung up")

    on_node(tmp_path, call)


def test_stopping_ends_calls_with_bye_and_closes_their_records(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def call() -> None:
        async with running(installation) as ground:
            talk = asyncio.ensure_future(ground.outbound(talk_s=5))
            await until(lambda: ground.face.calls() and ground.face.calls()[0].answered_at)
            await ground.node.stop()
            report = await talk
            assert str(Slug.SHUT_DOWN) in report.outcome or report.outcome.startswith("the far end hung up")
            assert len(ground.taken["carrier"]) == 1
            await ground.node.stop()

    in_loop(call())
    (record,) = stored_calls(installation)
    assert record.state is RecordState.CLOSED
    assert record.ended_at is not None


def test_a_change_of_the_database_is_followed(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def change() -> None:
        async with running(installation) as ground:
            settings = installation.settings
            store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
            try:
                await asyncio.to_thread(store.numbers.remove, NUMBER)
            finally:
                store.close()
            stats = await ground.face.refresh_directory()
            assert stats.numbers == 0
            assert (await ground.inbound()).status == 404

    in_loop(change())


def test_a_port_that_is_taken_fails_the_start_and_leaves_nothing_open(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def twice() -> None:
        async with running(installation):
            with capture_logs():
                second = Node(installation.settings)
                with pytest.raises(NetError):
                    await second.start()
                second.rooms.clock.stop()
        async with running(installation) as ground:
            assert ground.face.readiness().ready

    in_loop(twice())


def test_a_second_start_in_the_same_directory_leaves_the_first_node_alone(tmp_path: Path) -> None:
    """It took over the name, and was gone: the first took no more calls, and its open records were closed."""
    installation = Installation.make(tmp_path)

    async def twice() -> None:
        async with running(installation) as ground:
            report = asyncio.create_task(ground.outbound(talk_s=3.0))
            await until(lambda: len(ground.face.calls()) == 1)
            second = Node(installation.settings)
            with capture_logs(), pytest.raises(NetError, match="another node listens at"):
                await second.start()
            second.rooms.clock.stop()
            nodes, now = ground.node.rooms.store.nodes, time.time()
            await until(lambda: nodes.list()[0].seen_at > now)  # what it is told, it is told then
            assert ground.face.readiness().ready
            assert all(record.state is RecordState.OPEN for record in stored_calls(installation))
            assert (await report).answered

    in_loop(twice())


def test_a_port_of_http_that_is_taken_is_said_with_its_setting(tmp_path: Path) -> None:
    settings = Installation.make(tmp_path).settings
    taken = listen_tcp(settings.http.bind.host, settings.http.bind.port)

    async def start() -> None:
        node = Node(settings)
        with capture_logs(), pytest.raises(NetError, match=r"Address already in use: see http\.bind$"):
            await node.start()
        node.rooms.clock.stop()

    in_loop(start())
    taken.close()


def test_no_call_to_a_number_goes_on_to_a_carriers_gateway(tmp_path: Path) -> None:
    async def forwarded(ground: Ground, uri: str) -> int | None:
        store = ground.node.rooms.store
        await asyncio.to_thread(store.numbers.update, NUMBER, forwarding=ForwardingList.parse(uri))
        await ground.face.refresh_directory()
        return (await ground.inbound()).status

    async def call(ground: Ground) -> None:
        rooms = ground.node.rooms
        port = ground.installation.carrier_port
        assert await forwarded(ground, f"882123456789@{CARRIER_HOST}:{port}") == 503
        assert ground.face.explain(Question(Direction.INBOUND, NUMBER)).verdict == "forwards-to-gateway"
        await asyncio.to_thread(
            rooms.store.carriers.update,
            "carrier",
            gateways=(Gateway(SipUri.parse(f"sip:localhost:{port}")),),
        )
        assert await forwarded(ground, f"882123456789@{HOST}:{port}") == 503
        assert ground.face.explain(Question(Direction.INBOUND, NUMBER)).verdict == "forwards-to-gateway"
        await until(lambda: len(rooms.switch) == 0)
        assert ground.taken["carrier"] == []

    on_node(tmp_path, call)


def test_a_changed_number_is_followed_by_itself_and_a_changed_carrier_by_all(tmp_path: Path) -> None:
    """What costs as much as there are servers happens only where it must."""

    async def follow(ground: Ground) -> None:
        node = ground.node
        refreshed: list[int] = []
        refresh = node.rooms.pinger.refresh

        def counted() -> None:
            refreshed.append(1)
            refresh()

        node.rooms.pinger.refresh = counted  # type: ignore[method-assign]
        node.rooms.pinger.interval_s = 600.0
        server = f"sip:{HOST}:5999"
        await asyncio.to_thread(
            node.rooms.store.numbers.update, NUMBER, forwarding=ForwardingList.parse(f"pbx@{HOST}:5999")
        )
        await ground.face.refresh_directory()
        assert node.rooms.directory.numbers.leads_to(server)
        assert (len(node.rooms.pinger), refreshed) == (1, [])
        await asyncio.to_thread(node.rooms.store.numbers.remove, NUMBER)
        await ground.face.refresh_directory()
        assert (len(node.rooms.pinger), refreshed) == (0, [])
        await asyncio.to_thread(node.rooms.store.carriers.update, "carrier", trusted=True)
        await ground.face.refresh_directory()
        assert refreshed == [1]

    on_node(tmp_path, follow)


@pytest.mark.parametrize("how", ["removed", "blocked", "blocked among many changes"])
def test_who_has_registered_for_an_account_that_is_blocked_or_removed_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whoever had a stolen secret would get its calls again as soon as it is let in again."""
    if how == "blocked among many changes":
        monkeypatch.setattr("trunkline.store.directory_source._RELOAD_ABOVE", 0)

    async def shut_out(ground: Ground) -> None:
        rooms = ground.node.rooms
        accounts = rooms.store.accounts
        uri = SipUri.parse(f"sip:thief@{HOST}:5999")
        rooms.registrations.register(KEY, call_id="1", cseq=1, contacts=[Contact(uri)])
        await asyncio.to_thread(accounts.update, KEY, name="Another name")
        await ground.face.refresh_directory()
        assert [one.contact for one in ground.face.registrations()] == [str(uri)]
        if how == "removed":
            await asyncio.to_thread(rooms.store.numbers.remove, NUMBER)
            await asyncio.to_thread(accounts.remove, KEY)
        else:
            await asyncio.to_thread(accounts.block, KEY)
        await ground.face.refresh_directory()
        assert ground.face.registrations() == []

    on_node(tmp_path, shut_out)


def test_who_has_registered_by_a_secret_is_forgotten_with_it(tmp_path: Path) -> None:
    async def rotate(ground: Ground) -> None:
        rooms = ground.node.rooms
        accounts = rooms.store.accounts
        (credential,) = accounts.get(KEY).credentials
        contact = Contact(SipUri.parse(f"sip:thief@{HOST}:5999"))
        rooms.registrations.register(KEY, call_id="1", cseq=1, contacts=[contact], secret=credential.name)
        await asyncio.to_thread(accounts.rotate_secret, KEY, overlap_s=600.0)
        await ground.face.refresh_directory()
        (view,) = ground.face.registrations()
        assert view.expires_at == pytest.approx(accounts.get(KEY).credentials[0].expires_at, abs=1.0)
        await asyncio.to_thread(accounts.rotate_secret, KEY, overlap_s=0.0)
        await ground.face.refresh_directory()
        assert ground.face.registrations() == []

    on_node(tmp_path, rotate)


def test_nor_is_it_remembered_over_a_start_while_the_account_is_blocked(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def twice() -> None:
        async with running(installation) as ground:
            rooms = ground.node.rooms
            uri = SipUri.parse(f"sip:thief@{HOST}:5999")
            bindings = rooms.registrations.register(KEY, call_id="1", cseq=1, contacts=[Contact(uri)])
            assert isinstance(bindings, tuple)
            rooms.writer.bindings_changed(KEY, bindings)
        async with running(installation) as ground:
            assert len(ground.face.registrations()) == 1
        settings = installation.settings
        store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
        store.accounts.block(KEY)
        async with running(installation) as ground:
            assert ground.face.registrations() == []
        store.accounts.unblock(KEY)
        store.close()
        async with running(installation) as ground:
            assert ground.face.registrations() == []

    in_loop(twice())
