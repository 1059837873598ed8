"""What goes on in an answered call, from the answer (or from where another node left it) until it ends:
offers and answers, transfers, the course of its audio, and the longest time that it may take.

The legs are the call's, and so is the end: `Talk` asks for it. A transfer may put another leg on a side
(`join`); the exchanges begin anew then, and the course goes on.
"""

from functools import partial

from trunkline.call.leg import Leg
from trunkline.call.passing import answer_slug
from trunkline.call.quality import Courses
from trunkline.call.record import Direction
from trunkline.call.referring import accept_refer
from trunkline.call.renegotiation import Renegotiation
from trunkline.call.services import Services
from trunkline.call.transfer import Claim, TransferOwner, TransferState
from trunkline.call.whereabouts import follow
from trunkline.errors import SdpError
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.message import Request
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.verdict import Slug, Verdict


class Talk:
    """See the module. Made once `owner`'s record has the moment of the answer."""

    __slots__ = ("_longest", "_owner", "_renegotiation", "_services", "courses", "transfer")

    def __init__(self, services: Services, owner: TransferOwner, caller: Leg, callee: Leg) -> None:
        self._services = services
        self._owner = owner
        self.courses = Courses()
        """How the audio of both sides goes."""
        self.transfer: Claim | None = None
        """The last one that the call had to do with."""
        self.join(caller, callee)
        left_s = max(1.0, services.settings.longest_call_s - self._talked_s)
        self._longest = services.clock.at(services.clock.now() + left_s, self._too_long)

    @property
    def _talked_s(self) -> float:
        record = self._owner.record
        return max(0.0, record.moment(self._services.clock.now()) - (record.answered_at or record.setup_at))

    def join(self, caller: Leg, callee: Leg) -> None:
        """These two stand on its sides from now on."""
        services = self._services
        agreed = partial(services.agreed, self._owner.record.call_id)
        self._renegotiation = Renegotiation(
            services.media, caller, callee, services.settings.service_domain, agreed
        )
        self.courses.follow(self._talked_s, caller.media, callee.media)
        record = self._owner.record
        own = caller if record.direction is Direction.OUTBOUND else callee
        follow(services.registrations, record.account, own.usage)

    def other(self, leg: Leg) -> Leg:
        """The leg across."""
        return self._renegotiation.other(leg)

    # -- offers and answers ------------------------------------------------------------------------

    @property
    def renegotiating(self) -> bool:
        """Whether an offer waits for its answer."""
        return self._renegotiation.busy

    @property
    def may_rekey(self) -> Renegotiation | None:
        """What agrees on keys, while nothing else is being agreed on."""
        transfer = self.transfer
        transferring = transfer is not None and (transfer.under_way or transfer.refuses_offers())
        return None if self.renegotiating or transferring else self._renegotiation

    def offered(self, leg: Leg, exchange: IncomingOffer) -> None:
        """A re-INVITE, an UPDATE or a PRACK with an offer."""
        if self.transfer is not None and self.transfer.refuses_offers():
            exchange.reject(491)
        else:
            self._renegotiation.offered(leg, exchange)

    def acknowledged(self, leg: Leg, body: bytes) -> None:
        """The ACK of a 2xx; with `body` it answers an offer of ours."""
        try:
            self._renegotiation.acknowledged(leg, body)
        except SdpError as error:
            self._owner.hang_up(Verdict.of(answer_slug(error), detail=f"the answer in ACK: {error}"))

    def refreshed(self, leg: Leg, body: bytes) -> None:
        """The answer to a session refresh of ours. While a transfer has one of the peers it is left aside."""
        if self.transfer is None or not self.transfer.refuses_offers():
            self._renegotiation.refreshed(leg, body)

    def catch_up(self) -> None:
        """Let each peer know what the other has said before the answer."""
        self._renegotiation.catch_up()

    def refresh(self) -> None:
        """Let both peers know where we are."""
        self._renegotiation.refresh()

    def offer_standing(self, leg: Leg) -> None:
        """Let the peer of `leg` know where it is heard. Nothing else is under way."""
        self._renegotiation.offer_standing(leg)

    def reconnect(self) -> None:
        """Let what both legs say decide on the media again. Raises `SdpError`."""
        self._renegotiation.connect()

    # -- transfers ---------------------------------------------------------------------------------

    @property
    def bound(self) -> bool:
        """Whether a transfer has the far end, or is about to have it."""
        transfer = self.transfer
        return transfer is not None and (transfer.under_way or transfer.state is TransferState.JOINED)

    def referred(self, leg: Leg, refer: Request, transaction: ServerTransaction) -> None:
        """A REFER by the account's own side, `leg`."""
        legs = (leg, self.other(leg))
        transfer = accept_refer(self._services, self._owner, legs, self.transfer, refer, transaction)
        if transfer is not None:
            self.transfer = transfer
            transfer.start()

    def outlives(self, leg: Leg) -> bool:
        """`leg` has hung up: whether the call goes on all the same, for the sake of a transfer."""
        if self.transfer is None or not self.transfer.outlives(leg):
            return False
        self._renegotiation.left(leg)
        return True

    # -- the end -----------------------------------------------------------------------------------

    def end(self, verdict: Verdict) -> None:
        """The call ends now, with `verdict`."""
        self._longest.cancel()
        if self.transfer is not None:
            self.transfer.close(verdict)

    def _too_long(self) -> None:
        self._owner.hang_up(Verdict.of(Slug.MAX_DURATION))
