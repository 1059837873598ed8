"""DTMF digits in INFO requests: `application/dtmf-relay` and `application/dtmf`, which no RFC defines.

The first is what Cisco gateways made common (`Signal=5`, `Duration=160`, one a line), the second is the digit
alone. Read leniently, as the telephones and gateways write them; written as the first, whole. Whether a peer
is told digits this way is its `trunkline.trunk.media_policy.DtmfMode`; digits as telephone-events or tones
are the media engine's.

Several INFO requests at once may overtake each other on the way, and a peer refuses the older one then (RFC
3261 §12.2.2): `DigitSender` sends the next digit when the last one was answered.
"""

from collections import deque
from typing import NamedTuple

from trunkline.sip.failures import RequestFailure
from trunkline.sip.message import Response
from trunkline.sip.usage import Usage

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"
MAX_BODY = 256
MIN_MS, MAX_MS = 40, 5000
"""Durations outside are drawn in."""
USUAL_MS = 160
MAX_WAITING = 64
"""Digits that wait for their turn; further ones are dropped."""
_DIGITS = "0123456789*#ABCD"
"""In the order of the events of RFC 4733 §3.2: some write the event's number."""


class Digit(NamedTuple):
    """One digit of an INFO."""

    digit: str
    """Of `0`-`9`, `*`, `#`, `A`-`D`."""
    duration_ms: int


def holds_digit(content_type: str) -> bool:
    """Whether an INFO of this Content-Type is about DTMF."""
    return _media_type(content_type) in (RELAY, PLAIN)


def read_digit(content_type: str, body: bytes) -> Digit | None:
    """The digit in such a body; None when there is none that a keypad has (a hook flash, rubbish)."""
    if len(body) > MAX_BODY:
        return None
    text = body.decode("latin-1")
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            fields.setdefault(name.strip().lower(), value.strip())
    signal = fields.get("signal", "" if _media_type(content_type) == RELAY else text.strip())
    digit = _digit(signal)
    if digit is None:
        return None
    duration = fields.get("duration", "")
    known = duration.isascii() and duration.isdigit() and len(duration) < 7
    return Digit(digit, min(max(int(duration), MIN_MS), MAX_MS) if known else USUAL_MS)


def _digit(signal: str) -> str | None:
    upper = signal.upper()
    if len(upper) == 1:
        return upper if upper in _DIGITS else None
    if len(upper) == 2 and upper.isascii() and upper.isdigit() and int(upper) < len(_DIGITS):
        return _DIGITS[int(upper)]
    return None


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def relay_body(digit: str, duration_ms: int) -> bytes:
    """The body of an INFO with `RELAY`."""
    return f"Signal={digit}\r\nDuration={min(max(duration_ms, MIN_MS), MAX_MS)}\r\n".encode("ascii")


class DigitSender:
    """The digits that one peer is told in INFO, one after another."""

    __slots__ = ("_busy", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._busy = False

    def send(self, usage: Usage, digit: str, duration_ms: int) -> None:
        """Send it within the dialog of `usage` when its turn comes."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(relay_body(digit, duration_ms))
            self._go_on(usage)

    def _go_on(self, usage: Usage) -> None:
        if self._busy or not self._waiting or usage.ended:
            return
        self._busy = True

        def answered(outcome: Response | RequestFailure) -> None:  # noqa: ARG001 - a digit is not sent twice
            self._busy = False
            self._go_on(usage)

        usage.info(RELAY, self._waiting.popleft(), on_answer=answered, on_reject=answered)
