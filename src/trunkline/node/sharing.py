"""What a node and the others make known to each other: bans, the health of targets, pings. The notices of
`live.board` on one side, the rooms that own the things on the other.

The text of a notice is a JSON list. A text in another form raises `ValueError`, which the board logs.
"""

import json
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from trunkline.call.pinger import Pinger
from trunkline.clock import Clock
from trunkline.live.board import Board
from trunkline.live.words import Notice, Tell
from trunkline.net.admission import Ban, Evidence, Gate
from trunkline.net.flows import source_key
from trunkline.trunk.health import HealthBook, HealthKey


class SharedBans:
    """A source that one node shuts out is shut out by all; one that is let in again is let in by all."""

    KIND = "ban"

    def __init__(self, board: Board, gate: Gate, clock: Clock) -> None:
        self._board = board
        self._gate = gate
        self._clock = clock
        board.listen(self.KIND, self._heard, self._reconcile)

    def made(self, ban: Ban) -> None:
        """This node has made a ban."""
        self._board.tell(self._notice(ban, again=False))

    def lifted(self, source: str) -> None:
        """This node has let a source in again."""
        key = source if source.endswith("/64") else source_key(source)
        self._board.tell(Tell(self.KIND, key, for_s=0))

    def _notice(self, ban: Ban, *, again: bool) -> Tell:
        text = json.dumps([ban.reason, int(ban.evidence), ban.since_at])
        return Tell(self.KIND, ban.source, text, max(0.0, ban.deadline - self._clock.now()), again)

    def _heard(self, notice: Notice) -> None:
        if not notice.for_s:
            self._gate.lift(notice.key)
            return
        match json.loads(notice.text):
            case [str(reason), int(evidence), float(since_at)]:
                until = self._clock.now() + notice.for_s
                self._gate.take_over(Ban(notice.key, reason, Evidence(evidence), since_at, until))
            case other:
                raise ValueError(f"no ban: {other!r:.100}")

    def _reconcile(self, kept: AbstractSet[str], fresh: bool) -> Iterable[Tell]:
        """A server that knows no better is told; of one that does, what is not there was lifted."""
        others = [ban for ban in self._gate.bans() if ban.source not in kept]
        if fresh:
            return [self._notice(ban, again=True) for ban in others]
        for ban in others:
            self._gate.lift(ban.source)
        return ()


class SharedHealth:
    """What calls and pings of one node have shown of a target is known at all."""

    CALL, PING = "health", "ping"

    def __init__(self, board: Board, health: HealthBook) -> None:
        self._board = board
        self._health = health
        self._heard_ping: Callable[[str, str, str], None] | None = None
        health.follow(self._seen)
        board.listen(self.CALL, self._heard_call)
        board.listen(self.PING, self._heard_of_ping)

    def attend(self, pinger: Pinger) -> None:
        """Let `pinger` hear of the others' pings."""
        self._heard_ping = pinger.heard

    def pinged(self, server: str, slug: str, detail: str) -> None:
        """This node has pinged a server."""
        self._board.tell(Tell(self.PING, server, json.dumps([slug, detail])))

    def _seen(self, key: HealthKey, slug: str, detail: str) -> None:
        self._board.tell(Tell(self.CALL, json.dumps(key), json.dumps([slug, detail])))

    def _heard_call(self, notice: Notice) -> None:
        match json.loads(notice.key):
            case [str(owner), str(uri), str(server)]:
                self._health.take(HealthKey(owner, uri, server), *_result(notice))
            case other:
                raise ValueError(f"no target: {other!r:.100}")

    def _heard_of_ping(self, notice: Notice) -> None:
        if self._heard_ping is not None:
            self._heard_ping(notice.key, *_result(notice))


def _result(notice: Notice) -> tuple[str, str]:
    match json.loads(notice.text):
        case [str(slug), str(detail)]:
            return slug, detail
        case other:
            raise ValueError(f"no result: {other!r:.100}")
