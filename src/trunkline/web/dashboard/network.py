"""The pages of the network: the service's addresses, registered devices, sources that are shut out."""

import time
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from trunkline.config import Settings
from trunkline.config.zone import zone_lines
from trunkline.errors import ConfigError, DirectoryError
from trunkline.web.banning import BY_HAND, MAX_S, USUAL_S
from trunkline.web.dashboard.browser import Form, Signed, go, office_of, text
from trunkline.web.dashboard.fields import decimal
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal, page, refusal
from trunkline.web.desk import Desk

router = APIRouter()


@router.get("/addresses")
def addresses(request: Request, desk: Signed) -> Response:
    settings = office_of(request).settings
    known, zone, unknown = None, "", ""
    try:
        known = desk.connect.addresses()
        zone = "\n".join(zone_lines(known.records, settings.zone.ttl_s))
    except ConfigError as error:
        unknown = str(error)
    return page(
        request,
        "network/addresses.html",
        domain=settings.service.domain,
        edges=known.edges if known else (),
        sources=known.sources if known else (),
        advice=known.advice if known else (),
        zone=zone,
        unknown=unknown,
        ports=_ports(settings),
        media=(settings.media.port_min, settings.media.port_max),
    )


def _ports(settings: Settings) -> list[tuple[str, str]]:
    """What signalling is listened for, and where."""
    listened = (("UDP", settings.sip.udp), ("TCP", settings.sip.tcp), ("TLS", settings.sip.tls))
    return [
        (name, ", ".join(str(port) for port in sorted({address.port for address in bound})))
        for name, bound in listened
        if bound
    ]


@router.get("/registrations")
def registrations(request: Request, desk: Signed) -> Response:
    found = sorted(desk.network.registrations(), key=lambda binding: (binding.account, binding.contact))
    return page(request, "network/registrations.html", registrations=found, now=time.time())


@router.get("/bans")
def bans(request: Request, desk: Signed) -> Response:
    return _bans(request, desk, {})


def _bans(request: Request, desk: Desk, typed: Mapping[str, str], why: Refusal = NOT_REFUSED) -> Response:
    found = desk.network.bans()
    return page(request, "network/bans.html", bans=found, now=time.time(), typed=typed, why=why)


@router.post("/bans")
def ban(request: Request, desk: Signed, form: Form) -> Response:
    typed = {name: text(form, name) for name in ("source", "reason", "hours")}
    try:
        hours = decimal(form, "hours", "Hours", MAX_S / 3600)
        for_s = USUAL_S if hours is None else hours * 3600
        made = desk.network.ban(typed["source"], typed["reason"] or BY_HAND, for_s)
    except DirectoryError as error:
        return _bans(request, desk, typed, refusal(error))
    return go(request, "/bans", f"{made.source} is turned away.")


@router.post("/bans/lift")
def lift(request: Request, desk: Signed, form: Form) -> Response:
    source = text(form, "source")
    desk.network.lift_ban(source)
    return go(request, "/bans", f"{source} is let in again.")
