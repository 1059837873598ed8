"""`trunkline init DIR`: a new installation, ready to serve."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trunkline.cli.output import examples, say
from trunkline.config import Settings, render_default
from trunkline.errors import ConfigError
from trunkline.store.errors import AlreadyExistsError
from trunkline.store.store import Store
from trunkline.store.users import Role, User

CERTIFICATE_DAYS = 825
ADMIN = "admin"
_NEXT = (
    ("doctor", "what is wrong with ports, addresses, DNS"),
    ("account add", "a customer: prints key and secret"),
    ("carrier add NAME --gateway sip:HOST", "where calls go, and come from"),
    ("route add all --carrier NAME", "which numbers it takes"),
    ("number add NUMBER --account KEY --forward URI", "a number, and where its calls go"),
    ("serve", "run the node"),
)


app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "trunkline init /var/lib/trunkline --domain sip.example.com --advertise 203.0.113.10",
        "trunkline init trial",
        "trunkline init trial --database postgresql+psycopg://trunkline@db.example.com/trunkline",
    )
)
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where everything goes; made if need be.")],
    domain: Annotated[
        str | None, typer.Option(help="The name that customers will send calls to; also the digest realm.")
    ] = None,
    advertise: Annotated[
        str | None, typer.Option(help="This node's public address or name, if it is behind NAT.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A PostgreSQL database, empty or of other nodes. Default: an SQLite file in DIR.",
        ),
    ] = None,
) -> None:
    """Make a new installation: settings, database, certificate, first operator.

    The certificate is self-signed. Prints the operator's password, and what to do next. Another node of an
    installation in PostgreSQL needs that one's secret.key in DIR beforehand.
    """
    settings_file = directory / "trunkline.toml"
    if settings_file.exists():
        raise ConfigError(f"{settings_file} exists already: this directory holds an installation")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    values: dict[str, object] = {"node.data_dir": str(directory.resolve())}
    if domain is not None:
        values["service.domain"] = domain
    if advertise is not None:
        values["sip.advertised_host"] = advertise
    if database is not None:
        values["database.url"] = database
    kept = (directory / "tls-certificate.pem").exists()
    settings, password = set_up(directory, values)
    database_made = "" if password is None else ", the database"
    certificate_made = "" if kept else f", a self-signed certificate for {settings.service.domain}"
    say(f"Made {settings_file}{database_made}{certificate_made}.")
    if kept:
        say(f"The certificate that is in {directory} stays.")
    if password is None:
        say("The database holds an installation already: its operators sign in here as well.")
        say(f"This node is {settings.node.name} there; each needs a name of its own (node.name).")
    else:
        say(f"The first operator is {ADMIN}, password {password} (shown once, here).")
    say(f"The dashboard is at {settings.web.url} once the node serves: web.bind puts it elsewhere.")
    if domain is None:
        say(
            f"The domain {settings.service.domain} stands for yours: set service.domain before you add "
            "accounts, since their secrets are stored together with it."
        )
    say(f"\nNext, in {directory} (or anywhere, with -c {settings_file.resolve()}):")
    for command, purpose in _NEXT:
        say(f"  trunkline {command:<46} {purpose}".rstrip())


def set_up(directory: Path, values: dict[str, object]) -> tuple[Settings, str | None]:
    """Write everything that an installation needs into `directory`; return its settings and the
    operator's password, None where the database has an operator already.

    Raises `ConfigError`, `StoreError`.
    """
    text = render_default(values)
    settings = Settings.parse(text, "the new settings")
    store = Store.initialise(settings.database_url, settings.key_file, settings.service.domain)
    try:
        password = _first_operator(store)
    finally:
        store.close()
    settings_file = directory / "trunkline.toml"
    settings_file.touch(mode=0o600)
    settings_file.write_text(text, encoding="utf-8")
    if not settings.certificate.exists():
        write_certificate(settings.certificate, settings.private_key, settings.service.domain)
    return settings, password


def _first_operator(store: Store) -> str | None:
    password = secrets.token_urlsafe(12)
    try:
        store.users.add(User(ADMIN, Role.OPERATOR), password)
    except AlreadyExistsError:
        return None
    return password


def write_certificate(certificate: Path, private_key: Path, domain: str) -> None:
    """A self-signed certificate for `domain` and its subdomains (RFC 5922 §6), with a P-256 key of mode
    0600.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain[:64])])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(domain), x509.DNSName(f"*.{domain}")]), False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private_key.touch(mode=0o600)
    private_key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
