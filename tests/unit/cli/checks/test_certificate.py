"""The certificate."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.interop.addresses import free_port
from tests.unit.cli.conftest import CommandLine
from tests.unit.cli.doctoring import findings, quiet
from trunkline.cli.checks import certificate


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
