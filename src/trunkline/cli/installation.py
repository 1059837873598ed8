"""The installation that a command works on: its settings, its store, and its running node if there is one.

Everything is imported and opened when first asked for, so that `trunkline --help` works anywhere, at once.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trunkline.errors import ConfigError

if TYPE_CHECKING:
    from trunkline.config import Settings
    from trunkline.store.store import Store
    from trunkline.web.control_client import ControlClient

CANDIDATES = (Path("trunkline.toml"), Path("/etc/trunkline/trunkline.toml"))
"""Where the settings file is looked for when nobody says."""


class Installation:
    """`path` is what `--config` said; None: look for it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @cached_property
    def path(self) -> Path:
        """The settings file. Raises `ConfigError` when there is none."""
        if self._path is not None:
            return self._path
        for candidate in CANDIDATES:
            if candidate.is_file():
                return candidate
        raise ConfigError(
            "no settings file: neither ./trunkline.toml nor /etc/trunkline/trunkline.toml exists. "
            "`trunkline init DIR` makes one; --config FILE names one elsewhere"
        )

    @cached_property
    def settings(self) -> "Settings":
        """Raises `SettingsError`, which names every wrong key."""
        from trunkline.config import Settings

        return Settings.load(self.path)

    @cached_property
    def store(self) -> "Store":
        """Raises `StoreError`."""
        from trunkline.store.audit import Author, Via
        from trunkline.store.store import Store

        settings = self.settings
        opened = Store.open(settings.database_url, settings.key_file, settings.service.domain)
        return opened.by(Author(_user(), Via.COMMAND_LINE))

    @property
    def settings_or_none(self) -> "Settings | None":
        """The settings, or None where there is no settings file."""
        try:
            self.path  # noqa: B018 - looks for it
        except ConfigError:
            return None
        return self.settings

    def close(self) -> None:
        """Close the store, if it was opened. Idempotent."""
        store = self.__dict__.pop("store", None)
        if store is not None:
            store.close()

    def control(self) -> "ControlClient":
        """A line to the running node. Raises `NoNodeError` when there is none."""
        from trunkline.web.control_client import ControlClient

        return ControlClient(self.settings.control_socket)

    def changed(self) -> None:
        """Let a running node know of a change at once; it would see it within a second anyway. One that can't
        be told is no error: the change is made.
        """
        from trunkline.cli.output import say_aside
        from trunkline.web.control_client import ControlError, NoNodeError

        try:
            with self.control() as node:
                node.refresh_directory()
        except NoNodeError:
            pass
        except ControlError as error:
            say_aside(f"The node knows of the change as soon as it can read it: {error}")


def _user() -> str:
    """Whoever runs this command, for the audit trail."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def installation(context: typer.Context) -> Installation:
    """The installation of this run."""
    found = context.find_object(Installation)
    if found is None:
        raise ConfigError("the command line was not set up")
    return found
