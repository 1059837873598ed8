"""`trunkline doctor`: what is wrong, or could be, and what to do about it."""

import asyncio
import ctypes
import os
import resource
import shutil
import socket
import stat
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, print_json, say
from trunkline.cli.stations import Ground, on_ground
from trunkline.config import Settings
from trunkline.config.advertised import advertised_host, own_address
from trunkline.errors import StoreError, TrunklineError
from trunkline.live.address import is_encrypted, is_local, shown
from trunkline.media.embedded import EmbeddedEngine
from trunkline.media.rtpengine.engine import RtpengineEngine
from trunkline.media.rtpengine.instance import InstanceState
from trunkline.net.loop_clock import LoopClock
from trunkline.node.wiring import (
    announcements,
    engine_settings,
    rtpengine_settings,
)
from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.sip.ports import LocateFailure, Target
from trunkline.sip.uri import SipUri
from trunkline.store.database import Database
from trunkline.store.errors import KeyFileError
from trunkline.store.server_check import check_server
from trunkline.store.store import Store
from trunkline.web.control_client import ControlClient, ControlError, NoNodeError

EXPIRES_SOON = timedelta(days=21)
_STA_UNSYNC = 0x40
_OPEN_FILES = 65_536
_ROOM = 100_000_000
"""Bytes on the disk; with less, the records of calls will soon be in memory alone."""
_RESTORE = "Is it there, and may this user read and write it? If it is damaged, restore it from a backup."


class State(StrEnum):
    """How bad it is."""

    FINE = "fine"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    about: str
    state: State
    found: str
    remedy: str = ""


Findings = Iterator[Finding]


app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline doctor", "trunkline doctor --json"))
def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look for what is wrong, and say what to do about it.

    Looks at the database, data directory, ports, addresses, certificate, clock, DNS, media and codecs. Exit
    status 1 on a fault.
    """
    here = installation(context)
    findings = [finding for check in _CHECKS for finding in check(here.settings)]
    if as_json:
        print_json(
            [
                {"about": f.about, "state": f.state.value, "found": f.found, "remedy": f.remedy}
                for f in findings
            ]
        )
    else:
        for finding in findings:
            say(f"{finding.state.value:<8} {finding.about}: {finding.found}")
            if finding.remedy:
                say(f"         {finding.remedy}")
    if any(finding.state is State.FAULT for finding in findings):
        raise typer.Exit(1)


def _node_runs(settings: Settings) -> bool:
    try:
        with ControlClient(settings.control_socket) as node:
            node.stats()
    except NoNodeError:
        return False
    return True


def check_ports(settings: Settings) -> Findings:
    """Can the SIP and HTTP ports be bound, if the node isn't there already?"""
    try:
        if _node_runs(settings):
            yield Finding("ports", State.FINE, "a node is running and answers on its control socket")
            return
    except ControlError as error:
        remedy = (
            "Run this as the user of the service. Another user's file there has to go: http.control_socket."
        )
        yield Finding("control socket", State.FAULT, str(error), remedy)
    wanted = [("UDP", socket.SOCK_DGRAM, address) for address in settings.sip.udp]
    wanted += [("TCP", socket.SOCK_STREAM, address) for address in (*settings.sip.tcp, *settings.sip.tls)]
    wanted += [("HTTP", socket.SOCK_STREAM, settings.http.bind)]
    if settings.web.enabled:
        wanted += [("HTTP", socket.SOCK_STREAM, settings.web.bind)]
    if settings.pstn.enabled:
        wanted += [("UDP", socket.SOCK_DGRAM, settings.pstn.bind)]
    for name, kind, address in wanted:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address.host, address.port))
            except OSError as error:
                yield Finding(
                    f"port {name} {address}",
                    State.FAULT,
                    f"can't be bound: {error.strerror}",
                    "End the program that has it (ss -lnup, ss -lntp show which), or choose another address.",
                )
            else:
                yield Finding(f"port {name} {address}", State.FINE, "free")


