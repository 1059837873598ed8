"""The rooms of one running node: each is made from the settings and gets the ports that it asks for.

Nothing about calls is decided here. What becomes of the rooms while they are open is `node.Node`'s.
"""

import asyncio
import os
import random
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from trunkline.call.carrier_registrations import CarrierRegistrations
from trunkline.call.doorman import Doorman
from trunkline.call.gateway_finder import GatewayFinder
from trunkline.call.pinger import Pinger
from trunkline.call.record import CallRecord
from trunkline.call.registrar import Registrar
from trunkline.call.services import Services
from trunkline.call.switch import Switch
from trunkline.config import Change, Settings, diff, reloaded
from trunkline.live.link import Link
from trunkline.media.embedded import EmbeddedEngine
from trunkline.media.rtpengine.engine import RtpengineEngine
from trunkline.media.rtpengine.instance import InstanceState
from trunkline.net.admission import Ban, Evidence, Gate
from trunkline.net.fronts import Fronts
from trunkline.net.guessing import Guessing
from trunkline.net.loop_clock import LoopClock
from trunkline.net.resolver import Resolver
from trunkline.net.transports import Transports
from trunkline.node import wiring
from trunkline.node.alarms import Alarms
from trunkline.node.doorbook import Doorbook
from trunkline.node.records import Records
from trunkline.node.shared_state import SharedState
from trunkline.node.tokens import srtp_key, token_source, weighted_pick
from trunkline.node.visits import Visits
from trunkline.node.wire_events import WireEvents
from trunkline.observe.journal import Journal
from trunkline.observe.ladder import Ladder
from trunkline.observe.log import SourceLog
from trunkline.observe.loop_lag import LoopLag
from trunkline.observe.metrics import Metrics
from trunkline.observe.wiretap import WireTap
from trunkline.sip.digest import Algorithm, Challenger
from trunkline.sip.failures import FlowFailure
from trunkline.sip.nonce import NonceCounts
from trunkline.sip.ports import Flow, Target
from trunkline.sip.user_agent import UserAgent
from trunkline.store.bans import StoredBan
from trunkline.store.database import Database
from trunkline.store.directory_source import DirectorySource, Update
from trunkline.store.directory_watcher import DirectoryWatcher
from trunkline.store.errors import DatabaseError, SchemaError
from trunkline.store.keys import Keyring
from trunkline.store.record_writer import RecordWriter
from trunkline.store.store import Store
from trunkline.trunk.directory import Directory
from trunkline.trunk.fraud import FraudWatch
from trunkline.trunk.health import HealthBook
from trunkline.trunk.limits import AccountLimits
from trunkline.trunk.registrations import Registrations
from trunkline.web.call_feed import CallFeed

NONCES_REMEMBERED = 4096
"""Twice as many nonces are known to be used (about 2 MB); a client whose nonce is older is asked once
more.
"""


