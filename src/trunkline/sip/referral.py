"""A REFER within a dialog, and the implicit subscription that it makes (RFC 3515, RFC 4488).

`read_refer` says what is asked for. `Referral` answers it and tells the referrer, in NOTIFYs, what comes of
it: one at a time, so that none overtakes another, and of news that wait only the latest. What is done about
the request, and whether anything is, is its user's business (`trunkline.call.referring`).

Deliberate deviations: a NOTIFY that fails ends the subscription, never the dialog (RFC 5057 §5.1 has some
statuses destroy it, such as 404 and 482), because a referrer that wants no news still has its call; there is
no SUBSCRIBE to refresh or end the subscription with: it lasts no longer than the attempts do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from trunkline.sip.dialog import DialogId
from trunkline.sip.dialog_request import Outcome
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.reasons import REASONS
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.uri import OtherUri, SipUri

if TYPE_CHECKING:
    from trunkline.sip.usage import Usage

EXPIRES_S = 300
"""What the first NOTIFY names (RFC 6665 §4.1.3): longer than a target may ring."""


@dataclass(frozen=True, slots=True)
class Replaces:
    """A dialog that another one is to take the place of (RFC 3891 §6.1)."""

    dialog: DialogId
    """As the peer who is asked to replace it knows it: its own tag is the `to-tag`."""
    early_only: bool
    """Only while it is not answered."""


@dataclass(frozen=True, slots=True)
class Refer:
    """What one REFER asks for."""

    target: SipUri | OtherUri
    quiet: bool
    """`Refer-Sub: false`: no subscription is wanted (RFC 4488 §4)."""
    replaces: Replaces | None
    """What the target is to be asked to put an end to (RFC 5589 §7.3)."""

    @property
    def dialled(self) -> str:
        """The number in the target, as an INVITE to it would have it; empty where it names none, or asks for
        another request than an INVITE (RFC 3515 §2.1).
        """
        target = self.target
        if isinstance(target, OtherUri):
            return target.opaque if target.scheme == "tel" else ""
        invites = (target.params.get("method") or "INVITE").upper() == "INVITE"
        return (target.user or "") if invites else ""


def read_refer(request: Request) -> Refer:
    """Raises `SipSyntaxError` unless there is exactly one Refer-To, and a good one (RFC 3515 §2.4.1), with at
    most one Replaces in it.
    """
    values = request.headers.all("refer-to")
    if len(values) != 1:
        raise SipSyntaxError("Refer-To", "exactly one is needed")
    try:
        addresses = NameAddr.parse_list(values[0])
    except SipSyntaxError as error:
        raise error.within("Refer-To") from None
    if len(addresses) != 1:
        raise SipSyntaxError("Refer-To", "exactly one address is needed")
    quiet = (request.headers.get("refer-sub") or "").partition(";")[0].strip().lower() == "false"
    target = addresses[0].uri
    return Refer(target, quiet, _replaces(target.headers) if isinstance(target, SipUri) else None)


def _replaces(headers: str) -> Replaces | None:
    """The Replaces among the header fields of a URI (RFC 3261 §19.1.1)."""
    fields = [one.partition("=") for one in headers.split("&")]
    values = [unquote(value) for name, _, value in fields if unquote(name).lower() == "replaces"]
    return read_replaces(values) if values else None


def read_replaces(values: Sequence[str]) -> Replaces:
    """The only one of a message's Replaces (RFC 3891 §3, §6.1). Raises `SipSyntaxError`."""
    if len(values) > 1:
        raise SipSyntaxError("Replaces", "at most one is allowed")
    call_id, *parameters = (part.strip() for part in values[0].split(";"))
    pairs = [parameter.partition("=") for parameter in parameters]
    tags = {
        wanted: [value.strip() for name, _, value in pairs if name.strip().lower() == wanted]
        for wanted in ("to-tag", "from-tag")
    }
    if not call_id or any(len(found) != 1 or not found[0] for found in tags.values()):
        raise SipSyntaxError("Replaces", "a Call-ID, one to-tag and one from-tag are needed")
    early_only = any(name.strip().lower() == "early-only" for name, _, _ in pairs)
    return Replaces((call_id, tags["to-tag"][0], tags["from-tag"][0]), early_only)


class Referral:
    """An accepted REFER. `numbered`: it is not the first of its dialog, and NOTIFYs name it by its sequence
    number (RFC 3515 §2.4.6).
    """

    __slots__ = ("_ended", "_event", "_quiet", "_sending", "_then", "_usage", "_waiting")

    def __init__(
        self,
        usage: "Usage",
        request: Request,
        transaction: ServerTransaction,
        *,
        quiet: bool,
        numbered: bool,
    ) -> None:
        """Answers 202."""
        self._usage = usage
        self._quiet = quiet
        self._event = f"refer;id={request.cseq.number}" if numbered else "refer"
        self._sending = False
        self._waiting: tuple[int, str | None, bool] | None = None
        self._ended = False
        self._then: Callable[[], None] | None = None
        headers = (("Refer-Sub", "false"),) if quiet else ()
        transaction.respond(usage.dialog_response(request, transaction, 202, b"", headers))

    def tell(self, status: int, reason: str | None = None, then: Callable[[], None] | None = None) -> None:
        """What a target answers: provisional, or final and the last news; nothing comes after that. `then` is
        called once the referrer has taken the final news, or will not.
        """
        if self._ended:
            return
        self._ended = status >= 200
        self._then = then
        self._waiting = (status, reason, self._ended)
        self._send_next()

    def _send_next(self) -> None:
        waiting = self._waiting
        if self._sending:
            return
        if waiting is None or self._quiet or self._usage.ended:
            self._done()
            return
        self._waiting = None
        self._sending = True
        status, reason, final = waiting
        state = "terminated;reason=noresource" if final else f"active;expires={EXPIRES_S}"
        self._usage.notify(
            (("Event", self._event), ("Subscription-State", state)),
            "message/sipfrag;version=2.0",
            sipfrag(status, reason),
            self._taken,
            self._refused,
        )

    def _taken(self, _: Response) -> None:
        self._sending = False
        self._send_next()

    def _refused(self, _: Outcome) -> None:
        self._quiet = True
        self._sending = False
        self._send_next()

    def _done(self) -> None:
        """Nothing waits to be told."""
        then, self._then = self._then, None
        if self._ended and then is not None:
            then()


def sipfrag(status: int, reason: str | None = None) -> bytes:
    """A status line (RFC 3420 §3.2, RFC 3515 §2.4.5)."""
    phrase = reason if reason is not None and reason.isprintable() else REASONS.get(status, "")
    return f"SIP/2.0 {status} {phrase}\r\n".encode()
