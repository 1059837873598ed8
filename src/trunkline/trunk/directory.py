"""The directory: every account, number, carrier and route, in memory, for the call path to read.

`store` fills it with `replace_all` and keeps it current with `apply`; nothing here knows of a database.
Reading never blocks and never fails: an entity is there or it isn't. References between entities are not
enforced (a route may name a carrier that was just removed); whoever follows one treats a missing target as
absent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteTable

Entity = Account | Number | Carrier | Route

_CACHED_SOURCES = 4096


class Kind(StrEnum):
    """What a change is about."""

    ACCOUNT = "account"
    NUMBER = "number"
    CARRIER = "carrier"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class Put:
    """An entity that is new or has changed; it replaces one of the same key, number, name or prefix."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Remove:
    """An entity that is gone; removing an unknown one changes nothing."""

    kind: Kind
    key: str
    """The account's key, the number's digits, the carrier's name or the route's prefix."""


Change = Put | Remove


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it, as it stood at one moment."""

    accounts: tuple[Account, ...] = ()
    numbers: tuple[Number, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    routes: tuple[Route, ...] = ()


class Directory:
    """The entities by their keys, and the indexes that the call path needs."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._accounts: dict[str, Account] = {}
        self._numbers: dict[str, Number] = {}
        self._carriers: dict[str, Carrier] = {}
        self._routes: dict[str, Route] = {}
        self._sources = _SourceIndex(())
        self._route_table = RouteTable()
        self._inbound_accounts: dict[str, Carrier] = {}
        self.replace_all(snapshot or Snapshot())

    def replace_all(self, snapshot: Snapshot) -> None:
        """Forget everything and take `snapshot` instead."""
        self._accounts = {item.key: item for item in snapshot.accounts}
        self._numbers = {item.e164: item for item in snapshot.numbers}
        self._carriers = {item.name: item for item in snapshot.carriers}
        self._routes = {item.prefix: item for item in snapshot.routes}
        self._index_carriers()
        self._index_routes()

    def apply(self, change: Change) -> None:
        """Take over one change."""
        if isinstance(change, Put):
            self._put(change.entity)
        else:
            self._remove(change)

    def _put(self, entity: Entity) -> None:
        match entity:
            case Account():
                self._accounts[entity.key] = entity
            case Number():
                self._numbers[entity.e164] = entity
            case Carrier():
                self._carriers[entity.name] = entity
                self._index_carriers()
            case Route():
                self._routes[entity.prefix] = entity
                self._index_routes()

    def _remove(self, change: Remove) -> None:
        match change.kind:
            case Kind.ACCOUNT:
                self._accounts.pop(change.key, None)
            case Kind.NUMBER:
                self._numbers.pop(change.key, None)
            case Kind.CARRIER:
                self._carriers.pop(change.key, None)
                self._index_carriers()
            case Kind.ROUTE:
                self._routes.pop(change.key, None)
                self._index_routes()

    def _index_carriers(self) -> None:
        enabled = [carrier for carrier in self._carriers.values() if carrier.enabled]
        self._sources = _SourceIndex(enabled)
        self._inbound_accounts = {
            carrier.inbound_account: carrier for carrier in enabled if carrier.inbound_account is not None
        }

    def _index_routes(self) -> None:
        self._route_table = RouteTable(self._routes.values())

    def account(self, key: str) -> Account | None:
        """The account with this digest username."""
        return self._accounts.get(key)

    def number(self, e164: str) -> Number | None:
        """The number with these digits."""
        return self._numbers.get(e164)

    def carrier(self, name: str) -> Carrier | None:
        """The carrier of this name, enabled or not."""
        return self._carriers.get(name)

    def route_for(self, e164: str) -> Route | None:
        """The route with the longest prefix of these digits."""
        return self._route_table.find(e164)

    def carrier_by_source(self, host: str) -> Carrier | None:
        """The enabled carrier whose calls come from the IP address `host` (IPv6 without brackets).

        The narrowest of several matching ranges decides. Whatever isn't an address has no carrier.
        """
        return self._sources.find(host)

    def carrier_by_inbound_account(self, key: str) -> Carrier | None:
        """The enabled carrier that authenticates its calls with this digest username."""
        return self._inbound_accounts.get(key)

    def owns(self, account: str, e164: str) -> bool:
        """Whether the number belongs to the account."""
        number = self._numbers.get(e164)
        return number is not None and number.account == account

    def numbers_of(self, account: str) -> list[Number]:
        """The account's numbers, in order. Linear in all numbers: for displays, not for calls."""
        return sorted(
            (item for item in self._numbers.values() if item.account == account), key=lambda n: n.e164
        )

    def accounts(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def numbers(self) -> Iterator[Number]:
        return iter(self._numbers.values())

    def carriers(self) -> Iterator[Carrier]:
        return iter(self._carriers.values())

    def routes(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def snapshot(self) -> Snapshot:
        """All of it, sorted by key, as a value."""
        return Snapshot(
            tuple(sorted(self._accounts.values(), key=lambda item: item.key)),
            tuple(sorted(self._numbers.values(), key=lambda item: item.e164)),
            tuple(sorted(self._carriers.values(), key=lambda item: item.name)),
            tuple(sorted(self._routes.values(), key=lambda item: item.prefix)),
        )


class _SourceIndex:
    """CIDR ranges of carriers: for each prefix length in use, narrowest first, a dictionary of network
    numbers.

    Answers are remembered for up to `_CACHED_SOURCES` addresses; a flood from more addresses than that costs
    the remembered ones, not memory.
    """

    __slots__ = ("_cache", "_ipv4", "_ipv6")

    def __init__(self, carriers: Iterable[Carrier]) -> None:
        ipv4: dict[int, dict[int, Carrier]] = {}
        ipv6: dict[int, dict[int, Carrier]] = {}
        for carrier in carriers:
            for network in carrier.sources:
                lengths = ipv4 if network.version == 4 else ipv6
                shift = network.max_prefixlen - network.prefixlen
                lengths.setdefault(shift, {}).setdefault(int(network.network_address) >> shift, carrier)
        self._ipv4 = sorted(ipv4.items())
        self._ipv6 = sorted(ipv6.items())
        self._cache: dict[str, Carrier | None] = {}

    def find(self, host: str) -> Carrier | None:
        cache = self._cache
        try:
            return cache[host]
        except KeyError:
            pass
        try:
            address = ip_address(host)
        except ValueError:
            return None
        carrier = self._search(address)
        if len(cache) >= _CACHED_SOURCES:
            cache.clear()
        cache[host] = carrier
        return carrier

    def _search(self, address: IPv4Address | IPv6Address) -> Carrier | None:
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        value = int(address)
        for shift, networks in self._ipv4 if address.version == 4 else self._ipv6:
            carrier = networks.get(value >> shift)
            if carrier is not None:
                return carrier
        return None
