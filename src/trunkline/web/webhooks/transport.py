"""HTTP that connects only where webhooks may go.

The name is looked up here, every address is checked, and the connection is made to that very address: nothing
asks DNS a second time, so an answer that changes in between changes nothing. TLS still verifies the name.
Redirects are not followed (`sender`), so there is no other URL to check. No connection is kept: one that was
opened for one receiver's name must not carry another's request.
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

import httpx

from trunkline.web.webhooks.addresses import may_be_reached

MAX_ADDRESSES = 3
"""Of one name, tried one after the other."""


class UnreachableError(httpx.TransportError):
    """The receiver has no address that a webhook may be sent to."""


class PublicTransport(httpx.AsyncBaseTransport):
    """See the module."""

    def __init__(
        self,
        lookup: Callable[[str], Awaitable[Sequence[str]]],
        *,
        private: bool,
        connections: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`lookup` finds a name's addresses; `private` allows special ones; at most `connections` at a time.
        `tls` says whom to trust; None: the system's roots."""
        self._lookup = lookup
        self._private = private
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=0)
        verify = ssl.create_default_context() if tls is None else tls
        self._http = httpx.AsyncHTTPTransport(verify=verify, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.raw_host.decode("ascii")
        addresses = await self._addresses(host)
        allowed = [one for one in addresses if may_be_reached(one, private=self._private)]
        if not allowed:
            why = "has no public address" if addresses else "has no address"
            raise UnreachableError(f"{host} {why}", request=request)
        failure: httpx.TransportError | None = None
        for address in allowed[:MAX_ADDRESSES]:
            try:
                return await self._http.handle_async_request(_to(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure or UnreachableError(f"{host} has no address", request=request)

    async def _addresses(self, host: str) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            return await self._lookup(host)

    async def aclose(self) -> None:
        await self._http.aclose()


def _to(request: httpx.Request, host: str, address: str) -> httpx.Request:
    """The same request to one address; Host (RFC 9110 §7.2) and the name that TLS verifies stay."""
    extensions = dict(request.extensions)
    if host != address:
        extensions["sni_hostname"] = host
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )
