"""Figures: how calls went over time, what is used of the limits, what looked like fraud."""

import time
from typing import Annotated

from fastapi import APIRouter, Query

from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.base import Moment
from trunkline.web.api.models.figures import AlarmList, AlarmView, StretchList, StretchView, UsedView
from trunkline.web.api.resources.parameters import AccountQuery, KeyPath, Limit
from trunkline.web.errors import InvalidError

router = APIRouter(prefix="/v1", tags=["Figures"])

HOUR_S = 3600
LATEST_AT = 4_102_444_800.0
"""The beginning of 2100; far later stretches have no moment that could be told."""


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
    if not 0 <= began_at <= LATEST_AT:
        raise InvalidError("since is a moment from 1970 to 2100")
    found = desk.calls.figures(began_at, float(stretch_s), count)
    return StretchList(items=[StretchView.of(one) for one in found])


@router.get("/accounts/{key}/used")
def get_used(desk: AtDesk, key: KeyPath) -> UsedView:
    """What an account has used of its limits."""
    return UsedView.model_validate(desk.accounts.used(key))


@router.get("/alarms")
def list_alarms(desk: AtDesk, account: AccountQuery = None, limit: Limit = 50) -> AlarmList:
    """Calls that looked like fraud, newest first. A customer's own."""
    return AlarmList(items=[AlarmView.model_validate(one) for one in desk.accounts.alarms(account, limit)])
