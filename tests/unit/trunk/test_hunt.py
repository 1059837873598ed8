"""Every row of the failover rules: forwarding lists and gateways (docs/sip.md, Failover)."""

from dataclasses import dataclass

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.trunk.health import HealthBook, HealthKey, HealthPolicy, HealthState
from trunkline.trunk.hunt import AttemptEnd, EndKind, Hunt, HuntTarget, Rules
from trunkline.trunk.verdict import Slug, Verdict

FORWARDING = Rules.FORWARDING
GATEWAYS = Rules.GATEWAYS
MISSING = Verdict.of(Slug.NOT_REGISTERED)


def target(name: str) -> HuntTarget:
    """A name with a `!` is a target that isn't there."""
    return HuntTarget(name, HealthKey(name, f"sip:{name}"), MISSING if name.endswith("!") else None)


def hunt_over(*names: str, rules: Rules = FORWARDING, health: HealthBook | None = None) -> Hunt[HuntTarget]:
    return Hunt([target(name) for name in names], rules, health)


def response(status: int, *, rung: bool = False, early_media: bool = False) -> AttemptEnd:
    return AttemptEnd(EndKind.RESPONSE, status, f"{status}", rung=rung, early_media=early_media)


@dataclass
class Row:
    """`told` and `slug` are None where the hunt goes on; `last` is what the caller is told in the end."""

    end: AttemptEnd
    told: int | None
    slug: Slug | None
    last: tuple[int, Slug]
    attempt: Slug


def final(end: AttemptEnd, told: int, slug: Slug, attempt: Slug | None = None) -> Row:
    return Row(end, told, slug, (told, slug), attempt or slug)


def goes_on(end: AttemptEnd, told: int, slug: Slug, attempt: Slug | None = None) -> Row:
    return Row(end, None, None, (told, slug), attempt or slug)


SILENT = AttemptEnd(EndKind.SILENT)
SERVER_ERRORS = [500, 501, 502, 503, 504, 505, 513, 580, 599]

COMMON = [
    *(goes_on(response(status), status, Slug.SERVER_FAILURE) for status in SERVER_ERRORS),
    goes_on(response(503, rung=True), 503, Slug.SERVER_FAILURE),
    final(response(503, rung=True, early_media=True), 503, Slug.SERVER_FAILURE),
    goes_on(AttemptEnd(EndKind.REFUSED), 503, Slug.UNREACHABLE),
    goes_on(AttemptEnd(EndKind.UNREACHABLE), 503, Slug.UNREACHABLE),
    goes_on(AttemptEnd(EndKind.NAME), 503, Slug.NAME_NOT_FOUND),
    goes_on(AttemptEnd(EndKind.TLS), 503, Slug.TLS_FAILED),
    goes_on(AttemptEnd(EndKind.UNREACHABLE, rung=True), 503, Slug.UNREACHABLE),
    final(AttemptEnd(EndKind.UNREACHABLE, rung=True, early_media=True), 503, Slug.UNREACHABLE),
    final(response(300), 300, Slug.REDIRECTED),
    final(response(302), 302, Slug.REDIRECTED),
    final(response(400), 400, Slug.REFUSED),
    final(response(401), 403, Slug.CHALLENGED),
    final(response(403), 403, Slug.REFUSED),
    final(response(404), 404, Slug.NOT_FOUND),
    final(response(407), 403, Slug.CHALLENGED),
    final(response(480), 480, Slug.UNAVAILABLE),
    final(response(484), 484, Slug.REFUSED),
    final(response(486), 486, Slug.BUSY),
    final(response(487), 487, Slug.REFUSED),
    final(response(488), 488, Slug.CODEC_MISMATCH),
    final(response(600), 600, Slug.BUSY),
    final(response(603), 603, Slug.DECLINED),
    final(response(604), 604, Slug.NOT_FOUND),
    goes_on(AttemptEnd(EndKind.UNOFFERED), 488, Slug.CODEC_MISMATCH),
    final(AttemptEnd(EndKind.CANCELLED), 487, Slug.CANCELLED),
    final(AttemptEnd(EndKind.CANCELLED, rung=True), 487, Slug.CANCELLED),
]
ROWS = [
    *((FORWARDING, row) for row in COMMON),
    *((GATEWAYS, row) for row in COMMON),
    (FORWARDING, final(response(408), 408, Slug.FAR_END_TIMED_OUT)),
    (GATEWAYS, goes_on(response(408), 408, Slug.FAR_END_TIMED_OUT)),
    (GATEWAYS, final(response(408, rung=True, early_media=True), 408, Slug.FAR_END_TIMED_OUT)),
    (FORWARDING, goes_on(AttemptEnd(EndKind.BARRED), 503, Slug.FORWARDS_TO_GATEWAY)),
    (FORWARDING, goes_on(SILENT, 486, Slug.ALL_SILENT, Slug.ENDPOINT_SILENT)),
    (GATEWAYS, goes_on(SILENT, 408, Slug.ENDPOINT_SILENT)),
    (FORWARDING, final(AttemptEnd(EndKind.SILENT, rung=True), 486, Slug.NO_ANSWER, Slug.ENDPOINT_SILENT)),
    (GATEWAYS, final(AttemptEnd(EndKind.SILENT, rung=True), 408, Slug.NO_ANSWER, Slug.ENDPOINT_SILENT)),
    (FORWARDING, final(AttemptEnd(EndKind.RING_TIMEOUT, rung=True), 486, Slug.NO_ANSWER)),
    (GATEWAYS, final(AttemptEnd(EndKind.RING_TIMEOUT, rung=True), 408, Slug.NO_ANSWER)),
    (FORWARDING, final(AttemptEnd(EndKind.RING_TIMEOUT), 486, Slug.NO_ANSWER)),
]
IDS = [
    f"{rules.value}-{row.end.kind}-{row.end.status}-{row.end.rung}-{row.end.early_media}"
    for rules, row in ROWS
]


