from tests.unit.cli.conftest import CommandLine, RunningNode


def test_it_runs_until_it_is_told_to_stop(node: RunningNode) -> None:
    """SIGINT ends it at once: what the fixture does in the end, and this does first."""
    assert node.process.poll() is None
    node.process.send_signal(2)
    assert node.process.wait(timeout=60) == 0


def test_wrong_settings_are_named(line: CommandLine) -> None:
    line.settings_file.write_text('[sip]\nadvertised_hots = "a.example"\n')
    assert "did you mean sip.advertised_host?" in line.error("serve")
