"""Two talkers agree by SDP, and hear each other."""

import pytest

from tests.simulation.descriptions import audio, direction, line
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import Tone
from trunkline.errors import MediaError, SdpError
from trunkline.media.fake import FakeEngine, FakeNetwork
from trunkline.media.terminals import Silence, Source
from trunkline.pstn.talker import CODECS, Talker
from trunkline.sdp.errors import NoCommonCodecError

TONE = Tone((440.0,))


class Booth:
    """Two talkers of two engines."""

    def __init__(self, codecs: tuple[str, ...] = CODECS, says: Source = TONE) -> None:
        self.clock = FakeClock()
        network = FakeNetwork(self.clock)
        self.engines = [FakeEngine(self.clock, network=network, address=f"192.0.2.{n}") for n in (1, 2)]
        one, two = self.engines
        self.one = Talker(one.open_terminal(says), 1, codecs)
        self.two = Talker(two.open_terminal(Silence(), listen_for=(440.0,)), 2)


def test_offer_and_answer_and_a_tone_that_is_heard() -> None:
    booth = Booth()
    offer = booth.one.offer()
    assert line(offer, "m").split()[3:] == ["8", "0", "101"]
    booth.one.take_answer(booth.two.answer(offer))
    assert (booth.one.codec, booth.two.codec) == ("PCMA", "PCMA")
    booth.clock.advance(2)
    assert booth.two.hearing().heard_ms(440.0) == 2000
    booth.one.play(Silence())
    booth.clock.advance(2)
    assert booth.two.hearing().heard_ms(440.0) == 2000


def test_digits_go_over_when_both_have_telephone_events() -> None:
    booth = Booth()
    booth.one.take_answer(booth.two.answer(booth.one.offer()))
    booth.one.terminal.send_digits("12#")
    assert booth.two.hearing().digits == "12#"
    booth.one.take_answer(audio("192.0.2.9", event=None))
    with pytest.raises(MediaError):
        booth.one.terminal.send_digits("1")


def test_a_hold_is_followed_and_stops_the_tone() -> None:
    booth = Booth()
    booth.one.take_answer(booth.two.answer(booth.one.offer()))
    held = booth.two.answer(audio("192.0.2.1", port=booth.one.terminal.port, direction="sendonly", version=2))
    assert direction(held) == "recvonly"
    assert direction(booth.two.answer(audio("192.0.2.1", direction="inactive", version=3))) == "inactive"


def test_one_codec_only() -> None:
    booth = Booth(codecs=("PCMU",))
    assert line(booth.one.offer(), "m").split()[3:] == ["0", "101"]
    with pytest.raises(NoCommonCodecError):
        booth.one.answer(audio("192.0.2.9", codecs=(8,)))


def test_what_it_can_not_speak_is_refused() -> None:
    booth = Booth()
    with pytest.raises(NoCommonCodecError):
        booth.one.answer(audio("192.0.2.9", codecs=(18,)))
    booth.one.offer()
    with pytest.raises(NoCommonCodecError):
        booth.one.take_answer(audio("192.0.2.9", codecs=(18,)))
    with pytest.raises(SdpError):
        booth.one.take_answer(b"nonsense")


def test_closing_gives_the_port_back() -> None:
    booth = Booth()
    booth.one.take_answer(booth.two.answer(booth.one.offer()))
    booth.clock.advance(1)
    assert booth.one.close().packets_sent == 50
    assert booth.engines[0].open_legs == 0
