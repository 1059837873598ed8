"""Sources that an operator turns away, or lets in again: the node does it, and the audit trail says who had
it done, whichever door was taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from trunkline.errors import DirectoryError
from trunkline.net.flows import parse_source
from trunkline.store.bans import Bans
from trunkline.store.errors import DatabaseError
from trunkline.trunk.bounds import is_printable
from trunkline.web.control_client import ControlClient
from trunkline.web.views import BanView

BY_HAND: Final = "by hand"
"""Why, where nothing is said."""
MAX_REASON: Final = 200
"""Characters of what is said."""
USUAL_S: Final = 86_400.0
"""For how long, where nothing is said."""
MAX_S: Final = 10 * 365 * 86_400.0
"""And for how long at most."""


def turn_away(node: ControlClient, bans: Bans, source: str, reason: str, for_s: float) -> BanView:
    """Shut a source out for `for_s` seconds from now on, banned already or not, a carrier or a customer or
    not. Raises `DirectoryError` for a source that is none or is let in unseen, and for what is out of
    bounds; `ControlError`, `DatabaseError`, which says so where it is done all the same.
    """
    source = parse_source(source)
    if not 0 < for_s <= MAX_S:
        raise DirectoryError(f"a source is turned away for more than 0 hours, and {MAX_S / 3600:g} at most")
    if not 0 < len(reason) <= MAX_REASON or not is_printable(reason):
        raise DirectoryError(f"the reason is one line of at most {MAX_REASON} characters")
    made = node.ban(source, reason, for_s)
    with _done(f"{made.source} is turned away"):
        bans.told(made.source, "add", {"reason": reason, "for_s": for_s})
    return made


def let_in(node: ControlClient, bans: Bans, source: str) -> bool:
    """End the ban of `source`; False when there was none. Raises `DirectoryError` for a source that is none,
    `ControlError`, `DatabaseError`, which says so where it is done all the same.
    """
    source = parse_source(source)
    lifted = node.lift_ban(source)
    if lifted:
        with _done(f"{source} is let in again"):
            bans.told(source, "lift")
    return lifted


@contextmanager
def _done(what: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise DatabaseError(f"{what}, but the audit trail could not be told: {error}") from error
