"""The declarations: defaults that the documents ask for, bounds, and settings that contradict each other."""

import pytest
from pydantic import BaseModel, ValidationError

from trunkline.config.file import SettingsError
from trunkline.config.sections import Forwarding, Media, Registrar, Section, SessionTimer
from trunkline.config.settings import Settings

SECTIONS = [
    (name, field.annotation)
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
]
NUMBERS = [
    (name, key)
    for name, section in SECTIONS
    for key, field in section.model_fields.items()
    if field.annotation in (float, float | None)
]


def test_defaults_are_what_the_service_promises() -> None:
    settings = Settings.parse("")
    assert (settings.media.port_min, settings.media.port_max) == (10000, 20000)
    assert settings.tls.min_version == "1.0"
    assert [str(address) for address in settings.sip.tls] == ["0.0.0.0:5061"]
    assert settings.forwarding.timeout_status == 486
    assert settings.forwarding.default_timeout_ms == 5000
    assert settings.forwarding.ring_timeout_s == 60
    assert settings.forwarding.trying_counts
    assert (settings.session_timer.interval_s, settings.session_timer.min_se_s) == (1800, 90)
    assert settings.media.timeout_s == 60
    assert str(settings.http.bind) == "127.0.0.1:8080"


@pytest.mark.parametrize(("name", "section"), SECTIONS)
def test_every_setting_is_explained(name: str, section: type[Section]) -> None:
    assert section.__doc__
    for key, field in section.model_fields.items():
        assert field.description, f"{name}.{key}"
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        has_default = field.get_default(call_default_factory=True, validated_data={}) is not None
        assert has_default or extra["example"], f"{name}.{key} has neither a default nor an example"


@pytest.mark.parametrize(
    ("section", "values", "said"),
    [
        (Media, {"port_min": 20000, "port_max": 20002}, "port_max must be at least port_min"),
        (Media, {"port_min": 10001}, "multiple of 2"),
        (Media, {"engine": "rtpengine"}, "names none"),
        (Forwarding, {"health_failures": 6}, "must not be larger than health_window"),
        (Forwarding, {"timeout_status": 200}, "greater than or equal to 400"),
        (SessionTimer, {"interval_s": 100, "min_se_s": 120}, "at least min_se_s"),
        (Registrar, {"default_expires_s": 30}, "ascending"),
    ],
)
def test_contradictions_are_refused(section: type[Section], values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        section.model_validate(values)


@pytest.mark.parametrize("value", ["inf", "-inf", "nan"])
@pytest.mark.parametrize(("section", "key"), NUMBERS)
def test_numbers_are_finite(section: str, key: str, value: str) -> None:
    """TOML has others, which no clock and no JSON can take."""
    with pytest.raises(SettingsError, match=f"{section}.{key} = {value}: must be a finite number"):
        Settings.parse(f"[{section}]\n{key} = {value}\n")


def test_a_section_is_immutable() -> None:
    with pytest.raises(ValidationError):
        Media().port_min = 1
