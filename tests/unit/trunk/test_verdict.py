"""One value for every end of a call."""

import pytest

from trunkline.trunk.verdict import Fault, Slug, Verdict


def test_slugs_are_stable_ids() -> None:
    slugs = [slug.value.slug for slug in Slug]
    assert len(set(slugs)) == len(slugs)
    assert all(slug.replace("-", "").isalpha() and slug == slug.lower() for slug in slugs)


@pytest.mark.parametrize("slug", Slug)
def test_every_slug_has_words_and_a_status(slug: Slug) -> None:
    verdict = Verdict.of(slug)
    assert verdict.text.endswith(".")
    assert 200 <= verdict.status < 700
    assert verdict.q850 is None or 1 <= verdict.q850 <= 127
    assert isinstance(verdict.fault, Fault)


@pytest.mark.parametrize(
    ("slug", "status"),
    [
        (Slug.MALFORMED_REQUEST, 400),
        (Slug.MALFORMED_NUMBER, 484),
        (Slug.NO_ROUTE, 404),
        (Slug.UNKNOWN_NUMBER, 404),
        (Slug.CODEC_MISMATCH, 488),
        (Slug.CALL_LIMIT, 503),
        (Slug.NUMBERS_BUSY, 486),
        (Slug.RATE_LIMIT, 503),
        (Slug.MINUTES_LIMIT, 503),
        (Slug.DRAINING, 503),
        (Slug.OVERLOADED, 503),
        (Slug.ACCOUNT_BLOCKED, 403),
        (Slug.DESTINATION_FORBIDDEN, 403),
        (Slug.CALLER_ID_FORBIDDEN, 403),
        (Slug.LOOP, 482),
        (Slug.HOP_LIMIT, 483),
        (Slug.ALL_SILENT, 486),
        (Slug.NO_FORWARDING, 480),
    ],
)
def test_statuses_of_the_service(slug: Slug, status: int) -> None:
    """As customers are told (docs/sip.md, Statuses)."""
    assert Verdict.of(slug).status == status


def test_answered_as_keeps_the_cause() -> None:
    verdict = Verdict.of(Slug.ALL_SILENT, detail="x").answered_as(480)
    assert (verdict.slug, verdict.status, verdict.q850, verdict.detail) == (Slug.ALL_SILENT, 480, 18, "x")


def test_in_words() -> None:
    verdict = Verdict.of(Slug.NO_ROUTE, detail="no route has a prefix of 99")
    assert verdict.in_words() == (
        "404: No carrier serves this destination. No route has a prefix of 99. "
        "Add a route for its prefix. (no-route)"
    )
    assert Verdict.of(Slug.DECLINED).in_words() == "603: The far end declined the call. (declined)"


@pytest.mark.parametrize(
    "slug",
    [
        Slug.ACCOUNT_BLOCKED,
        Slug.CALL_LIMIT,
        Slug.RATE_LIMIT,
        Slug.MINUTES_LIMIT,
        Slug.COST_LIMIT,
        Slug.DESTINATION_FORBIDDEN,
    ],
)
def test_what_a_customer_cannot_change_names_who_can(slug: Slug) -> None:
    assert "ask the operator" in Verdict.of(slug).remedy.lower()
