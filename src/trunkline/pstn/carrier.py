"""The simulated carrier: a SIP peer whose numbers echo, ring, are busy, fail, hang up, or call back
(`numbering`).

It is a station of its own, on its own address, and reaches the node over the wire like any other carrier:
nothing of a call to it is short-circuited. On by default only where the settings say so (`pstn.enabled`),
never meant for the open internet: whoever may send it an INVITE gets one.
"""

from collections.abc import Callable

from trunkline.call.ports import Tone
from trunkline.clock import Clock, Timer
from trunkline.errors import MediaError, SdpError
from trunkline.media.terminals import Echo, Silence, Source, TerminalEngine
from trunkline.pstn.numbering import TONE_HZ, Behaviour, Number, number_of
from trunkline.pstn.quiet_dialog import QuietDialog
from trunkline.pstn.station import CallsOnly, Station
from trunkline.pstn.talker import Talker
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outgoing_invite import OutgoingInviteEvents
from trunkline.sip.ports import Address, Flow, Locator, Target
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage

ECHO_AFTER_S = 0.04
"""An echo says nothing by itself: for this long it sends silence, which opens the way for audio to it."""
CALL_BACK_S = 1.0
"""How long a number of `Behaviour.CALL` stays in the call that asks for it."""
INBOUND_TALK_S = 10.0
"""How long the call that follows lasts, unless the callee hangs up first."""
_TONE = Tone((TONE_HZ,))


class SimulatedCarrier(CallsOnly):
    """See the module. `serves` is where its own calls go: the node's SIP address."""

    def __init__(
        self,
        *,
        clock: Clock,
        media: TerminalEngine,
        locator: Locator,
        token: Callable[[], str],
        bind: Address,
        serves: Address,
    ) -> None:
        self.station = Station(
            self, clock=clock, locator=locator, token=token, product="Trunkline simulated PSTN", bind=bind
        )
        self._media = media
        self._serves = serves
        self._calls: set[_Call] = set()

    async def start(self) -> Address:
        """Open it; return its address. Raises `NetError`."""
        return await self.station.start()

    async def close(self) -> None:
        """Hang up and close."""
        for call in list(self._calls):
            call.hang_up()
        await self.station.close()

    def __len__(self) -> int:
        """Calls under way."""
        return len(self._calls)

    # -- the user agent's user ---------------------------------------------------------------------

    def invite_received(self, invite: IncomingInvite) -> None:
        """A call from the node."""
        uri = invite.request.uri
        digits = (uri.user or "").removeprefix("+") if isinstance(uri, SipUri) else ""
        number = number_of(digits)
        if number is None:
            invite.reject(404)
        elif number.behaviour is Behaviour.BUSY:
            invite.reject(486)
        elif number.behaviour is Behaviour.FAIL:
            invite.reject(int(number.argument))
        elif not invite.request.body:
            invite.reject(488)
        else:
            self._answer(invite, number)

    def _answer(self, invite: IncomingInvite, number: Number) -> None:
        source: Source = Silence() if number.behaviour is Behaviour.ECHO else _TONE
        try:
            talker = self._talker(source)
        except MediaError:
            invite.reject(488)
            return
        try:
            answer = talker.answer(invite.request.body)
        except (MediaError, SdpError):
            talker.close()
            invite.reject(488)
            return
        call = _Called(self, talker, invite, answer, number)
        self._calls.add(call)
        call.start()

    # -- calls -------------------------------------------------------------------------------------

    def call(self, number: str, caller: str) -> None:
        """Call `number` (E.164 digits) at the node, as a carrier brings an inbound call. Raises
        `MediaError`.
        """
        talker = self._talker(_TONE)
        call = _Calling(self, talker)
        self._calls.add(call)
        host, port = self._serves
        uri = SipUri("sip", number, host, port)
        self.station.agent.invite(
            uri=uri,
            from_=NameAddr(None, SipUri("sip", f"+{caller}", host)),
            to=NameAddr(None, uri),
            body=talker.offer(),
            events=call,
        )

    def _talker(self, source: Source) -> Talker:
        return Talker(self._media.open_terminal(source), self.station.new_session_id())

    def ended(self, call: "_Call") -> None:
        """A call is over."""
        self._calls.discard(call)
        call.talker.close()


