"""The client library (redis-py, which speaks to Valkey and Redis alike), and nothing else of it.

One connection, one command at a time; every failure is a `LiveError`, after which the wire is to be closed.
The password of the URL is in no message.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from trunkline.errors import LiveError
from trunkline.live.address import shown
from trunkline.live.words import Batch, Claim, Heard, Joined, Notice, Registration, read_calls

_PAGE: Final = 500
_CLOSE_S: Final = 2.0
_LOOK_S: Final = 3.0
_SCRIPTS: Final = ("register", "exchange", "claim")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A server at a glance."""

    product: str
    """With its version."""
    latency_ms: float
    evicts: bool
    """It drops keys when its memory is full."""


class RedisWire:
    """A `link.Wire` to a server of Valkey 7.2, Redis 6.2, or newer."""

    def __init__(self, url: str, service: str) -> None:
        """`url` is `valkey://`, `valkeys://`, `redis://` or `rediss://` with user, password, host, port and
        the number of the database; `service` keeps apart what several services have in one database. Raises
        `LiveError` for a URL that can't be.
        """
        self._base = f"trunkline:{{{service}}}:"
        self._shown = shown(url)
        self._hashes: dict[str, str] = {}
        self._letters: PubSub | None = None
        scheme, _, rest = url.partition("://")
        try:
            self._client = Redis.from_url(
                f"{scheme.replace('valkey', 'redis')}://{rest}",
                single_connection_client=True,
                protocol=2,
                socket_timeout=None,
                socket_connect_timeout=None,
                retry=Retry(NoBackoff(), 0),
                client_name="trunkline",
            )
        except (ValueError, TypeError) as error:
            raise LiveError(f"live.url: {self._shown} can't be used: {error}") from None

    async def open(self) -> None:
        """Connect, sign in, leave the scripts there."""
        common = _script("common")
        try:
            for name in _SCRIPTS:
                self._hashes[name] = await self._client.script_load(common + _script(name))
        except (RedisError, OSError) as error:
            raise self._failed(error) from error

    async def register(self, registration: Registration) -> Joined:
        """See `link.Wire`."""
        return Joined.read(await self._run("register", registration.arguments))

    async def exchange(self, batch: Batch) -> Heard | None:
        """See `link.Wire`."""
        return Heard.read(await self._run("exchange", batch.arguments))

    async def claim(self, claim: Claim) -> list[tuple[str, str]]:
        """See `link.Wire`."""
        return read_calls(await self._run("claim", claim.arguments))

    async def carried(self, lease: str) -> list[str]:
        """See `link.Wire`."""
        try:
            calls = await self._client.hkeys(f"{self._base}checkpoints:{lease}")
        except (RedisError, OSError) as error:
            raise self._failed(error) from error
        return [_text(call) for call in calls]

    async def checkpoints(self, lease: str, calls: Sequence[str]) -> list[tuple[str, str]]:
        """See `link.Wire`."""
        try:
            texts = await self._client.hmget(f"{self._base}checkpoints:{lease}", list(calls))
        except (RedisError, OSError) as error:
            raise self._failed(error) from error
        pairs = zip(calls, texts, strict=True)
        return [(call, _text(text).partition(" ")[2]) for call, text in pairs if text is not None]

    async def kept(self, kind: str) -> AsyncIterator[Sequence[Notice]]:
        """See `link.Wire`."""
        cursor = 0
        while True:
            try:
                seconds, microseconds = await self._client.time()
                cursor, page = await self._client.hscan(f"{self._base}kept:{kind}", cursor, count=_PAGE)
            except (RedisError, OSError) as error:
                raise self._failed(error) from error
            now_ms = seconds * 1000 + microseconds // 1000
            notices = [Notice.kept(kind, key, value, now_ms) for key, value in _pairs(page)]
            yield [notice for notice in notices if notice.for_s]
            if cursor == 0:
                return

    async def subscribe(self, names: Sequence[str]) -> AsyncIterator[str]:
        """See `link.Wire`. They come over a connection of their own."""
        self._letters = self._client.pubsub(ignore_subscribe_messages=True)
        try:
            await self._letters.subscribe(*(f"{self._base}post:{name}" for name in names))
        except (RedisError, OSError) as error:
            raise self._failed(error) from error
        return self._read_letters(self._letters)

    async def _read_letters(self, letters: PubSub) -> AsyncIterator[str]:
        try:
            async for message in letters.listen():
                if message["type"] == "message":
                    yield message["data"].decode(errors="replace")
        except (RedisError, OSError) as error:
            raise self._failed(error) from error

    async def leave(self, lease: str) -> None:
        """See `link.Wire`."""
        try:
            await self._client.zrem(f"{self._base}nodes", lease)
            await self._client.zrem(f"{self._base}carriers", lease)
            await self._client.delete(f"{self._base}held:{lease}", f"{self._base}checkpoints:{lease}")
        except (RedisError, OSError) as error:
            raise self._failed(error) from error

    async def close(self) -> None:
        """See `link.Wire`."""
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                if self._letters is not None:
                    await self._letters.aclose()  # type: ignore[no-untyped-call]
                if self._client.connection is not None:
                    await self._client.connection.disconnect(nowait=True)  # it may stall
                await self._client.aclose()

    async def about(self) -> "ServerFacts":
        """What the server is, asked over an open wire. Raises `LiveError`."""
        try:
            began = time.monotonic()
            await self._client.time()
            latency_s = time.monotonic() - began
            facts = await self._client.info()
        except (RedisError, OSError) as error:
            raise self._failed(error) from error
        product = "valkey" if "valkey_version" in facts else "redis"
        policy = facts.get("maxmemory_policy", "noeviction")
        evicts = bool(facts.get("maxmemory")) and policy != "noeviction"
        return ServerFacts(f"{product} {facts.get(f'{product}_version', '')}", latency_s * 1000, evicts)

    async def _run(self, name: str, arguments: Sequence[str | bytes]) -> object:
        try:
            answer: object = await self._client.evalsha(self._hashes[name], 1, self._base, *arguments)
        except (RedisError, OSError) as error:
            raise self._failed(error) from error
        return answer

    def _failed(self, error: Exception) -> LiveError:
        return LiveError(f"{self._shown}: {error}")


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def _pairs(page: object) -> Iterator[tuple[bytes, bytes]]:
    if isinstance(page, dict):
        yield from page.items()


def _script(name: str) -> str:
    return files("trunkline.live").joinpath(f"{name}.lua").read_text(encoding="utf-8")


async def look(url: str, service: str) -> ServerFacts:
    """Connect as a node does, and ask the server about itself. Raises `LiveError`."""
    wire = RedisWire(url, service)
    try:
        async with asyncio.timeout(_LOOK_S):
            await wire.open()
            return await wire.about()
    except TimeoutError:
        raise LiveError(f"{shown(url)}: no answer within {_LOOK_S:g} s") from None
    finally:
        await wire.close()
