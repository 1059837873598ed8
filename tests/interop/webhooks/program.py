"""A customer's receiver: an HTTP server that keeps what it is told, and a PBX that answers OPTIONS."""

import contextlib
import json
import re
import runpy
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.interop.addresses import wait_for
from tests.interop.node import HOST, ROOT


def _verifier(directory: Path) -> Callable[[str, dict[str, str], bytes], bool]:
    """What docs/webhooks.md tells customers to do."""
    text = (ROOT / "docs/webhooks.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    file = directory / "verifier.py"
    file.write_text(example)
    verifier: Callable[[str, dict[str, str], bytes], bool] = runpy.run_path(str(file))["is_genuine"]
    return verifier


class Receiver:
    """What came to one URL, with the status that it answers. `secret` is set once it is known."""

    def __init__(self, directory: Path) -> None:
        self.status = 200
        self.secret = ""
        self.events: list[dict[str, Any]] = []
        self.refused: list[str] = []
        """The ids of events that got another status than 200."""
        self._is_genuine = _verifier(directory)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Keep an event, if it is genuine; the status to answer."""
        if not self._is_genuine(self.secret, headers, body):
            return 403
        event = json.loads(body)
        assert event["id"] == headers["webhook-id"]
        if self.status == 200:
            self.events.append(event)
        else:
            self.refused.append(event["id"])
        return self.status

    def wait_for(self, type_: str, **what: object) -> dict[str, Any]:
        """The event of a type in which `what` (of the call or the endpoint) is so."""

        def found() -> dict[str, Any] | None:
            for event in list(self.events):
                about = event.get("call") or event.get("endpoint") or {}
                if event["type"] == type_ and what.items() <= about.items():
                    return event
            return None

        return wait_for(f"{type_} {what}", found, within_s=30)

    def types(self, call_id: str) -> set[str]:
        """What was told of a call."""
        return {
            event["type"] for event in list(self.events) if event.get("call", {}).get("call_id") == call_id
        }


@contextlib.contextmanager
def answering_options(host: str, port: int) -> Iterator[None]:
    """Answers every request over UDP with 200."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind((host, port))
        pbx.settimeout(0.1)
        closing = threading.Event()
        thread = threading.Thread(target=_answer, args=(pbx, closing), name="pbx")
        thread.start()
        try:
            yield
        finally:
            closing.set()
            thread.join()


def _answer(pbx: socket.socket, closing: threading.Event) -> None:
    while not closing.is_set():
        try:
            data, peer = pbx.recvfrom(65_536)
        except TimeoutError:
            continue
        kept = ("via", "from", "to", "call-id", "cseq")
        lines = data.decode().split("\r\n\r\n")[0].split("\r\n")[1:]
        head = [line for line in lines if line.partition(":")[0].strip().lower() in kept]
        answer = "\r\n".join(["SIP/2.0 200 OK", *head, "Content-Length: 0", "", ""])
        pbx.sendto(answer.encode(), peer)