@pytest.mark.parametrize(("rules", "row"), ROWS, ids=IDS)
def test_with_another_target_left(rules: Rules, row: Row) -> None:
    hunt = hunt_over("a", "b", rules=rules)
    first = hunt.next()
    assert first is not None
    assert first.label == "a"
    verdict = hunt.ended(row.end)
    assert row.end.verdict.slug is row.attempt
    if row.told is None:
        assert verdict is None
        second = hunt.next()
        assert second is not None
        assert second.label == "b"
    else:
        assert verdict is not None
        assert (verdict.status, verdict.slug) == (row.told, row.slug)
        assert hunt.next() is None
        assert hunt.verdict() is verdict


@pytest.mark.parametrize(("rules", "row"), ROWS, ids=IDS)
def test_as_the_last_target(rules: Rules, row: Row) -> None:
    hunt = hunt_over("a", "b", rules=rules)
    hunt.next()
    assert hunt.ended(response(500)) is None
    hunt.next()
    verdict = hunt.ended(row.end)
    assert verdict is not None
    assert (verdict.status, verdict.slug) == row.last
    assert hunt.next() is None


def test_the_last_cause_counts_not_the_worst() -> None:
    hunt = hunt_over("a", "b")
    hunt.next()
    assert hunt.ended(SILENT) is None
    hunt.next()
    verdict = hunt.ended(response(502))
    assert verdict is not None
    assert verdict.status == 502


def test_every_endpoint_silent_is_486_or_what_the_setting_says() -> None:
    for timeout_status in (486, 480):
        hunt = Hunt([target("a"), target("b"), target("c")], FORWARDING, None, timeout_status)
        verdict = None
        while hunt.next() is not None:
            verdict = hunt.ended(SILENT)
        assert verdict is not None
        assert (verdict.status, verdict.slug, verdict.q850) == (timeout_status, Slug.ALL_SILENT, 18)


def test_the_setting_holds_for_the_ring_timer_too() -> None:
    hunt = Hunt([target("a")], FORWARDING, None, 480)
    hunt.next()
    verdict = hunt.ended(AttemptEnd(EndKind.RING_TIMEOUT, rung=True))
    assert verdict is not None
    assert verdict.status == 480


