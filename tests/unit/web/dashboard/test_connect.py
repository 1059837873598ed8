"""Connect a PBX, for both roles."""

import io
import re
import zipfile

import pytest

from tests.unit.web.dashboard.conftest import KEY, NUMBER, OTHER_KEY, OTHER_SECRET, SECRET, Browser
from trunkline.pbx.writer import ConfigFile, Kind, title
from trunkline.web.control_client import NoNodeError
from trunkline.web.dashboard.connect import zipped
from trunkline.web.office import Office


def test_every_kind_is_there_and_filled_in(customer: Browser) -> None:
    page = customer.get("/connect")
    for kind in Kind:
        assert f'<option value="{kind}"' in page
        assert title(kind) in page
    assert "YOUR_API_SECRET" in page
    assert NUMBER in page
    assert 'data-copy="file-1"' in page


def test_the_secret_as_typed_fills_the_files(customer: Browser) -> None:
    answer = customer.post("/connect", 200, kind="generic", secret=SECRET, number=NUMBER)
    assert f"Password                        {SECRET}" in answer.text
    assert "YOUR_API_SECRET" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", list(Kind))
def test_no_file_is_cut(customer: Browser, kind: Kind) -> None:
    page = customer.post("/connect", 200, kind=str(kind), secret=SECRET).text
    assert "more)" not in page


def test_a_new_secret_works_and_is_in_the_files(office: Office, customer: Browser) -> None:
    page = customer.post("/connect", 200, kind="generic", secret="forg0tten", new_secret="yes").text
    made = re.search(r"Password +(\S+)", page)
    assert made is not None
    assert office.store.accounts.verify(KEY, made[1])
    assert office.store.accounts.verify(KEY, SECRET), "the old one still works"
    assert "shown this once" in page
    assert made[1] not in customer.get("/connect")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "generic", "srtp": "yes", "new_secret": "yes"}, "ask for TLS as well"),
        ({"kind": "generic", "secret": "a;b\nc"}, "letters, digits"),
        ({"kind": "generic", "secret": f"{SECRET}x"}, f"That is not the secret of account {KEY}"),
        ({"kind": "generic", "number": "<b>"}, "&lt;b&gt;"),
        ({"kind": "<b>"}, "no PBX of the kind"),
    ],
)
def test_what_can_not_be_written(
    office: Office, customer: Browser, fields: dict[str, str], says: str
) -> None:
    before = office.store.accounts.secrets(KEY)
    page = customer.post("/connect", 422, **fields).text
    assert says in page
    assert "<b>" not in page
    assert office.store.accounts.secrets(KEY) == before, "nothing is rotated for it"
    customer.post("/connect/files.zip", 422, **fields)


def test_the_files_as_a_zip(customer: Browser) -> None:
    answer = customer.post("/connect/files.zip", 200, kind="freeswitch", secret=SECRET)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert "sip_profiles/external/trunkline.xml" in archive.namelist()
    assert SECRET in archive.read("sip_profiles/external/trunkline.xml").decode()
    assert "the FreeSWITCH configuration folder" in archive.read("WHERE.txt").decode()


def test_a_zip_of_nothing_but_files() -> None:
    archive = zipfile.ZipFile(io.BytesIO(zipped([ConfigFile("a/b.conf", "here", "x")])))
    assert archive.read("a/b.conf") == b"x"


def test_anothers_account_does_not_exist(customer: Browser) -> None:
    customer.get(f"/connect?account={OTHER_KEY}", 404)
    customer.post("/connect", 404, kind="generic", account=OTHER_KEY, new_secret="yes")
    customer.post("/connect/files.zip", 404, kind="generic", account=OTHER_KEY)


def test_an_operator_says_whose(operator: Browser) -> None:
    assert "Whose PBX is it?" in operator.get("/connect")
    assert OTHER_KEY in operator.get(f"/connect?account={OTHER_KEY}")
    answer = operator.post("/connect", 200, kind="generic", account=OTHER_KEY, secret=OTHER_SECRET)
    assert OTHER_SECRET in answer.text


def test_what_has_been_seen(customer: Browser, other: Browser) -> None:
    page = customer.get("/connect")
    assert "1 from UDP 192.0.2.9:5060." in page
    assert "The right one has come." in page
    assert 'data-poll="3"' in page
    assert "192.0.2.9" not in other.get("/connect").replace("UDP 192.0.2.9:5062 sent a wrong password", "")


def test_without_a_node(office: Office, customer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> None:
        raise NoNodeError("no node answers at x")

    monkeypatch.setattr(office.node, "client", nobody)
    assert "Nothing is known: no node answers at x." in customer.get("/connect")
