"""Everything bad at every media port while a call is up, passed through and transcoded: the audio goes on
both ways, nobody who merely sends is answered, and what is counted is the call's own.
"""

import random
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from tests.abuse.caller import Caller
from tests.interop.addresses import wait_for
from tests.interop.audio import PCMU, Voice
from tests.interop.codecs.phones import CARRIER, Phones, phones_around
from tests.interop.node import HOST, Node
from tests.simulation.descriptions import audio, line
from trunkline.call.ports import Tone
from trunkline.pstn.dialling import CallReport

NEAR_HZ, FAR_HZ = 440.0, 1000.0
NUMBERS = {"PCMU": "493012345600", "G729": "493012345601"}
ROUNDS = 60
"""A tenth of a second apart."""
REPORT = struct.pack("!BBHI", 0x80, 201, 1, 7)


@pytest.fixture(scope="module")
def taken() -> list[CallReport]:
    return []


@pytest.fixture(scope="module")
def phones(node: Node, taken: list[CallReport]) -> Iterator[Phones]:
    with phones_around(node) as phones:
        for codec, number in NUMBERS.items():
            address = phones.answering(
                Tone((FAR_HZ,)), taken.append, codecs=(codec,), listen_for=(NEAR_HZ, FAR_HZ)
            )
            node.command("carrier", "add", codec, "--gateway", f"sip:{CARRIER}:{address.port}")
            node.command("route", "add", number, "--carrier", codec)
        yield phones


def rtp(kind: int, payload: bytes, *, first: int = 0x80, sequence: int = 0, ssrc: int = 0xBAD) -> bytes:
    return struct.pack("!BBHII", first, kind, sequence & 0xFFFF, 160 * sequence & 0xFFFFFFFF, ssrc) + payload


def never_good(dice: random.Random) -> list[bytes]:
    """What is no RTP of this call whoever sends it."""
    noise = dice.randbytes(dice.randrange(1, 400))
    return [
        b"",
        noise,
        *(rtp(PCMU, b"\xff" * 160, first=version << 6) for version in (0, 1, 3)),
        rtp(PCMU, b"")[: dice.randrange(1, 12)],
        rtp(PCMU, b"\xff" * 8, first=0x8F),
        rtp(PCMU, b"\xff\xff\xff\xff" * 4, first=0x90),
        rtp(PCMU, b"\xff" * 160 + b"\xff", first=0xA0),
        rtp(PCMU, b"\xff" * 65_000),
        *(rtp(kind, b"\xff" * 160) for kind in (8, 9, 18, 34, 77, 97, 127)),
        REPORT,
        REPORT[:5],
        struct.pack("!BBHI", 0x9F, 200, 0xFFFF, 7) + noise,
        struct.pack("!BBHI", 0x81, 203, 1, 7),
        b"\x00\x01\x00\x08\x21\x12\xa4\x42" + noise,
        b"\x16\xfe\xfd" + noise,
    ]


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    """Somebody whom no signalling has named."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.66.6", 0))
        yield stranger


@pytest.mark.parametrize("codec", NUMBERS)
def test_the_audio_goes_on_in_the_midst_of_it(
    node: Node, phones: Phones, taken: list[CallReport], stranger: socket.socket, codec: str
) -> None:
    """The caller has PCMU, the far end this codec."""
    del phones
    taken.clear()
    dice = random.Random(3550)
    caller = Caller(node, NUMBERS[codec])
    mouth = Voice(NEAR_HZ, caller.address)
    ports = range(node.media_ports[0], node.media_ports[1] + 1)
    try:
        final = caller.call(audio(caller.address, port=mouth.port, codecs=(PCMU,), event=None))
        assert final.status == 200
        port = int(line(final.body, "m").split()[1])
        mouth.talk_to(HOST, port)
        wait_for("audio", lambda: mouth.hears(FAR_HZ))
        deaf = 0
        for number_of_round in range(ROUNDS):
            mine = [(port + offset, data) for data in never_good(dice) for offset in (0, 1)]
            for to, data in dice.sample(mine, len(mine) // 2):
                mouth.send_raw(data, (HOST, to))
            good = rtp(PCMU, b"\x00" * 160, sequence=number_of_round)
            for to in dice.sample(ports, 40):
                stranger.sendto(dice.choice([*never_good(dice), good]), (HOST, to))
            for offset in (0, 1):
                stranger.sendto(good, (HOST, port + offset))
                stranger.sendto(REPORT, (HOST, port + offset))
            time.sleep(0.1)
            deaf += number_of_round > 10 and not mouth.hears(FAR_HZ)
        assert deaf <= ROUNDS // 20
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.recv(2048)
        caller.hang_up()
        wait_for("the far end's report", lambda: taken)
        (report,) = taken
        assert report.heard(NEAR_HZ, int(report.talk_s * 900)), report.hearing
        assert report.figures.packets_received == pytest.approx(50 * report.talk_s, rel=0.15)
    finally:
        mouth.close()
        caller.close()
