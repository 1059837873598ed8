"""The installation that a command works on: its settings, its store, and its running node if there is one.

Everything is opened when first asked for, so that `trunkline --help` works anywhere.
"""

from functools import cached_property
from pathlib import Path

import typer

from trunkline.config import Settings
from trunkline.errors import ConfigError
from trunkline.store.store import Store
from trunkline.web.control_client import ControlClient, NoNodeError

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
    def settings(self) -> Settings:
        """Raises `SettingsError`, which names every wrong key."""
        return Settings.load(self.path)

    @cached_property
    def store(self) -> Store:
        """Raises `StoreError`."""
        settings = self.settings
        return Store.open(settings.database_url, settings.key_file, settings.service.domain)

    def control(self) -> ControlClient:
        """A line to the running node; its methods raise `NoNodeError` when there is none."""
        return ControlClient(self.settings.control_socket)

    def changed(self) -> None:
        """Let a running node know of a change at once; it would see it within a second anyway."""
        try:
            with self.control() as node:
                node.refresh_directory()
        except NoNodeError:
            pass


def installation(context: typer.Context) -> Installation:
    """The installation of this run."""
    found = context.find_object(Installation)
    if found is None:
        raise ConfigError("the command line was not set up")
    return found
