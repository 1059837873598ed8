"""Is what the node keeps there, fit to be used, and private?"""

import os
import shutil
import stat
from collections.abc import Sized
from pathlib import Path

from trunkline.cli.checks import Finding, Findings, State
from trunkline.cli.denied import denied
from trunkline.config import Settings
from trunkline.errors import StoreError
from trunkline.store.database import Database
from trunkline.store.errors import KeyFileError
from trunkline.store.server_check import check_server
from trunkline.store.store import Store

_ROOM = 100_000_000
"""Bytes on the disk; with less, the records of calls will soon be in memory alone."""
_RESTORE = "Is it there, and may this user read and write it? If it is damaged, restore it from a backup."


def check_store(settings: Settings) -> Findings:
    """Can the database be used, and by nobody else?"""
    try:
        store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
    except StoreError as error:
        yield _unusable(error)
        return
    try:
        store.check_key()
        store.check_writable()
        if store.database.dialect == "postgresql":
            yield from _server(store.database)
        counts = (_count(store.accounts.list(), "account"), _count(store.carriers.list(), "carrier"))
        yield Finding("database", State.FINE, ", ".join(counts))
        revision = store.nodes.revision()
        for node in store.nodes.list():
            for problem in node.problems(revision):
                yield Finding(f"node {node.name}", State.WARNING, problem, "See docs/edges.md.")
        for key in store.accounts.of_other_realm():
            yield Finding(
                f"account {key}",
                State.FAULT,
                "its secret was made for another service.domain: it can't sign in",
                f"trunkline account rotate-secret {key}",
            )
    except StoreError as error:
        yield _unusable(error)
    finally:
        store.close()
    yield from _private(store.database)
    if stat.S_IMODE(settings.key_file.stat().st_mode) & 0o077:
        yield Finding("key file", State.WARNING, "can be read by others", f"chmod 600 {settings.key_file}")


def _count(things: Sized, what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _private(database: Database) -> Findings:
    """The file of SQLite holds the accounts' HA1, with which calls can be placed."""
    file = Path(database.engine.url.database or "")
    if database.dialect != "sqlite" or not file.is_file():
        return
    if file.stat().st_mode & 0o044 and file.parent.stat().st_mode & 0o011:
        yield Finding("database file", State.WARNING, "can be read by others", f"chmod 600 {file}*")


def _unusable(error: StoreError) -> Finding:
    about = "key file" if isinstance(error, KeyFileError) else "database"
    found, _, remedy = str(error).partition("; ")
    return Finding(about, State.FAULT, found, remedy or denied(error).removeprefix("; ") or _RESTORE)


def check_data_dir(settings: Settings) -> Findings:
    """Can what the node leaves be written?"""
    folder = settings.node.data_dir
    about = f"data directory {folder}"
    if not os.access(folder, os.W_OK | os.X_OK):
        remedy = f"Run this as the user of the service, or: chown -R USER {folder}"
        yield Finding(about, State.FAULT, "this user can't write into it", remedy)
        return
    free = shutil.disk_usage(folder).free
    found = f"{free // 1_000_000} MB are free"
    if free < _ROOM:
        remedy = (
            "Make room: ladder.max_bytes. An SQLite file keeps its size when records are deleted from it "
            "(database.keep_calls_days): docs/operations.md says how it shrinks."
        )
        yield Finding(about, State.FAULT, found, remedy)
    else:
        yield Finding(about, State.FINE, found)


def _server(database: Database) -> Findings:
    """Of PostgreSQL: its version, the rights, the way to it."""
    state = check_server(database)
    found = f"PostgreSQL {state.version}, answers in {state.answers_s * 1000:.1f} ms"
    yield Finding("database server", State.FINE, found)
    for complaint in state.complaints:
        badness = State.FAULT if complaint.fault else State.WARNING
        yield Finding("database server", badness, complaint.found, complaint.remedy)
