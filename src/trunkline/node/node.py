"""One running node: makes each room from the settings, hands it the ports it asks for, starts and stops them.

The order keeps calls whole: records can be written before the first call comes, and are closed after the last
one has ended. Nothing about calls is decided here. Stopping has three grades: `drain` (no new calls; the
others end by themselves, or when the time is over), `stop` (calls are ended with BYE now), and a kill (the
next start closes the records that it finds open).
"""

import asyncio
import gc
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import structlog

from trunkline.call.carrier_registrations import CarrierRegistrations
from trunkline.call.doorman import Doorman
from trunkline.call.pinger import Pinger
from trunkline.call.quality_watch import QualityWatch
from trunkline.call.registrar import Registrar
from trunkline.call.services import Services
from trunkline.call.switch import Switch
from trunkline.config import Change, Settings, diff
from trunkline.live.link import Link
from trunkline.live.words import Base
from trunkline.media.embedded import EmbeddedEngine
from trunkline.media.quality import estimate_mos
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
from trunkline.node.face import NodeFace
from trunkline.node.membership import Membership
from trunkline.node.records import Records
from trunkline.node.shared_state import SharedState
from trunkline.node.takeover import Takeover
from trunkline.node.tokens import srtp_key, token_source, weighted_pick
from trunkline.node.visits import Visits
from trunkline.node.wire_events import WireEvents
from trunkline.observe.journal import Journal
from trunkline.observe.ladder import Ladder
from trunkline.observe.log import SourceLog
from trunkline.observe.loop_lag import LoopLag
from trunkline.observe.metrics import Metrics
from trunkline.observe.wiretap import WireTap
from trunkline.pstn.carrier import SimulatedCarrier
from trunkline.sip.digest import Algorithm, Challenger
from trunkline.sip.failures import FlowFailure
from trunkline.sip.fronted import source_of
from trunkline.sip.nonce import NonceCounts
from trunkline.sip.ports import Address, Flow, Target, Transport
from trunkline.sip.user_agent import UserAgent
from trunkline.store.bans import StoredBan
from trunkline.store.database import Database
from trunkline.store.directory_source import DirectorySource, Update, apply_update
from trunkline.store.directory_watcher import DirectoryWatcher
from trunkline.store.errors import DatabaseError, SchemaError
from trunkline.store.keys import Keyring
from trunkline.store.record_writer import RecordWriter
from trunkline.store.registrations import load_bindings
from trunkline.store.store import Store
from trunkline.store.usage import Usage, used_today
from trunkline.trunk.directory import Directory
from trunkline.trunk.fraud import FraudWatch
from trunkline.trunk.health import HealthBook
from trunkline.trunk.limits import AccountLimits, Held
from trunkline.trunk.registrations import Binding, Registrations
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.call_feed import CallFeed
from trunkline.web.control import control_app
from trunkline.web.control_socket import listen_unix
from trunkline.web.public import public_app
from trunkline.web.serving import HttpServer, listen_tcp

WELCOME_S = 3600.0
"""How long a source counts as known after its password was right."""
NONCES_REMEMBERED = 4096
"""Twice as many nonces are known to be used (about 2 MB); a client whose nonce is older is asked once
more.
"""
GOODBYE_S = 2.0
"""How long `stop` waits for the answers to its BYEs."""
_GC_THRESHOLDS = (5_000, 20, 50)
"""Nearly everything here is freed by reference counting, so the old generations are looked at seldom. Refused
messages leave cycles (an exception and its frames): with a young generation of 50,000 the heap of a node
under hostile traffic was 70 MB larger.
"""


