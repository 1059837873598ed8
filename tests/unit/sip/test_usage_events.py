"""While nobody has taken a dialog over, what comes in it is refused, and the rest forgotten."""

from typing import cast

from tests.unit.sip.fake_transaction import FakeTransaction
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request
from trunkline.sip.usage_events import UNATTENDED


class FakeOffer:
    """Keeps the status it is refused with."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def reject(self, status: int) -> None:
        self.statuses.append(status)


def request(method: str) -> Request:
    fields = [
        ("Via", "SIP/2.0/UDP a;branch=z9hG4bKa"),
        ("From", "<sip:a@b>;tag=1"),
        ("To", "<sip:c@d>;tag=2"),
    ]
    return Request(method, "sip:x@y", Headers([*fields, ("Call-ID", "c"), ("CSeq", f"2 {method}")]))


def test_an_offer_is_not_acceptable_here() -> None:
    offer = FakeOffer()
    UNATTENDED.offer_received(cast("IncomingOffer", offer))
    assert offer.statuses == [488]


def test_info_and_refer_are_answered() -> None:
    transaction = FakeTransaction(FakeClock())
    UNATTENDED.info_received(request("INFO"), transaction.as_transaction())
    UNATTENDED.refer_received(request("REFER"), transaction.as_transaction())
    assert [response.status for _, response in transaction.sent] == [481, 603]


def test_the_rest_needs_no_answer() -> None:
    for tell in (
        UNATTENDED.acknowledged,
        UNATTENDED.prack_received,
        UNATTENDED.bye_received,
        UNATTENDED.cancelled,
    ):
        tell(request("ACK"))
    UNATTENDED.refreshed(b"")
    UNATTENDED.no_ack()
    UNATTENDED.expired()
    UNATTENDED.failed("gone")
    UNATTENDED.lapsed(487, "expired")
