"""Loading: file, environment, which of them wins, and what a reload would change."""

from pathlib import Path

import pytest

from trunkline.config import Settings, SettingsError, diff, reloaded


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "trunkline.toml"
    file.write_text('[service]\ndomain = "SIP.Example.Com"\n', encoding="utf-8")
    assert Settings.load(file).service.domain == "sip.example.com"


def test_without_a_file_there_are_the_defaults() -> None:
    assert Settings.load(None) == Settings.parse("")


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_can_not_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "t.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="can't be read"):
        Settings.load(file)


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_SIP__UDP", "127.0.0.1:5060,[::1]:5060")
    monkeypatch.setenv("TRUNKLINE_MEDIA__PORT_MAX", "11000")
    monkeypatch.setenv("TRUNKLINE_HTTP__BIND", "127.0.0.1:9")
    settings = Settings.parse("[sip]\nudp = []\ntcp = []\n[media]\nport_min = 10100\n")
    assert [str(address) for address in settings.sip.udp] == ["127.0.0.1:5060", "[::1]:5060"]
    assert settings.sip.tcp == ()
    assert (settings.media.port_min, settings.media.port_max) == (10100, 11000)
    assert str(settings.http.bind) == "127.0.0.1:9"


def test_a_wrong_value_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_MEDIA__THREADS", "many")
    with pytest.raises(SettingsError, match=r'environment TRUNKLINE_MEDIA__THREADS: media\.threads = "many"'):
        Settings.parse("")


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("TRUNKLINE_MEDIA__PORTMIN", "did you mean media.port_min?"),
        ("TRUNKLINE_MEDIA_PORT_MIN", "did you mean TRUNKLINE_MEDIA__PORT_MIN?"),
        ("TRUNKLINE_MEDIUM__PORT_MIN", "did you mean TRUNKLINE_MEDIA__PORT_MIN?"),
    ],
)
def test_an_unknown_variable_is_fatal(monkeypatch: pytest.MonkeyPatch, variable: str, hint: str) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsError) as caught:
        Settings.parse("")
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "variable",
    [
        "TRUNKLINE_CONFIG",
        "TRUNKLINE_SERVICE_HOST",
        "TRUNKLINE_SERVICE_PORT_SIP",
        "TRUNKLINE_PORT_5060_UDP_ADDR",
    ],
)
def test_variables_that_are_no_settings(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "tcp://10.0.0.1:5060")
    Settings.parse("")


def test_defaults_below_the_data_folder() -> None:
    settings = Settings.parse('[node]\ndata_dir = "/d"\n')
    assert settings.database_url == "sqlite:////d/trunkline.db"
    assert settings.control_socket == Path("/d/control.sock")
    assert settings.key_file == Path("/d/secret.key")
    assert settings.directory_file == Path("/d/directory.snapshot")
    assert settings.journal_file == Path("/d/records.journal")
    assert settings.ladder_dir == Path("/d/ladder")
    assert settings.certificate == Path("/d/tls-certificate.pem")
    assert settings.private_key == Path("/d/tls-key.pem")


def test_what_is_set_wins_over_the_data_folder() -> None:
    settings = Settings.parse(
        '[database]\nurl = "sqlite:///x"\n[http]\ncontrol_socket = "/c"\n'
        '[tls]\ncertificate = "/a"\nprivate_key = "/b"\n'
    )
    assert settings.database_url == "sqlite:///x"
    assert settings.control_socket == Path("/c")
    assert (settings.certificate, settings.private_key) == (Path("/a"), Path("/b"))


def test_secrets_are_not_shown() -> None:
    settings = Settings.parse('[database]\nurl = "postgresql://u:s3cret@h/d"\n')
    [change] = diff(Settings.parse(""), settings)
    assert change.key == "database.url"
    assert "s3cret" not in repr(settings) + repr(change)
    assert settings.database_url == "postgresql://u:s3cret@h/d"


def test_diff_tells_what_a_reload_applies() -> None:
    old = Settings.parse("")
    new = Settings.parse(
        "[media]\nport_max = 30000\n[forwarding]\nring_timeout_s = 30\n"
        '[[edges]]\nname = "a"\nregion = "b"\naddresses = ["1.2.3.4"]\n'
    )
    changes = {change.key: change for change in diff(old, new)}
    assert list(changes) == ["media.port_max", "forwarding.ring_timeout_s", "edges"]
    assert changes["media.port_max"] == ("media.port_max", 20000, 30000, True)
    assert not changes["forwarding.ring_timeout_s"].needs_restart
    assert not changes["edges"].needs_restart
    assert diff(new, new) == []


def test_a_reload_takes_over_what_needs_no_restart() -> None:
    old = Settings.parse("")
    new = Settings.parse(
        '[service]\ndomain = "other.example"\n[limits]\nmax_calls = 9\nban_s = 1.0\n'
        '[[edges]]\nname = "sip-us1"\nregion = "us"\naddresses = ["203.0.113.10"]\n'
    )
    now = reloaded(old, new)
    assert [change.key for change in diff(old, now)] == ["limits.max_calls", "edges"]
    assert [change.key for change in diff(now, new)] == ["service.domain", "limits.ban_s"]


def test_a_byte_order_mark_and_the_line_ends_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "trunkline.toml"
    file.write_bytes(b'\xef\xbb\xbf[service]\r\ndomain = "sip.example.net"\r\n')
    assert Settings.load(file).service.domain == "sip.example.net"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[web]\npublic_url = "https://trunk.example.com/"', 'must look like "https://trunk.example.com"'),
        ("[sip]\nudp = 5060", "sip.udp = 5060: must be a list"),
        ("sip = 5060", "sip = 5060: must be a table"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_file(text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.parse(text)
    assert says in str(caught.value)
    assert "pattern" not in str(caught.value)
