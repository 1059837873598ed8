"""The certificate."""

import errno
import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.interop.addresses import free_port
from tests.unit.cli.conftest import CommandLine
from tests.unit.cli.doctoring import findings, quiet
from trunkline.cli.checks import certificate
from trunkline.cli.init import write_certificate


@pytest.mark.parametrize(("days", "state"), [(1, "fault"), (0, "fine")])
def test_a_certificate_is_for_the_dashboard_too_and_not_valid_before_its_time(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, days: int, state: str
) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    text = re.sub(r"^tls = \[.*\]$", "tls = []", line.settings_file.read_text(), flags=re.MULTILINE)
    line.settings_file.write_text(text.replace("[web]\n", "[web]\ntls = true\n"))
    monkeypatch.setattr(certificate, "_now", lambda: datetime.now(UTC) - timedelta(days=days))
    found = [row for row in line.json("doctor", status=days) if row["about"] == "certificate"]
    assert found[0]["state"] == state
    assert found[0]["found"].startswith("not valid before" if days else "valid for")


def test_a_certificate_that_is_missing_is_a_fault(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    (line.settings_file.parent / "tls-certificate.pem").unlink()
    assert findings(line, 1)["certificate"][0] == "fault"


def test_a_certificate_in_der_is_a_fault_with_what_converts_it(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    file = line.settings_file.parent / "tls-certificate.pem"
    file.write_bytes(x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER))
    state, _, remedy = findings(line, 1)["certificate"]
    assert (state, remedy) == (
        "fault",
        f"{file} is DER, not PEM: openssl x509 -inform DER -in {file} -out {file}.pem",
    )


def test_a_key_of_another_user_is_said_to_be(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name in ("tls-key.pem", "secret.key"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 60_001)
    found = findings(line, 1)
    for about, name in (("certificate", "tls-key.pem"), ("key file", "secret.key")):
        assert f"chown 60001 {line.settings_file.parent / name}" in found[about][2]


def test_a_certificate_that_only_calls_out_need_is_looked_at_where_one_is_named(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    text = re.sub(r"^tls = \[.*\]$", "tls = []", line.settings_file.read_text(), flags=re.MULTILINE)
    line.settings_file.write_text(text)
    assert findings(line, 0)["certificate"][1].startswith("not needed")
    line.settings_file.write_text(text.replace("[tls]\n", '[tls]\ncertificate = "/none.pem"\n'))
    assert findings(line, 1)["certificate"][0] == "fault"


def test_authorities_that_cannot_be_read_are_a_fault(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    assert "authorities" not in findings(line, 0)
    text = line.settings_file.read_text()
    line.settings_file.write_text(text.replace("[tls]\n", '[tls]\nca_file = "/none.pem"\n'))
    state, found, remedy = findings(line, 1)["authorities"]
    assert (state, found) == ("fault", "can't read tls.ca_file /none.pem: No such file or directory")
    assert "tls.ca_file" in remedy
    own = line.settings_file.parent / "tls-certificate.pem"
    line.settings_file.write_text(text.replace("[tls]\n", f'[tls]\nca_file = "{own}"\n'))
    assert findings(line, 0)["authorities"][0] == "fine"


def test_a_certificate_without_its_chain_is_a_warning(line: CommandLine) -> None:
    """As certbot's cert.pem, beside its fullchain.pem."""
    quiet(line, f"127.0.0.1:{free_port()}")
    key, issuer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Intermediate R9")])
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sip.example.net")])
    leaf, above = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority)
        .public_key(public.public_key())
        .serial_number(number)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=60))
        .sign(issuer, hashes.SHA256())
        .public_bytes(Encoding.PEM)
        for number, subject, public in ((5, own, key), (6, authority, issuer))
    )
    home = line.settings_file.parent
    (home / "tls-key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def said(text: bytes) -> bool:
        (home / "tls-certificate.pem").write_bytes(text)
        return any("fullchain.pem" in row["remedy"] for row in line.json("doctor"))

    assert said(leaf)
    assert not said(leaf + above)


@contextmanager
def shown(line: CommandLine, address: str) -> Iterator[None]:
    """The certificate that the file has now is shown there: to whoever connects."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    home = line.settings_file.parent
    context.load_cert_chain(home / "tls-certificate.pem", home / "tls-key.pem")
    host, _, port = address.rpartition(":")

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), peer, context.wrap_socket(peer, server_side=True):
                pass

    with socket.create_server((host, int(port))) as listener:
        server = threading.Thread(target=serve)
        server.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


@pytest.mark.parametrize("who", ["sip", "web"])
def test_a_certificate_that_was_renewed_and_not_read_again_is_a_warning(line: CommandLine, who: str) -> None:
    at = f"127.0.0.1:{free_port()}"
    quiet(line, f"127.0.0.1:{free_port()}", web=at if who == "web" else None)
    text = line.settings_file.read_text()
    if who == "web":
        text = text.replace("[web]\n", "[web]\ntls = true\n")
    else:
        text = re.sub(r"^tls = \[.*\]$", f'tls = ["{at}"]', text, flags=re.MULTILINE)
    line.settings_file.write_text(text)
    file = line.settings_file.parent / "tls-certificate.pem"

    def said() -> list[str]:
        # The port is taken, by who is no node: so the status is 1.
        return [row["found"] for row in line.json("doctor", status=1) if "than the file" in row["found"]]

    with shown(line, at):
        assert said() == []
        ends_at = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
        write_certificate(file, file.with_name("tls-key.pem"), "sip.example.net")
        assert said() == [f"TLS {at} shows another one than the file, until {ends_at:%Y-%m-%d}"]
