"""How SQLite would go about what a piece of code asks."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from trunkline.store.database import Database


def explained(database: Database, asking: Callable[[], object]) -> str:
    """The plans of every SELECT that `asking` sends, one step a line."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        asking()
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    lines = []
    with database.read() as connection:
        for statement, parameters in asked:
            if statement.startswith("SELECT"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                lines += [str(row[3]) for row in plan]
    return "\n".join(lines)
