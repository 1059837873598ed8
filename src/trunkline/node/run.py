"""The process around a node: its event loop, its log and its signals.

SIGTERM drains: no new calls, the others end by themselves or when `drain.timeout_s` is over. A second
SIGTERM, or SIGINT, ends at once, with BYEs and closed records. SIGHUP rereads the settings and logs what
changed.
"""

import asyncio
import contextlib
import ctypes
import signal
from pathlib import Path

import structlog
import uvloop

from trunkline.config import Settings
from trunkline.errors import TrunklineError
from trunkline.node import service_manager, wiring
from trunkline.node.node import Node
from trunkline.node.web_process import WebProcess
from trunkline.observe.log import Log, open_log
from trunkline.web.control_socket import check_unanswered

_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8
"""glibc's mallopt(3)."""
_TRIM_BYTES = 1 << 20


def keep_memory_together() -> None:
    """Have all threads allocate from one heap, and give back what is free at its end.

    glibc would give each thread a heap of its own, in which the groups of records and ladders that pass from
    thread to thread leave holes: 11 MB after 20,000 calls. A C library without mallopt stays as it is.
    """
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)


def run(path: Path | None) -> None:
    """Run a node with the settings of the file `path` until it is told to stop. Raises `TrunklineError` when
    it can't start. Once it has, SIGHUP is let through, where the caller held it back.
    """
    keep_memory_together()
    settings = Settings.load(path)
    log = open_log(wiring.log_options(settings))
    try:
        uvloop.run(_serve(settings, path, log))
    finally:
        log.close()


async def _serve(settings: Settings, path: Path | None, log: Log) -> None:
    # As the node itself does; before the dashboard's port, which is taken then as well.
    check_unanswered(settings.control_socket)
    node = Node(settings)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, _terminate, node)
    loop.add_signal_handler(signal.SIGINT, node.finished.set)
    web = WebProcess(settings, path) if settings.web.enabled else None
    loop.add_signal_handler(signal.SIGHUP, _reload, node, web, path, log)
    try:
        if web is not None:
            web.listen()
            node.web_settled = web.settled
        await node.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        if web is not None:
            # Not before: what keeps the node from starting would be said twice.
            web.start()
        service_manager.notify(service_manager.READY)
        await node.finished.wait()
    finally:
        service_manager.notify(service_manager.STOPPING)
        if web is not None:
            await web.stop()
        await node.stop()


def _terminate(node: Node) -> None:
    if node.stopping:
        node.finished.set()
    else:
        node.drain()


def _reload(node: Node, web: WebProcess | None, path: Path | None, log_file: Log) -> None:
    log = structlog.get_logger()
    try:
        settings = Settings.load(path)
        changes = node.reload(settings)
    except TrunklineError as error:
        log.error("the settings were not reread", reason=str(error))
        return
    log_file.set_level(settings.log.level)
    if web is not None:
        web.reload()
    if node.rooms.settings.sip.tls:
        log.info("certificate reread", file=str(node.rooms.settings.certificate))
    if not changes:
        log.info("the settings are as they were")
    for change in changes:
        log.info(
            "setting changed",
            key=change.key,
            old=str(change.old),
            new=str(change.new),
            effect="after a restart" if change.needs_restart else "now",
        )
