"""A test phone: places one call or takes one, says something, listens, and reports what it heard.

`trunkline dial` and the demo are this. Its own station and its own media engine: what it reports went over
the wire.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from trunkline.clock import Clock
from trunkline.errors import MediaError, SdpError
from trunkline.media.terminals import Source, TerminalEngine
from trunkline.pstn.conversation import PlacedCall, TakenCall
from trunkline.pstn.dialling import CallReport, Dialling
from trunkline.pstn.station import CallsOnly, Station
from trunkline.pstn.talker import CODECS, Talker
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.ports import Address, Locator, Transport


class Phone(CallsOnly):
    """A phone on one address. `answers` makes it take calls: it says that to callers, and `taken` reports
    each.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        media: TerminalEngine,
        locator: Locator,
        token: Callable[[], str],
        bind: Address,
        transports: tuple[Transport, ...] = (Transport.UDP,),
        answers: Source | None = None,
        listen_for: Sequence[float] = (),
        codecs: tuple[str, ...] = CODECS,
        events: bool = True,
        ring_s: float = 0.0,
        refuse_with: int | None = None,
        taken: Callable[[CallReport], None] = lambda _report: None,
    ) -> None:
        """`ring_s`: how long it rings before it answers. `refuse_with`: a status to refuse every call with.
        Without that and `answers`, calls are refused with 480.
        """
        self.station = Station(
            self,
            clock=clock,
            locator=locator,
            token=token,
            product="Trunkline test phone",
            bind=bind,
            transports=transports,
        )
        self._media = media
        self._answers = answers
        self._listen_for = listen_for
        self._codecs = codecs
        self._events = events
        self._ring_s = ring_s
        self._refuse_with = refuse_with
        self._taken = taken
        self._up: set[TakenCall] = set()

    async def start(self) -> Address:
        """Open it; return its address. Raises `NetError`."""
        return await self.station.start()

    async def close(self) -> None:
        """Hang up calls that were taken and close it."""
        for call in list(self._up):
            call.hang_up()
        await self.station.close()

    async def dial(self, dialling: Dialling) -> CallReport:
        """Place a call, stay for its time, hang up. Raises `MediaError`, and `SipBuildError` for what can't
        be sent.
        """
        talker = self._talker(
            dialling.say,
            dialling.listen_for,
            dialling.record_to,
            dialling.codecs,
            secure=dialling.srtp,
            ptime_ms=dialling.ptime_ms,
            events=dialling.events,
            ilbc_ms=dialling.ilbc_ms,
        )
        call = PlacedCall(self.station, talker, dialling)
        try:
            return await call.run()
        finally:
            talker.close()

    def _talker(
        self,
        source: Source,
        listen_for: Sequence[float],
        record_to: Path | None = None,
        codecs: tuple[str, ...] = CODECS,
        *,
        secure: bool = False,
        ptime_ms: int = 20,
        events: bool = True,
        ilbc_ms: int = 30,
    ) -> Talker:
        terminal = self._media.open_terminal(source, listen_for=listen_for, record_to=record_to)
        station = self.station
        return Talker(
            terminal,
            station.new_session_id(),
            codecs,
            key=station.new_key(),
            secure=secure,
            ptime_ms=ptime_ms,
            events=events,
            ilbc_ms=ilbc_ms,
        )

    # -- the user agent's user ---------------------------------------------------------------------

    def invite_received(self, invite: IncomingInvite) -> None:
        """A call for this phone."""
        if self._refuse_with is not None or self._answers is None:
            invite.reject(self._refuse_with or 480)
            return
        try:
            talker = self._talker(self._answers, self._listen_for, codecs=self._codecs, events=self._events)
        except MediaError:
            invite.reject(488)
            return
        try:
            answer = talker.answer(invite.request.body)
        except (MediaError, SdpError):
            talker.close()
            invite.reject(488)
            return
        call = TakenCall(self.station, talker, invite, self._ended)
        self._up.add(call)
        call.ring(answer, self._ring_s)

    def _ended(self, call: "TakenCall", report: CallReport) -> None:
        self._up.discard(call)
        self._taken(report)
