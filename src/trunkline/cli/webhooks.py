"""`trunkline webhook …`: URLs of customers' programs that are told what happens, and what became of it."""

from time import monotonic, sleep, time
from typing import Annotated, Final

import typer

from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import Json, Row, examples, moment, print_card, print_rows, progress, say
from trunkline.store.webhook_queue import Delivery, DeliveryState
from trunkline.store.webhooks import EventType, Webhook, WebhookChanges
from trunkline.web.webhooks.addresses import check_url
from trunkline.web.webhooks.events import trial_event

PATIENCE_S: Final = 15.0
"""Two seconds more than the web process takes to begin, and an attempt to end."""
_LOOK_S: Final = 0.2

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Programs that are told what happens, by HTTP."
)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `trunkline webhook list` shows it.")]
DeliveryId = Annotated[
    int,
    typer.Argument(
        metavar="DELIVERY", min=1, max=2**63 - 1, help="As `trunkline webhook deliveries` shows it."
    ),
]
Events = Annotated[
    list[EventType] | None,
    typer.Option("--event", help="An event that is wanted; once for each. Default: all."),
]


def _card(webhook: Webhook) -> Row:
    return {
        "id": webhook.id,
        "account": webhook.account,
        "url": webhook.url,
        "events": [event.value for event in webhook.events] or ["all"],
        "enabled": webhook.enabled,
        "dropped": webhook.dropped,
        "created_at": moment(webhook.created_at),
    }


def _row(delivery: Delivery) -> Row:
    return {
        "id": delivery.id,
        "type": delivery.type,
        "event_id": delivery.event_id,
        "created_at": moment(delivery.created_at),
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_at": moment(delivery.next_at),
        "status": delivery.status,
        "detail": delivery.detail,
    }


def _check(here: Installation, url: str) -> None:
    check_url(url, private=here.settings.web.webhooks_private)


@app.command(
    "add",
    epilog=examples(
        "trunkline webhook add https://example.com/hook --account trunk1",
        "trunkline webhook add https://example.com/hook --account trunk1 --event call.failed",
    ),
)
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="HTTP or HTTPS, of a public host.")],
    account: Annotated[str, typer.Option(metavar="KEY", help="The account whose calls it is told.")],
    event: Events = None,
    as_json: Json = False,
) -> None:
    """Have a URL told what happens from now on. The secret that signs it is shown once, here."""
    here = installation(context)
    _check(here, url)
    webhook, secret = here.store.webhooks.add(account, url, tuple(dict.fromkeys(event or ())))
    print_card({**_card(webhook), "secret": secret}, as_json)
    if not as_json:
        say(f"\nTry it: trunkline webhook test {webhook.id}")


@app.command("list")
def list_(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Argument(metavar="[KEY]", help="Only those of this account.")
    ] = None,
    as_json: Json = False,
) -> None:
    """All webhooks, oldest first."""
    rows = (_card(webhook) for webhook in installation(context).store.webhooks.list(account))
    print_rows(rows, as_json, "No webhooks yet: trunkline webhook add URL --account KEY")


@app.command("show")
def show(context: typer.Context, id_: Id, as_json: Json = False) -> None:
    """One webhook: not its secret."""
    print_card(_card(installation(context).store.webhooks.get(id_)), as_json)


@app.command(
    "set",
    epilog=examples(
        "trunkline webhook set 9f3c2a7be1d04c55 --off",
        "trunkline webhook set 9f3c2a7be1d04c55 --event call.failed --event endpoint.down",
        "trunkline webhook set 9f3c2a7be1d04c55 --all-events",
    ),
)
def set_(
    context: typer.Context,
    id_: Id,
    url: Annotated[str | None, typer.Option(help="Another URL.")] = None,
    event: Events = None,
    all_events: Annotated[bool, typer.Option("--all-events", help="Every event is wanted.")] = False,
    enabled: Annotated[
        bool | None,
        typer.Option("--on/--off", help="Whether it is told anything. What waits goes on waiting."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a webhook; what is left out stays."""
    if all_events and event:
        raise typer.BadParameter("give either --event or --all-events")
    here = installation(context)
    changes: WebhookChanges = {}
    if url is not None:
        _check(here, url)
        changes["url"] = url
    if event or all_events:
        changes["events"] = tuple(dict.fromkeys(event or ()))
    if enabled is not None:
        changes["enabled"] = enabled
    print_card(_card(here.store.webhooks.update(id_, **changes)), as_json)


@app.command("rotate-secret")
def rotate_secret(context: typer.Context, id_: Id, as_json: Json = False) -> None:
    """Sign with a new secret from now on, shown once, here."""
    print_card({"id": id_, "secret": installation(context).store.webhooks.rotate_secret(id_)}, as_json)


@app.command("remove")
def remove(context: typer.Context, id_: Id) -> None:
    """Tell it nothing any more, and forget what waits for it."""
    installation(context).store.webhooks.remove(id_)
    say(f"Webhook {id_} is removed.")


@app.command(
    "deliveries", epilog=examples("trunkline webhook deliveries 9f3c2a7be1d04c55 --state failed --json")
)
def deliveries(
    context: typer.Context,
    id_: Id,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """What it was told and is to be told, newest first. With --json what is sent, too."""
    store = installation(context).store
    store.webhooks.get(id_)
    found = store.webhook_queue.list(id_, state=state, limit=limit)
    rows = ({**_row(one), "body": one.body} if as_json else _row(one) for one in found)
    print_rows(rows, as_json, "Nothing yet: what happens from now on is told.")


@app.command("resend")
def resend(context: typer.Context, id_: Id, delivery: DeliveryId, as_json: Json = False) -> None:
    """Send one again, whatever became of it, with the same id and body."""
    queue = installation(context).store.webhook_queue
    print_card(_row(queue.resend(id_, delivery, time())), as_json)


@app.command("test")
def try_out(context: typer.Context, id_: Id, as_json: Json = False) -> None:
    """Send it an event of the type webhook.test, and say what came of it.

    The web process sends it: it has to run. The exit status is 1 when the event was not delivered.
    """
    store = installation(context).store
    webhook, now = store.webhooks.get(id_), time()
    sent = store.webhook_queue.tell(webhook, trial_event(webhook, now), now)
    deadline = monotonic() + PATIENCE_S
    with progress("waiting for the answer"):
        while not sent.attempts and monotonic() < deadline:
            sleep(_LOOK_S)
            sent = store.webhook_queue.get(id_, sent.id)
    print_card(_row(sent), as_json)
    if sent.state is DeliveryState.DELIVERED:
        return
    if not as_json and not sent.attempts:
        say(f"\nNobody has sent it within {PATIENCE_S:.0f} s: does the web process run? It goes on waiting.")
    raise typer.Exit(1)
