"""The log: one record a line, safe to read in a terminal and free of secrets.

Structured records come through `structlog.get_logger()`; what libraries say through the standard library's
`logging` joins the same stream. Every value passes `mask_secrets` and `escape_controls`, so that nothing a
peer sends can forge a line, move a terminal's cursor or show a password. What a call did is not in the log
but in its record and its ladder.

`SourceLog` is for what a stranger can provoke: at most one line a second for each source.
"""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from trunkline.observe.masking import MASK, is_secret_name, mask_text

MAX_VALUE_CHARS = 4096
"""Longer values are cut: a log line is not the place for a message."""


class LogFormat(StrEnum):
    """JSON for machines, `console` for a person at a terminal."""

    JSON = "json"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """`level` is a name of the standard library's levels; `path` None means standard error."""

    level: str = "info"
    format: LogFormat = LogFormat.JSON
    path: Path | None = None


def _clean(value: Any, clean: Callable[[str], str]) -> Any:
    """Apply `clean` to every string in `value`; turn what isn't a plain value into a string first."""
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | bytearray):
        return clean(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, Mapping):
        return {clean(str(key)): _clean(item, clean) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, clean) for item in value]
    return clean(str(value))


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blot out secrets: whole fields by their name, parts of values by their look."""
    return {key: MASK if is_secret_name(key) else _clean(value, mask_text) for key, value in event.items()}


def _escape(text: str) -> str:
    if len(text) > MAX_VALUE_CHARS:
        text = f"{text[:MAX_VALUE_CHARS]}… ({len(text)} characters)"
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    r"""Write control, format and unpaired surrogate characters as `\n`, `\x1b`, `\u202e`, and cut what is
    too long."""
    return {key: _clean(value, _escape) for key, value in event.items()}


class _ToStructlog(logging.Handler):
    """Carries the records of the standard library's `logging` over."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            error = record.exc_info if record.exc_info and record.exc_info[0] is not None else None
            structlog.get_logger().log(
                record.levelno, record.getMessage(), logger=record.name, exc_info=error
            )
        except (ValueError, TypeError, OSError):
            self.handleError(record)


class _LineRenderer:
    """The last step for a person's terminal: time, level, event, then `key=value`."""

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
        head = f"{event.pop('at')} {event.pop('level'):<8} {event.pop('event')}"
        fields = "".join(f" {key}={json.dumps(value, ensure_ascii=False)}" for key, value in event.items())
        return head + fields


class _Lenient:
    """A stream that loses what can't be written (a full disk, a reader that is gone): a node that works and
    can't say so is better than one that doesn't.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class Log:
    """The configured log of the process. One at a time: a second `open_log` takes over."""

    def __init__(self, stream: TextIO, *, owned: bool, bridge: logging.Handler) -> None:
        self._stream = stream
        self._owned = owned
        self._bridge = bridge

    def set_level(self, level: str) -> None:
        """Change the least that is written, for every logger at once."""
        number = logging.getLevelNamesMapping()[level.upper()]
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(number))
        self._bridge.setLevel(max(number, logging.WARNING))

    def close(self) -> None:
        """Stop carrying over the standard library's records and close the file, if it was ours."""
        logging.getLogger().removeHandler(self._bridge)
        structlog.reset_defaults()
        if self._owned:
            self._stream.close()


def open_log(options: LogOptions, stream: TextIO | None = None) -> Log:
    """Configure the process's log. Raises OSError when the file can't be opened.

    The file is opened for appending, one write a line, so that a rotation by copying and truncating loses
    nothing.
    """
    owned = options.path is not None
    if options.path is not None:
        stream = options.path.open("a", encoding="utf-8", buffering=1)
    elif stream is None:
        stream = sys.stderr
    renderer = (
        structlog.processors.JSONRenderer(ensure_ascii=True)
        if options.format is LogFormat.JSON
        else _LineRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            mask_secrets,
            escape_controls,
            renderer,
        ],
        logger_factory=lambda *_: structlog.WriteLogger(cast("TextIO", _Lenient(stream))),
        cache_logger_on_first_use=False,
    )
    bridge = _ToStructlog()
    log = Log(stream, owned=owned, bridge=bridge)
    log.set_level(options.level)
    logging.getLogger().addHandler(bridge)
    return log


class SourceLog:
    """A log for events that a peer causes: per source at most one line every `interval_s`, with the count
    left out.

    `now` gives monotonic seconds. At most `max_sources` sources are told apart; beyond that, the rest share
    one line. Every `SWEEP_S` the sources that went quiet are forgotten, and their last count is told.
    """

    __slots__ = ("_interval_s", "_log", "_max_sources", "_now", "_sources", "_sweep_at")

    OTHERS = "others"
    SWEEP_S = 10.0

    def __init__(
        self,
        log: FilteringBoundLogger,
        now: Callable[[], float],
        *,
        interval_s: float = 1.0,
        max_sources: int = 4096,
    ) -> None:
        self._log = log
        self._now = now
        self._interval_s = interval_s
        self._max_sources = max_sources
        self._sources: dict[str, tuple[float, int]] = {}
        self._sweep_at = now() + self.SWEEP_S

    def warning(self, event: str, source: str, **fields: object) -> bool:
        """Log `event` about `source` (an IP address), or count it as suppressed. Returns whether a line was
        written."""
        now = self._now()
        if now >= self._sweep_at:
            self._sweep(now)
        entry = self._sources.get(source)
        if entry is None and len(self._sources) >= self._max_sources:
            source = self.OTHERS
            entry = self._sources.get(source)
        quiet_until, suppressed = entry if entry is not None else (now, 0)
        if now < quiet_until:
            self._sources[source] = (quiet_until, suppressed + 1)
            return False
        self._sources[source] = (now + self._interval_s, 0)
        if suppressed:
            fields["suppressed"] = suppressed
        self._log.warning(event, source=source, **fields)
        return True

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + self.SWEEP_S
        for source, (quiet_until, suppressed) in list(self._sources.items()):
            if now >= quiet_until:
                del self._sources[source]
                if suppressed:
                    self._log.warning("suppressed", source=source, suppressed=suppressed)

    def __len__(self) -> int:
        """How many sources are remembered."""
        return len(self._sources)
