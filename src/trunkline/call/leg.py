"""One leg: a dialog of ours with one peer, what that peer's SDP says, what ours says, and the media port
between them.

A leg knows only its own side. What it offers and answers is made from what the *other* leg's peer says, so
that the two peers agree end to end on direction and, where they can, on codecs, while addresses, versions,
payload types, keys and the way of digits stay each leg's own (RFC 3264, RFC 4568). Their media are joined,
once both peers have spoken, in `remote_media`.

Its SRTP keys are `leg_keys`. A fresh leg, which every attempt has, has fresh ones.

Events of its dialog go to the owner, the call, with the leg's name on them.
"""

from collections.abc import Callable, Sequence

from trunkline.call.digits import Digit, DigitSender
from trunkline.call.leg_keys import LegKeys
from trunkline.call.leg_owner import NOBODY, LegOwner
from trunkline.call.ports import LegOpener, MediaEngine, MediaLeg, RemoteMedia, SrtpKeys
from trunkline.call.record import MediaFigures
from trunkline.errors import MediaError, SdpError
from trunkline.sdp.agreement import (
    Terms,
    select_for_answer,
    select_for_callee,
    select_of_offer,
    select_telephone_events,
    spoken,
)
from trunkline.sdp.codecs import Codec, frame_ms
from trunkline.sdp.crypto import match_answer, our_line
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.local import LocalAudio, Packets
from trunkline.sdp.offer_answer import PLAIN_PROFILES, SECURE_PROFILES, Direction, RemoteAudio
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.fronted import source_of
from trunkline.sip.incoming_invite import IncomingInviteEvents
from trunkline.sip.message import Request
from trunkline.sip.ports import Flow, Transport
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.usage import Usage
from trunkline.trunk.media_policy import DtmfMode, MediaPolicy, SrtpPolicy
from trunkline.trunk.verdict import Slug

OFFERED_TAG = 1
"""Of the one crypto line in our offers."""


