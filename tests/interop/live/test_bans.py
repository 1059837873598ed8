"""A source that one node shuts out for wrong passwords is shut out by the others, and let in again at all."""

from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import Start
from tests.interop.live.site import CARRIER, Site, running_site
from tests.interop.node import HOST, KEY, Node
from tests.interop.sipp.scenario import Caller
from trunkline.web.control_client import ControlClient

pytestmark = pytest.mark.timeout(400)

GUESSER = "127.0.0.77"


def sources(node: Node) -> list[str]:
    with ControlClient(node.directory / "control.sock") as line:
        return [ban.source for ban in line.bans()]


def guess(sipp: Start, node: Node) -> None:
    """Three wrong passwords, which is enough."""
    for status in (407, 407, 403):
        caller = Caller("442071838750")
        caller.invite_with_credentials()
        caller.refused(status)
        sipp(caller, host=GUESSER, to=(HOST, node.port), user=KEY, password="wrong").done()


@pytest.mark.parametrize("meanwhile", ["nothing", "the server is away"])
def test_a_ban_holds_at_all_nodes(tmp_path: Path, sipp: Start, meanwhile: str) -> None:
    with running_site(tmp_path, 2, free_port(CARRIER), settings={"limits.ban_failures": 3}) as site:
        here, there = site.nodes
        if meanwhile == "the server is away":
            lose(site)
        guess(sipp, here)
        assert sources(here) == [GUESSER]
        if meanwhile == "the server is away":
            assert sources(there) == []
            site.server.start()
        wait_for("the ban elsewhere", lambda: sources(there) == [GUESSER], within_s=20)
        if meanwhile == "the server is away":
            lose(site)
        there.run("ban", "lift", GUESSER)
        if meanwhile == "the server is away":
            site.server.start()
            site.wait_until_exact()
        wait_for("no ban", lambda: not sources(here) and not sources(there), within_s=20)
        restarted = here
        restarted.kill()
        restarted.start()
        site.wait_until_exact()
        assert sources(restarted) == []


def lose(site: Site) -> None:
    site.server.kill()
    wait_for("both to notice", lambda: site.total("live_exact") == 0, within_s=20)
