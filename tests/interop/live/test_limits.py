"""The limits of an account over three nodes that run, with calls placed at all of them at once: exact while
the shared server is there, never over the limit while it is away, and nothing counted double afterwards.
"""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import sipps
from tests.interop.live.site import CARRIER, Site, running_site
from tests.interop.node import HOST, KEY, SECRET, Node
from tests.interop.sipp.scenario import Callee, Caller
from trunkline.web.control_client import ControlClient
from trunkline.web.views import CallState, Usage

pytestmark = pytest.mark.timeout(400)

PBX = "127.0.0.10"
NUMBER = "12125550200"
LIMIT = 20
NO_AUDIO = """v=0
o=phone 1 1 IN IP4 127.0.0.10
s=-
c=IN IP4 127.0.0.10
t=0 0
m=audio 30000 RTP/AVP 0 8"""


class Traffic:
    """A carrier that answers, and PBXs that call."""

    def __init__(self, directory: Path, port: int, stack: ExitStack) -> None:
        directory.mkdir()
        self._start = stack.enter_context(sipps(directory))
        callee = Callee(body=NO_AUDIO)
        callee.invited()
        callee.ring()
        callee.accept()
        callee.pause(600_000)
        self._start(callee, host=CARRIER, port=port, calls=10_000, within_s=600)

    def call(self, node: Node, calls: int) -> None:
        """So many calls at once, which are up until the node ends them, or refused with 503."""
        caller = Caller("442071838750", body=NO_AUDIO)
        caller.invite_with_credentials()
        caller.provisional()
        caller.response(503, jump=True)
        caller.response(200)
        caller.ack()
        caller.hung_up()
        caller.land()
        self._start(
            caller,
            host=PBX,
            to=(HOST, node.port),
            user=KEY,
            password=SECRET,
            calls=calls,
            rate=1000,
            within_s=600,
        )


@pytest.fixture(scope="module")
def port() -> int:
    return free_port(CARRIER)


@pytest.fixture
def site(tmp_path: Path, port: int) -> Iterator[Site]:
    limit = ("account", "limit", KEY, "--concurrent", str(LIMIT))
    with running_site(tmp_path, 3, port, directory_commands=[limit]) as made:
        yield made


@pytest.fixture
def traffic(tmp_path: Path, port: int) -> Iterator[Traffic]:
    with ExitStack() as stack:
        yield Traffic(tmp_path / "sipp", port, stack)


def place(site: Site, traffic: Traffic, each: int) -> None:
    """Calls at all nodes that run at once, until each call is up or refused."""
    before = calls_so_far(site)
    for node in site.running:
        traffic.call(node, each)
    wanted = before + each * len(site.running)
    wait_for("every call to be decided", lambda: calls_so_far(site) == wanted, 60, 0.2)


def calls_so_far(site: Site) -> int:
    """At the nodes that run: those that are over, refused ones too, and those that are answered."""
    total = 0
    for node in site.running:
        with control(node) as line:
            total += line.stats().calls_total
            total += sum(call.state is CallState.ANSWERED for call in line.calls())
    return total


def refused(site: Site) -> list[str]:
    """Why calls at all nodes were, as the records say."""
    verdicts = [row["verdict"] for row in site.nodes[0].command("calls")]
    return [verdict for verdict in verdicts if verdict != "open"]


def control(node: Node) -> ControlClient:
    return ControlClient(node.directory / "control.sock")


def test_two_hundred_calls_at_once(site: Site, traffic: Traffic) -> None:
    place(site, traffic, 67)
    assert site.total("active_calls") == LIMIT
    holder = max(site.nodes, key=lambda node: node.gauge("active_calls"))
    with control(holder) as line:
        assert line.hang_up(line.calls()[0].call_id)
    wait_for("one call less", lambda: site.total("active_calls") == LIMIT - 1)
    place(site, traffic, 10)
    assert site.total("active_calls") == LIMIT


def test_a_killed_node_s_calls_count_until_its_lease_is_over(site: Site, traffic: Traffic) -> None:
    place(site, traffic, 67)
    victim = max(site.nodes, key=lambda node: node.gauge("active_calls"))
    held = int(victim.gauge("active_calls"))
    assert held
    victim.kill()
    wait_for("the lease to be over", lambda: site.total("live_nodes") == 4)
    place(site, traffic, 30)
    assert site.total("active_calls") == LIMIT
    victim.start()
    site.wait_until_exact()
    place(site, traffic, 10)
    assert site.total("active_calls") == LIMIT


@pytest.mark.parametrize("how", ["stalls", "dies"])
def test_the_server_is_away(site: Site, traffic: Traffic, how: str) -> None:
    place(site, traffic, 1)
    assert site.total("active_calls") == 3
    if how == "stalls":
        site.server.pause()
    else:
        site.server.kill()
    place(site, traffic, 30)
    assert [int(node.gauge("active_calls")) for node in site.nodes] == [LIMIT // 3] * 3
    assert site.total("live_exact") == 0
    for node in site.nodes:
        assert "the live state is away" in node.command("status")["live"].lower()
        assert node.logged("the live state is away: limits fall back to this node's share")
    if how == "stalls":
        site.server.resume()
    else:
        site.server.start()
    site.wait_until_exact()
    place(site, traffic, 30)
    assert site.total("active_calls") == LIMIT, "what was up counts once"
    for node in site.nodes:
        node.signal(signal.SIGINT)
        node.wait()


def test_calls_to_the_numbers_of_an_account(tmp_path: Path, port: int) -> None:
    """From the carrier, at all nodes at once: two are up, and once one is over, one more."""
    to = f"sip:100@{PBX}:{port}"
    commands = [
        ("account", "limit", KEY, "--inbound", "2", "--concurrent", "0"),
        ("carrier", "set", "main", "--source", CARRIER),
        ("number", "add", NUMBER, "--account", KEY, "--forward", to),
    ]
    callee = Callee(body=NO_AUDIO)
    callee.invited()
    callee.ring()
    callee.accept()
    callee.pause(600_000)
    calls = 3
    directory = tmp_path / "sipp"
    directory.mkdir()
    with running_site(tmp_path, 2, port, directory_commands=commands) as site, sipps(directory) as start:
        start(callee, host=PBX, port=port, calls=10_000, within_s=600)

        def place() -> None:
            before = calls_so_far(site)
            for node in site.nodes:
                caller = Caller(NUMBER, caller="442071838750", body=NO_AUDIO)
                caller.invite()
                caller.provisional()
                caller.response(486, jump=True)
                caller.response(200)
                caller.ack()
                caller.hung_up()
                caller.land()
                start(caller, host=CARRIER, to=(HOST, node.port), calls=calls, rate=1000, within_s=600)
            wait_for("every call to be decided", lambda: calls_so_far(site) == before + 2 * calls, 60, 0.2)

        place()
        assert site.total("active_calls") == 2
        wait_for("the records of the others", lambda: refused(site) == ["numbers-busy"] * 4)
        holder = max(site.nodes, key=lambda node: node.gauge("active_calls"))
        with control(holder) as line:
            assert line.usage(KEY) == Usage(0, 2, 0.0, 0.0)
            assert line.hang_up(line.calls()[0].call_id)
        wait_for("one call less", lambda: site.total("active_calls") == 1)
        place()
        assert site.total("active_calls") == 2
