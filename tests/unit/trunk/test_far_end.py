"""Statuses of the far end, told to the caller."""

import pytest

from trunkline.trunk.far_end import far_end_verdict
from trunkline.trunk.verdict import Slug


@pytest.mark.parametrize(
    ("status", "slug", "told", "q850"),
    [
        (200, Slug.ANSWERED, 200, 16),
        (202, Slug.ANSWERED, 202, 16),
        (300, Slug.REDIRECTED, 300, 23),
        (302, Slug.REDIRECTED, 302, 23),
        (400, Slug.REFUSED, 400, 41),
        (401, Slug.CHALLENGED, 403, 21),
        (403, Slug.REFUSED, 403, 21),
        (404, Slug.NOT_FOUND, 404, 1),
        (407, Slug.CHALLENGED, 403, 21),
        (408, Slug.FAR_END_TIMED_OUT, 408, 102),
        (410, Slug.NOT_FOUND, 410, 22),
        (415, Slug.CODEC_MISMATCH, 415, 79),
        (480, Slug.UNAVAILABLE, 480, 18),
        (482, Slug.LOOP, 482, 25),
        (483, Slug.HOP_LIMIT, 483, 25),
        (484, Slug.REFUSED, 484, 28),
        (486, Slug.BUSY, 486, 17),
        (487, Slug.REFUSED, 487, 21),
        (488, Slug.CODEC_MISMATCH, 488, 65),
        (499, Slug.REFUSED, 499, 21),
        (500, Slug.SERVER_FAILURE, 500, 41),
        (502, Slug.SERVER_FAILURE, 502, 38),
        (503, Slug.SERVER_FAILURE, 503, 41),
        (504, Slug.SERVER_FAILURE, 504, 102),
        (599, Slug.SERVER_FAILURE, 599, 41),
        (600, Slug.BUSY, 600, 17),
        (603, Slug.DECLINED, 603, 21),
        (604, Slug.NOT_FOUND, 604, 1),
        (606, Slug.CODEC_MISMATCH, 606, 65),
        (699, Slug.REFUSED, 699, 21),
    ],
)
def test_far_end_verdict(status: int, slug: Slug, told: int, q850: int) -> None:
    verdict = far_end_verdict(status, None, "as it said")
    assert (verdict.slug, verdict.status, verdict.q850) == (slug, told, q850)
    assert verdict.detail == "as it said"


def test_the_cause_of_the_reason_header_wins() -> None:
    assert far_end_verdict(503, 34).q850 == 34
    assert far_end_verdict(486, 17).q850 == 17
