"""Our registration at a carrier (RFC 3261 §10.2)."""

import pytest

from tests.simulation.bench import Bench
from trunkline.sip.failures import FlowFailure, FlowFailureKind, RequestFailure
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.registration_client import RegistrationClient, RegistrationState
from trunkline.sip.stack import ContactSpec
from trunkline.sip.uri import SipUri

CHALLENGE = ("WWW-Authenticate", 'Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"')


class Registering(Bench):
    """The phone registers at the peer."""

    def __init__(self, *, expires_s: int = 3600, transport: Transport = Transport.UDP) -> None:
        super().__init__(transport=transport)
        self.told: list[str] = []
        self.delays: list[float] = []
        suffix = "" if transport is Transport.UDP else f";transport={transport.lower()}"
        self.client = RegistrationClient(
            self.phone.agent,
            registrar=SipUri.parse(f"sip:10.0.0.9{suffix}"),
            address_of_record=NameAddr.parse("<sip:trunk@carrier.example.com>"),
            contact=ContactSpec(user="trunk"),
            credentials=DigestUser("trunk", "secret"),
            events=self,
            expires_s=expires_s,
        )

    def registered(self, expires_s: int) -> None:
        self.told.append(f"registered {expires_s}")

    def registration_failed(self, outcome: Response | RequestFailure, retry_in_s: float) -> None:
        self.told.append(f"failed {outcome.status if isinstance(outcome, Response) else outcome.kind}")
        self.delays.append(retry_in_s)

    @property
    def registers(self) -> list[Request]:
        """Each REGISTER once, in order."""
        found: dict[int, Request] = {}
        for message in self.peer.heard:
            if isinstance(message, Request):
                found.setdefault(message.cseq.number, message)
        return list(found.values())

    def start(self) -> Request:
        self.client.start()
        self.settle()
        return self.registers[-1]

    def accept(self, *headers: tuple[str, str]) -> None:
        self.peer.respond(self.registers[-1], 200, contact="", headers=headers)
        self.settle()


def test_register() -> None:
    """§10.2: Request-URI without a user, To the address of record, Contact, and an interval."""
    bench = Registering()
    request = bench.start()
    assert request.uri_text == "sip:10.0.0.9"
    assert str(request.to) == "<sip:trunk@carrier.example.com>"
    assert request.from_.uri == request.to.uri
    assert str(request.contact) == "<sip:trunk@10.0.0.2:5060>"
    assert request.expires == 3600
    assert bench.client.state is RegistrationState.REGISTERING
    bench.accept(("Expires", "3600"))
    assert bench.told == ["registered 3600"]
    assert bench.client.in_force


def test_challenged() -> None:
    """Same Call-ID and From tag, CSeq higher; later ones carry credentials at once."""
    bench = Registering(expires_s=100)
    first = bench.start()
    bench.peer.respond(first, 401, headers=(CHALLENGE,))
    bench.settle()
    second = bench.registers[-1]
    assert (second.call_id, second.from_tag) == (first.call_id, first.from_tag)
    assert second.cseq.number == 2
    assert "authorization" in second.headers
    bench.accept()
    bench.clock.advance(91)
    third = bench.registers[-1]
    assert (third.call_id, third.cseq.number) == (first.call_id, 3)
    assert "nc=00000002" in (third.headers.get("authorization") or "")


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ((("Expires", "600"),), 600),
        ((("Contact", "<sip:trunk@10.0.0.2:5060>;expires=300"), ("Expires", "600")), 300),
        ((("Contact", "<sip:trunk@203.0.113.1:1024>;expires=300"),), 300),
        (
            (("Contact", "<sip:other@10.0.0.3>;expires=60, <sip:trunk@10.0.0.2:5060>;expires=300"),),
            300,
        ),
        (
            (("Contact", "<sip:x@10.0.0.3>;expires=60, <sip:y@10.0.0.4>;expires=70"), ("Expires", "600")),
            600,
        ),
        ((), 3600),
        ((("Expires", "999999"),), 3600),
        ((("Expires", "1"),), 20),
        ((("Contact", "<<"), ("Expires", "600")), 3600),
    ],
)
def test_what_is_granted(headers: tuple[tuple[str, str], ...], granted: int) -> None:
    """§10.2.4: our own binding's interval, else Expires, else what we asked for; and refreshed in time."""
    bench = Registering()
    bench.start()
    bench.accept(*headers)
    assert bench.told == [f"registered {granted}"]
    registered_at = bench.clock.now()
    bench.clock.advance(granted * 0.79)
    assert len(bench.registers) == 1
    while len(bench.registers) == 1:
        bench.clock.advance(granted / 1000)
    assert bench.clock.now() - registered_at < granted * 0.91


def test_interval_too_brief() -> None:
    """§10.2.8: 423 with Min-Expires."""
    bench = Registering(expires_s=60)
    bench.start()
    bench.peer.respond(bench.registers[-1], 423, headers=(("Min-Expires", "300"),))
    bench.settle()
    assert bench.registers[-1].expires == 300
    bench.accept()
    assert bench.told == ["registered 300"]


def test_interval_too_brief_for_ever() -> None:
    bench = Registering(expires_s=60)
    bench.start()
    for n in range(5):
        bench.peer.respond(bench.registers[-1], 423, headers=(("Min-Expires", str(300 + n)),))
        bench.settle()
    assert bench.told == ["failed 423"]


