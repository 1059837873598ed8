"""Accounts at rest. Their secrets are stored as HA1 over the service domain (RFC 7616 §3.4.2, RFC 8760) and
can't be read back: a secret is shown once, when it is made.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trunkline.sip.digest import Algorithm, ha1
from trunkline.store import schema
from trunkline.store.answers import forget_answers, owner_of
from trunkline.store.audit import Trail
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError, InUseError, NotFoundError, StoreError
from trunkline.store.loading import check_exists, load_accounts, page_of_keys
from trunkline.store.rows import account_values
from trunkline.store.sessions import SessionKind
from trunkline.trunk.account import Account, AccountStatus, AlarmAction, CallerIdPolicy, Ringback
from trunkline.trunk.bounds import check_bounds
from trunkline.trunk.directory import Kind
from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy

DEFAULT_OVERLAP_S = 86400.0
"""How long an old secret still works after a new one was made."""
MIN_SECRET_LENGTH = 8
MAX_SECRETS: Final = 10
"""Of one account at a time, those that are running out included."""

Guard = Callable[[Account], object]
"""Looks at an account inside the transaction that is about to change it, and raises to stop that."""


class StoredSecret(NamedTuple):
    """What can be told of a secret: never the secret."""

    id: int
    created_at: float
    expires_at: float | None


class AccountPage(NamedTuple):
    """Some accounts by key, and whether more follow: then the last one's key is where to go on."""

    accounts: Sequence[Account]
    more: bool


class AccountChanges(TypedDict, total=False):
    """The fields of `Account` that can be changed; those left out stay."""

    name: str
    status: AccountStatus
    caller_id_policy: CallerIdPolicy
    caller_id_number: str | None
    max_concurrent: int | None
    max_inbound: int | None
    max_per_second: int | None
    minutes_per_day: int | None
    cost_per_day: float | None
    allowed_prefixes: tuple[str, ...]
    denied_prefixes: tuple[str, ...]
    codecs: tuple[str, ...]
    transcoding: bool
    srtp: SrtpPolicy
    dtmf: DtmfMode
    refer_enabled: bool
    alarm: AlarmAction
    ringback: Ringback
    announcements: bool


def new_key() -> str:
    """A random account key: eight hexadecimal digits."""
    return secrets.token_hex(4)


