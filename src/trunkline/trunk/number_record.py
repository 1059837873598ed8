"""A number as one short text, its record: what the directory keeps of each number.

A `Number` with its endpoints is some 2 KB of objects; its record is about 50 bytes. The fields stand one
after the other, parted by ASCII's unit separator: the account, the ring timeout, the forwarding list as
typed, its warnings, and four for each endpoint. What an endpoint's entry in the list says already is left
empty: its own text, and its URI where that is the text, `sip:` before it or not.

`pack` and `unpack` are inverse. `Checker` tells of most rows of a database that they are right without
building the objects that would check them.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from trunkline.errors import DirectoryError
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import check_key
from trunkline.trunk.e164 import MAX_DIGITS, MIN_DIGITS
from trunkline.trunk.forwarding import SPACE, Endpoint, ForwardingList, MediaProtection
from trunkline.trunk.number import MAX_RING_TIMEOUT_S, MIN_RING_TIMEOUT_S, Number

UNIT: Final = "\x1f"
RECORD: Final = "\x1e"
"""Parts records from each other, in `NumberTable` and on disk; never within one."""
_GROUP: Final = "\x1d"
_PER_ENDPOINT: Final = 4
_PLAIN = re.compile(r"(sips?:)[A-Za-z0-9+._-]+@", re.ASCII).match
_MEDIA: Final = frozenset(MediaProtection)

EndpointValues = tuple[str, int | None, str, str]
"""URI, response timeout in milliseconds, media protection, the entry as typed."""


def pack(number: Number) -> str:
    """The record of `number`. Raises `DirectoryError` when a text of it holds a separator."""
    forwarding = number.forwarding
    endpoints = [(str(one.uri), one.timeout_ms, one.media.value, one.text) for one in forwarding.endpoints]
    record = pack_values(
        number.account, number.ring_timeout_s, forwarding.text, forwarding.warnings, endpoints
    )
    if record is None:
        raise DirectoryError(f"number {number.e164}: its forwarding holds a control character")
    return record


def pack_values(
    account: str,
    ring_timeout_s: float | None,
    text: str,
    warnings: Sequence[str],
    endpoints: Sequence[EndpointValues],
) -> str | None:
    """The record of a number with these values; None when one of them holds a separator."""
    fields = [
        account,
        "" if ring_timeout_s is None else repr(float(ring_timeout_s)),
        text,
        "".join([warning + _GROUP for warning in warnings]),
    ]
    pieces = text.split(",") if len(endpoints) > 1 else [text]
    for place, (uri, timeout_ms, media, typed) in enumerate(endpoints):
        fields += (
            "" if uri == _uri(typed) else uri,
            "" if timeout_ms is None else str(timeout_ms),
            "" if media == MediaProtection.RTP.value else media,
            "" if place < len(pieces) and typed == pieces[place].strip(SPACE) else f"={typed}",
        )
    record = UNIT.join(fields)
    whole = (
        record.count(UNIT) == len(fields) - 1
        and RECORD not in record
        and record.count(_GROUP) == len(warnings)
    )
    return record if whole else None


class Values(NamedTuple):
    """What a record says, before it is checked."""

    account: str
    ring_timeout_s: float | None
    text: str
    warnings: tuple[str, ...]
    endpoints: list[EndpointValues]


def values_of(record: str) -> Values:
    """Take a record apart. Raises `ValueError` for a text that none is."""
    account, ring_timeout_s, text, warnings, *rest = record.split(UNIT)
    count, odd = divmod(len(rest), _PER_ENDPOINT)
    if odd:
        raise ValueError("a record with a part of an endpoint")
    pieces = text.split(",") if count > 1 else [text]
    endpoints: list[EndpointValues] = []
    for place in range(count):
        uri, timeout_ms, media, typed = rest[place * _PER_ENDPOINT : (place + 1) * _PER_ENDPOINT]
        typed = typed[1:] if typed else pieces[place].strip(SPACE)
        endpoints.append(
            (
                uri or _uri(typed),
                int(timeout_ms) if timeout_ms else None,
                media or MediaProtection.RTP.value,
                typed,
            )
        )
    return Values(
        account,
        float(ring_timeout_s) if ring_timeout_s else None,
        text,
        tuple(warnings.split(_GROUP)[:-1]),
        endpoints,
    )


def unpack(e164: str, record: str) -> Number:
    """The number whose record this is."""
    account, ring_timeout_s, text, warnings, values = values_of(record)
    endpoints = tuple(
        Endpoint(SipUri.parse(uri), timeout_ms, MediaProtection(media), typed)
        for uri, timeout_ms, media, typed in values
    )
    return Number(e164, account, ForwardingList(endpoints, warnings, text), ring_timeout_s)


def _uri(typed: str) -> str:
    """The URI that an entry without parameters of ours is."""
    return typed if typed.startswith(("sip:", "sips:")) else f"sip:{typed}"


def account_of(record: str) -> str:
    """The key of the account that the number belongs to."""
    return record.partition(UNIT)[0]


def server_of(uri: SipUri) -> str:
    """Whom to ask whether the server is there: the URI without its user and headers."""
    return str(uri.without("user", "headers"))


def servers_of(number: Number) -> tuple[str, ...]:
    """The servers that its endpoints lead to, each once."""
    return tuple(dict.fromkeys(server_of(endpoint.uri) for endpoint in number.forwarding.endpoints))


class Checker:
    """Tells rows of the usual shape, which need no parsing. Remembers the servers and accounts that it saw:
    for one reading of all rows.
    """

    __slots__ = ("_accounts", "_servers")

    def __init__(self) -> None:
        self._accounts: set[str] = set()
        self._servers: dict[str, str] = {}

    def servers(
        self, e164: str, account: str, ring_timeout_s: float | None, endpoints: Iterable[EndpointValues]
    ) -> Sequence[str] | None:
        """The servers (`servers_of`) of a number with these values, which are then right; None: only building
        the `Number` can tell.
        """
        if not (e164.isascii() and e164.isdigit() and MIN_DIGITS <= len(e164) <= MAX_DIGITS):
            return None
        if e164[0] == "0" or not self._is_account(account):
            return None
        if ring_timeout_s is not None and not MIN_RING_TIMEOUT_S <= ring_timeout_s <= MAX_RING_TIMEOUT_S:
            return None
        servers: list[str] = []
        for uri, timeout_ms, media, _ in endpoints:
            plain = _PLAIN(uri)
            server = None if plain is None else self._server(plain[1] + uri[plain.end() :])
            if server is None or media not in _MEDIA or not isinstance(timeout_ms, int | None):
                return None
            if server not in servers:
                servers.append(server)
        return servers

    def _is_account(self, key: str) -> bool:
        if key in self._accounts:
            return True
        try:
            check_key(key)
        except DirectoryError:
            return False
        self._accounts.add(key)
        return True

    def _server(self, text: str) -> str | None:
        server = self._servers.get(text)
        if server is None and "@" not in text:
            try:
                server = self._servers[text] = server_of(SipUri.parse(text))
            except SipSyntaxError:
                return None
        return server
