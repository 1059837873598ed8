"""The SIP ladder of every call: each message of both legs and all attempts, as it was on the wire. Only keys
for SRTP (RFC 4568) are never kept: with them, whoever has recorded the audio could hear it as long as a
ladder lasts.

Messages of live calls are kept in memory; soon after a call has ended, they go to the journal in one piece,
and what still comes follows as another one. The
INVITE of a call is on the wire before there is a call, so every dialog that an INVITE opens is kept for a
while, until `link` links its SIP Call-ID to a call or newer ones push it out. Other traffic (OPTIONS,
REGISTER) is not kept.

Driven by the SIP stack through `Observer`, by the calls through `link` and `close`. Bounds:
`MAX_UNLINKED` dialogs that belong to no call, `STORY_BYTES` for each call, `max_bytes` in all; beyond that,
the oldest live calls' messages go to the journal early. What a call drops beyond its own bound is counted in
`lost`.

Deliberate: of two calls that share one SIP Call-ID (a call that a proxy sends back to us, or whose caller has
chosen that of another one) the ladder of the first has what is said under it for as long as that one is up;
the other has its own INVITE and its attempts. They may be two customers', and neither is to read the other's.
"""

import asyncio
from collections import deque

from trunkline.clock import Clock, Timer
from trunkline.observe.journal import Journal
from trunkline.observe.masking import mask_message
from trunkline.observe.message import LadderMessage
from trunkline.sip.ports import Flow

LINGER_S = 5.0
"""How long after its end a call's ladder still grows: T4, the longest a message stays in the network (RFC
3261 §17.1.2.2)."""
FILE_S = 1.0
"""How long after its end a call's ladder stays in memory at least, so that it mostly is whole when it is
filed, and how far apart the filings are, so that each takes many calls."""

MAX_UNLINKED = 512
UNLINKED_BYTES = 1 << 14
"""Beside the first message, which is kept however long it is."""
STORY_BYTES = 1 << 20


_Heard = tuple[float, int, bool, Flow, bytes]
"""Wall time, leg, whether we sent it, the flow, the message: a plain tuple, because one is made for every
message."""


class _Story:
    """What is known of one call, or of a dialog that belongs to no call yet."""

    __slots__ = ("bytes", "call_id", "closed", "heard", "legs", "parts", "room", "sip_call_ids")

    def __init__(self) -> None:
        self.heard: list[_Heard] = []
        self.bytes = 0
        self.room = UNLINKED_BYTES
        self.legs = 0
        self.sip_call_ids: list[str] = []
        self.call_id = ""
        """Empty while it belongs to no call."""
        self.closed = False
        """The call is over."""
        self.parts = 0
        """How many parts of it have gone to the journal."""

    def messages(self) -> list[LadderMessage]:
        return [
            LadderMessage(at, leg, sent, flow.transport, flow.sent_by, flow.remote, data)
            for at, leg, sent, flow, data in self.heard
        ]


