"""How a PostgreSQL server is spoken to: with psycopg 3, and with an end to every wait.

A server that is gone refuses; one that hangs says nothing, and neither does a network that swallows packets.
So connecting has a time limit, and so has every answer: the server's own (`statement_timeout`), and one of
this side for a server that doesn't keep its own. A connection that was waited for in vain is closed.

Text goes out as `storable`: a peer's NUL must not keep a record from being written.

Only for PostgreSQL: the driver is imported here and nowhere else.
"""

import time
from collections.abc import Callable, Generator
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from psycopg.types.string import StrDumperUnknown
from psycopg.waiting import Ready
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from trunkline.store.text import storable

CONNECT_S: Final = 5
"""For each address of the server."""
_DEFAULTS: Final = {
    "connect_timeout": CONNECT_S,
    "application_name": "trunkline",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""What the URL may say otherwise
(https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS)."""
_GRACE_S: Final = 1.0
"""How much longer than the server's own limit an answer is waited for."""
_READ_ONLY: Final = "25006"
"""An SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
_IDLE_MS: Final = 300_000
"""A transaction whose program stopped in its middle is ended by the server, a reading one after this long."""


def open_engine(url: sa.URL, answer_s: float | None, read_json: Callable[[str | bytes], Any]) -> Engine:
    """An engine whose statements take up to `answer_s` each; None: as long as they like.

    Raises `ValueError` for a driver other than psycopg.
    """
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise ValueError(f"{url.drivername} is not supported; write postgresql+psycopg://")
    limit_ms = 0 if answer_s is None else round(answer_s * 1000)
    options = (
        f"-c statement_timeout={limit_ms} -c idle_in_transaction_session_timeout={_IDLE_MS} "
        f"{url.query.get('options', '')}"
    )
    defaults = {name: value for name, value in _DEFAULTS.items() if name not in url.query}
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_timeout=answer_s or 30,
        json_deserializer=read_json,
        connect_args={**defaults, "client_encoding": "utf8", "options": options.strip()},
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, arguments: Any, parameters: Any) -> Any:
        connection = _Impatient.connect(*arguments, **parameters)
        connection.answer_s = None if answer_s is None else answer_s + _GRACE_S
        connection.adapters.register_dumper(str, _StorableText)
        return connection

    @event.listens_for(engine, "handle_error")
    def _leave_replicas(context: ExceptionContext) -> None:
        # Another connection may be to a server that can be written, or to this one once it can be again.
        if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
            context.is_disconnect = True

    return engine


class _Impatient(psycopg.Connection[Any]):
    """A connection that ends a wait after `answer_s`, and itself with it."""

    answer_s: float | None = None

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """As psycopg's own. Raises `psycopg.OperationalError` when it takes too long."""
        if self.answer_s is None:
            return super().wait(gen, *args, **kwargs)
        return super().wait(self._until(gen, time.monotonic() + self.answer_s), *args, **kwargs)

    def _until(self, gen: Generator[Any, Any, Any], deadline: float) -> Generator[Any, Any, Any]:
        """`gen`, which psycopg resumes several times a second, if only with the word that nothing came."""
        ready = None
        while True:
            try:
                ready = yield gen.send(ready)
            except StopIteration as end:
                return end.value
            if ready == Ready.NONE and time.monotonic() >= deadline:
                self.close()
                raise psycopg.OperationalError("the server does not answer")


class _StorableText(StrDumperUnknown):
    def dump(self, obj: str) -> bytes:
        try:
            data = obj.encode()
        except UnicodeEncodeError:
            return storable(obj).encode()
        return data if b"\0" not in data else storable(obj).encode()
