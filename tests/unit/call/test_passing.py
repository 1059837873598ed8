"""What crosses from leg to leg, and what the service writes itself."""

import pytest

from trunkline.call.passing import (
    answer_slug,
    extension_fields,
    media_warning,
    quoted,
    reason_fields,
    relayed_refusal,
    sdp_slug,
    verdict_fields,
    warning_field,
)
from trunkline.errors import SdpError
from trunkline.sdp.errors import (
    NoAudioError,
    NoCommonCodecError,
    SdpSyntaxError,
    UnsupportedProfileError,
    UnusableCryptoError,
)
from trunkline.sip.failures import RequestFailure, RequestFailureKind
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.parse import parse_message
from trunkline.trunk.verdict import Slug, Verdict


def bye(*lines: str) -> Request:
    text = "\r\n".join(
        [
            "BYE sip:a@10.0.0.1 SIP/2.0",
            "Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1",
            "From: <sip:b@x>;tag=1",
            "To: <sip:a@x>;tag=2",
            "Call-ID: c",
            "CSeq: 2 BYE",
            "Max-Forwards: 70",
            *lines,
            "",
            "",
        ]
    )
    message = parse_message(text.encode())
    assert isinstance(message, Request)
    return message


def test_x_headers_keep_their_order_and_repetitions() -> None:
    message = bye(
        "X-b: 1", "x-C: 1", "X-b: 2", "X-Trunkline-Call: 3", "x-trunkline-z: 4", "Y: 5", "XA: 6", "X-empty:"
    )
    passed = extension_fields(message)
    assert sorted(passed) == [("X-b", "1"), ("X-b", "2"), ("X-empty", ""), ("x-C", "1")]
    assert [value for name, value in passed if name == "X-b"] == ["1", "2"]


def test_a_folded_x_header_can_not_become_two() -> None:
    """RFC 3261 §7.3.1 folding crosses as one line: nothing after it is a header of ours."""
    message = bye("X-a: 1", " Route: <sip:evil>")
    ((name, value),) = extension_fields(message)
    assert name == "X-a"
    assert "\r" not in value
    assert "\n" not in value


def test_reasons_of_other_protocols_stay() -> None:
    message = bye(
        "Reason: SIP ;cause=200",
        "Reason: Q.850;cause=16",
        "Reason: Preemption;cause=1",
        "Reason: SIPS;cause=1",
    )
    assert reason_fields(message) == [("Reason", "SIP ;cause=200"), ("Reason", "Q.850;cause=16")]


def test_reasons_are_a_list_whose_protocols_have_no_case() -> None:
    """RFC 3326 §2, RFC 3261 §7.3.1."""
    message = bye('Reason: Preemption;cause=1, q.850;cause=16;text="a, b" , X;y', "Reason: sip;cause=200, Z")
    assert reason_fields(message) == [("Reason", 'q.850;cause=16;text="a, b"'), ("Reason", "sip;cause=200")]


def test_more_reasons_than_a_list_may_have_stay() -> None:
    assert reason_fields(bye(f"Reason: {','.join(['SIP;cause=200'] * 1000)}")) == []


def test_a_verdict_in_headers() -> None:
    assert verdict_fields(Verdict.of(Slug.CALL_LIMIT, retry_after_s=5)) == [
        ("Reason", 'SIP;cause=503;text="call-limit"'),
        ("Reason", "Q.850;cause=34"),
        ("Retry-After", "5"),
    ]
    assert verdict_fields(Verdict.of(Slug.ALL_SILENT))[0] == ("Reason", 'SIP;cause=408;text="all-silent"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", '"a"'),
        ('a"b', '"a\\"b"'),
        ("a\\", '"a\\\\"'),
        ("a\r\nRoute: x", '"a  Route: x"'),
        ("\x00\x7f\u2028", '"   "'),
    ],
)
def test_quoting_lets_nothing_out(text: str, expected: str) -> None:
    assert quoted(text) == expected
    assert warning_field(399, "host", text) == ("Warning", f"399 host {expected}")


def answer(status: int, *fields: tuple[str, str]) -> Response:
    return response_to(bye(), status, headers=fields)


@pytest.mark.parametrize(
    ("why", "status", "fields"),
    [
        (RequestFailure(RequestFailureKind.NO_RESPONSE, "silence"), 504, []),
        (answer(408), 504, []),
        (answer(481), 504, []),
        (answer(487), 504, []),
        (answer(422, ("Min-SE", "3600")), 500, []),
        (answer(401, ("WWW-Authenticate", "Digest x")), 403, []),
        (answer(407), 403, []),
        (answer(415, ("Accept", "application/sdp"), ("Allow", "BYE")), 415, [("Accept", "application/sdp")]),
        (answer(491), 491, []),
    ],
)
def test_a_refusal_within_a_call_crosses_as_far_as_it_is_about_both(
    why: Response | RequestFailure, status: int, fields: list[tuple[str, str]]
) -> None:
    assert relayed_refusal(why) == (status, fields)


@pytest.mark.parametrize(
    ("error", "of_an_offer", "of_an_answer", "warned"),
    [
        (NoCommonCodecError("x"), Slug.CODEC_MISMATCH, Slug.CODEC_MISMATCH, 305),
        (UnsupportedProfileError("x"), Slug.SRTP_UNAVAILABLE, Slug.SRTP_UNAVAILABLE, 302),
        (UnusableCryptoError("x"), Slug.SRTP_UNAVAILABLE, Slug.SRTP_UNAVAILABLE, 302),
        (NoAudioError("x"), Slug.BAD_SDP, Slug.CODEC_MISMATCH, 399),
        (SdpSyntaxError("x"), Slug.BAD_SDP, Slug.CODEC_MISMATCH, 399),
    ],
)
def test_what_a_description_that_can_not_be_used_means(
    error: SdpError, of_an_offer: Slug, of_an_answer: Slug, warned: int
) -> None:
    assert (sdp_slug(error), answer_slug(error)) == (of_an_offer, of_an_answer)
    assert media_warning(Verdict.of(of_an_offer, detail="words"), "host") == (
        "Warning",
        f'{warned} host "words"',
    )
