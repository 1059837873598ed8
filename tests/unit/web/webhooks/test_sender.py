"""One attempt, against real receivers on loopback."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.unit.web.webhooks.conftest import Answer, answering, receiver
from trunkline import __version__
from trunkline.web.webhooks.sender import Outcome, Sender
from trunkline.web.webhooks.signing import signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"id":"e1"}'
NOW = 1_700_000_000.0


async def nowhere(_host: str) -> Sequence[str]:
    return ()


async def send(url: str, *, private: bool = True, attempt_s: float = 5.0) -> Outcome:
    async with Sender(nowhere, private=private, connections=8, attempt_s=attempt_s) as sender:
        return await sender.send(url, SECRET, "e1", BODY, NOW)


class HurriedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock a test puts forward: what takes long in it takes no time."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


def pass_time(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HurriedLoop)
    loop.ahead_s += seconds


def outcome_of(answer: Answer, attempt_s: float = 5.0) -> Outcome:
    async def run() -> Outcome:
        async with receiver(answer) as received:
            return await send(received.url, attempt_s=attempt_s)

    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        return runner.run(run())


def test_what_arrives() -> None:
    async def run() -> None:
        async with receiver(answering(204)) as received:
            assert await send(received.url) == Outcome(True, True, 204, "")
        ((headers, body),) = received.requests
        assert body == BODY.encode()
        assert headers["content-type"] == "application/json"
        assert headers["user-agent"] == f"Trunkline/{__version__}"
        assert headers.items() >= signed_headers(SECRET, "e1", NOW, body).items()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "final", "words"),
    [(500, False, "500"), (404, False, "404"), (410, True, "gone for good"), (302, False, "redirect")],
)
def test_what_is_no_success(status: int, final: bool, words: str) -> None:
    outcome = outcome_of(answering(status))
    assert (outcome.delivered, outcome.final, outcome.status) == (False, final, status)
    assert words in outcome.detail


def test_a_redirect_is_not_followed() -> None:
    async def run() -> None:
        async with receiver(answering(200)) as other:
            async with receiver(answering(307, f"Location: {other.url}")) as received:
                assert not (await send(received.url)).delivered
            assert other.requests == []

    asyncio.run(run())


async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Slow loris: a header of ten minutes, a byte each 100 ms."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ")
    for _ in range(6000):
        if reader.at_eof():
            return
        writer.write(b"a")
        await writer.drain()
        pass_time(0.1)
        await asyncio.sleep(0)
    writer.write(b"\r\n\r\n")
    await reader.read()


async def silently(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    pass_time(600)
    await reader.read()


@pytest.mark.parametrize("hold", [slowly, silently])
def test_a_receiver_that_holds_the_line_costs_the_time_of_an_attempt(hold: Answer) -> None:
    assert outcome_of(hold, attempt_s=10) == Outcome(False, False, None, "no answer within 10 s")


def test_the_body_of_an_answer_is_not_read() -> None:
    async def endlessly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"x" * 65_536)
            await writer.drain()

    assert outcome_of(endlessly).delivered
    assert outcome_of(answering(200, body=b"x" * 65_536)).delivered


@pytest.mark.parametrize(
    "rubbish", [b"", b"\x00\xff" * 100, b"HTTP/1.1 200\x00 OK\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n"]
)
def test_rubbish_is_a_failure(rubbish: bytes) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(rubbish)
        await writer.drain()

    outcome = outcome_of(answer)
    assert not outcome.delivered
    assert outcome.status is None
    assert outcome.detail


def test_headers_without_end_are_a_failure() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not reader.at_eof():
            writer.write(b"X: " + b"a" * 8192 + b"\r\n")
            await writer.drain()

    outcome = outcome_of(answer, attempt_s=20)
    assert not outcome.delivered
    assert "no answer" not in outcome.detail


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://nowhere.example/", "http://[::ffff:0.0.0.0]/", "http://a..b/"]
)
def test_nobody_there(url: str) -> None:
    outcome = asyncio.run(send(url))
    assert (outcome.delivered, outcome.final, outcome.status) == (False, False, None)
    assert outcome.detail


def test_private_addresses_are_refused_in_words() -> None:
    async def run() -> Outcome:
        async with receiver(answering(200)) as received:
            outcome = await send(received.url, private=False)
        assert received.requests == []
        return outcome

    assert asyncio.run(run()).detail == "127.0.0.1 has no public address"


def test_the_environment_s_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert outcome_of(answering(200)).delivered
