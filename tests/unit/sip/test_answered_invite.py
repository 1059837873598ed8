"""An answered INVITE: its 2xx is acknowledged as often as it comes; other forks that answer are ended."""

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER
from trunkline.sip.answered_invite import FORKS_MAX
from trunkline.sip.message import Request


class Answered(Bench):
    """The peer has answered the phone's call with the tag `peer`."""

    def __init__(self) -> None:
        super().__init__()
        self.call_to_peer()
        self.invite = self.peer.request_heard("INVITE")

    def answer(self, tag: str) -> list[Request]:
        """A 2xx with that tag, and what the peer hears then."""
        before = len(self.peer.heard)
        self.peer.respond(self.invite, 200, to_tag=tag, body=ANSWER)
        self.settle()
        heard = [message for message in self.peer.heard[before:] if isinstance(message, Request)]
        for request in heard:
            if request.method == "BYE":
                self.peer.respond(request, 200)
        self.settle()
        return heard


def test_a_repeated_2xx_gets_the_same_ack_once_more() -> None:
    bench = Answered()
    acks = [bench.peer.request_heard("ACK"), *bench.answer("peer"), *bench.answer("peer")]
    assert len({ack.top_via.branch for ack in acks}) == 3, "each with a branch of its own (§8.1.1.7)"
    for ack in acks:
        ack.headers.remove("via")
    assert len({ack.to_bytes() for ack in acks}) == 1
    assert bench.phone.agent.dialogs == 1


def test_a_fork_that_answers_too_is_acknowledged_and_ended() -> None:
    bench = Answered()
    ack, bye = bench.answer("other")
    assert (ack.method, ack.to_tag, ack.cseq.number) == ("ACK", "other", bench.invite.cseq.number)
    assert (bye.method, bye.to_tag) == ("BYE", "other")
    assert [request.method for request in bench.answer("other")] == ["ACK"]
    assert bench.phone.events == []
    assert bench.phone.agent.dialogs == 1


def test_forks_are_bounded() -> None:
    bench = Answered()
    answered = [tag for tag in map(str, range(2 * FORKS_MAX)) if bench.answer(tag)]
    assert len(answered) == FORKS_MAX - 1


def test_after_64_t1_nothing_is_acknowledged_any_more() -> None:
    bench = Answered()
    bench.clock.advance(33)
    assert bench.answer("peer") == []
    assert bench.answer("other") == []
