"""INFO within a call (RFC 6086 §4.2.1), from a caller before the answer too: it crosses with its body, and
the far end's answer comes back.

A digit in it becomes a digit in the other leg's media, unless that is told digits in INFO too. Where nobody
is there to take it, it is refused with 488: a 481 would end the dialog that it came in (RFC 3261 §12.2.1.2).
"""

from trunkline.call.digits import holds_digit, read_digit
from trunkline.call.leg import Leg
from trunkline.call.passing import relayed_refusal
from trunkline.errors import MediaError, SdpError
from trunkline.sip.failures import RequestFailure
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.media_policy import DtmfMode


def pass_on(info: Request, transaction: ServerTransaction, far: Leg | None) -> None:
    """Send `info` to the peer of `far` and answer as that does; 488 when nobody is there."""
    if far is None or far.usage is None or far.usage.ended:
        transaction.respond(response_to(info, 488))
        return
    content_type = info.headers.get("content-type") or ""
    if holds_digit(content_type) and far.policy.dtmf is not DtmfMode.INFO:
        transaction.respond(response_to(info, _digit_status(content_type, info.body, far)))
        return

    def refused(why: Response | RequestFailure) -> None:
        status, headers = relayed_refusal(why)
        transaction.respond(response_to(info, status, headers=headers))

    far.usage.info(
        content_type,
        info.body,
        on_answer=lambda response: transaction.respond(response_to(info, response.status)),
        on_reject=refused,
    )


def _digit_status(content_type: str, body: bytes, far: Leg) -> int:
    """Send the digit to the peer of `far`; the status to answer with. What no keypad has (a hook flash) is
    taken, and goes no further.
    """
    digit = read_digit(content_type, body)
    try:
        if digit is not None:
            far.take_digit(digit)
    except (MediaError, SdpError):  # it takes none, or has not described itself yet
        return 488
    return 200
