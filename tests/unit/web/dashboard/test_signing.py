"""Signing in and out, and what the sign-in page gives away."""

import pytest

from tests.unit.web.dashboard.conftest import KEY, OPERATOR, PASSWORD, SECRET, Browser, Open
from trunkline.web.dashboard.signing import local, sentence


@pytest.mark.parametrize(("name", "password"), [(KEY, SECRET), (OPERATOR, PASSWORD)])
def test_sign_in(stranger: Open, name: str, password: str) -> None:
    browser = stranger()
    answer = browser.client.post("/sign-in", data={"name": name, "password": password, "next": "/numbers"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/numbers")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert name in browser.get("/")


def test_wrong_password_and_unknown_name_look_alike(stranger: Open) -> None:
    pages = []
    for name in (OPERATOR, KEY, "nobody"):
        answer = stranger().client.post("/sign-in", data={"name": name, "password": "wrong-wrong"})
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers
        pages.append(answer.text.replace(f'"{name}"', '"NAME"'))
    assert len(set(pages)) == 1
    assert "The name or the password is wrong." in pages[0]


def test_too_many_wrong_passwords(stranger: Open) -> None:
    browser = stranger()
    for _ in range(10):
        browser.client.post("/sign-in", data={"name": KEY, "password": "wrong-wrong"})
    answer = browser.client.post("/sign-in", data={"name": KEY, "password": SECRET})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 60
    assert "Too many wrong passwords; try again in" in answer.text


def test_the_name_is_shown_as_text(stranger: Open) -> None:
    answer = stranger().client.post("/sign-in", data={"name": '"><script>x', "password": "no"})
    assert "<script>x" not in answer.text
    assert "&lt;script&gt;x" in answer.text


def test_sign_in_from_another_site_is_refused(stranger: Open) -> None:
    fields = {"name": KEY, "password": SECRET}
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://["},
    ):
        answer = stranger().client.post("/sign-in", data=fields, headers=headers)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
    here = stranger().client.post("/sign-in", data=fields, headers={"Origin": "http://127.0.0.1:8088"})
    assert here.status_code == 303


def test_sign_out_ends_the_session(customer: Browser) -> None:
    kept = customer.client.cookies["trunkline-session"]
    assert customer.post("/sign-out").headers["Location"] == "/sign-in"
    assert "trunkline-session" not in customer.client.cookies
    customer.client.cookies["trunkline-session"] = kept
    customer.get("/", 303)


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb", "x", "/" + "a" * 600]
)
def test_the_way_on_stays_here(path: str) -> None:
    assert local(path) == "/"


def test_the_way_on() -> None:
    assert local("/numbers/4420?x=1") == "/numbers/4420?x=1"
    assert sentence("too many") == "Too many."
    assert sentence("Done.") == "Done."


@pytest.mark.parametrize(
    ("referer", "then"),
    [
        ("http://127.0.0.1:8088/numbers/4420?dry=run", "/numbers/4420?dry=run"),
        ("https://evil.example/numbers", "/"),
        ("", "/"),
        ("http://127.0.0.1:8088//evil.example", "/"),
        ("http://[", "/"),
    ],
)
def test_a_form_of_a_session_that_is_over_is_said_not_to_be_saved(
    stranger: Open, referer: str, then: str
) -> None:
    browser = stranger()
    headers = {"Accept": "text/html", "Referer": referer}
    answer = browser.client.post("/numbers/4420/forward", data={"uri": "a@b"}, headers=headers)
    assert answer.status_code == 303
    door = browser.get(answer.headers["Location"])
    assert "what you sent was not saved" in door
    assert f'name="next" value="{then}"' in door
    out = browser.client.post("/sign-out", headers=headers)
    assert (out.status_code, out.headers["Location"]) == (303, "/sign-in")


def test_the_way_on_has_its_filter(stranger: Open) -> None:
    browser = stranger()
    path = "/calls?result=busy&party=%2B44+20&call_id=a%40b"
    answer = browser.client.get(path, headers={"Accept": "text/html"})
    door = browser.get(answer.headers["Location"])
    assert f'name="next" value="{path.replace("&", "&amp;")}"' in door
    long = browser.client.get(f"/calls?call_id={'a' * 600}", headers={"Accept": "text/html"})
    assert long.headers["Location"] == "/sign-in?next=%2Fcalls"
