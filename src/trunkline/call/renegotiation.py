"""Offer and answer within an answered call: hold, resume, a new address, another codec (RFC 3264 §8, RFC 3261
§14, RFC 3311).

The rule: a new offer goes on to the other leg when it changes which way audio flows, or, where nothing may be
transcoded, which codecs there are (`Leg.concerns`); the offerer is answered once the other leg has answered.
Anything else (a refresh, a moved address, new keys, other codecs that transcoding bridges) concerns only the
leg it came on, because media is anchored here, and is answered at once. One exchange at a time over both
legs: a second one meets 491 (RFC 3261 §14.2), and so does one that the other peer answers with 491: which of
the two comes first is settled by the peers' own timers. A CANCEL goes on as well; the other peer may have
accepted already, and then so do we (RFC 6141 §3.8). An exchange that fails leaves both legs as they were; a
peer that has answered what can't be agreed on with the other is offered what stands once more.

A re-INVITE without SDP is answered with an offer of ours that repeats what stands; the answer comes in the
ACK, and goes on to the other leg by the same rule.

The offers of our own are of a new key, when one of a leg is worn (`Renegotiation.rekey`), of what stands,
from a node that the peers don't know yet (`Renegotiation.refresh`), and of what one peer has said that the
other doesn't know: before the call was answered (`Renegotiation.catch_up`), or in its answer to one of these
(`Renegotiation.tell`).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from trunkline.call.leg import Leg
from trunkline.call.passing import relayed_refusal, sdp_warning
from trunkline.call.ports import MediaEngine
from trunkline.call.remote_media import connect
from trunkline.errors import SdpError
from trunkline.sdp.local import Standing
from trunkline.sdp.offer_answer import RemoteAudio
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.failures import RequestFailure, RequestFailureKind
from trunkline.sip.message import Response


class Stood(NamedTuple):
    """What stood on a leg before an exchange."""

    remote: RemoteAudio | None
    standing: Standing

    @classmethod
    def on(cls, leg: Leg) -> "Stood":
        return cls(leg.remote, leg.local.standing)

    def again(self, leg: Leg) -> None:
        """Let it stand again."""
        leg.remote, leg.local.standing = self


class Renegotiation:
    """The exchanges of one answered call. `warn_agent` is the host that Warning fields name."""

    __slots__ = ("_agreed", "_media", "_pending", "_warn_agent", "_we_offered", "callee", "caller")

    def __init__(
        self, media: MediaEngine, caller: Leg, callee: Leg, warn_agent: str, agreed: Callable[[], None]
    ) -> None:
        """`agreed` is told whenever something new was agreed on."""
        self._media = media
        self._warn_agent = warn_agent
        self._agreed = agreed
        self._pending: _PassedOn | _NewKey | _Refresh | None = None
        self._we_offered: Leg | None = None
        self.caller = caller
        self.callee = callee

    @property
    def busy(self) -> bool:
        """Whether an offer waits for its answer."""
        return self._pending is not None or self._we_offered is not None

    def offered(self, leg: Leg, exchange: IncomingOffer) -> None:
        """A re-INVITE or UPDATE on `leg`. It meets 491 too while a caller that came without an offer has not
        answered ours.
        """
        if self.busy or self.other(leg).remote is None:
            exchange.reject(491)
            return
        body = exchange.request.body
        if not body:
            self._we_offered = leg
            exchange.accept(leg.offer_again())
            return
        stood = Stood.on(leg)
        try:
            leg.take_offer(body)
            if leg.concerns(self.other(leg), stood.remote):
                self._pass_on(leg, stood, exchange)
            else:
                answer = leg.answer(self.other(leg))
                self.connect()
                exchange.accept(answer)
        except SdpError as error:
            self.refuse(leg, stood, exchange, error)

    def acknowledged(self, leg: Leg, body: bytes) -> None:
        """The answer to our offer in a 2xx. Where that was to the INVITE that began the call, there has to be
        one; else, without one (RFC 3261 §13.2.1 wants it), what stands goes on to stand. Raises `SdpError`
        when it is unusable: the call can't go on.
        """
        if leg.remote is None:
            leg.take_late_answer(body, self.other(leg))
            self.connect()
            return
        if leg is not self._we_offered:
            return
        self._we_offered = None
        if not body:
            return
        stood = Stood.on(leg)
        leg.take_late_answer(body, self.other(leg))
        self.connect()
        if leg.concerns(self.other(leg), stood.remote) and self.other(leg).usage is not None:
            self._pass_on(leg, stood, None)

    def _pass_on(self, leg: Leg, stood: Stood, exchange: IncomingOffer | None) -> None:
        """Offer the other peer what this one says now. Raises `SdpError` when there is nothing to offer it:
        then nothing is under way.
        """
        passed = _PassedOn(self, leg, stood, exchange)
        body = self.other(leg).offer(leg)
        self._pending = passed
        passed.send(body)

    def catch_up(self) -> None:
        """The call has just been answered: offer a peer what the other one has said since it was told last.
        An UPDATE before the answer is settled on its own leg, and a reliable response has the last word until
        then (`call.early`).
        """
        for leg in (self.caller, self.callee):
            other = self.other(leg)
            if not self.busy and not _is_told(leg, other):
                with suppress(SdpError):
                    self._pass_on(other, Stood.on(other), None)

    def refreshed(self, leg: Leg, body: bytes) -> None:
        """The answer to what stands, offered once more to refresh the session (RFC 4028 §7.4): the peer may
        have moved, have made a new key, or hold or resume by it. One that can't be used changes nothing.
        """
        stood = Stood.on(leg)
        try:
            if stood.remote is None or not leg.take_refresh(body):
                return
            self.connect()
        except SdpError:
            stood.again(leg)
        else:
            self.tell(leg, stood)

    def tell(self, leg: Leg, stood: Stood) -> None:
        """The peer of `leg` has answered an offer of what `stood`: where audio flows another way by it, the
        other peer is offered that.
        """
        if stood.remote is None or leg.remote is None or self.busy:
            return
        takes = leg.local.direction.mirrored
        before, now = (audio.effective_direction.narrowed_to(takes) for audio in (stood.remote, leg.remote))
        if now is not before:
            with suppress(SdpError):
                self._pass_on(leg, stood, None)

    def rekey(self, leg: Leg) -> None:
        """Offer the peer of `leg` a new key, so that it may make one too. Nothing else is under way. What
        stands goes on to stand where it refuses, or repeats its own.
        """
        self._pending = _NewKey(self, leg)
        self._pending.send()

    def refresh(self) -> None:
        """Offer both peers what stands, so that they learn where we are now (RFC 3261 §12.2: a re-INVITE
        refreshes the target). Nothing else is under way. One that refuses goes on as before; one that knows
        no such dialog any more ends the call, as with any request in it.
        """
        self.offer_standing(self.caller, self.callee)

    def offer_standing(self, *legs: Leg) -> None:
        """Offer the peers of `legs` what stands. Nothing else is under way."""
        self._pending = refresh = _Refresh(self, legs)
        refresh.send()

    def left(self, leg: Leg) -> None:
        """The peer of `leg` has hung up, and the call goes on without it: nothing waits for its answer."""
        if self._we_offered is leg:
            self._we_offered = None
        if self._pending is not None:
            self._pending.left(leg)

    def other(self, leg: Leg) -> Leg:
        """The leg across."""
        return self.callee if leg is self.caller else self.caller

    def connect(self) -> None:
        """Let the media follow what both legs say now."""
        connect(self._media, self.caller, self.callee)
        self._agreed()

    def refuse(self, leg: Leg, stood: Stood, exchange: IncomingOffer, error: SdpError) -> None:
        """Answer 488 and go back to what stood before, in the media too."""
        stood.again(leg)
        with suppress(SdpError):
            self.connect()
        exchange.reject(488, headers=(sdp_warning(error, self._warn_agent),))

    def settled(self) -> None:
        """The exchange on the other leg has ended, well or badly."""
        self._pending = None


def _is_told(leg: Leg, other: Leg) -> bool:
    """Whether the peer of `leg` knows which way audio flows, as far as that of `other` lets it: who has not
    described itself is told by its answer.
    """
    if leg.remote is None or other.remote is None:
        return True
    takes = leg.remote.effective_direction.mirrored
    says = other.remote.effective_direction
    return leg.local.direction.narrowed_to(takes) is says.narrowed_to(takes)


class _PassedOn:
    """One offer on its way over the other leg. `exchange` is None when the offerer needs no answer (it
    answered us in ACK).
    """

    __slots__ = ("_before", "_exchange", "_leg", "_renegotiation", "_stood")

    def __init__(
        self,
        renegotiation: Renegotiation,
        leg: Leg,
        before: Stood,
        exchange: IncomingOffer | None,
    ) -> None:
        """`before` stood on the offerer's leg."""
        self._renegotiation = renegotiation
        self._leg = leg
        self._before = before
        self._exchange = exchange
        self._stood = Stood.on(renegotiation.other(leg))

    def send(self, body: bytes) -> None:
        """UPDATE for an UPDATE when the other peer allows it, else a re-INVITE (RFC 3311 §5.1)."""
        usage = self._renegotiation.other(self._leg).usage
        exchange = self._exchange
        if usage is None or usage.ended:
            self._rejected(RequestFailure(RequestFailureKind.UNREACHABLE, "the other leg is gone"))
        elif exchange is not None and exchange.method == "UPDATE" and usage.peer_allows("UPDATE"):
            usage.update(body, self._answered, self._rejected, relayed=True)
        else:
            reinvite = usage.reinvite(body, self._answered, self._rejected, relayed=exchange is not None)
            if exchange is not None and not exchange.settled:
                exchange.on_cancel = reinvite.cancel

    def left(self, leg: Leg) -> None:
        """See `Renegotiation.left`."""
        if leg is self._renegotiation.other(self._leg):
            self._rejected(RequestFailure(RequestFailureKind.UNREACHABLE, "it has hung up"))

    def _answered(self, response: Response) -> None:
        renegotiation = self._renegotiation
        leg = self._leg
        other = renegotiation.other(leg)
        renegotiation.settled()
        try:
            other.take_answer(response.body)
            answer = leg.answer(other) if self._exchange is not None else b""
            renegotiation.connect()
            if self._exchange is not None:
                self._exchange.accept(answer)
        except SdpError as error:
            self._stood.again(other)
            if self._exchange is not None:
                renegotiation.refuse(leg, self._before, self._exchange, error)
                renegotiation.offer_standing(other)

    def _rejected(self, why: Response | RequestFailure) -> None:
        renegotiation = self._renegotiation
        renegotiation.settled()
        self._stood.again(renegotiation.other(self._leg))
        if self._exchange is not None:
            self._before.again(self._leg)
            status, headers = (487, []) if self._exchange.cancelled else relayed_refusal(why)
            self._exchange.reject(status, headers=headers)


