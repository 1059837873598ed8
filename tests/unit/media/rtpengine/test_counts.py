"""Figures of a query's answer, whole and mangled."""

import pytest

from trunkline.media.rtpengine.bencode import Value
from trunkline.media.rtpengine.counts import Counts, read_counts

ANSWER: Value = {
    "SSRC": {"7": {"cumulative loss": 3, "average MOS": {"MOS": 43, "jitter": 2, "samples": 1}}},
    "tags": {
        "caller": {
            "medias": [
                {
                    "streams": [
                        {"flags": [b"RTP", b"filled"], "SSRC": 7, "stats": {"packets": 120}},
                        {"flags": [b"RTCP"], "stats": {"packets": 5}},
                    ]
                }
            ]
        },
        "callee-1": {"medias": [{"streams": [{"flags": [b"RTP"], "stats": {"packets": 8}}]}]},
    },
}


def test_packets_by_side_and_what_rtcp_told() -> None:
    assert read_counts(ANSWER) == {"caller": Counts(120, 3, 2.0, 4.3), "callee-1": Counts(8)}


def test_what_rtcp_told_of_all_sources_of_a_stream() -> None:
    """As an rtpengine since 12 has them."""
    quality: Value = {"cumulative loss": 3, "average MOS": {"MOS": 43, "jitter": 2}}
    stream: Value = {
        "flags": [b"RTP"],
        "ingress SSRCs": [{"SSRC": 7}, {"SSRC": 8}, 5],
        "stats": {"packets": 120},
    }
    answer: Value = {"SSRC": {"7": quality, "8": quality}, "tags": {"a": {"medias": [{"streams": [stream]}]}}}
    assert read_counts(answer) == {"a": Counts(120, 6, 2.0, 4.3)}


@pytest.mark.parametrize("average", [{"MOS": 0, "jitter": 2}, {"jitter": 2}])
def test_a_quality_without_a_mos_is_none_of_zero(average: Value) -> None:
    stream: Value = {"flags": [b"RTP"], "SSRC": 7, "stats": {"packets": 1}}
    tags: Value = {"a": {"medias": [{"streams": [stream]}]}}
    assert read_counts({"SSRC": {"7": {"average MOS": average}}, "tags": tags}) == {"a": Counts(1, 0, 2.0)}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        5,
        {"tags": []},
        {"tags": {"a": 5}},
        {"tags": {}, "SSRC": 5},
    ],
)
def test_an_answer_without_figures_has_none(answer: Value) -> None:
    assert read_counts(answer) == {}


@pytest.mark.parametrize(
    "tag",
    [
        {},
        {"medias": {}},
        {"medias": [5, {"streams": 5}, {"streams": [5, {"flags": [b"RTP"], "stats": {"packets": -5}}]}]},
        {"medias": [{"streams": [{"flags": [b"RTP"], "stats": {"packets": 10**19}}]}]},
        {"medias": [{"streams": [{"flags": [b"RTP"], "stats": {"packets": b"many"}}]}]},
    ],
)
def test_mangled_figures_count_as_unknown(tag: Value) -> None:
    assert read_counts({"tags": {"a": tag}}) == {"a": Counts(0)}
