"""How a database would go about what a piece of code asks."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from trunkline.store.database import Database


def explained(database: Database, asking: Callable[[], object]) -> str:
    """The plans of every SELECT that `asking` sends, one step a line. PostgreSQL is told that reading whole
    tables and sorting are dear: in the tests' small tables they aren't.
    """
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
                if database.dialect == "sqlite":
                    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                    lines += [str(row[3]) for row in plan]
                else:
                    for dear in ("seqscan", "sort", "bitmapscan"):
                        connection.exec_driver_sql(f"SET LOCAL enable_{dear} = off")
                    plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                    lines += [str(row[0]) for row in plan]
    return "\n".join(lines)
