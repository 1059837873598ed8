"""SRTP keys with a lifetime, through a node: they are renewed by re-INVITE in time, or the call ends."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.addresses import wait_for
from tests.interop.codecs.phones import CARRIER, Phones, phones_around
from tests.interop.node import Node, running_node
from trunkline.call.ports import Tone
from trunkline.pstn.talker import Talker
from trunkline.sdp.crypto import our_line

NUMBER = "493012345678"
NEAR_HZ, FAR_HZ = 440.0, 1000.0
LIFETIME_S = 127 * 0.02
"""Of a key that serves for less than 2^7 packets."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("keys") / "node") as node:
        yield node


@pytest.fixture(scope="module")
def phones(node: Node) -> Iterator[Phones]:
    with phones_around(node) as phones:
        address = phones.answering(Tone((FAR_HZ,)), lambda report: None)
        node.command("carrier", "add", "far", "--gateway", f"sip:{CARRIER}:{address.port}")
        node.command("route", "add", NUMBER, "--carrier", "far")
        yield phones


def newest(node: Node) -> dict[str, Any]:
    """The last call's record."""
    (row,) = node.command("calls", "--limit", "1")
    return dict(row)


@pytest.fixture(autouse=True)
def short_lived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key that a phone names serves for less than 2^7 packets."""
    monkeypatch.setattr("trunkline.pstn.talker.our_line", lambda tag, key: f"{our_line(tag, key)}|2^7")


CALL = {"srtp": True, "say": Tone((NEAR_HZ,)), "listen_for": (FAR_HZ,), "talk_s": 3 * LIFETIME_S}


def test_a_phone_that_makes_new_keys_goes_on_talking(
    phones: Phones, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Talker.answer

    def with_a_new_key(self: Talker, body: bytes) -> bytes:
        self._key = secrets.token_bytes(30)
        return answer(self, body)

    monkeypatch.setattr(Talker, "answer", with_a_new_key)
    (report,) = phones.dial((NUMBER, CALL))
    assert report.hung_up_by_us, report.steps
    offers = [step for step in report.steps if step.what == "the far end sent INVITE"]
    assert 3 <= len(offers) <= 8, "each key is worn half way"
    assert report.heard(FAR_HZ, int(2.8 * LIFETIME_S * 1000)), report.hearing


def test_a_phone_that_repeats_its_key_is_hung_up_on_with_the_reason(phones: Phones, node: Node) -> None:
    (report,) = phones.dial((NUMBER, CALL))
    assert not report.hung_up_by_us
    assert "srtp-key-spent" in report.outcome
    assert LIFETIME_S * 0.9 <= report.talk_s <= LIFETIME_S * 2
    wait_for("the record", lambda: newest(node)["verdict"] == "srtp-key-spent")
