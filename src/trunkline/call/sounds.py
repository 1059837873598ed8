"""What a caller hears of the service itself before a final answer: ringback, and why its call is refused.

Both need an answer to the caller's offer although no far end has spoken: it goes out in a 183 (RFC 3960 §3:
the media is anchored here), and the sound comes out of the caller's own media port. A caller without an offer
hears nothing, and one whose offer can't be answered hears the final answer alone.

When ringback begins and ends is `trunkline.call.early`'s business, which refusals are announced that of
`trunkline.call.announcement`; the sounds themselves are settings (`CallSettings.ringback`,
`CallSettings.announcements`).
"""

from trunkline.call.leg import Leg
from trunkline.call.ports import Sound
from trunkline.call.remote_media import alone, direct
from trunkline.errors import MediaError, SdpError
from trunkline.sip.incoming_invite import IncomingInvite


class Sounds:
    """The sounds for one caller."""

    __slots__ = ("_invite", "_leg", "_sounding")

    def __init__(self, invite: IncomingInvite, leg: Leg) -> None:
        self._invite = invite
        self._leg = leg
        self._sounding = False

    @property
    def sounding(self) -> bool:
        """Whether a sound was begun and not yet stopped."""
        return self._sounding

    def play(self, sound: Sound, far: Leg | None = None) -> bool:
        """Play `sound` to the caller, after a 183 unless one stands already; False when it can't be heard.

        `far` is the leg that rings meanwhile: what its peer was offered is what the caller is answered.
        """
        leg = self._leg
        if leg.remote is None:
            return False
        try:
            answered = self._invite.answered_reliably or self._sounding
            body = b"" if answered else leg.answer_alone(far)
            self._direct()
            leg.media.announce(sound)
        except (SdpError, MediaError):
            return False
        if not self._sounding:
            self._invite.progress(183, body=body)
        self._sounding = True
        return True

    def answer(self, far: Leg | None) -> bytes:
        """Our answer to what the caller has offered last, who hears nobody but us; `far` as above. What
        sounds goes on there. Raises `SdpError`.
        """
        body = self._leg.answer_alone(far)
        self._direct()
        return body

    def stop(self) -> None:
        """Silence. Idempotent."""
        if self._sounding:
            self._sounding = False
            self._leg.media.announce(None)

    def _direct(self) -> None:
        """Sounds go where the caller has said, in a codec that it takes. Raises `SdpError`."""
        leg = self._leg
        codec = leg.terms.codecs[0].codec
        direct(leg, alone(leg, codec), codec)
