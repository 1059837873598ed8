"""What a node leaves to the others of its calls, and how it goes on with theirs."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.interop.addresses import free_port
from tests.simulation.survivor import SURVIVOR, LastingFake, Survivor
from tests.simulation.world import ACCOUNT, CALLEE, CARRIER, KEY, ChallengingPeer, SimulatedNode, World
from tests.unit.node.ground import Ground, on_node
from trunkline.call.record import CallRecord
from trunkline.live.checkpoints import Checkpoints
from trunkline.node.takeover import APART_S, Takeover
from trunkline.observe.metrics import Metrics
from trunkline.store.keys import Keyring
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import CarrierCredentials
from trunkline.trunk.limits import Held, inbound_key


class Side:
    """The takeover of a simulated node, and what it tells the rooms around."""

    def __init__(self, node: SimulatedNode, keyring: Keyring) -> None:
        self.node = node
        self.written: list[CallRecord] = []
        self.left: list[CallRecord] = []
        self.media = LastingFake(node.engine)
        self.checkpoints = Checkpoints(node.clock)
        self.metrics = Metrics()
        self.records = SimpleNamespace(call_left=self.left.append, checkpoints=None)
        rooms: Any = SimpleNamespace(
            switch=node.switch,
            clock=node.clock,
            directory=node.directory,
            services=node.services,
            store=SimpleNamespace(keyring=keyring),
            writer=SimpleNamespace(call_taken=self.written.append),
            records=self.records,
            limits=node.limits,
            metrics=self.metrics,
            price_of=lambda called: 0.6,
        )
        self.takeover = Takeover(rooms, self.media, self.checkpoints)


class Site:
    """A call at one node, and another node."""

    def __init__(self, directory: Path, account: Account = ACCOUNT, *, outbound: bool = True) -> None:
        self.world = World(account=account)
        if outbound:
            self.world.talking_outbound()
        else:
            self.world.talking_inbound()
        keyring = Keyring.create(directory / "secret.key")
        self.first = Side(self.world.node, keyring)
        self.second = Side(Survivor(self.world, account), keyring)
        self.call_id = self.world.node.the_call.record.call_id

    @property
    def text(self) -> str:
        kept = self.first.takeover.checkpoint(self.call_id)
        assert kept is not None
        assert kept.place == "fake"
        return kept.text

    def hand_over(self, text: str | None = None, call_id: str | None = None) -> None:
        """The first node is dead."""
        text = self.text if text is None else text
        self.world.network.remove(self.world.node.host)
        self.second.checkpoints.claimed([(call_id or self.call_id, text)])
        self.world.clock.advance(1)


def test_a_call_goes_on_with_its_limits(tmp_path: Path) -> None:
    site = Site(tmp_path, replace(ACCOUNT, cost_per_day=1000.0))
    site.hand_over()
    second = site.second
    assert second.takeover.total == 1
    assert [record.call_id for record in second.written] == [site.call_id]
    assert second.node.the_call.record.called == CALLEE
    assert second.node.limits.calls_up(KEY) == 1
    site.world.clock.advance(60)
    assert second.node.limits.cost_today(KEY) == pytest.approx(0.6, abs=0.05)
    assert site.world.gateway.the_usage.dialog.remote_target.host == SURVIVOR
    assert b"calls_taken_over_total 1.0" in second.metrics.exposition()
    site.world.customer.the_usage.bye()
    site.world.clock.advance(100)
    second.node.assert_idle()


def test_a_call_to_a_customer_counts_among_those_to_its_numbers(tmp_path: Path) -> None:
    site = Site(tmp_path, replace(ACCOUNT, max_concurrent=1, max_inbound=1), outbound=False)
    site.hand_over()
    second = site.second
    assert second.takeover.total == 1
    assert second.node.limits.calls_up(KEY) == 0
    assert second.node.limits.here(inbound_key(KEY)) == Held(1)
    site.world.customer.the_usage.bye()
    site.world.clock.advance(100)
    second.node.assert_idle()


def test_a_carrier_s_challenge_is_answered_with_what_the_directory_has(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.second.node.put(replace(CARRIER, credentials=CarrierCredentials("trunk", "s3cret")))
    site.world.gateway.on_offer = peer = ChallengingPeer()
    site.hand_over()
    first, answer = peer.answers
    assert first is None
    assert answer is not None
    assert 'username="trunk"' in answer


def test_what_is_new_in_a_call_is_told(tmp_path: Path) -> None:
    side = Site(tmp_path).first
    assert side.records.checkpoints is side.checkpoints, "which hears of answers and ends"
    assert side.node.services.agreed == side.checkpoints.changed


def test_calls_are_taken_up_one_after_another(tmp_path: Path) -> None:
    site = Site(tmp_path)
    clock, second = site.world.clock, site.second
    tried: list[float] = []
    second.node.switch.take_over = lambda resumed: tried.append(clock.now())  # type: ignore[method-assign]
    second.checkpoints.claimed([(site.call_id, site.text)] * 3)
    claimed_at = clock.now()
    clock.advance(1)
    assert tried == pytest.approx([claimed_at + number * APART_S for number in (1, 2, 3)])


def test_a_checkpoint_is_read_by_nobody_else(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for word in (CALLEE, KEY, "RTP/AVP", site.call_id):
        assert word not in site.text


@pytest.mark.parametrize("wrong", ["nothing", "another key", "another call", "another form"])
def test_what_is_no_checkpoint_of_the_call_is_left(tmp_path: Path, wrong: str) -> None:
    site = Site(tmp_path)
    keyring = Keyring.load(tmp_path / "secret.key")
    (tmp_path / "other").mkdir()
    other = Keyring.create(tmp_path / "other" / "secret.key")
    text = {
        "nothing": "",
        "another key": other.encrypt(keyring.decrypt(site.text, "it")),
        "another call": site.text,
        "another form": keyring.encrypt("[1, {}]"),
    }[wrong]
    site.hand_over(text, "another" if wrong == "another call" else None)
    second = site.second
    assert (second.takeover.total, len(second.node.switch), second.written) == (0, 0, [])
    assert second.checkpoints.unknown([site.call_id, "another"]) != [], "it is forgotten"
    assert second.node.agent.dialogs == 0


def test_a_call_that_is_another_s_by_now_is_let_go(tmp_path: Path) -> None:
    site = Site(tmp_path)
    first = site.first
    call = site.world.node.the_call
    assert first.takeover.is_up(site.call_id)
    first.takeover.taken(site.call_id)
    assert first.media.parted == [call.caller.media]
    assert first.left == [call.record]
    assert not first.takeover.is_up(site.call_id)
    first.takeover.taken(site.call_id)
    site.world.clock.advance(100)
    assert site.world.node.agent.dialogs == 0
    assert [phone.events for phone in site.world.phones] == [[], []]


def test_a_draining_node_takes_none(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.second.takeover.places == ["fake"]
    site.second.node.switch.draining = True
    assert list(site.second.takeover.places) == []


def test_a_call_that_is_not_there_has_none(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.second.takeover.checkpoint(site.call_id) is None


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        assert ground.node.rooms.shared is not None
        assert ground.node.rooms.shared.link.checkpoints.keeper is None

    on_node(
        tmp_path,
        look,
        live__url=f"valkey://127.0.0.1:{free_port()}/0",
        media__engine="rtpengine",
        media__rtpengine=[f"udp:127.0.0.1:{free_port()}"],
        node__takeover=False,
    )
