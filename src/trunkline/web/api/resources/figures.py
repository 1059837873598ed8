"""Figures: how calls went over time, and what is used of the limits."""

import time
from typing import Annotated

from fastapi import APIRouter, Query

from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.base import Moment
from trunkline.web.api.models.figures import StretchList, StretchView, UsedView
from trunkline.web.api.resources.parameters import KeyPath

router = APIRouter(prefix="/v1", tags=["Figures"])

HOUR_S = 3600


@router.get("/figures")
def list_figures(
    desk: AtDesk,
    since: Annotated[
        Moment | None, Query(description="Default: `count` stretches ago, at a full stretch.")
    ] = None,
    stretch_s: Annotated[int, Query(ge=60, le=86_400, description="Seconds of a stretch.")] = HOUR_S,
    count: Annotated[int, Query(ge=1, le=744, description="How many stretches.")] = 24,
) -> StretchList:
    """How calls went over time: how many, how many failed and why, how they sounded. A customer's own."""
    began_at = (time.time() // stretch_s + 1 - count) * stretch_s if since is None else since.timestamp()
    found = desk.calls.figures(began_at, float(stretch_s), count)
    return StretchList(items=[StretchView.of(one) for one in found])


@router.get("/accounts/{key}/used")
def get_used(desk: AtDesk, key: KeyPath) -> UsedView:
    """What an account has used of its limits."""
    return UsedView.model_validate(desk.accounts.used(key))
