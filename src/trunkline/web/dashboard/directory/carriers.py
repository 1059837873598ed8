"""Carriers: the operator's upstream peers, their gateways in order, and how they are talked to."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from trunkline.errors import DirectoryError, TrunklineError
from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.store.carriers import CarrierChanges
from trunkline.trunk.carrier import (
    Carrier,
    CarrierCredentials,
    Gateway,
    GatewayTransport,
    Rewrite,
    parse_gateway,
    parse_network,
)
from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy
from trunkline.web.control_client import ControlError
from trunkline.web.dashboard import fields
from trunkline.web.dashboard.browser import Form, Signed, go, text
from trunkline.web.dashboard.directory.rows import BLANK_ROWS, MAX_ROWS, columns, order
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, neighbours, page, refusal
from trunkline.web.desk import Desk
from trunkline.web.versions import unchanged
from trunkline.web.views import TargetHealth

PAGE = 50
RULES = (
    ("called_rules", "Called number, calls to it"),
    ("caller_rules", "Caller's number, calls to it"),
    ("inbound_called_rules", "Called number, calls from it"),
    ("inbound_caller_rules", "Caller's number, calls from it"),
)

router = APIRouter()

Health = Mapping[tuple[str | None, str], TargetHealth]
"""By carrier and gateway."""


class GatewayRow(NamedTuple):
    """One gateway as the fields of a form have it."""

    uri: str = ""
    priority: str = ""
    weight: str = ""


@router.get("/carriers")
def carriers(request: Request, desk: Signed, after: str = "") -> Response:
    found = desk.carriers.page(after=after, limit=PAGE)
    health, away = _health(desk)
    return page(
        request,
        "directory/carriers.html",
        carriers=found.items,
        health=health,
        away=away,
        pages=neighbours("/carriers", {}, after, found.items[-1].name if found.more else None),
    )


@router.get("/carriers/-/new")
def new(request: Request, desk: Signed) -> Response:
    desk.carriers.list()
    return page(request, "directory/carrier_new.html", typed={})


@router.post("/carriers/-/new")
def add(request: Request, desk: Signed, form: Form) -> Response:
    typed = {name: text(form, name) for name in ("name", "gateways", "sources")}
    try:
        carrier = Carrier(
            typed["name"],
            tuple(
                Gateway(parse_gateway(uri), place)
                for place, uri in enumerate(fields.several(form, "gateways")[:MAX_ROWS])
            ),
            sources=tuple(map(parse_network, fields.several(form, "sources"))),
        )
        desk.carriers.add(carrier)
    except TrunklineError as error:
        return page(request, "directory/carrier_new.html", typed=typed, why=refusal(error))
    return go(request, f"/carriers/{carrier.name}", "The carrier was added. A route sends calls to it.")


@router.get("/carriers/{name}")
def carrier(request: Request, desk: Signed, name: str) -> Response:
    return _page(request, desk, desk.carriers.get(name))


@router.post("/carriers/{name}/gateways")
def set_gateways(request: Request, desk: Signed, form: Form, name: str) -> Response:
    rows = [GatewayRow(*cells) for cells in columns(form, ("uri", "priority", "weight")) if cells[0]]
    try:
        gateways = tuple(
            Gateway(parse_gateway(row.uri), order(row.priority, place), order(row.weight, 1))
            for place, row in enumerate(rows)
        )
        desk.carriers.update(name, guard=unchanged(text(form, "version")), gateways=gateways)
    except TrunklineError as error:
        why = refusal(error)
        return _page(
            request, desk, desk.carriers.get(name), rows=rows, gateways=fields.Shown(form, why), why=why
        )
    return go(request, f"/carriers/{name}", "The gateways were changed; new calls take them.")


@router.post("/carriers/{name}/state")
def set_state(request: Request, desk: Signed, form: Form, name: str) -> Response:
    enabled = text(form, "enabled") == "yes"
    desk.carriers.update(name, enabled=enabled)
    said = "takes calls again" if enabled else "takes no calls from now on, and its own are strangers'"
    return go(request, f"/carriers/{name}", f"Carrier {name} {said}.")


@router.post("/carriers/{name}/settings")
def set_settings(request: Request, desk: Signed, form: Form, name: str) -> Response:
    try:
        changes = _settings(form)
        desk.carriers.update(name, guard=unchanged(text(form, "version")), **changes)
    except TrunklineError as error:
        why = refusal(error)
        return _page(request, desk, desk.carriers.get(name), settings=fields.Shown(form, why), why=why)
    return go(request, f"/carriers/{name}", "The carrier was changed.")


@router.post("/carriers/{name}/credentials")
def set_credentials(request: Request, desk: Signed, form: Form, name: str) -> Response:
    user, secret, realm = text(form, "user"), text(form, "secret"), text(form, "realm")
    try:
        if bool(user) != bool(secret):
            raise DirectoryError("user name and password go together; leave both empty for none")
        credentials = CarrierCredentials(user, secret, realm or None) if user else None
        register = fields.checked(form, "register")
        guard = unchanged(text(form, "version"))
        desk.carriers.update(name, guard=guard, credentials=credentials, register=register)
    except TrunklineError as error:
        why = refusal(error)
        return _page(request, desk, desk.carriers.get(name), credentials=fields.Shown(form, why), why=why)
    return go(request, f"/carriers/{name}", "The credentials were changed.")


@router.post("/carriers/{name}/remove")
def remove(request: Request, desk: Signed, _form: Form, name: str) -> Response:
    try:
        desk.carriers.remove(name)
    except TrunklineError as error:
        return _page(request, desk, desk.carriers.get(name), why=refusal(error))
    return go(request, "/carriers", f"Carrier {name} was removed.")


def _page(
    request: Request,
    desk: Desk,
    found: Carrier,
    *,
    rows: Sequence[GatewayRow] | None = None,
    gateways: fields.Shown = fields.SAVED,
    credentials: fields.Shown = fields.SAVED,
    settings: fields.Shown = fields.SAVED,
    why: Refusal = NOT_REFUSED,
) -> Response:
    health, away = _health(desk)
    saved = [GatewayRow(str(item.uri), str(item.priority), str(item.weight)) for item in found.gateways]
    return page(
        request,
        "directory/carrier.html",
        carrier=found,
        rows=[*(saved if rows is None else rows), *[GatewayRow()] * BLANK_ROWS],
        health=health,
        away=away,
        credentials=credentials,
        settings=settings,
        versions=[shown.version(found) for shown in (gateways, credentials, settings)],
        why=why,
        rules=[(name, title, getattr(found, name)) for name, title in RULES],
        transports=[(item.value, item.value.upper()) for item in GatewayTransport],
        srtp=[(item.value, item.value) for item in SrtpPolicy],
        dtmf=[(item.value, item.value) for item in DtmfMode],
        codecs=CODEC_NAMES,
    )


def _settings(form: FormData) -> CarrierChanges:
    rules = {name: tuple(map(Rewrite.parse, text(form, name).split()[:MAX_ROWS])) for name, _ in RULES}
    return CarrierChanges(
        called_rules=rules["called_rules"],
        caller_rules=rules["caller_rules"],
        inbound_called_rules=rules["inbound_called_rules"],
        inbound_caller_rules=rules["inbound_caller_rules"],
        sources=tuple(map(parse_network, fields.several(form, "sources"))),
        inbound_account=text(form, "inbound_account") or None,
        transport=fields.chosen(form, "transport", GatewayTransport),
        verify_tls=fields.checked(form, "verify_tls"),
        codecs=fields.several(form, "codecs"),
        transcoding=fields.checked(form, "transcoding"),
        srtp=fields.chosen(form, "srtp", SrtpPolicy),
        dtmf=fields.chosen(form, "dtmf", DtmfMode),
        from_host=text(form, "from_host") or None,
        trusted=fields.checked(form, "trusted"),
        pings=fields.checked(form, "pings"),
        ping_interval_s=fields.decimal(form, "ping_interval_s", "the ping interval"),
        response_timeout_ms=fields.whole(form, "response_timeout_ms", "the response timeout"),
        ring_timeout_s=fields.decimal(form, "ring_timeout_s", "the ring timeout"),
    )


def _health(desk: Desk) -> tuple[Health, str]:
    """Of all gateways, and why that is not known."""
    try:
        return {(item.carrier, item.uri): item for item in desk.network.health()}, ""
    except ControlError as error:
        return {}, str(error)
