"""Why a call ended and what to change, in words: from its record, its attempts and its SIP messages.

The verdict says what kind of end it was; the messages say what the peers themselves had to say about it.
Every sentence here is put together from what is there: what can't be read is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trunkline.call.record import AttemptRecord, CallRecord, Direction, MediaFigures, Party
from trunkline.observe.message import LadderMessage
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request, Response
from trunkline.sip.parse import parse_message
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.dashboard.calls.codecs import codecs_named, names_one_of_ours
from trunkline.web.dashboard.wording import short, span

MAX_READ = 400
"""Messages that are read, from the end."""
_WORDS = 200
"""Characters of what a peer said."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Sentences for a person."""

    happened: tuple[str, ...]
    change: tuple[str, ...] = ()
    """What to change; nothing when all was well, or nobody could."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A call that is over, with its messages at hand."""

    call: CallRecord
    attempts: Sequence[AttemptRecord]
    messages: Sequence[LadderMessage]
    verdict: Verdict
    pbx: str

    @property
    def caller(self) -> str:
        return self.pbx if self.call.direction is Direction.OUTBOUND else self.carrier

    @property
    def callee(self) -> str:
        return self.carrier if self.call.direction is Direction.OUTBOUND else self.pbx

    @property
    def carrier(self) -> str:
        return f"The carrier {self.call.carrier}" if self.call.carrier else "The carrier"

    @property
    def last(self) -> AttemptRecord | None:
        return self.attempts[-1] if self.attempts else None

    def read(self, leg: int, *, sent: bool) -> Iterator[Request | Response]:
        """What went one way on a leg, newest first."""
        for message in reversed(self.messages[-MAX_READ:]):
            if message.leg == leg and message.sent == sent:
                try:
                    yield parse_message(message.data)
                except SipSyntaxError:
                    continue

    def answer(self) -> Response | None:
        """The final answer of the last attempt's target to its INVITE."""
        for message in self.read(len(self.attempts), sent=False):
            if isinstance(message, Response) and message.status >= 300 and message.cseq.method == "INVITE":
                return message
        return None

    def offer(self, leg: int, *, sent: bool) -> Request | None:
        """The newest INVITE with a session description."""
        for message in self.read(leg, sent=sent):
            if isinstance(message, Request) and message.method == "INVITE" and message.body:
                return message
        return None


def ending(
    call: CallRecord, attempts: Sequence[AttemptRecord], messages: Sequence[LadderMessage], *, pbx: str
) -> Ending:
    """Why `call` ended. `pbx` is what the customer's side is called, as the beginning of a sentence."""
    if call.verdict is None:
        return Ending(("The call is under way.",))
    case = _Case(call, attempts, messages, call.verdict, pbx)
    match call.verdict.slug:
        case Slug.ANSWERED:
            return _answered(case)
        case Slug.CODEC_MISMATCH | Slug.BAD_SDP | Slug.SRTP_UNAVAILABLE:
            return _mismatch(case)
        case Slug.MEDIA_TIMEOUT:
            return _silence_in_call(case)
        case Slug.ENDPOINT_SILENT | Slug.ALL_SILENT:
            return _no_response(case)
    return _refused(case)


def _answered(case: _Case) -> Ending:
    call = case.call
    who = {Party.CALLER: "The caller", Party.CALLEE: "The called side", Party.SERVICE: "The service"}
    hung_up = f"{who[call.hung_up_by]} hung up" if call.hung_up_by is not None else "It ended"
    happened = [f"The call was answered. {hung_up} after {span(call.talk_s)}."]
    quiet = _quiet(case)
    if quiet is None:
        return Ending(tuple(happened))
    return Ending((*happened, quiet), (_LET_AUDIO_THROUGH,))


_LET_AUDIO_THROUGH = (
    "Let UDP to and from the media ports through the firewall in front of that side, and have it state its "
    "public address for audio (external_media_address, externip, ext-rtp-ip)."
)


def _quiet(case: _Case) -> str | None:
    """Which side was never heard."""
    sides = ((case.caller, case.call.caller_media), (case.callee, case.call.callee_media))
    quiet = [name for name, figures in sides if _unheard(figures)]
    if not quiet:
        return None
    return "No audio came from either side." if len(quiet) == 2 else f"{quiet[0]} sent no audio."


def _unheard(figures: MediaFigures) -> bool:
    return figures.packets_received == 0


