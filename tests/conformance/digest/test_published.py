"""Digest: the examples that RFC 2617, RFC 7616 and OpenSIPS publish."""

import json
from pathlib import Path
from typing import Any

import pytest

from trunkline.sip.digest import Algorithm, Credentials, answer_challenge, ha1, request_digest

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "digest" / "published.json").read_text())
EXAMPLES = [vector for vector in VECTORS if "uri" in vector and vector["alg"] in list(Algorithm)]


@pytest.mark.parametrize("vector", EXAMPLES, ids=lambda vector: vector["src"])
def test_an_example(vector: dict[str, Any]) -> None:
    algorithm = Algorithm(vector["alg"])
    response = request_digest(
        algorithm,
        ha1(vector["u"], vector["r"], vector["p"], algorithm),
        vector["m"],
        vector["uri"],
        vector["nonce"],
        qop=vector["qop"],
        nc=vector["nc"],
        cnonce=vector["cn"],
    )
    assert response == vector["computed"]
    assert (response == vector["response"]) == vector["ok"]


@pytest.mark.parametrize("vector", EXAMPLES, ids=lambda vector: vector["src"])
def test_an_example_answered_as_a_client(vector: dict[str, Any]) -> None:
    value = answer_challenge(
        f'Digest realm="{vector["r"]}", nonce="{vector["nonce"]}", qop="auth", algorithm={vector["alg"]}',
        vector["m"],
        vector["uri"],
        vector["u"],
        vector["p"],
        vector["cn"],
        int(vector["nc"], 16),
    )
    assert value is not None
    credentials = Credentials.parse(value)
    assert credentials.response == vector["computed"]
    assert credentials.username == vector["u"]


def test_an_ha1() -> None:
    (vector,) = [vector for vector in VECTORS if "ha1" in vector]
    username, realm, secret = vector["ha1"]
    assert ha1(username, realm, secret, Algorithm(vector["alg"])) == vector["response"]


def test_the_vectors_that_were_run() -> None:
    assert len(EXAMPLES) == 4
    assert [vector["alg"] for vector in VECTORS if vector not in EXAMPLES] == [
        "SHA-512 cut to 256",
        "SHA-256",
    ]
