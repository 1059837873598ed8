"""A node as the HTTP ports see it: `web.node_view.NodeView`, read off the rooms at the moment of asking."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from trunkline import __version__
from trunkline.call.call import Call
from trunkline.call.quality import Quality
from trunkline.call.record import Direction, MediaFigures
from trunkline.net.admission import Ban
from trunkline.node.membership import Membership
from trunkline.node.rooms import Rooms
from trunkline.node.target_health import target_health
from trunkline.node.trial_call import TrialCalls
from trunkline.observe.message import LadderMessage
from trunkline.sip.grammar import readable
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.uri import SipUri
from trunkline.store.errors import DatabaseError
from trunkline.trunk.explain import explain_inbound, explain_outbound
from trunkline.trunk.health import HealthState
from trunkline.trunk.limits import inbound_key
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.call_feed import CallFeed
from trunkline.web.views import (
    BanView,
    CallAudio,
    DirectoryStats,
    Explanation,
    Glance,
    LiveCall,
    MediaPorts,
    NodeStats,
    PbxView,
    PingAnswer,
    Question,
    Readiness,
    RegistrationView,
    TargetHealth,
    TrialCall,
    Usage,
    WeakTlsView,
    host_of,
)

WEAK_TLS_S = 86_400.0
"""So long ago a connection may have been made to be told of."""
PING_S = 5.0
"""So long an answer to OPTIONS is waited for, its repetitions included: the control client waits for ten, and
a transaction over UDP for 32 (RFC 3261 §17.1.2.2, timer F)."""
MAX_LEFT_OUT = 10
"""So many accounts, numbers, carriers and routes that can't be used are told; the log has them all."""


class Running(Protocol):
    """What of a node is not one of its rooms."""

    rooms: Rooms
    membership: Membership
    started_at: float
    web_settled: asyncio.Event | None

    def ban(self, source: str, reason: str, for_s: float) -> Ban:
        """Turn a source away for a time. Raises `DirectoryError`."""

    def lift_ban(self, source: str) -> bool:
        """Let a source in again; False when it was not banned."""

    def drain(self, timeout_s: float | None = None) -> None:
        """Take no new calls, and end with the last one."""


