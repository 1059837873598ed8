"""The web process: the dashboard and the APIs, beside the node and never in its way.

It has a lower priority, a database connection of its own, and asks the node over the control socket. It ends
with SIGTERM, or when the node that started it is gone. SIGHUP rereads the settings and the certificate.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import anyio.to_thread
import structlog
import uvloop

from trunkline.config import Settings, reloaded
from trunkline.errors import TrunklineError
from trunkline.observe.log import Log
from trunkline.web.app import web_app
from trunkline.web.office import Office
from trunkline.web.serving import HttpServer, Tls, listen_tcp
from trunkline.web.webhooks.service import WebhookService

THREADS = 8
"""Requests served at a time; others wait."""
NICENESS = 10


def run(settings: Settings, log: Log, listener: int | None = None, path: Path | None = None) -> None:
    """Serve until told to stop, with the settings of the file `path`. Raises `TrunklineError`.

    `listener` is the descriptor of a listening socket that a node handed over: then a line on standard output
    tells it that requests are served, the end of standard input is the sign to go, and errors are in the log
    alone. None: listen at `web.bind`. SIGHUP is let through once it is handled, where the caller held it
    back.
    """
    bind = settings.web.bind
    try:
        if listener is None:
            listening = listen_tcp(bind.host, bind.port, "web.bind")
        else:
            listening = socket.socket(fileno=listener)
        with contextlib.suppress(OSError):
            os.nice(NICENESS)
        uvloop.run(_serve(settings, listening, log, path, led=listener is not None))
    except TrunklineError as error:
        if listener is None:
            raise
        structlog.get_logger().error("the web process can't serve", reason=str(error))
        sys.exit(1)
    finally:
        log.close()


async def _serve(
    settings: Settings, listening: socket.socket, log: Log, path: Path | None, *, led: bool
) -> None:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(loop_fault)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if led:
        loop.add_reader(sys.stdin.fileno(), stopped.set)
    office = Office.open(settings)
    tls = Tls(settings.certificate, settings.private_key) if settings.web.tls else None
    server = HttpServer(web_app(office), listening, tls=tls, proxies=settings.web.trusted_proxies)
    loop.add_signal_handler(signal.SIGHUP, _reload, office, server, log, path)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    try:
        async with WebhookService(office):
            await server.start()
            if settings.web.readable:
                structlog.get_logger().warning(
                    "passwords readable on the way",
                    bind=str(settings.web.bind),
                    remedy="set web.tls, or bind to loopback behind a proxy with a certificate",
                )
            if led:
                _say_so()
            await stopped.wait()
    finally:
        # A stream of events has no end of its own to wait for.
        office.live.close()
        await server.stop()
        office.close()


def _reload(office: Office, server: HttpServer, log: Log, path: Path | None) -> None:
    try:
        settings = reloaded(office.settings, Settings.load(path))
        server.reload_tls()
    except TrunklineError as error:
        structlog.get_logger().error("the web process did not reread the settings", reason=str(error))
        return
    office.settings = settings
    log.set_level(settings.log.level)
    if settings.web.tls:
        structlog.get_logger().info("the web process reread the certificate", file=str(settings.certificate))


def loop_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a callback raised, for the log; but for one that is no fault: anyio, by which httpx reads the
    node's control socket, tells a read of data that was cancelled in the same turn of the loop.
    """
    late = isinstance(context.get("exception"), asyncio.InvalidStateError)
    if not (late and "Future.set_result" in repr(context.get("handle"))):
        loop.default_exception_handler(context)


def _say_so() -> None:
    """Nothing else is written there: the node reads one line."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), b"serving\n")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stdout.fileno())
    os.close(silence)
