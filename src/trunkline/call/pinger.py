"""OPTIONS to endpoints and gateways, so that the health book knows of a dead one before a call finds out
(BEHAVIOUR §3, §4).

Entries that lead to the same host, port and transport share one ping, whoever they belong to. Any response
shows that somebody is there, but for 503, which says "not now" (RFC 3261 §21.5.4). The first ping of each is
put somewhere within its interval, so that thousands do not go out at once.

Where another node has just pinged a server, its result counts here, and the next ping of ours waits a little
longer than its interval: so one node pings, and when it is gone another one does.

`refresh` takes over what the directory says now; the clock drives the rest.
"""

from collections.abc import Callable, Iterator

from trunkline.call.services import Services
from trunkline.clock import Timer
from trunkline.sip.failures import RequestFailure
from trunkline.sip.message import Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outgoing_request import OutgoingRequest
from trunkline.sip.uri import SipUri
from trunkline.trunk.plan import endpoint_health_key, gateway_health_key
from trunkline.trunk.verdict import Slug

LATER = (1.1, 1.4)
"""So many intervals after another node's ping comes ours."""


class Pinger:
    """The pings of one node."""

    def __init__(
        self,
        services: Services,
        *,
        interval_s: float | None,
        told: Callable[[SipUri, str, str], None] | None = None,
    ) -> None:
        """`interval_s` is between two pings to one server, unless its carrier has an interval of its own;
        None sends no pings at all. `told` is called with the result of each: the server, the slug (empty: a
        good one) and detail.
        """
        self._services = services
        self._told = told
        self.interval_s = interval_s
        self._pings: dict[SipUri, _Ping] = {}

    def refresh(self) -> None:
        """Begin to ping what is new in the directory, stop what is gone."""
        wanted: dict[SipUri, tuple[list[str], float]] = {}
        for uri, key, interval_s in self._targets():
            keys, shortest_s = wanted.setdefault(uri, ([], interval_s))
            keys.append(key)
            wanted[uri] = (keys, min(shortest_s, interval_s))
        for uri in self._pings.keys() - wanted.keys():
            self._pings.pop(uri).stop()
        for uri, (keys, interval_s) in wanted.items():
            ping = self._pings.get(uri)
            if ping is None:
                ping = self._pings[uri] = _Ping(self._services, uri, self._told)
            ping.follow(keys, interval_s)
        self._services.health.retain(key for _, key, _ in self._targets(everything=True))

    def heard(self, uri: SipUri, slug: str, detail: str) -> None:
        """Another node has pinged the server `uri`, with this result (empty: a good one)."""
        ping = self._pings.get(uri)
        if ping is not None:
            ping.heard(slug, detail)

    def stop(self) -> None:
        """Send no more pings."""
        for ping in self._pings.values():
            ping.stop()
        self._pings.clear()

    def _targets(self, *, everything: bool = False) -> Iterator[tuple[SipUri, str, float]]:
        """Where to ping, the health key it is about, and the seconds between two pings. With `everything`,
        those that are not to be pinged as well.
        """
        directory = self._services.directory
        domain = self._services.settings.service_domain
        usual_s = self.interval_s
        if usual_s is None and not everything:
            return
        for number in directory.numbers():
            for endpoint in number.forwarding.endpoints:
                if endpoint.uri.host != domain:
                    yield _server_of(endpoint.uri), endpoint_health_key(number, endpoint), usual_s or 0.0
        for carrier in directory.carriers():
            if everything or (carrier.enabled and carrier.pings):
                interval_s = carrier.ping_interval_s or usual_s or 0.0
                for gateway in carrier.gateways:
                    server = _server_of(carrier.uri_of(gateway))
                    yield server, gateway_health_key(carrier, gateway), interval_s

    def __len__(self) -> int:
        return len(self._pings)


class _Ping:
    """The pings to one server."""

    __slots__ = ("_interval_s", "_keys", "_request", "_services", "_timer", "_told", "_uri")

    def __init__(
        self, services: Services, uri: SipUri, told: Callable[[SipUri, str, str], None] | None
    ) -> None:
        self._services = services
        self._told = told
        self._uri = uri
        self._keys: list[str] = []
        self._interval_s = 0.0
        self._timer: Timer | None = None
        self._request: OutgoingRequest | None = None

    def follow(self, keys: list[str], interval_s: float) -> None:
        """The health keys that the result is for, and the interval from the next ping on."""
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
            self._result(str(Slug.SERVER_FAILURE), f"503 {response.reason} to OPTIONS")
        else:
            self._result("", "")

    def _failed(self, failure: RequestFailure) -> None:
        self._result(str(Slug.UNREACHABLE), f"OPTIONS: {failure}")

    def _result(self, slug: str, detail: str) -> None:
        self._request = None
        self._take(slug, detail)
        self._arm(self._interval_s)
        if self._told is not None:
            self._told(self._uri, slug, detail)

    def _take(self, slug: str, detail: str) -> None:
        for key in self._keys:
            self._services.health.take(key, slug, detail)

    def heard(self, slug: str, detail: str) -> None:
        """Another node's result."""
        self._take(slug, detail)
        if self._timer is not None:
            self._timer.cancel()
            self._arm(self._interval_s * self._services.agent.uniform(*LATER))


def _server_of(uri: SipUri) -> SipUri:
    """The URI without its user: whom to ask whether the server is there."""
    return SipUri(uri.scheme, None, uri.host, uri.port, uri.params)
