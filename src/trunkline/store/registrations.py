"""Registrations at rest, so that devices stay reachable over a restart of the node.

`RecordWriter.bindings_changed` writes them; here they are read back. A binding's path (`flow`) can't be
stored: after a restart the node makes one for a UDP source and has none for a TCP or TLS connection, which
the restart cut. `source` tells of TLS, which such a device is then sought by (`Binding.next_hop`).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from trunkline.sip.uri import SipUri
from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.store.record_rows import RecordRow
from trunkline.trunk.registrations import Binding


def registration_row(
    node: str, account: str, bindings: Sequence[Binding], wall_minus_now: float
) -> RecordRow:
    """The row of `schema.registration` for one or more `bindings`.

    `wall_minus_now` turns their monotonic deadlines into wall-clock seconds.
    """
    entries = [
        {
            "uri": str(binding.uri),
            "q": binding.q,
            "expires_at": binding.deadline + wall_minus_now,
            "call_id": binding.call_id,
            "cseq": binding.cseq,
            "instance": binding.instance,
            "source": binding.source,
            "user_agent": binding.user_agent,
            "path": list(binding.path),
            "fronted": binding.fronted,
            "secret": binding.secret,
        }
        for binding in bindings
    ]
    expires_at = max(binding.deadline for binding in bindings) + wall_minus_now
    return node, account, json.dumps(entries), expires_at


def load_bindings(
    database: Database, node: str, *, now: float, wall: float
) -> Mapping[str, Sequence[Binding]]:
    """The bindings of `node` that still hold, by account; their `flow` is None, and `source` says where each
    came from.

    `now` and `wall` are the present moment on both clocks. Raises `DatabaseError`.
    """
    table = schema.registration
    with database.read() as connection:
        rows = connection.execute(
            sa.select(table.c.account, table.c.bindings).where(
                table.c.node == node, table.c.expires_at > wall
            )
        ).all()
    found = {
        account: [_binding(entry, now - wall) for entry in json.loads(bindings) if entry["expires_at"] > wall]
        for account, bindings in rows
    }
    return {account: bindings for account, bindings in found.items() if bindings}


def _binding(entry: Mapping[str, Any], now_minus_wall: float) -> Binding:
    return Binding(
        uri=SipUri.parse(entry["uri"]),
        q=entry["q"],
        deadline=entry["expires_at"] + now_minus_wall,
        call_id=entry["call_id"],
        cseq=entry["cseq"],
        flow=None,
        instance=entry["instance"],
        source=entry["source"],
        user_agent=entry["user_agent"],
        path=tuple(entry.get("path", ())),
        fronted=entry.get("fronted", False),
        secret=entry.get("secret", ""),
    )
