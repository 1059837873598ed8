"""A far end without opinions."""

from tests.unit.sip.fake_transaction import FakeTransaction
from tests.unit.sip.test_usage_events import request
from tests.unit.virtual_clock import FakeClock
from trunkline.pstn.quiet_dialog import QuietDialog


class Dialog(QuietDialog):
    """The part of it that a user has to add."""

    def offer_received(self, exchange: object) -> None: ...

    def bye_received(self, request: object) -> None: ...

    def no_ack(self) -> None: ...

    def expired(self) -> None: ...

    def failed(self, reason: str) -> None: ...


def test_info_is_accepted_and_refer_declined() -> None:
    dialog, transaction = Dialog(), FakeTransaction(FakeClock())
    dialog.info_received(request("INFO"), transaction.as_transaction())
    dialog.refer_received(request("REFER"), transaction.as_transaction())
    assert [response.status for _, response in transaction.sent] == [200, 603]


def test_the_rest_is_taken_note_of_by_nobody() -> None:
    dialog = Dialog()
    for tell in (dialog.acknowledged, dialog.prack_received, dialog.cancelled):
        tell(request("ACK"))
    dialog.refreshed(b"")