class Node:
    """See the module. Made within a running loop; `start` before anything else, `stop` in every case.

    Raises `NetError`, `StoreError`, `MediaError` or `ConfigError` from `start`, each saying what to do;
    nothing is left open then.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.log = structlog.get_logger()
        self.started_at = time.time()
        self.finished = asyncio.Event()
        """Set when a drain is over: time to `stop`."""
        self.web_settled: asyncio.Event | None = None
        """Set once the web process that is started beside this node serves; None: there is none."""
        loop = asyncio.get_running_loop()
        self.clock = LoopClock(loop, self._faulted)
        self.metrics = Metrics()
        self.feed = CallFeed()
        self.directory = Directory()
        self.shared: SharedState | None = None
        """What this node shares with others; None where it shares nothing."""
        self.takeover: Takeover | None = None
        """What of its calls it leaves to others, and takes over from them; None where it doesn't."""
        self._verified_names: set[str] = set()
        self.loop = loop
        self._open = AsyncExitStack()
        """Whatever is open, to be closed in the opposite order."""
        self._running = False
        self.stopping = False
        """Whether it ends with its last call."""

    # -- start -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything; calls are taken when this returns."""
        try:
            await self._open_store()
            self._open_rooms()
            self._make_switch()
            await self._open_network()
            await self._open_http()
        except BaseException:
            await self.stop()
            raise
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        self.lag.start()
        self._open.callback(self.lag.stop)
        listening = [f"{item.transport} {item.bind}" for item in self.transports.bound]
        self.log.info("started", node=self.settings.node.name, listening=listening)

    async def _open_store(self) -> None:
        settings = self.settings
        self.store = await asyncio.to_thread(self._store)
        self.source = DirectorySource(self.store.database, self.store.keyring, settings.directory_file)
        self.directory.replace_all(await asyncio.to_thread(self.source.load))
        state = self.source.state
        if state is not None and state.away is not None:
            self.log.warning("working with the last known directory", reason=state.away)
        self.watcher = DirectoryWatcher(self.source, self._directory_changed, database=self.store.database)
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
        self.quality = QualityWatch(self.clock, lambda call_id: self.switch.call(call_id), estimate_mos)
        self.records = Records(self.writer, self.metrics, self.feed, self.quality, self.clock)
        self.membership = Membership(self, self._mind_drain)

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

    def _open_rooms(self) -> None:
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
        self.gate = Gate(
            self.clock, wiring.gate_settings(settings), known=self._is_known, banned=self._banned
        )
        limits = settings.limits
        self.guessing = Guessing(
            self.gate,
            self.clock,
            failures=limits.ban_failures,
            window_s=limits.ban_window_s,
            ban_s=limits.ban_s,
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
            self.media = self._embedded()
        self.lag = LoopLag(self.loop, self._lagged)

    def _embedded(self) -> EmbeddedEngine:
        """The built-in engine, in this loop."""
        engine = wiring.open_engine(self.settings)
        self._open.callback(engine.stop)
        engine.attach(self.loop)
        return engine

    def _make_switch(self) -> None:
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
            self.shared = self._share(link, health, token)
        sink = self.writer if self.shared is None else self.shared.registrations
        self.registrar = Registrar(self.registrations, self.clock, sink, settings.service.domain)
        self.services = services = Services(
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
        )
        challenger = Challenger(
            settings.service.domain,
            self._secret("digest nonces"),
            self.clock,
            algorithms=[Algorithm(name) for name in settings.service.digest],
            counts=NonceCounts(NONCES_REMEMBERED),
        )
        self.doorman = Doorman(
            challenger,
            self.directory,
            self.clock,
            on_right=self._welcome,
            on_wrong=self._wrong_password,
            on_other_realm=self.visits.refused,
        )
        self.switch = Switch(services, self.doorman, self.registrar, self.visits.asked)
        services.agent = UserAgent(
            clock=self.clock,
            connector=self.transports,
            locator=self.resolver,
            token=token,
            user=self.switch,
            settings=wiring.agent_settings(settings),
            secret=self._secret("tags and branches"),
            observer=WireTap(self.metrics, self.ladder),
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
        if link is not None and isinstance(self.media, RtpengineEngine) and settings.node.takeover:
            checkpoints = self.records.checkpoints = link.checkpoints
            self.takeover = Takeover(self, self.media, checkpoints, self.limits, self._price_of)
            services.agreed = checkpoints.changed
        self._count()

    def _share(self, link: Link, health: HealthBook, token: Callable[[], str]) -> SharedState:
        return SharedState(
            link,
            node=self.settings.node.name,
            clock=self.clock,
            token=token,
            gate=self.gate,
            health=health,
            registrations=self.registrations,
            sink=self.writer,
            received=lambda data, flow: self.services.agent.received(data, flow),
            failed=lambda flow, failure: self.services.agent.flow_failed(flow, failure),
        )

    async def _open_network(self) -> None:
        self._open.push_async_callback(asyncio.to_thread, self.membership.close)
        await asyncio.to_thread(self.membership.enter)
        self.writer.start()
        self.watcher.start()
        if isinstance(self.media, RtpengineEngine):
            await self.media.start()
        self._open.push_async_callback(self.transports.close)
        await self.transports.start(self, unreadable=self.services.agent.stream_broken)
        self._running = True
        if self.settings.pstn.enabled:
            await self._open_pstn()
        await self._restore()
        if self.shared is not None:
            self._open.push_async_callback(self.shared.close)
            await self.shared.start(self.transports.bound)
        self.registrar.start()
        self._follow_directory()
        self.membership.start()

    async def _open_pstn(self) -> None:
        bind = self.settings.pstn.bind
        carrier = SimulatedCarrier(
            clock=self.clock,
            media=self.media if isinstance(self.media, EmbeddedEngine) else self._embedded(),
            locator=self.resolver,
            token=self.services.token,
            bind=Address(bind.host, bind.port),
            serves=wiring.simulated_carrier_serves(self.transports.bound),
        )
        self._open.push_async_callback(carrier.close)
        await carrier.start()

    async def _open_http(self) -> None:
        bind = self.settings.http.bind
        view = NodeFace(self)
        for app, listener in (
            (public_app(view), listen_tcp(bind.host, bind.port)),
            (control_app(view), listen_unix(self.settings.control_socket)),
        ):
            server = HttpServer(app, listener)
            self._open.push_async_callback(server.stop)
            await server.start()
        self._open.callback(self.feed.close)

    async def _restore(self) -> None:
        """Devices that registered before a restart, bans that still hold, what accounts have used today."""
        self.alarms.start(self.clock.wall)
        now, wall = self.clock.now(), self.clock.wall()
        name = self.settings.node.name
        try:
            stored = await asyncio.to_thread(load_bindings, self.store.database, name, now=now, wall=wall)
            bans = await asyncio.to_thread(self.store.bans.list)
            used = await asyncio.to_thread(used_today, self.store.database, wall, self._price_of)
        except DatabaseError as error:
            self.log.warning("registrations, bans and the day's usage are not known", reason=str(error))
            return
        for account, bindings in stored.items():
            self.registrations.restore(account, [self._with_flow(binding) for binding in bindings])
        self._shut_out(bans)
        self._restore_usage(used, name)

    def _restore_usage(self, used: Mapping[str, Mapping[str, Usage]], name: str) -> None:
        """What accounts have used today here, and at other nodes."""
        elsewhere: defaultdict[str, Usage] = defaultdict(Usage)
        for node, accounts in used.items():
            for key, usage in accounts.items():
                owner = self.directory.account(key)
                if owner is None:
                    continue
                if node == name:
                    self.limits.restore(owner, usage.seconds, usage.cost)
                else:
                    others = elsewhere[key]
                    others.seconds += usage.seconds
                    others.cost += usage.cost
                    self.limits.told(owner, Held(0, others.seconds, others.cost))
        if self.shared is not None:
            self.shared.link.ledger.remember(
                Base(node, key, usage.seconds, usage.cost)
                for node, accounts in used.items()
                if node != name
                for key, usage in accounts.items()
            )

    def _price_of(self, called: str) -> float:
        route = self.directory.route_for(called)
        return 0.0 if route is None else route.price_per_minute

    def _shut_out(self, bans: Sequence[StoredBan]) -> None:
        """Bans at rest that the gate doesn't hold yet. Those that no operator ordered last `limits.ban_s` at
        most, whatever became of the wall clock since.
        """
        wall, longest_s = self.clock.wall(), self.settings.limits.ban_s
        held = {ban.source for ban in self.gate.bans()}
        for ban in bans:
            if ban.source not in held:
                evidence = Evidence(ban.evidence)
                for_s = None if ban.until_at is None else ban.until_at - wall
                if for_s is not None and evidence is not Evidence.ORDERED:
                    for_s = min(for_s, longest_s)
                self.gate.ban(ban.source, ban.reason, evidence=evidence, for_s=for_s)

    def _with_flow(self, binding: Binding) -> Binding:
        """UDP needs no connection: the way back is the address that it came from, unless there is a Path."""
        if binding.path:
            return binding
        transport, _, address = binding.source.partition(" ")
        host, _, port = address.rpartition(":")
        if transport != Transport.UDP or not port.isdecimal():
            return binding
        target = Target(Transport.UDP, Address(host.strip("[]"), int(port)))
        return replace(binding, flow=self.transports.flow_to(target))

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
        return self.settings.tls.verify_outbound or target.server_name in self._verified_names

    def _welcome(self, flow: Flow) -> None:
        self.gate.vouch(source_of(flow).host, WELCOME_S)

    def _srtp_keys_exposed(self, peer: str) -> None:
        self.source_log.warning("SRTP keys readable on the way", peer, remedy="use TLS for the SIP as well")

    def _wrong_password(self, flow: Flow, username: str) -> None:
        self.visits.refused(flow, username)
        host = source_of(flow).host
        if self.guessing.wrong(host):
            self.log.warning("banned for wrong passwords", source=host, username=username)

    def _banned(self, ban: Ban) -> None:
        if self.shared is not None:
            self.shared.bans.made(ban)
        until_at = self.clock.wall() + ban.deadline - self.clock.now()
        stored = StoredBan(ban.source, ban.reason, int(ban.evidence), ban.since_at, until_at)
        self.writer.ban_changed(ban.source, stored)

    def _count(self) -> None:
        """The gauges: what is read when somebody looks."""
        gauge = self.metrics.gauge
        stack = self.services.agent.stack
        gauge("active_calls", "Calls under way.", lambda: len(self.switch))
        gauge("dialogs", "SIP dialogs.", lambda: self.services.agent.dialogs)
        gauge("registered_contacts", "Contacts registered.", lambda: len(self.registrations))
        gauge(
            "shed_share",
            "New calls turned away for overload, of all.",
            lambda: round(self.switch.overload.share, 3),
        )
        gauge("tasks", "Tasks of the event loop.", lambda: len(asyncio.all_tasks()))
        gauge("bans", "Sources shut out.", lambda: len(self.gate.bans()))
        gauge("connections", "TCP and TLS connections.", lambda: self.transports.figures().connections)
        self.metrics.counter(
            "gate_refused", "Messages and connections refused at the door.", lambda: self.gate.refused
        )
        gauge("media_port_pairs", "Media port pairs.", self._ports_by_state, label="state")
        if isinstance(self.media, RtpengineEngine):
            self._count_rtpengines()
        if self.shared is not None:
            self.shared.count(self.metrics)
        if self.takeover is not None:
            self.takeover.count(self.metrics)
        gauge(
            "transactions",
            "SIP transactions.",
            lambda: {"client": stack.client_transactions, "server": stack.server_transactions},
            label="side",
        )

    @property
    def rtpengines(self) -> tuple[InstanceState, ...]:
        """How the rtpengines are; none with the built-in engine."""
        return self.media.states() if isinstance(self.media, RtpengineEngine) else ()

    def _ports_by_state(self) -> dict[str, float]:
        occupancy = self.media.occupancy()
        return {"open": occupancy.open, "draining": occupancy.draining}

    def _count_rtpengines(self) -> None:
        """One series for each instance."""

        def by_instance(read: Callable[[InstanceState], float | None]) -> Callable[[], dict[str, float]]:
            return lambda: {
                state.name: value for state in self.rtpengines if (value := read(state)) is not None
            }

        for name, text, read in (
            ("rtpengine_up", "Whether an rtpengine answers.", lambda state: float(state.up)),
            ("rtpengine_calls", "Calls at an rtpengine.", lambda state: float(state.rooms)),
            ("rtpengine_ready", "Calls prepared at an rtpengine.", lambda state: float(state.ready)),
            (
                "rtpengine_latency_seconds",
                "From command to answer, lately.",
                lambda state: None if state.latency_ms is None else state.latency_ms / 1000,
            ),
        ):
            self.metrics.gauge(name, text, by_instance(read), label="instance")

    def _lagged(self, lag_s: float) -> None:
        """The node is as late as its loop, or as the datagrams that wait in the kernel."""
        self.metrics.loop_lag_s.add(lag_s)
        late_s = max(lag_s, self.transports.behind_s())
        self.switch.overload.measured(late_s, self.settings.limits.overload_lag_ms / 1000)

    def _directory_changed(self, update: Update) -> None:
        """On the watcher's thread."""
        bans = self.store.bans.list() if update.bans_changed else ()
        self.loop.call_soon_threadsafe(self._take_update, update, bans)

    def _take_update(self, update: Update, bans: Sequence[StoredBan]) -> None:
        """The change of a number costs the same whatever else there is: calls wait for this."""
        moved = apply_update(self.directory, update)
        self._shut_out(bans)
        if moved is None:
            self._follow_directory()
        else:
            for before, after in moved:
                self.pinger.follow(before, after)

    def _follow_directory(self) -> None:
        self._verified_names = {
            gateway.uri.host
            for carrier in self.directory.carriers()
            if carrier.verify_tls
            for gateway in carrier.gateways
        }
        self.pinger.refresh()
        self.carrier_registrations.refresh()

    def lift_ban(self, source: str) -> bool:
        """Let a source in again, and forget it at rest; False when it was not banned."""
        lifted = self.gate.lift(source)
        if self.shared is not None:
            self.shared.bans.lifted(source)
        if lifted:
            self.writer.ban_changed(source, None)
        return lifted

    # -- reload ------------------------------------------------------------------------------------

    def reload(self, settings: Settings) -> list[Change]:
        """Take over the settings that need no restart, and the certificate; return everything that
        differs.
        """
        changes = diff(self.settings, settings)
        self.settings = settings
        self.services.settings = wiring.call_settings(settings)
        self.services.agent.settings = wiring.agent_settings(settings)
        self.services.fraud.policy = wiring.fraud_policy(settings)
        self.writer.keep_days = settings.database.keep_calls_days
        forwarding = settings.forwarding
        self.pinger.interval_s = forwarding.ping_interval_s if forwarding.pings else None
        self.pinger.refresh()
        self.journal.keep_s = settings.ladder.keep_s
        self.journal.max_bytes = settings.ladder.max_bytes
        self.transports.reload_tls()
        return changes

    # -- the end -----------------------------------------------------------------------------------

    def drain(self, timeout_s: float | None = None) -> None:
        """Take no new calls, and stop: `finished` is set once the last call has ended, or after `timeout_s`
        (None: as configured); at once where the start is still under way.
        """
        if not self._running:
            self.finished.set()
            return
        if self.stopping:
            return
        self.stopping = True
        self._mind_drain()
        patience_s = self.settings.drain.timeout_s if timeout_s is None else timeout_s
        self.log.info("draining", calls=len(self.switch), timeout_s=patience_s)
        self._watch_drain(self.clock.now() + patience_s)

    def _mind_drain(self) -> None:
        """New calls are refused while the node stops, or an operator said so for it in the database."""
        drained = self.stopping or self.membership.status.drained
        if drained != self.switch.draining:
            self.switch.draining = drained
            self.log.info("new calls are refused" if drained else "new calls are taken")

    def _watch_drain(self, until: float) -> None:
        now = self.clock.now()
        if not len(self.switch) or now >= until:
            self.finished.set()
        else:
            self.clock.at(min(until, now + 0.1), lambda: self._watch_drain(until))

    async def stop(self) -> None:
        """End the calls that are up, write what there is to write, close everything. Idempotent."""
        if self._running:
            self._running = False
            self.stopping = self.switch.draining = True
            self.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
            self.pinger.stop()
            self.carrier_registrations.stop()
            deadline = self.clock.now() + GOODBYE_S
            # Dialogs end by answers and timers deep below, which tell nobody else.
            while self.services.agent.dialogs and self.clock.now() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await self._open.aclose()
