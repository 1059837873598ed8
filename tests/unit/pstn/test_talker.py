"""Two talkers agree by SDP, and hear each other."""

import pytest

from tests.simulation.descriptions import audio, direction, line
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import SrtpKeys, Tone
from trunkline.errors import MediaError, SdpError
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_network import FakeNetwork
from trunkline.media.fake_terminal import FakeTerminal
from trunkline.media.terminals import Silence, Source
from trunkline.pstn.talker import CODECS, STEP_MS, Talker
from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.sdp.errors import NoCommonCodecError, UnsupportedProfileError

TONE = Tone((440.0,))


class Booth:
    """Two talkers of two engines."""

    def __init__(
        self,
        codecs: tuple[str, ...] = CODECS,
        says: Source = TONE,
        *,
        two: tuple[str, ...] = CODECS,
        keys: tuple[bytes, bytes] = (b"", b""),
        secure: bool = False,
        ptime_ms: int = 20,
    ) -> None:
        self.clock = FakeClock()
        network = FakeNetwork(self.clock)
        self.engines = [FakeEngine(self.clock, network=network, address=f"192.0.2.{n}") for n in (1, 2)]
        first, second = self.engines
        self.one = Talker(first.open_terminal(says), 1, codecs, key=keys[0], secure=secure, ptime_ms=ptime_ms)
        self.two = Talker(second.open_terminal(Silence(), listen_for=(440.0,)), 2, two, key=keys[1])


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


@pytest.mark.parametrize("name", CODEC_NAMES)
def test_each_codec_is_spoken(name: str) -> None:
    booth = Booth(codecs=(name,), two=CODEC_NAMES)
    booth.one.take_answer(booth.two.answer(booth.one.offer()))
    assert (booth.one.codec, booth.two.codec) == (name, name)
    booth.one.terminal.send_digits("5")
    booth.clock.advance(1)
    assert booth.two.hearing().heard_ms(440.0) == 1000
    assert booth.two.hearing().digits == "5"


def test_srtp_is_offered_and_answered_with_keys_of_both() -> None:
    booth = Booth(keys=(bytes(30), b"k" * 30), secure=True)
    offer = booth.one.offer()
    assert b" RTP/SAVP " in offer
    answer = booth.two.answer(offer)
    booth.one.take_answer(answer)
    one, two = (talker.terminal for talker in (booth.one, booth.two))
    assert isinstance(one, FakeTerminal)
    assert isinstance(two, FakeTerminal)
    assert one.remote is not None
    assert two.remote is not None
    assert one.remote.srtp == SrtpKeys(bytes(30), b"k" * 30)
    assert two.remote.srtp == SrtpKeys(b"k" * 30, bytes(30))


def test_plain_audio_for_an_offer_of_srtp_is_no_answer() -> None:
    booth = Booth(keys=(bytes(30), b""), secure=True)
    offer = booth.one.offer()
    with pytest.raises(UnsupportedProfileError):
        booth.two.answer(offer)
    with pytest.raises(UnsupportedProfileError):
        booth.one.take_answer(audio("192.0.2.9"))


def test_packets_are_asked_for_as_long_as_it_was_told() -> None:
    booth = Booth(ptime_ms=40)
    offer = booth.one.offer()
    assert b"a=ptime:40\r\n" in offer
    for ptime, made in ((b"40", 40), (b"10", STEP_MS)):
        booth.two.answer(offer.replace(b"a=ptime:40", b"a=ptime:" + ptime))
        terminal = booth.two.terminal
        assert isinstance(terminal, FakeTerminal)
        assert terminal.remote is not None
        assert terminal.remote.speaks is not None
        assert terminal.remote.speaks.ptime_ms == made


def test_a_talker_without_telephone_events_neither_offers_nor_answers_them() -> None:
    engine = FakeEngine(FakeClock())
    talker = Talker(engine.open_terminal(Silence()), 1, events=False)
    assert b"telephone-event" not in talker.offer()
    assert b"telephone-event" not in talker.answer(audio("192.0.2.9", event=101))


@pytest.mark.parametrize(("one", "two", "agreed"), [(20, 20, 20), (20, 30, 30), (30, 20, 30), (30, 30, 30)])
def test_ilbc_is_of_20_ms_only_where_both_want_that(one: int, two: int, agreed: int) -> None:
    engine = FakeEngine(FakeClock())
    caller, callee = (
        Talker(engine.open_terminal(Silence()), number, ("iLBC",), ilbc_ms=mode)
        for number, mode in ((1, one), (2, two))
    )
    answer = callee.answer(caller.offer())
    caller.take_answer(answer)
    assert f"mode={agreed}".encode() in answer
    for talker in (caller, callee):
        assert isinstance(talker.terminal, FakeTerminal)
        assert talker.terminal.remote is not None
        assert talker.terminal.remote.speaks is not None
        assert talker.terminal.remote.speaks.mode_ms == agreed
