"""Digits told in datagrams."""

import asyncio
import json
import socket

import pytest

from tests.interop.addresses import free_port
from trunkline.errors import MediaError
from trunkline.media.rtpengine.digit_log import DigitLog, DigitTold, read_digit

HOST = "127.0.0.1"
MESSAGE: dict[str, object] = {
    "callid": "c4",
    "source_tag": "caller",
    "tags": ["caller", "callee-1"],
    "type": "DTMF",
    "timestamp": 1795841068,
    "source_ip": "127.0.0.10",
    "event": 11,
    "duration": 100,
    "volume": 10,
}


def test_a_key_is_told() -> None:
    assert read_digit(json.dumps(MESSAGE).encode()) == DigitTold("c4", "caller", "#", 100)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "other"},
        {"event": 16},
        {"event": -1},
        {"event": "5"},
        {"duration": -1},
        {"duration": 10**9},
        {"callid": 5},
    ],
)
def test_what_is_no_key_is_not(change: dict[str, object]) -> None:
    assert read_digit(json.dumps(MESSAGE | change).encode()) is None


@pytest.mark.parametrize("message", [b"", b"\xff", b"5", b"[]", b"{", b"[" * 2000])
def test_what_is_no_message_is_not(message: bytes) -> None:
    assert read_digit(message) is None


def test_only_the_instances_are_heard() -> None:
    async def run() -> None:
        told: asyncio.Queue[DigitTold] = asyncio.Queue()
        port = free_port()
        log = DigitLog(HOST, port, {HOST}, told.put_nowait)
        log.start()
        with pytest.raises(MediaError, match="can't be heard"):
            DigitLog(HOST, port, {HOST}, told.put_nowait).start()
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as instance,
        ):
            stranger.bind(("127.0.0.2", 0))
            stranger.sendto(json.dumps(MESSAGE | {"event": 5}).encode(), (HOST, port))
            instance.bind((HOST, 0))
            instance.sendto(b"garbage", (HOST, port))
            instance.sendto(json.dumps(MESSAGE).encode(), (HOST, port))
            async with asyncio.timeout(5):
                assert (await told.get()).digit == "#"
        assert (told.qsize(), log.ignored) == (0, 2)
        log.close()
        log.close()

    asyncio.run(run())
