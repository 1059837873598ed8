"""What another node needs to go on with an answered call once this one has died: both dialogs, what both
sides have described, the keys, where the media are, and the record.

A checkpoint is taken of a call that stands: answered, both peers described, nothing being agreed on, no
transfer under way (`checkpoint`). One that is in between keeps its last. `resume` makes a call of it that is
like any other, and tells both peers where it is now. What it does not bring along: digits on their way in
INFO, a transfer that was under way, the course of the quality so far.

Of secrets it holds the SRTP keys, which the descriptions hold anyway; of a carrier's password only the
carrier's name. Who keeps checkpoints, and who may resume one, is others' business.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from trunkline.call.attempt import Attempt
from trunkline.call.call import Call, CallState
from trunkline.call.leg import Leg
from trunkline.call.leg_keys import KeyBook
from trunkline.call.passing import verdict_fields
from trunkline.call.placing import NOWHERE
from trunkline.call.ports import LastingMedia, LegOpener, MediaHandle
from trunkline.call.record import AttemptRecord, CallRecord
from trunkline.call.services import Services
from trunkline.sdp.local import LocalAudio, LocalCheckpoint
from trunkline.sdp.offer_answer import RemoteAudio
from trunkline.sip.checkpoint import AnsweredElsewhere, DialogCheckpoint
from trunkline.sip.outbound_auth import Authenticator, DigestUser
from trunkline.sip.ports import Flow
from trunkline.sip.usage import Usage, UsageState
from trunkline.trunk.account import Account
from trunkline.trunk.hunt import Hunt, Rules
from trunkline.trunk.limits import Admission
from trunkline.trunk.media_policy import MediaPolicy
from trunkline.trunk.verdict import Slug, Verdict


@dataclass(frozen=True, slots=True)
class LegCheckpoint:
    """One side of a call."""

    dialog: DialogCheckpoint
    policy: MediaPolicy
    local: LocalCheckpoint
    remote: str
    """The peer's last description; one character an octet."""
    profile: str
    """The transport profile of the stream in it that is used."""
    keys: tuple[tuple[str, str], ...]
    """`KeyBook.pairs`, in hexadecimal digits."""
    offered_key: str

    @classmethod
    def of(cls, leg: Leg) -> "LegCheckpoint | None":
        """Of a leg that stands; None for another one."""
        usage, remote = leg.usage, leg.remote
        if usage is None or usage.state is not UsageState.CONFIRMED or remote is None:
            return None
        flow = usage.dialog.flow
        if flow is None:
            return None
        book = leg.keys.book
        return cls(
            dialog=DialogCheckpoint.of(usage, flow),
            policy=leg.policy,
            local=leg.local.checkpoint(),
            remote=remote.body.decode("latin-1"),
            profile=remote.profile,
            keys=tuple((theirs.hex(), own.hex()) for theirs, own in book.pairs),
            offered_key=book.offered.hex(),
        )

    def restore(self, leg: Leg, usage: Usage) -> None:
        """Give a fresh leg what it knew. Raises `SdpError`, `ValueError`."""
        leg.local = LocalAudio.resumed(self.local)
        leg.remote = RemoteAudio.read(self.remote.encode("latin-1"), frozenset({self.profile}))
        pairs = tuple((bytes.fromhex(theirs), bytes.fromhex(own)) for theirs, own in self.keys)
        leg.keys.book = KeyBook(pairs, bytes.fromhex(self.offered_key))
        self.dialog.resume(usage)
        leg.adopt(usage)


@dataclass(frozen=True, slots=True)
class CallCheckpoint:
    """One call. Its moments are wall-clock seconds."""

    record: CallRecord
    attempt: AttemptRecord
    caller: LegCheckpoint
    callee: LegCheckpoint
    media: MediaHandle


def checkpoint(call: Call, media: LastingMedia) -> CallCheckpoint | None:
    """Of a call that stands now; None for another one."""
    attempt = call.attempt
    if call.state is not CallState.TALKING or attempt is None or call.may_rekey is None:
        return None
    caller, callee = LegCheckpoint.of(call.caller), LegCheckpoint.of(attempt.leg)
    handle = media.handle(call.caller.media, attempt.leg.media)
    if caller is None or callee is None or handle is None:
        return None
    return CallCheckpoint(call.record, attempt.record, caller, callee, handle)


def resume(
    services: Services,
    known: CallCheckpoint,
    media: LastingMedia,
    account: Account,
    admission: Admission | None,
    credentials: DigestUser | None,
    on_end: Callable[[Call], None],
) -> Call:
    """The call as it goes on here. `credentials` are for challenges of the one who was called. Raises
    `SdpError`, `MediaError`, `SipError` or `ValueError` for what can't go on: its peers are hung up on, as
    far as they are known, and `admission` is still the caller's to release.
    """
    agent = services.agent
    authenticator = None if credentials is None else Authenticator(credentials, services.token)
    near_usage = known.caller.dialog.usage(agent, None, _flow_to(services, known, known.caller))
    far_usage = known.callee.dialog.usage(agent, authenticator, _flow_to(services, known, known.callee))
    legs: list[Leg] = []
    try:
        call = _opened(
            services, known, media.adopt(known.media), account, admission, on_end, near_usage, legs
        )
        near, far = legs
        known.caller.restore(near, near_usage)
        known.callee.restore(far, far_usage)
        attempt_record = replace(known.attempt, wall_minus_now=call.record.wall_minus_now)
        call.resume(Attempt.taken_over(services, far, attempt_record))
    except BaseException:
        for side, usage in ((known.caller, near_usage), (known.callee, far_usage)):
            side.dialog.resume(usage)
            usage.bye(verdict_fields(Verdict.of(Slug.CRASHED)))
        for leg in legs:
            leg.close()
        raise
    for side in (known.caller, known.callee):
        services.trace.link(side.dialog.call_id, call.record.call_id)
    return call


def _flow_to(services: Services, known: CallCheckpoint, leg: LegCheckpoint) -> Flow | None:
    """The way to a peer that is a registered device of the account: the one that it has registered over, at
    this node or at another that lives. None: there is none.
    """
    way = leg.dialog.flow
    for binding in services.registrations.bindings(known.record.account or ""):
        flow = binding.flow
        if flow is not None and not flow.closed and binding.source == str(way):
            return flow
    return None


def _opened(
    services: Services,
    known: CallCheckpoint,
    media: LegOpener,
    account: Account,
    admission: Admission | None,
    on_end: Callable[[Call], None],
    caller: Usage,
    legs: list[Leg],
) -> Call:
    """The call with its two `legs`, which know nothing yet. `caller` is the dialog of the first."""
    clock = services.clock
    call = Call(
        services,
        AnsweredElsewhere(caller),
        replace(known.record, node=services.settings.node_name, wall_minus_now=clock.wall() - clock.now()),
        NOWHERE,
        Hunt((), Rules.GATEWAYS),
        admission,
        on_end,
        account=account,
        caller_media=known.caller.policy,
        media=media,
    )
    legs.append(call.caller)
    callee = Leg(
        media,
        call,
        session=LocalAudio(known.callee.local.session_id),
        ipv6=":" in call.caller.media.address,
        policy=known.callee.policy,
        key=services.key,
        beside=call.caller,
    )
    legs.append(callee)
    return call
