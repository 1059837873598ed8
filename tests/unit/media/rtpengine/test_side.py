"""The books of one side."""

from dataclasses import replace

from tests.unit.media.rtpengine.remotes import peer
from trunkline.call.ports import MediaFlow
from trunkline.media.rtpengine.counts import Counts
from trunkline.media.rtpengine.side import EVERYTHING, Side


def test_what_comes_counts_as_sent_on_while_it_passes() -> None:
    near, far = Side("caller", ipv6=False), Side("callee-1", ipv6=False)
    near.count(Counts(10), far, 5.0)
    near.count(Counts(10), far, 6.0)
    assert (near.figures.packets_received, far.figures.packets_sent, near.heard_at) == (10, 10, 5.0)
    near.blocked = EVERYTHING
    near.count(Counts(15), far, 7.0)
    near.count(Counts(20), None, 8.0)
    assert (near.figures.packets_received, far.figures.packets_sent) == (20, 10)


def test_what_a_peer_reports_is_of_the_far_ones_audio() -> None:
    near, far = Side("caller", ipv6=False), Side("callee-1", ipv6=False)
    near.count(Counts(10, far_lost=1, far_jitter_ms=2.0, far_mos=4.1), far, 5.0)
    assert (far.figures.packets_lost, far.figures.jitter_ms, far.figures.mos) == (1, 2.0, 4.1)
    near.count(Counts(10, far_lost=7), None, 6.0)
    assert (near.figures.packets_lost, near.figures.mos, far.figures.packets_lost) == (0, None, 1)


def test_a_smaller_count_takes_nothing_back() -> None:
    near = Side("caller", ipv6=False)
    near.count(Counts(10), None, 5.0)
    near.count(Counts(3), None, 6.0)
    assert near.figures.packets_received == 10


def test_audio_is_expected_from_a_peer_that_is_not_on_hold() -> None:
    side = Side("caller", ipv6=False)
    assert not side.passes
    assert not side.listens
    side.set_remote(peer(), 5.0)
    side.set_remote(peer(), 6.0)
    assert (side.silent_since, side.passes, side.listens) == (5.0, True, True)
    side.heard_at = 7.0
    assert side.silent_since == 7.0
    side.set_remote(replace(peer(), direction=MediaFlow.SEND), 8.0)
    assert (side.passes, side.listens) == (False, True)
    side.set_remote(peer("0.0.0.0"), 9.0)
    assert side.silent_since is None


def test_a_zero_address_or_port_is_nowhere() -> None:
    assert peer().is_somewhere
    assert not peer("::").is_somewhere
    assert not peer(port=0).is_somewhere
