"""A call of a test phone while it is up: one that was placed, or one that came in. Each has a talker, which
says and hears, and a report, which is whole at its end.
"""

import asyncio
from collections.abc import Callable

from trunkline.call.digits import DigitSender, holds_digit, read_digit
from trunkline.clock import Timer
from trunkline.errors import MediaError, SdpError, TrunklineError
from trunkline.pstn.dialling import PAUSE_S, CallReport, Dialling, Step
from trunkline.pstn.quiet_dialog import QuietDialog
from trunkline.pstn.station import Station
from trunkline.pstn.talker import Talker
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.failures import RequestFailure
from trunkline.sip.grammar import readable
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outgoing_invite import OutgoingInvite, OutgoingInviteEvents
from trunkline.sip.ports import Flow, Target
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage

HANG_UP_S = 2.0
"""How long the answer to our BYE or CANCEL is waited for."""
DIGIT_MS = 100
"""How long a digit in an INFO is said to last."""


class Conversation(QuietDialog):
    """What a placed and a taken call share: a talker, a report, and offers that come in between."""

    def __init__(self, station: Station, talker: Talker) -> None:
        self.station = station
        self.talker = talker
        self.report = CallReport()
        self._began = station.clock.now()
        self._answered_at: float | None = None

    def note(self, what: str) -> None:
        """One more step."""
        self.report.steps.append(Step(round(self.station.clock.now() - self._began, 3), what))

    def talking(self) -> None:
        """It is answered."""
        self._answered_at = self.station.clock.now()
        self.report.answered = True
        self.report.codec = self.talker.codec

    def conclude(self) -> CallReport:
        """What was heard; the talker stays open."""
        report = self.report
        if self._answered_at is not None:
            report.talk_s = round(self.station.clock.now() - self._answered_at, 3)
        report.hearing = self.talker.hearing()
        report.figures = self.talker.terminal.figures()
        report.figures.codec = report.codec
        return report

    def info_received(self, request: Request, transaction: ServerTransaction) -> None:
        """A digit, mostly; anything else is taken too."""
        content_type = request.headers.get("content-type") or ""
        digit = read_digit(content_type, request.body) if holds_digit(content_type) else None
        if digit is not None:
            self.report.digits_in_info += digit.digit
        super().info_received(request, transaction)

    def offer_received(self, exchange: IncomingOffer) -> None:
        """Hold, resume, another address."""
        body = exchange.request.body
        self.note(f"the far end sent {exchange.method}")
        try:
            exchange.accept(self.talker.answer(body) if body else self.talker.offer())
        except TrunklineError:
            exchange.reject(488)


class TakenCall(Conversation):
    """A call that came in."""

    def __init__(
        self,
        station: Station,
        talker: Talker,
        invite: IncomingInvite,
        ended: Callable[["TakenCall", CallReport], None],
    ) -> None:
        super().__init__(station, talker)
        self._invite = invite
        self._ended = ended
        self._ringing: Timer | None = None
        invite.events = self

    def ring(self, answer: bytes, ring_s: float) -> None:
        """Ring, and take it after that time."""
        self._invite.progress(180)
        if ring_s:
            clock = self.station.clock
            self._ringing = clock.at(clock.now() + ring_s, lambda: self._accept(answer))
        else:
            self._accept(answer)

    def _accept(self, answer: bytes) -> None:
        self._invite.accept(body=answer)
        self.report.status = 200
        self.talking()

    def hang_up(self) -> None:
        """End it from this side."""
        self._invite.usage.bye()
        self.report.hung_up_by_us = True
        self._end("we hung up")

    def _end(self, outcome: str) -> None:
        if self._ringing is not None:
            self._ringing.cancel()
        self.report.outcome = outcome
        report = self.conclude()
        self.talker.close()
        self._ended(self, report)

    def cancelled(self, cancel: Request) -> None:  # noqa: ARG002
        self._end("the caller gave up")

    def bye_received(self, request: Request) -> None:  # noqa: ARG002
        self._end("the caller hung up")

    def no_ack(self) -> None:
        self._end("the answer was not acknowledged")

    def expired(self) -> None:
        self._end("the session expired")

    def failed(self, reason: str) -> None:
        self._end(reason)


