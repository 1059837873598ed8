"""One customer sees nothing of another's, on whatever page, and changes nothing of it, by whatever form.

The pages and forms are those that the app has: a new one can't be left out, and one with a new kind of name
in its path has to say here whose things that names.
"""

from dataclasses import replace

import pytest

from tests.unit.store.entities import ended_call
from tests.unit.web.dashboard.conftest import KEY, OTHER_KEY, OTHER_NUMBER, OTHER_SECRET, Browser
from tests.unit.web.dashboard.test_app import POSTED, READ
from tests.unit.web.paper_node import CALL, HEALTH, REGISTRATION, PaperNode
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import call_row
from trunkline.store.users import Role, User
from trunkline.web.office import Office

STREAMS = {"/live/events": "never ends; tests/unit/web/dashboard/test_live.py reads it"}
PAST, LIVE = "past-of-other", "live-of-other"
OTHERS = {
    "e164": OTHER_NUMBER,
    "key": OTHER_KEY,
    "call_id": PAST,
    "name": "upstream",
    "prefix": "44",
}
"""What a path names, and one that is somebody else's."""
MARKS = (OTHER_KEY, OTHER_NUMBER, PAST, LIVE, "pbx-of-other", "user-of-other", "hook-of-other")


@pytest.fixture(autouse=True)
def busy(office: Office, paper: PaperNode) -> None:
    """The other customer has one of everything."""
    record = ended_call(PAST, account=OTHER_KEY)
    record.number = OTHER_NUMBER
    writer = GroupWriter(office.store.database)
    writer.write([Group({"call": [call_row(record, "run")]}, {})])
    writer.close()
    office.store.users.add(User("user-of-other", Role.CUSTOMER, OTHER_KEY), "a password of theirs")
    office.store.sessions.open(role=Role.CUSTOMER, user=None, account=OTHER_KEY, lifetime_s=60.0)
    webhook, _ = office.store.webhooks.add(OTHER_KEY, "https://hook-of-other.example/")
    OTHERS["webhook_id"] = webhook.id
    paper.live = [replace(CALL, call_id=LIVE, account=OTHER_KEY)]
    paper.registered = [replace(REGISTRATION, account=OTHER_KEY, contact="<sip:pbx-of-other@192.0.2.9>")]
    paper.targets = [
        replace(HEALTH, uri="sip:pbx-of-other", number=OTHER_NUMBER, account=OTHER_KEY),
        replace(HEALTH, uri="sip:pbx-of-other", number=None, account=None, carrier="upstream"),
    ]


def theirs(path: str) -> str:
    return path.format(**OTHERS)


@pytest.mark.parametrize("path", [path for path in READ if path not in STREAMS])
def test_nothing_of_anothers_is_shown(customer: Browser, path: str) -> None:
    queries = ["", f"?account={OTHER_KEY}", f"?number={OTHER_NUMBER}&search={OTHER_NUMBER}&key={OTHER_KEY}"]
    for query in queries:
        answer = customer.client.get(theirs(path) + query, headers={"Accept": "text/html"})
        if "{" in path:
            assert answer.status_code in (403, 404), path
        shown = answer.text
        for asked in (theirs(path), *query.strip("?").replace("=", "&").split("&")):
            shown = shown.replace(asked, "") if asked else shown
        shown = shown.replace(f"&#39;{theirs(path).rpartition('/')[2]}&#39;", "")
        for name in OTHERS.values():
            shown = shown.replace(f"&#39;{name}&#39; does not exist", "")
        assert not [mark for mark in MARKS if mark in shown], path


@pytest.mark.parametrize("path", POSTED)
def test_nothing_of_anothers_is_changed(customer: Browser, office: Office, path: str) -> None:
    store = office.store

    def state() -> list[object]:
        return [
            store.accounts.get(OTHER_KEY),
            store.accounts.secrets(OTHER_KEY),
            store.numbers.list(OTHER_KEY),
            store.webhooks.list(OTHER_KEY),
            store.carriers.list(),
            store.routes.list(),
            [user for user in store.users.list() if user.account == OTHER_KEY],
            len(store.sessions.list(account=OTHER_KEY)),
        ]

    before = state()
    session = store.sessions.list(account=OTHER_KEY)[0].id
    fields = {
        "account": OTHER_KEY,
        "number": OTHER_NUMBER,
        "name": "user-of-other",
        "key": OTHER_KEY,
        "id": session,
        "secret": "a-secret-of-mine",
        "uri": "mine@example.com",
        "prefix": "44",
        "role": "customer",
        "position": "1",
        "kind": "asterisk-pjsip",
    }
    answer = customer.client.post(theirs(path), data={"form_word": customer.word(), **fields})
    if "{" in path and not path.startswith("/secrets/"):
        assert answer.status_code in (403, 404), path
    assert state() == before
    assert store.accounts.verify(OTHER_KEY, OTHER_SECRET) is not None


def test_whose_a_number_was_is_nobodys_business(customer: Browser, other: Browser, office: Office) -> None:
    office.store.numbers.update(OTHER_NUMBER, account=KEY)
    got, gone = customer.get("/audit?kind=number"), other.get("/audit?kind=number")
    assert f"<code>{OTHER_NUMBER}</code>" in got
    assert OTHER_KEY not in got
    assert f"remove number</div><div><code>{OTHER_NUMBER}</code>" in gone
    assert KEY not in gone
