"""The page of the nodes: how each stands, and draining one."""

import time

from fastapi import APIRouter, Request
from fastapi.responses import Response

from trunkline.store.nodes import Standing
from trunkline.web.dashboard.browser import Form, Signed, go, text
from trunkline.web.dashboard.frame import page

router = APIRouter(prefix="/nodes")

TONES = {
    Standing.UP: "good",
    Standing.DRAINING: "warn",
    Standing.DRAINED: "warn",
    Standing.LOST: "bad",
    Standing.STOPPED: "plain",
}


@router.get("")
def nodes(request: Request, desk: Signed) -> Response:
    return page(request, "network/nodes.html", nodes=desk.nodes.list(), tones=TONES, now=time.time())


@router.post("/drain")
def drain(request: Request, desk: Signed, form: Form) -> Response:
    name = text(form, "name")
    desk.nodes.drain(name)
    return go(request, "/nodes", f"{name} takes no new calls from now on.")


@router.post("/return")
def let_back(request: Request, desk: Signed, form: Form) -> Response:
    name = text(form, "name")
    desk.nodes.let_back(name)
    return go(request, "/nodes", f"{name} takes calls again.")


@router.post("/forget")
def forget(request: Request, desk: Signed, form: Form) -> Response:
    name = text(form, "name")
    desk.nodes.forget(name)
    return go(request, "/nodes", f"{name} is off the list.")
