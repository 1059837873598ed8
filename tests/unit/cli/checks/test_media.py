"""Recordings and rtpengines."""

import wave
from pathlib import Path

from tests.interop.addresses import free_port
from tests.unit.cli.conftest import CommandLine
from tests.unit.cli.doctoring import findings, quiet


def test_an_rtpengine_that_is_away_is_a_fault(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    name = f"udp:127.0.0.1:{free_port()}"
    text = line.settings_file.read_text()
    media = f'[media]\nengine = "rtpengine"\nrtpengine = ["{name}"]\n'
    line.settings_file.write_text(text.replace("[media]\n", media))
    state, found, remedy = findings(line, 1)[f"rtpengine {name}"]
    assert state == "fault"
    assert "nobody is there" in found
    assert remedy


def test_recordings_that_would_never_be_played_are_named(line: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, rate in (("busy", 8000), ("no-route", 16000), ("nonsense", 8000)):
        with wave.open(str(folder / f"{name}.wav"), "wb") as recording:
            recording.setparams((1, 2, rate, 0, "NONE", ""))
            recording.writeframes(bytes(320))
    (folder / "declined.wav").write_bytes(b"RIFF")
    quiet(line, f"127.0.0.1:{free_port()}")
    text = line.settings_file.read_text()
    line.settings_file.write_text(text.replace("[media]\n", f'[media]\nannouncements = "{folder}"\n'))
    found = findings(line, 0)
    assert found["announcements"][:2] == ("fine", f"3 recordings in {folder}")
    assert {name for name in found if name.startswith("announcement ")} == {
        "announcement no-route.wav",
        "announcement nonsense.wav",
        "announcement declined.wav",
    }
    assert "never played" in found["announcement nonsense.wav"][1]


def test_a_folder_of_recordings_that_is_not_there_is_a_fault(line: CommandLine, tmp_path: Path) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    text = line.settings_file.read_text()
    line.settings_file.write_text(
        text.replace("[media]\n", f'[media]\nannouncements = "{tmp_path / "none"}"\n')
    )
    assert findings(line, 1)["announcements"][0] == "fault"
