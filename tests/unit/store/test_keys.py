"""The key file."""

from pathlib import Path

import pytest

from trunkline.store.errors import KeyFileError
from trunkline.store.keys import Keyring


def test_what_was_encrypted_is_decrypted(tmp_path: Path) -> None:
    token = Keyring.create(tmp_path / "key").encrypt("s3cret ä")
    assert "s3cret" not in token
    assert Keyring.load(tmp_path / "key").decrypt(token, "x") == "s3cret ä"


def test_the_file_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    Keyring.create(path)
    content = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyFileError, match="exists already"):
        Keyring.create(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    Keyring.create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"chmod 600 {path}"):
        Keyring.load(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="does not exist; restore it from a backup"):
        Keyring.load(tmp_path / "key")
    with pytest.raises(KeyFileError, match="can't be written"):
        Keyring.create(tmp_path / "nowhere" / "key")


def test_a_file_that_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"hello")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="is not a key file"):
        Keyring.load(path)


@pytest.mark.parametrize("token", ["", "x", "ä", None])
def test_what_another_key_encrypted(tmp_path: Path, token: str | None) -> None:
    mine, other = Keyring.create(tmp_path / "mine"), Keyring.create(tmp_path / "other")
    with pytest.raises(KeyFileError, match="the secret of carrier c was not encrypted with"):
        mine.decrypt(other.encrypt("s") if token is None else token, "carrier c")


def test_it_does_not_show_the_key(tmp_path: Path) -> None:
    keyring = Keyring.create(tmp_path / "key")
    assert (tmp_path / "key").read_text().strip() not in repr(keyring)
