"""`trunkline token`."""

import pytest

from tests.unit.cli.conftest import CommandLine
from trunkline.cli.installation import Installation
from trunkline.store.sessions import Session


def session_of(line: CommandLine, token: str) -> Session | None:
    here = Installation(line.settings_file)
    try:
        return here.store.sessions.find(token)
    finally:
        here.close()


def test_an_operators(line: CommandLine) -> None:
    made = line.json("token", "add", "--user", "admin", "--for", "report")
    session = session_of(line, made["token"])
    assert session is not None
    assert (session.user, session.role.value, session.label, session.expires_at) == (
        "admin",
        "operator",
        "report",
        None,
    )


def test_a_customers(line: CommandLine) -> None:
    line.run("account", "add", "--key", "acme")
    made = line.json("token", "add", "--account", "acme", "--days", "1")
    session = session_of(line, made["token"])
    assert session is not None
    assert (session.user, session.account, session.role.value) == (None, "acme", "customer")
    assert session.expires_at == pytest.approx(session.created_at + 86400)


def test_listed_and_revoked(line: CommandLine) -> None:
    line.run("account", "add", "--key", "acme")
    first = line.json("token", "add", "--user", "admin")
    second = line.json("token", "add", "--account", "acme")
    listed = line.json("token", "list")
    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    assert all("token" not in one for one in listed)
    assert [one["id"] for one in line.json("token", "list", "--account", "acme")] == [second["id"]]
    assert "is revoked" in line.run("token", "revoke", first["id"])
    assert session_of(line, first["token"]) is None
    assert session_of(line, second["token"]) is not None
    assert "trunkline token list shows them" in line.error("token", "revoke", first["id"])
    assert "does not exist" in line.error("token", "revoke", second["id"][:4])


def test_it_says_how_to_try_it(line: CommandLine) -> None:
    printed = line.run("token", "add", "--user", "admin")
    assert 'curl -H "Authorization: Bearer ' in printed
    assert "http://127.0.0.1:8088/v1/me" in printed


@pytest.mark.parametrize("whose", [[], ["--user", "admin", "--account", "acme"]])
def test_whose_rights_has_to_be_said(line: CommandLine, whose: list[str]) -> None:
    assert "give either --user NAME or --account KEY" in line.run("token", "add", *whose, status=2)


def test_nobody_has_no_token(line: CommandLine) -> None:
    assert "user 'nobody' does not exist" in line.error("token", "add", "--user", "nobody")
    assert "account 'nobody' does not exist" in line.error("token", "add", "--account", "nobody")
