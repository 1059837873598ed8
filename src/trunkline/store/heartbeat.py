"""The thread in which a node says every second that it lives, hears whether to take calls, and closes what
lost nodes left open. The call path never waits for it.

A node judges others only after it has itself been heard without a break for as long as they may be silent:
after an outage of the database, or a long wait for it, everybody has been silent, and nobody is lost.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from trunkline.store.errors import DatabaseError, NameTakenError
from trunkline.store.nodes import Heard, NodeFacts, Nodes, Pulse, node_problems

_log = logging.getLogger(__name__)

INTERVAL_S: Final = 1.0
"""Between two beats; within so long a node hears that it is to drain."""


class Status(NamedTuple):
    """How the node stands among the others."""

    drained: bool = False
    """It is to take no new calls: an operator said so, or another node has its name."""
    problems: tuple[str, ...] = ()
    """Sentences for a person."""


class Heartbeat:
    """Beats from `start` until `close`. `told` hears of every change of the status, and `revived` that the
    node was taken for lost and is not; both on the thread.
    """

    def __init__(
        self,
        nodes: Nodes,
        facts: NodeFacts,
        pulse: Callable[[], Pulse],
        *,
        told: Callable[[Status], None],
        revived: Callable[[], None],
        interval_s: float = INTERVAL_S,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes = nodes
        self._facts = facts
        self._pulse = pulse
        self._told = told
        self._revived = revived
        self._interval_s = interval_s
        self._wall = wall
        self._monotonic = monotonic
        self._status = Status()
        self._entered = False
        self._heard_since: float | None = None
        """Since when there was no break; None: there is one."""
        self._heard_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)

    def enter(self) -> None:
        """Take the name before the first beat. Raises `NameTakenError`. While the database is away, the beats
        try again.
        """
        try:
            drained = self._nodes.enter(self._facts)
        except DatabaseError as error:
            self._say(Status(problems=(_away(error),)))
        else:
            self._entered = True
            self._say(Status(drained))

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """End the beats and leave: the others know that it has stopped. Blocks. Idempotent."""
        if self._ended.is_set():
            return
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._entered:
            try:
                self._nodes.leave(self._facts.name, self._facts.run)
            except DatabaseError as error:
                _log.warning("the others will take this node for lost: %s", error)

    def _work(self) -> None:
        while not self._ended.wait(self._interval_s):
            try:
                self.beat()
            except Exception:  # noqa: BLE001 (a thread that ended would make the node lost)
                _log.exception("a heartbeat failed")

    def beat(self) -> None:
        """One beat. The thread's, and the tests'."""
        try:
            if not self._entered:
                self._nodes.enter(self._facts)
                self._entered = True
            heard = self._nodes.beat(self._facts.name, self._facts.run, self._pulse(), self._wall())
            self._understand(heard)
            self._judge()
        except NameTakenError as error:
            self._heard_since = None
            self._say(Status(drained=True, problems=(f"{_sentence(str(error))}",)))
        except DatabaseError as error:
            self._heard_since = None
            self._say(self._status._replace(problems=(_away(error),)))

    def _understand(self, heard: Heard) -> None:
        facts = self._facts
        if heard.forgotten:
            self._entered = False
            return
        if heard.replaced:
            self._heard_since = None
            words = (
                f"Another process took over the name {facts.name}: this one takes no more calls. "
                "Stop one of the two, or give it another node.name and data_dir."
            )
            self._say(Status(drained=True, problems=(words,)))
            return
        now = self._monotonic()
        if self._heard_since is None or now - self._heard_at > facts.lost_after_s / 2:
            self._heard_since = now
        self._heard_at = now
        problems = node_problems(facts.name, heard.clock_off_s, facts.revision, heard.revision)
        self._say(Status(heard.drained, problems))
        if heard.was_lost:
            _log.warning("this node was taken for lost; what it has open is written again")
            self._revived()

    def _judge(self) -> None:
        since = self._heard_since
        if since is None or self._monotonic() - since < self._facts.lost_after_s:
            return
        for name, calls in self._nodes.close_lost(self._facts.name).items():
            _log.warning("node %s is lost; closed %d calls that it had open", name, calls)

    def _say(self, status: Status) -> None:
        if status != self._status:
            for problem in status.problems:
                if problem not in self._status.problems:
                    _log.warning("%s", problem)
            self._status = status
            self._told(status)


def _away(error: DatabaseError) -> str:
    return f"The other nodes don't hear of this one: {error}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
