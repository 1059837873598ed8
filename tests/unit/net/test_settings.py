"""What the settings refuse."""

import pytest

from trunkline.errors import ConfigError
from trunkline.net.settings import TLS_VERSIONS, TlsSettings


@pytest.mark.parametrize("version", TLS_VERSIONS)
def test_every_listed_tls_version_is_a_floor(version: str) -> None:
    assert TlsSettings(min_version=version).min_version == version


@pytest.mark.parametrize("version", ["", "1", "SSLv3", "3.0", "1.4", "TLSv1.2"])
def test_any_other_floor_is_refused(version: str) -> None:
    with pytest.raises(ConfigError, match=r"tls\.min_version .* is none of 1\.0, 1\.1, 1\.2, 1\.3"):
        TlsSettings(min_version=version)


def test_the_floor_is_1_0_unless_set() -> None:
    assert TlsSettings().min_version == "1.0"
