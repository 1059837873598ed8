"""TLS contexts: which versions, which ciphers, which certificates, each way.

`tls.min_version` 1.0 has to work with OpenSSL 3, whose security level 1 refuses what TLS 1.0 and 1.1 are made
of (SHA-1 in the handshake): below 1.2 the level is 0. SSL 3 and older are never spoken. A client's
certificate is not asked for; a server's is checked against the name of the URI (RFC 5922) only where
that is wanted.
"""

import contextlib
import ssl
import warnings
from pathlib import Path
from typing import Final

from trunkline.errors import NetError
from trunkline.net.settings import TlsSettings

WEAK_VERSIONS: Final = frozenset(("TLSv1", "TLSv1.1"))
"""Deprecated by RFC 8996, as `ssl.SSLObject.version` spells them."""

_VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_OLD_CIPHERS: Final = "DEFAULT:!aNULL:!eNULL:@SECLEVEL=0"
_CIPHERS: Final = "DEFAULT:!aNULL:!eNULL:@SECLEVEL=1"


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """The context of our listeners, read afresh from the files. Raises `NetError` when they can't serve."""
    if settings.certificate is None:
        raise NetError("a TLS listener needs tls.certificate")
    context = _context(ssl.PROTOCOL_TLS_SERVER, settings)
    context.options |= ssl.OP_NO_RENEGOTIATION
    load_certificate(context, settings.certificate, settings.key)
    return context


def client_context(settings: TlsSettings, *, verify: bool) -> ssl.SSLContext:
    """The context of connections that we make. Raises `NetError` when certificate or roots can't be read."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, settings)
    context.check_hostname = verify
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if verify:
        try:
            context.load_verify_locations(
                settings.ca_file
            ) if settings.ca_file else context.load_default_certs()
        except OSError as error:
            raise NetError(f"can't read tls.ca_file {settings.ca_file}: {error.strerror or error}") from error
    if settings.certificate is not None:
        load_certificate(context, settings.certificate, settings.key)
    return context


def _context(protocol: ssl._SSLMethod, settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[settings.min_version]
    context.set_ciphers(_OLD_CIPHERS if settings.min_version in ("1.0", "1.1") else _CIPHERS)
    return context


def load_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Have `context` show this certificate. Raises `NetError`; the context is of no use then."""
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        detail = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        pair = f"tls.certificate {certificate}" + (f" with tls.private_key {key}" if key else "")
        missing = _unreadable(certificate, key or certificate)
        if missing is not None:
            raise NetError(f"can't use {pair}: {missing.strerror} ({missing.filename})") from missing
        raise NetError(f"can't use {pair}: {not_pem(certificate, key) or detail}") from error


def not_pem(certificate: Path, key: Path | None) -> str | None:
    """Which of these files is DER (X.690 §8.9: a SEQUENCE), and how to convert it; None: neither is."""
    for file, form in ((certificate, "x509"), (key or certificate, "pkey")):
        with contextlib.suppress(OSError), file.open("rb") as opened:
            if opened.read(1) == b"\x30":
                return f"{file} is DER, not PEM: openssl {form} -inform DER -in {file} -out {file}.pem"
    return None


def _unreadable(*files: Path) -> OSError | None:
    """What the system says of the one that can't be had, with its name, which OpenSSL leaves out."""
    for file in files:
        try:
            file.open("rb").close()
        except OSError as error:
            return error
    return None


def _no_password() -> str:
    raise ValueError("the private key is encrypted")