def _silence_in_call(case: _Case) -> Ending:
    quiet = _quiet(case) or "Audio came at first, and then no more."
    return Ending((f"{case.verdict.text} {quiet}", *_detail(case.verdict)), (_LET_AUDIO_THROUGH,))


def _mismatch(case: _Case) -> Ending:
    """Two sides that can't speak with each other: by the far end's word, or by what the caller offers."""
    answer = case.answer()
    if answer is not None:
        return _far_end_mismatch(case, answer)
    offer = case.offer(0, sent=False)
    names = [] if offer is None else codecs_named(offer)
    if offer is not None and names and not names_one_of_ours(offer):
        return Ending(
            (f"{case.caller} offers only {_listed(names)}, which Trunkline does not speak.",),
            (_allow(case, case.caller),),
        )
    offered = (f"{case.caller} offers {_listed(names)}.",) if names else ()
    return Ending((case.verdict.text, *_detail(case.verdict), *offered), _remedy(case.verdict))


def _far_end_mismatch(case: _Case, answer: Response) -> Ending:
    offer = case.offer(len(case.attempts), sent=True)
    ours = [] if offer is None else codecs_named(offer)
    theirs = codecs_named(answer)
    said = f"{case.callee} answered {answer.status}"
    if theirs:
        said = f"{said}: it offers only {_listed(theirs)}"
    happened = [f"{said}.", *_said(answer)]
    if ours:
        happened.append(f"Trunkline offered {_listed(ours)}.")
    if case.verdict.slug is not Slug.CODEC_MISMATCH:
        return Ending(tuple(happened), _remedy(case.verdict))
    return Ending(tuple(happened), (_allow(case, case.callee, ours),))


def _allow(case: _Case, who: str, ours: Sequence[str] = ()) -> str:
    names = [name for name in ours if name in ("PCMA", "PCMU")] or list(ours[:2]) or ["PCMA", "PCMU"]
    if who == case.pbx:
        return f"Allow {' or '.join(names)} in the trunk of the PBX."
    return f"Let the carrier have {' or '.join(names)}."


def _no_response(case: _Case) -> Ending:
    last = case.last
    happened = [case.verdict.text]
    if last is not None:
        sent = sum(
            1
            for message in case.messages
            if message.leg == len(case.attempts) and message.sent and message.data.startswith(b"INVITE ")
        )
        waited = f" within {last.ended_at - last.started_at:.1f} s" if last.ended_at is not None else ""
        times = f" to {sent} INVITEs" if sent > 1 else ""
        where = f" ({last.resolved})" if last.resolved else ""
        happened.append(f"{case.callee} at {last.target}{where} said nothing{waited}{times}.")
    return Ending((*happened, *_others(case)), _remedy(case.verdict))


def _refused(case: _Case) -> Ending:
    """Everything else: the verdict's own words, and the far end's if it had any."""
    verdict, answer = case.verdict, case.answer()
    happened = [verdict.text]
    if answer is not None and case.last is not None and case.last.verdict is not None:
        happened.append(
            f"{case.callee} at {case.last.target} answered {answer.status} {short(answer.reason, _WORDS)}."
        )
        happened += _said(answer)
    else:
        happened += _detail(verdict)
    return Ending((*happened, *_others(case)), _remedy(verdict))


def _others(case: _Case) -> Iterator[str]:
    """Why the attempts before the last one were left."""
    for attempt in case.attempts[:-1][:10]:
        if attempt.verdict is not None:
            why = attempt.verdict.detail or attempt.verdict.text.rstrip(".")
            yield f"Before that, {attempt.target} was left: {short(why, _WORDS)}."


def _said(answer: Response) -> Iterator[str]:
    """What the far end says about it: Reason (RFC 3326) and Warning (RFC 3261 §20.43)."""
    reasons = [reason.text for reason in answer.reason_header if reason.text]
    warnings = [value.partition('"')[2].rpartition('"')[0] for value in answer.headers.all("warning")]
    for words in dict.fromkeys([*reasons, *filter(None, warnings)]):
        yield f"It says: “{short(words, _WORDS)}”."


def _detail(verdict: Verdict) -> Iterator[str]:
    if verdict.detail:
        yield f"{verdict.detail[0].upper()}{short(verdict.detail[1:], _WORDS)}."


def _remedy(verdict: Verdict) -> tuple[str, ...]:
    return (verdict.remedy,) if verdict.remedy else ()


def _listed(names: Sequence[str]) -> str:
    shown = [short(name, 24) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