class _Call(QuietDialog):
    """What calls of either direction share."""

    def __init__(self, carrier: SimulatedCarrier, talker: Talker) -> None:
        self.carrier = carrier
        self.talker = talker
        self.usage: Usage | None = None
        self.timer: Timer | None = None

    def hang_up(self) -> None:
        """End it from this side."""
        if self.usage is not None:
            self.usage.bye()
        self.over()

    def over(self) -> None:
        """It has ended. Idempotent."""
        if self.timer is not None:
            self.timer.cancel()
        self.carrier.ended(self)

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        """Do one thing later."""
        clock = self.carrier.station.clock
        self.timer = clock.at(clock.now() + seconds, then)

    def offer_received(self, exchange: IncomingOffer) -> None:
        """Hold and the like: follow the offer."""
        try:
            exchange.accept(
                self.talker.answer(exchange.request.body) if exchange.request.body else self.talker.offer()
            )
        except (MediaError, SdpError):
            exchange.reject(488)

    def cancelled(self, cancel: Request) -> None:  # noqa: ARG002
        self.over()

    def bye_received(self, request: Request) -> None:  # noqa: ARG002
        self.over()

    def no_ack(self) -> None:
        self.over()

    def expired(self) -> None:
        self.over()

    def failed(self, reason: str) -> None:  # noqa: ARG002
        self.over()


class _Called(_Call):
    """A call from the node to one of the numbers."""

    def __init__(
        self, carrier: SimulatedCarrier, talker: Talker, invite: IncomingInvite, answer: bytes, number: Number
    ) -> None:
        super().__init__(carrier, talker)
        self._invite = invite
        self._answer = answer
        self._number = number
        self.usage = invite.usage
        invite.events = self

    def start(self) -> None:
        """Ring, and answer when it is time."""
        match self._number.behaviour:
            case Behaviour.RING:
                self._invite.progress(180)
            case Behaviour.ANSWER_LATER:
                self._invite.progress(180)
                self.after(float(self._number.argument), self._accept)
            case _:
                self._invite.progress(180)
                self._accept()

    def _accept(self) -> None:
        self._invite.accept(body=self._answer)
        if self._number.behaviour is Behaviour.DROP:
            self.after(float(self._number.argument), self.hang_up)
        elif self._number.behaviour is Behaviour.CALL:
            self.after(CALL_BACK_S, self._call_back)
        elif self._number.behaviour is Behaviour.ECHO:
            self.after(ECHO_AFTER_S, lambda: self.talker.play(Echo()))

    def _call_back(self) -> None:
        caller = (self._invite.request.from_.uri.user or "anonymous").removeprefix("+")
        self.hang_up()
        self.carrier.call(self._number.argument or caller, caller)


class _Calling(_Call, OutgoingInviteEvents):
    """A call from the carrier to a number of the node's."""

    def target_chosen(self, target: Target | Flow) -> None: ...

    def trying(self, response: Response) -> None: ...

    def progressed(self, response: Response, usage: Usage | None) -> None: ...

    def answered(self, response: Response, usage: Usage) -> None:
        self.usage = usage
        usage.events = self
        try:
            self.talker.take_answer(response.body)
        except (MediaError, SdpError):
            self.hang_up()
        else:
            self.after(INBOUND_TALK_S, self.hang_up)

    def rejected(self, response: Response) -> None:  # noqa: ARG002
        self.over()

    def failed(self, reason: object) -> None:  # noqa: ARG002
        self.over()

    def late_answer(self, response: Response) -> None: ...
