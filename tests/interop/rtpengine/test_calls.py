"""Calls through a node whose media engine is rtpengine: the tones at both ends, and two of them, one lost."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.media.rtpengine_daemon import RtpengineDaemon
from tests.unit.net.wire import until
from tests.unit.node.ground import (
    CALLED,
    CARRIER_HZ,
    CUSTOMER_HZ,
    KEY,
    NUMBER,
    SECRET,
    Ground,
    Installation,
    in_loop,
    on_node,
    running,
)
from trunkline.call.ports import Tone
from trunkline.call.record import CallRecord
from trunkline.media.rtpengine.engine import RtpengineEngine
from trunkline.pstn.dialling import CallReport, Dialling
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.uri import SipUri
from trunkline.store.calls import CallFilter
from trunkline.store.store import Store
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[tuple[RtpengineDaemon, RtpengineDaemon]]:
    with ExitStack() as ends:
        first = RtpengineDaemon(tmp_path)
        ends.callback(first.stop)
        second = RtpengineDaemon(tmp_path)
        ends.callback(second.stop)
        yield first, second


def at(*daemons: RtpengineDaemon) -> dict[str, Any]:
    """Settings for a node that uses these."""
    return {
        "media__engine": "rtpengine",
        "media__rtpengine": [f"udp:{daemon.host}:{daemon.ng_port}" for daemon in daemons],
        "media__rtpengine_ready": 4,
    }


@contextmanager
def store_of(installation: Installation) -> Iterator[Store]:
    settings = installation.settings
    store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
    try:
        yield store
    finally:
        store.close()


def stored_calls(installation: Installation) -> list[CallRecord]:
    with store_of(installation) as store:
        return list(store.calls.list(CallFilter(), limit=100).calls)


async def dialled(ground: Ground, **changes: Any) -> tuple[CallReport, CallReport]:
    """What the customer and the carrier say after a call from the one to the other. A key in the moment of
    the answer may be lost: the rtpengine is being told of it just then.
    """
    wanted = {"say": Tone((CUSTOMER_HZ,)), "listen_for": (CARRIER_HZ,), "ring_s": 5, **changes}
    placed = await ground.customer.dial(
        Dialling(
            SipUri("sip", f"+{CALLED}", "127.0.0.1", ground.port),
            caller=NUMBER,
            credentials=DigestUser(KEY, SECRET),
            **wanted,
        )
    )
    assert placed.answered, placed
    await until(lambda: ground.taken["carrier"])
    (taken,) = ground.taken["carrier"]
    return placed, taken


def calls_at(ground: Ground) -> dict[str, int]:
    media = ground.node.rooms.media
    assert isinstance(media, RtpengineEngine)
    return {state.name: state.rooms for state in media.states()}


def test_a_call_each_way_with_audio_and_the_figures_in_its_record(
    tmp_path: Path, daemons: tuple[RtpengineDaemon, RtpengineDaemon]
) -> None:
    installation = Installation.make(tmp_path, **at(*daemons))

    async def call() -> None:
        async with running(installation) as ground:
            outbound = await ground.outbound(talk_s=2.0)
            assert outbound.heard(CARRIER_HZ, 500), outbound
            inbound = await ground.inbound(talk_s=2.0)
            assert inbound.heard(CUSTOMER_HZ, 500), inbound
            await until(lambda: ground.taken["customer"] and ground.taken["carrier"])
            assert ground.taken["carrier"][0].heard(CUSTOMER_HZ, 500)
            assert ground.taken["customer"][0].heard(CARRIER_HZ, 500)
            await until(lambda: set(calls_at(ground).values()) == {0})

    in_loop(call())
    for record in stored_calls(installation):
        for figures in (record.caller_media, record.callee_media):
            assert figures.packets_received >= 45, record
            assert figures.packets_sent >= 45, record


@pytest.mark.parametrize(
    ("carrier_codecs", "changes", "words"),
    [
        (("iLBC",), {"codecs": ("PCMA",)}, "rtpengine can't transcode iLBC"),
        (("PCMA",), {"codecs": ("speex",), "ptime_ms": 40}, "speex in packets of 20 ms only"),
    ],
)
def test_what_an_rtpengine_can_not_transcode_is_488_with_a_warning(
    tmp_path: Path,
    daemons: tuple[RtpengineDaemon, RtpengineDaemon],
    carrier_codecs: tuple[str, ...],
    changes: dict[str, Any],
    words: str,
) -> None:
    async def call(ground: Ground) -> None:
        refused = await ground.customer.dial(
            Dialling(
                SipUri("sip", f"+{CALLED}", "127.0.0.1", ground.port),
                caller=NUMBER,
                credentials=DigestUser(KEY, SECRET),
                **changes,
            )
        )
        assert (refused.answered, refused.status) == (False, 488), refused
        assert words in refused.outcome

    on_node(tmp_path, call, carrier_codecs=carrier_codecs, **at(daemons[0]))


def test_new_calls_go_to_the_instance_that_is_left(
    tmp_path: Path, daemons: tuple[RtpengineDaemon, RtpengineDaemon]
) -> None:
    first, second = daemons

    async def call(ground: Ground) -> None:
        media = ground.node.rooms.media
        assert isinstance(media, RtpengineEngine)
        talk = [asyncio.ensure_future(ground.outbound(talk_s=1.0)) for _ in range(2)]
        await until(lambda: sorted(calls_at(ground).values()) == [1, 1])
        assert [(await one).heard(CARRIER_HZ, 500) for one in talk] == [True, True]
        first.stop()
        await until(lambda: [state.up for state in media.states()] == [False, True])
        for _ in range(2):
            assert (await ground.outbound(talk_s=0.5)).heard(CARRIER_HZ, 200)
        assert ground.face.readiness().ready
        second.stop()
        await until(lambda: not any(state.up for state in media.states()))
        refused = await ground.outbound()
        assert refused.status == 503
        assert not ground.face.readiness().ready
        await asyncio.to_thread(first.start)
        await until(lambda: ground.face.readiness().ready)
        assert (await ground.outbound(talk_s=0.5)).heard(CARRIER_HZ, 200)

    on_node(tmp_path, call, **at(first, second))


def test_a_call_whose_rtpengine_dies_is_ended(
    tmp_path: Path, daemons: tuple[RtpengineDaemon, RtpengineDaemon]
) -> None:
    async def call(ground: Ground) -> None:
        talk = asyncio.ensure_future(ground.outbound(talk_s=30))
        await until(lambda: ground.face.calls() and ground.face.calls()[0].answered_at)
        daemons[0].stop()
        report = await talk
        assert report.answered
        assert "hung up" in report.outcome, report.outcome

    on_node(tmp_path, call, media__timeout_s=1.0, **at(daemons[0]))


def test_the_next_carrier_is_heard_when_the_first_refuses(
    tmp_path: Path, daemons: tuple[RtpengineDaemon, RtpengineDaemon]
) -> None:
    """Each attempt has a port of its own beside the caller's, which stays."""
    installation = Installation.make(tmp_path, **at(daemons[0]))
    with store_of(installation) as store:
        good = f"pbx@127.0.0.1:{installation.customer_port}"
        store.numbers.forward(NUMBER, ForwardingList.parse(f"pbx@127.0.0.1:9, {good}"))

    async def call() -> None:
        async with running(installation) as ground:
            inbound = await ground.inbound(talk_s=0.6)
            assert inbound.heard(CUSTOMER_HZ, 300), inbound

    in_loop(call())
    assert [record.attempts for record in stored_calls(installation)] == [2]