class Ladder:
    """The ladders of one node. An `Observer`; every method runs on the loop that drives `clock`."""

    __slots__ = (
        "_by_call",
        "_by_sip_call_id",
        "_bytes",
        "_clock",
        "_ended",
        "_filed",
        "_journal",
        "_max_bytes",
        "_timer",
        "_unlinked",
        "_wall",
        "lost",
    )

    def __init__(self, clock: Clock, journal: Journal, *, max_bytes: int = 64 << 20) -> None:
        """`max_bytes` bounds the message bytes held in memory."""
        self._clock = clock
        self._wall = clock.wall
        self._journal = journal
        self._max_bytes = max_bytes
        self._bytes = 0
        self._by_sip_call_id: dict[str, tuple[_Story, int]] = {}
        self._by_call: dict[str, _Story] = {}
        self._unlinked: dict[str, _Story] = {}
        self._ended: deque[tuple[float, str]] = deque()
        self._filed: deque[tuple[float, _Story]] = deque()
        self._timer: Timer | None = None
        self.lost = 0

    def message_received(self, data: bytes, flow: Flow, call_id: str) -> None:
        entry = self._by_sip_call_id.get(call_id)
        if entry is None:
            if data[:7] != b"INVITE ":
                return
            entry = self._begin(call_id)
        self._add(entry, False, flow, data)

    def message_sent(self, data: bytes, flow: Flow, call_id: str) -> None:
        entry = self._by_sip_call_id.get(call_id)
        if entry is None:
            if data[:7] != b"INVITE ":
                return
            entry = self._begin(call_id)
        self._add(entry, True, flow, data)

    def _add(self, entry: tuple[_Story, int], sent: bool, flow: Flow, data: bytes) -> None:
        story, leg = entry
        if b"a=crypto:" in data:
            data = mask_message(data)
        size = len(data)
        story.room -= size
        if story.room < 0 and story.heard:
            self.lost += 1
            return
        story.heard.append((self._wall(), leg, sent, flow, data))
        story.bytes += size
        self._bytes += size
        if self._bytes > self._max_bytes:
            self._relieve()

    def _begin(self, sip_call_id: str) -> tuple[_Story, int]:
        """Open the story of a dialog that belongs to no call yet."""
        if len(self._unlinked) >= MAX_UNLINKED:
            self._drop_unlinked(next(iter(self._unlinked)))
        story = _Story()
        self._unlinked[sip_call_id] = story
        return self._attach(story, sip_call_id)

    def _attach(self, story: _Story, sip_call_id: str) -> tuple[_Story, int]:
        entry = (story, story.legs)
        story.legs += 1
        story.sip_call_ids.append(sip_call_id)
        self._by_sip_call_id[sip_call_id] = entry
        return entry

    def _drop_unlinked(self, sip_call_id: str) -> None:
        self._bytes -= self._unlinked.pop(sip_call_id).bytes
        del self._by_sip_call_id[sip_call_id]

    def link(self, sip_call_id: str, call_id: str) -> None:
        """Link the dialog of `sip_call_id` to the call `call_id`: the caller's first, then each attempt's.

        What was already heard of it joins the call's ladder, unless that was another call's: then it has gone
        over to this one (a transfer), and what comes from now on is this one's. Of a caller's dialog that was
        another call's only the INVITE joins; the rest stays with that one while it is up.
        """
        entry = self._by_sip_call_id.get(sip_call_id)
        story = self._by_call.get(call_id)
        if story is None:
            self._link_first(sip_call_id, call_id, entry)
        elif entry is None:
            self._attach(story, sip_call_id)
        elif entry[0] is not story and self._unlinked.pop(sip_call_id, None) is not None:
            self._join(story, entry[0], sip_call_id)
        elif entry[0] is not story:
            entry[0].sip_call_ids.remove(sip_call_id)
            self._attach(story, sip_call_id)

    def first_leg(self, sip_call_id: str) -> str:
        """The SIP Call-ID of the first leg of the call that the dialog of `sip_call_id` is one of: itself,
        where it is that or nobody's.
        """
        entry = self._by_sip_call_id.get(sip_call_id)
        return sip_call_id if entry is None else entry[0].sip_call_ids[0]

    def _link_first(self, sip_call_id: str, call_id: str, entry: tuple[_Story, int] | None) -> None:
        """Begin the ladder of a call with its first dialog."""
        if entry is not None and not entry[0].call_id:
            story = self._unlinked.pop(sip_call_id)
        else:
            story = _Story()
            if entry is None:
                self._attach(story, sip_call_id)
            else:
                self._part(story, sip_call_id, *entry)
        story.room += STORY_BYTES - UNLINKED_BYTES
        story.call_id = call_id
        self._by_call[call_id] = story

    def _part(self, story: _Story, sip_call_id: str, other: _Story, leg: int) -> None:
        """Begin `story` with the INVITE that has just come under a Call-ID of another call's."""
        for at, heard_leg, sent, flow, data in other.heard[-1:]:
            if heard_leg == leg and not sent and data[:7] == b"INVITE ":
                story.heard.append((at, 0, sent, flow, data))
                story.room -= len(data)
                story.bytes += len(data)
                self._bytes += len(data)
        if other.closed:
            other.sip_call_ids.remove(sip_call_id)
            self._attach(story, sip_call_id)
        else:
            story.legs = 1

    def _join(self, story: _Story, found: _Story, sip_call_id: str) -> None:
        """Move what was heard of a leg before it was linked."""
        _, leg = self._attach(story, sip_call_id)
        story.heard += [(at, leg, sent, flow, data) for at, _, sent, flow, data in found.heard]
        story.heard.sort(key=lambda heard: heard[0])
        story.bytes += found.bytes
        story.room -= found.bytes

    def close(self, call_id: str) -> None:
        """Say that the call is over. Its ladder goes to the journal when its last messages have had time to
        arrive; stragglers have `LINGER_S`."""
        due = self._clock.now() + FILE_S
        story = self._by_call.get(call_id)
        if story is not None:
            story.closed = True
        self._ended.append((due, call_id))
        if self._timer is None:
            self._timer = self._clock.at(due + FILE_S, self._file)

    def drop(self, call_id: str) -> None:
        """Forget what was heard of a call, which is over."""
        story = self._by_call.get(call_id)
        if story is not None:
            self._bytes -= story.bytes
            self._forget(story)

    def _file(self) -> None:
        """File whatever is due: one wake-up of the writer for all of it."""
        now = self._clock.now()
        batch = self._file_ended(now) + self._file_stragglers(now)
        if batch:
            self._journal.append(batch)
        waiting = [queue[0][0] for queue in (self._ended, self._filed) if queue]
        self._timer = self._clock.at(max(min(waiting), now + FILE_S), self._file) if waiting else None

    def _file_ended(self, now: float) -> list[tuple[str, list[LadderMessage]]]:
        batch: list[tuple[str, list[LadderMessage]]] = []
        ended = self._ended
        while ended and ended[0][0] <= now:
            due, call_id = ended.popleft()
            story = self._by_call.get(call_id)
            if story is not None:
                batch += self._take(story)
                self._filed.append((due - FILE_S + LINGER_S, story))
        return batch

    def _file_stragglers(self, now: float) -> list[tuple[str, list[LadderMessage]]]:
        batch: list[tuple[str, list[LadderMessage]]] = []
        filed = self._filed
        while filed and filed[0][0] <= now:
            story = filed.popleft()[1]
            if self._by_call.get(story.call_id) is story:
                batch += self._take(story)
                self._forget(story)
        return batch

    def _take(self, story: _Story) -> list[tuple[str, list[LadderMessage]]]:
        """Take what was heard out of memory, as the journal wants it."""
        messages = story.messages()
        story.heard = []
        self._bytes -= story.bytes
        story.bytes = 0
        story.parts += 1
        return [(story.call_id, messages)] if messages else []

    def _forget(self, story: _Story) -> None:
        del self._by_call[story.call_id]
        for sip_call_id in story.sip_call_ids:
            del self._by_sip_call_id[sip_call_id]

    def _relieve(self) -> None:
        """Send the oldest live calls' messages to the journal until a quarter of the memory is free."""
        batch: list[tuple[str, list[LadderMessage]]] = []
        for story in self._by_call.values():
            if self._bytes <= self._max_bytes * 3 // 4:
                break
            batch += self._take(story)
        if batch:
            self._journal.append(batch)

    async def read(self, call_id: str) -> list[LadderMessage]:
        """Return the messages of a call, live or ended, oldest first and without secrets; none when it is
        unknown.

        Raises OSError when the journal can't be read.
        """
        while True:
            story = self._by_call.get(call_id)
            parts = story.parts if story is not None else 0
            live = story.messages() if story is not None else []
            stored = await asyncio.to_thread(self._journal.read, call_id)
            if self._by_call.get(call_id) is story and (story is None or story.parts == parts):
                return [message.masked() for message in stored + live]

    def stop(self) -> None:
        """Hand everything to the journal, calls that are still up included."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ended.clear()
        self._filed.clear()
        batch = [ladder for story in self._by_call.values() for ladder in self._take(story)]
        if batch:
            self._journal.append(batch)
        self._by_call.clear()
        self._by_sip_call_id.clear()
        self._unlinked.clear()
        self._bytes = 0

    @property
    def live_bytes(self) -> int:
        """Message bytes in memory."""
        return self._bytes

    @property
    def live_calls(self) -> int:
        """Calls whose ladder is still growing."""
        return len(self._by_call)