def new_secret() -> str:
    """A random secret of 16 letters and digits (95 bits), easy to copy into a PBX."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(16))


class Accounts:
    """The accounts of `database`, whose digest realm is `realm`."""

    def __init__(
        self,
        database: Database,
        realm: str,
        wall: Callable[[], float] = time.time,
        trail: Trail | None = None,
    ) -> None:
        self._database = database
        self._realm = realm
        self._wall = wall
        self._trail = trail or Trail(wall=wall)

    def add(self, account: Account, secret: str | None = None) -> str:
        """Store `account` (its `credentials` are not looked at) and return its secret, made unless given.

        Raises `AlreadyExistsError`, `DirectoryError` beyond the bounds, and `StoreError` for a secret that is
        too short.
        """
        check_bounds(account)
        secret = new_secret() if secret is None else secret
        now = self._wall()
        with self._database.write() as connection:
            try:
                connection.execute(schema.account.insert().values(created_at=now, **account_values(account)))
            except IntegrityError:
                raise AlreadyExistsError(
                    "account", account.key, f"trunkline account show {account.key} shows it"
                ) from None
            self._add_secret(connection, account.key, secret, now)
            forget_answers(connection, owner_of(account.key, user=False))
            self._changed(connection, account.key, "add", after=account_values(account))
        return secret

    def list(self) -> Sequence[Account]:
        """All accounts, by key."""
        with self._database.read() as connection:
            return load_accounts(connection)

    def page(self, search: str = "", *, after: str = "", limit: int = 50) -> AccountPage:
        """Up to `limit` (1 to 1000) accounts behind the key `after`, those with `search` in key or name."""
        table = schema.account.c
        with self._database.read() as connection:
            # PostgreSQL's "C", in which the column sorts, knows the case of ASCII's letters alone.
            name = table.name.collate("default") if connection.dialect.name == "postgresql" else table.name
            match = sa.or_(*(column.icontains(search, autoescape=True) for column in (table.key, name)))
            found = page_of_keys(connection, Kind.ACCOUNT, [match] if search else [], after, limit)
            return AccountPage(load_accounts(connection, found.keys), found.more)

    def get(self, key: str) -> Account:
        """Raises `NotFoundError`."""
        with self._database.read() as connection:
            check_exists(connection, Kind.ACCOUNT, key)
            return load_accounts(connection, [key])[0]

    def created_at(self, key: str) -> float:
        """When it was made: calls and changes before then are of an account that had the same key. Raises
        `NotFoundError`.
        """
        table = schema.account.c
        with self._database.read() as connection:
            check_exists(connection, Kind.ACCOUNT, key)
            return float(connection.execute(sa.select(table.created_at).where(table.key == key)).scalar_one())

    def update(self, key: str, *, guard: Guard | None = None, **changes: Unpack[AccountChanges]) -> Account:
        """Change some fields and return the account as it is now. Raises `NotFoundError`, `DirectoryError`,
        and whatever `guard` does."""
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, key)
            before = load_accounts(connection, [key])[0]
            if guard is not None:
                guard(before)
            account = replace(before, **changes)
            check_bounds(account, before)
            connection.execute(
                schema.account.update().where(schema.account.c.key == key).values(**account_values(account))
            )
            values = account_values(before), account_values(account)
            self._changed(connection, key, "change", *values)
        return account

    def block(self, key: str) -> Account:
        """Refuse its calls with 403 from now on. Raises `NotFoundError`."""
        return self.update(key, status=AccountStatus.BLOCKED)

    def unblock(self, key: str) -> Account:
        """The opposite of `block`. Raises `NotFoundError`."""
        return self.update(key, status=AccountStatus.ACTIVE)

    def rotate_secret(
        self,
        key: str,
        secret: str | None = None,
        *,
        overlap_s: float = DEFAULT_OVERLAP_S,
        keep: str = "",
    ) -> str:
        """Give the account a new secret (made unless given) and return it.

        The old ones work for another `overlap_s`; 0 ends them at once, and the account's tokens. Browsers
        that are signed in with the key end with the old ones. The session `keep` goes on. Raises
        `NotFoundError`, `StoreError`, and `InUseError` when they would be more than `MAX_SECRETS` with it.
        """
        secret = new_secret() if secret is None else secret
        now = self._wall()
        table = schema.credential
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, key)
            connection.execute(
                table.delete().where(table.c.account == key, table.c.expires_at <= now)
                if overlap_s > 0
                else table.delete().where(table.c.account == key)
            )
            connection.execute(
                table.update()
                .where(
                    table.c.account == key,
                    sa.or_(table.c.expires_at.is_(None), table.c.expires_at > now + overlap_s),
                )
                .values(expires_at=now + overlap_s)
            )
            self._check_room(connection, key, MAX_SECRETS)
            self._add_secret(connection, key, secret, now)
            if overlap_s > 0:
                _end_browsers(connection, key, keep, now + overlap_s)
            else:
                _sign_out(connection, key, keep)
            self._changed(connection, key, "rotate-secret", after={"overlap_s": overlap_s})
        return secret

    def secrets(self, key: str) -> Sequence[StoredSecret]:
        """The secrets that work now, oldest first. Raises `NotFoundError`."""
        with self._database.read() as connection:
            check_exists(connection, Kind.ACCOUNT, key)
            return self._secrets(connection, key)

    def add_secret(self, key: str, secret: str, *, most: int = MAX_SECRETS) -> StoredSecret:
        """Give the account another secret beside those it has. Raises `NotFoundError`, `StoreError`, and
        `InUseError` when it has `most` already."""
        now = self._wall()
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, key)
            self._check_room(connection, key, most)
            added = StoredSecret(self._add_secret(connection, key, secret, now), now, None)
            self._changed(connection, key, "add-secret", after={"secret_id": added.id})
        return added

    def revoke_secret(self, key: str, id_: int, *, keep: str = "") -> None:
        """End one secret at once, and what was signed in with the key, but for the session `keep`: nobody
        knows with which secret. Raises `NotFoundError`, and `InUseError` for the last one."""
        table = schema.credential
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, key)
            living = [item.id for item in self._secrets(connection, key)]
            if id_ not in living:
                raise NotFoundError("secret", str(id_))
            if len(living) == 1:
                raise InUseError("an account needs at least one secret; add another one first")
            connection.execute(table.delete().where(table.c.account == key, table.c.id == id_))
            _sign_out(connection, key, keep)
            self._changed(connection, key, "revoke-secret", before={"secret_id": id_})

    def verify(self, key: str, secret: str) -> Account | None:
        """The account whose key and secret these are. An unknown key takes as long as a wrong secret.

        Raises `DirectoryError` for a row that can't be an account.
        """
        given = ha1(key, self._realm, secret, Algorithm.SHA_256)
        with self._database.read() as connection:
            found = load_accounts(connection, [key])
        account = found[0] if found else None
        living = account.living(self._wall()) if account is not None else ()
        right = False
        for stored in (*(one.ha1_sha256 for one in living), "-" * 64):
            right |= hmac.compare_digest(stored, given)
        return account if right else None

    def remove(self, key: str, *, guard: Guard | None = None) -> None:
        """Raises `NotFoundError`, `InUseError` while the account has numbers or a carrier names it, and
        whatever `guard` does.
        """
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, key)
            account = load_accounts(connection, [key])[0]
            if guard is not None:
                guard(account)
            before = account_values(account)
            try:
                connection.execute(schema.account.delete().where(schema.account.c.key == key))
            except IntegrityError:
                raise InUseError(
                    f"account {key!r} still has numbers (trunkline number list {key}), or a carrier names it"
                ) from None
            self._changed(connection, key, "remove", before=before)

    def of_other_realm(self) -> Sequence[str]:
        """The keys of accounts that can't sign in, since all their secrets were made for another service
        domain.
        """
        table = schema.credential.c
        fitting = sa.select(table.account).where(table.realm == self._realm)
        with self._database.read() as connection:
            keys = sa.select(schema.account.c.key).where(schema.account.c.key.not_in(fitting))
            return list(connection.execute(keys.order_by(schema.account.c.key)).scalars())

    def _check_room(self, connection: Connection, key: str, most: int) -> None:
        if len(self._secrets(connection, key)) >= most:
            raise InUseError(f"account {key!r} has {most} secrets already; revoke one first")

    def _secrets(self, connection: Connection, key: str) -> Sequence[StoredSecret]:
        table = schema.credential.c
        rows = connection.execute(
            sa.select(table.id, table.created_at, table.expires_at)
            .where(table.account == key, sa.or_(table.expires_at.is_(None), table.expires_at > self._wall()))
            .order_by(table.id)
        )
        return [StoredSecret(*row) for row in rows]

    def _changed(
        self,
        connection: Connection,
        key: str,
        action: str,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        self._trail.changed(connection, Kind.ACCOUNT, key, action, account=key, before=before, after=after)

    def _add_secret(self, connection: Connection, key: str, secret: str, now: float) -> int:
        if len(secret) < MIN_SECRET_LENGTH:
            raise StoreError(
                f"a secret needs at least {MIN_SECRET_LENGTH} characters; leave it out to have one made"
            )
        result = connection.execute(
            schema.credential.insert().values(
                account=key,
                realm=self._realm,
                ha1_md5=ha1(key, self._realm, secret, Algorithm.MD5),
                ha1_sha256=ha1(key, self._realm, secret, Algorithm.SHA_256),
                created_at=now,
            )
        )
        return int(result.inserted_primary_key[0]) if result.inserted_primary_key else 0


def _sign_out(connection: Connection, key: str, keep: str) -> None:
    """End browsers and tokens that the account has signed in as itself, with key and secret."""
    connection.execute(schema.web_session.delete().where(*_of_the_key(key, keep)))


def _end_browsers(connection: Connection, key: str, keep: str, at: float) -> None:
    """Have the browsers among them end at `at`, at the latest."""
    table = schema.web_session
    later = (table.c.kind == SessionKind.BROWSER.value, table.c.expires_at > at)
    connection.execute(table.update().where(*_of_the_key(key, keep), *later).values(expires_at=at))


def _of_the_key(key: str, keep: str) -> tuple[sa.ColumnElement[bool], ...]:
    table = schema.web_session.c
    return table.account == key, table.user.is_(None), table.token_hash != keep
