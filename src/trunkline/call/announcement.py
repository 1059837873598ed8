"""Why a call is refused, in words, before the caller gets its refusal.

Which verdicts have a recording is a setting (`CallSettings.announcements`), whether its callers hear them an
account's. It holds back the refusal and nothing else; what is refused, and how, is the call's business.
"""

from collections.abc import Callable

from trunkline.call.ports import WavFile
from trunkline.call.services import Services
from trunkline.call.sounds import Sounds
from trunkline.clock import Timer
from trunkline.trunk.verdict import Slug, Verdict

LONGEST_S = 30.0
"""A recording that lasts longer is cut off there."""
_AT_ONCE = frozenset({Slug.SHUT_DOWN, Slug.HUNG_UP_BY_OPERATOR, Slug.INVITE_EXPIRED, Slug.NO_PRACK})
"""What no recording delays."""


class Announcement:
    """The one for the caller of one call, which hears any only if it is `wanted`."""

    __slots__ = ("_cut_off", "_services", "_sounds", "_then", "_wanted")

    def __init__(self, services: Services, sounds: Sounds, *, wanted: bool) -> None:
        self._services = services
        self._sounds = sounds
        self._wanted = wanted
        self._then: Callable[[], None] | None = None
        self._cut_off: Timer | None = None

    @property
    def going_on(self) -> bool:
        """Whether the caller hears it now."""
        return self._then is not None

    def begins(self, verdict: Verdict, then: Callable[[], None]) -> bool:
        """Play what there is for `verdict`, and do `then` once it is `over`; False, and nothing of it, where
        there is none, or none that the caller could hear.
        """
        path = self._services.settings.announcements.get(str(verdict.slug))
        if not self._wanted or path is None or verdict.slug in _AT_ONCE:
            return False
        if not self._sounds.play(WavFile(path)):
            return False
        self._then = then
        clock = self._services.clock
        self._cut_off = clock.at(clock.now() + LONGEST_S, self.over)
        return True

    def over(self) -> None:
        """It has ended, or is interrupted. Idempotent."""
        then, self._then = self._then, None
        if self._cut_off is not None:
            self._cut_off.cancel()
        if then is not None:
            then()
