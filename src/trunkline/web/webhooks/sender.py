"""One attempt to tell one receiver: a POST that is over after `ATTEMPT_S`, whatever the receiver does.

A status of 2xx is success, 410 an answer for good (RFC 9110 §15.5.11), anything else is tried again. Only the
status is read, never the body, so a receiver can send what it likes. Redirects count as failures: a URL that
moved has to be changed by its owner.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Self

import httpx

from trunkline import __version__
from trunkline.web.webhooks.signing import signed_headers
from trunkline.web.webhooks.transport import PublicTransport

ATTEMPT_S = 10.0
GONE = 410
_HEADERS = {"Content-Type": "application/json", "User-Agent": f"Trunkline/{__version__}"}


class Outcome(NamedTuple):
    """What came of an attempt."""

    delivered: bool
    final: bool
    """Whether trying again makes no sense."""
    status: int | None
    detail: str
    """What went wrong, in words for whoever runs the receiver; empty when nothing did."""


class Sender:
    """Sends, many at a time. An async context manager."""

    def __init__(
        self,
        lookup: Callable[[str], Awaitable[Sequence[str]]],
        *,
        private: bool,
        connections: int,
        attempt_s: float = ATTEMPT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """As `PublicTransport`; an attempt has `attempt_s` seconds from DNS to the status."""
        transport = PublicTransport(lookup, private=private, connections=connections, tls=tls)
        self._client = httpx.AsyncClient(transport=transport, timeout=attempt_s, follow_redirects=False)
        self._attempt_s = attempt_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(self, url: str, secret: str, event_id: str, body: str, now: float) -> Outcome:
        """POST `body`, signed at `now` (wall clock). Raises nothing."""
        content = body.encode()
        headers = _HEADERS | signed_headers(secret, event_id, now, content)
        try:
            async with (
                asyncio.timeout(self._attempt_s),
                self._client.stream("POST", url, content=content, headers=headers) as response,
            ):
                return _outcome(response)
        except (TimeoutError, httpx.TimeoutException):
            return Outcome(False, False, None, f"no answer within {self._attempt_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            return Outcome(False, False, None, str(error) or type(error).__name__)


def _outcome(response: httpx.Response) -> Outcome:
    status = response.status_code
    if response.is_success:
        return Outcome(True, True, status, "")
    if response.is_redirect:
        return Outcome(False, False, status, "it answered with a redirect, which is not followed")
    if status == GONE:
        return Outcome(False, True, status, "it answered 410: gone for good")
    return Outcome(False, False, status, f"it answered {status}")
