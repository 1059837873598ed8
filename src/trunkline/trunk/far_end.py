"""What a final response of the far end means: its status and Q.850 cause become a `Verdict`.

The status is the one to relay to the caller. It is the far end's own, with one exception: a 401 or 407 is
told as 403, because the caller could do nothing with the far end's challenge. Whether the hunt goes on is
`hunt`.
"""

from dataclasses import replace

from trunkline.trunk.verdict import Slug, Verdict

_SLUGS: dict[int, Slug] = {
    401: Slug.CHALLENGED,
    404: Slug.NOT_FOUND,
    407: Slug.CHALLENGED,
    408: Slug.FAR_END_TIMED_OUT,
    410: Slug.NOT_FOUND,
    415: Slug.CODEC_MISMATCH,
    480: Slug.UNAVAILABLE,
    482: Slug.LOOP,
    483: Slug.HOP_LIMIT,
    486: Slug.BUSY,
    488: Slug.CODEC_MISMATCH,
    600: Slug.BUSY,
    603: Slug.DECLINED,
    604: Slug.NOT_FOUND,
    606: Slug.CODEC_MISMATCH,
    607: Slug.DECLINED,
    608: Slug.DECLINED,
}

_CAUSES: dict[int, int] = {
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    600: 17,
    603: 21,
    604: 1,
}
"""SIP status -> Q.850 cause (RFC 3398 §8.2.6.1). Others keep their slug's cause."""


def far_end_verdict(status: int, q850: int | None = None, detail: str = "") -> Verdict:
    """The verdict of a far end's final response, 200 to 699.

    `q850` is the cause of its Reason header (RFC 3326), if it has one; else RFC 3398's for the status is
    taken.
    """
    if status < 300:
        return Verdict.of(Slug.ANSWERED, status=status, detail=detail)
    verdict = Verdict.of(_slug(status), status=403 if status in (401, 407) else status, detail=detail)
    cause = q850 if q850 is not None else _CAUSES.get(status)
    return verdict if cause is None or cause == verdict.q850 else replace(verdict, q850=cause)


def _slug(status: int) -> Slug:
    if status < 400:
        return Slug.REDIRECTED
    if 500 <= status < 600:
        return Slug.SERVER_FAILURE
    return _SLUGS.get(status, Slug.REFUSED)
