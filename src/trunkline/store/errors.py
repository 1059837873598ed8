"""What the store refuses, said so that the reader knows what to do next.

The tree::

    StoreError
    ├── NotFoundError             names a thing that does not exist
    ├── AlreadyExistsError        names a thing that does
    ├── InUseError                can't be removed while something else needs it
    ├── NotForSaleError           a number that can't be bought
    ├── CreditError               an account that can't pay
    ├── NameTakenError            another node that runs has this node's name
    ├── DatabaseError             the database can't be reached, read or written
    │   └── SchemaError           … because its schema is not this program's
    └── KeyFileError              the key of stored secrets is missing, exposed or another one
"""

from trunkline.errors import StoreError
from trunkline.trunk.routes import ALL

__all__ = [
    "AlreadyExistsError",
    "CreditError",
    "DatabaseError",
    "InUseError",
    "KeyFileError",
    "NameTakenError",
    "NotForSaleError",
    "NotFoundError",
    "SchemaError",
    "StoreError",
]


def _thing(kind: str, key: str) -> str:
    """A kind and what somebody typed as the key; the route of every prefix has an empty one."""
    return f"{kind} {ALL if kind == 'route' and not key else key[:80]!r}"


class NotFoundError(StoreError):
    """`kind` (account, number, carrier, …) `key` does not exist."""

    def __init__(self, kind: str, key: str, hint: str = "") -> None:
        self.fact = f"{_thing(kind, key)} does not exist"
        """Without the hint, which is for the command line."""
        super().__init__(self.fact + (f"; {hint}" if hint else ""))
        self.kind = kind
        self.key = key


class AlreadyExistsError(StoreError):
    """`kind` `key` exists already."""

    def __init__(self, kind: str, key: str, hint: str = "") -> None:
        self.fact = f"{_thing(kind, key)} exists already"
        """Without the hint, which is for the command line."""
        super().__init__(self.fact + (f"; {hint}" if hint else ""))
        self.kind = kind
        self.key = key


class InUseError(StoreError):
    """Removing it would leave something else pointing nowhere."""


class NotForSaleError(StoreError):
    """The number is not in stock, or somebody has it already: doesn't say which."""

    def __init__(self, e164: str) -> None:
        super().__init__(f"number {e164} is not for sale")


class CreditError(StoreError):
    """The account's credit doesn't cover the price."""


class NameTakenError(StoreError):
    """Another node that runs has this node's name."""


class DatabaseError(StoreError):
    """The database can't be reached, read or written."""


class SchemaError(DatabaseError):
    """The database's schema is older or newer than this program's."""


class KeyFileError(StoreError):
    """The key file is missing, readable by others, malformed, or not the one that a secret was encrypted
    with."""
