"""OPTIONS to endpoints and gateways, so that the health book knows of a dead one before a call finds out.

Entries that lead to the same host, port and transport share one ping, whoever they belong to. Any response
shows that somebody is there, but for 503, which says "not now" (RFC 3261 §21.5.4). The first ping of each is
put somewhere within its interval, so that thousands do not go out at once.

Where another node has just pinged a server, its result counts here, and the next ping of ours waits a little
longer than its interval: so one node pings, and when it is gone another one does.

`refresh` takes over what the directory says now, and is linear in the servers that it leads to; `follow`
takes over the change of one number, whatever else there is. The clock drives the rest.
"""

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

from trunkline.call.services import Services
from trunkline.clock import Timer
from trunkline.sip.failures import RequestFailure
from trunkline.sip.message import Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outgoing_request import OutgoingRequest
from trunkline.sip.uri import SipUri
from trunkline.trunk.health import HealthKey
from trunkline.trunk.number import Number
from trunkline.trunk.number_record import server_of
from trunkline.trunk.plan import endpoint_health_key, gateway_health_key
from trunkline.trunk.verdict import Slug

LATER = (1.1, 1.4)
"""So many intervals after another node's ping comes ours."""
Told = Callable[[str, str, str], None]
"""Takes the result of a ping: the server, the slug (empty: a good one) and detail."""


class _Gateways(NamedTuple):
    """The gateways at one server that are to be pinged."""

    keys: list[HealthKey]
    interval_s: float


class Pinger:
    """The pings of one node."""

    def __init__(
        self,
        services: Services,
        *,
        interval_s: float | None,
        told: Told | None = None,
    ) -> None:
        """`interval_s` is between two pings to one server, unless its carrier has an interval of its own;
        None sends no pings at all. `told` is called with the result of each.
        """
        self._services = services
        self._told = told
        self.interval_s = interval_s
        self._pings: dict[str, _Ping] = {}
        self._gateways: dict[str, _Gateways] = {}

    def refresh(self) -> None:
        """Begin to ping what is new in the directory, stop what is gone."""
        self._gateways = self._pinged_gateways()
        health, directory = self._services.health, self._services.directory
        known = chain(directory.numbers.servers(), self._gateways, self._pings, health.servers())
        for server in dict.fromkeys(known):
            self._see_to(server)
        there = {
            gateway_health_key(carrier, gateway)
            for carrier in directory.carriers()
            for gateway in carrier.gateways
        }
        health.forget([key for key in health.apart() if key not in there and not self._exists(key)])

    def follow(self, before: Number | None, after: Number | None) -> None:
        """One number of the directory has changed, is new (`before` is None) or is gone."""
        keys, now = _keys_of(before), _keys_of(after)
        self._services.health.forget([key for key in keys if key not in now])
        differ = [key.server for key in chain(keys, now) if (key in keys) != (key in now)]
        for server in dict.fromkeys(differ):
            self._see_to(server)

    def heard(self, server: str, slug: str, detail: str) -> None:
        """Another node has pinged the server, with this result (empty: a good one)."""
        ping = self._pings.get(server)
        if ping is not None:
            ping.heard(slug, detail)

    def stop(self) -> None:
        """Send no more pings."""
        for ping in self._pings.values():
            ping.stop()
        self._pings.clear()

    def _pinged_gateways(self) -> dict[str, _Gateways]:
        found: dict[str, _Gateways] = {}
        for carrier in self._services.directory.carriers():
            interval_s = carrier.ping_interval_s or self.interval_s
            if not (carrier.enabled and carrier.pings) or interval_s is None:
                continue
            for gateway in carrier.gateways:
                server = server_of(carrier.uri_of(gateway))
                keys, shortest_s = found.get(server, ([], interval_s))
                keys.append(gateway_health_key(carrier, gateway))
                found[server] = _Gateways(keys, min(shortest_s, interval_s))
        return found

    def _see_to(self, server: str) -> None:
        """Ping the server, or no longer."""
        services = self._services
        leads_there = services.directory.numbers.leads_to(server)
        if not leads_there:
            services.health.forget((), [server])
        uri = SipUri.parse(server)
        gateways = self._gateways.get(server)
        intervals = [] if gateways is None else [gateways.interval_s]
        shared = leads_there and uri.host != services.settings.service_domain
        if shared and self.interval_s is not None:
            intervals.append(self.interval_s)
        ping = self._pings.get(server)
        if self.interval_s is None or not intervals:
            if ping is not None:
                self._pings.pop(server).stop()
            return
        if ping is None:
            ping = self._pings[server] = _Ping(services, server, uri, self._told)
        ping.follow([] if gateways is None else gateways.keys, min(intervals), shared=shared)

    def _exists(self, key: HealthKey) -> bool:
        return key in _keys_of(self._services.directory.number(key.owner))

    def __len__(self) -> int:
        return len(self._pings)


def _keys_of(number: Number | None) -> list[HealthKey]:
    if number is None:
        return []
    return [endpoint_health_key(number, endpoint) for endpoint in number.forwarding.endpoints]


class _Ping:
    """The pings to one server."""

    __slots__ = (
        "_interval_s",
        "_keys",
        "_request",
        "_server",
        "_services",
        "_shared",
        "_timer",
        "_told",
        "_uri",
    )

    def __init__(self, services: Services, server: str, uri: SipUri, told: Told | None) -> None:
        self._services = services
        self._told = told
        self._uri = uri
        self._server = server
        self._shared = False
        self._keys: list[HealthKey] = []
        self._interval_s = 0.0
        self._timer: Timer | None = None
        self._request: OutgoingRequest | None = None

    def follow(self, keys: list[HealthKey], interval_s: float, *, shared: bool) -> None:
        """The gateways that the result is for, whether it is for the endpoints at the server too, and the
        interval from the next ping on.
        """
        self._shared = shared
        self._keys = keys
        self._interval_s = interval_s
        if self._timer is None and self._request is None:
            self._arm(self._services.agent.uniform(0.0, interval_s))

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._request is not None:
            self._request.forget()

    def _arm(self, after_s: float) -> None:
        clock = self._services.clock
        self._timer = clock.at(clock.now() + after_s, self._send)

    def _send(self) -> None:
        self._timer = None
        self._request = self._services.agent.request(
            "OPTIONS",
            self._uri,
            from_=NameAddr(None, SipUri("sip", None, self._services.settings.service_domain)),
            to=NameAddr(None, self._uri),
            headers=(("Accept", "application/sdp"),),
            on_response=self._answered,
            on_failure=self._failed,
        )

    def _answered(self, response: Response) -> None:
        if response.status == 503:
            self._result(str(Slug.SERVER_FAILURE), f"{response.in_words} to OPTIONS")
        else:
            self._result("", "")

    def _failed(self, failure: RequestFailure) -> None:
        self._result(str(Slug.UNREACHABLE), f"OPTIONS: {failure}")

    def _result(self, slug: str, detail: str) -> None:
        self._request = None
        self._take(slug, detail)
        self._arm(self._interval_s)
        if self._told is not None:
            self._told(self._server, slug, detail)

    def heard(self, slug: str, detail: str) -> None:
        """Another node's result."""
        self._take(slug, detail)
        if self._timer is not None:
            self._timer.cancel()
            self._arm(self._interval_s * self._services.agent.uniform(*LATER))

    def _take(self, slug: str, detail: str) -> None:
        health = self._services.health
        if self._shared:
            health.pinged(self._server, slug, detail)
        for key in self._keys:
            health.take(key, slug, detail)
