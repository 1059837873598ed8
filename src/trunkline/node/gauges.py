"""The gauges of a node: what is read off its rooms when somebody looks."""

import asyncio
from collections.abc import Callable

from trunkline.media.rtpengine.engine import RtpengineEngine
from trunkline.media.rtpengine.instance import InstanceState
from trunkline.node.rooms import Rooms


def count(rooms: Rooms) -> None:
    """Enter them into its metrics."""
    gauge = rooms.metrics.gauge
    stack = rooms.services.agent.stack
    gauge("active_calls", "Calls under way.", lambda: len(rooms.switch))
    gauge("dialogs", "SIP dialogs.", lambda: rooms.services.agent.dialogs)
    gauge("registered_contacts", "Contacts registered.", lambda: len(rooms.registrations))
    gauge(
        "shed_share",
        "New calls turned away for overload, of all.",
        lambda: round(rooms.switch.overload.share, 3),
    )
    gauge("tasks", "Tasks of the event loop.", lambda: len(asyncio.all_tasks()))
    _count_doors(rooms)
    _count_records(rooms)
    gauge("media_port_pairs", "Media port pairs.", lambda: _ports_by_state(rooms), label="state")
    if isinstance(rooms.media, RtpengineEngine):
        _count_rtpengines(rooms)
    if rooms.shared is not None:
        rooms.shared.count(rooms.metrics)
    exporter = rooms.exporter
    if exporter is not None:
        rooms.metrics.counter("hep_sent", "SIP messages copied to the collector.", lambda: exporter.sent)
        rooms.metrics.counter("hep_lost", "SIP messages that it did not get.", lambda: exporter.lost)
    gauge(
        "transactions",
        "SIP transactions.",
        lambda: {"client": stack.client_transactions, "server": stack.server_transactions},
        label="side",
    )


def _count_doors(rooms: Rooms) -> None:
    """What comes in and goes out, and what doesn't."""
    gauge, counter = rooms.metrics.gauge, rooms.metrics.counter
    gauge("bans", "Sources shut out.", lambda: len(rooms.gate.bans()))
    gauge(
        "strangers_share",
        "Of the requests that unknown sources may send, what they have while the node is late.",
        lambda: round(rooms.gate.strangers_share, 3),
    )
    gauge("connections", "TCP and TLS connections.", lambda: rooms.transports.figures().connections)
    counter(
        "datagrams_ignored",
        "Datagrams that came and were no SIP.",
        lambda: rooms.transports.figures().datagrams_ignored,
    )
    counter(
        "datagrams_dropped",
        "SIP that a full socket did not take.",
        lambda: rooms.transports.figures().datagrams_dropped,
    )
    counter("gate_refused", "Messages and connections refused at the door.", lambda: rooms.gate.refused)


def _count_records(rooms: Rooms) -> None:
    """What is kept of calls, and what is not: records on their way to the database, ladders."""
    gauge, counter = rooms.metrics.gauge, rooms.metrics.counter
    gauge(
        "records_away",
        "Whether records wait, since the database can't be written.",
        lambda: rooms.writer.state.away is not None,
    )
    gauge(
        "records_waiting_bytes",
        "Records that wait in the journal.",
        lambda: rooms.writer.state.journal_bytes,
    )
    counter(
        "records_lost", "Changes of records for which nothing had room.", lambda: rooms.writer.state.dropped
    )
    counter(
        "refused_unrecorded",
        "Refused calls that have left no record, for there were too many.",
        lambda: rooms.records.passed_over,
    )
    counter(
        "records_refused",
        "Changes of records that the database took for impossible.",
        lambda: rooms.writer.state.refused,
    )
    counter("ladder_lost", "SIP messages that a call's ladder had no room for.", lambda: rooms.ladder.lost)


def _ports_by_state(rooms: Rooms) -> dict[str, float]:
    occupancy = rooms.media.occupancy()
    return {"open": occupancy.open, "draining": occupancy.draining}


def _count_rtpengines(rooms: Rooms) -> None:
    """One series for each instance."""

    def by_instance(read: Callable[[InstanceState], float | None]) -> Callable[[], dict[str, float]]:
        return lambda: {state.name: value for state in rooms.rtpengines if (value := read(state)) is not None}

    for name, text, read in (
        ("rtpengine_up", "Whether an rtpengine answers.", lambda state: float(state.up)),
        ("rtpengine_calls", "Calls at an rtpengine.", lambda state: float(state.rooms)),
        ("rtpengine_ready", "Calls prepared at an rtpengine.", lambda state: float(state.ready)),
        (
            "rtpengine_latency_seconds",
            "From command to answer, lately.",
            lambda state: None if state.latency_ms is None else state.latency_ms / 1000,
        ),
    ):
        rooms.metrics.gauge(name, text, by_instance(read), label="instance")
