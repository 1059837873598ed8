"""An rtpengine of a few lines: it gives ports, remembers what it was told, and can be silent, gone or new."""

from dataclasses import dataclass, field

from tests.unit.virtual_clock import FakeClock
from trunkline.media.rtpengine.bencode import Encodable, Value, decode, encode
from trunkline.media.rtpengine.exchange import Exchange

DELAY_S = 0.001


@dataclass
class PaperCall:
    """Ports by tag; the caller's is `caller`."""

    ports: dict[str, int] = field(default_factory=dict)
    packets: dict[str, int] = field(default_factory=dict)
    sdp: dict[str, str] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    heard_with: dict[str, list[str]] = field(default_factory=dict)
    """The lines with the keys of what comes, by the tag of who sends it; the first one counts."""
    sent_with: dict[str, list[str]] = field(default_factory=dict)
    """The lines with the keys of what is sent, by the tag of whose peer gets it; the first one counts."""
    joined: str = ""
    """The branch that the caller is heard by: the one of the last answer, as with the real one."""


class PaperDaemon:
    """A `Wire` with somebody at its end."""

    reliable = False

    def __init__(self, clock: FakeClock, *, port: int = 30_000) -> None:
        self.clock = clock
        self.exchange = Exchange(clock, "t")
        self.exchange.wire = self
        self.calls: dict[str, PaperCall] = {}
        self.said: list[tuple[str, dict[str, Value]]] = []
        """Commands, in the order in which they came; repetitions are not."""
        self.silent = False
        self.full = False
        self.refuses: set[str] = set()
        """Commands answered with an error."""
        self.forgetful = False
        """Whether the answer to `delete` says nothing of what is deleted, as with 12.5."""
        self._answers: dict[bytes, bytes] = {}
        self._port = port

    def send(self, message: bytes) -> None:
        if self.silent:
            return
        cookie, _, body = message.partition(b" ")
        if cookie not in self._answers:
            keys = decode(body)
            assert isinstance(keys, dict)
            command = keys.pop("command")
            assert isinstance(command, bytes)
            self.said.append((command.decode(), keys))
            self._answers[cookie] = cookie + b" " + encode(self.answer(command.decode(), keys))
        answer = self._answers[cookie]
        self.clock.at(self.clock.now() + DELAY_S, lambda: self.exchange.received(answer))

    def answer(self, command: str, keys: dict[str, Value]) -> dict[str, Encodable]:
        """What it says."""
        if command == "ping":
            return {"result": "pong"}
        if command in self.refuses:
            return {"result": "error", "error-reason": "I don't want to"}
        call_id = _text(keys["call-id"])
        if command == "offer" and call_id not in self.calls:
            if self.full:
                return {"result": "load limit", "message": "enough is enough"}
            self.calls[call_id] = PaperCall()
        call = self.calls.get(call_id)
        if call is None:
            return {"result": "error", "error-reason": "Unknown call-id"}
        tag = _text(keys.get("from-tag", b""))
        match command:
            case "offer" | "answer":
                return self._describe(call, command, keys)
            case "query":
                return self._figures(call)
            case "delete":
                figures = self._figures(call)
                call.packets.pop(tag, None)
                if tag == "caller":
                    call.packets.clear()
                    del self.calls[call_id]
                return self._figures(call) if self.forgetful else figures
            case "block media":
                call.blocked.add(tag)
            case "unblock media":
                call.blocked.discard(tag)
        return {"result": "ok"}

    def _describe(self, call: PaperCall, command: str, keys: dict[str, Value]) -> dict[str, Encodable]:
        offerer = _text(keys["from-tag"])
        answerer = _text(keys["via-branch"] if "via-branch" in keys else keys["to-tag"])
        speaker, hearer = (offerer, answerer) if command == "offer" else (answerer, offerer)
        call.sdp[speaker] = _text(keys["sdp"])
        call.joined = answerer if offerer == "caller" else offerer
        self._take_keys(call, speaker, hearer, command, keys)
        if hearer not in call.ports:
            call.ports[hearer] = self._port
            self._port += 2
        address = "IP6 2001:db8::1" if keys["address-family"] == b"IP6" else "IP4 192.0.2.1"
        return {
            "sdp": f"v=0\r\nc=IN {address}\r\nm=audio {call.ports[hearer]} RTP/AVP 8\r\n",
            "result": "ok",
        }

    def _take_keys(
        self, call: PaperCall, speaker: str, hearer: str, command: str, keys: dict[str, Value]
    ) -> None:
        """As the real one does: `__generate_crypto` and `__sdes_accept` in its daemon/call.c."""
        lines = [line[9:] for line in call.sdp[speaker].split("\r\n") if line.startswith("a=crypto:")]
        call.heard_with[speaker] = lines
        if lines:
            tag = lines[0].partition(" ")[0]
            kept = call.sent_with.get(speaker, [])
            call.sent_with[speaker] = [line for line in kept if line.partition(" ")[0] == tag]
        sent = call.sent_with.get(hearer, [])
        if keys["transport-protocol"] == b"RTP/AVP":
            call.sent_with[hearer] = []
        elif command == "offer":
            call.sent_with[hearer] = lines or sent
        elif not sent and call.heard_with.get(hearer):
            call.sent_with[hearer] = lines[:1] or ["1 one of its own"]

    def _figures(self, call: PaperCall) -> dict[str, Encodable]:
        tags: dict[str, Encodable] = {
            tag: {"medias": [{"streams": [{"flags": ["RTP"], "stats": {"packets": packets}}]}]}
            for tag, packets in call.packets.items()
        }
        return {"tags": tags, "result": "ok"}

    def commands(self) -> list[str]:
        """The commands since the last call of this."""
        found = [command for command, _ in self.said]
        self.said.clear()
        return found

    @property
    def call(self) -> PaperCall:
        """The one call that there is."""
        (call,) = self.calls.values()
        return call


def _text(value: Value) -> str:
    assert isinstance(value, bytes)
    return value.decode()
