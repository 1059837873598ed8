"""One call at an rtpengine: a side for the caller, and one for each attempt's callee.

The port that calls use (`call.ports`) answers at once and leg by leg; rtpengine wants an offer and an answer
and takes a moment for each. So a room is made before anybody needs it: an offer and an answer that describe
nobody reserve the ports of the caller's side and of one callee's, and while a callee's side is in use, the
next one is already there for the attempt that may follow (a branch of its own in the same call, so that the
caller's port stays).

From then on the room keeps what is wanted and what the rtpengine has been told, and says the difference: one
command at a time, the most urgent first (`_steps`). What is wanted may change ten times meanwhile; only the
last state is ever said. Nothing waits in here: an answer or a timer goes on. The words are in `words`.

Figures, silence and a call that the rtpengine has lost are the business of `watch`.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from trunkline.call.ports import RemoteMedia
from trunkline.clock import Clock
from trunkline.media.course import Course
from trunkline.media.rtpengine import words
from trunkline.media.rtpengine.crypto import key_for
from trunkline.media.rtpengine.description import DescriptionError, read_endpoint
from trunkline.media.rtpengine.exchange import (
    Answer,
    Exchange,
    NgError,
    NgRefusedError,
    NgUnreachableError,
    Step,
)
from trunkline.media.rtpengine.playing import Injection, digits, say_digits, sounds
from trunkline.media.rtpengine.side import MEDIA, Side
from trunkline.media.rtpengine.silencing import blocks, searches, silenced
from trunkline.media.rtpengine.sounds import Playable
from trunkline.media.rtpengine.watch import Watch

_log = logging.getLogger(__name__)

MIN_DIGIT_MS: Final = 100
MAX_DIGIT_MS: Final = 5000
"""What rtpengine holds a digit within."""
ANEW: Final = "the rtpengine has begun the call anew, on other ports"


class RoomOwner(Protocol):
    """The instance."""

    tells_of_deleted: bool
    """Whether the answer to the last `delete` has said what was counted."""

    def room_ready(self, room: "Room") -> None:
        """Its ports are known."""

    def room_lost(self, room: "Room", error: NgError) -> None:
        """It could not be made, or is gone at the rtpengine."""

    def room_ended(self, room: "Room") -> None:
        """It was deleted."""


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """What all rooms of an engine have in common."""

    families: tuple[bool, ...] = (False,)
    """IPv6 or not, of the callees' sides kept ready."""
    timeout_s: float = 60.0
    poll_s: float = 5.0
    """See `watch`."""


