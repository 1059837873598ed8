"""The trunk that a customer's Asterisk is tried at: where carriers and phones are, and its numbers."""

from pathlib import Path
from typing import Final

from tests.interop.addresses import free_port
from tests.interop.asterisk import freepbx
from tests.interop.asterisk.own_files import FEATURES, FORWARDED, FORWARDED_LATER, PHONE, REFERRED, SECOND
from tests.interop.asterisk.program import Pbx, home_of
from tests.interop.node import HOST, KEY, SECRET, Node

PHONE_HOST, SECOND_HOST = "127.0.0.11", "127.0.0.12"
CARRIER, THIRD = "127.0.0.20", "127.0.0.21"
PHONES: Final = ((PHONE_HOST, free_port(PHONE_HOST)), (SECOND_HOST, free_port(SECOND_HOST)))
CARRIERS: Final = {
    "44": (CARRIER, free_port(CARRIER)),
    "33": (THIRD, free_port(THIRD)),
    "49": (CARRIER, free_port(CARRIER)),
}
"""Prefix -> where calls to it go: a callee, whoever the PBX forwards to, and the callee of a long call."""
FAR, THIRD_NUMBER, LONG_NUMBER = "442071838750", "33140205050", "4930123456"
EXTENSIONS: Final = (PHONE, FORWARDED, FORWARDED_LATER, FEATURES, REFERRED, SECOND)
MEDIA_TIMEOUT_S = 9.0
SETTINGS: Final = {
    "sip.advertised_host": HOST,
    "session_timer.interval_s": 90,
    "media.timeout_s": MEDIA_TIMEOUT_S,
}


def number_of(extension: str) -> str:
    """The number whose calls go to this extension of the PBX."""
    return f"12125550{extension}"


NUMBER: Final = number_of(PHONE)


def furnish(node: Node) -> None:
    """Give a node its carriers, routes and numbers."""
    for prefix, (host, port) in CARRIERS.items():
        name = f"to{prefix}"
        node.command("carrier", "add", name, "--gateway", f"sip:{host}:{port}")
        node.command("route", "add", prefix, "--carrier", name)
    node.command("carrier", "set", "to44", "--source", CARRIER)
    node.command("account", "set", KEY, "--refer")
    for extension in EXTENSIONS:
        node.command("number", "add", number_of(extension), "--account", KEY)


def forward(node: Node, port: int, *, scheme: str = "", options: str = "") -> None:
    """Send the calls of every number to the PBX at `port`."""
    for extension in EXTENSIONS:
        uri = f"{scheme}{extension}@{HOST}:{port}{options}"
        node.command("number", "forward", number_of(extension), uri)


def written(
    node: Node, pbx: Pbx, port: int, folder: Path, *options: str, key: str = KEY, secret: str = SECRET
) -> dict[str, str]:
    """What `trunkline pbx` writes for a PBX that listens at `port`, by name, as its Asterisk reads it."""
    account = ("--account", key, "--secret", secret)
    kind = "freepbx" if pbx.freepbx else pbx.kind
    node.run("pbx", kind, *account, "--pbx-port", str(port), "--out", str(folder), *options)
    written = {file.name: file.read_text() for file in folder.rglob("*") if file.is_file()}
    if pbx.freepbx:
        return freepbx.files(written, chan_sip=pbx.chan_sip, port=port, keys=f"{home_of(port)}/etc")
    return written
