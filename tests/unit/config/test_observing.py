"""The log, the ladder and the collector of HEP, as a settings file says them."""

import pytest

from trunkline.config import Settings
from trunkline.config.file import SettingsError


def test_without_a_word_nothing_is_copied() -> None:
    assert Settings.parse("").hep.collector is None


def test_a_collector_is_a_name_or_an_address() -> None:
    hep = Settings.parse('[hep]\ncollector = "Homer.example.net:9060"\npassword = "pa55"\n').hep
    assert hep.collector is not None
    assert (str(hep.collector), hep.capture_id) == ("homer.example.net:9060", 2001)
    assert "pa55" not in repr(hep)
    hep = Settings.parse('[hep]\ncollector = "[2001:db8::1]:9060"\n').hep
    assert str(hep.collector) == "[2001:db8::1]:9060"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('[hep]\ncollector = "homer"', "must be host:port"),
        ("[hep]\ncapture_id = 4294967296", "less than or equal to 4294967295"),
        ('[log]\nlevel = "loud"', "'debug'"),
        ("[ladder]\nkeep_s = 0", "greater than 0"),
    ],
)
def test_what_is_out_of_bounds_is_named(line: str, words: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.parse(line)
    assert words in str(raised.value)
