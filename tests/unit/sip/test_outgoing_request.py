"""Requests outside a dialog, from sending to their outcome."""

from tests.simulation.bench import Bench
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.uri import SipUri


def test_request_outside_a_dialog() -> None:
    """RFC 3261 §8.1, §11.1: an OPTIONS, its answer, its silence."""
    bench = Bench()
    agent = bench.phone.agent
    told: list[str] = []

    def ask(host: str) -> None:
        agent.request(
            "OPTIONS",
            SipUri.parse(f"sip:{host}"),
            from_=NameAddr.parse("<sip:us@example.com>"),
            to=NameAddr.parse(f"<sip:{host}>"),
            headers=[("X-A", "1")],
            on_response=lambda response: told.append(str(response.status)),
            on_failure=lambda failure: told.append(str(failure.kind)),
        )

    ask("10.0.0.9")
    bench.settle()
    request = bench.peer.request_heard("OPTIONS")
    assert request.cseq == (1, "OPTIONS")
    assert request.from_tag
    assert request.headers.get("x-a") == "1"
    assert request.max_forwards == 70
    assert "content-type" not in request.headers
    bench.peer.respond(request, 100, to_tag=None)
    bench.settle()
    assert told == []
    bench.peer.respond(request, 200)
    bench.settle()
    assert told == ["200"]
    ask("nowhere.example.com")
    assert told == ["200"]
    bench.settle()
    assert told == ["200", "name"]
    ask("10.0.0.99")
    bench.clock.advance(33)
    assert told == ["200", "name", "no-response"]
    bench.finish()


def test_request_with_credentials() -> None:
    bench = Bench()
    told: list[object] = []
    bench.phone.agent.request(
        "MESSAGE",
        SipUri.parse("sip:10.0.0.9"),
        from_=NameAddr.parse("<sip:us@example.com>"),
        to=NameAddr.parse("<sip:them@example.com>"),
        body=b"hello",
        content_type="text/plain",
        credentials=DigestUser("key", "secret"),
        on_response=lambda response: told.append(response.status),
        on_failure=told.append,
    )
    bench.settle()
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
    for _ in range(2):
        request = bench.peer.request_heard("MESSAGE")
        bench.peer.respond(request, 401, headers=(challenge,))
        bench.settle()
    assert request.cseq.number == 2
    assert (request.body, request.content_type) == (b"hello", "text/plain")
    assert "authorization" in request.headers
    assert told == [401]


def test_forgotten_request() -> None:
    """Its outcome is told to nobody."""
    bench = Bench()
    told: list[object] = []
    sent = bench.phone.agent.request(
        "OPTIONS",
        SipUri.parse("sip:10.0.0.9"),
        from_=NameAddr.parse("<sip:us@example.com>"),
        to=NameAddr.parse("<sip:them@example.com>"),
        on_response=told.append,
        on_failure=told.append,
    )
    bench.settle()
    assert sent.flow is not None
    sent.forget()
    bench.peer.respond(bench.peer.request_heard("OPTIONS"), 200)
    bench.settle()
    assert told == []
    bench.finish()


def test_rounds_of_credentials() -> None:
    """Two, however many nonces the peer has."""
    bench = Bench()
    told: list[object] = []
    bench.phone.agent.request(
        "OPTIONS",
        SipUri.parse("sip:10.0.0.9"),
        from_=NameAddr.parse("<sip:us@example.com>"),
        to=NameAddr.parse("<sip:them@example.com>"),
        credentials=DigestUser("key", "secret"),
        on_response=told.append,
        on_failure=told.append,
    )
    for nonce in range(4):
        bench.settle()
        challenge = ("WWW-Authenticate", f'Digest realm="r", nonce="{nonce}", qop="auth"')
        bench.peer.respond(bench.peer.request_heard("OPTIONS"), 401, headers=(challenge,))
    bench.settle()
    assert bench.peer.request_heard("OPTIONS").cseq.number == 3
    assert len(told) == 1
