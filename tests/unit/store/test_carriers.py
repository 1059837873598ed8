"""Carriers, whose secrets are encrypted and come back."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.store.entities import ACCOUNT, CARRIER, ROUTE
from trunkline.errors import DirectoryError
from trunkline.store.carriers import Carriers
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError, InUseError, KeyFileError, NotFoundError
from trunkline.store.keys import Keyring
from trunkline.store.store import Store
from trunkline.trunk.carrier import Carrier, CarrierCredentials


@pytest.fixture(autouse=True)
def accounts(store: Store) -> None:
    store.accounts.add(ACCOUNT)


def test_a_carrier_comes_back_as_it_was(store: Store) -> None:
    store.carriers.add(CARRIER)
    assert store.carriers.get("upstream") == CARRIER
    assert store.carriers.list() == [CARRIER]


def test_a_plain_carrier_too(store: Store) -> None:
    store.carriers.add(Carrier("plain", ()))
    assert store.carriers.get("plain") == Carrier("plain", ())


def test_more_than_a_carrier_may_have_is_refused(store: Store) -> None:
    with pytest.raises(DirectoryError, match="gateways: at most 100"):
        store.carriers.add(replace(CARRIER, gateways=CARRIER.gateways * 51))
    store.carriers.add(CARRIER)
    with pytest.raises(DirectoryError, match="sources: at most 1000"):
        store.carriers.update("upstream", sources=CARRIER.sources * 1001)
    assert store.carriers.get("upstream") == CARRIER


def test_where_the_gateways_are(store: Store) -> None:
    assert store.carriers.gateway_uris() == []
    store.carriers.add(CARRIER)
    store.carriers.add(Carrier("plain", ()))
    assert store.carriers.gateway_uris() == [gateway.uri for gateway in CARRIER.gateways]


def test_its_secret_is_nowhere_in_the_file(store: Store, file: Path) -> None:
    store.carriers.add(CARRIER)
    store.close()
    stored = b"".join(path.read_bytes() for path in file.parent.glob("trunkline.db*"))
    assert b"gw1.example.org" in stored
    assert b"carrier-s3cret" not in stored


def test_with_another_key_file_it_can_be_set_again(store: Store, database: Database, tmp_path: Path) -> None:
    store.carriers.add(CARRIER)
    carriers = Carriers(database, Keyring.create(tmp_path / "another.key"))
    with pytest.raises(KeyFileError, match="the secret of carrier upstream was not encrypted with"):
        carriers.get("upstream")
    with pytest.raises(KeyFileError):
        carriers.update("upstream", enabled=True)
    credentials = CarrierCredentials("user", "new")
    assert carriers.update("upstream", credentials=credentials) == replace(CARRIER, credentials=credentials)
    assert carriers.get("upstream") == replace(CARRIER, credentials=credentials)


def test_taking_the_credentials_away(store: Store) -> None:
    store.carriers.add(CARRIER)
    with pytest.raises(DirectoryError, match="registering needs credentials"):
        store.carriers.update("upstream", credentials=None)
    assert store.carriers.get("upstream") == CARRIER
    store.carriers.update("upstream", credentials=None, register=False)
    assert store.carriers.get("upstream") == replace(CARRIER, credentials=None, register=False)


def test_changes_keep_the_rest(store: Store) -> None:
    store.carriers.add(CARRIER)
    changed = store.carriers.update("upstream", gateways=CARRIER.gateways[:1], enabled=True)
    assert changed == replace(CARRIER, gateways=CARRIER.gateways[:1], enabled=True)
    assert store.carriers.get("upstream") == changed


def test_a_name_is_given_once(store: Store) -> None:
    store.carriers.add(CARRIER)
    with pytest.raises(AlreadyExistsError, match="trunkline carrier show upstream"):
        store.carriers.add(CARRIER)


def test_an_unknown_carrier_or_account(store: Store) -> None:
    with pytest.raises(NotFoundError, match="carrier 'x' does not exist; trunkline carrier list shows them"):
        store.carriers.get("x")
    with pytest.raises(NotFoundError):
        store.carriers.update("x", enabled=False)
    with pytest.raises(NotFoundError):
        store.carriers.remove("x")
    with pytest.raises(NotFoundError, match="account 'nobody'"):
        store.carriers.add(replace(CARRIER, inbound_account="nobody"))
    assert store.carriers.list() == []


def test_a_carrier_of_a_route_stays(store: Store) -> None:
    store.carriers.add(CARRIER)
    store.routes.add(ROUTE)
    with pytest.raises(InUseError, match="still in a route; trunkline route list shows them"):
        store.carriers.remove("upstream")
    store.routes.remove("44")
    store.carriers.remove("upstream")
    assert store.carriers.list() == []
