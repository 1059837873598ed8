"""Which REFER within a call is a transfer, and of which kind (RFC 3515, RFC 3891, RFC 5589).

The account's own side of an answered call may refer, where the account has it on; so often and no more, and
one transfer at a time. A Refer-To with Replaces asks for a peer of another call of that account on this node;
what names no such call is declined, for there is nobody to send it to: every dialog of the account's with us
is known here.
"""

from trunkline.call.attended_transfer import AttendedTransfer
from trunkline.call.blind_transfer import BlindTransfer
from trunkline.call.leg import Leg
from trunkline.call.passing import verdict_fields, warning_field
from trunkline.call.services import Services
from trunkline.call.transfer import (
    TRANSFERS_MAX,
    Claim,
    Consultation,
    Transfer,
    TransferOwner,
    TransferState,
    decline,
)
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request, response_to
from trunkline.sip.referral import Referral, Replaces, read_refer
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.verdict import Slug, Verdict


def accept_refer(
    services: Services,
    owner: TransferOwner,
    legs: tuple[Leg, Leg],
    earlier: Claim | None,
    refer: Request,
    transaction: ServerTransaction,
) -> Transfer | None:
    """Answer a REFER of X, `legs` being X's and Y's, in an answered call, and give the transfer to `start`;
    None when there is none. `earlier` is the last one that the call had to do with.
    """
    referrer, other = legs
    account = services.directory.account(owner.record.account or "")
    number = 1 if earlier is None else earlier.number + 1
    usage = referrer.usage
    spent = number > TRANSFERS_MAX or (earlier is not None and earlier.state is TransferState.JOINED)
    if account is None or not account.refer_enabled or spent or usage is None:
        decline(refer, transaction)
        return None
    if owner.renegotiating or other.remote is None or (earlier is not None and earlier.under_way):
        transaction.respond(response_to(refer, 491))
        return None
    try:
        asked = read_refer(refer)
    except SipSyntaxError as error:
        fields = verdict_fields(Verdict.of(Slug.MALFORMED_REQUEST))
        fields.append(warning_field(399, services.settings.service_domain, str(error)))
        transaction.respond(response_to(refer, 400, headers=fields))
        return None
    consultation = None
    if asked.replaces is not None:
        consultation = _consultation(services, account.key, asked.replaces)
        if consultation is None or consultation.call is owner:
            decline(refer, transaction)
            return None
        if consultation.call.renegotiating:
            transaction.respond(response_to(refer, 491))
            return None
    referral = Referral(usage, refer, transaction, quiet=asked.quiet, numbered=number > 1)
    if consultation is not None:
        return AttendedTransfer(services, owner, legs, referral, number, consultation)
    return BlindTransfer(services, owner, legs, referral, number, account=account, dialled=asked.dialled)


def _consultation(services: Services, account: str, replaces: Replaces) -> Consultation | None:
    """The call of `account` with a dialog that is to be replaced. One that rings is no business of a
    transfer: `early-only` names none (RFC 3891 §3).
    """
    usage = None if replaces.early_only else services.agent.usage(replaces.dialog)
    leg = None if usage is None else usage.events
    return leg.owner.leg_consulted(leg, account) if isinstance(leg, Leg) else None
