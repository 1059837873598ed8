"""The embedded engine: `trunkline._native` as a `MediaEngine`.

Packets are relayed by the native threads; here are only settings, the legs' Python faces and the way of
events into the event loop. A leg is told of a media timeout at most once per silence. A fault in the native
engine costs the stream it happened in, and the leg is told as if its media had timed out: either way there is
no audio any more.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from trunkline import _native
from trunkline.call.ports import AudioFormat, MediaEvents, MediaLeg, RemoteMedia, Sound, Tone, WavFile
from trunkline.call.quality import LegCourse
from trunkline.call.record import MediaFigures
from trunkline.errors import MediaError
from trunkline.media.terminals import Echo, Hearing, Silence, Source, ToneHeard

RECORD_LIMIT_S = 600
"""Seconds that a terminal records at most: they are kept in memory until it is closed."""
SAMPLE_RATE = 8000
CodecTrial = _native.CodecTrial
"""One codec of this build, tried: encoded, decoded, timed."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What can be chosen. The engine raises the soft limit of open files to what its range needs, if it
    may."""

    port_min: int = 10_000
    port_max: int = 20_000
    """The last port, included: pairs of an even and the next odd port are used (RFC 3550 §11)."""
    bind_v4: str | None = "0.0.0.0"
    """None: no IPv4."""
    bind_v6: str | None = None
    """None: no IPv6."""
    advertised_v4: str | None = None
    """What session descriptions say; None: the bound address."""
    advertised_v6: str | None = None
    timeout_s: float = 60.0
    """A bridge is reported when no RTP came on either side for this long while audio was expected."""
    threads: int = 1
    """1-64. One carries about a thousand calls."""
    drain_s: float = 2.0
    """How long a closed leg's ports wait before they are used again, 0-600; while the old peer still sends,
    up to ten times as long. Two seconds cover a BYE that had to be repeated twice."""
    allow_loopback: bool = False
    """Legs may send to loopback and link-local addresses: for the demo and tests."""
    gather_ms: float = 2.0
    """While a thread has much to do (from about twenty calls on), packets may wait this long to be handled
    together, which halves what they cost; 0 to 5. Packets that come one by one are never held."""
    dscp: int = 46
    """Differentiated services code point of what is sent, 0-63; 46 is expedited forwarding (RFC 3246)."""


class Occupancy(NamedTuple):
    """How full the engine is, in port pairs."""

    open: int
    draining: int
    total: int


class EmbeddedLeg:
    """A `MediaLeg` on the native engine."""

    __slots__ = ("_engine", "_events", "_native", "address", "port")

    def __init__(self, engine: "EmbeddedEngine", native: _native.Leg, events: MediaEvents | None) -> None:
        self._engine = engine
        self._native = native
        self._events = events
        self.address = native.address
        self.port = native.port

    def set_remote(self, remote: RemoteMedia) -> None:
        """Set or change the peer. Raises `MediaError` for an address of the other family, for keys of an
        impossible length, or on a closed leg."""
        rates = remote.clock_rates
        srtp = remote.srtp
        speaks = remote.speaks
        events = remote.takes_events
        self._native.set_remote(
            remote.rtp_address,
            remote.rtp_port,
            remote.rtcp_port,
            remote.direction,
            list(remote.payload_types.items()),
            rates if type(rates) is dict else dict(rates),
            remote.dtmf_payload_type,
            remote.signalled_from,
            [_format(one) for one in remote.hears],
            None if speaks is None else _format(speaks),
            None if events is None else (events.payload_type, events.clock_rate),
            remote.finds_tones,
            remote.tells_digits,
            None if srtp is None else (srtp.send, srtp.receive, srtp.receive_mki, srtp.receive_lifetime),
            [(event.payload_type, event.clock_rate) for event in remote.other_events],
        )

    def send_digits(self, digits: str, duration_ms: int = 100) -> None:
        """Queue digits for the peer (RFC 4733), each so long (held within 40-8000 ms)."""
        self._native.send_digits(digits, duration_ms)

    def announce(self, sound: Sound | None) -> None:
        """Say `sound` to the peer in place of the far leg's audio, or nothing of ours any more. A file is
        read at once, and whole."""
        native = self._native
        match sound:
            case Tone(frequencies_hz, level_dbm0, cadence_ms):
                native.announce_tone(frequencies_hz, level_dbm0, cadence_ms)
            case WavFile(path, repeat):
                native.announce_file(path, repeat)
            case None:
                native.announce_nothing()

    def figures(self) -> MediaFigures:
        """Counters so far, or the last ones of a closed leg."""
        return _figures(self._native.statistics())

    def statistics(self) -> _native.Statistics:
        """All counters: order, duplicates, DTMF and drops as well."""
        return self._native.statistics()

    def follow(self) -> None:
        """From now on keep how the peer's audio goes. Again: nothing. Raises `MediaError` on a closed leg."""
        self._native.follow()

    def course(self) -> LegCourse | None:
        """How it went so far, or until it was closed; None when it isn't followed."""
        course = self._native.course()
        return None if course is None else LegCourse(*course)

    def source(self) -> tuple[str, int] | None:
        """The address and port that the leg has been latched onto, if any. Raises `MediaError` on a closed
        leg."""
        return self._native.source()

    def close(self) -> MediaFigures:
        """End it and return the last counters. The ports drain before they are used again. Idempotent."""
        self._events = None
        native = self._native
        statistics = native.close()
        self._engine._forget(native.id)  # noqa: SLF001 - two faces of one engine
        return _figures(statistics)

    def inject_fault(self) -> None:
        """For tests of isolation only: the thread that takes the leg's next packet panics there."""
        self._native.inject_fault()

    def _told(self, kind: str, digit: str | None, duration_ms: int) -> None:
        events = self._events
        if events is None:
            return
        match kind:
            case "media_timed_out" | "stream_failed":
                events.media_timed_out(self)
            case "sound_ended":
                events.sound_ended(self)
            case "digit" if digit is not None:
                events.digit_received(self, digit, duration_ms)
            case "key_worn" | "key_spent":
                events.key_worn(self, spent=kind == "key_spent")