def check_addresses(settings: Settings) -> Findings:
    """Will peers be told an address that they can reach?"""
    hosts = dict.fromkeys(
        advertised_host(settings, bound.host)
        for bound in (*settings.sip.udp, *settings.sip.tcp, *settings.sip.tls)
    )
    for host in hosts:
        yield _address(f"advertised address {host}", host, "sip.advertised_host")
    media = engine_settings(settings).advertised_v4
    if media is not None:
        yield _address(f"advertised media address {media}", media, "media.advertised_address")


def _address(about: str, host: str, setting: str) -> Finding:
    try:
        address = ip_address(host)
    except ValueError:
        return Finding(about, State.FINE, "a name")
    if address.is_loopback:
        return Finding(about, State.WARNING, "loopback: only this machine can call", f"Set {setting}.")
    if address.is_private:
        return Finding(
            about,
            State.WARNING,
            "private: peers on the internet can't reach it",
            f"If this node is behind NAT, set {setting} to the public address, and forward the ports.",
        )
    own = own_address(ipv6=address.version == 6)
    if own is not None and own != host:
        return Finding(
            about, State.FINE, f"public; packets leave from {own}, so ports must be forwarded to it"
        )
    return Finding(about, State.FINE, "public")


def check_certificate(settings: Settings) -> Findings:
    """Is there a certificate, does it fit the key and the domain, and for how long?"""
    if not settings.sip.tls and not settings.web.tls:
        yield Finding("certificate", State.FINE, "not needed: sip.tls is empty, web.tls is false")
        return
    path, key_path = settings.certificate, settings.private_key
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        yield Finding(
            "certificate", State.FAULT, f"{path} or {key_path} can't be read: {error}", "Put PEM files there."
        )
        return
    kind = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*kind) != key.public_key().public_bytes(*kind):
        yield Finding(
            "certificate", State.FAULT, f"{key_path} is not the key of {path}", "Put the pair there."
        )
    left = certificate.not_valid_after_utc - _now()
    if certificate.not_valid_before_utc > _now():
        begins = f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M}Z"
        yield Finding("certificate", State.FAULT, begins, "Set the clock, or get another one.")
    elif left < timedelta(0):
        yield Finding("certificate", State.FAULT, "has expired", "Renew it, then send the node SIGHUP.")
    elif left < EXPIRES_SOON:
        yield Finding("certificate", State.WARNING, f"expires in {left.days} days", "Renew it, then SIGHUP.")
    else:
        yield Finding("certificate", State.FINE, f"valid for {left.days} days")
    if certificate.issuer == certificate.subject:
        yield Finding(
            "certificate",
            State.WARNING,
            "self-signed: peers that check it refuse it",
            "Get one from an authority.",
        )
    if stat.S_IMODE(key_path.stat().st_mode) & 0o077:
        yield Finding(
            "certificate", State.WARNING, f"{key_path} can be read by others", f"chmod 600 {key_path}"
        )
    yield from _names(settings, certificate)


def _now() -> datetime:
    return datetime.now(UTC)


def _names(settings: Settings, certificate: x509.Certificate) -> Findings:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    domain = settings.service.domain
    if domain not in names.get_values_for_type(x509.DNSName):
        yield Finding(
            "certificate", State.WARNING, f"does not name {domain} (RFC 5922 §4)", "Add it as a DNS name."
        )


def check_clock(settings: Settings) -> Findings:  # noqa: ARG001 - one of the checks
    """Is the clock kept right? Nonces and records need it."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(512)
    state = libc.adjtimex(buffer)
    status = int.from_bytes(buffer.raw[40:44], "little") if state >= 0 else 0
    if state < 0 or status & _STA_UNSYNC:
        yield Finding(
            "clock",
            State.WARNING,
            "the kernel does not know that it is synchronised",
            "Run an NTP client (systemd-timesyncd or chrony), unless the host does it.",
        )
    else:
        yield Finding("clock", State.FINE, "synchronised")


def check_dns(settings: Settings) -> Findings:
    """Does the service's own name lead here?"""
    domain = settings.service.domain
    found = on_ground(settings, lambda ground: _locate(ground, domain))
    if isinstance(found, LocateFailure):
        yield Finding(
            f"DNS {domain}",
            State.WARNING,
            f"leads nowhere: {found.reason}",
            "Put the records of `trunkline dns` into the zone; until then clients need the address.",
        )
    else:
        yield Finding(f"DNS {domain}", State.FINE, ", ".join(f"{t.transport} {t.address}" for t in found))


