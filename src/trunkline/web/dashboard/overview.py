"""The first page: calls now and today, how they went, what is used of the limits, what needs looking at."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from trunkline.config import Settings
from trunkline.store.figures import Stretch
from trunkline.trunk.verdict import Fault, Slug
from trunkline.web.control_client import ControlError
from trunkline.web.dashboard.browser import Signed, office_of
from trunkline.web.dashboard.frame import page
from trunkline.web.dashboard.overview_warnings import (
    MAX_LISTED,
    Notice,
    alarm_notices,
    ban_notices,
    certificate_notices,
    limit_notices,
    node_notices,
    nodes_notices,
    old_tls_notices,
    target_notices,
    weak_tls_notices,
)
from trunkline.web.dashboard.plots import MAX_NAMES, Bar, calls_plot, counts_plot, mos_plot
from trunkline.web.desk import Desk
from trunkline.web.views import Glance

HOURS = 24
_HOUR_S = 3600.0
_DAY_S = 86_400.0

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Use:
    """One limit and what is used of it."""

    name: str
    used: float
    most: float | None
    """None: there is no limit."""
    decimals: int = 0
    link: str = "/limits"
    """Where it is to be found."""

    def shown(self, amount: float) -> str:
        """What is used, or the limit."""
        return f"{amount:.{self.decimals}f}"


@router.get("/")
def overview(request: Request, desk: Signed) -> Response:
    settings, now = office_of(request).settings, time.time()
    since_at = (now // _HOUR_S - HOURS + 1) * _HOUR_S
    hours = desk.calls.figures(since_at, _HOUR_S, HOURS)
    midnight = now // _DAY_S * _DAY_S
    today = [hour for hour in hours if hour.began_at >= midnight]
    notices: list[Notice] = list(_settings_notices(desk, settings, now))
    notices += alarm_notices(desk.accounts.alarms(limit=MAX_LISTED), now)
    uses: list[Use] = []
    nodes = desk.nodes.list() if desk.principal.operator else ()
    notices += nodes_notices(nodes)
    seen: Glance | None = None
    try:
        seen = desk.network.glance()
        uses = _uses(desk, settings, seen)
        notices += _node_notices(settings, seen, now)
    except ControlError as error:
        notices.insert(0, Notice(f"The node does not answer: {error}.", bad=True))
    notices += [
        notice
        for use in uses
        for notice in limit_notices(use.name, use.used, use.most, use.decimals, use.link)
    ]
    reasons = failures(hours)
    bars = [bar_of(hour) for hour in hours]
    return page(
        request,
        "overview.html",
        up=None if seen is None else seen.calls,
        nodes=nodes,
        since=moment_field(since_at),
        midnight=moment_field(midnight),
        today=sum(hour.calls for hour in today),
        failed_today=sum(bar_of(hour).failed for hour in today),
        calls_picture=calls_plot(bars),
        mos_picture=mos_plot([(name_of(hour), hour.mos) for hour in hours]),
        reasons_picture=counts_plot(
            "Failures by reason", [(str(slug), count) for slug, count in reasons], id_="reasons-plot"
        ),
        reasons=reasons,
        bars=list(zip(bars, hours, strict=True)),
        notices=list(dict.fromkeys(notices)),
        uses=uses,
        stats=None if seen is None else seen.stats,
        now=now,
        fresh=not any(hour.calls for hour in hours),
    )


def moment_field(at: float) -> str:
    """As the list of calls takes it (`calls.wanted`)."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))


def name_of(hour: Stretch) -> str:
    """When it began, in UTC."""
    return time.strftime("%H:%M", time.gmtime(hour.began_at))


def bar_of(hour: Stretch) -> Bar:
    """The calls of an hour by how they went. Whoever was busy or did not answer is no failure of anybody."""
    failed = sum(count for slug, count in hour.unanswered.items() if slug.value.fault is not Fault.NOBODY)
    unanswered = sum(hour.unanswered.values()) - failed
    return Bar(name_of(hour), hour.calls - unanswered - failed, unanswered, failed)


def failures(hours: Sequence[Stretch]) -> list[tuple[Slug, int]]:
    """Reasons of failures, the most frequent first."""
    counts: Counter[Slug] = Counter()
    for hour in hours:
        counts.update({s: n for s, n in hour.unanswered.items() if s.value.fault is not Fault.NOBODY})
    return counts.most_common(MAX_NAMES)


def _settings_notices(desk: Desk, settings: Settings, now: float) -> Sequence[Notice]:
    if not desk.principal.operator or not settings.sip.tls:
        return ()
    return (
        *certificate_notices(desk.network.certificate_ends_at(), now),
        *old_tls_notices(settings.tls.min_version),
    )


def _node_notices(settings: Settings, seen: Glance, now: float) -> Sequence[Notice]:
    notices = [*target_notices(seen.down, now), *weak_tls_notices(seen.weak_tls, now)]
    if seen.stats is not None:
        notices = [*node_notices(seen.stats, overload_lag_ms=settings.limits.overload_lag_ms), *notices]
    return [*notices, *ban_notices(seen.bans)]


def _uses(desk: Desk, settings: Settings, seen: Glance) -> list[Use]:
    """A customer's own limits, or the node's."""
    key, used, ports = desk.principal.account, seen.usage, seen.media_ports
    if key is not None and used is not None:
        account = desk.accounts.get(key)
        return [
            Use("Calls out at a time", used.calls, account.max_concurrent),
            Use("Calls in at a time", used.inbound, account.max_inbound),
            Use("Minutes today", used.minutes, account.minutes_per_day),
            Use("Cost today", used.cost, account.cost_per_day, 2),
        ]
    if ports is None:
        return []
    return [
        Use("Calls of the node", seen.calls, settings.limits.max_calls, link="/nodes"),
        Use("Media ports", ports.in_use, ports.in_use + ports.draining + ports.free, link="/addresses"),
    ]
