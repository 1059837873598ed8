"""One running node: opens its rooms, lets the world in, follows what changes, and ends.

The order keeps calls whole: records can be written before the first call comes, and are closed after the last
one has ended. Stopping has three grades: `drain` (no new calls; the others end by themselves, or when the
time is over), `stop` (calls are ended with BYE now), and a kill (the next start closes the records that it
finds open).
"""

import asyncio
import gc
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Final

from trunkline.config import Change, Settings
from trunkline.errors import DirectoryError
from trunkline.media.embedded import EmbeddedEngine
from trunkline.media.rtpengine.engine import RtpengineEngine
from trunkline.net.admission import Ban, Evidence
from trunkline.node import gauges, restoring, wiring
from trunkline.node.face import NodeFace
from trunkline.node.membership import Membership
from trunkline.node.rooms import Rooms
from trunkline.node.takeover import Takeover
from trunkline.pstn.carrier import SimulatedCarrier
from trunkline.sip.ports import Address
from trunkline.store.directory_source import Update, apply_update
from trunkline.store.errors import DatabaseError
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.control import control_app
from trunkline.web.control_socket import check_unanswered, listen_unix
from trunkline.web.public import public_app
from trunkline.web.serving import HttpServer, listen_tcp

GOODBYE_S: Final = 2.0
"""How long `stop` waits for the answers to its BYEs."""
_GC_THRESHOLDS: Final = (5_000, 20, 50)
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
        self.rooms = Rooms(settings, self._directory_changed, self._read_along)
        self.started_at = time.time()
        self.finished = asyncio.Event()
        """Set when a drain is over: time to `stop`."""
        self.web_settled: asyncio.Event | None = None
        """Set once the web process that is started beside this node serves; None: there is none."""
        self._open = AsyncExitStack()
        """Whatever is open, to be closed in the opposite order."""
        self._running = False
        self._is_restored = True
        """What earlier runs have left is known, or is about to be read."""
        self._unread = ""
        """Why it can't be read, which was told."""
        self.stopping = False
        """Whether it ends with its last call."""
        self._drained_by = 0.0
        """When it ends at the latest, then."""

    # -- start -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything; calls are taken when this returns."""
        rooms = self.rooms
        # First of all: a node of this name that runs would be taken for one that has died.
        check_unanswered(rooms.settings.control_socket)
        try:
            self._open.push_async_callback(rooms.close)
            await rooms.open()
            gauges.count(rooms)
            self._outlive()
            await self._open_network()
            await self._open_http()
        except BaseException:
            await self.stop()
            raise
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        rooms.lag.start()
        self._open.callback(rooms.lag.stop)
        listening = [f"{item.transport} {item.bind}" for item in rooms.transports.bound]
        rooms.log.info("started", node=rooms.settings.node.name, listening=listening)

    def _outlive(self) -> None:
        """Leave answered calls to the other nodes, and go on with theirs, where that can be."""
        rooms = self.rooms
        if rooms.shared is None or not rooms.settings.node.takeover:
            return
        if isinstance(rooms.media, RtpengineEngine):
            Takeover(rooms, rooms.media, rooms.shared.link.checkpoints)

    async def _open_network(self) -> None:
        rooms = self.rooms
        self.membership = Membership(rooms, lambda: self.stopping, self._mind_drain)
        self._open.push_async_callback(asyncio.to_thread, self.membership.close)
        await asyncio.to_thread(self.membership.enter)
        rooms.writer.start()
        rooms.watcher.start()
        if isinstance(rooms.media, RtpengineEngine):
            await rooms.media.start()
        self._open.push_async_callback(rooms.transports.close)
        await rooms.transports.start(rooms, unreadable=rooms.services.agent.stream_broken)
        self._running = True
        if rooms.settings.pstn.enabled:
            await self._open_pstn()
        rooms.alarms.start(rooms.clock.wall)
        self._is_restored = await restoring.restore(rooms)
        if rooms.shared is not None:
            self._open.push_async_callback(rooms.shared.close)
            await rooms.shared.start(rooms.transports.bound)
        self._review(rooms.registrations.accounts())
        rooms.registrar.start()
        self._follow_directory()
        self.membership.start()

    async def _open_pstn(self) -> None:
        rooms = self.rooms
        bind = rooms.settings.pstn.bind
        carrier = SimulatedCarrier(
            clock=rooms.clock,
            media=rooms.media if isinstance(rooms.media, EmbeddedEngine) else rooms.open_embedded(),
            locator=rooms.resolver,
            token=rooms.services.token,
            bind=Address(bind.host, bind.port),
            serves=wiring.simulated_carrier_serves(rooms.transports.bound),
        )
        self._open.push_async_callback(carrier.close)
        await carrier.start()

    async def _open_http(self) -> None:
        settings = self.rooms.settings
        bind = settings.http.bind
        view = NodeFace(self)
        for app, listener in (
            (public_app(view), listen_tcp(bind.host, bind.port, "http.bind")),
            (control_app(view), listen_unix(settings.control_socket)),
        ):
            server = HttpServer(app, listener)
            self._open.push_async_callback(server.stop)
            await server.start()
        self._open.callback(self.rooms.feed.close)

    # -- what changes meanwhile --------------------------------------------------------------------

    def _directory_changed(self, update: Update) -> None:
        """On the watcher's thread."""
        self.rooms.loop.call_soon_threadsafe(self._take_update, update)

    def _read_along(self) -> None:
        """On the watcher's thread, after every look at the directory: what else there is to read, until it
        was.
        """
        rooms = self.rooms
        source = rooms.source.state
        if source is None or source.away is not None:
            return
        try:
            if not self._is_restored:
                known = restoring.read(rooms)
                rooms.loop.call_soon_threadsafe(self._take_known, known)
        except DatabaseError as error:
            if self._unread != str(error):
                rooms.log.warning("registrations, bans and the day's usage are not known", reason=str(error))
            self._unread = str(error)
        else:
            self._unread = ""

    def _take_known(self, known: restoring.Known) -> None:
        """The database was away when this node started."""
        rooms = self.rooms
        if self._is_restored:
            return
        self._is_restored = True
        restoring.take(rooms, known)
        self._review(rooms.registrations.accounts())
        if rooms.shared is not None:
            rooms.shared.tell_registrations()
        rooms.log.info("registrations, bans and the day's usage are known")

    def _take_update(self, update: Update) -> None:
        """The change of a number costs the same whatever else there is: calls wait for this."""
        rooms = self.rooms
        moved = apply_update(rooms.directory, update)
        named = update.accounts
        self._review(rooms.registrations.accounts() if named is None else named)
        if moved is None:
            self._follow_directory()
        else:
            for before, after in moved:
                rooms.pinger.follow(before, after)

    def _review(self, accounts: Iterable[str]) -> None:
        """Who may stay registered for these accounts, as they are now."""
        rooms = self.rooms
        for key in list(accounts):
            rooms.registrar.review(key, rooms.directory.account(key))

    def _follow_directory(self) -> None:
        rooms = self.rooms
        rooms.verified_names = frozenset(
            gateway.uri.host
            for carrier in rooms.directory.carriers()
            if carrier.verify_tls
            for gateway in carrier.gateways
        )
        rooms.gateway_finder.refresh()
        rooms.pinger.refresh()
        rooms.carrier_registrations.refresh()

    def ban(self, source: str, reason: str, for_s: float) -> Ban:
        """Turn a source away for `for_s` seconds by an operator's word, whoever it is. Raises
        `DirectoryError` for one that can't be."""
        gate = self.rooms.gate
        if gate.spares(source):
            raise DirectoryError(f"{source} is let in unseen: it is a front, or this machine itself")
        return gate.ban(source, reason, evidence=Evidence.ORDERED, for_s=for_s)

    def lift_ban(self, source: str) -> bool:
        """Let a source in again, and forget it at rest; False when it was not banned."""
        rooms = self.rooms
        lifted = rooms.gate.lift(source)
        if rooms.shared is not None:
            rooms.shared.bans.lifted(source)
        if lifted:
            rooms.writer.ban_changed(source, None)
        return lifted

    def reload(self, settings: Settings) -> list[Change]:
        """Take over the settings that need no restart, and the certificate; return everything that
        differs.
        """
        return self.rooms.reload(settings)

    # -- the end -----------------------------------------------------------------------------------

    def drain(self, timeout_s: float | None = None) -> None:
        """Take no new calls, and stop: `finished` is set once the last call has ended, or after `timeout_s`
        (None: as configured); at once where the start is still under way. While it drains, another
        `timeout_s` replaces the first.
        """
        if not self._running:
            self.finished.set()
            return
        drains = self.stopping
        if drains and timeout_s is None:
            return
        rooms = self.rooms
        self.stopping = True
        self._mind_drain()
        patience_s = rooms.settings.drain.timeout_s if timeout_s is None else timeout_s
        rooms.log.info("draining", calls=len(rooms.switch), timeout_s=patience_s)
        self._drained_by = rooms.clock.now() + patience_s
        if not drains:
            self._watch_drain()

    def _mind_drain(self) -> None:
        """New calls are refused while the node stops, or an operator said so for it in the database."""
        switch = self.rooms.switch
        drained = self.stopping or self.membership.status.drained
        if drained != switch.draining:
            switch.draining = drained
            self.rooms.log.info("new calls are refused" if drained else "new calls are taken")

    def _watch_drain(self) -> None:
        clock = self.rooms.clock
        now = clock.now()
        if not len(self.rooms.switch) or now >= self._drained_by:
            self.finished.set()
        else:
            clock.at(min(self._drained_by, now + 0.1), self._watch_drain)

    async def stop(self) -> None:
        """End the calls that are up, write what there is to write, close everything. Idempotent."""
        if self._running:
            rooms = self.rooms
            self._running = False
            self.stopping = rooms.switch.draining = True
            rooms.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
            rooms.gateway_finder.stop()
            rooms.pinger.stop()
            rooms.carrier_registrations.stop()
            deadline = rooms.clock.now() + GOODBYE_S
            # Dialogs end by answers and timers deep below, which tell nobody else.
            while rooms.services.agent.dialogs and rooms.clock.now() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await self._open.aclose()
