"""The web process as the node's child: started with it, started again when it dies, ended with it."""

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path

import structlog

from trunkline.config import Settings
from trunkline.web.serving import listen_tcp

RESTART_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Pauses before it is started again, when it dies once, twice, … in a row."""
STEADY_S = 60.0
"""One that lived this long begins a new row."""
START_S = 30.0
"""How long its first start is waited for at most."""
PATIENCE_S = 5.0
"""How long a stopping process is waited for before it is killed."""
_DEAF = ("/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh")
"""Starts a program that ignores SIGHUP until it handles it: one sent to all processes of the service would
end it before.
"""


class WebProcess:
    """Made within a running loop. The socket is the node's and handed over, so that a port that is taken
    stops the node's start, and no request is refused while the process is started again."""

    def __init__(self, settings: Settings, path: Path | None) -> None:
        """`path` is the settings file; None: none."""
        self._settings = settings
        self._path = path
        self._log = structlog.get_logger()
        self.settled = asyncio.Event()
        """Set once it serves, or will not for now: nobody waits for it any more."""
        self._listener: socket.socket | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._serving = False
        """Whether the process has said so: before, SIGHUP would be lost."""
        self._reread = False
        """Whether it gets SIGHUP as soon as it serves."""

    def listen(self) -> socket.socket:
        """Have the port before the process is started. Raises `NetError` when it can't be had."""
        bind = self._settings.web.bind
        self._listener = listen_tcp(bind.host, bind.port, "web.bind")
        return self._listener

    def start(self) -> None:
        """Start the process, and keep it running; raises what `listen` does where that was not called."""
        listener = self._listener or self.listen()
        self._keeper = asyncio.create_task(self._keep(listener), name="web process")
        self._log.info("web", url=self._settings.web.url)

    def reload(self) -> None:
        """Have it reread the settings and the certificate; one that is only starting does once it serves."""
        if self._process is not None and self._process.returncode is None:
            self._reread = not self._serving
            if self._serving:
                self._process.send_signal(signal.SIGHUP)

    async def stop(self) -> None:
        """End it. Idempotent."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _keep(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        deaths = 0
        while True:
            started = loop.time()
            self._serving = False
            process = self._process = await self._spawn(listener)
            try:
                await self._await_word(process)
                status = await process.wait()
            except asyncio.CancelledError:
                await _end(process)
                raise
            deaths = 1 if loop.time() - started >= STEADY_S else deaths + 1
            pause_s = RESTART_S[min(deaths, len(RESTART_S)) - 1]
            self._log.error("the web process died", status=status, again_in_s=pause_s)
            await asyncio.sleep(pause_s)

    async def _await_word(self, process: Process) -> None:
        """Until it has said that it serves (`trunkline.web.process`), or has ended."""
        patience = asyncio.get_running_loop().call_later(START_S, self.settled.set)
        try:
            self._serving = process.stdout is not None and bool(await process.stdout.readline())
        finally:
            patience.cancel()
        self.settled.set()
        if self._serving and self._reread:
            self.reload()

    async def _spawn(self, listener: socket.socket) -> Process:
        return await asyncio.create_subprocess_exec(
            *_DEAF, *self._command(listener.fileno()), stdin=PIPE, stdout=PIPE, pass_fds=[listener.fileno()]
        )

    def _command(self, descriptor: int) -> Sequence[str]:
        config = [] if self._path is None else ["--config", str(self._path)]
        return [sys.executable, "-m", "trunkline.cli", *config, "web", "--listener", str(descriptor)]


async def _end(process: Process) -> None:
    """Its standard input closes, which is its sign to go."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), PATIENCE_S)
    except TimeoutError:
        process.kill()
        await process.wait()