class _NewKey:
    """An offer of a new key to the peer of one leg. Its direction and codecs stay, so the other leg's peer
    need not hear of it.
    """

    __slots__ = ("_leg", "_renegotiation", "_stood")

    def __init__(self, renegotiation: Renegotiation, leg: Leg) -> None:
        self._renegotiation = renegotiation
        self._leg = leg
        self._stood = Stood.on(leg)

    def send(self) -> None:
        """A re-INVITE."""
        usage = self._leg.usage
        if usage is None:
            self._renegotiation.settled()
        else:
            usage.reinvite(self._leg.offer_new_key, self._answered, self._rejected)

    def left(self, leg: Leg) -> None:
        """See `Renegotiation.left`."""
        if leg is self._leg:
            self._renegotiation.settled()

    def _answered(self, response: Response) -> None:
        self._renegotiation.settled()
        try:
            self._leg.take_answer(response.body)
            self._renegotiation.connect()
        except SdpError:
            self._stood.again(self._leg)
        else:
            self._renegotiation.tell(self._leg, self._stood)

    def _rejected(self, why: Response | RequestFailure) -> None:  # noqa: ARG002 - whatever it is
        self._renegotiation.settled()
        self._stood.again(self._leg)


class _Refresh:
    """Offers of what stands to the peers of `legs`."""

    __slots__ = ("_answers", "_open", "_renegotiation")

    def __init__(self, renegotiation: Renegotiation, legs: Sequence[Leg]) -> None:
        self._renegotiation = renegotiation
        self._open = list(legs)
        self._answers: list[tuple[Leg, Stood]] = []
        """Who has answered, and what stood there before."""

    def send(self) -> None:
        """A re-INVITE to each."""
        for leg in tuple(self._open):
            usage, stood = leg.usage, Stood.on(leg)
            if usage is None:
                self._over(leg)
            else:
                usage.reinvite(
                    leg.offer_standing,
                    partial(self._answered, leg, stood),
                    partial(self._rejected, leg, stood),
                )

    def _answered(self, leg: Leg, stood: Stood, response: Response) -> None:
        try:
            leg.take_answer(response.body)
            self._renegotiation.connect()
        except SdpError:
            stood.again(leg)
        else:
            self._answers.append((leg, stood))
        self._over(leg)

    def _rejected(self, leg: Leg, stood: Stood, why: Response | RequestFailure) -> None:  # noqa: ARG002 - whatever it is
        stood.again(leg)
        self._over(leg)

    def left(self, leg: Leg) -> None:
        """See `Renegotiation.left`."""
        self._over(leg)

    def _over(self, leg: Leg) -> None:
        if leg in self._open:
            self._open.remove(leg)
        if not self._open:
            self._renegotiation.settled()
            for answered, stood in self._answers:
                self._renegotiation.tell(answered, stood)