class PlacedCall(Conversation, OutgoingInviteEvents):
    """A call that we placed."""

    def __init__(self, station: Station, talker: Talker, dialling: Dialling) -> None:
        super().__init__(station, talker)
        self._dialling = dialling
        self._invite: OutgoingInvite | None = None
        self._usage: Usage | None = None
        self._digits = DigitSender()
        self._changed = asyncio.Event()
        self._over = False

    async def run(self) -> CallReport:
        """Place it and see it through."""
        dialling = self._dialling
        credentials = dialling.credentials
        user = dialling.caller or (None if credentials is None else credentials.username) or "anonymous"
        to = dialling.to
        self.report.sip_call_id = self.station.agent.token()
        self._invite = self.station.agent.invite(
            uri=to,
            from_=NameAddr(None, SipUri("sip", user, dialling.domain or to.host)),
            to=NameAddr(None, to),
            next_hop=dialling.next_hop,
            headers=dialling.headers,
            body=self.talker.offer(),
            credentials=credentials,
            call_id=self.report.sip_call_id,
            events=self,
        )
        if not await self._wait(dialling.ring_s, lambda: self.report.answered):
            if not self._over:
                self.report.outcome = f"no answer within {dialling.ring_s:g} s"
        else:
            await self._press()
        if not self._over and self.report.answered:
            await self._wait(dialling.talk_s, lambda: False)
        if not self._over:
            await self._hang_up()
        return self.conclude()

    async def _press(self) -> None:
        first, *later = self._dialling.digits.split("w")
        self._send_digits(first)
        for digits in later:
            await self._wait(PAUSE_S, lambda: False)
            if self._over:
                return
            self._send_digits(digits)

    def _send_digits(self, digits: str) -> None:
        if not digits:
            return
        if not self._dialling.info:
            self.talker.terminal.send_digits(digits)
        elif self._usage is not None:
            for digit in digits:
                self._digits.send(self._usage, digit, DIGIT_MS)

    async def _wait(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Until `done`, the end of the call, or the end of the time; True when it is done and the call is
        up.
        """
        try:
            async with asyncio.timeout(seconds):
                while not self._over and not done():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        return done() and not self._over

    async def _hang_up(self) -> None:
        invite = self._invite
        self.report.hung_up_by_us = True
        self.note("we hang up")
        if invite is None:
            return
        report = self.conclude()
        invite.cancel()
        try:
            async with asyncio.timeout(HANG_UP_S):
                while self.station.agent.dialogs:  # noqa: ASYNC110 - they end deep below, and tell nobody
                    await asyncio.sleep(0.01)
        except TimeoutError:
            self.note("no answer to our BYE")
        report.outcome = report.outcome or "answered, and we hung up"

    def _end(self, outcome: str) -> None:
        self.report.outcome = outcome
        self.note(outcome)
        self._over = True
        self._changed.set()

    def note(self, what: str) -> None:
        super().note(what)
        self._dialling.noted(self.report.steps[-1])

    # -- events ------------------------------------------------------------------------------------

    def target_chosen(self, target: Target | Flow) -> None:
        address = target.address if isinstance(target, Target) else target.remote
        self.note(f"INVITE to {target.transport} {address}")

    def trying(self, response: Response) -> None:
        self.note(response.in_words)

    def progressed(self, response: Response, usage: Usage | None) -> None:
        self.note(response.in_words)
        if response.body:
            self._take(response.body)
        if usage is not None:
            usage.events = self

    def answered(self, response: Response, usage: Usage) -> None:
        self._usage = usage
        usage.events = self
        self.report.status = response.status
        self.note(response.in_words)
        if response.body and not self._take(response.body):
            usage.bye()
            self._end("the answer's SDP can't be used")
            return
        self.talking()
        self._changed.set()

    def _take(self, body: bytes) -> bool:
        try:
            self.talker.take_answer(body)
        except (MediaError, SdpError) as error:
            self.note(f"unusable SDP: {error}")
            return False
        return True

    def rejected(self, response: Response) -> None:
        self.report.status = response.status
        reasons = "; ".join([*response.headers.all("reason"), *response.headers.all("warning")])
        self._end(f"{response.in_words}{f' ({readable(reasons)})' if reasons else ''}")

    def failed(self, reason: str | RequestFailure) -> None:
        self._end(str(reason))

    def late_answer(self, response: Response) -> None:
        self.note(f"late {response.status}")

    def bye_received(self, request: Request) -> None:
        reasons = "; ".join(request.headers.all("reason"))
        self._end(f"the far end hung up{f' ({reasons})' if reasons else ''}")

    def no_ack(self) -> None:
        self._end("the answer was not acknowledged")

    def expired(self) -> None:
        self._end("the session expired")
