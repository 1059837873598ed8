"""What caller and callee settle before the answer: ringing, early media, and offers within early dialogs.

The gateway model of RFC 3960 §3, for the media is anchored here: what of the far end's provisional
responses the caller sees, with which body, and whether it hears it ring. The answer is the last that is
settled here (`answer`); from then on it is `trunkline.call.talk`. What can't be used of a provisional
response costs the early media, of the answer the call.
"""

from trunkline.call.attempt import Attempt
from trunkline.call.leg import Leg
from trunkline.call.passing import sdp_warning
from trunkline.call.remote_media import connect
from trunkline.call.renegotiation import Stood
from trunkline.call.services import Services
from trunkline.call.sounds import Sounds
from trunkline.errors import SdpError
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Response


class Early:
    """Of one call, until it is answered. A caller that has to hear it ring from us is one with a `ringback`
    tone.
    """

    __slots__ = ("_caller", "_invite", "_ringback", "_services", "_sounds")

    def __init__(
        self, services: Services, invite: IncomingInvite, caller: Leg, sounds: Sounds, *, ringback: bool
    ) -> None:
        self._services = services
        self._invite = invite
        self._caller = caller
        self._sounds = sounds
        self._ringback = ringback

    def progressed(self, attempt: Attempt, response: Response) -> None:
        """Pass ringing and early media on."""
        body = b""
        if response.body:
            try:
                attempt.leg.take_answer(response.body)  # the 2xx need not say it again (RFC 6337 §3.1.1)
                if self._caller.remote is not None:
                    body = self._join(attempt.leg)
                    attempt.early_media = True
            except SdpError:
                body = b""  # unusable early SDP costs the early media only; the answer's SDP decides
        if not attempt.early_media and self._rings(attempt, response):
            return
        self._invite.progress(response.status, body=body or self._offer(attempt.leg))

    def acknowledged(self, attempt: Attempt | None, leg: Leg, body: bytes) -> None:
        """A PRACK of `leg`; with SDP it answers an offer of ours. Raises `SdpError`."""
        leg.take_answer(body)
        if attempt is not None and attempt.leg.remote is not None:
            self._join(attempt.leg)
            attempt.early_media = True

    def offered(self, leg: Leg, attempt: Attempt | None, exchange: IncomingOffer) -> None:
        """An UPDATE before the answer (RFC 3311 §5.1): settled on its own leg; the other one hears of it with
        the answer, or right after.
        """
        stood = Stood.on(leg)
        try:
            leg.take_offer(exchange.request.body)
            exchange.accept(self._answer(leg, attempt))
        except SdpError as error:
            stood.again(leg)
            exchange.reject(488, headers=(sdp_warning(error, self._services.settings.service_domain),))
        else:
            if attempt is not None and leg is attempt.leg:
                attempt.described(exchange.request.from_tag or "")

    def _answer(self, leg: Leg, attempt: Attempt | None) -> bytes:
        """Our answer to an offer of either side, and the media as that says; where the other side has not
        spoken, the caller hears sounds of ours alone, and the callee nobody.
        """
        caller = self._caller
        callee = None if attempt is None else attempt.leg
        other = callee if leg is caller else caller
        if other is None or other.remote is None:
            return self._sounds.answer(other) if leg is caller else leg.answer_alone(other)
        body = leg.answer(other)
        connect(self._services.media, caller, other if leg is caller else leg)
        return body

    def answer(self, callee: Leg, body: bytes) -> bytes:
        """The body for the caller's 2xx, after one with `body` of the callee, who may have answered in a
        provisional response already. Raises `SdpError`.
        """
        if body:
            callee.take_answer(body)
        if callee.remote is None:
            raise SdpError("the 2xx has no session description, and no response before it had one")
        if self._caller.remote is not None:
            return self._join(callee)
        return b"" if self._invite.answered_reliably else self._caller.offer(callee)

    def _join(self, callee: Leg) -> bytes:
        """Join the two legs' media and say to the caller what came of its offer. What a reliable provisional
        response said stands (RFC 6337 §3.1.1): what doesn't fit it any more is transcoded.
        """
        body = b"" if self._invite.answered_reliably else self._caller.answer(callee)
        self._sounds.stop()
        connect(self._services.media, self._caller, callee)
        return body

    def _offer(self, callee: Leg) -> bytes:
        """Our offer to a caller that has to have one before the answer. Without one that can be made it has
        none.
        """
        if not self._invite.wants_offer:
            return b""
        try:
            return self._caller.offer(callee)
        except SdpError:
            return b""

    def _rings(self, attempt: Attempt, response: Response) -> bool:
        """Let the caller hear a far end that rings without a sound of its own, if it is to. A 180 would have
        its own telephone ring on top of it.
        """
        if response.status != 180 or not self._ringback:
            return False
        return self._sounds.sounding or self._sounds.play(self._services.settings.ringback, attempt.leg)
