"""The thread that is woken when somebody notes a change in a PostgreSQL database (LISTEN and NOTIFY).

It only wakes: whatever is sent, by whomever, means "look at the changes", and nobody reads it
(`changes.CHANNEL`). However much is sent, it wakes `1 / _REST_S` times a second at most. Who is woken looks
once a second anyhow (`directory_watcher`), so nothing is lost while this connection is: it is made again.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.engine import Connection

from trunkline.store.changes import CHANNEL
from trunkline.store.database import Database, one_line

_log = logging.getLogger(__name__)

_REST_S: Final = 0.05
_QUIET_S: Final = 1.0
"""After so long without a notification, whether the thread is to end is looked at."""
_ASKED_EVERY: Final = 5
"""After so many quiet spells in a row, whether the server is still there."""
_AGAIN_S: Final = 1.0


class ChangeListener:
    """Calls `wake` on its thread."""

    def __init__(self, database: Database, wake: Callable[[], object]) -> None:
        self._database = database
        self._wake = wake
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="changes", daemon=True)
        self.listening = threading.Event()
        """Set while there is a connection to be woken over."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> bool:
        """End the thread. Blocks; False when that took too long. Does nothing before `start`."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                with self._database.engine.connect() as connection:
                    self._listen(connection.execution_options(isolation_level="AUTOCOMMIT"))
            except Exception as error:  # noqa: BLE001 (drivers' errors, and what a payload may provoke)
                if self.listening.is_set():
                    reason = one_line(error)
                    _log.warning("the database no longer tells of changes, they are looked for: %s", reason)
            self.listening.clear()
            self._closing.wait(_AGAIN_S)

    def _listen(self, connection: Connection) -> None:
        """Until closed. Raises whatever the driver does when the connection is lost."""
        connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        self.listening.set()
        # What was noted before LISTEN took effect was told to nobody.
        self._wake()
        driver: Any = connection.connection.driver_connection
        quiet = 0
        try:
            while not self._closing.is_set():
                if any(True for _ in driver.notifies(timeout=_QUIET_S, stop_after=1)):
                    quiet = 0
                    self._wake()
                    self._closing.wait(_REST_S)
                elif (quiet := quiet + 1) % _ASKED_EVERY == 0:
                    connection.exec_driver_sql("SELECT 1")
        finally:
            # It listens: nobody else may get it from the pool.
            connection.invalidate()
