"""A number: an E.164 number of an account, and where its calls are forwarded to."""

from dataclasses import dataclass

from trunkline.errors import DirectoryError
from trunkline.trunk.account import check_key
from trunkline.trunk.e164 import normalise
from trunkline.trunk.forwarding import NOT_FORWARDED, ForwardingList

MIN_RING_TIMEOUT_S = 1.0
MAX_RING_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Number:
    """One number. Raises `DirectoryError` when made with values that can't be."""

    e164: str
    """7 to 15 digits, no `+`."""
    account: str
    """Key of the account that it belongs to."""
    forwarding: ForwardingList = NOT_FORWARDED
    ring_timeout_s: float | None = None
    """Seconds an endpoint may ring before the call ends, 1 to 600; None:
    `forwarding.ring_timeout_s`."""

    def __post_init__(self) -> None:
        if normalise(self.e164) != self.e164:
            raise DirectoryError(f"number {self.e164!r}: digits only, without + or 00")
        check_key(self.account)
        ring_timeout_s = self.ring_timeout_s
        if ring_timeout_s is not None and not MIN_RING_TIMEOUT_S <= ring_timeout_s <= MAX_RING_TIMEOUT_S:
            allowed = f"{MIN_RING_TIMEOUT_S:g} to {MAX_RING_TIMEOUT_S:g}"
            raise DirectoryError(f"number {self.e164}: the ring timeout is {allowed} seconds")
