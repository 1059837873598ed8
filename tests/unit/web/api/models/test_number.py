"""Numbers and forwarding lists as bodies."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.store.entities import FORWARDING, NUMBER
from trunkline.trunk.forwarding import NOT_FORWARDED, ForwardingList, ForwardingSyntaxError
from trunkline.web.api.models.number import ForwardingView, NewForwarding, NumberView


def test_a_number_is_shown_whole() -> None:
    shown = NumberView.of(NUMBER).model_dump(mode="json")
    assert (shown["e164"], shown["account"], shown["ring_timeout_s"]) == (NUMBER.e164, "acme", 20.5)
    assert shown["forwarding"] == {
        "text": FORWARDING.text,
        "endpoints": [
            {
                "uri": "sips:14155550100@pbx.example.com:5071",
                "timeout_ms": 2500,
                "media": "srtp",
                "text": "sips:…",
            },
            {"uri": "sip:1@[2001:db8::1];transport=tcp", "timeout_ms": None, "media": "rtp", "text": "1@…"},
        ],
        "warnings": ["unknown parameter x"],
    }


@pytest.mark.parametrize(
    "body",
    [
        {"text": "1@a.example, sips:2@b.example;timeout=2000;media=srtp"},
        {"entries": ["1@a.example", "sips:2@b.example;timeout=2000;media=srtp"]},
        {
            "entries": [
                {"uri": "1@a.example"},
                {"uri": "sips:2@b.example", "timeout_ms": 2000, "media": "srtp"},
            ]
        },
        {"entries": [" 1@a.example ", {"uri": "sips:2@b.example", "timeout_ms": 2000, "media": "srtp"}]},
    ],
)
def test_text_and_entries_say_the_same(body: Any) -> None:
    read = NewForwarding.model_validate(body).read()
    assert (
        read.endpoints
        == ForwardingList.parse("1@a.example, sips:2@b.example;timeout=2000;media=srtp").endpoints
    )


@pytest.mark.parametrize("body", [{"text": ""}, {"text": " "}, {"entries": []}])
def test_nowhere(body: Any) -> None:
    assert NewForwarding.model_validate(body).read() == NOT_FORWARDED


@pytest.mark.parametrize(
    ("entries", "entry", "position"),
    [
        (["nonsense"], 1, 0),
        (["1@a.example", "2@b.example;timeout=1"], 2, 12),
        (["1@a.example", "2@b.example", "3@c.example;transport=carrier-pigeon"], 3, 12),
        (["1@a.example,2@b.example"], 1, 11),
        (["1@a.example", ""], 2, 0),
    ],
)
def test_a_fault_is_told_within_its_entry(entries: list[str], entry: int, position: int) -> None:
    with pytest.raises(ForwardingSyntaxError) as caught:
        NewForwarding.model_validate({"entries": entries}).read()
    assert (caught.value.entry, caught.value.position) == (entry, position)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": None},
        {"text": "", "entries": []},
        {"text": "x" * 4097},
        {"entries": ["1@a.example"] * 11},
    ],
)
def test_what_is_no_list_is_refused(body: Any) -> None:
    with pytest.raises(ValidationError):
        NewForwarding.model_validate(body)


def test_a_list_can_be_set_as_it_was_got() -> None:
    typed = ForwardingList.parse("1@a.example;timeout=3000, sips:2@b.example;media=srtp")
    shown = ForwardingView.of(typed).model_dump(mode="json")
    for endpoint in shown["endpoints"]:
        del endpoint["text"]
    again = NewForwarding.model_validate({"entries": shown["endpoints"]}).read()
    assert [(one.uri, one.timeout_ms, one.media) for one in again.endpoints] == [
        (one.uri, one.timeout_ms, one.media) for one in typed.endpoints
    ]
