"""Ports for media, recordings, codecs, and rtpengines where these carry it."""

import asyncio
import resource
import wave
from dataclasses import replace
from pathlib import Path

from trunkline.cli.checks import Finding, Findings, State
from trunkline.config import Settings
from trunkline.errors import TrunklineError
from trunkline.media.embedded import EmbeddedEngine
from trunkline.media.rtpengine.engine import RtpengineEngine
from trunkline.media.rtpengine.instance import InstanceState
from trunkline.net.loop_clock import LoopClock
from trunkline.node.wiring import announcements, engine_settings, rtpengine_settings
from trunkline.sdp.codecs import CODEC_NAMES

_OPEN_FILES = 65_536


def check_media(settings: Settings) -> Findings:
    """Can the media ports be had, and which codecs pass?"""
    media = settings.media
    if media.engine == "rtpengine":
        yield from _check_rtpengines(settings)
        return
    wanted = min(media.port_max - media.port_min + 1 + 1024, _OPEN_FILES)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        yield Finding(
            "open files",
            State.WARNING,
            f"at most {hard}: fewer calls than ports",
            f"ulimit -n {wanted}, LimitNOFILE=",
        )
    try:
        EmbeddedEngine(engine_settings(settings)).stop()
    except TrunklineError as error:
        yield Finding("media", State.FAULT, str(error), "See media.bind_address.")
    else:
        yield Finding("media", State.FINE, f"ports {media.port_min} to {media.port_max}")
    yield Finding("codecs", State.FINE, f"{', '.join(CODEC_NAMES)}: passed through, or transcoded")
    yield from check_announcements(settings.media.announcements)


def check_announcements(folder: Path | None) -> Findings:
    """Are the recordings for refused callers what the media engine can play, under names that mean
    something?
    """
    if folder is None:
        return
    try:
        known = announcements(folder)
        files = [file for file in sorted(folder.iterdir()) if file.suffix == ".wav"]
    except TrunklineError as error:
        yield Finding("announcements", State.FAULT, str(error), "Make the folder, or leave the setting out.")
        return
    yield Finding("announcements", State.FINE, f"{len(known)} recordings in {folder}")
    for file in files:
        if file.stem not in known:
            yield Finding(
                f"announcement {file.name}",
                State.WARNING,
                f"{file.stem} is no error id: it is never played",
                "docs/explain.md lists them.",
            )
        elif (wrong := _wrong_with(file)) is not None:
            yield Finding(
                f"announcement {file.name}",
                State.WARNING,
                f"{wrong}: it is not played",
                f"sox {file} -r 8000 -c 1 -b 16 new.wav",
            )


def _wrong_with(file: Path) -> str | None:
    try:
        with wave.open(str(file)) as recording:
            form = (recording.getframerate(), recording.getnchannels(), recording.getsampwidth())
    except (OSError, EOFError, wave.Error) as error:
        return f"can't be read: {error}"
    return None if form == (8000, 1, 2) else "not of 8000 Hz, mono, 16 bits"


def _check_rtpengines(settings: Settings) -> Findings:
    """Does each of them answer, and give ports?"""
    try:
        states = asyncio.run(_ask_rtpengines(settings))
    except TrunklineError as error:
        yield Finding("media", State.FAULT, str(error), "See media.rtpengine.")
        return
    if settings.media.rtpengine_digits is None:
        yield Finding(
            "digits",
            State.WARNING,
            "keys pressed can't go on by SIP INFO",
            "Set media.rtpengine_digits, and --dtmf-log-dest.",
        )
    for state in states:
        about = f"rtpengine {state.name}"
        if state.ready:
            yield Finding(about, State.FINE, f"gave ports, {state.latency_ms or 0:.1f} ms")
        elif state.up:
            yield Finding(about, State.FAULT, "gives no ports", "See its log.")
        else:
            yield Finding(about, State.FAULT, state.reason, "Does it run, and listen there?")


async def _ask_rtpengines(settings: Settings) -> tuple[InstanceState, ...]:
    faults: list[Exception] = []
    clock = LoopClock(asyncio.get_running_loop(), faults.append)
    engine = RtpengineEngine(replace(rtpengine_settings(settings), ready=1), clock)
    try:
        await engine.start()
        return engine.states()
    finally:
        await engine.close()
        clock.stop()
