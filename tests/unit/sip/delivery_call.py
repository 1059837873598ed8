"""A request of ours on its way, for the tests of deliveries: the targets, and what they say."""

from collections.abc import Sequence

from tests.unit.sip.fake_wire import FakeEvents, FakeFlow, Rig, outgoing
from trunkline.sip.delivery import ClientRequest, NextHop
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.message import Request, response_to
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.uri import SipUri

FIRST = Target(Transport.UDP, Address("192.0.2.1", 5060))
SECOND = Target(Transport.UDP, Address("192.0.2.2", 5060))
THIRD = Target(Transport.TLS, Address("192.0.2.3", 5061), "c.example.com")
REFUSED = FlowFailure(FlowFailureKind.REFUSED, "connection refused")
CLOSED = FlowFailure(FlowFailureKind.CLOSED, "closed by the peer")
NAME = SipUri.parse("sip:bob@example.com")


class Call:
    """A request of ours, and the peers that it meets."""

    def __init__(
        self, rig: Rig, next_hop: NextHop, request: Request | None = None, **options: object
    ) -> None:
        self.rig = rig
        self.sending: ClientRequest = rig.stack.request(
            request or outgoing(),
            next_hop,
            rig.events,
            **options,  # type: ignore[arg-type]
        )

    def asked(self, target: Target) -> Request:
        """The first request that `target` got, other than ACK and CANCEL."""
        for data in self.rig.flow(target).sent:
            if not data.startswith((b"ACK", b"CANCEL")):
                (request,) = FakeFlowView(data).requests
                return request
        raise AssertionError(f"{target} was not asked")

    def answer(self, target: Target, status: int, to_tag: str = "b") -> None:
        flow = self.rig.flow(target)
        self.rig.receive(
            response_to(self.asked(target), status, to_tag=to_tag if status > 100 else None), flow
        )

    def fail(self, target: Target, failure: FlowFailure = REFUSED) -> None:
        self.rig.stack.flow_failed(self.rig.flow(target), failure)


class FakeFlowView(FakeFlow):
    """Bytes as if just sent."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.sent = [data]

    @property
    def requests(self) -> Sequence[Request]:
        return self.take_requests()


def kinds(events: FakeEvents) -> list[str]:
    return [failure.kind.value for failure in events.failures]