async def _locate(ground: Ground, domain: str) -> list[Target] | LocateFailure:
    done: asyncio.Future[list[Target] | LocateFailure] = asyncio.get_running_loop().create_future()
    ground.resolver.locate(
        SipUri("sip", None, domain),
        lambda found: done.set_result(found if isinstance(found, LocateFailure) else list(found)),
    )
    return await done


def check_store(settings: Settings) -> Findings:
    """Can the database be used, and by nobody else?"""
    try:
        store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
    except StoreError as error:
        yield _unusable(error)
        return
    try:
        store.check_key()
        store.check_writable()
        if store.database.dialect == "postgresql":
            yield from _server(store.database)
        counts = f"{len(store.accounts.list())} accounts, {len(store.carriers.list())} carriers"
        yield Finding("database", State.FINE, counts)
        revision = store.nodes.revision()
        for node in store.nodes.list():
            for problem in node.problems(revision):
                yield Finding(f"node {node.name}", State.WARNING, problem, "See docs/edges.md.")
        for key in store.accounts.of_other_realm():
            yield Finding(
                f"account {key}",
                State.FAULT,
                "its secret was made for another service.domain: it can't sign in",
                f"trunkline account rotate-secret {key}",
            )
    except StoreError as error:
        yield _unusable(error)
    finally:
        store.close()
    yield from _private(store.database)
    if stat.S_IMODE(settings.key_file.stat().st_mode) & 0o077:
        yield Finding("key file", State.WARNING, "can be read by others", f"chmod 600 {settings.key_file}")


def _private(database: Database) -> Findings:
    """The file of SQLite holds the accounts' HA1, with which calls can be placed."""
    file = Path(database.engine.url.database or "")
    if database.dialect != "sqlite" or not file.is_file():
        return
    if file.stat().st_mode & 0o044 and file.parent.stat().st_mode & 0o011:
        yield Finding("database file", State.WARNING, "can be read by others", f"chmod 600 {file}*")


def _unusable(error: StoreError) -> Finding:
    about = "key file" if isinstance(error, KeyFileError) else "database"
    found, _, remedy = str(error).partition("; ")
    return Finding(about, State.FAULT, found, remedy or _RESTORE)


def check_data_dir(settings: Settings) -> Findings:
    """Can what the node leaves be written?"""
    folder = settings.node.data_dir
    about = f"data directory {folder}"
    if not os.access(folder, os.W_OK | os.X_OK):
        remedy = f"Run this as the user of the service, or: chown -R USER {folder}"
        yield Finding(about, State.FAULT, "this user can't write into it", remedy)
        return
    free = shutil.disk_usage(folder).free
    found = f"{free // 1_000_000} MB are free"
    if free < _ROOM:
        yield Finding(about, State.FAULT, found, "Make room: ladder.max_bytes, database.keep_calls_days.")
    else:
        yield Finding(about, State.FINE, found)


def _server(database: Database) -> Findings:
    """Of PostgreSQL: its version, the rights, the way to it."""
    state = check_server(database)
    found = f"PostgreSQL {state.version}, answers in {state.answers_s * 1000:.1f} ms"
    yield Finding("database server", State.FINE, found)
    for complaint in state.complaints:
        badness = State.FAULT if complaint.fault else State.WARNING
        yield Finding("database server", badness, complaint.found, complaint.remedy)


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


_CHECKS: tuple[Callable[[Settings], Findings], ...] = (
    check_store,
    check_data_dir,
    check_ports,
    check_addresses,
    check_certificate,
    check_clock,
    check_dns,
    check_media,
    check_live,
)
