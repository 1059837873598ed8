"""Everything at rest behind one door: what `trunkline init` sets up and every other command opens."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from trunkline.store import schema
from trunkline.store.accounts import Accounts
from trunkline.store.alarms import Alarms
from trunkline.store.answers import Answers
from trunkline.store.audit import SERVICE, Audit, Author, Trail
from trunkline.store.bans import Bans
from trunkline.store.calls import Calls
from trunkline.store.carriers import Carriers
from trunkline.store.credit import Credit
from trunkline.store.database import Database
from trunkline.store.errors import KeyFileError
from trunkline.store.figures import CallFigures
from trunkline.store.keys import Keyring
from trunkline.store.migrate import check_schema, upgrade
from trunkline.store.nodes import Nodes, Standing
from trunkline.store.numbers import Numbers
from trunkline.store.routes import Routes
from trunkline.store.sessions import Sessions
from trunkline.store.stock import Stock
from trunkline.store.users import Users
from trunkline.store.webhook_queue import WebhookQueue
from trunkline.store.webhook_sources import WebhookSources
from trunkline.store.webhooks import Webhooks

_SECRET: Final = "secret "  # noqa: S105 - the beginning of a name
"""What the names of shared secrets begin with in `meta`."""


class Sealed(NamedTuple):
    """Whose secrets were encrypted with a key file."""

    carriers: Sequence[str]
    webhooks: Sequence[str]


class Store:
    """The repositories over one database. Safe to share between threads; blocks."""

    def __init__(self, database: Database, keyring: Keyring, realm: str, author: Author = SERVICE) -> None:
        """`realm` is the service domain, which accounts' secrets are hashed with; `author` is who makes the
        changes, for the audit trail."""
        self.database = database
        self.keyring = keyring
        self.realm = realm
        trail = Trail(author)
        self.accounts = Accounts(database, realm, trail=trail)
        self.numbers = Numbers(database, trail=trail)
        self.stock = Stock(database, trail=trail)
        self.credit = Credit(database, trail=trail)
        self.carriers = Carriers(database, keyring, trail=trail)
        self.routes = Routes(database, trail=trail)
        self.bans = Bans(database, trail=trail)
        self.nodes = Nodes(database, trail=trail)
        self.alarms = Alarms(database)
        self.calls = Calls(database)
        self.figures = CallFigures(database)
        self.users = Users(database, trail=trail)
        self.sessions = Sessions(database, trail=trail)
        self.webhooks = Webhooks(database, keyring, trail=trail)
        self.webhook_queue = WebhookQueue(database)
        self.webhook_sources = WebhookSources(database)
        self.audit = Audit(database)
        self.answers = Answers(database, keyring)
        self.trail = trail

    def by(self, author: Author) -> "Store":
        """The same data, with `author` as the one who changes it."""
        return Store(self.database, self.keyring, self.realm, author)

    @classmethod
    def initialise(cls, url: str, key_file: Path, realm: str) -> Self:
        """Make the key file unless there is one, create or upgrade the schema, and open it. Harmless to
        repeat.

        Raises `KeyFileError`, also when another installation's key file is needed, `DatabaseError`,
        `SchemaError`.
        """
        upgrade(url)
        database = Database(url)
        try:
            if not key_file.exists():
                if _has_secrets(database):
                    raise KeyFileError(
                        f"database {database.name} holds an installation already: "
                        f"copy the key file of another node of it to {key_file} first"
                    )
                Keyring.create(key_file)
            store = cls(database, Keyring.load(key_file), realm)
            store.check_key()
        except Exception:
            database.close()
            raise
        return store

    @classmethod
    def open(cls, url: str, key_file: Path, realm: str) -> Self:
        """Raises `KeyFileError`, `DatabaseError`, and `SchemaError` when the schema is not this program's."""
        keyring = Keyring.load(key_file)
        database = Database(url)
        try:
            check_schema(database)
        except Exception:
            database.close()
            raise
        return cls(database, keyring, realm)

    @staticmethod
    def renew_key(url: str, key_file: Path) -> Sealed:
        """Make a key file in place of one that is lost; return whose secrets were sealed with that.

        Raises `KeyFileError` when there is one, also at a node that runs, `DatabaseError`, `SchemaError`.
        """
        database = Database(url)
        try:
            check_schema(database)
            for node in Nodes(database).list():
                if node.standing not in (Standing.LOST, Standing.STOPPED):
                    raise KeyFileError(
                        f"node {node.name} runs on this database and has its key: copy secret.key from there"
                    )
            with database.write() as connection:
                connection.execute(schema.meta.delete().where(schema.meta.c.name.startswith(_SECRET)))
                connection.execute(schema.answer.delete())
                carrier, webhook = schema.carrier.c, schema.webhook.c
                sealed = Sealed(
                    list(connection.execute(sa.select(carrier.name).where(carrier.secret != "")).scalars()),
                    list(connection.execute(sa.select(webhook.id)).scalars()),
                )
                Keyring.create(key_file)
            return sealed
        finally:
            database.close()

    def check_key(self) -> None:
        """Raises `KeyFileError` unless the key file is the one that this database's secrets were encrypted
        with, `DatabaseError`."""
        self.shared_secret("key check")

    def check_writable(self) -> None:
        """Raises `DatabaseError` unless the database can be written. Changes nothing."""
        with self.database.write() as connection:
            connection.execute(schema.meta.delete().where(sa.false()))

    def shared_secret(self, name: str) -> bytes:
        """32 random bytes under `name`, made when first asked for, the same for every node on this database.

        Raises `DatabaseError`, and `KeyFileError` when they were made with another key file.
        """
        table = schema.meta
        row = f"{_SECRET}{name}"
        wanted = sa.select(table.c.value).where(table.c.name == row)
        with self.database.read() as connection:
            token = connection.execute(wanted).scalar()
        if token is None:
            made = self.keyring.encrypt(secrets.token_hex(32))
            try:
                with self.database.write() as connection:
                    connection.execute(table.insert().values(name=row, value=made))
            except IntegrityError:
                pass
            with self.database.read() as connection:
                token = connection.execute(wanted).scalar_one()
        try:
            return bytes.fromhex(self.keyring.decrypt(token, name))
        except KeyFileError as error:
            raise KeyFileError(
                f"{self.keyring.path} is not the key file of this database: all nodes on it have the same; "
                "copy secret.key from the data_dir of the node that made it"
            ) from error

    def close(self) -> None:
        """Close the database connections."""
        self.database.close()


def _has_secrets(database: Database) -> bool:
    table = schema.meta
    with database.read() as connection:
        found = connection.execute(sa.select(table.c.name).where(table.c.name.startswith(_SECRET)).limit(1))
        return found.first() is not None
