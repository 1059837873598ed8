"""All that is looked at, together."""

from tests.interop.addresses import free_port
from tests.unit.cli.conftest import CommandLine, RunningNode
from tests.unit.cli.doctoring import findings, quiet


def test_every_finding_that_is_not_fine_has_a_remedy(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    for about, (state, _, remedy) in findings(line, 0).items():
        assert state == "fine" or remedy, about


def test_a_running_node_is_not_in_its_own_way(node: RunningNode) -> None:
    assert "a node is running" in node.line.run("doctor")
