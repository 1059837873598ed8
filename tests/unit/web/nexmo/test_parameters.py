"""Query and body as one."""

import json

import httpx
import pytest

from tests.unit.web.nexmo.conftest import KEY, SECRET
from trunkline.web.nexmo.errors import MethodFailedError
from trunkline.web.nexmo.parameters import MAX_BODY, MAX_FIELDS, Parameters

URL = "/number/search"


def label(answer: httpx.Response) -> str:
    assert answer.status_code == 420
    return str(answer.json()["error-code-label"])


def test_the_body_wins_over_the_query(client: httpx.Client) -> None:
    answer = client.post("/number/buy?country=GB&msisdn=x", data={"msisdn": "442079460001"})
    assert answer.json()["error-code"] == "200"


@pytest.mark.parametrize("body", [b"{", b'{"a":', b"\xff\xfe=1", b"{" * 50_000])
def test_a_body_that_can_not_be_read(client: httpx.Client, body: bytes) -> None:
    assert "neither a form nor JSON" in label(client.post("/number/buy", content=body))


@pytest.mark.parametrize("name", ["api_key", "api_secret", "msisdn"])
@pytest.mark.parametrize("half", [b"\\ud800", b"\xed\xa0\x80"])
def test_half_a_surrogate_pair_is_no_text(stranger: httpx.Client, name: str, half: bytes) -> None:
    """No database takes it, and no answer can hold it."""
    body = json.dumps({"api_key": KEY, "api_secret": SECRET, "country": "GB", name: "?"}).encode()
    answer = stranger.post("/number/buy", content=body.replace(b"?", half))
    assert "neither a form nor JSON" in label(answer)


def test_bounds(client: httpx.Client) -> None:
    assert "larger than" in label(client.post("/number/buy", content=b"a" * (MAX_BODY + 1)))
    many = "&".join(f"a{n}=1" for n in range(MAX_FIELDS + 1))
    assert "neither a form" in label(client.post("/number/buy", content=many.encode()))
    assert "more than" in label(client.get(f"{URL}?{many}"))


def test_values_of_json_are_text(client: httpx.Client) -> None:
    answer = client.post("/number/buy", json={"country": "GB", "msisdn": 442079460001, "x": [1]})
    assert answer.json()["error-code"] == "200"


def test_whole_numbers() -> None:
    given = Parameters({"a": "7", "b": "0", "c": "x", "d": "", "e": "²", "f": "9" * 30})
    assert given.whole_number("a", 1, 10) == 7
    assert given.whole_number("d", 3, 10) == given.whole_number("z", 3, 10) == 3
    for name in "bcef":
        with pytest.raises(MethodFailedError, match="from 1 to 10"):
            given.whole_number(name, 1, 10)
    assert len(given) == len(list(given))
