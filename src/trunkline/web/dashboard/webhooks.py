"""Webhooks: the URLs that are told what happens, and what became of each delivery."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from trunkline.errors import DirectoryError, TrunklineError
from trunkline.store.errors import InUseError
from trunkline.store.webhook_queue import DeliveryState
from trunkline.store.webhooks import MAX_WEBHOOKS, EventType
from trunkline.web.dashboard import fields
from trunkline.web.dashboard.browser import Flash, Form, Signed, go, text
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, neighbours, page, refusal
from trunkline.web.desk import Desk
from trunkline.web.versions import unchanged

PAGE = 50
STATES = (("", "all"), *((state.value, state.value) for state in DeliveryState))

router = APIRouter()


@router.get("/webhooks")
def webhooks(request: Request, desk: Signed, cursor: str = "") -> Response:
    return _list(request, desk, cursor=cursor)


def _list(
    request: Request,
    desk: Desk,
    *,
    cursor: str = "",
    typed: dict[str, str] | None = None,
    wanted: Sequence[EventType] = (),
    why: Refusal = NOT_REFUSED,
) -> Response:
    found = desk.webhooks.page(cursor=cursor or None, limit=PAGE)
    return page(
        request,
        "webhooks.html",
        webhooks=found.webhooks,
        pages=neighbours("/webhooks", {}, cursor, found.next_cursor, name="cursor"),
        most=MAX_WEBHOOKS,
        typed=typed or {},
        wanted=wanted,
        events=list(EventType),
        why=why,
    )


@router.post("/webhooks")
def add(request: Request, desk: Signed, form: Form) -> Response:
    typed = {name: text(form, name) for name in ("url", "account")}
    account = typed["account"] if desk.principal.operator else desk.principal.account
    try:
        if not account:
            raise DirectoryError("say whose webhook it is")
        made, secret = desk.webhooks.add(account, typed["url"], _wanted(form))
    except TrunklineError as error:
        return _list(request, desk, typed=typed, wanted=_wanted(form), why=refusal(error))
    flash = Flash("The webhook was made.", secret=secret, secret_name="Secret that signs what is sent")  # noqa: S106 - a name
    return go(request, f"/webhooks/{made.id}", flash)


@router.get("/webhooks/{webhook_id}")
def webhook(
    request: Request, desk: Signed, webhook_id: str, state: str = "", after: fields.Behind = None
) -> Response:
    return _one(request, desk, webhook_id, state=state, after=after)


def _one(
    request: Request,
    desk: Desk,
    webhook_id: str,
    *,
    state: str = "",
    after: int | None = None,
    typed: FormData | None = None,
    why: Refusal = NOT_REFUSED,
) -> Response:
    """`typed` is a form that was refused: its fields are shown again."""
    found = desk.webhooks.get(webhook_id)
    shown = fields.Shown(typed, why)
    told = _wanted(typed) if typed is not None and why.status != 412 else found.events
    wanted = DeliveryState(state) if state in set(DeliveryState) else None
    deliveries = desk.webhooks.deliveries(webhook_id, state=wanted, before_id=after, limit=PAGE + 1)
    kept = {"state": state} if wanted else {}
    following = deliveries[PAGE - 1].id if len(deliveries) > PAGE else None
    return page(
        request,
        "webhook.html",
        webhook=found,
        version=shown.version(found),
        url=shown("url", found.url),
        enabled=shown.ticked("enabled", found.enabled),
        wanted=told,
        deliveries=deliveries[:PAGE],
        events=list(EventType),
        states=STATES,
        state=state if wanted else "",
        pages=neighbours(f"/webhooks/{webhook_id}", kept, after, following),
        why=why,
    )


@router.post("/webhooks/{webhook_id}")
def change(request: Request, desk: Signed, form: Form, webhook_id: str) -> Response:
    try:
        desk.webhooks.update(
            webhook_id,
            guard=unchanged(text(form, "version")),
            url=text(form, "url"),
            events=_wanted(form),
            enabled=fields.checked(form, "enabled"),
        )
    except TrunklineError as error:
        return _one(request, desk, webhook_id, typed=form, why=refusal(error))
    return go(request, f"/webhooks/{webhook_id}", "The webhook was changed.")


@router.post("/webhooks/{webhook_id}/secret")
def rotate_secret(request: Request, desk: Signed, form: Form, webhook_id: str) -> Response:  # noqa: ARG001 - the form is what holds the session's word
    secret = desk.webhooks.rotate_secret(webhook_id)
    flash = Flash("The old secret signs no more.", secret=secret, secret_name="New secret")  # noqa: S106 - a name
    return go(request, f"/webhooks/{webhook_id}", flash)


@router.post("/webhooks/{webhook_id}/resend")
def resend(request: Request, desk: Signed, form: Form, webhook_id: str) -> Response:
    try:
        desk.webhooks.resend(webhook_id, fields.whole(form, "delivery", "the delivery") or 0)
    except InUseError as error:
        return _one(request, desk, webhook_id, why=refusal(error))
    return go(request, f"/webhooks/{webhook_id}", "It is sent again.")


@router.post("/webhooks/{webhook_id}/test")
def test(request: Request, desk: Signed, form: Form, webhook_id: str) -> Response:  # noqa: ARG001 - as above
    try:
        desk.webhooks.test(webhook_id)
    except TrunklineError as error:
        return _one(request, desk, webhook_id, why=refusal(error))
    return go(request, f"/webhooks/{webhook_id}", "A test event is sent. Look again in a moment.")


@router.post("/webhooks/{webhook_id}/remove")
def remove(request: Request, desk: Signed, form: Form, webhook_id: str) -> Response:  # noqa: ARG001 - as above
    desk.webhooks.remove(webhook_id)
    return go(request, "/webhooks", "The webhook was removed.")


def _wanted(form: FormData) -> tuple[EventType, ...]:
    """The ticked events; none when all are: then later kinds are told too."""
    ticked = tuple(event for event in EventType if fields.checked(form, f"event-{event.value}"))
    return () if len(ticked) == len(EventType) else ticked