class Rooms:
    """See the module. Made within a running loop; `open` before anything else, `close` in every case.

    `directory_changed` and `looked` are called on a thread of the watcher's (`DirectoryWatcher`).
    """

    def __init__(
        self, settings: Settings, directory_changed: Callable[[Update], None], looked: Callable[[], None]
    ) -> None:
        self.settings = settings
        self.log = structlog.get_logger()
        self.loop = asyncio.get_running_loop()
        self.clock = LoopClock(self.loop, self._faulted)
        self.metrics = Metrics()
        self.feed = CallFeed()
        self.directory = Directory()
        self.shared: SharedState | None = None
        """What this node shares with others; None where it shares nothing."""
        self.verified_names: frozenset[str] = frozenset()
        """Hosts of carriers whose certificate has to be valid."""
        self._directory_changed = directory_changed
        self._looked = looked
        self._open = AsyncExitStack()
        """Whatever is open, to be closed in the opposite order."""

    async def open(self) -> None:
        """Make them, in the order in which they need each other. Raises `StoreError`, `MediaError`,
        `NetError` or `ConfigError`; what is open then is still to be closed.
        """
        await self._open_store()
        self._open_doors()
        challenger = self._challenger()
        self._make_services(challenger)
        self._make_switch(challenger)

    async def close(self) -> None:
        """Close them. Idempotent."""
        await self._open.aclose()

    async def _open_store(self) -> None:
        settings = self.settings
        self.store = await asyncio.to_thread(self._store)
        self.source = DirectorySource(self.store.database, self.store.keyring, settings.directory_file)
        self.directory.replace_all(await asyncio.to_thread(self.source.load))
        state = self.source.state
        if state is not None and state.away is not None:
            self.log.warning("working with the last known directory", reason=state.away)
        self.watcher = DirectoryWatcher(
            self.source, self._directory_changed, looked=self._looked, database=self.store.database
        )
        self.writer = RecordWriter(
            settings.database_url,
            clock=self.clock,
            node=settings.node.name,
            journal=settings.journal_file,
        )
        self.writer.keep_days = settings.database.keep_calls_days
        self._open.push_async_callback(asyncio.to_thread, self.store.close)
        self._open.push_async_callback(asyncio.to_thread, self.writer.close)
        self._open.push_async_callback(asyncio.to_thread, self.watcher.close)
        self.records = Records(self.writer, self.metrics, self.feed, self.clock)

    def _store(self) -> Store:
        """The store, even while its database is away: the directory's file then has to do."""
        settings = self.settings
        url, realm = settings.database_url, settings.service.domain
        try:
            return Store.open(url, settings.key_file, realm)
        except SchemaError:
            raise
        except DatabaseError:
            return Store(Database(url), Keyring.load(settings.key_file), realm)

    def _secret(self, name: str) -> bytes:
        """What all nodes on one database share; a secret of our own while the database is away."""
        try:
            return self.store.shared_secret(name)
        except DatabaseError as error:
            self.log.warning("a secret of this node alone is used", secret_name=name, reason=str(error))
            return os.urandom(32)

    def _open_doors(self) -> None:
        settings = self.settings
        journal = Journal(
            settings.ladder_dir,
            keep_s=settings.ladder.keep_s,
            max_bytes=settings.ladder.max_bytes,
        )
        self.journal = journal
        self._open.push_async_callback(asyncio.to_thread, journal.close)
        self.ladder = Ladder(self.clock, journal)
        self._open.callback(self.ladder.stop)
        self.exporter = wiring.hep_exporter(settings, self.clock, self.ladder)
        if self.exporter is not None:
            self._open.push_async_callback(asyncio.to_thread, self.exporter.close)
            self._open.callback(self.exporter.stop)
        self.gate = Gate(
            self.clock, wiring.gate_settings(settings), known=self._is_known, banned=self._banned
        )
        self.source_log = SourceLog(self.log, self.clock.now)
        self.visits = Visits(self.clock)
        events = WireEvents(self.source_log, self.visits)
        self.transports = Transports(
            wiring.transport_settings(settings),
            self.clock,
            gate=self.gate,
            events=events,
            verify=self._must_verify,
        )
        self.resolver = Resolver(wiring.dns_settings(settings), self.clock, random.random, events=events)
        self._open.push_async_callback(self.resolver.close)
        self.media: EmbeddedEngine | RtpengineEngine
        if settings.media.engine == "rtpengine":
            self.media = RtpengineEngine(wiring.rtpengine_settings(settings), self.clock)
            self._open.push_async_callback(self.media.close)
        else:
            self.media = self.open_embedded()
        self.lag = LoopLag(self.loop, self._lagged)

    def open_embedded(self) -> EmbeddedEngine:
        """A built-in engine, in this loop."""
        engine = wiring.open_engine(self.settings)
        self._open.callback(engine.stop)
        engine.attach(self.loop)
        return engine

    def _challenger(self) -> Challenger:
        settings = self.settings
        return Challenger(
            settings.service.domain,
            self._secret("digest nonces"),
            self.clock,
            algorithms=[Algorithm(name) for name in settings.service.digest],
            counts=NonceCounts(NONCES_REMEMBERED, self.clock.wall()),
            edge=settings.node.name,
        )

    def _make_services(self, challenger: Challenger) -> None:
        """What calls ask for, and what other nodes are told of it."""
        settings = self.settings
        token = token_source()
        self.registrations = Registrations(self.clock, wiring.registration_policy(settings))
        self.alarms = Alarms(self.store, self.watcher.refresh)
        self._open.push_async_callback(self.alarms.close)
        fraud = FraudWatch(self.clock, self.alarms.raised, wiring.fraud_policy(settings))
        self.alarms.watch = fraud
        self.limits = AccountLimits(self.clock)
        link = wiring.live_link(settings, self.limits, self.clock, token, self._faulted)
        health = HealthBook(self.clock, wiring.health_policy(settings))
        if link is not None:
            self.shared = self._share(link, health, challenger, token)
        sink = self.writer if self.shared is None else self.shared.registrations
        self.registrar = Registrar(self.registrations, self.clock, sink, settings.service.domain)
        self.services = Services(
            clock=self.clock,
            token=token,
            key=srtp_key,
            pick=weighted_pick,
            media=self.media,
            records=self.records,
            trace=self.ladder,
            directory=self.directory,
            limits=self.limits if link is None else link.ledger,
            fraud=fraud,
            health=health,
            registrations=self.registrations,
            settings=wiring.call_settings(settings),
            keys_exposed=self._srtp_keys_exposed,
            passed_over=self._passed_over,
        )

    def _make_switch(self, challenger: Challenger) -> None:
        """What requests come to, and what asks others by itself."""
        settings, services = self.settings, self.services
        limits = settings.limits
        self.guessing = Guessing(
            self.gate,
            self.clock,
            failures=limits.ban_failures,
            window_s=limits.ban_window_s,
            ban_s=limits.ban_s,
        )
        self.doorman = Doorman(
            challenger,
            self.directory,
            self.clock,
            events=Doorbook(self.gate, self.guessing, self.visits),
            issuers=None if self.shared is None else self.shared.nonces,
        )
        self.switch = Switch(services, self.doorman, self.registrar, self.visits.asked)
        services.agent = UserAgent(
            clock=self.clock,
            connector=self.transports,
            locator=self.resolver,
            token=services.token,
            user=self.switch,
            settings=wiring.agent_settings(settings),
            secret=self._secret("tags and branches"),
            observer=WireTap(self.metrics, self.ladder, self.exporter),
        )
        self.received = services.agent.received if self.shared is None else self.shared.flows.received
        """One datagram or one framed message goes straight to the user agent, but for what fronts bring and
        what is another node's."""
        if settings.sip.fronts:
            self.received = Fronts(settings.sip.fronts, self.gate, self.received).received
        forwarding = settings.forwarding
        self.pinger = Pinger(
            services,
            interval_s=forwarding.ping_interval_s if forwarding.pings else None,
            told=None if self.shared is None else self.shared.health.pinged,
        )
        if self.shared is not None:
            self.shared.health.attend(self.pinger)
        self.carrier_registrations = CarrierRegistrations(services)
        self.gateway_finder = GatewayFinder(services)

    def _share(
        self, link: Link, health: HealthBook, challenger: Challenger, token: Callable[[], str]
    ) -> SharedState:
        return SharedState(
            link,
            node=self.settings.node.name,
            clock=self.clock,
            token=token,
            gate=self.gate,
            health=health,
            registrations=self.registrations,
            sink=self.writer,
            challenger=challenger,
            received=lambda data, flow: self.services.agent.received(data, flow),
            failed=lambda flow, failure: self.services.agent.flow_failed(flow, failure),
        )

    # -- what the wire brings (the transports' receiver) -------------------------------------------

    def flow_failed(self, flow_or_target: Flow | Target, failure: FlowFailure) -> None:
        """A connection that is gone, or an ICMP error."""
        self.services.agent.flow_failed(flow_or_target, failure)
        if not isinstance(flow_or_target, Target) and flow_or_target.transport.reliable:
            self.registrar.flow_closed(flow_or_target)
            if self.shared is not None:
                self.shared.flows.closed(flow_or_target)

    # -- what happens meanwhile --------------------------------------------------------------------

    def _faulted(self, error: Exception) -> None:
        self.log.error("a timer's callback failed", exc_info=error)

    def _is_known(self, host: str) -> bool:
        return self.directory.carrier_by_source(host) is not None

    def _must_verify(self, target: Target) -> bool:
        """Whether a TLS server's certificate has to be valid: the setting's word, or its carrier's."""
        return self.settings.tls.verify_outbound or target.server_name in self.verified_names

    def _srtp_keys_exposed(self, peer: str) -> None:
        self.source_log.warning("SRTP keys readable on the way", peer, remedy="use TLS for the SIP as well")

    def _passed_over(self, record: CallRecord) -> None:
        self.records.call_passed_over(record)
        whose = record.account or f"carrier {record.carrier}"
        self.source_log.warning("calls are refused that leave no record, for there are too many", whose)

    def _banned(self, ban: Ban) -> None:
        if self.shared is not None:
            self.shared.bans.made(ban)
        if ban.evidence is Evidence.SPOOFABLE:
            return  # one forged datagram would be one more row
        until_at = self.clock.wall() + ban.deadline - self.clock.now()
        stored = StoredBan(ban.source, ban.reason, int(ban.evidence), ban.since_at, until_at)
        self.writer.ban_changed(ban.source, stored)

    @property
    def rtpengines(self) -> tuple[InstanceState, ...]:
        """How the rtpengines are; none with the built-in engine."""
        return self.media.states() if isinstance(self.media, RtpengineEngine) else ()

    def _lagged(self, lag_s: float) -> None:
        """The node is as late as its loop, or as the datagrams that wait in the kernel."""
        self.metrics.loop_lag_s.add(lag_s)
        late_s = max(lag_s, self.transports.behind_s())
        limit_s = self.settings.limits.overload_lag_ms / 1000
        self.gate.measured(late_s, limit_s)
        self.switch.overload.measured(late_s, limit_s)

    def price_of(self, called: str) -> float:
        """Of a minute of a call to a number in E.164."""
        route = self.directory.route_for(called)
        return 0.0 if route is None else route.price_per_minute

    # -- reload ------------------------------------------------------------------------------------

    def reload(self, settings: Settings) -> list[Change]:
        """Take over the settings that need no restart, and the certificate; return everything that
        differs. Raises `NetError` or `ConfigError`, and changes nothing then.
        """
        changes = diff(self.settings, settings)
        settings = reloaded(self.settings, settings)
        calls = wiring.call_settings(settings)
        self.transports.reload_tls()
        self.settings = settings
        self.services.settings = calls
        self.services.agent.settings = wiring.agent_settings(settings)
        self.services.fraud.policy = wiring.fraud_policy(settings)
        self.services.health.policy = wiring.health_policy(settings)
        self.guessing.failures = settings.limits.ban_failures
        self.guessing.window_s = settings.limits.ban_window_s
        self.writer.keep_days = settings.database.keep_calls_days
        forwarding = settings.forwarding
        self.pinger.interval_s = forwarding.ping_interval_s if forwarding.pings else None
        self.pinger.refresh()
        self.journal.keep_s = settings.ladder.keep_s
        self.journal.max_bytes = settings.ladder.max_bytes
        return changes
