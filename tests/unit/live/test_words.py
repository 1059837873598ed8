"""What is said to the server, and what its answers mean."""

import json

import pytest

from trunkline.errors import LiveError
from trunkline.live.words import (
    Answer,
    Ask,
    Base,
    Batch,
    Checkpoint,
    Claim,
    Forget,
    Heard,
    Joined,
    Notice,
    Registration,
    Tell,
    Use,
    read_calls,
)
from trunkline.trunk.limits import NOTHING, Held


def test_forms() -> None:
    assert Ask("acme", 20, None, 60.0, None).form == ["ask", "acme", 20, False, 60.0, False]
    assert Ask("acme", 0, 0, 0.0, 0.0).form == ["ask", "acme", 0, 0, 0.0, 0.0], "none at all is a limit"
    held = Held(2, 30.0, 1.5, 2.0, 0.1)
    assert Use("acme", -1, held, wants=True).form == ["use", "acme", -1, [30.0, 1.5, 2.0, 0.1], True]
    assert Use("acme", 1, Held(1), wants=False).form == ["use", "acme", 1, False, False]
    assert Base("b", "acme", 30.0, 1.5).form == ["base", "b", "acme", 30.0, 1.5]
    assert Tell("ban", "192.0.2.1", "why", 2.5).form == ["tell", "ban", "192.0.2.1", "why", 2500]
    assert Tell("ban", "192.0.2.1", "why", 2.5, again=True).form[0] == "again"
    assert Tell("ban", "192.0.2.1", for_s=0).form == ["tell", "ban", "192.0.2.1", "", 0]
    assert Tell("health", "k", "t").form == ["tell", "health", "k", "t", False]


def test_arguments() -> None:
    registration = Registration("lease", "node", 6.0, 19000, "", 3.0, [("acme", Held(1, 2.0, 0.0, 1.0, 0.0))])
    *plain, held = registration.arguments
    assert plain == ["lease", "node", "6000", "19000", "", "3000"]
    assert json.loads(held) == [["acme", 1, 2.0, 0.0, 1.0, 0.0]]
    *short, said = Batch("lease", "node", 6.0, 19000, 7, [Tell("a", "b"), Tell("a", "\udcff")]).arguments
    assert short == ["lease", "node", "6000", "19000", "7"]
    assert said == b'[["tell", "a", "b", "", false], ["tell", "a", "\xff", "", false]]'


def test_answers() -> None:
    assert Joined.read([3, 2500, 17, 1]) == Joined(3, 2.5, 17, True)
    assert Heard.read([]) is None
    heard = Heard.read(
        [
            2,
            0,
            9,
            8,
            0,
            2,
            [
                [],
                [b"settling"],
                [b"call", 4, b"0", b"0", b"0", b"0"],
                [b"yes", 1, b"1.5", b"0.25", b"1", b"0"],
            ],
            [
                [b"ban", b"192.0.2.1", b"why", b"2500"],
                [b"health", b"k", b"t", b""],
                [b"ban", b"x", b"", b"0"],
            ],
        ]
    )
    assert heard is not None
    assert (heard.nodes, heard.settling_s, heard.newest, heard.known, heard.missed) == (2, 0.0, 9, 8, False)
    assert heard.orphans == 2
    assert list(heard.answers) == [
        Answer("", None),
        Answer("settling", None),
        Answer("call", Held(4)),
        Answer("yes", Held(1, 1.5, 0.25, 1.0, 0.0)),
    ]
    assert list(heard.notices) == [
        Notice("ban", "192.0.2.1", "why", 2.5),
        Notice("health", "k", "t", None),
        Notice("ban", "x", "", 0.0),
    ]
    assert Answer.read([b"yes", 0, b"0", b"0", b"0", b"0"]).elsewhere is NOTHING


def test_kept() -> None:
    assert Notice.kept("ban", b"k", b"5000 a text", 2000) == Notice("ban", "k", "a text", 3.0)
    assert Notice.kept("ban", b"k", b"5000 ", 7000) == Notice("ban", "k", "", 0.0)


@pytest.mark.parametrize(
    "answer", [None, b"PONG", [1], [b"1", 0, 0, 0], [1, 2, 3, 4, 5, [[1]], []], [1, 2, 3, 4, 5, [], [b"x"]]]
)
def test_answers_of_somebody_else(answer: object) -> None:
    with pytest.raises(LiveError, match="another's"):
        Joined.read(answer)
    with pytest.raises(LiveError, match="another's"):
        Heard.read(answer)


def test_a_kept_thing_of_somebody_else() -> None:
    with pytest.raises(LiveError, match="another's"):
        Notice.kept("ban", b"k", b"{}", 0)


def test_of_calls() -> None:
    assert Checkpoint("c", "udp:192.0.2.1:2223", "text").form == [
        "checkpoint",
        "c",
        "udp:192.0.2.1:2223",
        "text",
    ]
    assert Forget("c").form == ["forget", "c"]
    assert Claim("lease", "b", 50, ["here"]).arguments == ["lease", "b", "50", '["here"]']
    assert read_calls([b"c", b"text", b"d", b"more"]) == [("c", "text"), ("d", "more")]
    assert read_calls([]) == []
    for answer in (b"OK", [b"c"]):
        with pytest.raises(LiveError, match="another's"):
            read_calls(answer)
