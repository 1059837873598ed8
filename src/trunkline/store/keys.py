"""Secrets at rest that must be usable again (a carrier's password, the nonce key): encrypted with a key file.

Customers' passwords are not among them: they are kept as HA1 only (RFC 7616 §3.4.2). Encryption is Fernet
(AES-128-CBC with HMAC-SHA-256); the key file is made once by `init`, readable by its owner alone, and is not
in the database: a stolen database holds no carrier's password.
"""

import os
import stat
from pathlib import Path
from typing import Self

from cryptography.fernet import Fernet, InvalidToken

from trunkline.store.errors import KeyFileError


class Keyring:
    """Encrypts and decrypts with the key of one file. Never shows it."""

    __slots__ = ("_fernet", "path")

    def __init__(self, key: bytes, path: Path) -> None:
        try:
            self._fernet = Fernet(key)
        except ValueError:
            raise KeyFileError(f"{path} is not a key file; restore it from a backup") from None
        self.path = path
        """Where it is kept."""

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a new key at `path`, mode 0600. Raises `KeyFileError` when the file exists or can't be
        written."""
        key = Fernet.generate_key()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key + b"\n")
                file.flush()
                os.fsync(descriptor)
        except FileExistsError:
            raise KeyFileError(f"{path} exists already; it is kept, since stored secrets need it") from None
        except OSError as error:
            raise KeyFileError(f"{path} can't be written: {error.strerror}") from error
        return cls(key, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the key at `path`. Raises `KeyFileError` when it is missing, or readable by others."""
        try:
            mode = path.stat().st_mode
            key = path.read_bytes().strip()
        except FileNotFoundError:
            raise KeyFileError(
                f"{path} does not exist; restore it from a backup (or make another: trunkline db new-key; "
                "trunkline init for a new installation)"
            ) from None
        except OSError as error:
            raise KeyFileError(f"{path} can't be read: {error.strerror}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileError(f"{path} can be read by others than its owner; chmod 600 {path}")
        return cls(key, path)

    def encrypt(self, secret: str) -> str:
        """A token that only this key opens; ASCII."""
        return self._fernet.encrypt(secret.encode()).decode("ascii")

    def decrypt(self, token: str, whose: str) -> str:
        """The secret in `token`. Raises `KeyFileError` naming `whose` when it was made with another key."""
        try:
            return self._fernet.decrypt(token.encode("ascii")).decode()
        except (InvalidToken, UnicodeEncodeError):
            raise KeyFileError(
                f"the secret of {whose} was not encrypted with {self.path}; set it again, or restore it"
            ) from None

    def __repr__(self) -> str:
        return f"Keyring({str(self.path)!r})"
