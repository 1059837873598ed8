"""The server of what nodes share while they run."""

import asyncio

from trunkline.cli.checks import Finding, Findings, State
from trunkline.config import Settings
from trunkline.errors import TrunklineError
from trunkline.live.address import is_encrypted, is_local, shown


def check_live(settings: Settings) -> Findings:
    """Does the server answer that the nodes share their live state in, and fast enough?"""
    url = settings.live.url
    if url is None:
        return
    from trunkline.live.wire import look

    text = url.get_secret_value()
    about = f"live state {shown(text)}"
    try:
        seen = asyncio.run(look(text, settings.service.domain))
    except TrunklineError as error:
        yield Finding(about, State.FAULT, str(error), "Does it run, and listen there? See live.url.")
        return
    yield Finding(about, State.FINE, f"{seen.product}, answers in {seen.latency_ms:.1f} ms")
    if seen.latency_ms > settings.live.timeout_ms / 3:
        yield Finding(
            about,
            State.WARNING,
            f"slow, for live.timeout_ms of {settings.live.timeout_ms}",
            "Put it near the nodes.",
        )
    if seen.evicts:
        yield Finding(
            about,
            State.WARNING,
            "drops keys when its memory is full: counts of calls would be lost",
            "Set maxmemory-policy noeviction.",
        )
    if not is_encrypted(text) and not is_local(text):
        yield Finding(about, State.WARNING, "not encrypted", "Use valkeys://, or a network of your own.")
