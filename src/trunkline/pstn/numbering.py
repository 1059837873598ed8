"""The simulated carrier's numbers: what each of them does when it is called.

They lie below country code 999, which the ITU keeps free, so that no real number is ever meant.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Behaviour(StrEnum):
    """What a number does."""

    ECHO = "echo"
    """Answers, and sends back what it hears."""
    TONE = "tone"
    """Answers, and plays a tone of `TONE_HZ`."""
    ANSWER_LATER = "answer-later"
    """Rings for so many seconds, then answers and plays the tone."""
    RING = "ring"
    """Rings for ever."""
    BUSY = "busy"
    """486."""
    FAIL = "fail"
    """Refuses with a status of the caller's choice."""
    DROP = "drop"
    """Answers, and hangs up after so many seconds."""
    CALL = "call"
    """Answers, hangs up, and calls a number of ours: an inbound call, for the asking."""


TONE_HZ = 1004.0
"""The test tone of ITU-T O.6's North American kin: off the harmonics of 8 kHz sampling."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number's behaviour; `argument` is seconds, a status or the number to call (none: the caller's), as
    it asks.
    """

    behaviour: Behaviour
    argument: str = ""


_PLAN: tuple[tuple[str, Behaviour, str, str], ...] = (
    (r"9991000", Behaviour.ECHO, "9991000", "echoes what it hears"),
    (r"9992000", Behaviour.TONE, "9992000", f"plays a tone of {TONE_HZ:g} Hz"),
    (
        r"99930([0-9]{2})",
        Behaviour.ANSWER_LATER,
        "99930SS",
        "rings for SS seconds, then answers with the tone",
    ),
    (r"9994000", Behaviour.RING, "9994000", "rings for ever"),
    (r"9995000", Behaviour.BUSY, "9995000", "is busy"),
    (r"9996([3-6][0-9]{2})", Behaviour.FAIL, "9996NNN", "refuses with status NNN"),
    (r"99970([0-9]{2})", Behaviour.DROP, "99970SS", "answers, and hangs up after SS seconds"),
    (
        r"9998([0-9]{7,15})",
        Behaviour.CALL,
        "9998NUMBER",
        "answers briefly, then calls NUMBER, as a carrier would (through the trunk up to 11 digits)",
    ),
    (
        r"9998000",
        Behaviour.CALL,
        "9998000",
        "answers briefly, then calls the number that is calling, as a carrier would",
    ),
)


def number_of(digits: str) -> Number | None:
    """What `digits` (E.164, no `+`) does; None for an unassigned number."""
    for pattern, behaviour, _, _ in _PLAN:
        match = re.fullmatch(pattern, digits)
        if match is not None:
            return Number(behaviour, match[1] if match.lastindex else "")
    return None


def described() -> list[tuple[str, str]]:
    """Every number with what it does, for people."""
    return [(example, text) for _, _, example, text in _PLAN]
