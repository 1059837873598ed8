"""An instance: its health, and the rooms that it keeps ready."""

from tests.unit.media.rtpengine.paper_daemon import DELAY_S, PaperDaemon
from tests.unit.virtual_clock import FakeClock
from trunkline.media.rtpengine.instance import HEALTH_S, MAX_READY_S, Instance
from trunkline.media.rtpengine.room import Room, RoomSettings


class Running:
    """An instance at a paper daemon."""

    def __init__(self, ready: int = 3, families: tuple[bool, ...] = (False,)) -> None:
        self.clock = FakeClock()
        self.daemon = PaperDaemon(self.clock)
        self.changes = 0
        self.instance = Instance(
            "udp:192.0.2.1:2223",
            self.daemon.exchange,
            self.clock,
            RoomSettings(families, timeout_s=10.0),
            weight=1,
            ready=ready,
            token="t",
            changed=self._changed,
        )
        self.instance.start()
        self.clock.advance(0.1)

    def _changed(self) -> None:
        self.changes += 1

    def take(self) -> Room:
        room = self.instance.take(ipv6=False)
        assert room is not None
        return room


def test_it_fills_up_as_soon_as_it_answers_and_after_every_call() -> None:
    one = Running()
    assert (one.instance.up, one.instance.filled, one.changes) == (True, True, 3)
    rooms = [one.take() for _ in range(3)]
    assert one.instance.take(ipv6=False) is None
    assert one.instance.order == (False, 4.0)
    one.clock.advance(0.1)
    state = one.instance.state()
    assert (state.rooms, state.ready) == (3, 3)
    for room in rooms:
        room.close(room.caller)
    one.clock.advance(0.1)
    assert (one.instance.state().rooms, len(one.daemon.calls)) == (0, 3)


def test_each_family_has_rooms_of_its_own() -> None:
    one = Running(families=(False, True))
    assert one.instance.state().ready == 6
    assert one.instance.take(ipv6=True) is not None
    assert Running().instance.take(ipv6=True) is None


def test_an_answer_that_does_not_come_takes_it_out_and_the_next_one_back_in() -> None:
    one = Running()
    one.daemon.silent = True
    one.clock.advance(HEALTH_S + 3.1)
    assert not one.instance.up
    assert one.instance.take(ipv6=False) is None
    assert str(one.instance.state()) == "udp:192.0.2.1:2223 down: no answer within 3 s"
    assert one.instance.idle
    one.daemon.silent = False
    one.clock.advance(HEALTH_S + 0.1)
    one.take()
    assert str(one.instance.state()).startswith("udp:192.0.2.1:2223 up, 1 calls, 2 ready, 1.0 ms")


def test_nobody_there_is_known_at_once() -> None:
    one = Running()
    room = one.take()
    room.take_callee(ipv6=False)
    one.daemon.silent = True
    one.clock.advance(0.0)
    one.daemon.exchange.unreachable("refused")
    assert not one.instance.up
    assert one.instance.state().rooms == 0


def test_a_restart_is_seen_though_it_answers() -> None:
    one = Running()
    one.daemon.calls.clear()
    one.clock.advance(HEALTH_S + 0.1)
    assert (one.instance.up, one.instance.state().ready, len(one.daemon.calls)) == (True, 3, 3)


def test_the_calls_of_before_a_restart_are_asked_for_within_a_second_of_seeing_it() -> None:
    one = Running(ready=4)
    rooms = [one.take() for _ in range(4)]
    one.clock.advance(5.5)
    del one.daemon.calls["t-1"]
    one.clock.advance(HEALTH_S)
    assert one.instance.state().rooms == 4, "their next turn is at ten seconds"
    one.daemon.calls.clear()
    restarted_at = one.clock.now()
    while one.instance.state().rooms == 4:
        one.clock.advance(DELAY_S)
    one.clock.advance(2 * DELAY_S)
    while one.instance.state().rooms:
        assert one.instance.state().ready == 4, "new calls don't wait for what becomes of the old ones"
        one.clock.advance(DELAY_S / 2)
    assert one.clock.now() - restarted_at < 2 * HEALTH_S, "one until it is seen"
    assert all(room.ended for room in rooms)


def test_a_call_that_is_still_there_goes_on_though_a_ready_room_was_forgotten() -> None:
    one = Running()
    room = one.take()
    one.clock.advance(0.1)
    for call_id in list(one.daemon.calls):
        if call_id != room.call_id:
            del one.daemon.calls[call_id]
    one.clock.advance(3 * HEALTH_S)
    assert not room.ended
    assert (one.instance.state().rooms, one.instance.state().ready) == (1, 3)


def test_rooms_that_nobody_takes_are_given_back_one_by_one_before_the_rtpengine_forgets_them() -> None:
    """Those of either family: where nobody calls over IPv6, its rooms are not asked after either."""
    one = Running(families=(False, True))
    first = set(one.daemon.calls)
    one.clock.advance(MAX_READY_S - 1)
    assert set(one.daemon.calls) == first
    left = 6
    for _ in range(50):
        one.clock.advance(0.1)
        before, left = left, len(first & set(one.daemon.calls))
        assert before - left <= 2
        assert one.instance.state().ready >= 4
    assert left == 0
    assert (one.instance.state().rooms, one.instance.state().ready, len(one.daemon.calls)) == (0, 6, 6)


def test_a_full_one_is_asked_again_only_at_the_next_check() -> None:
    one = Running(ready=2)
    one.daemon.full = True
    one.take()
    one.clock.advance(0.3)
    asked = len(one.daemon.said)
    assert one.instance.state().ready == 1
    one.clock.advance(0.3)
    assert len(one.daemon.said) == asked
    one.daemon.full = False
    one.clock.advance(HEALTH_S + 0.1)
    assert one.instance.state().ready == 2


def test_closing_gives_every_room_back() -> None:
    one = Running()
    one.take().take_callee(ipv6=False)
    one.instance.close()
    assert one.instance.state().rooms == 3
    one.clock.advance(0.1)
    assert one.instance.idle
    assert one.daemon.calls == {}
    assert len(one.clock) == 0


def test_a_call_that_was_lost_lets_the_rooms_be_looked_at_before_the_next_call() -> None:
    one = Running()
    one.daemon.calls.clear()
    one.take().take_callee(ipv6=False)
    one.clock.advance(2.5 * DELAY_S)
    assert (one.instance.state().ready, one.instance.take(ipv6=False)) == (0, None)
    one.clock.advance(0.02)
    assert one.instance.filled
    room = one.take()
    assert room.call_id in one.daemon.calls
