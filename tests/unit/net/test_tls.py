"""TLS contexts, proven by handshakes in memory."""

import ssl
import warnings
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.unit.net.certificates import Certificate, self_signed
from trunkline.errors import NetError
from trunkline.net.settings import TLS_VERSIONS, TlsSettings
from trunkline.net.tls import client_context, load_certificate, server_context

NAMES = {"1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def settings(certificate: Certificate, floor: str = "1.0", ca_file: Path | None = None) -> TlsSettings:
    return TlsSettings(
        certificate=certificate.certificate, key=certificate.key, min_version=floor, ca_file=ca_file
    )


def exactly(version: str) -> ssl.SSLContext:
    """A client that speaks one version only, as old PBXs do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


def shake_hands(
    server: ssl.SSLContext, client: ssl.SSLContext, name: str | None = "pbx.example.com"
) -> tuple[str | None, tuple[str, str, int] | None]:
    """The version and cipher that the two agree on. Raises what the client's side raises, or the server's."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=name)
    pending = [theirs, ours]
    for _ in range(20):
        for side in list(pending):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            pending.remove(side)
        if not pending:
            return ours.version(), ours.cipher()
    raise AssertionError("the handshake does not end")


@pytest.mark.parametrize("floor", TLS_VERSIONS)
@pytest.mark.parametrize("version", TLS_VERSIONS)
def test_the_floor_holds_and_everything_above_it_works(
    certificate: Certificate, floor: str, version: str
) -> None:
    server = server_context(settings(certificate, floor))
    if version >= floor:
        agreed, cipher = shake_hands(server, exactly(version))
        assert agreed == NAMES[version]
        assert cipher is not None
        assert "NULL" not in cipher[0]
        assert not cipher[0].startswith(("ADH", "AECDH"))
    else:
        with pytest.raises(ssl.SSLError, match=r"PROTOCOL|VERSION|HANDSHAKE"):
            shake_hands(server, exactly(version))


def test_our_client_speaks_tls_1_0_to_a_pbx_that_knows_nothing_newer(certificate: Certificate) -> None:
    pbx = server_context(settings(certificate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pbx.maximum_version = ssl.TLSVersion.TLSv1
    client = client_context(TlsSettings(), verify=False)
    assert shake_hands(pbx, client)[0] == "TLSv1"


def test_no_context_offers_ciphers_without_authentication_or_encryption(certificate: Certificate) -> None:
    for context in (server_context(settings(certificate)), client_context(TlsSettings(), verify=False)):
        for cipher in context.get_ciphers():
            assert cipher["auth"] != "auth-null", cipher["name"]
            assert cipher["strength_bits"] >= 112, cipher["name"]


def test_a_certificate_is_checked_against_the_name_when_wanted(
    certificate: Certificate, tmp_path: Path
) -> None:
    server = server_context(settings(certificate))
    trusting = client_context(settings(certificate, ca_file=certificate.certificate), verify=True)
    assert shake_hands(server, trusting)[0] == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(server, trusting, "other.example.com")
    stranger = self_signed(tmp_path, "other.example.com")
    elsewhere = client_context(settings(certificate, ca_file=stranger.certificate), verify=True)
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        shake_hands(server, elsewhere)


def test_the_system_roots_are_used_without_a_file(certificate: Certificate) -> None:
    client = client_context(TlsSettings(), verify=True)
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        shake_hands(server_context(settings(certificate)), client)


def test_without_verification_any_certificate_will_do(certificate: Certificate) -> None:
    client = client_context(TlsSettings(), verify=False)
    assert shake_hands(server_context(settings(certificate)), client, "other.example.com")[0] == "TLSv1.3"


def test_a_client_is_not_asked_for_a_certificate_but_ours_is_offered(certificate: Certificate) -> None:
    ours = server_context(settings(certificate))
    assert ours.verify_mode is ssl.CERT_NONE
    carrier = server_context(settings(certificate))
    carrier.load_verify_locations(certificate.certificate)
    carrier.verify_mode = ssl.CERT_REQUIRED
    assert shake_hands(carrier, client_context(settings(certificate), verify=False))[0] == "TLSv1.3"


def test_renegotiation_is_refused(certificate: Certificate) -> None:
    assert server_context(settings(certificate)).options & ssl.OP_NO_RENEGOTIATION


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nrubbish\n", None])
def test_files_that_cannot_serve_are_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "bad.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(NetError, match=r"can't use tls\.certificate .*bad\.pem: \S"):
        server_context(TlsSettings(certificate=path))


def test_files_in_der_are_said_to_be_with_what_converts_them(
    certificate: Certificate, tmp_path: Path
) -> None:
    binary = tmp_path / "node.crt"
    binary.write_bytes(ssl.PEM_cert_to_DER_cert(certificate.certificate.read_text()))
    convert = f"openssl x509 -inform DER -in {binary} -out {binary}.pem"
    with pytest.raises(NetError, match=f"{binary} is DER, not PEM: {convert}$"):
        server_context(TlsSettings(certificate=binary, key=certificate.key))
    key = serialization.load_pem_private_key(certificate.key.read_bytes(), password=None)
    locked = tmp_path / "node.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(NetError, match=f"{locked} is DER, not PEM: openssl pkey -inform DER"):
        server_context(TlsSettings(certificate=certificate.certificate, key=locked))


def test_a_listener_needs_a_certificate() -> None:
    with pytest.raises(NetError, match=r"needs tls\.certificate"):
        server_context(TlsSettings())


def test_an_encrypted_key_is_refused_without_asking_on_the_terminal(
    certificate: Certificate, tmp_path: Path
) -> None:
    key = serialization.load_pem_private_key(certificate.key.read_bytes(), password=None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(NetError, match="encrypted"):
        server_context(TlsSettings(certificate=certificate.certificate, key=locked))


def test_roots_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(NetError, match=r"can't read tls\.ca_file"):
        client_context(TlsSettings(ca_file=tmp_path / "none.pem"), verify=True)


def test_a_private_key_that_cannot_serve_is_named_beside_its_certificate(
    certificate: Certificate, tmp_path: Path
) -> None:
    key = tmp_path / "missing.pem"
    with pytest.raises(NetError, match=rf"\.crt with tls\.private_key {key}: No such file"):
        server_context(TlsSettings(certificate=certificate.certificate, key=key))


def test_the_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("x")
    with pytest.raises(NetError, match=r": No such file or directory \(.*none\.pem\)$") as caught:
        load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate, tmp_path / "none.pem")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
