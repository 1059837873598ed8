"""The rig of the contract suite around an rtpengine: real packets, a real daemon, a loop of its own."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.contract.media.rigs import SocketPeer
from tests.contract.media.rtpengine_daemon import RtpengineDaemon
from trunkline.call.ports import AudioFormat, MediaEvents, MediaLeg, TelephoneEvents
from trunkline.media.embedded import EmbeddedEngine, EmbeddedTerminal, EngineSettings
from trunkline.media.rtpengine.engine import RtpengineEngine, RtpengineSettings
from trunkline.media.rtpengine.leg import RtpengineLeg
from trunkline.media.rtpengine.wires import InstanceAddress, Transport
from trunkline.media.terminals import Source
from trunkline.net.loop_clock import LoopClock

PATIENCE_S = 30.0
"""Waited for what must come; never used up by a test that passes."""


PCMA, PCMU = AudioFormat(8, "PCMA", 8000), AudioFormat(0, "PCMU", 8000)
OTHERS = {
    "PCMU": PCMU,
    "G722": AudioFormat(9, "G722", 8000),
    "G729": AudioFormat(18, "G729", 8000),
    "speex": AudioFormat(98, "speex", 16000),
}
ILBC = AudioFormat(97, "iLBC", 8000)
NO_EVENTS: dict[str, object] = {"dtmf_payload_type": None, "takes_events": None}


def having(speaks: AudioFormat, **changes: object) -> dict[str, object]:
    """A peer that has this codec and no other, which nobody else has, and telephone-event at its rate."""
    rate = 16000 if speaks.codec == "speex" else 8000
    event = 102 if speaks.codec == "speex" else 101
    return {
        "payload_types": {},
        "clock_rates": {speaks.payload_type: speaks.clock_rate, event: rate},
        "hears": (speaks,),
        "speaks": speaks,
        "dtmf_payload_type": event,
        "takes_events": TelephoneEvents(event, rate),
        **changes,
    }


class WithTerminals:
    """The engine under test, and terminals of another one as far ends."""

    def __init__(self, engine: RtpengineEngine, terminals: EmbeddedEngine) -> None:
        self.real = engine
        self._terminals = terminals
        self.bridge = engine.bridge

    def open_leg(self, *, ipv6: bool, events: MediaEvents, beside: MediaLeg | None = None) -> RtpengineLeg:
        return self.real.open_leg(ipv6=ipv6, events=events, beside=beside)

    def open_terminal(
        self,
        source: Source,
        *,
        listen_for: Sequence[float] = (),
        source_ended: Callable[[], None] | None = None,
    ) -> EmbeddedTerminal:
        return self._terminals.open_terminal(source, listen_for=listen_for, source_ended=source_ended)


class RtpengineRig:
    """One engine over a daemon; its figures are asked for often."""

    timeout_s = 0.8
    drain_s = 0.0
    patience_s = PATIENCE_S
    """Of `until`: less for what never comes."""
    far_event = 101
    """An rtpengine knows one number a format and call."""

    def __init__(
        self,
        daemon: RtpengineDaemon,
        pairs: int = 16,
        *,
        transport: Transport = Transport.UDP,
        digits: tuple[str, int] | None = None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._faults: list[Exception] = []
        ports = {
            Transport.UDP: daemon.ng_port,
            Transport.TCP: daemon.tcp_port,
            Transport.HTTP: daemon.http_port,
        }
        settings = RtpengineSettings(
            (InstanceAddress(transport, daemon.host, ports[transport]),),
            ready=pairs,
            timeout_s=self.timeout_s,
            digits=digits,
        )
        self._terminals = EmbeddedEngine(
            EngineSettings(port_min=20_000, port_max=20_199, bind_v4="127.0.0.1", allow_loopback=True)
        )
        self._peers: list[SocketPeer] = []

        async def make() -> RtpengineEngine:
            self.clock = LoopClock(self._loop, self._faults.append)
            engine = RtpengineEngine(settings, self.clock)
            self._terminals.attach(self._loop)
            await engine.start()
            return engine

        self.engine = WithTerminals(self._loop.run_until_complete(make()), self._terminals)

    def peer(self, address: str | None = None, **changes: object) -> SocketPeer:
        """A peer that gives telephone-event the number of the other side."""
        peer = SocketPeer(address or f"127.0.0.{10 + len(self._peers)}", **changes)
        if not changes:
            peer.remote = replace(peer.remote, payload_types={8: 8, 101: 101})
        self._peers.append(peer)
        return peer

    def pass_time(self, seconds: float) -> None:
        """Let the loop run."""
        self._loop.run_until_complete(asyncio.sleep(seconds))
        assert not self._faults, self._faults

    def until(self, what: Callable[[], bool]) -> None:
        """Let the loop run until it is so."""
        deadline = time.monotonic() + self.patience_s
        while not what():
            assert time.monotonic() < deadline, "it never happened"
            self.pass_time(0.01)

    def settle(self) -> None:
        """Let the daemon hear of everything that has been set."""
        self.pass_time(0.01)
        quiet = 0
        while quiet < 3:
            quiet = 0 if self.engine.real.asking else quiet + 1
            self.pass_time(0.01)

    def take_in(self, leg: MediaLeg, packets: int) -> None:
        """Such packets are not counted."""
        self.pass_time(0.05)

    def stop(self) -> None:
        """Give the rooms back."""
        self._loop.run_until_complete(self.engine.real.close())
        self._terminals.stop()
        self.clock.stop()
        self._loop.close()
        for peer in self._peers:
            peer.close()
