"""What a wrong settings file is told, and the file that `init` writes."""

import tomllib

import pytest

from trunkline.config.file import SettingsError, line_of
from trunkline.config.settings import Settings, diff, render_default
from trunkline.errors import ConfigError

EDGE = {"name": "sip-us1", "region": "us", "addresses": ["203.0.113.10", "2001:db8::10"]}


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.parse(text, "t.toml")
    assert "\n" not in str(caught.value)
    return [str(problem) for problem in caught.value.problems]


def test_an_unknown_key_is_fatal_with_its_line_and_a_hint() -> None:
    assert problems("# a comment\n[media]\nport_min = 10000\nportmax = 10100\n") == [
        "t.toml, line 4: unknown key 'media.portmax'; did you mean media.port_max?"
    ]


def test_a_key_in_the_wrong_section_is_found() -> None:
    assert problems("[media]\ntrying_counts = true\n") == [
        "t.toml, line 2: unknown key 'media.trying_counts'; did you mean forwarding.trying_counts?"
    ]


def test_a_key_like_no_other_gets_those_there_are() -> None:
    [problem] = problems("[drain]\nxyz = 1\n")
    assert problem == "t.toml, line 2: unknown key 'drain.xyz'; [drain] has drain.timeout_s"


def test_an_unknown_section() -> None:
    assert problems("[medium]\na = 1\n") == ["t.toml, line 1: unknown key 'medium'; did you mean media?"]
    [problem] = problems("[qqq]\na = 1\n")
    assert problem.startswith("t.toml, line 1: unknown key 'qqq'; the sections are service, node,")


def test_a_wrong_value_says_key_value_and_what_is_allowed() -> None:
    assert problems('[log]\nlevel = "loud"\n[media]\ntimeout_s = 0\n') == [
        """t.toml, line 4: media.timeout_s = 0: must be greater than 0""",
        """t.toml, line 2: log.level = "loud": must be 'debug', 'info', 'warning' or 'error'""",
    ]


def test_a_wrong_element_of_a_list() -> None:
    [problem] = problems('[sip]\nudp = ["0.0.0.0:5060", "example.net:5060"]\n')
    assert problem == 't.toml, line 2: sip.udp.1 = "example.net:5060": must be an IP address, not a name'


def test_contradicting_values_name_their_section() -> None:
    [problem] = problems("[media]\nport_min = 20000\nport_max = 20002\n")
    assert problem == "t.toml, line 1: media: port_max must be at least port_min + 3: a call needs four ports"


def test_what_is_wrong_with_an_edge() -> None:
    good = '[[edges]]\nname = "a"\nregion = "us"\naddresses = ["1.2.3.4"]\n'
    text = good + '[[edges]]\nname = "b"\nadresses = []\n'
    assert problems(text) == [
        "t.toml, line 5: edges.1.region is missing",
        "t.toml, line 5: edges.1.addresses is missing",
        "t.toml, line 7: unknown key 'edges.1.adresses'; did you mean addresses?",
    ]


def test_a_secret_is_not_repeated() -> None:
    [problem] = problems('[database]\nurl = ["s3cret"]\n')
    assert "s3cret" not in problem


def test_text_that_is_not_toml() -> None:
    [problem] = problems("[sip\n")
    assert problem.startswith("t.toml: not valid TOML: ")
    assert "line 1" in problem


def test_a_section_that_is_pasted_below_a_file_that_has_it() -> None:
    text = render_default() + '\n[database]\nurl = "sqlite:///a.db"\n'
    lines = text.splitlines()
    first, again = (number for number, line in enumerate(lines, start=1) if line == "[database]")
    said = f"t.toml, line {again}: [database] is at line {first} already: all of its settings stand there"
    assert problems(text) == [said]


def test_of_two_faults_the_one_that_stops_reading_is_said() -> None:
    [problem] = problems("[sip]\nudp =\n[log]\n[sip]\n")
    assert problem.startswith("t.toml: not valid TOML: ")
    assert "line 2" in problem


def test_everything_wrong_is_said_at_once() -> None:
    assert len(problems("[media]\na = 1\nb = 2\n[log]\nc = 3\n")) == 3


PLACES = """
[sip] # where
udp = ['1', '2']
media.a = 1
[[edges]]
name = 'a'
[[ edges ]]
name = 'b'
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("sip",), 2),
        (("sip", "udp"), 3),
        (("sip", "udp", 1), 3),
        (("sip", "media", "a"), 4),
        (("edges", 0, "name"), 6),
        (("edges", 1), 7),
        (("edges", 1, "name"), 8),
        (("edges", 1, "region"), 7),
        (("log", "level"), None),
    ],
)
def test_line_of(location: tuple[int | str, ...], line: int | None) -> None:
    assert line_of(PLACES, location) == line


def test_the_rendered_file_changes_nothing() -> None:
    assert diff(Settings.parse(""), Settings.parse(render_default())) == []


def test_the_rendered_file_names_every_setting() -> None:
    text = render_default()
    for name, field in Settings.model_fields.items():
        assert f"[{name}]" in text
        for key in getattr(field.annotation, "model_fields", {}):
            assert f"\n# {key} = " in text


def test_every_commented_line_can_be_taken_in() -> None:
    """Removing the `#` before any key must give a file that loads: each shows a default or a working
    example.
    """
    lines = render_default().splitlines()
    keys = [
        number for number, line in enumerate(lines) if line.startswith("# ") and " = " in line.split("(")[0]
    ]
    shown = [number for number in keys if lines[number][2:].split(" = ")[0].isidentifier()]
    assert len(shown) > 60
    for number in shown:
        lines[number] = lines[number].removeprefix("# ")
    lines = [line.removeprefix("# ") if line == "# [[edges]]" else line for line in lines]
    settings = Settings.parse("\n".join(lines))
    changed = {change.key for change in diff(Settings.parse(""), settings)}
    assert {"sip.advertised_host", "database.url", "edges"} <= changed
    assert not changed & {"media.port_min", "log.level", "http.bind", "sip.udp"}


def test_given_values_are_set() -> None:
    text = render_default(
        {"service.domain": "sip.a.example", "sip.udp": ["127.0.0.1:0"], "pstn.enabled": True, "edges": [EDGE]}
    )
    settings = Settings.parse(text)
    assert settings.service.domain == "sip.a.example"
    assert settings.pstn.enabled
    assert settings.edges[0].addresses == ("203.0.113.10", "2001:db8::10")
    assert tomllib.loads(text)["sip"]["udp"] == ["127.0.0.1:0"]


def test_rendering_an_unknown_key_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'sip\.upd'"):
        render_default({"sip.upd": []})
