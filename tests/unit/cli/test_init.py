import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from tests.postgres import Cluster
from trunkline.cli.app import app
from trunkline.cli.installation import Installation
from trunkline.errors import ConfigError
from trunkline.store.keys import Keyring


def test_everything_is_there_and_the_password_works(tmp_path: Path) -> None:
    home = tmp_path / "new"
    result = CliRunner().invoke(
        app, ["init", str(home), "--domain", "sip.test", "--advertise", "203.0.113.5"]
    )
    assert result.exit_code == 0
    made = f"Made {home}/trunkline.toml, the database, a self-signed certificate for sip.test."
    assert result.output.splitlines()[0] == made
    password = result.output.partition(", password ")[2].split()[0]
    here = Installation(home / "trunkline.toml")
    try:
        assert here.settings.service.domain == "sip.test"
        assert here.settings.sip.advertised_host == "203.0.113.5"
        assert here.store.users.verify("admin", password) is not None
    finally:
        here.close()
    certificate = x509.load_pem_x509_certificate(here.settings.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["sip.test", "*.sip.test"]
    for name in ("trunkline.toml", "secret.key", "tls-key.pem"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600


def test_nobody_else_can_read_the_settings_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may hold the database's password, and the directory may be one that was there before."""
    write, modes = Path.write_text, []

    def watched(path: Path, text: str, encoding: str | None = None) -> int:
        written = write(path, text, encoding)
        modes.append(stat.S_IMODE(path.stat().st_mode))
        return written

    monkeypatch.setattr(Path, "write_text", watched)
    CliRunner().invoke(app, ["init", str(tmp_path)])
    assert modes == [0o600]


def test_the_next_steps_are_printed(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["init", str(tmp_path / "new")]).output
    assert "trunkline account add" in said
    assert "The dashboard is at http://127.0.0.1:8088" in said
    assert "set service.domain before" in said


def test_an_installation_is_never_overwritten(tmp_path: Path) -> None:
    runner = CliRunner()
    runner.invoke(app, ["init", str(tmp_path)])
    before = (tmp_path / "trunkline.toml").read_bytes()
    again = runner.invoke(app, ["init", str(tmp_path)])
    assert isinstance(again.exception, ConfigError)
    assert (tmp_path / "trunkline.toml").read_bytes() == before


@pytest.mark.parametrize("domain", ["not a name", "-.example"])
def test_a_bad_domain_leaves_no_settings(tmp_path: Path, domain: str) -> None:
    assert CliRunner().invoke(app, ["init", str(tmp_path / "new"), "--domain", domain]).exception
    assert not (tmp_path / "new" / "trunkline.toml").exists()


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """An empty PostgreSQL database."""
    yield cluster.create("init")
    cluster.drop("init")


def test_it_may_be_in_postgresql_and_another_node_may_join(url: str, tmp_path: Path) -> None:
    runner = CliRunner()
    first, second = tmp_path / "first", tmp_path / "second"
    done = runner.invoke(app, ["init", str(first), "--database", url])
    assert done.exit_code == 0
    password = done.output.partition(", password ")[2].split()[0]
    refused = runner.invoke(app, ["init", str(second), "--database", url])
    assert "holds an installation already: copy the key file" in str(refused.exception)
    assert not (second / "trunkline.toml").exists()
    for name in ("secret.key", "tls-certificate.pem", "tls-key.pem"):
        shutil.copy(first / name, second / name)
    joined = runner.invoke(app, ["init", str(second), "--database", url])
    assert joined.exit_code == 0
    said = joined.output.splitlines()
    assert said[:2] == [f"Made {second}/trunkline.toml.", f"The certificate that is in {second} stays."]
    assert "its operators sign in here as well" in said[2]
    for name in ("tls-certificate.pem", "tls-key.pem"):
        assert (second / name).read_bytes() == (first / name).read_bytes()
    here = Installation(second / "trunkline.toml")
    try:
        assert here.store.users.verify("admin", password) is not None
    finally:
        here.close()


def test_another_key_file_is_refused(url: str, tmp_path: Path) -> None:
    runner = CliRunner()
    first, second = tmp_path / "first", tmp_path / "second"
    assert runner.invoke(app, ["init", str(first), "--database", url]).exit_code == 0
    second.mkdir()
    Keyring.create(second / "secret.key")
    refused = runner.invoke(app, ["init", str(second), "--database", url])
    assert "is not the key file of this database" in str(refused.exception)
    assert not (second / "trunkline.toml").exists()


def test_a_server_that_is_not_there_leaves_no_settings(tmp_path: Path) -> None:
    nowhere = "postgresql+psycopg://trunkline:s3cret@127.0.0.1:1/trunkline"
    done = CliRunner().invoke(app, ["init", str(tmp_path / "new"), "--database", nowhere])
    assert "Connection refused" in str(done.exception)
    assert "s3cret" not in str(done.exception)
    assert not (tmp_path / "new" / "trunkline.toml").exists()
