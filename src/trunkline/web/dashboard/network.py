"""The pages of the network: the service's addresses, registered devices, sources that are shut out."""

import time

from fastapi import APIRouter, Request
from fastapi.responses import Response

from trunkline.config import Settings
from trunkline.config.zone import zone_lines
from trunkline.errors import ConfigError
from trunkline.web.dashboard.browser import Form, Signed, go, office_of, text
from trunkline.web.dashboard.frame import page

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
    return page(request, "network/bans.html", bans=desk.network.bans(), now=time.time())


@router.post("/bans/lift")
def lift(request: Request, desk: Signed, form: Form) -> Response:
    source = text(form, "source")
    desk.network.lift_ban(source)
    return go(request, "/bans", f"{source} is let in again.")
