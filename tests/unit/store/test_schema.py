"""The tables."""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from trunkline.store import schema


@pytest.mark.parametrize("table", schema.METADATA.sorted_tables, ids=lambda table: str(table.name))
def test_postgresql_takes_every_table(table: sa.Table) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    text = str(CreateTable(table).compile(dialect=dialect))
    assert "CREATE TABLE" in text
    for index in table.indexes:
        assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))


def test_numbers_of_rows_fit_in_64_bits_on_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert "sequence BIGSERIAL" in str(CreateTable(schema.change).compile(dialect=dialect))


def test_moments_keep_their_microseconds() -> None:
    """REAL of PostgreSQL would keep seconds of 2026 to the minute."""
    for table in schema.METADATA.sorted_tables:
        for column in table.columns:
            if column.name.endswith("_at"):
                assert isinstance(column.type, sa.Double), column


def test_no_secret_has_a_column_in_plain() -> None:
    """Credentials hold hashes; a carrier's `secret` and a webhook's are encrypted by `keys`."""
    columns = {str(column) for table in schema.METADATA.sorted_tables for column in table.columns}
    assert {name for name in columns if "secret" in name or "password" in name} == {
        "carrier.secret",
        "web_user.password_hash",
        "webhook.secret",
    }
