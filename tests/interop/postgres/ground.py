"""A customer's PBX and a carrier around nodes whose data are in PostgreSQL, and a way to the server that can
be cut.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from tests.interop.addresses import free_port
from tests.interop.conftest import Start
from tests.interop.node import HOST, KEY, SECRET, Node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, silent_sdp

PBX, CARRIER = "127.0.0.60", "127.0.0.61"
PBX_PORT, CARRIER_PORT = free_port(PBX), free_port(CARRIER)
NUMBER = "12125550300"
NO_AUDIO = silent_sdp("127.0.0.60")


def prepare(node: Node) -> None:
    """A carrier, a route to it, a number and where its calls go."""
    node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{CARRIER_PORT}", "--source", CARRIER)
    node.command("route", "add", "44", "--carrier", "main")
    node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"sip:100@{PBX}:{PBX_PORT}")


class Phones:
    """They call, and are called."""

    def __init__(self, sipp: Start) -> None:
        self._sipp = sipp

    def carrier(self, body: str = NO_AUDIO, calls: int = 1) -> Sipp:
        """The carrier takes so many calls, until the caller hangs up."""
        callee = Callee(body=body)
        callee.invited()
        callee.accept()
        callee.hung_up()
        return self._sipp(callee, host=CARRIER, port=CARRIER_PORT, calls=calls, within_s=120)

    def pbx(self, body: str = NO_AUDIO) -> Sipp:
        """The PBX takes a call, until the caller hangs up."""
        callee = Callee(body=body)
        callee.invited()
        callee.ring()
        callee.accept()
        callee.hung_up()
        return self._sipp(callee, host=PBX, port=PBX_PORT)

    def out(self, node: Node, *, up_ms: int = 0, called: str = "442071838750", body: str = NO_AUDIO) -> Sipp:
        """The PBX calls for `up_ms`; 0: until `Sipp.tell`."""
        caller = Caller(called, body=body)
        caller.invite_with_credentials()
        caller.answered()
        caller.pause(up_ms) if up_ms else caller.until_told()
        caller.bye()
        to = (HOST, node.port)
        return self._sipp(caller, host=PBX, to=to, user=KEY, password=SECRET, within_s=120)

    def into(self, node: Node, *, up_ms: int = 300, body: str = NO_AUDIO) -> Sipp:
        """The carrier calls the number."""
        caller = Caller(NUMBER, body=body)
        caller.invite()
        caller.answered()
        caller.pause(up_ms)
        caller.bye()
        return self._sipp(caller, host=CARRIER, to=(HOST, node.port))


class Way:
    """Carries TCP connections to the server at `to`; while it is `cut`, it takes them and says nothing."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._cut = threading.Event()
        self._closing = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(0.1)
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._run(self._listen)

    def cut(self) -> None:
        """From now on nothing gets through, in either direction."""
        self._cut.set()

    def mend(self) -> None:
        """What waited gets through."""
        self._cut.clear()

    def close(self) -> None:
        """End every connection."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="way", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            far = socket.create_connection((HOST, self._to))
            self._run(self._carry, near, far)
            self._run(self._carry, far, near)

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        source.settimeout(0.1)
        with closing(source), closing(sink):
            while not self._closing.is_set():
                if self._cut.is_set():
                    self._closing.wait(0.05)
                    continue
                try:
                    data = source.recv(65536)
                    if not data:
                        return
                    sink.sendall(data)
                except TimeoutError:
                    continue
                except OSError:
                    return


@contextmanager
def way(to: int) -> Iterator[Way]:
    """A way to the port `to` of this machine."""
    made = Way(to)
    try:
        yield made
    finally:
        made.close()
