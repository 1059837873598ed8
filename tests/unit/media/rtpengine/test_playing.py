"""Digits and sounds for the peers of a room."""

from collections import deque
from pathlib import Path

from tests.unit.media.rtpengine.prepared import Prepared
from tests.unit.media.rtpengine.remotes import peer
from tests.unit.media.rtpengine.test_sounds import wav
from trunkline.call.ports import SrtpKeys, Tone, WavFile
from trunkline.media.rtpengine.playing import INJECTS_S
from trunkline.media.rtpengine.sounds import playable


def test_digits_are_played_as_if_the_far_side_had_sent_them() -> None:
    one = Prepared()
    _, callee = one.talk()
    one.daemon.commands()
    callee.send_digits("1a", duration_ms=20)
    one.settle()
    assert one.daemon.said[-1][0] == "answer", "the audio has yet to come through where digits are put in"
    one.clock.advance(INJECTS_S)
    assert [
        (command, keys.get("from-tag"), keys.get("digit"), keys.get("duration"))
        for command, keys in one.daemon.said
    ] == [
        ("offer", b"caller", None, None),
        ("answer", b"caller", None, None),
        ("play DTMF", b"caller", b"1", 100),
        ("play DTMF", b"caller", b"A", 100),
    ]
    one.daemon.commands()
    callee.send_digits("2")
    one.settle()
    assert one.daemon.commands() == ["play DTMF"]


def test_digits_that_are_refused_are_dropped() -> None:
    one = Prepared()
    _, callee = one.talk()
    one.daemon.refuses = {"play DTMF"}
    callee.send_digits("123")
    one.clock.advance(1.0)
    assert one.daemon.commands().count("play DTMF") == 1
    assert one.told.timed_out == []


def test_digits_are_a_sound_for_a_peer_with_srtp_and_no_events() -> None:
    """rtpengine 10.5 would send the tones of `play DTMF` unprotected."""
    one = Prepared()
    _, callee = one.talk()
    callee.set_remote(peer("198.51.100.2", takes_events=None, srtp=SrtpKeys(b"k" * 30, b"l" * 30)))
    one.settle()
    one.daemon.commands()
    callee.send_digits("12", duration_ms=200)
    callee.send_digits("3")
    one.settle()
    assert one.daemon.call.blocked == {"caller"}
    callee.send_digits("4")
    one.clock.advance(0.7)
    assert one.daemon.commands().count("play media") == 1
    one.clock.advance(0.1)
    one.settle()
    assert one.daemon.commands().count("play media") == 1, "what is pressed meanwhile comes after it"
    one.clock.advance(1.0)
    assert one.daemon.call.blocked == set()
    assert one.told.ended == [], "the call has not asked for a sound"
    assert callee.side.digits == deque()


def test_digits_that_are_a_sound_wait_for_another_one() -> None:
    one = Prepared()
    _, callee = one.talk()
    callee.set_remote(peer("198.51.100.2", takes_events=None, srtp=SrtpKeys(b"k" * 30, b"l" * 30)))
    callee.announce(Tone((425.0,)))
    callee.send_digits("5" * 250, duration_ms=5000)
    one.clock.advance(30.0)
    callee.announce(None)
    one.settle()
    blobs = [keys["blob"] for command, keys in one.daemon.said if command == "play media"]
    assert len(blobs) == 2
    assert isinstance(blobs[1], bytes)
    assert len(blobs[1]) < 60_000, "no more at once than goes into one datagram"
    assert len(callee.side.digits) == 249


def test_a_sound_takes_the_place_of_the_far_audio_until_it_ends(tmp_path: Path) -> None:
    one = Prepared()
    caller, _ = one.talk()
    caller.announce(WavFile(wav(tmp_path / "hello.wav", 8000)))
    one.settle()
    assert one.daemon.call.blocked == {"callee-1"}
    assert "play media" in one.daemon.commands()
    one.clock.advance(1.1)
    assert one.told.ended == [caller]
    assert one.daemon.call.blocked == set()


def test_a_tone_goes_on_until_it_is_stopped_or_replaced() -> None:
    one = Prepared()
    caller, _ = one.talk()
    one.daemon.commands()
    caller.announce(Tone((425.0,)))
    one.clock.advance(100.0)
    caller.announce(Tone((440.0,)))
    one.settle()
    caller.announce(None)
    one.settle()
    said = [command for command in one.daemon.commands() if "media" in command and "block" not in command]
    assert said == ["play media", "stop media", "play media", "stop media"]
    assert one.told.ended == []


def test_a_tone_begins_anew_where_its_peer_has_moved_to() -> None:
    """It would go on to where it began."""
    one = Prepared()
    caller, _ = one.talk()
    caller.announce(Tone((425.0,)))
    one.settle()
    one.daemon.commands()
    caller.set_remote(peer("198.51.100.7"))
    caller.set_remote(peer("198.51.100.7"))
    one.settle()
    caller.set_remote(peer("198.51.100.8"))
    caller.announce(None)
    one.settle()
    said = [command for command in one.daemon.commands() if "media" in command and "block" not in command]
    assert said == ["stop media", "play media", "stop media"]


def test_a_sound_that_is_refused_is_left(tmp_path: Path) -> None:
    one = Prepared()
    caller, _ = one.talk()
    one.daemon.refuses = {"play media"}
    one.room.play(caller.side, playable(WavFile(wav(tmp_path / "hello.wav", 8000))))
    one.settle()
    assert one.daemon.commands().count("play media") == 1
    assert one.daemon.call.blocked == set()
    assert one.told.ended == [caller], "it is over"
