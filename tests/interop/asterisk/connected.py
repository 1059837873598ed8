"""A customer's Asterisk, as it is once its owner has followed what `trunkline pbx` says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop.addresses import free_port, wait_for
from tests.interop.asterisk.program import Asterisk, Pbx
from tests.interop.asterisk.trunk import PHONES, THIRD_NUMBER, forward, written
from tests.interop.node import Node


@contextmanager
def connected(node: Node, which: Pbx, folder: Path, *, secure: bool = False) -> Iterator[Asterisk]:
    """A PBX that has registered; the numbers are forwarded to it. `secure`: it speaks TLS, with a certificate
    of its own, and takes calls over TLS and SRTP only.
    """
    port = free_port()
    files = written(node, which, port, folder, *(("--tls", "--srtp") if secure else ()))
    if secure:
        for name, of_the_node in (("pbx.pem", "tls-certificate.pem"), ("pbx-key.pem", "tls-key.pem")):
            files[name] = (node.directory / of_the_node).read_text()
        forward(node, port, scheme="sips:", options=";media=srtp")
    else:
        forward(node, port)
    asterisk = Asterisk(which, files=files, port=port, phones=PHONES, forwards_to=f"00{THIRD_NUMBER}")
    try:
        asterisk.registered()
        if secure:
            asterisk.qualified()  # chan_sip begins all at once, each over a TLS connection of its own
        yield asterisk
    finally:
        asterisk.close()


def assert_encrypted(node: Node, call_id: str, side: str) -> None:
    """Every message with the PBX went over TLS, and both descriptions have a key."""
    wait_for("the closed record", lambda: node.closed(call_id))
    ladder = node.run("calls", call_id, "--messages")
    messages = [text for text in ladder.split("\n--- +") if f" {side}, " in text.partition("\n")[0]]
    assert len(messages) > 4
    for text in messages:
        assert f"{side}, TLS " in text.partition("\n")[0]
    described = [text for text in messages if "m=audio " in text]
    assert len(described) >= 2
    for text in described:
        assert "RTP/SAVP" in text
        assert "a=crypto:" in text
