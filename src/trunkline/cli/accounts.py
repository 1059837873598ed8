"""`trunkline account …`: customers, their secrets, their limits, and what they may do."""

from typing import Annotated, TypeVar

import typer

from trunkline.cli.installation import Installation, installation
from trunkline.cli.media_options import Dtmf, Srtp, Transcoding
from trunkline.cli.output import NONE, Json, Row, examples, listed, print_card, print_rows, say
from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.store.accounts import DEFAULT_OVERLAP_S, AccountChanges, new_key
from trunkline.store.credit import cents_of, money
from trunkline.trunk.account import MAX_COST, MAX_LIMIT, Account, AlarmAction, CallerIdPolicy, Ringback
from trunkline.trunk.e164 import normalise

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Customers: keys, secrets, limits.")

Key = Annotated[str, typer.Argument(metavar="KEY", help="The account's API key: its digest user name.")]
ALL = "all"
_Number = TypeVar("_Number", int, float)


def _card(account: Account) -> Row:
    return {
        "key": account.key,
        "name": account.name,
        "status": account.status.value,
        "caller_id_policy": account.caller_id_policy.value,
        "caller_id_number": account.caller_id_number,
        "max_concurrent": account.max_concurrent,
        "max_inbound": account.max_inbound,
        "max_per_second": account.max_per_second,
        "minutes_per_day": account.minutes_per_day,
        "cost_per_day": account.cost_per_day,
        "allowed_prefixes": list(account.allowed_prefixes) or [ALL],
        "denied_prefixes": list(account.denied_prefixes),
        "codecs": list(account.codecs),
        "transcoding": account.transcoding,
        "srtp": account.srtp.value,
        "dtmf": account.dtmf.value,
        "ringback": account.ringback.value,
        "alarm": account.alarm.value,
        "announcements": account.announcements,
        "refer_enabled": account.refer_enabled,
    }


@app.command(
    "add",
    epilog=examples(
        "trunkline account add --name 'First customer'",
        "trunkline account add --key trunk1 --secret s3cret-trunk1",
        "trunkline account add --caller-id replace --caller-id-number +442079460123",
    ),
)
def add(
    context: typer.Context,
    key: Annotated[str | None, typer.Option(help="The API key. Default: a random one.")] = None,
    secret: Annotated[str | None, typer.Option(help="The API secret. Default: a random one.")] = None,
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    caller_id: Annotated[
        CallerIdPolicy,
        typer.Option(
            help="The caller ID it may present: 'any', only 'owned' numbers, or always 'replace' it by "
            "--caller-id-number."
        ),
    ] = CallerIdPolicy.ANY,
    caller_id_number: Annotated[str | None, typer.Option(help="The number that 'replace' presents.")] = None,
    as_json: Json = False,
) -> None:
    """Add a customer. The secret is shown once, here: only its digest is kept."""
    here = installation(context)
    number = None if caller_id_number is None else normalise(caller_id_number)
    account = Account(key or new_key(), name=name, caller_id_policy=caller_id, caller_id_number=number)
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
            "max_inbound": account.max_inbound,
            "max_per_second": account.max_per_second,
            "minutes_per_day": account.minutes_per_day,
            "cost_per_day": account.cost_per_day,
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