class NodeFace:
    """The `NodeView` of `node`."""

    def __init__(self, node: Running) -> None:
        self._node = node
        self._rooms = node.rooms
        self._trials = TrialCalls(node.rooms)

    @property
    def feed(self) -> CallFeed:
        return self._rooms.feed

    def readiness(self) -> Readiness:
        node, rooms = self._node, self._rooms
        reasons = []
        if node.web_settled is not None and not node.web_settled.is_set():
            reasons.append("The dashboard and the API are being started.")
        if rooms.switch.draining:
            reasons.append("The node is draining: it takes no new calls.")
            reasons += node.membership.status.problems
        overload = rooms.switch.overload
        if overload.share:
            shed, late = f"{overload.share:.0%} of new calls", f"{overload.late_s * 1000:.0f} ms late"
            reasons.append(f"The node is overloaded: it is {late}, and turns {shed} away.")
        occupancy = rooms.media.occupancy()
        if occupancy.open >= occupancy.total:
            away = [f"{state.name} is down: {state.reason}." for state in rooms.rtpengines if not state.up]
            reasons.append(" ".join(["No media port is free.", *away]))
        live = None if rooms.shared is None else rooms.shared.state
        degraded = () if live is None or not live.degraded else (str(live),)
        return Readiness(not reasons, tuple(reasons), (*degraded, *self._far_media(), *self._data()))

    def _data(self) -> tuple[str, ...]:
        """What is wrong with the reading and writing of the database. Calls go on without it."""
        source, state = self._rooms.source.state, self._rooms.writer.state
        said = []
        if source is not None and source.away is not None:
            said.append(
                f"The database can't be read, the node goes on with what it last knew: {source.away}."
            )
        if state.away is not None:
            said.append(f"Records of calls wait, the database can't be written: {state.away}.")
        if state.dropped:
            said.append(
                f"{state.dropped} changes of records were lost since the start: "
                "neither the database nor the disk had room for them."
            )
        return tuple(said)

    def _far_media(self) -> tuple[str, ...]:
        """What is wrong with it, when calls need an rtpengine of another region."""
        states = self._rooms.rtpengines
        near = [state for state in states if state.near]
        if not near or len(near) == len(states) or any(state.up and state.ready for state in near):
            return ()
        region = self._rooms.settings.node.region
        return (f"No rtpengine of the region {region} has room: audio goes through another region.",)

    def metrics(self) -> bytes:
        return self._rooms.metrics.exposition()

    def stats(self) -> NodeStats:
        node, rooms = self._node, self._rooms
        stack = rooms.services.agent.stack
        live = None if rooms.shared is None else rooms.shared.state
        source = rooms.source.state
        left_out = () if source is None else source.problems[:MAX_LEFT_OUT]
        return NodeStats(
            node=rooms.settings.node.name,
            version=__version__,
            started_at=node.started_at,
            draining=rooms.switch.draining,
            calls=len(rooms.switch),
            calls_total=rooms.records.total,
            registrations=len(rooms.registrations),
            bans=len(rooms.gate.bans()),
            media_ports_in_use=rooms.media.occupancy().open,
            media_instances=tuple(str(state) for state in rooms.rtpengines),
            live="" if live is None else str(live),
            live_degraded=live is not None and live.degraded,
            loop_lag_ms=round(rooms.switch.overload.late_s * 1000, 3),
            client_transactions=stack.client_transactions,
            server_transactions=stack.server_transactions,
            problems=(*node.membership.status.problems, *self._data(), *left_out),
        )

    def calls(self) -> list[LiveCall]:
        return sorted(map(self._live, self._rooms.switch), key=lambda call: call.setup_at)

    def _live(self, call: Call) -> LiveCall:
        live = LiveCall.of(call.record, self._rooms.records.latest_attempt(call.record.call_id))
        callee = call.callee
        return replace(live, codecs=(call.caller.codec, "" if callee is None else callee.codec))

    def hang_up(self, call_id: str) -> bool:
        call = self._rooms.switch.call(call_id)
        if call is None:
            return False
        call.hang_up(Verdict.of(Slug.HUNG_UP_BY_OPERATOR))
        return True

    def audio(self, call_id: str) -> CallAudio | None:
        call = self._rooms.switch.call(call_id)
        if call is None:
            return None
        callee = call.callee
        return CallAudio(call.caller.figures(), MediaFigures() if callee is None else callee.figures())

    def quality(self, call_id: str) -> Quality | None:
        call = self._rooms.switch.call(call_id)
        return None if call is None else call.quality

    async def ladder(self, call_id: str) -> list[LadderMessage]:
        return await self._rooms.ladder.read(call_id)

    def registrations(self) -> list[RegistrationView]:
        rooms = self._rooms
        offset = rooms.clock.wall() - rooms.clock.now()
        return [
            RegistrationView(account, str(binding.uri), binding.source, binding.deadline + offset)
            for account in sorted(rooms.registrations.accounts())
            for binding in rooms.registrations.bindings(account)
        ]

    def pbx(self, account: str, hosts: Sequence[str]) -> PbxView:
        visits = self._rooms.visits
        registered = tuple(one for one in self.registrations() if one.account == account)
        known = {*hosts, *(host_of(one.source) for one in registered)}
        asked = [at for host in known if (at := visits.last_asked(host)) is not None]
        weak = [seen.version for host in sorted(known) if (seen := visits.last_weak_tls(host)) is not None]
        refused, without = visits.last_refused(account), visits.last_without(account)
        return PbxView(
            registrations=registered,
            refused_at=None if refused is None else refused.at,
            refused_source="" if refused is None else refused.source,
            refused_realm="" if refused is None else refused.realm,
            without_at=None if without is None else without.at,
            without_source="" if without is None else without.source,
            asked_at=max(asked, default=None),
            weak_tls=next(iter(weak), ""),
        )

    async def glance(self, account: str | None, hosts: Sequence[str]) -> Glance:
        registered = {host_of(one.source): one.account for one in self.registrations()}
        own = {*hosts, *(host for host, owner in registered.items() if owner == account)}
        weak = tuple(
            WeakTlsView(host, seen.version, seen.at, registered.get(host, account))
            for host, seen in self._rooms.visits.weak_tls_since(self._rooms.clock.wall() - WEAK_TLS_S).items()
            if account is None or host in own
        )
        down = (one for one in await self.health() if one.state is HealthState.DOWN)
        seen = Glance(
            calls=sum(account in (None, call.record.account) for call in self._rooms.switch),
            down=tuple(one for one in down if account in (None, one.account)),
            weak_tls=weak,
        )
        if account is not None:
            return replace(seen, usage=self.usage(account))
        ports, bans = self.media_ports(), tuple(self.bans())
        return replace(seen, stats=self.stats(), media_ports=ports, bans=bans)

    async def health(self, owner: str | None = None) -> list[TargetHealth]:
        return await target_health(self._rooms.directory, self._rooms.services.health, owner)

    async def ping(self, uri: str) -> PingAnswer:
        services = self._rooms.services
        target = SipUri.parse(uri)
        done: asyncio.Future[tuple[int | None, str]] = asyncio.get_running_loop().create_future()
        sent = services.clock.now()

        def came(status: int | None, reason: str) -> None:
            # It may come late, where the name was still being looked up when the time was over.
            if not done.done():
                done.set_result((status, reason))

        request = services.agent.request(
            "OPTIONS",
            target,
            from_=NameAddr(None, SipUri("sip", None, services.settings.service_domain)),
            to=NameAddr(None, target),
            headers=(("Accept", "application/sdp"),),
            on_response=lambda response: came(response.status, readable(response.reason)),
            on_failure=lambda failure: came(None, str(failure)),
        )
        try:
            async with asyncio.timeout(PING_S):
                status, reason = await done
        except TimeoutError:
            status, reason = None, f"no answer within {PING_S:g} s"
        finally:
            request.forget()
        return PingAnswer(status, reason, round((services.clock.now() - sent) * 1000, 1))

    async def trial_call(self, e164: str) -> TrialCall:
        return await self._trials.place(e164)

    def usage(self, account: str) -> Usage:
        limits = self._rooms.limits
        return Usage(
            limits.calls_up(account),
            limits.calls_up(inbound_key(account)),
            limits.used_today_s(account) / 60,
            limits.cost_today(account),
        )

    def bans(self) -> list[BanView]:
        return [self._view(ban) for ban in self._rooms.gate.bans()]

    def ban(self, source: str, reason: str, for_s: float) -> BanView:
        return self._view(self._node.ban(source, reason, for_s))

    def _view(self, ban: Ban) -> BanView:
        clock = self._rooms.clock
        return BanView(ban.source, ban.reason, ban.deadline - clock.now() + clock.wall())

    def lift_ban(self, source: str) -> bool:
        return self._node.lift_ban(source)

    def drain(self, timeout_s: float | None) -> None:
        self._node.drain(timeout_s)

    async def refresh_directory(self) -> DirectoryStats:
        rooms = self._rooms
        await asyncio.to_thread(rooms.watcher.refresh)
        await asyncio.sleep(0)
        state = rooms.source.state
        if state is not None and state.away is not None:
            raise DatabaseError(state.away)
        directory = rooms.directory
        return DirectoryStats(
            accounts=sum(1 for _ in directory.accounts()),
            numbers=len(directory.numbers),
            carriers=sum(1 for _ in directory.carriers()),
            routes=sum(1 for _ in directory.routes()),
        )

    def media_ports(self) -> MediaPorts:
        media = self._rooms.settings.media
        occupancy = self._rooms.media.occupancy()
        return MediaPorts(
            first=media.port_min,
            last=media.port_max,
            in_use=occupancy.open,
            draining=occupancy.draining,
            free=occupancy.total - occupancy.open - occupancy.draining,
        )

    def explain(self, question: Question) -> Explanation:
        rooms = self._rooms
        services = rooms.services
        domain = services.settings.service_domain
        if question.direction is Direction.OUTBOUND:
            answer = explain_outbound(
                rooms.directory,
                question.account or "",
                question.called,
                question.caller,
                service_domain=domain,
                guarded=services.settings.guarded_prefixes,
                srtp_needs_tls=services.settings.srtp_needs_tls,
                is_up=services.health.is_up,
                limits=rooms.limits,
            )
        else:
            answer = explain_inbound(
                rooms.directory,
                question.called,
                question.caller,
                service_domain=domain,
                srtp_needs_tls=services.settings.srtp_needs_tls,
                barred=services.barred,
                is_up=services.health.is_up,
                bindings_of=rooms.registrations.bindings,
                limits=rooms.limits,
            )
        refusal = answer.refusal
        if refusal is None:
            return Explanation(answer.steps)
        return Explanation(answer.steps, str(refusal.slug), refusal.status, refusal.text, refusal.remedy)
