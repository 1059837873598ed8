"""What a node shares with the others while it runs, in one place: the link to the server, and what of each
room goes over it.
"""

from collections.abc import Callable, Sequence

from trunkline.call.ports import RegistrationSink
from trunkline.clock import Clock
from trunkline.live.ledger import Standing
from trunkline.live.link import Link, LinkState
from trunkline.net.admission import Gate
from trunkline.net.settings import Listen
from trunkline.node.lent_flows import Failed, LentFlows, Received
from trunkline.node.nonce_letters import NonceLetters
from trunkline.node.shared_registrations import SharedRegistrations
from trunkline.node.sharing import SharedBans, SharedHealth
from trunkline.observe.metrics import Metrics
from trunkline.sip.digest import Challenger
from trunkline.trunk.health import HealthBook
from trunkline.trunk.registrations import Registrations


class SharedState:
    """See the module. `start` once the listeners are bound and what is at rest was restored; `close` in every
    case after it.
    """

    def __init__(
        self,
        link: Link,
        *,
        node: str,
        clock: Clock,
        token: Callable[[], str],
        gate: Gate,
        health: HealthBook,
        registrations: Registrations,
        sink: RegistrationSink,
        challenger: Challenger,
        received: Received,
        failed: Failed,
    ) -> None:
        """`received` and `failed` are the user agent's, for flows of other nodes."""
        self._registrations = registrations
        self.link = link
        self.bans = SharedBans(link.board, gate, clock)
        self.health = SharedHealth(link.board, health)
        self.flows = LentFlows(link.post, clock, node=node, token=token, received=received, failed=failed)
        self.nonces = NonceLetters(
            link.post,
            clock,
            challenger,
            token=token,
            is_away=lambda: link.ledger.standing is Standing.AWAY,
        )
        self.registrations = SharedRegistrations(link.board, self.flows, registrations, sink, clock, node)

    @property
    def state(self) -> LinkState:
        """How the link is."""
        return self.link.state

    def count(self, metrics: Metrics) -> None:
        """The gauges."""
        metrics.gauge(
            "live_exact",
            "Whether limits are held by all nodes together.",
            lambda: not self.state.degraded,
        )
        metrics.gauge(
            "live_nodes", "Nodes that share the live state, as last seen.", lambda: self.state.nodes
        )
        metrics.counter("live_lost", "How often the live state was lost.", lambda: self.state.away_total)

    async def start(self, bound: Sequence[Listen]) -> None:
        """Begin to share. `bound` is what this node listens on; with the server away it goes on trying."""
        for listen in bound:
            self.flows.advertised.setdefault(listen.transport, listen.advertised)
        self.tell_registrations()
        await self.link.start()

    def tell_registrations(self) -> None:
        """Make known what was restored."""
        for account in list(self._registrations.accounts()):
            self.registrations.bindings_changed(account, self._registrations.bindings(account))

    async def close(self) -> None:
        """Take leave. Idempotent."""
        await self.link.close()
