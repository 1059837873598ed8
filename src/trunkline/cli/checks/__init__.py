"""What `trunkline doctor` looks at, a module for each concern. A check takes the settings and yields what it
found, fine or not, each fault with its remedy; it never raises for what it is there to find.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is."""

    FINE = "fine"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    about: str
    state: State
    found: str
    remedy: str = ""


Findings = Iterator[Finding]
