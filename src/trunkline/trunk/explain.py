"""What would happen to a call that nobody places: the plan of `plan`, its trace, and how it would end if at
all.

The very code that decides real calls does the deciding; this only puts the question and reads the answer.
"""

from dataclasses import dataclass

from trunkline.sip.name_addr import NameAddr
from trunkline.sip.uri import SipUri
from trunkline.trunk.caller_id import CallerIdentity, read_identity
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.directory import Directory
from trunkline.trunk.gateway_addresses import NONE_BARRED, Places
from trunkline.trunk.limits import AccountLimits, Counted, Inbound
from trunkline.trunk.media_policy import bridge_words
from trunkline.trunk.plan import (
    BindingsOf,
    InboundPlan,
    IsUp,
    OutboundPlan,
    Trace,
    always_up,
    nobody_registered,
    plan_inbound,
    plan_outbound,
)
from trunkline.trunk.verdict import Slug, Verdict

_ANY_CARRIER = Carrier("any", ())


@dataclass(frozen=True, slots=True)
class Answer:
    """The steps in plain words, and the refusal (None: the call would be placed)."""

    steps: tuple[str, ...]
    refusal: Verdict | None


def _first(weights: object) -> int:  # noqa: ARG001 - the signature of `routes.Pick`
    return 0


def explain_outbound(
    directory: Directory,
    account_key: str,
    dialled: str,
    caller: str | None,
    *,
    service_domain: str,
    guarded: tuple[str, ...] = (),
    srtp_needs_tls: bool = False,
    is_up: IsUp = always_up,
    limits: AccountLimits | None = None,
) -> Answer:
    """A customer's call to `dialled` with `caller` in From. `is_up` and `limits` as a running node knows
    them.
    """
    steps: Trace = []
    account = directory.account(account_key)
    if account is None:
        return Answer((f"There is no account {account_key}.",), Verdict.of(Slug.BAD_CREDENTIALS))
    plan = plan_outbound(
        directory,
        account,
        dialled,
        _caller(caller, service_domain),
        service_domain=service_domain,
        guarded=guarded,
        srtp_needs_tls=srtp_needs_tls,
        pick=_first,
        is_up=is_up,
        trace=steps,
    )
    refusal = plan if isinstance(plan, Verdict) else None
    if isinstance(plan, OutboundPlan):
        steps += _outbound_audio(plan)
    if refusal is None and limits is not None:
        refusal = _reached(limits, account, steps)
    return Answer(tuple(steps), refusal)


def explain_inbound(
    directory: Directory,
    number: str,
    caller: str | None,
    *,
    service_domain: str,
    srtp_needs_tls: bool = False,
    barred: Places = NONE_BARRED,
    carrier: str | None = None,
    is_up: IsUp = always_up,
    bindings_of: BindingsOf = nobody_registered,
    limits: AccountLimits | None = None,
) -> Answer:
    """A call to `number` from `carrier` (None: from any), as a running node would forward it. `limits` as it
    knows them.
    """
    steps: Trace = []
    plan = plan_inbound(
        directory,
        (None if carrier is None else directory.carrier(carrier)) or _ANY_CARRIER,
        number,
        _caller(caller, service_domain),
        service_domain=service_domain,
        srtp_needs_tls=srtp_needs_tls,
        barred=barred,
        is_up=is_up,
        bindings_of=bindings_of,
        trace=steps,
    )
    if isinstance(plan, Verdict):
        return Answer(tuple(steps), plan)
    steps += _inbound_audio(plan)
    reached = None if limits is None else _reached(limits, Inbound.of(plan.account), steps)
    return Answer(tuple(steps), reached or _nobody_there(plan))


def _reached(limits: AccountLimits, counted: Counted, steps: Trace) -> Verdict | None:
    """What the limits of the account would refuse the call with now, if anything."""
    refusal = limits.check(counted)
    if refusal is not None:
        steps.append(f"A limit of the account is reached: {refusal.detail}.")
    return refusal


def _outbound_audio(plan: OutboundPlan) -> list[str]:
    """Which codecs the call could have, with each carrier that it may go to."""
    own = plan.caller_media
    steps = [f"Audio with the account: {own.in_words()}."]
    for carrier in {target.carrier.name: target.carrier for target in plan.targets}.values():
        theirs = carrier.media_policy
        steps.append(f"Audio with carrier {carrier.name}: {theirs.in_words()}. {bridge_words(own, theirs)}")
    return steps


def _inbound_audio(plan: InboundPlan) -> list[str]:
    theirs, own = plan.caller_media, plan.account.media_policy
    return [
        f"Audio with the carrier: {theirs.in_words()}.",
        f"Audio with the account: {own.in_words()}. {bridge_words(theirs, own)}",
    ]


def _nobody_there(plan: InboundPlan) -> Verdict | None:
    """The end of a call that there is nobody to place to: as a hunt over such targets ends."""
    missing = [target.missing for target in plan.targets]
    return missing[-1] if all(missing) else None


def _caller(number: str | None, service_domain: str) -> CallerIdentity:
    return read_identity(NameAddr(None, SipUri("sip", number or "anonymous", service_domain)))