class Room:
    """See the module."""

    def __init__(
        self,
        call_id: str,
        exchange: Exchange,
        clock: Clock,
        owner: RoomOwner,
        settings: RoomSettings,
        *,
        ipv6: bool,
    ) -> None:
        self.call_id = call_id
        self.caller = Side("caller", ipv6=ipv6)
        self.ended = False
        self.ready_at = 0.0
        """When its ports became known."""
        self._exchange = exchange
        self._clock = clock
        self._owner = owner
        self._settings = settings
        self._callees: list[Side] = []
        self._leaving: list[Side] = []
        self._departing: Side | None = None
        self._spares: dict[bool, Side] = {}
        self._far: Side | None = None
        """The callee's side that was bridged last, closed or not."""
        self._joined: Side | None = None
        self._bridged_at = 0.0
        self._made = 0
        self._ready = False
        self._spares_refused = False
        self._injection = Injection(clock, self._wake)
        self._told: words.Words | None = None
        self._busy = False
        self._waking = False
        self._watch = Watch(self, exchange, clock, timeout_s=settings.timeout_s, poll_s=settings.poll_s)

    # -- what legs ask -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Begin to make it; the owner hears of the end."""
        self._wake()

    def take_callee(self, *, ipv6: bool) -> Side | None:
        """A side for a callee; None when none is ready. After an attempt that failed sooner than the next
        side could be made, its own is taken once more, if its peer has not even described itself.
        """
        if self.ended:
            return None
        side = self._spares.pop(ipv6, None) or self._unspoilt(ipv6)
        if side is not None:
            self._callees.append(side)
        self._spares_refused = False
        self._wake()
        return side

    def _unspoilt(self, ipv6: bool) -> Side | None:
        for old in self._leaving:
            if old.ipv6 is ipv6 and old.remote is None and old is not self._departing:
                self._leaving.remove(old)
                side = Side(old.tag, ipv6=ipv6)
                side.endpoint, side.blocked, side.searched = old.endpoint, old.blocked, old.searched
                return side
        return None

    def watch(self) -> None:
        """Its caller's side has been taken: ask for figures from now on."""
        self._watch.start()

    def look_by(self, moment: float) -> None:
        """Find out until then whether the rtpengine still knows it."""
        self._watch.ask_by(moment)

    def set_remote(self, side: Side, remote: RemoteMedia) -> None:
        """Another peer of a side."""
        side.set_remote(remote, self._clock.now())
        self._watch.look_again()
        self._wake()

    def bridge(self, callee: Side) -> None:
        """Join the caller with this callee, and with nobody else."""
        self._far = callee
        self._bridged_at = self._clock.now()
        self._watch.look_again()
        self._wake()

    def play(self, side: Side, sound: Playable | None) -> None:
        """Have the peer of a side hear this, or nothing of ours any more."""
        side.sound = sound
        self._wake()

    def follow(self, side: Side) -> None:
        """Keep how the audio of its peer goes, unless that is done already."""
        if side.course is None:
            side.course = Course(self._clock.now())

    def send_digits(self, side: Side, pressed: str, duration_ms: int) -> None:
        """Have digits played to the peer of a side."""
        duration_ms = max(MIN_DIGIT_MS, min(duration_ms, MAX_DIGIT_MS))
        side.digits.extend((digit, duration_ms) for digit in pressed)
        self._injection.wanted |= not side.hears_digits
        self._wake()

    def close(self, side: Side) -> None:
        """A leg has ended. With the last one the room ends."""
        side.closed = True
        side.events = side.leg = None
        if side in self._callees:
            self._callees.remove(side)
            self._leaving.append(side)
        self._wake()

    @property
    def made(self) -> int:
        """How many callees' sides it has had made."""
        return self._made

    @property
    def spares(self) -> Iterable[Side]:
        """Callees' sides that are ready to be taken."""
        return self._spares.values()

    def adopt(self, caller: Side, callee: Side, spares: Iterable[Side], made: int) -> None:
        """Go on with a room of another node's, in which the two are joined; `made` sides at most were
        made. What the rtpengine was told there is said again, in the same words.
        """
        self.caller = caller
        self._spares = {spare.ipv6: spare for spare in spares}
        self._callees.append(callee)
        self._far = self._joined = callee
        self._made = made
        self._ready = True
        self._bridged_at = self._clock.now()
        self._watch.start()

    def part(self) -> None:
        """Another node goes on with it: the rtpengine is told nothing any more."""
        if not self.ended:
            self._end()
            self._owner.room_ended(self)

    def close_all(self) -> None:
        """Every leg ends."""
        for side in (self.caller, *self._callees):
            self.close(side)

    # -- saying the difference ---------------------------------------------------------------------

    def _wake(self) -> None:
        """Go on once whoever is changing things is done."""
        if not self._waking and not self.ended:
            self._waking = True
            self._clock.at(self._clock.now(), self._advance)

    def _advance(self) -> None:
        self._waking = False
        if self._busy or self.ended:
            return
        say_digits((self.caller, *self._callees))
        step = next(self._steps(), None)
        if step is not None:
            self._say(step)

    def _say(self, step: Step) -> None:
        self._busy = True

        def answered(outcome: Answer | NgError) -> None:
            self._busy = False
            if self.ended:
                return
            if isinstance(outcome, NgError):
                step.failed(outcome)
            else:
                step.done(outcome)
            self._advance()

        self._exchange.ask(step.command, {"call-id": self.call_id, **step.keys}, answered)

    def _steps(self) -> Iterator[Step]:
        """What is to be said now, the most urgent first."""
        if self.caller.closed and not self._callees:
            yield self._deletion(self.caller, self._deleted, self._deleted_or_not)
            return
        if not self._ready:
            yield self._make(self._settings.families[0])
            return
        yield from self._blocks(True)
        yield from searches((self.caller, *self._callees), self.lose)
        yield from self._descriptions()
        yield from self._blocks(False)
        missing = [ipv6 for ipv6 in self._settings.families if ipv6 not in self._spares]
        if missing and not self._spares_refused:
            yield self._make(missing[0])
        yield from self._departures()
        if self._told is not None:
            yield from sounds((self.caller, *self._callees), self._clock, self._wake, self._warn)
        if self.bridged is not None and self._injection.may_begin():
            yield from digits(self.caller, self.bridged, self._warn)

    def lose(self, error: NgError) -> None:
        """There is no such call at the rtpengine any more, or none that can be reached."""
        if self.ended:
            return
        self._end()
        if not self._ready:
            self._give_back(error)
        for side in (self.caller, *self._callees):
            if side.events is not None and side.leg is not None:
                _log.warning("the media of a call are lost: %s", error)
                side.events.media_timed_out(side.leg)
                break
        self._owner.room_lost(self, error)

    def _give_back(self, error: NgError) -> None:
        """What was made of it: an rtpengine keeps the ports of an offer without an answer for an hour."""
        if not isinstance(error, NgUnreachableError):
            keys = {"call-id": self.call_id, **words.delete(self.caller)}
            self._exchange.ask("delete", keys, lambda _: None)

    def _end(self) -> None:
        self.ended = True
        self._watch.stop()

    def _warn(self, error: NgError) -> None:
        """A command that audio does not depend on came to nothing."""
        _log.warning("an rtpengine did not do as it was told: %s", error)

    # -- a callee's side ---------------------------------------------------------------------------

    def _make(self, ipv6: bool) -> Step:
        """A branch more, for a callee who isn't known yet. The caller stays who it is."""
        self._made += 1
        side = Side(f"callee-{self._made}", ipv6=ipv6)
        said, remote = words.reserve(self.caller, side), self.caller.remote

        def made() -> None:
            if key_for(remote) is None:
                self.caller.protect(None)
            self._spares[ipv6] = side
            self._told = None
            if not self._ready:
                self._ready = True
                self.ready_at = self._clock.now()
                self._owner.room_ready(self)

        return self._both(said, made, self._not_made)

    def _not_made(self, error: NgError) -> None:
        if self._ready and isinstance(error, NgRefusedError):
            self._spares_refused = True
            self._warn(error)
        else:
            self.lose(error)

    def _both(self, said: words.Words, done: Callable[[], None], failed: Callable[[NgError], None]) -> Step:
        """An offer, then the answer to it."""

        def offered(answer: Answer) -> None:
            if self._is_there(said.hearer, answer):
                self._say(Step("answer", said.answer, answered, failed))

        def answered(answer: Answer) -> None:
            if self._is_there(said.speaker, answer):
                done()

        return Step("offer", said.offer, offered, failed)

    def _is_there(self, side: Side, answer: Answer) -> bool:
        """Whether the port of a side is still the one that its peer has been told; the first is kept."""
        try:
            endpoint = read_endpoint(answer.get("sdp"))
        except DescriptionError as error:
            self.lose(NgRefusedError(str(error)))
            return False
        if side.endpoint is None:
            side.endpoint = endpoint
        if endpoint != side.endpoint:
            self.lose(NgRefusedError(ANEW))
        return not self.ended

    def _departures(self) -> Iterator[Step]:
        """A callee's side that has been left. Never the last branch: the caller's side would go with it."""
        if self._leaving and (self._spares or self._callees):
            side = self._leaving[0]

            def done(answer: Answer) -> None:
                self._watch.count(answer)
                self._leaving.remove(side)

            def failed(error: NgError) -> None:
                self._leaving.remove(side)
                self._warn(error)

            self._departing = side
            yield self._deletion(side, done, failed)

    def _deletion(
        self, side: Side, done: Callable[[Answer], None], failed: Callable[[NgError], None]
    ) -> Step:
        """The end of a side; with the caller's all of the call ends. An rtpengine 10.5 tells in the answer
        what it has counted there; a 12.5 has forgotten it by then, so it is asked before.
        """

        def deleted(answer: Answer) -> None:
            tags = answer.get("tags")
            self._owner.tells_of_deleted = isinstance(tags, dict) and side.tag in tags
            done(answer)

        step = Step("delete", words.delete(side), deleted, failed)
        return step if self._owner.tells_of_deleted else self._counted_first(step)

    # -- who the peers are -------------------------------------------------------------------------

    @property
    def sides(self) -> Iterator[Side]:
        """All that count packets: the caller's, and those of callees, left ones too."""
        yield self.caller
        yield from self._callees
        yield from self._leaving

    @property
    def joined(self) -> Side | None:
        """The callee's side that the rtpengine was told to join with the caller's."""
        return self._joined

    @property
    def bridged_at(self) -> float:
        """When `bridged` became what it is."""
        return self._bridged_at

    @property
    def bridged(self) -> Side | None:
        """The callee's side that the caller's is joined with, while both are open."""
        far = self._far
        return None if far is None or far.closed or self.caller.closed else far

    def _partner(self) -> Side | None:
        """The side that the caller's is described together with."""
        bridged = self.bridged
        if bridged is not None:
            return bridged
        if self._callees:
            return self._callees[-1]
        return next(iter(self._spares.values()), None)

    def _descriptions(self) -> Iterator[Step]:
        """Offer and answer for the caller and its partner, unless they have been said just so, after those
        that give them keys.
        """
        caller, side = self.caller, self._partner()
        if side is None or (caller.remote is None and side.remote is None):
            return
        joined = side if side is self.bridged else None
        pair = words.parties(caller, side, bridged=joined is not None)
        given = words.key_to_give(pair)
        said = words.describe_both(pair, injects=self._injection.wanted)

        def key_given(to: Side, key: bytes) -> None:
            to.protect(key)
            self._told, self._joined = None, joined

        def described() -> None:
            for party in pair:
                party.side.protect(key_for(party.remote))
            if said.injects:
                self._injection.described(anew=self._joined is not joined)
            self._told, self._joined = said, joined

        if given is not None:
            step = self._both(given.said, partial(key_given, given.to, given.key), self.lose)
        elif said != self._told:
            step = self._both(said, described, self.lose)
        else:
            return
        yield step if self._joined in {None, joined} else self._counted_first(step)

    def _counted_first(self, step: Step) -> Step:
        """`step` changes where packets go, or ends a side: those so far are counted on their old way."""

        def done(answer: Answer) -> None:
            self._watch.count(answer)
            self._say(step)

        return Step("query", {}, done, step.failed)

    def _blocks(self, begin: bool) -> Iterator[Step]:
        wanted = silenced(self.caller, self._callees, self.bridged, self._partner())
        for blocking in blocks(wanted, begin, self.lose):
            counted = blocking.what == MEDIA and blocking.side in {self.caller, self._joined}
            yield self._counted_first(blocking.step) if counted else blocking.step

    # -- digits of the peers, and the end ----------------------------------------------------------

    def digit_told(self, tag: str, digit: str, duration_ms: int) -> None:
        """The peer of the side with this tag has pressed a key, the rtpengine says."""
        for side in (self.caller, *self._callees):
            if side.tag == tag and side.tells_digits and side.events is not None and side.leg is not None:
                side.events.digit_received(side.leg, digit, duration_ms)

    def _deleted(self, answer: Answer) -> None:
        self._watch.count(answer)
        self._end()
        self._owner.room_ended(self)

    def _deleted_or_not(self, error: NgError) -> None:
        """An rtpengine that can't be told lets the call time out by itself."""
        self._warn(error)
        self._end()
        self._owner.room_ended(self)