def test_back_off() -> None:
    """RFC 5626 §4.5: 30 to 60 s at first, doubling, at most 30 minutes; and no end to it."""
    bench = Registering()
    bench.start()
    for _ in range(9):
        bench.peer.respond(bench.registers[-1], 503)
        bench.settle()
        assert bench.client.state is RegistrationState.WAITING
        count = len(bench.registers)
        bench.clock.advance(bench.delays[-1] - 0.2)
        assert len(bench.registers) == count
        bench.clock.advance(0.3)
        assert len(bench.registers) == count + 1
    longest = [60, 120, 240, 480, 960, 1800, 1800, 1800, 1800]
    assert all(most / 2 <= delay <= most for delay, most in zip(bench.delays, longest, strict=True))
    bench.accept()
    assert bench.told[-1].startswith("registered")


def test_retry_after() -> None:
    bench = Registering()
    bench.start()
    bench.peer.respond(bench.registers[-1], 503, headers=(("Retry-After", "900 (maintenance)"),))
    bench.settle()
    assert bench.delays == [900]


def test_wrong_secret() -> None:
    """A second challenge with the same nonce is a refusal."""
    bench = Registering()
    bench.start()
    for _ in range(2):
        bench.peer.respond(bench.registers[-1], 401, headers=(CHALLENGE,))
        bench.settle()
    assert bench.told == ["failed 401"]


def test_silence() -> None:
    bench = Registering()
    bench.network.remove(bench.peer.host)
    bench.client.start()
    bench.clock.advance(33)
    assert bench.told == ["failed no-response"]


def test_failed_refresh_leaves_the_binding() -> None:
    bench = Registering(expires_s=1000)
    bench.start()
    bench.accept()
    bench.clock.advance(901)
    bench.peer.respond(bench.registers[-1], 500)
    bench.settle()
    assert bench.client.state is RegistrationState.WAITING
    assert bench.client.in_force
    bench.clock.advance(100)
    assert not bench.client.in_force


def test_stop() -> None:
    """§10.2.2: Expires 0, once; and nothing goes on."""
    bench = Registering(expires_s=100)
    bench.start()
    bench.accept()
    bench.client.stop()
    bench.client.stop()
    bench.settle()
    assert [request.expires for request in bench.registers] == [100, 0]
    assert not bench.client.in_force
    bench.accept()
    bench.finish()


def test_stop_while_waiting() -> None:
    """A binding that can't exist needs no removal."""
    bench = Registering()
    bench.start()
    bench.peer.respond(bench.registers[-1], 403)
    bench.settle()
    bench.client.stop()
    bench.finish()
    assert len(bench.registers) == 1


def test_started_again() -> None:
    bench = Registering()
    bench.start()
    bench.client.start()
    bench.accept()
    bench.client.stop()
    bench.settle()
    bench.accept()
    bench.client.start()
    bench.settle()
    assert [request.expires for request in bench.registers] == [3600, 0, 3600]
    assert [request.cseq.number for request in bench.registers] == [1, 2, 3]


def test_lost_connection() -> None:
    """The carrier can't reach us any more: registered anew at once, over a new connection."""
    bench = Registering(transport=Transport.TCP)
    bench.start()
    bench.accept()
    next(iter(bench.peer.host.streams.values())).close()
    bench.settle()
    assert not bench.client.in_force
    bench.clock.advance(2.1)
    assert len(bench.registers) == 2
    bench.accept()
    assert bench.client.in_force


def test_stop_while_the_answer_is_under_way() -> None:
    """It changes nothing any more, and the binding that it may have made is removed."""
    bench = Registering()
    first = bench.start()
    bench.client.stop()
    bench.peer.respond(first, 200, contact="")
    bench.settle()
    assert bench.told == []
    assert bench.client.state is RegistrationState.IDLE
    assert [request.expires for request in bench.registers] == [3600, 0]
    bench.clock.advance(4000)
    assert len(bench.registers) == 2


def test_success_starts_the_back_off_again() -> None:
    bench = Registering(expires_s=100)
    bench.start()
    for _ in range(4):
        bench.peer.respond(bench.registers[-1], 500)
        bench.settle()
        bench.clock.advance(bench.delays[-1] + 0.1)
    bench.accept()
    bench.clock.advance(90)
    bench.peer.respond(bench.registers[-1], 500)
    bench.settle()
    assert 30 <= bench.delays[-1] <= 60


def test_other_flows_may_fail() -> None:
    bench = Registering(transport=Transport.TCP)
    bench.start()
    bench.accept()
    flow = bench.phone.host.flow_to(Target(Transport.UDP, Address("10.0.0.50", 5060)))
    bench.phone.agent.flow_failed(flow, FlowFailure(FlowFailureKind.UNREACHABLE))
    bench.clock.advance(10)
    assert bench.client.in_force
    assert len(bench.registers) == 1


def test_icmp_that_quotes_nothing_of_ours_changes_nothing() -> None:
    bench = Registering()
    bench.start()
    bench.accept()
    flow = bench.client._flow
    assert flow is not None
    bench.phone.agent.flow_failed(flow, FlowFailure(FlowFailureKind.REFUSED, quoted=b"REGISTER"))
    bench.clock.advance(10)
    assert len(bench.registers) == 1
    bench.phone.agent.flow_failed(flow, FlowFailure(FlowFailureKind.REFUSED))
    bench.clock.advance(10)
    assert len(bench.registers) == 2


def test_stopped_client_hears_of_no_flow() -> None:
    bench = Registering(transport=Transport.TCP)
    bench.start()
    bench.accept()
    bench.client.stop()
    bench.settle()
    next(iter(bench.peer.host.streams.values())).close()
    bench.clock.advance(10)
    assert len(bench.registers) == 2
