"""A node some of whose calls have legs without sockets: their media are a built-in engine's in all but that.

A call holds four sockets, and machines allow a process only so many files. Where calls have to be many and no
packet comes anyway, most of them do without.
"""

from itertools import count
from pathlib import Path

from trunkline.call.ports import MediaEvents, MediaLeg, RemoteMedia, Sound
from trunkline.call.quality import LegCourse
from trunkline.call.record import MediaFigures
from trunkline.config import Settings
from trunkline.media.embedded import EmbeddedEngine
from trunkline.node import wiring
from trunkline.node.run import run


class SocketlessLeg:
    """A `MediaLeg` that nobody reaches."""

    __slots__ = ("_followed", "address", "port")

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port
        self._followed = False

    def set_remote(self, remote: RemoteMedia) -> None:
        """The peer is told where the leg isn't."""

    def send_digits(self, digits: str, duration_ms: int = 100) -> None:
        """Nobody hears them."""

    def announce(self, sound: Sound | None) -> None:
        """Nobody hears it."""

    def figures(self) -> MediaFigures:
        """Nothing came, and nothing was sent."""
        return MediaFigures()

    def follow(self) -> None:
        """Its course stays empty."""
        self._followed = True

    def course(self) -> LegCourse | None:
        """No point."""
        return LegCourse(5, 5.0, b"") if self._followed else None

    def close(self) -> MediaFigures:
        """See `figures`."""
        return MediaFigures()


class Engine(EmbeddedEngine):
    """A built-in one whose legs from `first` on have no sockets, until `last`, in the order in which they are
    opened.
    """

    __slots__ = ("_address", "_first", "_last", "_opened")

    def __init__(self, settings: Settings, first: int, last: int) -> None:
        super().__init__(wiring.engine_settings(settings))
        self._address = settings.media.bind_address
        self._first = first
        self._last = last
        self._opened = count()

    def open_leg(  # type: ignore[override]  # some of them have no sockets
        self, *, ipv6: bool, events: MediaEvents, beside: MediaLeg | None = None
    ) -> MediaLeg:
        """One with sockets, or without."""
        number = next(self._opened)
        if self._first <= number < self._last:
            return SocketlessLeg(self._address, 2 * (number % 30_000))
        return super().open_leg(ipv6=ipv6, events=events, beside=beside)

    def bridge(self, caller: MediaLeg, callee: MediaLeg) -> None:
        """Where both have sockets."""
        if not isinstance(caller, SocketlessLeg) and not isinstance(callee, SocketlessLeg):
            super().bridge(caller, callee)


def serve(file: str, first: int, last: int) -> None:
    """Run the node of a settings file with such an engine, until it is told to end."""
    wiring.open_engine = lambda settings: Engine(settings, first, last)
    run(Path(file))
