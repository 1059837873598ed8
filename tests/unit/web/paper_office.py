"""An office over an empty database, with nobody at the other end of the control socket, and people who stand
before its desks."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trunkline.config import Settings
from trunkline.store.audit import Via
from trunkline.store.database import Database
from trunkline.store.keys import Keyring
from trunkline.store.migrate import upgrade
from trunkline.store.store import Store
from trunkline.store.users import Role
from trunkline.web.desk import Desk
from trunkline.web.node_line import NodeLine
from trunkline.web.office import Office
from trunkline.web.principal import Principal

REALM = "sip.example.net"


def empty_database(directory: Path) -> Path:
    """A database file with the schema and nothing else."""
    path = directory / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@contextmanager
def paper_office(directory: Path, empty: Path, **settings: object) -> Iterator[Office]:
    """`settings` are those of the section `web`."""
    file = directory / "trunkline.db"
    shutil.copy(empty, file)
    store = Store(Database(f"sqlite:///{file}"), Keyring.create(directory / "secret.key"), REALM)
    made = Settings.model_validate(
        {"service": {"domain": REALM}, "node": {"data_dir": str(directory)}, "web": settings}
    )
    office = Office(made, store, NodeLine(directory / "nobody.sock"))
    try:
        yield office
    finally:
        office.close()


def operator(office: Office) -> Desk:
    """The desk of somebody who may do everything."""
    return office.desk(Principal("root", Role.OPERATOR, None, Via.API, "192.0.2.1"))


def customer(office: Office, account: str) -> Desk:
    """The desk of an account."""
    return office.desk(Principal(account, Role.CUSTOMER, account, Via.API, "192.0.2.2"))
