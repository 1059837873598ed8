"""One rtpengine's ng protocol: commands out, answers in, each matched by its cookie.

A message is `cookie SPACE bencoded-dictionary`. On UDP a command is repeated with the same cookie until it is
answered; rtpengine knows the cookie again and repeats its answer instead of the deed. On a reliable wire it
is said again only when the connection had to be made first. Either way it ends after `PATIENCE_S`, and what
is asked beyond `MAX_WAITING` is refused at once: an rtpengine that is silent or slow costs bounded memory and
time.

Answers with a cookie that nobody waits for, and bytes that are no answer, are ignored. Who asked is always
told through its callback, and never from within `ask`; what that raises ends at the clock and costs nobody
else an answer. The wires are in `wires`.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeAlias

from trunkline.clock import Clock, Timer
from trunkline.errors import MediaError
from trunkline.media.rtpengine.bencode import BencodeError, Encodable, Value, decode, encode

PATIENCE_S: Final = 3.0
REPEAT_S: Final = (0.1, 0.2, 0.4, 0.8)
"""Pauses between repetitions; the last one holds on."""
MAX_WAITING: Final = 4096
MAX_COMMAND: Final = 65_000
"""Bytes of a command: what a datagram holds."""


class NgError(MediaError):
    """A command to an rtpengine came to nothing."""


class NgSilentError(NgError):
    """No answer in time."""


class NgUnreachableError(NgError):
    """Nobody is there: refused by the host, or the connection broke."""


class NgBusyError(NgError):
    """Too many commands wait already, or this one is too large."""


class NgRefusedError(NgError):
    """rtpengine said no; the text is its reason."""


class NgFullError(NgRefusedError):
    """It is at a limit of its own: calls, load or ports."""


Answer: TypeAlias = dict[str, Value]
Told: TypeAlias = Callable[[Answer | NgError], None]


class Step(NamedTuple):
    """A command of a room that is to be said, and what then becomes of it."""

    command: str
    keys: Mapping[str, Encodable]
    done: Callable[[Answer], None]
    failed: Callable[[NgError], None]


class Wire(Protocol):
    """A way to one rtpengine."""

    reliable: bool
    """Whether what is sent arrives unless the connection breaks."""

    def send(self, message: bytes) -> None:
        """Send, or drop while there is no connection."""


class _Waiting:
    __slots__ = ("deadline", "message", "repeats", "since", "timer", "told")

    def __init__(self, message: bytes, told: Told, since: float) -> None:
        self.message = message
        self.told = told
        self.since = since
        self.deadline = since + PATIENCE_S
        self.repeats = 0
        self.timer: Timer | None = None


class Exchange:
    """What one rtpengine has been asked. `wire` is set by its maker before the first `ask`."""

    __slots__ = ("_clock", "_prefix", "_recent_s", "_serial", "_waiting", "wire")

    def __init__(self, clock: Clock, token: str) -> None:
        """`token` makes the cookies of this process different from those of another one."""
        self.wire: Wire | None = None
        self._clock = clock
        self._prefix = token
        self._serial = 0
        self._waiting: dict[bytes, _Waiting] = {}
        self._recent_s: deque[float] = deque(maxlen=64)

    def ask(self, command: str, keys: Mapping[str, Encodable], told: Told) -> None:
        """Send a command, and tell what came of it."""
        self._serial += 1
        cookie = f"{self._prefix}_{self._serial}".encode()
        message = cookie + b" " + encode({"command": command, **keys})
        if len(self._waiting) >= MAX_WAITING or len(message) > MAX_COMMAND:
            error = NgBusyError(f"{len(self._waiting)} commands wait for the rtpengine already")
            if len(message) > MAX_COMMAND:
                error = NgBusyError(f"a command of {len(message)} bytes is too large")
            self._clock.at(self._clock.now(), lambda: told(error))
            return
        waiting = self._waiting[cookie] = _Waiting(message, told, self._clock.now())
        self._send(cookie, waiting)

    def received(self, message: bytes) -> None:
        """Bytes came over the wire."""
        cookie, _, body = message.partition(b" ")
        waiting = self._waiting.get(cookie)
        if waiting is None:
            return
        try:
            answer = decode(body)
        except BencodeError:
            return
        if not isinstance(answer, dict):
            return
        self._recent_s.append(self._clock.now() - waiting.since)
        self._end(cookie, _judged(answer))

    def connected(self) -> None:
        """A connection has been made: whatever waits is said (again)."""
        if self.wire is not None:
            for waiting in self._waiting.values():
                self.wire.send(waiting.message)

    def failed(self, message: bytes, reason: str) -> None:
        """This message of ours came to nothing."""
        self._end(message.partition(b" ")[0], NgUnreachableError(reason))

    def unreachable(self, reason: str) -> None:
        """Nobody is there: whatever waits has failed."""
        for cookie in list(self._waiting):
            self._end(cookie, NgUnreachableError(reason))

    def awaits(self, message: bytes) -> bool:
        """Whether the answer to this message of ours is still waited for."""
        return message.partition(b" ")[0] in self._waiting

    @property
    def latency_s(self) -> float | None:
        """From command to answer lately, on average; None before the first answer."""
        return sum(self._recent_s) / len(self._recent_s) if self._recent_s else None

    def __len__(self) -> int:
        """Commands that wait for an answer."""
        return len(self._waiting)

    def _send(self, cookie: bytes, waiting: _Waiting) -> None:
        wire, clock = self.wire, self._clock
        if wire is None:
            raise RuntimeError("the exchange has no wire yet")
        deadline = waiting.deadline
        if not wire.reliable:
            pause = REPEAT_S[min(waiting.repeats, len(REPEAT_S) - 1)]
            deadline = min(deadline, clock.now() + pause)
        waiting.timer = clock.at(deadline, lambda: self._due(cookie))
        wire.send(waiting.message)

    def _due(self, cookie: bytes) -> None:
        waiting = self._waiting.get(cookie)
        if waiting is None:
            return
        if self._clock.now() >= waiting.deadline:
            self._end(cookie, NgSilentError(f"no answer within {PATIENCE_S:g} s"))
            return
        waiting.repeats += 1
        self._send(cookie, waiting)

    def _end(self, cookie: bytes, outcome: Answer | NgError) -> None:
        waiting = self._waiting.pop(cookie, None)
        if waiting is None:
            return
        if waiting.timer is not None:
            waiting.timer.cancel()
        try:
            waiting.told(outcome)
        except Exception as error:  # noqa: BLE001 - the wire has others to tell
            self._clock.at(self._clock.now(), partial(_raise, error))


def _raise(error: Exception) -> None:
    raise error


def _judged(answer: Answer) -> Answer | NgError:
    match answer.get("result"):
        case b"ok" | b"pong":
            return answer
        case b"load limit":
            return NgFullError(text_of(answer.get("message")) or "load limit")
        case b"error":
            reason = text_of(answer.get("error-reason")) or "no reason given"
            return NgFullError(reason) if "port" in reason.lower() else NgRefusedError(reason)
        case other:
            return NgRefusedError(f"an answer with the result {other!r:.40}")


def text_of(value: Value | None) -> str:
    """A string of an answer as text, bounded; empty for anything else."""
    return value[:200].decode(errors="replace") if isinstance(value, bytes) else ""
