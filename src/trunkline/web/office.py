"""What the web process holds open: settings, store, the line to the node, the door. One per process."""

import time
from collections.abc import Callable
from typing import Self

from trunkline.config import Settings
from trunkline.store.store import Store
from trunkline.web.attempts import Attempts
from trunkline.web.desk import Desk
from trunkline.web.desk.counter import Counter
from trunkline.web.live_feed import LiveFeed
from trunkline.web.node_line import NodeLine
from trunkline.web.principal import Principal
from trunkline.web.sign_in import SignIn

WINDOW_S = 60.0


class Office:
    """Safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        node: NodeLine,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.store = store
        self.node = node
        self.live = LiveFeed(settings.control_socket)
        self.sign_in = SignIn(store, failures=settings.web.sign_in_failures, session_s=settings.web.session_s)
        self._requests = Attempts(settings.web.api_requests_per_minute, WINDOW_S, "too many requests", now)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises `StoreError`."""
        store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
        return cls(settings, store, NodeLine(settings.control_socket))

    def desk(self, principal: Principal) -> Desk:
        """Where `principal` is served."""
        store = self.store.by(principal.author)
        return Desk(Counter(principal, store, self.node, self.settings))

    def program_desk(self, principal: Principal) -> Desk:
        """The same for a program's request, of which `principal` has so many a minute by whichever API.
        Raises `TooManyAttemptsError`."""
        self._requests.spend(f"{principal.account} {principal.user}")
        return self.desk(principal)

    def close(self) -> None:
        """Idempotent."""
        self.live.close()
        self.node.close()
        self.store.close()
