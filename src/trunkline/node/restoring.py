"""What a node knows again when it starts: the devices that registered before, where customers called from,
the bans that still hold, what accounts have used of the day. Where the database is away then, it knows it
once that is back.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from trunkline.live.words import Base
from trunkline.net.admission import Evidence
from trunkline.node.doorbook import WELCOME_S
from trunkline.node.rooms import Rooms
from trunkline.sip.ports import Address, Target, Transport
from trunkline.store.bans import StoredBan
from trunkline.store.callers import Caller, callers_since
from trunkline.store.errors import DatabaseError
from trunkline.store.registrations import load_bindings
from trunkline.store.usage import Usage, used_today
from trunkline.trunk.limits import Held
from trunkline.trunk.registrations import Binding

JOURNAL_S: Final = 10.0
"""How long records of earlier runs are waited for."""


class Known(NamedTuple):
    """What is at rest of all that."""

    bindings: Mapping[str, Sequence[Binding]]
    callers: Sequence[Caller]
    bans: Sequence[StoredBan]
    used: Mapping[str, Mapping[str, Usage]]


async def restore(rooms: Rooms) -> bool:
    """Read it from the database and take it over; False: it is not known, which is said."""
    try:
        known = await asyncio.to_thread(read, rooms)
    except DatabaseError as error:
        rooms.log.warning("registrations, bans and the day's usage are not known", reason=str(error))
        return False
    take(rooms, known)
    return True


def read(rooms: Rooms) -> Known:
    """From the database. Blocks, on any thread. Raises `DatabaseError`."""
    now, wall = rooms.clock.now(), rooms.clock.wall()
    database, writer = rooms.store.database, rooms.writer
    bindings = load_bindings(database, rooms.settings.node.name, now=now, wall=wall)
    bans = rooms.store.bans.list()
    # Calls that wait in the journal have been talked, too.
    give_up = now + JOURNAL_S
    while not (writer.settle() and writer.state.away is None) and rooms.clock.now() < give_up:
        time.sleep(0.2)
    callers = callers_since(database, rooms.settings.node.name, wall - WELCOME_S)
    return Known(bindings, callers, bans, used_today(database, wall, rooms.price_of, but=writer.run))


def take(rooms: Rooms, known: Known) -> None:
    """Go by it: on the event loop, once."""
    welcome_back(rooms, known.callers)
    for account, bindings in known.bindings.items():
        rooms.registrations.restore(account, [_with_flow(rooms, binding) for binding in bindings])
        welcome(rooms, bindings)
    shut_out(rooms, known.bans)
    _restore_usage(rooms, known.used, rooms.settings.node.name)


def welcome(rooms: Rooms, bindings: Sequence[Binding]) -> None:
    """Who has registered is known at the gate for as long as that holds."""
    now = rooms.clock.now()
    for binding in bindings:
        _, source = _came_from(binding.source)
        if source is not None:
            rooms.gate.vouch(source.host, binding.deadline - now)


def welcome_back(rooms: Rooms, callers: Sequence[Caller]) -> None:
    """Whose password was right is known at the gate for as long as it would have been without the restart.
    The latest come last: they are what it keeps where it has no room for all.
    """
    wall = rooms.clock.wall()
    for caller in reversed(callers):
        _, source = _came_from(caller.source)
        if source is not None:
            rooms.gate.vouch(source.host, min(WELCOME_S, caller.at + WELCOME_S - wall))


def _restore_usage(rooms: Rooms, used: Mapping[str, Mapping[str, Usage]], name: str) -> None:
    """What accounts have used today here, and at other nodes."""
    elsewhere: defaultdict[str, Usage] = defaultdict(Usage)
    for node, accounts in used.items():
        for key, usage in accounts.items():
            owner = rooms.directory.account(key)
            if owner is None:
                continue
            if node == name:
                rooms.limits.restore(owner, usage.seconds, usage.cost)
            else:
                others = elsewhere[key]
                others.seconds += usage.seconds
                others.cost += usage.cost
                rooms.limits.told(owner, Held(0, others.seconds, others.cost))
    if rooms.shared is not None:
        rooms.shared.link.ledger.remember(
            Base(node, key, usage.seconds, usage.cost)
            for node, accounts in used.items()
            if node != name
            for key, usage in accounts.items()
        )


def shut_out(rooms: Rooms, bans: Sequence[StoredBan]) -> None:
    """Bans at rest that the gate doesn't hold yet. Those that no operator ordered last `limits.ban_s` at
    most, whatever became of the wall clock since.
    """
    wall, longest_s = rooms.clock.wall(), rooms.settings.limits.ban_s
    held = {ban.source for ban in rooms.gate.bans()}
    for ban in bans:
        if ban.source not in held:
            evidence = Evidence(ban.evidence)
            for_s = ban.until_at - wall
            if evidence is not Evidence.ORDERED:
                for_s = min(for_s, longest_s)
            rooms.gate.ban(ban.source, ban.reason, evidence=evidence, for_s=for_s)


def _with_flow(rooms: Rooms, binding: Binding) -> Binding:
    """UDP needs no connection: the way back is the address that it came from, unless there is a Path."""
    if binding.path:
        return binding
    transport, source = _came_from(binding.source)
    if transport != Transport.UDP or source is None:
        return binding
    return replace(binding, flow=rooms.transports.flow_to(Target(Transport.UDP, source)))


def _came_from(text: str) -> tuple[str, Address | None]:
    """The transport and the address of a REGISTER's or a call's source; None for one that is not known."""
    transport, _, address = text.partition(" ")
    host, _, port = address.rpartition(":")
    return transport, Address(host.strip("[]"), int(port)) if port.isdecimal() else None
