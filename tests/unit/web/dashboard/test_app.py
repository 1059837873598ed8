"""What holds for every page: who gets in, what a form must bring, how errors look."""

from typing import Any

import pytest
from fastapi.routing import APIRoute

from tests.unit.web.dashboard.conftest import KEY, SECRET, Browser, Open
from tests.unit.web.in_process import client
from trunkline.web.dashboard.app import PAGES, dashboard_app
from trunkline.web.office import Office

ROUTES = [route for router in PAGES for route in router.routes if isinstance(route, APIRoute)]
POSTED = sorted(route.path for route in ROUTES if "POST" in (route.methods or ()))
READ = sorted(route.path for route in ROUTES if "GET" in (route.methods or ()))


@pytest.mark.parametrize("path", READ)
def test_nothing_is_read_without_a_session(stranger: Open, path: str) -> None:
    browser = stranger()
    answer = browser.client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")
    assert browser.client.get(path, headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize("path", POSTED)
def test_nothing_is_changed_without_the_word(customer: Browser, stranger: Open, path: str) -> None:
    assert customer.client.post(path, data={}).status_code == 403
    assert customer.client.post(path, data={"form_word": "0" * 64}).status_code == 403
    fields = {"form_word": customer.word()}
    assert customer.client.post(path, data=fields, headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
    assert stranger().client.post(path, data=fields).status_code == 401


def test_another_sessions_word_is_no_good(customer: Browser, other: Browser) -> None:
    assert customer.client.post("/sign-out", data={"form_word": other.word()}).status_code == 403


def test_a_made_up_session_is_nobodys(stranger: Open) -> None:
    browser = stranger()
    browser.client.cookies["trunkline-session"] = "x" * 43
    assert browser.client.get("/", headers={"Accept": "text/html"}).headers["Location"] == "/sign-in?next=%2F"


def test_static_files(stranger: Open) -> None:
    browser = stranger()
    page = browser.get("/sign-in")
    for name, kind in (("trunkline.css", "text/css"), ("trunkline.js", "text/javascript")):
        path = next(part for part in page.split('"') if part.endswith(name))
        answer = browser.client.get(path)
        assert answer.headers["Content-Type"].startswith(kind)
        assert "immutable" in answer.headers["Cache-Control"]
        assert browser.client.get(path.replace("/static/", "/static/0")).status_code == 404
    assert browser.client.get("/static/x/..%2Fapp.py").status_code == 404


def test_errors_are_pages(customer: Browser, stranger: Open) -> None:
    page = customer.get("/nowhere", 404)
    assert "There is no page here." in page
    assert "Main menu" in page
    assert "There is no page here." in stranger().get("/nowhere", 404)


def test_no_page_may_be_kept_or_framed(customer: Browser) -> None:
    answer = customer.client.get("/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "style=" not in answer.text


def test_cookies_over_https(office: Office, stranger: Open) -> None:
    web = office.settings.web.model_copy(update={"public_url": "https://trunk.example.com"})
    office.settings = office.settings.model_copy(update={"web": web})
    answer = stranger().client.post("/sign-in", data={"name": KEY, "password": SECRET})
    assert answer.headers["Set-Cookie"].startswith("__Host-trunkline-session=")
    assert "Secure" in answer.headers["Set-Cookie"]


def test_a_fault_is_a_page_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(office.sign_in, "token", fault)
    browser = client(dashboard_app(office), raises=False)
    browser.cookies["trunkline-session"] = "x"
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "its log says how" in answer.text
    assert "secret words" not in answer.text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"files": {"uri": ("x", b"y")}}, 422),
        ({"content": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422),
        (
            {
                "content": b"\xff=\xff&%ff=%00",
                "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            },
            403,
        ),
        ({"content": b"{}", "headers": {"Content-Type": "application/json"}}, 403),
        ({"data": {"uri": "x" * (1 << 20)}}, 413),
    ],
)
def test_forms_that_are_none(customer: Browser, sent: dict[str, Any], status: int) -> None:
    assert customer.client.post("/forwarding/check", **sent).status_code == status
