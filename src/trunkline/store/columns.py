"""What all tables are made of: the metadata with its naming convention, and the kinds of columns."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

METADATA: Final = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
SERIAL: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite numbers rows by itself only when the column's type is exactly INTEGER."""
MOMENT: Final = sa.Double
"""Wall-clock seconds since the epoch."""


def column(name: str, kind: type[TypeEngine[Any]]) -> sa.Column[Any]:
    """A column that always holds a value."""
    return sa.Column(name, kind, nullable=False)


def optional(name: str, kind: type[TypeEngine[Any]]) -> sa.Column[Any]:
    """A column that may be NULL."""
    return sa.Column(name, kind, nullable=True)