@pytest.mark.parametrize("codec", ["PCMU", "G722", "G729", "speex"])
def test_two_who_share_no_codec_hear_each_other(
    tmp_path: Path, daemons: tuple[RtpengineDaemon, RtpengineDaemon], codec: str
) -> None:
    async def call(ground: Ground) -> None:
        report, taken = await dialled(ground, codecs=(codec,), digits="w1", talk_s=2.5)
        assert report.codec == codec
        assert report.heard(CARRIER_HZ, 500), report
        assert taken.codec == "PCMA"
        assert taken.heard(CUSTOMER_HZ, 500), taken
        assert taken.hearing is not None
        assert taken.hearing.digits == "1"

    on_node(tmp_path, call, carrier_codecs=("PCMA",), **at(daemons[0]))


@pytest.mark.parametrize(("near", "far"), [(True, False), (False, True), (True, True)])
def test_srtp_at_either_side(
    tmp_path: Path, daemons: tuple[RtpengineDaemon, RtpengineDaemon], near: bool, far: bool
) -> None:
    """Each end with keys of its own or with plain RTP, as both prove by understanding the other."""
    installation = Installation.make(tmp_path, **at(daemons[0]))
    with store_of(installation) as store:
        store.carriers.update("carrier", srtp=SrtpPolicy.REQUIRED if far else SrtpPolicy.FORBIDDEN)

    async def call() -> None:
        async with running(installation) as ground:
            report, taken = await dialled(ground, srtp=near, digits="w1", talk_s=1.5)
            assert report.heard(CARRIER_HZ, 500), report
            assert taken.heard(CUSTOMER_HZ, 500), taken
            assert taken.hearing is not None
            assert taken.hearing.digits == "1"

    in_loop(call())


@pytest.mark.parametrize("way", [DtmfMode.INBAND, DtmfMode.INFO])
def test_digits_of_an_account_arrive_as_events_however_it_sends_them(
    tmp_path: Path, daemons: tuple[RtpengineDaemon, RtpengineDaemon], way: DtmfMode
) -> None:
    """As tones within the audio (ITU-T Q.23), and in INFO."""
    installation = Installation.make(tmp_path, **at(daemons[0]))
    with store_of(installation) as store:
        store.accounts.update(KEY, dtmf=way)
    pressed: dict[str, Any] = {"say": Tone((770.0, 1336.0), -12.0, (120, 400))}
    if way is DtmfMode.INFO:
        pressed = {"digits": "w555", "info": True}

    async def call() -> None:
        async with running(installation) as ground:
            _, taken = await dialled(ground, events=False, talk_s=2.5, **pressed)
            assert taken.hearing is not None
            assert set(taken.hearing.digits) == {"5"}
            assert 3 <= len(taken.hearing.digits) <= taken.talk_s / 0.52 + 1, "of tones, one every 520 ms"

    in_loop(call())
