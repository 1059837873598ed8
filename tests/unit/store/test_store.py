"""The one door."""

from pathlib import Path

import pytest

from tests.unit.store.entities import ACCOUNT
from trunkline.store.errors import KeyFileError, SchemaError
from trunkline.store.keys import Keyring
from trunkline.store.store import Store

REALM = "sip.example.net"


def test_what_is_initialised_can_be_opened(tmp_path: Path) -> None:
    url, key_file = f"sqlite:///{tmp_path}/new.db", tmp_path / "new.key"
    store = Store.initialise(url, key_file, REALM)
    store.accounts.add(ACCOUNT)
    store.close()
    again = Store.initialise(url, key_file, REALM)
    assert again.accounts.get("acme").name == ACCOUNT.name
    again.close()
    opened = Store.open(url, key_file, REALM)
    assert opened.accounts.get("acme").name == ACCOUNT.name
    opened.close()


def test_what_is_not_initialised_says_what_to_do(tmp_path: Path) -> None:
    url, key_file = f"sqlite:///{tmp_path}/new.db", tmp_path / "new.key"
    with pytest.raises(KeyFileError, match="trunkline init for a new"):
        Store.open(url, key_file, REALM)
    Keyring.create(key_file)
    with pytest.raises(SchemaError, match="trunkline migrate"):
        Store.open(url, key_file, REALM)


def test_shared_secrets_are_made_once_and_kept_encrypted(store: Store, tmp_path: Path, file: Path) -> None:
    nonce_key = store.shared_secret("nonce")
    assert len(nonce_key) == 32
    assert store.shared_secret("nonce") == nonce_key
    assert store.shared_secret("other") != nonce_key
    with pytest.raises(KeyFileError, match=r"is not the key file .* copy secret\.key from"):
        Store(store.database, Keyring.create(tmp_path / "another.key"), REALM).shared_secret("nonce")
    store.close()
    stored = b"".join(path.read_bytes() for path in file.parent.glob("trunkline.db*"))
    assert nonce_key.hex().encode() not in stored
