"""The server of the live state."""

from tests.interop.addresses import free_port
from tests.unit.cli.conftest import CommandLine
from tests.unit.cli.doctoring import findings, quiet


def test_a_live_state_that_is_away_is_a_fault(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    port = free_port()
    text = line.settings_file.read_text()
    url = f"valkey://:geheim@127.0.0.1:{port}/0"
    line.settings_file.write_text(text.replace("[live]\n", f'[live]\nurl = "{url}"\n'))
    state, found, remedy = findings(line, 1)[f"live state valkey://127.0.0.1:{port}/0"]
    assert state == "fault"
    assert "geheim" not in found
    assert "live.url" in remedy
