"""Who hears of a leg when its call is over: nobody, who answers what has to be answered."""

from typing import cast

from tests.unit.call.test_leg import Pair
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.stack import ServerTransaction


class Answers:
    """What requests within a dialog are answered, as exchange and transaction."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def reject(self, status: int) -> None:
        self.statuses.append(status)

    def respond(self, response: Response) -> None:
        self.statuses.append(response.status)


def test_what_still_comes_to_a_closed_leg_finds_no_call() -> None:
    """481 (RFC 3261 §12.2.2), while its dialog is coming to its end."""
    pair = Pair()
    leg = pair.caller
    leg.close()
    answers = Answers()
    leg.offer_received(cast("IncomingOffer", answers))
    for receive, method in ((leg.info_received, "INFO"), (leg.refer_received, "REFER")):
        receive(Request(method, "sip:a@192.0.2.1", Headers()), cast("ServerTransaction", answers))
    assert leg.owner.leg_consulted(leg, "acme") is None
    assert pair.owner.told == []
    assert answers.statuses == [481, 481, 481]
