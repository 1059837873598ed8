"""`trunkline user …`: who may sign in with a password."""

import secrets
from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, Row, examples, moment, print_card, print_rows, say
from trunkline.store.users import Role, User

app = typer.Typer(no_args_is_help=True, add_completion=False, help="People who sign in with a password.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="An e-mail address, or one word such as admin.")]
Password = Annotated[str | None, typer.Option(envvar="TRUNKLINE_PASSWORD", help="Default: a random one.")]


def _row(user: User) -> Row:
    return {
        "name": user.name,
        "role": user.role.value,
        "account": user.account,
        "created_at": moment(user.created_at),
    }


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All users."""
    rows = (_row(user) for user in installation(context).store.users.list())
    print_rows(rows, as_json, "No user yet: trunkline user add NAME makes an operator.")


@app.command(
    "add",
    epilog=examples(
        "trunkline user add ann@example.net (an operator)",
        "trunkline user add bob@example.net --account trunk1",
    ),
)
def add(
    context: typer.Context,
    name: Name,
    account: Annotated[
        str | None, typer.Option(metavar="KEY", help="Belongs to this account. Default: an operator.")
    ] = None,
    password: Password = None,
    as_json: Json = False,
) -> None:
    """Add a user. The password is shown once, here: only its hash is kept."""
    made = password or secrets.token_urlsafe(12)
    role = Role.OPERATOR if account is None else Role.CUSTOMER
    user = installation(context).store.users.add(User(name, role, account), made)
    print_card({**_row(user), "password": made}, as_json)


@app.command("password", epilog=examples("trunkline user password admin"))
def password(context: typer.Context, name: Name, password: Password = None, as_json: Json = False) -> None:
    """Give a user a new password, shown once, here, and end the user's sessions."""
    made = password or secrets.token_urlsafe(12)
    installation(context).store.users.set_password(name, made)
    print_card({"name": name, "password": made}, as_json)


@app.command("remove")
def remove(context: typer.Context, name: Name) -> None:
    """Remove a user. The last operator stays."""
    installation(context).store.users.remove(name)
    say(f"User {name} is removed.")
