"""`trunkline token …`: tokens of programs that use the API."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, Row, examples, moment, print_card, print_rows, say
from trunkline.errors import StoreError
from trunkline.store.errors import NotFoundError
from trunkline.store.sessions import Session, SessionKind
from trunkline.store.users import Role

SHOWN = 12
"""Digits of a token's id that name it here."""
DAY_S = 86_400.0

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Tokens of programs that use the API.")

Account = Annotated[
    str | None, typer.Option(metavar="KEY", help="Has the rights of this account: a customer's.")
]


def _row(session: Session) -> Row:
    return {
        "id": session.id[:SHOWN],
        "label": session.label,
        "user": session.user,
        "account": session.account,
        "role": session.role.value,
        "created_at": moment(session.created_at),
        "seen_at": moment(session.seen_at),
        "expires_at": moment(session.expires_at),
    }


@app.command(
    "add",
    epilog=examples(
        "trunkline token add --user admin --for 'nightly report' (an operator's)",
        "trunkline token add --account trunk1 --days 90",
    ),
)
def add(
    context: typer.Context,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Has the rights of this user.")] = None,
    account: Account = None,
    label: Annotated[str, typer.Option("--for", help="What it is for, for people.")] = "",
    days: Annotated[
        float | None, typer.Option(min=0, help="How long it works. Default: until it is revoked.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token. It is shown once, here: only its hash is kept."""
    here = installation(context)
    if user is not None and account is None:
        person = here.store.users.get(user)
        name, role, key = person.name, person.role, person.account
    elif account is not None and user is None:
        name, role, key = None, Role.CUSTOMER, here.store.accounts.get(account).key
    else:
        raise typer.BadParameter("give either --user NAME or --account KEY: whose rights the token has")
    token, session = here.store.sessions.open(
        role=role,
        user=name,
        account=key,
        kind=SessionKind.TOKEN,
        label=label,
        lifetime_s=None if days is None else days * DAY_S,
    )
    print_card({**_row(session), "token": token}, as_json)
    if not as_json:
        say(f'\nTry it: curl -H "Authorization: Bearer {token}" {here.settings.web.url}/v1/me')


@app.command("list")
def list_(context: typer.Context, account: Account = None, as_json: Json = False) -> None:
    """All tokens that work, newest first: not what they are."""
    sessions = installation(context).store.sessions.list(account=account)
    rows = (_row(session) for session in sessions if session.kind is SessionKind.TOKEN)
    print_rows(rows, as_json, "No tokens yet: trunkline token add --user NAME")


@app.command("revoke", epilog=examples("trunkline token revoke 5e884898da28"))
def revoke(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `trunkline token list` shows it.")],
) -> None:
    """End a token at once."""
    store = installation(context).store
    found = [one for one in store.sessions.list() if one.kind is SessionKind.TOKEN and one.id.startswith(id_)]
    if len(id_) < SHOWN or not found:
        raise NotFoundError("token", id_, "trunkline token list shows them")
    if len(found) > 1:
        raise StoreError(f"{id_!r} begins the ids of {len(found)} tokens; write more of it")
    store.sessions.revoke(found[0].id)
    say(f"Token {id_} is revoked.")
