"""A room: what it says to its rtpengine, in which order, and what it makes of the answers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.media.rtpengine.paper_daemon import DELAY_S, PaperDaemon
from tests.unit.media.rtpengine.prepared import SETTINGS, Owner, Prepared, assert_keys, open_legs
from tests.unit.media.rtpengine.remotes import peer
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import MediaFlow, SrtpKeys
from trunkline.media.rtpengine.exchange import PATIENCE_S, NgFullError
from trunkline.media.rtpengine.leg import RtpengineLeg
from trunkline.media.rtpengine.room import Room


def test_it_is_made_by_an_offer_and_an_answer_about_nobody() -> None:
    one = Prepared()
    assert one.owner.ready == [one.room]
    assert one.daemon.commands() == ["offer", "answer"]
    assert one.told_about == {"caller": "192.0.2.1", "callee-1": "192.0.2.1"}
    assert one.room.caller.endpoint == ("192.0.2.1", 30_002)


def test_taking_a_callees_side_makes_the_next_one() -> None:
    one = Prepared()
    caller, callee = one.open(), one.beside()
    one.settle()
    assert callee.port == 30_000 != caller.port
    assert one.daemon.call.ports == {"callee-1": 30_000, "caller": 30_002, "callee-2": 30_004}
    assert one.daemon.commands() == ["offer", "answer"] * 2


def test_what_is_set_in_one_go_is_said_once() -> None:
    one = Prepared()
    caller, callee = one.open(), one.beside()
    one.settle()
    one.daemon.commands()
    for port in range(4000, 4100, 2):
        caller.set_remote(peer("198.51.100.1", port))
    callee.set_remote(peer("198.51.100.2"))
    one.room.bridge(callee.side)
    one.settle()
    assert one.daemon.commands() == ["offer", "answer"]
    assert one.told_about["caller"] == "198.51.100.1"
    assert "m=audio 4098" in one.daemon.call.sdp["caller"]
    caller.set_remote(peer("198.51.100.1", 4098))
    one.settle()
    assert one.daemon.commands() == [], "nothing has changed"


def test_what_changes_under_way_is_said_after_the_answer() -> None:
    one = Prepared()
    caller, callee = one.talk()
    one.daemon.commands()
    caller.set_remote(peer("198.51.100.3"))
    one.clock.advance(DELAY_S / 2)
    for port in (5000, 6000, 7000):
        callee.set_remote(peer("198.51.100.4", port))
    one.settle()
    assert one.daemon.commands() == ["offer", "answer"] * 2
    assert one.told_about["caller"] == "198.51.100.3"
    assert "m=audio 7000" in one.daemon.call.sdp["callee-1"]


def test_before_the_bridge_each_knows_nobody() -> None:
    one = Prepared()
    caller, callee = one.open(), one.beside()
    caller.set_remote(peer("198.51.100.1"))
    callee.set_remote(peer("198.51.100.2"))
    one.settle()
    assert one.told_about["caller"] == "198.51.100.1"
    assert one.told_about["callee-1"] == "192.0.2.1"


def test_before_the_caller_is_known_whoever_may_send_to_a_callees_port_is_blocked() -> None:
    one = Prepared()
    caller, first = one.open(), one.beside()
    one.settle()
    one.daemon.commands()
    caller.set_remote(peer("198.51.100.1"))
    one.settle()
    assert one.daemon.commands() == ["block DTMF", "block media", "offer", "answer"]
    assert one.daemon.call.blocked == {"callee-1"}
    first.set_remote(peer("198.51.100.2"))
    one.room.bridge(first.side)
    one.settle()
    assert one.daemon.commands()[:2] == ["offer", "answer"]
    assert one.daemon.call.blocked == set()
    first.close()
    one.settle()
    assert one.daemon.call.blocked == {"callee-2"}, "the attempt to come"


@pytest.mark.parametrize(
    ("direction", "blocked"),
    [
        (MediaFlow.BOTH, set()),
        (MediaFlow.SEND, {"caller"}),
        (MediaFlow.RECEIVE, {"callee-1"}),
        (MediaFlow.NONE, {"caller", "callee-1"}),
    ],
)
def test_hold_blocks_and_its_end_unblocks(direction: MediaFlow, blocked: set[str]) -> None:
    one = Prepared()
    caller, _ = one.talk()
    one.daemon.commands()
    caller.set_remote(replace(peer("198.51.100.1"), direction=direction))
    one.settle()
    assert one.daemon.call.blocked == blocked
    assert one.daemon.commands().count("block DTMF") == len(blocked)
    caller.set_remote(peer("198.51.100.1"))
    one.settle()
    assert one.daemon.call.blocked == set()


def test_the_attempt_that_follows_has_a_port_of_its_own_and_the_caller_keeps_its() -> None:
    one = Prepared()
    caller, first = one.talk()
    first.close()
    second = one.beside()
    second.set_remote(peer("198.51.100.9"))
    one.room.bridge(second.side)
    one.settle()
    assert second.port not in {first.port, caller.port}
    assert one.told_about["caller"] == "198.51.100.1"
    assert one.told_about[second.side.tag] == "198.51.100.9"
    assert one.owner.lost == []


def test_an_attempt_that_failed_at_once_leaves_its_side_to_the_next() -> None:
    one = Prepared()
    one.open()
    first = one.beside()
    first.close()
    again = one.beside()
    again.close()
    third = one.beside()
    assert first.port == again.port == third.port
    assert (first.closed, third.closed) == (True, False)
    third.set_remote(peer())
    third.close()
    assert one.room.take_callee(ipv6=False) is None, "somebody may send to that port now"
    one.settle()
    assert one.room.take_callee(ipv6=False) is not None


def test_a_departed_side_is_deleted_and_its_figures_kept() -> None:
    one = Prepared()
    _, callee = one.talk()
    one.daemon.call.packets["callee-1"] = 30
    one.daemon.commands()
    callee.close()
    one.settle()
    assert "delete" in one.daemon.commands()
    assert callee.figures().packets_received == 30


@pytest.mark.parametrize("forgetful", [False, True])
def test_what_was_counted_is_asked_for_until_a_deletion_has_told_it(forgetful: bool) -> None:
    one = Prepared()
    one.daemon.forgetful = forgetful
    one.owner.tells_of_deleted = False
    caller, callee = one.talk()
    one.daemon.call.packets.update({"caller": 50, "callee-1": 40})
    one.daemon.commands()
    left = callee.close()
    one.settle()
    said = one.daemon.commands()
    assert said[said.index("delete") - 1] == "query"
    assert one.owner.tells_of_deleted is not forgetful
    one.daemon.call.packets["caller"] = 60
    figures = caller.close()
    one.settle()
    assert one.daemon.commands() == (["query", "delete"] if forgetful else ["delete"])
    assert (left.packets_received, figures.packets_received) == (40, 60)
    assert one.owner.ended == [one.room]


def test_closing_the_last_leg_deletes_the_call_and_fills_in_the_figures() -> None:
    one = Prepared()
    caller, callee = one.talk()
    one.daemon.call.packets.update({"caller": 50, "callee-1": 40})
    one.daemon.commands()
    figures = callee.close(), caller.close()
    assert [item.packets_received for item in figures] == [0, 0]
    one.settle()
    assert one.daemon.commands() == ["delete"]
    assert [(item.packets_received, item.packets_sent) for item in figures] == [(40, 50), (50, 40)]
    assert one.owner.ended == [one.room]
    one.clock.run_out()
    assert one.daemon.commands() == []
    assert caller.close() is figures[1]


def test_an_rtpengine_that_cannot_be_told_of_the_end_is_left() -> None:
    one = Prepared()
    caller, callee = one.talk()
    one.daemon.silent = True
    callee.close()
    caller.close()
    one.clock.advance(5.0)
    assert one.owner.ended == [one.room]
    assert len(one.clock) == 0


def test_what_came_before_a_hold_and_after_it_was_sent_on_and_what_came_meanwhile_was_not() -> None:
    one = Prepared()
    caller, callee = one.talk()
    for direction, packets in ((MediaFlow.SEND, 50), (MediaFlow.BOTH, 80)):
        one.daemon.call.packets["caller"] = packets
        caller.set_remote(replace(peer("198.51.100.1"), direction=direction))
        one.settle()
    one.daemon.call.packets["caller"] = 100
    callee.close()
    caller.close()
    one.settle()
    assert (caller.figures().packets_received, callee.figures().packets_sent) == (100, 70)


def test_each_attempt_is_counted_with_what_it_got() -> None:
    one = Prepared()
    caller, first = one.talk()
    one.daemon.call.packets["caller"] = 30
    first.close()
    second = one.beside()
    second.set_remote(peer("198.51.100.9"))
    one.room.bridge(second.side)
    one.settle()
    one.daemon.call.packets["caller"] = 50
    second.close()
    caller.close()
    one.settle()
    assert (first.figures().packets_sent, second.figures().packets_sent) == (30, 20)


# --- silence and loss ------------------------------------------------------------------------------------


def test_a_restarted_rtpengine_that_gives_other_ports_has_lost_the_call() -> None:
    one = Prepared()
    caller, callee = one.talk()
    one.daemon.calls.clear()
    callee.set_remote(peer("198.51.100.4"))
    one.settle()
    assert one.told.timed_out == [caller]
    assert "anew" in str(one.owner.lost[0])


@pytest.mark.parametrize("sdp", [b"", b"v=0\r\nm=audio 0 RTP/AVP 8\r\n"])
def test_an_answer_without_an_endpoint_costs_the_call(sdp: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Prepared()
    caller, callee = one.talk()
    monkeypatch.setattr(one.daemon, "answer", lambda *_: {"result": "ok", "sdp": sdp})
    callee.set_remote(peer("198.51.100.4"))
    one.settle()
    assert one.told.timed_out == [caller]
    assert one.room.ended


def test_a_room_that_is_refused_is_lost_at_once() -> None:
    clock = FakeClock()
    daemon, owner = PaperDaemon(clock), Owner()
    daemon.full = True
    Room("c", daemon.exchange, clock, owner, SETTINGS, ipv6=False).prepare()
    clock.advance(1.0)
    assert [type(error) for error in owner.lost] == [NgFullError]


@pytest.mark.parametrize("silent", [False, True])
def test_one_that_is_made_by_half_is_given_back(silent: bool) -> None:
    """Or every try, one a second, would keep ports of an rtpengine that is short of them."""
    clock = FakeClock()
    daemon, owner = PaperDaemon(clock), Owner()
    daemon.refuses = {"answer"}
    Room("c", daemon.exchange, clock, owner, SETTINGS, ipv6=False).prepare()
    clock.advance(DELAY_S / 2)
    assert len(daemon.calls) == 1
    daemon.silent = silent
    clock.advance(PATIENCE_S)
    daemon.silent = False
    clock.advance(PATIENCE_S)
    assert len(owner.lost) == 1
    assert daemon.calls == {}
    assert daemon.commands()[-1] == "delete"
    assert len(clock) == 0


def test_without_another_side_the_call_goes_on() -> None:
    one = Prepared()
    one.open()
    one.daemon.refuses = {"offer"}
    callee = one.beside()
    one.settle()
    assert (one.told.timed_out, one.owner.lost) == ([], [])
    one.daemon.refuses = set()
    callee.set_remote(peer())
    one.room.bridge(callee.side)
    one.settle()
    assert one.told_about["callee-1"] == "198.51.100.7"
    assert one.room.take_callee(ipv6=False) is None
    one.settle()
    assert one.room.take_callee(ipv6=False) is not None


# --- digits that are told ----------------------------------------------------------------------------------


def test_digits_that_are_told_go_no_further() -> None:
    one = Prepared()
    caller, callee = one.talk()
    one.daemon.commands()
    one.room.digit_told("caller", "1", 100)
    caller.side.set_remote(peer("198.51.100.1", tells_digits=True), 0.0)
    callee.set_remote(peer("198.51.100.2"))
    one.settle()
    assert [item for item in one.daemon.commands() if "lock" in item] == ["block DTMF"]
    one.room.digit_told("caller", "5", 120)
    one.room.digit_told("callee-1", "6", 120)
    one.room.digit_told("nobody", "7", 120)
    assert one.told.digits == [(caller, "5", 120)]
    caller.set_remote(peer("198.51.100.1"))
    one.settle()
    assert [item for item in one.daemon.commands() if "lock" in item] == ["unblock DTMF"]


def test_tones_are_searched_for_where_digits_are_told_and_not_sent_on() -> None:
    one = Prepared()
    caller, _ = one.talk()
    one.daemon.commands()
    caller.set_remote(peer("198.51.100.1", tells_digits=True, finds_tones=True))
    one.settle()
    blocks = [keys for command, keys in one.daemon.said if command == "block DTMF"]
    assert [keys.get("DTMF-security") for keys in blocks] == [None, b"silence"]
    one.daemon.commands()
    for direction in (MediaFlow.SEND, MediaFlow.BOTH):
        caller.set_remote(peer("198.51.100.1", direction=direction, tells_digits=True, finds_tones=True))
        one.settle()
        assert "block DTMF" not in one.daemon.commands(), "it goes on through a hold"
    caller.set_remote(peer("198.51.100.1"))
    one.settle()
    (ended,) = [keys for command, keys in one.daemon.said if "lock" in command]
    assert ended["delay-buffer"] == 0
    one.daemon.commands()
    caller.set_remote(peer("198.51.100.1", tells_digits=True, finds_tones=True))
    one.settle()
    assert one.daemon.commands().count("block DTMF") == 2


# --- whatever comes in whatever order ---------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["caller", "callee", "bridge", "next", "leave", "wait", "pause"]),
            st.integers(0, 15),
        )
    )
)
def test_in_the_end_the_rtpengine_knows_the_last_word(steps: list[tuple[str, int]]) -> None:
    """Peers, directions, keys, attempts and time in any order: once all is quiet, the last word holds."""
    one = Prepared()
    caller, callee = one.open(), one.beside()
    bridged: RtpengineLeg | None = None
    flows = list(MediaFlow)
    for step, number in steps:
        remote = replace(peer(f"198.51.100.{number}", 4000 + 2 * number), direction=flows[number % 4])
        if number > 7:
            remote = replace(remote, srtp=SrtpKeys(bytes([number]) * 30, bytes([100 + number]) * 30))
        match step:
            case "caller":
                caller.set_remote(remote)
            case "callee":
                callee.set_remote(remote)
            case "bridge":
                one.room.bridge(callee.side)
                bridged = callee
            case "next":
                side = one.room.take_callee(ipv6=False)
                if side is not None:
                    callee = RtpengineLeg(one.room, side, one.told, open_legs())
            case "leave" if not callee.closed:
                callee.close()
                one.settle()
                callee = one.beside()
            case "wait":
                one.settle()
            case "pause":
                one.clock.advance(DELAY_S * number / 4)
    one.settle()
    assert (one.owner.lost, one.told.timed_out) == ([], [])
    near = caller.side.remote
    if near is not None:
        assert one.told_about["caller"] == near.rtp_address
    if bridged is not None and not bridged.closed and bridged.side.remote is not None:
        far = bridged.side
        assert one.told_about[far.tag] == bridged.side.remote.rtp_address
        assert one.daemon.call.joined == far.tag
        assert_keys(one, caller)
        assert_keys(one, bridged)
        blocked = one.daemon.call.blocked
        assert ("caller" in blocked) == (not (caller.side.passes and far.listens))
        assert (far.tag in blocked) == (not (far.passes and caller.side.listens))
    ports = one.daemon.call.ports
    assert len(set(ports.values())) == len(ports)
    one.room.close_all()
    one.settle()
    assert one.daemon.calls == {}
    assert len(one.clock) == 0
