"""`trunkline account …`: customers, their secrets and their limits."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, Row, print_card, print_rows, say
from trunkline.store.accounts import DEFAULT_OVERLAP_S, new_key
from trunkline.trunk.account import Account, CallerIdPolicy

app = typer.Typer(no_args_is_help=True, help="Customers: keys, secrets, limits.")

Key = Annotated[str, typer.Argument(metavar="KEY", help="The account's API key: its digest user name.")]


def _card(account: Account) -> Row:
    return {
        "key": account.key,
        "name": account.name,
        "status": account.status.value,
        "caller_id_policy": account.caller_id_policy.value,
        "caller_id_number": account.caller_id_number,
        "max_concurrent": account.max_concurrent,
        "max_per_second": account.max_per_second,
        "minutes_per_day": account.minutes_per_day,
        "allowed_prefixes": list(account.allowed_prefixes),
        "denied_prefixes": list(account.denied_prefixes),
        "codecs": list(account.codecs),
    }


@app.command("add")
def add(
    context: typer.Context,
    key: Annotated[str | None, typer.Option(help="The API key. Default: a random one.")] = None,
    secret: Annotated[str | None, typer.Option(help="The API secret. Default: a random one.")] = None,
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    caller_id: Annotated[
        CallerIdPolicy, typer.Option(help="Which caller ID the account may present.")
    ] = CallerIdPolicy.ANY,
    caller_id_number: Annotated[
        str | None, typer.Option(help="The number that 'replace' presents, digits only.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a customer. The secret is shown once, here: only its digest is kept."""
    here = installation(context)
    account = Account(
        key or new_key(), name=name, caller_id_policy=caller_id, caller_id_number=caller_id_number
    )
    made = here.store.accounts.add(account, secret)
    here.changed()
    print_card({"key": account.key, "secret": made}, as_json)
    if not as_json:
        server = here.settings.service.domain
        say(f"\nIn the PBX: user name {account.key}, password as above, server {server}.")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All customers."""
    rows = (
        {
            "key": account.key,
            "name": account.name,
            "status": account.status.value,
            "max_concurrent": account.max_concurrent,
            "max_per_second": account.max_per_second,
            "minutes_per_day": account.minutes_per_day,
        }
        for account in installation(context).store.accounts.list()
    )
    print_rows(rows, as_json, "No accounts yet: trunkline account add")


@app.command("show")
def show(context: typer.Context, key: Key, as_json: Json = False) -> None:
    """One customer, and the numbers it has."""
    store = installation(context).store
    card = dict(_card(store.accounts.get(key)))
    card["numbers"] = [number.e164 for number in store.numbers.list(key)]
    print_card(card, as_json)


def _limit(value: int | None, before: int | None) -> int | None:
    """`value` as given: None leaves it as it was, a negative number is no limit."""
    if value is None:
        return before
    return None if value < 0 else value


@app.command("limit")
def limit(
    context: typer.Context,
    key: Key,
    concurrent: Annotated[
        int | None, typer.Option(help="Outbound calls at a time; -1 is no limit, 0 is none at all.")
    ] = None,
    per_second: Annotated[
        int | None, typer.Option(help="Outbound calls begun in a second; -1 is no limit.")
    ] = None,
    minutes_per_day: Annotated[
        int | None, typer.Option(help="Answered minutes in a UTC day; -1 is no limit.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="Prefix that may be called, digits; once for each. 'all' clears the list."),
    ] = None,
    deny: Annotated[
        list[str] | None,
        typer.Option(help="Prefix that may not be called; once for each. 'none' clears the list."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set limits; those left out stay. Of an allowed and a denied prefix, the longer one decides."""
    here = installation(context)
    account = here.store.accounts.get(key)
    changed = here.store.accounts.update(
        key,
        max_concurrent=_limit(concurrent, account.max_concurrent),
        max_per_second=_limit(per_second, account.max_per_second),
        minutes_per_day=_limit(minutes_per_day, account.minutes_per_day),
        allowed_prefixes=_prefixes(allow, "all", account.allowed_prefixes),
        denied_prefixes=_prefixes(deny, "none", account.denied_prefixes),
    )
    here.changed()
    print_card(_card(changed), as_json)


def _prefixes(given: list[str] | None, clears: str, before: tuple[str, ...]) -> tuple[str, ...]:
    if not given:
        return before
    return () if given == [clears] else tuple(prefix.removeprefix("+") for prefix in given)


@app.command("block")
def block(
    context: typer.Context,
    key: Key,
    lift: Annotated[bool, typer.Option("--lift", help="Let it call again.")] = False,
    as_json: Json = False,
) -> None:
    """Refuse the account's calls with 403 (or, with --lift, no longer)."""
    here = installation(context)
    accounts = here.store.accounts
    account = accounts.unblock(key) if lift else accounts.block(key)
    here.changed()
    print_card({"key": account.key, "status": account.status.value}, as_json)


@app.command("rotate-secret")
def rotate_secret(
    context: typer.Context,
    key: Key,
    secret: Annotated[str | None, typer.Option(help="The new secret. Default: a random one.")] = None,
    overlap_s: Annotated[
        float, typer.Option(help="How long the old secret still works, in seconds; 0 ends it now.")
    ] = DEFAULT_OVERLAP_S,
    as_json: Json = False,
) -> None:
    """Give an account a new secret, shown once, here."""
    here = installation(context)
    made = here.store.accounts.rotate_secret(key, secret, overlap_s=overlap_s)
    here.changed()
    print_card({"key": key, "secret": made, "old_secret_works_for_s": overlap_s}, as_json)