def test_the_cause_and_words_of_the_far_end_are_kept() -> None:
    hunt = hunt_over("a")
    hunt.next()
    verdict = hunt.ended(AttemptEnd(EndKind.RESPONSE, 486, "486 Busy Here", q850=19))
    assert verdict is not None
    assert (verdict.q850, verdict.detail) == (19, "486 Busy Here")


@pytest.mark.parametrize("kind", [EndKind.SILENT, EndKind.RING_TIMEOUT, EndKind.TLS, EndKind.BARRED])
def test_why_the_last_attempt_ended_without_a_response_is_kept(kind: EndKind) -> None:
    hunt = hunt_over("a")
    hunt.next()
    verdict = hunt.ended(AttemptEnd(kind, detail="the words of the attempt"))
    assert verdict is not None
    assert verdict.detail == "the words of the attempt"


@pytest.mark.parametrize(
    ("names", "tried", "status"),
    [
        (("a!",), "", 480),
        (("a!", "b!"), "", 480),
        (("a!", "b"), "b", 503),
        (("a", "b!"), "a", 480),
        (("a", "b!", "c"), "ac", 503),
        (("a", "b!", "c!"), "a", 480),
        ((), "", 480),
    ],
)
def test_what_is_not_there_counts_as_tried(names: tuple[str, ...], tried: str, status: int) -> None:
    """An entry without a registered device is passed over at once; the last cause is still the last cause."""
    hunt = hunt_over(*names)
    labels = ""
    while (current := hunt.next()) is not None:
        labels += current.label
        hunt.ended(response(503))
    assert labels == tried
    assert hunt.verdict().status == status


def test_an_empty_hunt_says_why() -> None:
    hunt = hunt_over()
    assert hunt.next() is None
    assert hunt.verdict().slug is Slug.NO_FORWARDING


def test_answered_ends_the_hunt() -> None:
    hunt = hunt_over("a", "b")
    hunt.next()
    hunt.answered()
    assert hunt.next() is None
    assert hunt.verdict().slug is Slug.ANSWERED


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (SILENT, HealthState.DOWN),
        (response(500), HealthState.DOWN),
        (AttemptEnd(EndKind.REFUSED), HealthState.DOWN),
        (AttemptEnd(EndKind.UNREACHABLE), HealthState.DOWN),
        (AttemptEnd(EndKind.NAME), HealthState.DOWN),
        (AttemptEnd(EndKind.TLS), HealthState.DOWN),
        (response(486), HealthState.UP),
        (response(404), HealthState.UP),
        (response(302), HealthState.UP),
        (response(603), HealthState.UP),
        (AttemptEnd(EndKind.RING_TIMEOUT, rung=True), HealthState.UP),
        (AttemptEnd(EndKind.CANCELLED, rung=True), HealthState.UP),
        (AttemptEnd(EndKind.CANCELLED), HealthState.UNKNOWN),
        (AttemptEnd(EndKind.BARRED), HealthState.UNKNOWN),
        (AttemptEnd(EndKind.UNOFFERED), HealthState.UNKNOWN),
        (None, HealthState.UP),
    ],
)
def test_what_a_hunt_learns_about_a_target(end: AttemptEnd | None, state: HealthState) -> None:
    health = HealthBook(FakeClock(), HealthPolicy(failures=1, window=1))
    hunt = hunt_over("a", health=health)
    hunt.next()
    if end is None:
        hunt.answered()
    else:
        hunt.ended(end)
    assert health.view(HealthKey("a", "sip:a")).state is state


def test_a_target_without_a_health_key_is_not_kept() -> None:
    health = HealthBook(FakeClock())
    hunt = Hunt([HuntTarget("a", None), HuntTarget("b", None)], FORWARDING, health)
    hunt.next()
    hunt.ended(SILENT)
    hunt.next()
    hunt.answered()
    assert not health.apart()
