"""The node as the HTTP ports see it."""

import asyncio
import socket
import sqlite3
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.interop.addresses import free_port
from tests.unit.net.wire import until
from tests.unit.node.ground import CALLED, HOST, KEY, NUMBER, Ground, on_node
from tests.unit.sip.fake_wire import FakeFlow
from trunkline.call.quality import Quality
from trunkline.call.record import Direction
from trunkline.errors import DirectoryError
from trunkline.media.rtpengine.instance import InstanceState
from trunkline.net.admission import Evidence
from trunkline.node import face as module
from trunkline.node.rooms import Rooms
from trunkline.sip.ports import Address
from trunkline.store import changes, schema
from trunkline.store.errors import DatabaseError
from trunkline.store.record_writer import RecordWriter
from trunkline.trunk.account import Account
from trunkline.trunk.directory import Kind, Put
from trunkline.trunk.limits import Inbound
from trunkline.trunk.verdict import Slug
from trunkline.web.views import PbxView, Question, Usage


def test_an_idle_node(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        face = ground.face
        assert face.readiness().ready
        stats = face.stats()
        assert (stats.node, stats.draining, stats.calls, stats.calls_total) == ("node-1", False, 0, 0)
        assert (face.calls(), face.registrations(), face.bans()) == ([], [], [])
        ports = face.media_ports()
        media = ground.node.rooms.settings.media
        assert (ports.first, ports.last, ports.in_use) == (media.port_min, media.port_max, 0)
        assert ports.free == 60
        assert b"trunkline_active_calls 0.0" in face.metrics()
        assert not face.hang_up("unknown")
        assert await face.ladder("unknown") == []
        directory = await face.refresh_directory()
        assert (directory.accounts, directory.numbers, directory.carriers, directory.routes) == (1, 1, 1, 1)

    on_node(tmp_path, look)


def test_why_it_is_not_ready(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        ground.node.rooms.switch.overload.share = 0.1
        ground.node.drain(60)
        readiness = ground.face.readiness()
        assert not readiness.ready
        assert [reason.split()[3] for reason in readiness.reasons] == ["draining:", "overloaded:"]
        ground.node.web_settled = asyncio.Event()
        assert "being started" in ground.face.readiness().reasons[0]
        ground.node.web_settled.set()
        assert len(ground.face.readiness().reasons) == 2

    on_node(tmp_path, look)


def test_a_call_is_seen_and_can_be_hung_up(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        face = ground.face
        talk = asyncio.ensure_future(ground.outbound(talk_s=5))
        await until(lambda: face.calls() and face.calls()[0].answered_at)
        (call,) = face.calls()
        assert (call.direction, call.account, call.called) == (Direction.OUTBOUND, KEY, CALLED)
        assert face.stats().media_ports_in_use == 2
        await until(lambda: (audio := face.audio(call.call_id)) and audio.callee.packets_received > 3)
        audio = face.audio(call.call_id)
        assert audio is not None
        assert audio.caller.codec == audio.callee.codec == "PCMA"
        assert face.calls()[0].codecs == ("PCMA", "PCMA")
        assert face.audio("unknown") is None
        assert face.quality("unknown") is None
        assert face.quality(call.call_id) == Quality(), "it is too young to have points"
        assert face.hang_up(call.call_id)
        report = await talk
        assert str(Slug.HUNG_UP_BY_OPERATOR) in report.outcome
        await until(lambda: not face.calls())
        assert face.stats().calls_total == 1
        ladder = await face.ladder(call.call_id)
        starts = [message.data.split(None, 1)[0] for message in ladder]
        assert starts.count(b"INVITE") == 3
        assert starts.count(b"BYE") == 2

    on_node(tmp_path, look)


def test_registrations_and_bans_have_wall_clock_ends(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        node, face = ground.node, ground.face
        node.rooms.gate.ban("192.0.2.7", "a test", evidence=Evidence.ORDERED, for_s=100)
        (ban,) = face.bans()
        assert (ban.source, ban.reason) == ("192.0.2.7", "a test")
        assert ban.ends_at == pytest.approx(node.rooms.clock.wall() + 100, abs=5)
        assert face.lift_ban("192.0.2.7")
        assert face.bans() == []

    on_node(tmp_path, look)


def test_an_operator_turns_known_sources_away_too(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        node, face = ground.node, ground.face
        gate = node.rooms.gate
        gate.vouch("192.0.2.7", 100)
        made = face.ban("192.0.2.7", "calls to +882", 3600.0)
        assert made.ends_at == pytest.approx(node.rooms.clock.wall() + 3600, abs=5)
        assert not gate.admits("192.0.2.7", b"OPTIONS sip:h SIP/2.0\r\n\r\n", proven=True)
        with pytest.raises(DirectoryError, match=r"^127\.0\.0\.1 is let in unseen: "):
            face.ban("127.0.0.1", "by hand", 60.0)

    on_node(tmp_path, look)


def test_explaining_both_ways(tmp_path: Path) -> None:
    async def ask(ground: Ground) -> None:
        face = ground.face
        good = face.explain(Question(Direction.OUTBOUND, CALLED, account=KEY, caller=NUMBER))
        assert (good.verdict, good.status) == ("", None)
        assert any("carrier" in step for step in good.steps)
        bad = face.explain(Question(Direction.OUTBOUND, "12", account=KEY))
        assert (bad.verdict, bad.status) == (str(Slug.MALFORMED_NUMBER), 484)
        assert bad.text
        assert bad.remedy
        assert face.explain(Question(Direction.INBOUND, NUMBER)).verdict == ""
        assert face.explain(Question(Direction.INBOUND, "12025550123")).status == 404

    on_node(tmp_path, ask)


def test_calls_to_the_numbers_of_an_account_are_known(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        face, rooms = ground.face, ground.node.rooms
        account = Account(KEY, max_inbound=1)
        rooms.directory.apply(Put(account))
        assert face.explain(Question(Direction.INBOUND, NUMBER)).verdict == ""
        call = rooms.limits.enter(Inbound.of(account))
        assert face.usage(KEY) == Usage(0, 1, 0.0, 0.0)
        assert face.explain(Question(Direction.INBOUND, NUMBER)).verdict == str(Slug.NUMBERS_BUSY)
        assert face.explain(Question(Direction.OUTBOUND, CALLED, account=KEY, caller=NUMBER)).verdict == ""
        call.release()

    on_node(tmp_path, look)


def test_who_says_nothing_to_a_ping_is_waited_for_less_than_the_client_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.PING_S < 10.0, "the control client's patience"
    monkeypatch.setattr(module, "PING_S", 0.05)

    async def look(ground: Ground) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind((HOST, 0))
            asked = ground.face.ping(f"sip:100@{HOST}:{silent.getsockname()[1]}")
            answer = await asyncio.wait_for(asked, 10)
        assert (answer.status, answer.reason) == (None, "no answer within 0.05 s")

    on_node(tmp_path, look)


def test_a_database_that_is_away_is_said(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        database = tmp_path / "trunkline.db"
        database.rename(tmp_path / "elsewhere.db")
        database.mkdir()
        ground.node.rooms.store.database.close()
        with pytest.raises(DatabaseError):
            await ground.face.refresh_directory()
        assert ground.node.rooms.directory.account(KEY) is not None
        readiness = ground.face.readiness()
        assert readiness.ready
        said = "The database can't be read, the node goes on with what it last knew: "
        for told in readiness.degraded, ground.face.stats().problems:
            assert any(one.startswith(said) for one in told), "though there are no records to write"

    on_node(tmp_path, look)


def test_records_that_can_not_be_written_are_said(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        rooms, face = ground.node.rooms, ground.face
        other = sqlite3.connect(tmp_path / "trunkline.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        rooms.gate.ban("192.0.2.7", "a test", evidence=Evidence.ORDERED, for_s=100)
        await until(lambda: face.readiness().degraded)
        readiness = face.readiness()
        assert readiness.ready, "calls go on"
        [said] = readiness.degraded
        assert said.startswith("Records of calls wait, the database can't be written: ")
        assert said in face.stats().problems
        assert b"\ntrunkline_records_away 1.0\n" in face.metrics()
        await until(lambda: b"\ntrunkline_records_waiting_bytes 0.0\n" not in face.metrics())
        other.close()
        await until(lambda: not face.readiness().degraded)
        assert b"\ntrunkline_records_away 0.0\n" in face.metrics()
        assert b"\ntrunkline_records_waiting_bytes 0.0\n" in face.metrics()
        assert b"\ntrunkline_records_lost_total 0.0\n" in face.metrics()

    on_node(tmp_path, look)


def test_records_that_were_lost_are_said(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        state = ground.node.rooms.writer.state
        with patch.object(RecordWriter, "state", state._replace(dropped=7)):
            [said] = ground.face.readiness().degraded
            assert said.startswith("7 changes of records were lost since the start")
            assert b"\ntrunkline_records_lost_total 7.0\n" in ground.face.metrics()

    on_node(tmp_path, look)


def test_what_is_left_out_of_the_directory_is_said(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        rooms = ground.node.rooms
        with rooms.store.database.write() as connection:
            connection.execute(schema.account.update().values(status="?"))
            changes.note(connection, Kind.ACCOUNT, KEY, 1.0)
        await ground.face.refresh_directory()
        [problem] = ground.face.stats().problems
        assert problem.startswith(f"account {KEY}: its row in the database can't be used")

    on_node(tmp_path, look)


def test_an_rtpengine_that_is_away_is_said(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        face = ground.face
        (reason,) = face.readiness().reasons
        assert reason.startswith("No media port is free. udp:127.0.0.1:")
        assert "is down: " in reason
        (instance,) = face.stats().media_instances
        assert " down: " in instance
        assert b'trunkline_rtpengine_up{instance="udp:127.0.0.1:' in face.metrics()

    on_node(tmp_path, look, media__engine="rtpengine", media__rtpengine=[f"udp:127.0.0.1:{free_port()}"])


def test_media_of_another_region_is_said_and_no_reason_to_refuse(tmp_path: Path) -> None:
    def state(region: str, *, up: bool) -> InstanceState:
        name, reason = f"udp:{region}", "" if up else "silent"
        return InstanceState(
            name, up, reason, rooms=0, ready=4, latency_ms=None, region=region, near=region == "eu"
        )

    async def look(ground: Ground) -> None:
        def said(*states: InstanceState) -> tuple[str, ...]:
            with patch.object(Rooms, "rtpengines", states):
                readiness = ground.face.readiness()
            assert readiness.ready
            return readiness.degraded

        far = state("us", up=True)
        assert said(far, state("eu", up=True)) == ()
        assert said(far) == (), "as its operator wants it"
        [words] = said(far, state("eu", up=False))
        assert words == "No rtpengine of the region eu has room: audio goes through another region."

    on_node(tmp_path, look, node__region="eu")


def test_what_has_been_seen_of_a_pbx(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        face = ground.face
        assert face.pbx(KEY, [HOST]) == PbxView((), None, "", "", None, "", None, "")
        await ground.outbound(secret="a wrong one")
        view = face.pbx(KEY, [])
        assert view.refused_at is not None
        assert view.refused_source.startswith(f"UDP {HOST}:")
        assert face.pbx("another", []).refused_at is None

    on_node(tmp_path, look)


def test_a_glance(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        face, node = ground.face, ground.node
        for host in ("192.0.2.1", "192.0.2.2"):
            node.rooms.visits.weak_tls(FakeFlow(remote=Address(host, 40_000)), "TLSv1")
        everything = await face.glance(None, [])
        assert [one.host for one in everything.weak_tls] == ["192.0.2.1", "192.0.2.2"]
        assert (everything.calls, everything.stats, everything.usage) == (0, face.stats(), None)
        assert everything.media_ports == face.media_ports()
        own = await face.glance(KEY, ["192.0.2.2"])
        assert [(one.host, one.account) for one in own.weak_tls] == [("192.0.2.2", KEY)]
        assert (own.usage, own.stats, own.bans) == (face.usage(KEY), None, ())
        assert (await face.glance("nobody", [])).weak_tls == ()

    on_node(tmp_path, look)
