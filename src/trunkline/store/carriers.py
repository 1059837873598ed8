"""Carriers at rest, with their gateways. A carrier's secret is encrypted with the key file (`keys`)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trunkline.sip.uri import SipUri
from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError, InUseError
from trunkline.store.keys import Keyring
from trunkline.store.loading import Listed, check_exists, load_carriers, load_groups, page_of_keys
from trunkline.store.rows import Row, carrier_from, carrier_values, gateway_values
from trunkline.trunk.bounds import check_bounds
from trunkline.trunk.carrier import Carrier, CarrierCredentials, Gateway, GatewayTransport, Network, Rewrite
from trunkline.trunk.directory import Kind
from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy


class CarrierChanges(TypedDict, total=False):
    """The fields of `Carrier` that can be changed; those left out stay."""

    gateways: tuple[Gateway, ...]
    enabled: bool
    called_rules: tuple[Rewrite, ...]
    caller_rules: tuple[Rewrite, ...]
    inbound_called_rules: tuple[Rewrite, ...]
    inbound_caller_rules: tuple[Rewrite, ...]
    credentials: CarrierCredentials | None
    register: bool
    codecs: tuple[str, ...]
    transcoding: bool
    srtp: SrtpPolicy
    dtmf: DtmfMode
    transport: GatewayTransport
    verify_tls: bool
    sources: tuple[Network, ...]
    inbound_account: str | None
    pings: bool
    ping_interval_s: float | None
    response_timeout_ms: int | None
    ring_timeout_s: float | None
    from_host: str | None
    trusted: bool


Guard = Callable[[Carrier], object]
"""Looks at a carrier inside the transaction that is about to change it, and raises to stop that."""


class Carriers:
    """The carriers of `database`, whose secrets `keyring` opens."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        wall: Callable[[], float] = time.time,
        trail: Trail | None = None,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._wall = wall
        self._trail = trail or Trail(wall=wall)

    def add(self, carrier: Carrier) -> None:
        """Raises `AlreadyExistsError`, `DirectoryError` beyond the bounds, and `NotFoundError` when its
        inbound account does not exist."""
        check_bounds(carrier)
        now = self._wall()
        with self._database.write() as connection:
            _check_inbound_account(connection, carrier)
            values = carrier_values(carrier, self._keyring)
            try:
                connection.execute(schema.carrier.insert().values(created_at=now, **values))
            except IntegrityError:
                raise AlreadyExistsError(
                    "carrier", carrier.name, f"trunkline carrier show {carrier.name} shows it"
                ) from None
            _write_gateways(connection, carrier)
            after = _shown(values, gateway_values(carrier))
            self._trail.changed(connection, Kind.CARRIER, carrier.name, "add", after=after)

    def list(self) -> Sequence[Carrier]:
        """All carriers, by name. Raises `KeyFileError` when a secret needs another key file."""
        with self._database.read() as connection:
            return load_carriers(connection, self._keyring)

    def page(self, *, after: str = "", limit: int = 50) -> Listed[Carrier]:
        """Up to `limit` (1 to 1000) carriers behind the name `after`. Raises as `list` does."""
        with self._database.read() as connection:
            found = page_of_keys(connection, Kind.CARRIER, [], after, limit)
            return Listed(load_carriers(connection, self._keyring, found.keys), found.more)

    def gateway_uris(self) -> Sequence[SipUri]:
        """Of all carriers; no secret is read."""
        with self._database.read() as connection:
            return [
                SipUri.parse(text) for text in connection.execute(sa.select(schema.gateway.c.uri)).scalars()
            ]

    def get(self, name: str) -> Carrier:
        """Raises `NotFoundError`, `KeyFileError`."""
        with self._database.read() as connection:
            check_exists(connection, Kind.CARRIER, name)
            return load_carriers(connection, self._keyring, [name])[0]

    def update(self, name: str, *, guard: Guard | None = None, **changes: Unpack[CarrierChanges]) -> Carrier:
        """Change some fields and return the carrier as it is now.

        Raises `NotFoundError`, `DirectoryError`; `KeyFileError` unless new credentials replace those that
        can't be read.
        """
        with self._database.write() as connection:
            check_exists(connection, Kind.CARRIER, name)
            [(row, gateways)] = load_groups(connection, Kind.CARRIER, [name])
            shown = _shown(row, gateways, replaced="credentials" in changes)
            if guard is not None:
                guard(carrier_from(row, gateways, self._keyring))
            if "credentials" in changes:
                changes.setdefault("register", row["register"])
                row = {**row, "user": None, "secret": None, "register": False}
            before = carrier_from(row, gateways, self._keyring)
            carrier = replace(before, **changes)
            check_bounds(carrier, before)
            _check_inbound_account(connection, carrier)
            values = carrier_values(carrier, self._keyring)
            connection.execute(schema.carrier.update().where(schema.carrier.c.name == name).values(**values))
            connection.execute(schema.gateway.delete().where(schema.gateway.c.carrier == name))
            _write_gateways(connection, carrier)
            after = _shown(values, gateway_values(carrier))
            self._trail.changed(connection, Kind.CARRIER, name, "change", before=shown, after=after)
        return carrier

    def remove(self, name: str, *, guard: Guard | None = None) -> None:
        """Raises `NotFoundError`, `InUseError` while a route names it, and whatever `guard` does."""
        with self._database.write() as connection:
            check_exists(connection, Kind.CARRIER, name)
            [(row, gateways)] = load_groups(connection, Kind.CARRIER, [name])
            if guard is not None:
                guard(carrier_from(row, gateways, self._keyring))
            shown = _shown(row, gateways)
            try:
                connection.execute(schema.carrier.delete().where(schema.carrier.c.name == name))
            except IntegrityError:
                raise InUseError(
                    f"carrier {name!r} is still in a route; trunkline route list shows them"
                ) from None
            self._trail.changed(connection, Kind.CARRIER, name, "remove", before=shown)


def _shown(row: Row, gateways: Sequence[Row], *, replaced: bool = False) -> dict[str, Any]:
    """A carrier's row for the audit trail: with its gateways, without the secret; `replaced`: that another
    one follows.
    """
    kept = {name: value for name, value in row.items() if name != "created_at"}
    if row["secret"] is not None:
        kept["secret"] = "replaced" if replaced else "***"
    kept["gateways"] = [{name: item[name] for name in ("uri", "priority", "weight")} for item in gateways]
    return kept


def _write_gateways(connection: Connection, carrier: Carrier) -> None:
    values = gateway_values(carrier)
    if values:
        connection.execute(schema.gateway.insert(), values)


def _check_inbound_account(connection: Connection, carrier: Carrier) -> None:
    if carrier.inbound_account is not None:
        check_exists(connection, Kind.ACCOUNT, carrier.inbound_account)
