"""All settings of a node as one immutable value: loading it, and telling two of them apart.

The environment overrides the file: `TRUNKLINE_SIP__UDP` is `udp` of `[sip]`. Unknown keys of either are
fatal.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as PydanticSettingsError

from trunkline.config.file import (
    Problem,
    SettingsError,
    explain_environment,
    explain_syntax,
    explain_validation,
    render,
)
from trunkline.config.observing import Hep, Ladder, Log
from trunkline.config.sections import (
    Database,
    Dns,
    Drain,
    Edge,
    Forwarding,
    Http,
    Limits,
    Live,
    Media,
    Node,
    Outbound,
    Pstn,
    Registrar,
    Section,
    Service,
    SessionTimer,
    Sip,
    Tls,
    Web,
    Zone,
    setting,
)

ENVIRONMENT_PREFIX = "TRUNKLINE_"


class Change(NamedTuple):
    """One setting that differs between two loads. Secrets are shown as `**********`."""

    key: str
    old: object
    new: object
    needs_restart: bool


class Settings(BaseSettings):
    """Every setting of a node, checked. Immutable: a reload makes a new one and `diff` tells what changed."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    service: Service = Service()
    node: Node = Field(default_factory=Node)
    sip: Sip = Sip()
    tls: Tls = Tls()
    media: Media = Media()
    forwarding: Forwarding = Forwarding()
    outbound: Outbound = Outbound()
    session_timer: SessionTimer = SessionTimer()
    limits: Limits = Limits()
    registrar: Registrar = Registrar()
    http: Http = Http()
    web: Web = Web()
    database: Database = Database()
    live: Live = Live()
    log: Log = Log()
    ladder: Ladder = Ladder()
    hep: Hep = Hep()
    dns: Dns = Dns()
    zone: Zone = Zone()
    drain: Drain = Drain()
    pstn: Pstn = Pstn()
    edges: tuple[Edge, ...] = setting(
        (),
        "The named edges, one [[edges]] table each, for `trunkline dns` and the published addresses.",
        live=True,
        example='[[edges]]\nname = "sip-us1"\nregion = "us"\naddresses = ["203.0.113.10", "2001:db8::10"]',
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (pydantic-settings passes all five by name)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Read `path` (None: the defaults) and the environment.

        Raises `SettingsError`, which names every key that is unknown or wrong, with its line.
        """
        text = ""
        if path is not None:
            try:
                text = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise SettingsError([Problem("", f"can't be read: {reason}", str(path), None)]) from error
        return cls.parse(text, "the settings" if path is None else str(path))

    @classmethod
    def parse(cls, text: str, source: str = "the settings") -> Self:
        """As `load`, from the text of a settings file; `source` names it in errors."""
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError([explain_syntax(error, text, source)]) from None
        problems = explain_environment(cls, ENVIRONMENT_PREFIX)
        try:
            settings = cls(**values)
        except (ValidationError, PydanticSettingsError) as error:
            problems += explain_validation(cls, error, text, source, ENVIRONMENT_PREFIX)
        if problems:
            raise SettingsError(problems)
        return settings

    @property
    def certificate(self) -> Path:
        """`tls.certificate`, or its default."""
        return self.tls.certificate or self.node.data_dir / "tls-certificate.pem"

    @property
    def private_key(self) -> Path:
        """`tls.private_key`, or its default."""
        return self.tls.private_key or self.node.data_dir / "tls-key.pem"

    @property
    def control_socket(self) -> Path:
        """`http.control_socket`, or its default."""
        return self.http.control_socket or self.node.data_dir / "control.sock"

    @property
    def database_url(self) -> str:
        """`database.url`, or its default. May hold a password."""
        if self.database.url is not None:
            return self.database.url.get_secret_value()
        return f"sqlite:///{self.node.data_dir / 'trunkline.db'}"

    @property
    def key_file(self) -> Path:
        """The key that carriers' passwords are encrypted with in the database."""
        return self.node.data_dir / "secret.key"

    @property
    def identity_file(self) -> Path:
        """Tells this installation from another one that took its name."""
        return self.node.data_dir / "node.id"

    @property
    def directory_file(self) -> Path:
        """The last-known-good directory, for a start without the database."""
        return self.node.data_dir / "directory.snapshot"

    @property
    def journal_file(self) -> Path:
        """Takes records while the database is away."""
        return self.node.data_dir / "records.journal"

    @property
    def ladder_dir(self) -> Path:
        """Holds the SIP messages of calls."""
        return self.node.data_dir / "ladder"


def _leaves(settings: Settings) -> Iterator[tuple[str, object, bool]]:
    for section_name, section_field in Settings.model_fields.items():
        value = getattr(settings, section_name)
        if not isinstance(value, Section):
            yield section_name, value, _is_live(section_field)
            continue
        for name, field in type(value).model_fields.items():
            yield f"{section_name}.{name}", getattr(value, name), _is_live(field)


def _is_live(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and extra["live"] is True


def diff(old: Settings, new: Settings) -> list[Change]:
    """What a reload changes, in the order of the settings file; `needs_restart` tells what it can't apply."""
    return [
        Change(key, before, after, not live)
        for (key, before, live), (_, after, _) in zip(_leaves(old), _leaves(new), strict=True)
        if before != after
    ]


def reloaded(old: Settings, new: Settings) -> Settings:
    """`old`, with what a reload may change as it is in `new`."""
    changed: dict[str, dict[str, object]] = {}
    whole: dict[str, object] = {}
    for change in diff(old, new):
        section, _, key = change.key.partition(".")
        if change.needs_restart:
            continue
        if key:
            changed.setdefault(section, {})[key] = change.new
        else:
            whole[section] = change.new
    sections = {name: getattr(old, name).model_copy(update=values) for name, values in changed.items()}
    return old.model_copy(update=sections | whole)


def render_default(values: Mapping[str, object] | None = None) -> str:
    """A commented settings file: every setting with its meaning; `values` set, the rest commented out.

    `values` maps `section.key` to a value; `edges` to a list of tables.
    """
    return render(Settings, values or {})