@app.command(
    "set",
    epilog=examples(
        "trunkline account set trunk1 --caller-id owned",
        "trunkline account set trunk1 --codec PCMA,PCMU --ringback at-once",
        "trunkline account set trunk1 --alarm block",
        "trunkline account set trunk1 --srtp required --dtmf info --no-transcoding",
    ),
)
def set_(
    context: typer.Context,
    key: Key,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    caller_id: Annotated[
        CallerIdPolicy | None, typer.Option(help="Which caller ID the account may present.")
    ] = None,
    caller_id_number: Annotated[
        str | None, typer.Option(help=f"The number that 'replace' presents; '{NONE}' clears it.")
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option(help=f"What its side of a call may use, preferred first: {', '.join(CODEC_NAMES)}."),
    ] = None,
    transcoding: Transcoding = None,
    srtp: Srtp = None,
    dtmf: Dtmf = None,
    ringback: Annotated[
        Ringback | None,
        typer.Option(
            help="Who tells callers that it rings: the far end; the service, at once; or the service with a "
            "tone when the far end rings in silence."
        ),
    ] = None,
    announcements: Annotated[
        bool | None,
        typer.Option(help="Tell refused callers why, from the recordings in media.announcements."),
    ] = None,
    alarm: Annotated[
        AlarmAction | None,
        typer.Option(
            help="What comes of its first call to another country, or of far more calls than usual: nothing, "
            "a note (trunkline alarm list), or a block."
        ),
    ] = None,
    refer: Annotated[
        bool | None,
        typer.Option(help="Transfer its answered calls where it asks for that (REFER), by its own rules."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change what an account may do; what is left out stays. Limits: trunkline account limit."""
    changes: AccountChanges = {}
    if name is not None:
        changes["name"] = name
    if caller_id is not None:
        changes["caller_id_policy"] = caller_id
    if caller_id_number is not None:
        changes["caller_id_number"] = None if caller_id_number == NONE else normalise(caller_id_number)
    if codec:
        changes["codecs"] = tuple(listed(codec))
    others = {
        "transcoding": transcoding,
        "srtp": srtp,
        "dtmf": dtmf,
        "ringback": ringback,
        "alarm": alarm,
        "announcements": announcements,
        "refer_enabled": refer,
    }
    given = {key: value for key, value in others.items() if value is not None}
    changes |= AccountChanges(**given)  # type: ignore[typeddict-item]
    _change(installation(context), key, changes, as_json)


def _change(here: Installation, key: str, changes: AccountChanges, as_json: bool) -> None:
    changed = here.store.accounts.update(key, **changes)
    here.changed()
    print_card(_card(changed), as_json)


@app.command(
    "limit",
    epilog=examples(
        "trunkline account limit trunk1 --concurrent 30 --inbound 30 --per-second 3",
        "trunkline account limit trunk1 --allow 44 --allow 49 --deny 4470",
        "trunkline account limit trunk1 --minutes-per-day 600 --cost-per-day 20",
        "trunkline account limit trunk1 --concurrent -1 --allow all --deny none",
    ),
)
def limit(
    context: typer.Context,
    key: Key,
    concurrent: Annotated[
        int | None, typer.Option(help="Outbound calls at a time; -1 is no limit, 0 is none at all.")
    ] = None,
    inbound: Annotated[
        int | None,
        typer.Option(
            help="Calls to its numbers at a time, one more gets 486; -1 is no limit, 0 is none at all."
        ),
    ] = None,
    per_second: Annotated[
        int | None, typer.Option(help="Outbound calls begun in a second; -1 is no limit.")
    ] = None,
    minutes_per_day: Annotated[
        int | None, typer.Option(help="Answered minutes in a UTC day; -1 is no limit.")
    ] = None,
    cost_per_day: Annotated[
        float | None,
        typer.Option(
            help="What the calls of a UTC day may cost, by the prices of the routes; -1 is no limit."
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Prefix that may be called; once for each, or with commas. '{ALL}' clears the list."
        ),
    ] = None,
    deny: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Prefix that may not be called; once for each, or with commas. '{NONE}' clears the list."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set limits; those left out stay.

    Of an allowed and a denied prefix, the longer one decides. Guarded prefixes (limits.guarded_prefixes:
    satellites, premium rates) have to be allowed by name. When the minutes or the money of a day are used up,
    the calls that are up end at that moment.
    """
    changes: AccountChanges = {}
    if concurrent is not None:
        changes["max_concurrent"] = _limit(concurrent, MAX_LIMIT)
    if inbound is not None:
        changes["max_inbound"] = _limit(inbound, MAX_LIMIT)
    if per_second is not None:
        changes["max_per_second"] = _limit(per_second, MAX_LIMIT)
    if minutes_per_day is not None:
        changes["minutes_per_day"] = _limit(minutes_per_day, MAX_LIMIT)
    if cost_per_day is not None:
        changes["cost_per_day"] = _limit(cost_per_day, MAX_COST)
    if allow:
        changes["allowed_prefixes"] = _prefixes(allow, ALL)
    if deny:
        changes["denied_prefixes"] = _prefixes(deny, NONE)
    _change(installation(context), key, changes, as_json)


def _limit(value: _Number, most: _Number) -> _Number | None:
    if value == -1:
        return None
    if not 0 <= value <= most:
        raise typer.BadParameter(f"{value} is no limit that can be: 0 to {most:.0f}, or -1 for none")
    return value


def _prefixes(given: list[str], clears: str) -> tuple[str, ...]:
    prefixes = listed(given)
    return () if prefixes == [clears] else tuple(prefix.removeprefix("+") for prefix in prefixes)


@app.command("block", epilog=examples("trunkline account block trunk1"))
def block(context: typer.Context, key: Key, as_json: Json = False) -> None:
    """Refuse the account's calls, and calls to its numbers, with 403. Calls that are up go on."""
    here = installation(context)
    account = here.store.accounts.block(key)
    here.changed()
    print_card({"key": account.key, "status": account.status.value}, as_json)


@app.command("unblock")
def unblock(context: typer.Context, key: Key, as_json: Json = False) -> None:
    """Let a blocked account call again."""
    here = installation(context)
    account = here.store.accounts.unblock(key)
    here.changed()
    print_card({"key": account.key, "status": account.status.value}, as_json)


@app.command(
    "rotate-secret",
    epilog=examples(
        "trunkline account rotate-secret trunk1",
        "trunkline account rotate-secret trunk1 --overlap-s 0",
    ),
)
def rotate_secret(
    context: typer.Context,
    key: Key,
    secret: Annotated[str | None, typer.Option(help="The new secret. Default: a random one.")] = None,
    overlap_s: Annotated[
        float, typer.Option(min=0, help="How long the old secret still works, in seconds; 0 ends it now.")
    ] = DEFAULT_OVERLAP_S,
    as_json: Json = False,
) -> None:
    """Give an account a new secret, shown once, here."""
    here = installation(context)
    made = here.store.accounts.rotate_secret(key, secret, overlap_s=overlap_s)
    here.changed()
    print_card({"key": key, "secret": made, "old_secret_works_for_s": overlap_s}, as_json)


@app.command(
    "credit",
    context_settings={"ignore_unknown_options": True},
    epilog=examples(
        "trunkline account credit trunk1",
        "trunkline account credit trunk1 25.00",
        "trunkline account credit trunk1 -5",
    ),
)
def credit(
    context: typer.Context,
    key: Key,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="What to add; with - before it, to take away.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give an account credit to buy numbers with, and say what it has."""
    store = installation(context).store
    cents = store.credit.balance_cents(key) if amount is None else store.credit.add(key, cents_of(amount))
    print_card({"key": key, "credit": money(cents)}, as_json)


@app.command("remove")
def remove(context: typer.Context, key: Key) -> None:
    """Remove a customer that has no numbers any more. Its call records stay."""
    here = installation(context)
    here.store.accounts.remove(key)
    here.changed()
    say(f"Account {key} is removed.")
