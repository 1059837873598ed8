"""Kamailio before a customer's PBX that speaks to the trunk over TLS, both ways; to the PBX it speaks UDP."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.kamailio.sbc import FAR, NUMBER, Sbc, Trial, as_root, sbc
from tests.interop.node import KEY, SECRET
from tests.programs import require_program

pytestmark = [pytest.mark.program(Program.KAMAILIO), as_root]


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sbc]:
    with sbc(tmp_path_factory.mktemp("sbc"), tls=True) as made:
        yield made


@pytest.fixture
def trial(secure: Sbc, sipp: Start, voice: Speak) -> Trial:
    return Trial(secure, sipp, voice)


@pytest.mark.case(Case.TLS)
def test_a_call_out(trial: Trial) -> None:
    pbx, carrier = trial.call_out()
    pbx.tell()
    pbx.done()
    carrier.done()
    carrier.received(f"INVITE sip:{FAR}@")
    assert trial.node.record(pbx.call_id)["source"].startswith("TLS ")


@pytest.mark.case(Case.TLS)
def test_a_call_in(trial: Trial) -> None:
    pbx, carrier = trial.call_in()
    carrier.tell()
    pbx.done()
    carrier.done()
    pbx.received(f"INVITE sip:{NUMBER}@")
    (attempt,) = trial.node.record(carrier.call_id)["attempt_records"]
    assert attempt["resolved"].startswith("TLS ")


@pytest.mark.parametrize("options", [(), ("--tls",), ("--tls", "--srtp")], ids=" ".join)
def test_kamailio_takes_each_configuration(secure: Sbc, tmp_path: Path, options: tuple[str, ...]) -> None:
    secure.node.run("pbx", "kamailio", "--account", KEY, "--secret", SECRET, "--out", str(tmp_path), *options)
    done = subprocess.run(
        [require_program("kamailio"), "-c", "-f", str(tmp_path / "kamailio.cfg")],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
