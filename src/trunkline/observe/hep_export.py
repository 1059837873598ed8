"""A copy of every SIP message, without its secrets, for a collector of HEP such as Homer.

Messages are gathered on the loop for a moment, so that a leg is known to be its call's when they leave, and
packed and sent by a thread of its own. Nothing waits for the collector: what it can't take is lost and
counted, and it is tried again every `RETRY_S`.
"""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import structlog

from trunkline.clock import Clock, Timer
from trunkline.observe.hep import HepForm
from trunkline.observe.message import LadderMessage
from trunkline.sip.ports import Flow

GATHER_S: Final = 0.02
"""Short, since what is gathered leaves at once: a collector's socket holds a few hundred messages."""
MAX_GATHERED: Final = 512
"""Messages within one `GATHER_S`; more are lost."""
MAX_BATCHES: Final = 64
"""That wait for the thread; more are lost."""
RETRY_S: Final = 5.0
"""How long after a failure messages are lost untried."""
_QUIET_S: Final = 600.0
"""How long nothing more is logged about a collector that isn't there."""
_CLOSE_S: Final = 2.0


class Collector(NamedTuple):
    """Where packets are sent, by UDP."""

    host: str
    """A name or an IP address (IPv6 without brackets)."""
    port: int

    def open(self) -> socket.socket:
        """A socket to the first of its addresses that there is a way to. Raises OSError."""
        unreachable = OSError("the name has no address")
        for family, kind, _, _, address in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM):
            opened = socket.socket(family, kind)
            try:
                opened.connect(address)
            except OSError as error:
                opened.close()
                unreachable = error
            else:
                return opened
        raise unreachable


class HepExporter:
    """One per node. All but the thread's own part runs on the loop that drives `clock`."""

    def __init__(
        self,
        clock: Clock,
        collector: Collector,
        form: HepForm,
        correlation: Callable[[str], str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`correlation` says of a SIP Call-ID what it has in common with the other legs of its call."""
        self._clock = clock
        self._collector = collector
        self._form = form
        self._correlation = correlation
        self._monotonic = monotonic
        self._gathered: list[tuple[float, bool, Flow, bytes, str]] = []
        self._timer: Timer | None = None
        self._dropped = 0
        self._unsent = 0
        self.sent = 0
        """Messages that have left for the collector."""
        self._socket: socket.socket | None = None
        self._retry_at = 0.0
        self._quiet_until = 0.0
        self._log = structlog.get_logger()
        self._queue: queue.Queue[Sequence[tuple[LadderMessage, str]] | None] = queue.Queue(MAX_BATCHES)
        self._thread = threading.Thread(target=self._run, name="hep", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Messages that the collector did not get: it is not there, or can't keep up."""
        return self._dropped + self._unsent

    def message(self, data: bytes, flow: Flow, call_id: str, *, sent: bool) -> None:
        """One more message was received, or `sent`."""
        if len(self._gathered) >= MAX_GATHERED:
            self._dropped += 1
            return
        self._gathered.append((self._clock.wall(), sent, flow, data, call_id))
        if self._timer is None:
            self._timer = self._clock.at(self._clock.now() + GATHER_S, self._hand_over)

    def _hand_over(self) -> None:
        self._timer = None
        gathered, self._gathered = self._gathered, []
        batch = [
            (
                LadderMessage(at, 0, sent, flow.transport, flow.sent_by, flow.remote, data),
                self._correlation(call_id),
            )
            for at, sent, flow, data, call_id in gathered
        ]
        try:
            self._queue.put_nowait(batch)
        except queue.Full:
            self._dropped += len(batch)

    def wait_sent(self) -> None:
        """Block until the thread is done with all that it was handed."""
        self._queue.join()

    def stop(self) -> None:
        """Hand everything to the thread."""
        if self._timer is not None:
            self._timer.cancel()
            self._hand_over()

    def close(self) -> None:
        """Send what is left, and end the thread, unless that waits for a name server. Called after `stop`, in
        any thread; takes a moment.
        """
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=_CLOSE_S)
            self._thread.join(_CLOSE_S)

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            for message, correlation in batch:
                if self._send(message, correlation):
                    self.sent += 1
                else:
                    self._unsent += 1
            self._queue.task_done()
        self._leave()

    def _send(self, message: LadderMessage, correlation: str) -> bool:
        if self._socket is None and self._monotonic() < self._retry_at:
            return False
        try:
            packet = self._form.packet(message.masked(), correlation)
        except ValueError:
            return False
        try:
            if self._socket is None:
                self._socket = self._collector.open()
            self._socket.send(packet)
        except OSError as error:
            self._missed(error)
            return False
        return True

    def _missed(self, error: OSError) -> None:
        self._leave()
        now = self._monotonic()
        self._retry_at = now + RETRY_S
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_S
            self._log.warning("the HEP collector is not there", host=self._collector.host, error=str(error))

    def _leave(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
