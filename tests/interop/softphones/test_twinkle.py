"""Calls of Twinkle."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.cases import Case, Program
from tests.interop.node import KEY, Node
from tests.interop.softphones.calls import Calls, refuses, speaks
from tests.interop.softphones.trial import Trial
from tests.interop.softphones.twinkle import Twinkle

PHONE = Twinkle
pytestmark = pytest.mark.program(Program.TWINKLE)


@pytest.mark.case(Case.REGISTER)
def test_it_registers(node: Node, phone: Twinkle) -> None:
    del phone
    (row,) = node.command("registration", "list")
    assert row["account"] == KEY


class TestCalls(Calls):
    """It answers and sends with the number of our telephone-event of 16000 Hz, and means that of 8000."""

    notices_keys_when_called = False


@pytest.mark.case(Case.IN_BUSY)
def test_a_call_in_that_it_rejects(phone: Twinkle, trial: Trial) -> None:
    refuses(phone, trial, "reject", 486)


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        pytest.param("g711a", "PCMA", marks=pytest.mark.case(Case.PCMA)),
        pytest.param("speex-wb", "speex", marks=pytest.mark.case(Case.SPEEX)),
    ],
)
def test_its_own_codecs(trial: Trial, tmp_path: Path, codec: str, name: str) -> None:
    with closing(Twinkle(tmp_path / "home", trunk=trial.node.port, codec=codec)) as phone:
        speaks(phone, trial, name)
