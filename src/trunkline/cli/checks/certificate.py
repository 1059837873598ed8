"""The certificate of TLS, of SIP and of the dashboard; and the authorities that calls out trust."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from trunkline.cli.checks import Finding, Findings, State
from trunkline.cli.denied import denied
from trunkline.config import Settings
from trunkline.errors import NetError
from trunkline.net.settings import TlsSettings
from trunkline.net.tls import client_context, not_pem

EXPIRES_SOON = timedelta(days=21)
_ANSWER_S = 2.0


def check_certificate(settings: Settings) -> Findings:
    """Is there a certificate, does it fit the key and the domain, and for how long?"""
    if not (settings.sip.tls or settings.web.tls or settings.tls.certificate):
        yield Finding("certificate", State.FINE, "not needed: sip.tls is empty, web.tls is false")
        return
    path, key_path = settings.certificate, settings.private_key
    try:
        certificate, *chain = x509.load_pem_x509_certificates(path.read_bytes())
        key = load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        remedy = denied(error).removeprefix("; ") or not_pem(path, key_path) or "Put PEM files there."
        yield Finding("certificate", State.FAULT, f"{path} or {key_path} can't be read: {error}", remedy)
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
    elif not chain and not _is_root(certificate.issuer):
        yield Finding(
            "certificate",
            State.WARNING,
            "stands alone in its file: peers that check it may not know who issued it",
            "Put the issuer's certificate behind it (certbot's fullchain.pem), then SIGHUP.",
        )
    if stat.S_IMODE(key_path.stat().st_mode) & 0o077:
        yield Finding(
            "certificate", State.WARNING, f"{key_path} can be read by others", f"chmod 600 {key_path}"
        )
    yield from _names(settings, certificate)
    yield from _served(settings, certificate)


def check_authorities(settings: Settings) -> Findings:
    """Can `tls.ca_file` be read, where there is one?"""
    if settings.tls.ca_file is None:
        return
    try:
        client_context(TlsSettings(ca_file=settings.tls.ca_file), verify=True)
    except NetError as error:
        yield Finding(
            "authorities",
            State.FAULT,
            str(error),
            "Put a PEM file of certificates there, or leave tls.ca_file out for the system's.",
        )
    else:
        yield Finding("authorities", State.FINE, f"those of {settings.tls.ca_file} are trusted")


def _is_root(issuer: x509.Name) -> bool:
    """Whether this machine knows it by itself, as its peers may."""
    subjects: list[Any] = [root["subject"] for root in ssl.create_default_context().get_ca_certs()]
    known = {value for subject in subjects for part in subject for _, value in part}
    return any(name.value in known for name in issuer.get_attributes_for_oid(NameOID.COMMON_NAME))


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
            "certificate", State.WARNING, f"does not name {domain} (RFC 5922 §6)", "Add it as a DNS name."
        )


def _served(settings: Settings, certificate: x509.Certificate) -> Findings:
    """Does who listens here show this one? A file that was renewed is read again by a reload only."""
    web = [settings.web.bind] if settings.web.enabled and settings.web.tls else []
    for bound in (*settings.sip.tls, *web):
        try:
            # Linux leads what is sent to 0.0.0.0 and :: to this machine.
            shown = x509.load_pem_x509_certificate(
                ssl.get_server_certificate(bound, timeout=_ANSWER_S).encode()
            )
        except (OSError, ValueError):  # nobody is there, which the ports are looked at for
            continue
        if shown != certificate:
            yield Finding(
                "certificate",
                State.WARNING,
                f"TLS {bound} shows another one than the file, until {shown.not_valid_after_utc:%Y-%m-%d}",
                "systemctl reload trunkline, or SIGHUP; if it stays, the log says why.",
            )
