"""The first page."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from trunkline.web.dashboard.browser import Signed
from trunkline.web.dashboard.frame import page

router = APIRouter()


@router.get("/")
def overview(request: Request, desk: Signed) -> Response:
    return page(request, "overview.html", accounts=desk.accounts.list())
