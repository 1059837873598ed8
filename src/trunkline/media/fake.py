"""A media engine without sockets, for tests of calls and for the simulation: it keeps the books a real one
would.

Time is a `Clock`. Packets are not simulated one by one: between two changes audio flows steadily at 50
packets a second along every path that exists (`fake_network`), and each leg on the path counts it
(`fake_leg`; a terminal, what it would have heard: `fake_terminal`). A leg's peer is either another leg of the
same `FakeNetwork` (a terminal, or a leg of another node in the simulation) or somebody outside, who talks or
is silent as the test says. What a peer sends passes or is transcoded by the rule of `RemoteMedia`: then only
the payload type changes. The contract suite holds it against the embedded engine.

Not modelled: loss, jitter, codecs, latching on anything but the signalled address, RTCP; a file sounds for no
time at all.
"""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from trunkline.call.ports import MediaEvents, MediaLeg, NoFamilyError, NoPortsError
from trunkline.clock import Clock, Timer
from trunkline.errors import MediaError
from trunkline.media.fake_leg import FakeLeg
from trunkline.media.fake_network import FakeNetwork
from trunkline.media.fake_terminal import FakeTerminal
from trunkline.media.terminals import Source

_L = TypeVar("_L", bound=FakeLeg)


class FakeEngine:
    """A `MediaEngine` and `TerminalEngine` without sockets.

    `peers_talk`: somebody outside who is a leg's peer talks all the time, so that a call without terminals
    lasts; a leg's `talk` changes it for that leg.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        network: FakeNetwork | None = None,
        address: str = "192.0.2.1",
        address_v6: str | None = "2001:db8::1",
        port_min: int = 10_000,
        port_max: int = 20_000,
        timeout_s: float = 60.0,
        drain_s: float = 2.0,
        peers_talk: bool = True,
    ) -> None:
        self.clock = clock
        self.network = FakeNetwork(clock) if network is None else network
        self.peers_talk = peers_talk
        self.open_legs = 0
        self._addresses = {False: address, True: address_v6}
        first = port_min + port_min % 2
        self._free = {ipv6: deque(range(first, port_max, 2)) for ipv6 in (False, True)}
        self._draining: dict[bool, deque[tuple[float, int]]] = {False: deque(), True: deque()}
        self._timeout_s = timeout_s
        self._drain_s = drain_s
        self._bridges: dict[FakeLeg, Timer | None] = {}
        """First leg of each bridge -> what will look for silence; None once it has been told of."""

    def open_leg(
        self,
        *,
        ipv6: bool,
        events: MediaEvents,
        beside: MediaLeg | None = None,  # noqa: ARG002 - all legs are in one place
    ) -> FakeLeg:
        """A leg on a free port pair. Raises `NoPortsError`, or `NoFamilyError` without an IPv6 address."""
        address, port = self._take(ipv6)
        return self._join(FakeLeg(self, address, port, events))

    def open_terminal(
        self,
        source: Source,
        *,
        ipv6: bool = False,
        listen_for: Sequence[float] = (),
        record_to: Path | None = None,
        source_ended: Callable[[], None] | None = None,
    ) -> FakeTerminal:
        """A terminal on a free port pair. It records nothing: raises `MediaError` when asked to."""
        if record_to is not None:
            raise MediaError("the fake engine records nothing")
        address, port = self._take(ipv6)
        terminal = self._join(FakeTerminal(self, address, port, listen_for, source_ended))
        try:
            terminal.play(source)
        except MediaError:
            terminal.close()
            raise
        return terminal

    def bridge(self, caller: MediaLeg, callee: MediaLeg) -> None:
        """Relay between the two, both ways; a timeout is told of `caller`. Raises `MediaError` for closed
        legs."""
        if not isinstance(caller, FakeLeg) or not isinstance(callee, FakeLeg) or caller is callee:
            raise MediaError("a bridge needs two different legs of one engine")
        caller.must_be_open()
        callee.must_be_open()
        self.network.settle()
        for leg in (caller, callee):
            self._unbridge(leg)
        caller.far, callee.far = callee, caller
        self._arm(caller, self.clock.now() + self._timeout_s)

    def watch(self, leg: FakeLeg) -> None:
        """Audio has come, or may have become expected: if silence is not being looked for, it is again."""
        for first in (leg, leg.far):
            if first in self._bridges and self._bridges[first] is None:
                self._arm(first, self.clock.now() + self._timeout_s)

    def forget(self, leg: FakeLeg) -> None:
        """A leg was closed: its port drains."""
        self._unbridge(leg)
        del self.network.legs[leg.address, leg.port]
        self.open_legs -= 1
        self._draining[":" in leg.address].append((self.clock.now() + self._drain_s, leg.port))

    def _take(self, ipv6: bool) -> tuple[str, int]:
        address = self._addresses[ipv6]
        if address is None:
            raise NoFamilyError("the engine is not bound to an IPv6 address")
        free, draining = self._free[ipv6], self._draining[ipv6]
        while draining and draining[0][0] <= self.clock.now():
            free.append(draining.popleft()[1])
        if not free:
            raise NoPortsError(f"no media port is free: {self.open_legs} in use and {len(draining)} drain")
        return address, free.popleft()

    def _join(self, leg: _L) -> _L:
        self.network.settle()
        self.network.legs[leg.address, leg.port] = leg
        self.open_legs += 1
        return leg

    def _unbridge(self, leg: FakeLeg) -> None:
        far = leg.far
        if far is None:
            return
        leg.far = far.far = None
        for first in (leg, far):
            timer = self._bridges.pop(first, None)
            if timer is not None:
                timer.cancel()

    def _arm(self, first: FakeLeg, deadline: float) -> None:
        self._bridges[first] = self.clock.at(deadline, lambda: self._check(first))

    def _check(self, first: FakeLeg) -> None:
        second = first.far
        if second is None:
            return
        self.network.settle()
        silent = (first.silent_since, second.silent_since)
        if silent[0] is None or silent[1] is None:
            self._bridges[first] = None  # `watch` looks again when audio is expected again
            return
        deadline = max(silent[0], silent[1]) + self._timeout_s
        if deadline > self.clock.now():
            self._arm(first, deadline)
            return
        self._bridges[first] = None
        if first.events is not None:
            first.events.media_timed_out(first)
