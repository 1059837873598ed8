"""What the web process holds open."""

from pathlib import Path

import pytest

from tests.unit.web.customers import ALPHA, office_of, principal
from trunkline.config import Settings
from trunkline.store.errors import KeyFileError
from trunkline.web.office import Office


def settings_of(home: Path) -> Settings:
    office = office_of(home, None)
    office.close()
    return office.settings


def test_it_opens_what_the_settings_name(home: Path) -> None:
    office = Office.open(settings_of(home))
    assert office.desk(principal(ALPHA.key)).accounts.get("alpha").name == "alpha Ltd"
    office.close()
    office.close()


def test_nothing_is_opened_without_an_installation(home: Path) -> None:
    settings = settings_of(home)
    settings.key_file.unlink()
    with pytest.raises(KeyFileError):
        Office.open(settings)


def test_changes_are_made_in_the_name_of_who_asked(office: Office) -> None:
    office.desk(principal(ALPHA.user)).accounts.rotate_secret("alpha")
    [entry] = office.store.audit.list(limit=1)
    assert (entry.author, entry.via, entry.source) == (ALPHA.user, "api", "192.0.2.7")