class Leg(IncomingInviteEvents):
    """See the module. Raises `NoPortsError` when made while no media port is free."""

    __slots__ = (
        "_digits",
        "codec",
        "description",
        "directed",
        "keys",
        "local",
        "media",
        "over_tls",
        "owner",
        "policy",
        "remote",
        "signalled_from",
        "usage",
    )

    def __init__(
        self,
        engine: LegOpener,
        owner: LegOwner,
        *,
        session: LocalAudio,
        ipv6: bool,
        policy: MediaPolicy,
        key: Callable[[], bytes],
        beside: "Leg | None" = None,
    ) -> None:
        """`session` is what we have described to this peer so far; `policy` is this peer's own; `key` gives
        30 fresh random octets (RFC 4568 §6.1); `beside` is the leg that this one may be joined with.
        """
        self.keys = LegKeys(key)
        self._digits: DigitSender | None = None
        self.owner = owner
        self.policy = policy
        self.codec = ""
        """The codec that the peer is sent; empty until its media was joined."""
        self.directed: tuple[RemoteMedia, Codec] | None = None
        """What the media port was told last, and the codec that the peer is sent by it."""
        self.local = session
        self.remote: RemoteAudio | None = None
        """What the peer said last; None until it has described itself."""
        self.description = b""
        """What we said last."""
        self.usage: Usage | None = None
        self.signalled_from: str | None = None
        """The address that the peer's SIP comes from, as of its last offer."""
        self.over_tls = False
        """Whether it comes over TLS: SRTP keys in it are nobody else's to read."""
        self.media: MediaLeg = engine.open_leg(
            ipv6=ipv6, events=owner, beside=None if beside is None else beside.media
        )

    def move(self, engine: LegOpener, beside: "Leg", *, ipv6: bool) -> None:
        """Take a port of that family in place of the present one, of which the peer has heard nothing yet.
        What happens there is told to the owner of `beside`, the leg that this one may be joined with. Raises
        `MediaError` where there is none; then the present one stays.
        """
        media = engine.open_leg(ipv6=ipv6, events=beside.owner, beside=beside.media)
        self.media.close()
        self.media = media

    def successor(self, engine: MediaEngine, owner: LegOwner, beside: "Leg") -> "Leg":
        """A leg to the same peer at a port of its own, where the same session goes on (RFC 3264 §8.3.1); the
        dialog stays here until that is agreed on. Raises `NoPortsError`.
        """
        leg = Leg(
            engine,
            owner,
            session=self.local,
            ipv6=":" in self.media.address,
            policy=self.policy,
            key=self.keys.make,
            beside=beside,
        )
        leg.remote = self.remote
        leg.signalled_from, leg.over_tls = self.signalled_from, self.over_tls
        return leg

    def adopt(self, usage: Usage) -> None:
        """Take over a dialog: the first of the attempt, or another branch of a fork that answers instead."""
        if usage is not self.usage:
            self.usage = usage
            usage.events = self
            flow = usage.dialog.flow
            self._locate(flow)
            self.over_tls = flow is not None and flow.transport is Transport.TLS

    def _locate(self, flow: Flow | None) -> None:
        self.signalled_from = None if flow is None else source_of(flow).host

    # -- offer and answer --------------------------------------------------------------------------

    def transcodes(self, far: "Leg") -> bool:
        """Whether audio may be transcoded between this peer and that of `far`."""
        return self.policy.transcoding and far.policy.transcoding

    def offer(self, far: "Leg", *, resumes: bool = False) -> bytes:
        """Our offer to this peer, on behalf of the peer of `far`, as far as that one has described itself.
        With `resumes` audio is offered both ways, though that one may be on hold by somebody else.

        Raises `NoCommonCodecError` when the two policies leave nothing to offer.
        """
        theirs = far.remote
        codecs = select_for_callee(
            theirs, self.policy.codecs, allowed=far.policy.codecs, transcoding=self.transcodes(far)
        )
        events = select_telephone_events(theirs, codecs) if self.policy.dtmf.uses_events else []
        if theirs is None:
            return self._offer([*codecs, *events], Direction.SENDRECV)
        direction = Direction.SENDRECV if resumes else theirs.effective_direction
        return self._offer([*codecs, *events], direction, (theirs.ptime, theirs.maxptime))

    def offer_again(self) -> bytes:
        """The codecs of our last description once more, with audio both ways: for a re-INVITE without SDP
        (RFC 6337 §5.2.5).
        """
        return self._offer(self.local.listed, Direction.SENDRECV, self.local.packets)

    def offer_standing(self) -> bytes:
        """What stands once more, keys and all."""
        return self._offer(self.local.listed, self.local.direction, self.local.packets)

    def offer_new_key(self) -> bytes:
        """What stands once more, but for a new key of ours: the peer's answer may hold a new one of its own
        (RFC 4568 §7.1.4). Ours counts with that answer.
        """
        return self._offer(self.local.listed, self.local.direction, self.local.packets, key=self.keys.make())

    def _offer(
        self,
        codecs: Sequence[Codec],
        direction: Direction,
        packets: Packets = (None, None),
        *,
        key: bytes | None = None,
    ) -> bytes:
        secure = self.secure or self.policy.srtp is SrtpPolicy.REQUIRED
        attributes = []
        if secure:
            self.keys.offered = key or self._own_key()
            attributes.append(our_line(OFFERED_TAG, self.keys.offered))
        profile = "RTP/SAVP" if secure and self.local.profile not in SECURE_PROFILES else None
        media = self.media
        self.description = self.local.offer(
            codecs,
            media.address,
            media.port,
            direction,
            ptime=packets[0],
            maxptime=packets[1],
            profile=profile,
            rtcp_mux=self.remote is not None and self.remote.rtcp_mux,
            attributes=attributes,
        )
        return self.description

    def answer(self, far: "Leg") -> bytes:
        """Our answer to this peer's offer, from what stands between us and the peer of `far`.

        Raises `NoCommonCodecError`.
        """
        remote, theirs = self.described, far.described
        answer = select_for_answer(remote, far.terms, self.policy.codecs, transcoding=self.transcodes(far))
        if answer.passes:
            return self._answer(answer.codecs, theirs.effective_direction, theirs.ptime, theirs.maxptime)
        return self._answer(answer.codecs, theirs.effective_direction, remote.ptime)

    def answer_alone(self, far: "Leg | None" = None) -> bytes:
        """Our answer to this peer's offer while nobody else has described himself: for sounds of ours.

        With a far leg that has been offered something: all that may pass to it, so that its answer changes
        nothing for this peer. Raises `NoCommonCodecError`.
        """
        remote = self.described
        codecs = select_of_offer(remote, self.policy.codecs)
        offered = set() if far is None else {codec.key for codec in far.local.listed}
        return self._answer(
            [codec for codec in codecs if codec.key in offered] or codecs[:1],
            Direction.SENDRECV,
            remote.ptime,
        )

    def _answer(
        self, codecs: list[Codec], direction: Direction, ptime: int | None, maxptime: int | None = None
    ) -> bytes:
        remote = self.described
        line = remote.crypto_line
        media = self.media
        attributes = [] if line is None else [our_line(line.tag, self._own_key())]
        self.description = self.local.answer(
            remote,
            codecs,
            media.address,
            media.port,
            direction,
            remote.telephone_event_for(codecs[0]) if self.policy.dtmf.uses_events else None,
            ptime,
            maxptime=maxptime,
            rtcp_mux=True,
            attributes=attributes,
        )
        return self.description

    def take_answer(self, body: bytes) -> None:
        """The peer's answer. Raises `SdpError`; what stood before then stays.

        An offer of SRTP is answered with SRTP and one of plain RTP with plain RTP, and with a codec that was
        offered, or it has failed (RFC 3264 §6, RFC 4568 §5.1.3).
        """
        secure = self.local.profile in SECURE_PROFILES
        remote = RemoteAudio.read(body, SECURE_PROFILES if secure else PLAIN_PROFILES)
        if not Terms.of(self.local.listed, remote, we_answered=False).codecs:
            raise NoCommonCodecError("the answer holds no codec of the offer")
        if secure:
            own = self.keys.offered
            self.keys.pair(match_answer(remote.crypto, OFFERED_TAG, own).key_and_salt, own)
        self.remote = remote

    def agreed_with(self, far: "Leg") -> tuple[Codec, Codec]:
        """What this peer is sent, and the peer of `far`. Raises `NoCommonCodecError` where audio can neither
        pass between them nor be transcoded.
        """
        mine, theirs = spoken(self.terms, far.terms)
        passes = mine.key == theirs.key and frame_ms(mine) == frame_ms(theirs)
        if not passes and not self.transcodes(far):
            raise NoCommonCodecError("no codec is left that both sides can use")
        return mine, theirs

    def take_late_answer(self, body: bytes, far: "Leg") -> None:
        """The peer's answer in an ACK, to an offer made from what the peer of `far` says. Raises
        `SdpError`.
        """
        self.take_answer(body)
        self.agreed_with(far)

    def take_refresh(self, body: bytes) -> bool:
        """The peer's answer to what stands, which it was offered once more: whether its audio is somewhere
        else now, flows another way, or is under another key. Only then it counts: in an answer to what stood
        before, the rest says less than what the peer has said by itself. Raises `SdpError`.
        """
        before = self.described
        if not body or body == before.body:
            return False
        secure = self.local.profile in SECURE_PROFILES
        remote = RemoteAudio.read(body, SECURE_PROFILES if secure else PLAIN_PROFILES)
        ours = self.local.direction
        if _whereabouts(remote, ours) == _whereabouts(before, ours):
            return False
        if remote.crypto_line is not None:
            self.keys.pair(remote.crypto_line.key_and_salt, self._own_key())
        self.remote = remote
        return True

    def take_offer(self, body: bytes) -> None:
        """The peer's offer. Raises `SdpError`; what stood before then stays.

        Audio that is encrypted stays so: an offer of plain RTP is refused then.
        """
        profiles = SECURE_PROFILES if self.secure else offer_profiles(self.policy.srtp)
        before = self._their_key
        self.remote = RemoteAudio.read(body, profiles)
        if self._their_key != before:
            self.keys.come_anew(self._their_key)

    def concerns(self, far: "Leg", before: RemoteAudio | None) -> bool:
        """Whether the peer of `far` has to hear that this one's description is another than `before`.

        Which way audio flows concerns it. Other codecs do only where they can't be transcoded: the other peer
        has been asked, or has said by itself, what it takes.
        """
        now = self.described
        if before is None or now.effective_direction is not before.effective_direction:
            return True
        if self.transcodes(far):
            return False
        return {codec.key for codec in now.codecs} != {codec.key for codec in before.codecs}

    @property
    def described(self) -> RemoteAudio:
        """`remote`. Raises `SdpError` while there is none."""
        if self.remote is None:
            raise SdpError("the peer has not described itself")
        return self.remote

    @property
    def terms(self) -> Terms:
        """What our description and the peer's have in common. Raises `SdpError` while there is none."""
        return Terms.of(self.local.listed, self.described, we_answered=self.local.answered)

    @property
    def secure(self) -> bool:
        """Whether this peer's audio is encrypted."""
        return self.remote is not None and self.remote.crypto_line is not None

    @property
    def srtp_keys(self) -> SrtpKeys | None:
        """Of both ways; None for plain RTP."""
        line = None if self.remote is None else self.remote.crypto_line
        if line is None:
            return None
        return SrtpKeys(self._own_key(), line.key_and_salt, line.mki, line.lifetime)

    def _own_key(self) -> bytes:
        return self.keys.beside(self._their_key)

    @property
    def _their_key(self) -> bytes:
        line = None if self.remote is None else self.remote.crypto_line
        return b"" if line is None else line.key_and_salt

    # -- the dialog's events -----------------------------------------------------------------------

    def cancelled(self, cancel: Request) -> None:
        self.owner.cancelled(cancel)

    def offer_received(self, exchange: IncomingOffer) -> None:
        if self.usage is not None:
            self._locate(self.usage.dialog.flow)
        self.owner.leg_offered(self, exchange)

    def acknowledged(self, ack: Request) -> None:
        self.owner.leg_acknowledged(self, ack)

    def prack_received(self, request: Request) -> None:
        self.owner.leg_acknowledged(self, request)

    def refreshed(self, answer: bytes) -> None:
        self.owner.leg_refreshed(self, answer)

    def bye_received(self, bye: Request) -> None:
        self.owner.leg_hung_up(self, bye)

    def info_received(self, info: Request, transaction: ServerTransaction) -> None:
        self.owner.leg_informed(self, info, transaction)

    def refer_received(self, refer: Request, transaction: ServerTransaction) -> None:
        self.owner.leg_referred(self, refer, transaction)

    def no_ack(self) -> None:
        self.owner.leg_lost(self, Slug.NO_ACK, "no ACK within 64*T1")

    def expired(self) -> None:
        self.owner.leg_lost(self, Slug.SESSION_EXPIRED, "no refresh within the session interval")

    def failed(self, reason: str) -> None:
        self.owner.leg_lost(self, Slug.SESSION_EXPIRED, reason)

    def lapsed(self, status: int, reason: str) -> None:
        self.owner.leg_lost(self, Slug.INVITE_EXPIRED if status == 487 else Slug.NO_PRACK, reason)

    # -- digits ------------------------------------------------------------------------------------

    def take_digit(self, digit: Digit) -> None:
        """Send the peer a digit that came in an INFO, in its media. Raises `MediaError` when it takes none
        there.
        """
        if self.policy.dtmf is DtmfMode.RFC4733 and not self.terms.events:
            raise MediaError("the peer takes telephone-events only, and has none")
        self.media.send_digits(digit.digit, digit.duration_ms)

    def tell_digit(self, digit: str, duration_ms: int) -> None:
        """Tell the peer a digit of the far one's media in an INFO, if it is told digits that way."""
        if self.policy.dtmf is DtmfMode.INFO and self.usage is not None:
            if self._digits is None:
                self._digits = DigitSender()
            self._digits.send(self.usage, digit, duration_ms)

    # -- the end -----------------------------------------------------------------------------------

    def hang_up(self, headers: Sequence[tuple[str, str]]) -> None:
        """BYE, unless the dialog has ended already."""
        if self.usage is not None and not self.usage.ended:
            self.usage.bye(headers)

    def figures(self) -> MediaFigures:
        """What has passed through it so far."""
        figures = self.media.figures()
        figures.codec = self.codec
        return figures

    def close(self) -> MediaFigures:
        """Give the port back, tell the owner nothing any more, and say what passed through it. Idempotent."""
        self.owner = NOBODY
        figures = self.media.close()
        figures.codec = self.codec
        return figures


def _whereabouts(remote: RemoteAudio, ours: Direction) -> tuple[str, int, int, bool, bytes, Direction]:
    """Where audio for the peer goes, what its own is encrypted with, and which way it flows by an answer to
    `ours`.
    """
    line = remote.crypto_line
    key = b"" if line is None else line.key_and_salt
    flow = remote.effective_direction.narrowed_to(ours.mirrored)
    return remote.address, remote.rtp_port, remote.rtcp_port, remote.rtcp_mux, key, flow


def offer_profiles(srtp: SrtpPolicy) -> frozenset[str]:
    """The transport profiles that a peer may offer."""
    match srtp:
        case SrtpPolicy.REQUIRED:
            return SECURE_PROFILES
        case SrtpPolicy.FORBIDDEN:
            return PLAIN_PROFILES
    return PLAIN_PROFILES | SECURE_PROFILES