class EmbeddedTerminal(EmbeddedLeg):
    """A `Terminal` on the native engine."""

    __slots__ = ("_record_to", "_source_ended")

    def __init__(
        self,
        engine: "EmbeddedEngine",
        native: _native.Leg,
        record_to: Path | None,
        source_ended: Callable[[], None] | None,
    ) -> None:
        super().__init__(engine, native, None)
        self._record_to = record_to
        self._source_ended = source_ended

    def play(self, source: Source) -> None:
        """Say this from the next packet on. A file is read at once, and whole."""
        native = self._native
        match source:
            case Silence():
                native.play_silence()
            case Echo():
                native.play_echo()
            case Tone(frequencies_hz, level_dbm0, cadence_ms):
                native.play_tone(frequencies_hz, level_dbm0, cadence_ms)
            case WavFile(path, repeat):
                native.play_file(path, repeat)

    def hearing(self) -> Hearing:
        """What it has heard so far, or until it was closed."""
        digits, tones, missed = self._native.heard()
        return Hearing(digits, tuple(ToneHeard(*tone) for tone in tones), missed)

    def close(self) -> MediaFigures:
        """End it, and write the recording if one was asked for. Raises `MediaError` when that can't be
        written."""
        figures = EmbeddedLeg.close(self)
        path, self._record_to = self._record_to, None
        if path is not None:
            self._native.write_recording(path)
        return figures

    def _told(self, kind: str, digit: str | None, duration_ms: int) -> None:  # noqa: ARG002 - as a leg is told
        if kind == "source_ended" and self._source_ended is not None:
            self._source_ended()


