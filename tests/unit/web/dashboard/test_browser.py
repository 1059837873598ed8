"""The message that the next page shows."""

import pytest
from starlette.datastructures import FormData
from starlette.requests import Request

from tests.unit.web.dashboard.conftest import Browser
from trunkline.web.dashboard import browser
from trunkline.web.dashboard.app import dashboard_app
from trunkline.web.dashboard.browser import Flash
from trunkline.web.office import Office


def request(office: Office, cookies: dict[str, str]) -> Request:
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = [(b"cookie", header.encode())] if header else []
    return Request({"type": "http", "method": "GET", "headers": headers, "app": dashboard_app(office)})


def sealed(office: Office, flash: Flash | str, session: str = "token") -> str:
    """The cookie of a message."""
    answer = browser.go(request(office, {"trunkline-session": session}), "/", flash)
    return answer.headers["Set-Cookie"].split(";")[0].removeprefix("trunkline-flash=")


def test_a_message_is_for_its_session_and_nobody_can_read_it(office: Office) -> None:
    flash = Flash("Made.", secret="s3cret", secret_name="Secret", notes=("one", "two"))
    cookie = sealed(office, flash)
    assert "s3cret" not in cookie
    assert (
        browser.take_flash(request(office, {"trunkline-session": "token", "trunkline-flash": cookie}))
        == flash
    )
    for session in ("other", ""):
        cookies = {"trunkline-session": session, "trunkline-flash": cookie}
        assert browser.take_flash(request(office, cookies)) is None


def test_a_message_that_is_none(office: Office) -> None:
    assert browser.take_flash(request(office, {})) is None
    for cookie in ("rubbish", office.store.keyring.encrypt("no json")):
        cookies = {"trunkline-session": "token", "trunkline-flash": cookie}
        assert browser.take_flash(request(office, cookies)) is None


def test_an_old_message_is_not_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = sealed(office, "Made.")
    cookies = {"trunkline-session": "token", "trunkline-flash": cookie}
    assert browser.take_flash(request(office, cookies)) == Flash("Made.")
    monkeypatch.setattr(browser, "FLASH_S", -1.0)
    assert browser.take_flash(request(office, cookies)) is None


def test_fields() -> None:
    form = FormData([("name", " a "), ("name", "b ")])
    assert browser.text(form, "name") == "b"
    assert browser.texts(form, "name") == ["a", "b"]
    assert browser.text(form, "other") == ""


def test_a_script_takes_no_message_away(office: Office) -> None:
    cookies = {"trunkline-session": "token", "trunkline-flash": sealed(office, "Made.")}
    by_script = request(office, cookies)
    by_script.scope["headers"].append((b"sec-fetch-dest", b"empty"))
    assert browser.take_flash(by_script) is None
    assert browser.take_flash(request(office, cookies)) == Flash("Made.")


def test_a_message_fits_into_a_cookie(office: Office) -> None:
    long = "\U00010348" * 500
    flash = Flash(
        long,
        secret="s" * 128,
        secret_name=long,
        link="/" * 60,
        notes=tuple(f"{number} ü{'y' * 90}" for number in range(40)),
    )
    cookie = sealed(office, flash)
    assert len(cookie) < 4000
    taken = browser.take_flash(request(office, {"trunkline-session": "token", "trunkline-flash": cookie}))
    assert taken is not None
    assert taken.secret == flash.secret
    assert taken.notes[0] == flash.notes[0]
    assert taken.notes[-1] == f"… and {len(flash.notes) - len(taken.notes) + 1} more."


@pytest.mark.parametrize("charset", ["undefined", "punycode", "unicode_escape", "utf-8"])
@pytest.mark.parametrize("path", ["/sign-in", "/users"])
def test_only_a_form_as_our_pages_send_it_is_read(operator: Browser, path: str, charset: str) -> None:
    """In parts, whoever sends it says by which of Python's codecs its text is to be read."""
    part = '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\\ud800\r\n--x--\r\n'
    kind = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    answer = operator.client.post(path, content=part, headers=kind)
    assert answer.status_code == 422
    assert "application/x-www-form-urlencoded" in answer.text
