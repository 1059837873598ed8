"""Rows that may be there already."""

from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.store.upsert import insert_once, upsert

ONE = {"name": "a"}


def values(database: Database) -> dict[str, str]:
    with database.read() as connection:
        return {row.name: row.value for row in connection.execute(schema.meta.select())}


def test_inserting_once_keeps_the_first(database: Database) -> None:
    with database.write() as connection:
        assert insert_once(connection, schema.meta, ONE, {"value": "1"})
        assert not insert_once(connection, schema.meta, ONE, {"value": "2"})
    assert values(database) == {"a": "1"}


def test_an_upsert_keeps_the_last(database: Database) -> None:
    with database.write() as connection:
        upsert(connection, schema.meta, ONE, {"value": "1"})
        upsert(connection, schema.meta, ONE, {"value": "2"})
        upsert(connection, schema.meta, {"name": "b"}, {"value": "3"})
    assert values(database) == {"a": "2", "b": "3"}
