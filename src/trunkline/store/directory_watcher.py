"""The thread that polls a `DirectorySource` and delivers what changed: once a second, and at once when a
PostgreSQL database tells of a change.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from trunkline.store.change_listener import ChangeListener
from trunkline.store.database import Database
from trunkline.store.directory_source import DirectorySource, Update

_log = logging.getLogger(__name__)

DEFAULT_INTERVAL_S: Final = 1.0


class DirectoryWatcher:
    """Polls once every `interval_s`, and at once when poked."""

    def __init__(
        self,
        source: DirectorySource,
        deliver: Callable[[Update], None],
        interval_s: float = DEFAULT_INTERVAL_S,
        *,
        looked: Callable[[], None] = lambda: None,
        database: Database | None = None,
    ) -> None:
        """`deliver` is called on the watcher's thread: pass the update on to the loop
        (`call_soon_threadsafe`). So is `looked`, after each poll. `database` is listened to, if it can tell.
        """
        self._source = source
        self._deliver = deliver
        self._looked = looked
        self._interval_s = interval_s
        self._wanted = 0
        self._done = 0
        self._closing = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="directory", daemon=True)
        tells = database is not None and database.dialect == "postgresql"
        self._listener = ChangeListener(database, self.poke) if database is not None and tells else None

    def start(self) -> None:
        """Begin; `DirectorySource.load` has to come first."""
        self._thread.start()
        if self._listener is not None:
            self._listener.start()

    def poke(self) -> None:
        """Something changed: poll now. Returns at once."""
        with self._condition:
            self._wanted += 1
            self._condition.notify_all()

    def refresh(self, timeout_s: float = 5.0) -> bool:
        """Poll now, and wait until what changed was delivered. Blocks; False: too slow."""
        with self._condition:
            self._wanted += 1
            wanted = self._wanted
            self._condition.notify_all()
            return self._condition.wait_for(lambda: self._done >= wanted or self._closing, timeout_s)

    def close(self, timeout_s: float = 10.0) -> bool:
        """End the thread. Blocks; False when that took too long. Does nothing before `start`."""
        if self._thread.ident is None:
            return True
        if self._listener is not None:
            self._listener.close(timeout_s)
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closing or self._wanted > self._done, self._interval_s)
                if self._closing:
                    return
                wanted = self._wanted
            try:
                update = self._source.poll()
                if update is not None:
                    self._deliver(update)
                self._looked()
            except Exception:  # noqa: BLE001 (a thread that ended would never learn of a change again)
                _log.exception("the directory could not be brought up to date")
            with self._condition:
                self._done = wanted
                self._condition.notify_all()
