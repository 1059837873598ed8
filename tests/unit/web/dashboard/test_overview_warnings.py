"""What the first page warns of."""

from dataclasses import replace

import pytest

from tests.unit.web.paper_node import HEALTH
from trunkline.trunk.health import HealthState
from trunkline.web.dashboard.overview_warnings import (
    MAX_LISTED,
    Notice,
    ban_notices,
    certificate_notices,
    limit_notices,
    node_notices,
    old_tls_notices,
    target_notices,
    weak_tls_notices,
)
from trunkline.web.views import BanView, NodeStats, WeakTlsView

DAY_S = 86_400.0
STATS = NodeStats("n1", "1", 0.0, False, 1, 1, 1, 0, 1, 5.0, 0, 0)


def test_a_node_as_it_should_be() -> None:
    assert not list(node_notices(STATS, overload_lag_ms=200.0))


def test_a_node_that_drains_or_is_late() -> None:
    (draining,) = node_notices(replace(STATS, draining=True), overload_lag_ms=200.0)
    assert draining == Notice("The node is draining: it takes no new calls.", bad=True)
    (late,) = node_notices(replace(STATS, loop_lag_ms=250.0), overload_lag_ms=200.0)
    assert late.words == "The node is overloaded: it is 250 ms late."


def test_a_node_that_decides_by_its_share() -> None:
    stats = replace(STATS, live="The live state is away: refused.", live_degraded=True)
    assert list(node_notices(stats, overload_lag_ms=200.0)) == [Notice("The live state is away: refused.")]
    assert not list(node_notices(replace(stats, live_degraded=False), overload_lag_ms=200.0))


def test_what_is_wrong_with_a_node_among_the_others() -> None:
    (taken,) = node_notices(replace(STATS, problems=("Its name was taken.",)), overload_lag_ms=200.0)
    assert taken == Notice("Its name was taken.", link="/nodes")


@pytest.mark.parametrize(
    ("left_s", "says", "bad"),
    [
        (31 * DAY_S, None, False),
        (29 * DAY_S, "expires in 29 days", False),
        (0.0, "has expired", True),
        (-DAY_S, "has expired", True),
        (None, "can't be read", True),
    ],
)
def test_certificates(left_s: float | None, says: str | None, bad: bool) -> None:
    found = list(certificate_notices(None if left_s is None else 1000.0 + left_s, 1000.0))
    assert [(notice.bad, says in notice.words) for notice in found if says] == ([(bad, True)] if says else [])
    assert len(found) == (0 if says is None else 1)


def test_old_versions_of_tls() -> None:
    assert not list(old_tls_notices("1.2"))
    (notice,) = old_tls_notices("1.0")
    assert "TLS 1.0 is allowed" in notice.words


def test_targets_that_are_down() -> None:
    up = replace(HEALTH, state=HealthState.UP)
    gateway = replace(HEALTH, number=None, account=None, carrier="upstream", since_at=None, last_detail="")
    endpoint, carrier = target_notices([up, HEALTH, gateway], 1080.0)
    assert endpoint.words == (
        "Endpoint sip:100@pbx.example of +442079460000 is down for 2 min: OPTIONS: no answer."
    )
    assert endpoint.link == "/numbers/442079460000#endpoints"
    assert carrier.words == "Gateway sip:100@pbx.example of carrier upstream is down."
    many = list(target_notices([HEALTH] * (MAX_LISTED + 5), 0.0))
    assert len(many) == MAX_LISTED + 1
    assert many[-1].words == "5 more endpoints and gateways are down."


def test_bans() -> None:
    assert not list(ban_notices([]))
    (notice,) = ban_notices([BanView(f"192.0.2.{number}", "flood", 0.0) for number in range(5)])
    assert notice.words == "Banned: 192.0.2.0, 192.0.2.1, 192.0.2.2 and 2 more."


@pytest.mark.parametrize(
    ("used", "most", "bad"), [(8, 10, None), (9, 10, False), (10, 10, True), (9, None, None)]
)
def test_limits_nearly_used_up(used: float, most: float | None, bad: bool | None) -> None:
    assert [notice.bad for notice in limit_notices("Calls", used, most)] == ([] if bad is None else [bad])


def test_a_pbx_that_was_seen_to_speak_an_old_version() -> None:
    seen = [
        WeakTlsView("192.0.2.9", "TLSv1", 940.0, "acme"),
        WeakTlsView("192.0.2.8", "TLSv1.1", 970.0, None),
    ]
    assert list(weak_tls_notices(seen, 1000.0)) == [
        Notice("Somebody at 192.0.2.8 spoke TLSv1.1 30 s ago. Let it speak TLS 1.2 or newer."),
        Notice(
            "The PBX of account acme at 192.0.2.9 spoke TLSv1 1 min ago. Let it speak TLS 1.2 or newer.",
            link="/connect?account=acme",
        ),
    ]
    *_, more = weak_tls_notices(seen * MAX_LISTED, 1000.0)
    assert more.words == f"{MAX_LISTED} more hosts spoke TLS below 1.2."
