"""The document's own configurations, whose Asterisk has direct media: a call that it passes back to the trunk
is heard, though Asterisk takes itself out of the audio and points our two legs at each other.
"""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.asterisk.document import as_documented
from tests.interop.asterisk.own_files import FORWARDED
from tests.interop.asterisk.program import PBXS, Asterisk, Pbx, require_root
from tests.interop.asterisk.stage import HEARD_S, Stage, ended, hear_each_other
from tests.interop.asterisk.trunk import NUMBER, PHONES, SETTINGS, THIRD_NUMBER, forward, furnish
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, Node, running_node
from tests.interop.sipp.scenario import Callee

OTHER_HOST = "127.0.0.2"
"""Where the PBX sends its calls. Those that it gets come from `HOST`, whose peer needs no password."""


@pytest.fixture(scope="module")
def node(names: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    port = free_port(HOST)
    both = {"sip.udp": [f"{HOST}:{port}", f"{OTHER_HOST}:{port}"]}
    with running_node(tmp_path_factory.mktemp("direct") / "node", SETTINGS | both) as node:
        node.port = port
        furnish(node)
        yield node


@pytest.fixture(params=PBXS, ids=str)
def pbx(request: pytest.FixtureRequest, node: Node) -> Iterator[Asterisk]:
    which: Pbx = request.param
    require_root(which)
    port = free_port()
    files = as_documented(host=OTHER_HOST, port=node.port, own_port=port, number=NUMBER)
    forward(node, port)
    asterisk = Asterisk(which, files=files, port=port, phones=PHONES, forwards_to=f"00{THIRD_NUMBER}")
    with closing(asterisk):
        yield asterisk


@pytest.fixture
def stage(node: Node, pbx: Asterisk, sipp: Start, voice: Speak) -> Iterator[Stage]:
    with closing(Stage(node, pbx, sipp, voice)) as stage:
        yield stage


def test_a_call_that_is_passed_back(stage: Stage) -> None:
    before = _calls(stage)
    third = stage.third(_answers)
    caller = stage.calls(FORWARDED)
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = stage.from_carrier(caller)
    named = wait_for(
        "the PBX to be out of the audio",
        lambda: _pointed_at_ours(stage, _calls(stage) - before),
        within_s=HEARD_S,
    )
    assert len(named) == 2
    hear_each_other(carrier, third)
    carrier.sipp.tell()
    ended(carrier, third)


def _answers(callee: Callee) -> None:
    callee.ring()
    callee.accept()
    callee.hung_up()


def _calls(stage: Stage) -> set[str]:
    return {call["call_id"] for call in stage.node.command("calls")}


def _pointed_at_ours(stage: Stage, calls: set[str]) -> set[int]:
    """Media ports of ours that the PBX has named in these two calls; nothing before it has in both."""
    first, last = stage.node.media_ports
    there = re.compile(rf"c=IN IP4 {HOST}\r?\n(?:.*\r?\n)*?m=audio (\d+) ")
    named = [
        {
            port
            for message in stage.node.run("calls", call, "--messages").split("\n--- +")
            if f", UDP {HOST}:{stage.pbx.port} (" in message.partition("\n")[0]
            and " from " in message.partition(", ")[0]
            for port in map(int, there.findall(message))
            if first <= port <= last
        }
        for call in calls
    ]
    return set.union(*named) if len(named) == 2 and all(named) else set()