class EmbeddedEngine:
    """A `MediaEngine` and `TerminalEngine` over the native engine. Its threads run from here until `stop`.

    Raises `ConfigError` for settings that can't be, `MediaError` when an address can't be bound.
    """

    __slots__ = ("_legs", "_loop", "_native")

    def __init__(self, settings: EngineSettings) -> None:
        self._native = _native.Engine(**asdict(settings))
        self._legs: dict[int, EmbeddedLeg] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have `loop` watch for events and tell the legs of them, until `detach` or `stop`."""
        self.detach()
        loop.add_reader(self._native.event_fd, self.tell_events)
        self._loop = loop

    def detach(self) -> None:
        """Have the loop watch no more. Idempotent."""
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._native.event_fd)

    @property
    def event_fd(self) -> int:
        """Readable while events wait, for a driver of its own instead of `attach`."""
        return self._native.event_fd

    def tell_events(self) -> None:
        """Tell the legs of the events that wait. A leg closed meanwhile is told nothing. Raises an
        `ExceptionGroup` of what legs raise that are told, once all were.
        """
        faults: list[Exception] = []
        for kind, leg_id, digit, duration_ms in self._native.drain_events():
            leg = self._legs.get(leg_id)
            if leg is not None:
                try:
                    leg._told(kind, digit, duration_ms)  # noqa: SLF001 - two faces of one engine
                except Exception as error:  # noqa: BLE001 - what others are told comes once
                    faults.append(error)
        if faults:
            raise ExceptionGroup("calls failed that were told of their media", faults)

    def open_leg(
        self,
        *,
        ipv6: bool,
        events: MediaEvents,
        beside: MediaLeg | None = None,  # noqa: ARG002 - all legs are on this machine
    ) -> EmbeddedLeg:
        """A leg on a free port pair. Raises `NoPortsError`, or `NoFamilyError` where none is bound."""
        leg = EmbeddedLeg(self, self._native.open_leg(ipv6), events)
        self._legs[leg._native.id] = leg  # noqa: SLF001
        return leg

    def open_terminal(
        self,
        source: Source,
        *,
        ipv6: bool = False,
        listen_for: Sequence[float] = (),
        record_to: Path | None = None,
        source_ended: Callable[[], None] | None = None,
    ) -> EmbeddedTerminal:
        """A terminal on a free port pair; at most ten minutes are recorded."""
        native = self._native.open_leg(ipv6)
        terminal = EmbeddedTerminal(self, native, record_to, source_ended)
        native.terminate(listen_for, 0 if record_to is None else RECORD_LIMIT_S * SAMPLE_RATE)
        terminal.play(source)
        self._legs[native.id] = terminal
        return terminal

    def bridge(self, caller: MediaLeg, callee: MediaLeg) -> None:
        """Relay between the two, both ways; a timeout is told of `caller`. Raises `MediaError` for closed
        legs."""
        if not isinstance(caller, EmbeddedLeg) or not isinstance(callee, EmbeddedLeg):
            raise MediaError("a bridge needs two legs of the embedded engine")
        self._native.bridge(caller._native, callee._native)  # noqa: SLF001

    def occupancy(self) -> Occupancy:
        """How full it is. Raises `MediaError` once stopped."""
        return Occupancy(*self._native.occupancy())

    def stop(self) -> None:
        """Close every leg, end the threads, free the ports. Idempotent."""
        self.detach()
        for leg in list(self._legs.values()):
            leg.close()
        self._native.stop()

    def _forget(self, leg_id: int) -> None:
        self._legs.pop(leg_id, None)


def _format(one: AudioFormat) -> tuple[int, str, int, int]:
    return one.payload_type, one.codec, one.ptime_ms, one.mode_ms


def _figures(statistics: _native.Statistics) -> MediaFigures:
    return MediaFigures(
        packets_received=statistics.packets_received,
        packets_sent=statistics.packets_sent,
        packets_lost=statistics.packets_lost,
        jitter_ms=statistics.jitter_ms,
        mos=statistics.mos,
    )
