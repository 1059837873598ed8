"""The directory: every account, number, carrier and route, in memory, for the call path to read.

Numbers may be a million: they are kept as records (`number_table`), and made when asked for.

`store` fills it with `replace_all` and keeps it current with `apply`; nothing here knows of a database.
Reading never blocks and never fails: an entity is there or it isn't. References between entities are not
enforced (a route may name a carrier that was just removed); whoever follows one treats a missing target as
absent.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.number import Number
from trunkline.trunk.number_record import account_of
from trunkline.trunk.number_table import NumberTable
from trunkline.trunk.routes import Route, RouteTable

Entity = Account | Number | Carrier | Route

_CACHED_SOURCES = 4096
_CACHED_NUMBERS = 4096
"""Some 8 MB."""


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
    numbers: NumberTable = field(default_factory=NumberTable)
    """The directory that takes the snapshot goes on to change this table."""
    carriers: tuple[Carrier, ...] = ()
    routes: tuple[Route, ...] = ()


class Directory:
    """The entities by their keys, and the indexes that the call path needs."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._accounts: dict[str, Account] = {}
        self._numbers = NumberTable()
        self._read: OrderedDict[str, Number] = OrderedDict()
        """The last numbers that were asked for."""
        self._carriers: dict[str, Carrier] = {}
        self._routes: dict[str, Route] = {}
        self._sources = _SourceIndex(())
        self._route_table = RouteTable()
        self._inbound_accounts: dict[str, Carrier] = {}
        self.replace_all(snapshot or Snapshot())

    def replace_all(self, snapshot: Snapshot) -> None:
        """Forget everything and take `snapshot` instead."""
        self._accounts = {item.key: item for item in snapshot.accounts}
        self._numbers = snapshot.numbers
        self._read.clear()
        self._carriers = {item.name: item for item in snapshot.carriers}
        self._routes = {item.prefix: item for item in snapshot.routes}
        self._index_carriers()
        self._index_routes()

    def apply(self, change: Change) -> Number | None:
        """Take over one change; the number that it replaced or removed."""
        if isinstance(change, Put):
            return self._put(change.entity)
        return self._remove(change)

    def _put(self, entity: Entity) -> Number | None:
        match entity:
            case Account():
                self._accounts[entity.key] = entity
            case Number():
                self._read.pop(entity.e164, None)
                return self._numbers.put(entity)
            case Carrier():
                self._carriers[entity.name] = entity
                self._index_carriers()
            case Route():
                self._routes[entity.prefix] = entity
                self._index_routes()
        return None

    def _remove(self, change: Remove) -> Number | None:
        match change.kind:
            case Kind.ACCOUNT:
                self._accounts.pop(change.key, None)
            case Kind.NUMBER:
                self._read.pop(change.key, None)
                return self._numbers.remove(change.key)
            case Kind.CARRIER:
                self._carriers.pop(change.key, None)
                self._index_carriers()
            case Kind.ROUTE:
                self._routes.pop(change.key, None)
                self._index_routes()
        return None

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
        number = self._read.get(e164)
        if number is None:
            number = self._numbers.number(e164)
            if number is not None:
                if len(self._read) >= _CACHED_NUMBERS:
                    self._read.popitem(last=False)
                self._read[e164] = number
        return number

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
        record = self._numbers.record(e164)
        return record is not None and account_of(record) == account

    def accounts(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    @property
    def numbers(self) -> NumberTable:
        """To read: how many there are, and which servers they lead to."""
        return self._numbers

    def carriers(self) -> Iterator[Carrier]:
        return iter(self._carriers.values())

    def routes(self) -> Iterator[Route]:
        return iter(self._routes.values())


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
