"""What the first page warns of: pure judgements over what the node and the settings say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trunkline.store.nodes import Standing
from trunkline.trunk.fraud import Alarm
from trunkline.trunk.health import HealthState
from trunkline.web.dashboard.wording import short, span
from trunkline.web.desk.nodes import ListedNode
from trunkline.web.views import BanView, NodeStats, TargetHealth, WeakTlsView

CERTIFICATE_S = 30 * 86_400.0
"""A certificate that ends within this long is warned of."""
ALARM_S = 86_400.0
"""So long an alarm is shown."""
MAX_LISTED = 10
"""Targets that are named; of the others it says how many."""
NEARLY = 0.9
"""The share of a limit at which it is warned of."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One warning."""

    words: str
    bad: bool = False
    """Calls fail for it now."""
    link: str = ""
    """Where to see more, or to change it."""


def node_notices(stats: NodeStats, *, overload_lag_ms: float) -> Iterator[Notice]:
    """Of the node itself."""
    if stats.draining:
        yield Notice("The node is draining: it takes no new calls.", bad=True)
    if stats.loop_lag_ms >= overload_lag_ms:
        yield Notice(f"The node is overloaded: it is {stats.loop_lag_ms:.0f} ms late.", bad=True)
    if stats.live_degraded:
        yield Notice(short(stats.live, 300))
    for problem in stats.problems:
        yield Notice(problem, link="/nodes")


def nodes_notices(nodes: Sequence[ListedNode]) -> Iterator[Notice]:
    """Of the nodes on the database."""
    for node, problems in nodes:
        for problem in problems:
            yield Notice(problem, bad=node.standing is Standing.LOST, link="/nodes")
        if node.drained_at is not None and node.standing in (Standing.DRAINING, Standing.DRAINED):
            yield Notice(f"Node {short(node.name, 64)} is drained: it takes no new calls.", link="/nodes")


def certificate_notices(ends_at: float | None, now: float) -> Iterator[Notice]:
    """Of the TLS certificate, where TLS is served at all; None: it can't be read."""
    if ends_at is None:
        yield Notice("The TLS certificate can't be read.", bad=True)
    elif ends_at <= now:
        yield Notice("The TLS certificate has expired. Renew it, then send the node SIGHUP.", bad=True)
    elif ends_at - now < CERTIFICATE_S:
        yield Notice(
            f"The TLS certificate expires in {span(ends_at - now)}. Renew it, then send the node SIGHUP."
        )


def old_tls_notices(min_version: str) -> Iterator[Notice]:
    """Of TLS versions that RFC 8996 deprecates."""
    if min_version in ("1.0", "1.1"):
        yield Notice(
            f"TLS {min_version} is allowed. Set tls.min_version to 1.2 once no PBX needs the older one."
        )


def weak_tls_notices(seen: Sequence[WeakTlsView], now: float) -> Iterator[Notice]:
    """Of PBXs that were seen to speak such a version, the latest first."""
    for one in reversed(seen[-MAX_LISTED:]):
        who = "Somebody" if one.account is None else f"The PBX of account {short(one.account, 64)}"
        spoke = f"spoke {short(one.version, 16)} {span(now - one.at)} ago"
        yield Notice(
            f"{who} at {short(one.host, 45)} {spoke}. Let it speak TLS 1.2 or newer.",
            link="" if one.account is None else f"/connect?account={one.account}",
        )
    if len(seen) > MAX_LISTED:
        yield Notice(f"{len(seen) - MAX_LISTED} more hosts spoke TLS below 1.2.")


def target_notices(targets: Sequence[TargetHealth], now: float) -> Iterator[Notice]:
    """Of endpoints and gateways that are down."""
    down = [target for target in targets if target.state is HealthState.DOWN]
    for target in down[:MAX_LISTED]:
        since = f" for {span(now - target.since_at)}" if target.since_at is not None else ""
        why = f": {short(target.last_detail, 120)}" if target.last_detail else ""
        if target.number is not None:
            what, link = (
                f"Endpoint {short(target.uri, 80)} of +{target.number}",
                f"/numbers/{target.number}#endpoints",
            )
        else:
            what, link = (
                f"Gateway {short(target.uri, 80)} of carrier {short(target.carrier or '', 40)}",
                "/carriers",
            )
        yield Notice(f"{what} is down{since}{why}.", link=link)
    if len(down) > MAX_LISTED:
        yield Notice(f"{len(down) - MAX_LISTED} more endpoints and gateways are down.")


def ban_notices(bans: Sequence[BanView]) -> Iterator[Notice]:
    """Of sources that are turned away."""
    if bans:
        named = ", ".join(short(ban.source, 45) for ban in bans[:3])
        more = f" and {len(bans) - 3} more" if len(bans) > 3 else ""
        yield Notice(f"Banned: {named}{more}.", link="/bans")


def alarm_notices(alarms: Sequence[Alarm], now: float) -> Iterator[Notice]:
    """Of calls that looked like fraud within the last day."""
    for alarm in alarms[:MAX_LISTED]:
        if now - alarm.raised_at < ALARM_S:
            came = " The account is blocked by it." if alarm.blocked else ""
            words = f"Account {short(alarm.account, 64)} raised an alarm: {short(alarm.detail, 120)}.{came}"
            yield Notice(words, bad=alarm.blocked, link=f"/limits/{alarm.account}")


def limit_notices(
    name: str, used: float, most: float | None, decimals: int = 0, link: str = "/limits"
) -> Iterator[Notice]:
    """Of a limit that is nearly or wholly used up; None: there is none."""
    if most is not None and used >= most * NEARLY:
        words = f"{name}: {used:.{decimals}f} of {most:.{decimals}f} are used."
        yield Notice(words, bad=used >= most, link=link)
