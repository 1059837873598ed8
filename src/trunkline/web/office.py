"""What the web process holds open: settings, store, the line to the node, the door. One per process."""

from typing import Self

from trunkline.config import Settings
from trunkline.store.store import Store
from trunkline.web.desk import Desk
from trunkline.web.desk.counter import Counter
from trunkline.web.live_feed import LiveFeed
from trunkline.web.node_line import NodeLine
from trunkline.web.principal import Principal
from trunkline.web.sign_in import SignIn


class Office:
    """Safe to share between threads."""

    def __init__(self, settings: Settings, store: Store, node: NodeLine) -> None:
        self.settings = settings
        self.store = store
        self.node = node
        self.live = LiveFeed(settings.control_socket)
        self.sign_in = SignIn(store, failures=settings.web.sign_in_failures, session_s=settings.web.session_s)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises `StoreError`."""
        store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
        return cls(settings, store, NodeLine(settings.control_socket))

    def desk(self, principal: Principal) -> Desk:
        """Where `principal` is served."""
        store = self.store.by(principal.author)
        return Desk(Counter(principal, store, self.node, self.settings))

    def close(self) -> None:
        """Idempotent."""
        self.live.close()
        self.node.close()
        self.store.close()
