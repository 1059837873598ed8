from dataclasses import replace
from typing import Any

import pytest

from trunkline.call.record import CallRecord, Direction, MediaFigures
from trunkline.pbx.sighting import Contact, Finding, Sighting, State, findings
from trunkline.trunk.verdict import Slug, Verdict

NOW = 10_000.0
GOOD_AUDIO = MediaFigures("PCMA", 500, 500, 0, 2.0, 4.3)
HOME = Contact("198.51.100.7", "198.51.100.7", "TLS 198.51.100.7:5061")


def call(direction: Direction = Direction.OUTBOUND, **changes: Any) -> CallRecord:
    record = CallRecord(
        call_id="c1",
        node="n1",
        direction=direction,
        account="trunk1",
        number=None,
        dialled="+493012345678",
        called="493012345678",
        caller="442079460123",
        sip_call_id="x",
        source="TLS 198.51.100.7:5061",
        setup_at=NOW - 100,
        answered_at=NOW - 90,
        ended_at=NOW - 30,
        verdict=Verdict.of(Slug.ANSWERED),
        caller_media=replace(GOOD_AUDIO),
        callee_media=replace(GOOD_AUDIO),
    )
    return replace(record, **changes)


def found(name: str, **facts: Any) -> Finding:
    values = {"now": NOW, "blocked": False} | facts
    return next(one for one in findings(Sighting(**values)) if one.name == name)


def test_a_pbx_that_does_everything_right() -> None:
    seen = Sighting(NOW, False, (HOME,), asked_at=NOW - 20, out=call(), in_=call(Direction.INBOUND))
    states = {one.name: one.state for one in findings(seen)}
    assert set(states.values()) == {State.GOOD}, states
    assert set(states) == {"Password", "Registration", "Health check", "Call out", "Call in", "Audio"}


def test_nothing_has_come_yet() -> None:
    seen = findings(Sighting(NOW, False))
    assert {one.state for one in seen} == {State.WAITING}
    assert all(one.remedy for one in seen), "each says what to do"


def test_a_wrong_password() -> None:
    refused = {"refused_at": NOW - 5, "refused_source": "UDP 192.0.2.9:5060"}
    wrong = found("Password", **refused)
    assert wrong.state is State.WRONG
    assert "192.0.2.9" in wrong.said
    assert "5 s ago" in wrong.said
    assert "API secret" in wrong.remedy
    assert found("Password", **refused, out=call()).state is State.WRONG, "the call was before it"
    later = call(setup_at=NOW - 1, answered_at=None, ended_at=None, verdict=None)
    assert found("Password", **refused, out=later).state is State.GOOD
    assert found("Password", **refused, contacts=(HOME,)).state is State.GOOD
    assert found("Password", blocked=True).state is State.WRONG


def test_an_old_health_check_says_nothing() -> None:
    assert found("Health check", asked_at=NOW - 899).state is State.GOOD
    assert found("Health check", asked_at=NOW - 901).state is State.WAITING


@pytest.mark.parametrize(
    ("slug", "state"),
    [
        (Slug.ANSWERED, State.GOOD),
        (Slug.BUSY, State.GOOD),
        (Slug.CANCELLED, State.GOOD),
        (Slug.CODEC_MISMATCH, State.WRONG),
        (Slug.UNREACHABLE, State.WRONG),
        (Slug.CALLER_ID_FORBIDDEN, State.WRONG),
    ],
)
def test_how_the_last_call_ended(slug: Slug, state: State) -> None:
    record = call(verdict=Verdict.of(slug, detail="only G726"), answered_at=None)
    judged = found("Call out", out=record)
    assert judged.state is state
    if state is State.WRONG:
        assert "only G726" in judged.said
        assert judged.remedy == Verdict.of(slug).remedy


def test_a_call_that_is_up() -> None:
    assert found("Call in", in_=call(Direction.INBOUND, ended_at=None, verdict=None)).said == "One is up now."


def test_codecs_are_named_once_where_they_are_the_same() -> None:
    assert found("Call out", out=call()).said == "Answered, with PCMA."
    other = call(callee_media=replace(GOOD_AUDIO, codec="G729"))
    assert found("Call out", out=other).said == "Answered, with PCMA and G729."


def test_a_pbx_behind_nat() -> None:
    hidden = Contact("192.168.1.5", "198.51.100.7", "UDP 198.51.100.7:40001")
    nat = found("NAT", contacts=(hidden,))
    assert nat.state is State.WARNING
    assert "192.168.1.5" in nat.said
    names = [one.name for one in findings(Sighting(NOW, False, (HOME,)))]
    assert "NAT" not in names
    lan = Contact("192.168.1.5", "192.168.1.5", "UDP 192.168.1.5:5060")
    assert "NAT" not in [one.name for one in findings(Sighting(NOW, False, (lan,)))]


def test_signalling_in_the_clear() -> None:
    clear = Contact("198.51.100.7", "198.51.100.7", "UDP 198.51.100.7:5060")
    assert found("Encryption", contacts=(clear,)).state is State.WARNING
    assert "Encryption" not in [one.name for one in findings(Sighting(NOW, False, (HOME,)))]


@pytest.mark.parametrize(
    ("direction", "side"), [(Direction.OUTBOUND, "caller_media"), (Direction.INBOUND, "callee_media")]
)
def test_audio_of_the_pbxs_own_side(direction: Direction, side: str) -> None:
    name = "out" if direction is Direction.OUTBOUND else "in_"
    silent = found("Audio", **{name: call(direction, **{side: MediaFigures()})})
    assert silent.state is State.WRONG
    assert "external_media_address" in silent.remedy
    assert "directmedia=no" in silent.remedy
    poor = found("Audio", **{name: call(direction, **{side: MediaFigures("PCMA", 90, 100, 10, 30.0, 2.9)})})
    assert poor.state is State.WARNING
    assert "10.0 % lost" in poor.said


def test_silence_of_the_far_end_is_not_the_pbxs_fault() -> None:
    assert found("Audio", out=call(callee_media=MediaFigures())).state is State.WARNING


def test_a_call_without_an_answer_has_no_audio_to_judge() -> None:
    record = call(answered_at=None, verdict=Verdict.of(Slug.BUSY))
    assert "Audio" not in [one.name for one in findings(Sighting(NOW, False, out=record))]


def test_a_password_for_another_realm() -> None:
    wrong = found(
        "Password", refused_at=NOW - 5, refused_source="UDP 192.0.2.9:5060", refused_realm="asterisk"
    )
    assert wrong.state is State.WRONG
    assert "'asterisk'" in wrong.said
    assert "service domain" in wrong.remedy


def test_a_challenge_that_is_not_answered() -> None:
    asked = {"without_at": NOW - 5, "without_source": "UDP 192.0.2.9:5060"}
    wrong = found("Password", **asked)
    assert wrong.state is State.WRONG
    assert "UDP 192.0.2.9:5060 asked to register 5 s ago" in wrong.said
    assert "realm" in wrong.remedy
    assert found("Password", **asked, contacts=(HOME,)).state is State.GOOD, (
        "it is how each registration begins"
    )
    assert "wrong password" in found("Password", **asked, refused_at=NOW - 5).said


def test_an_old_tls() -> None:
    over_tls = Contact("192.0.2.9", "192.0.2.9", "TLS 192.0.2.9:5061")
    weak = found("Encryption", contacts=(over_tls,), weak_tls="TLSv1")
    assert weak.state is State.WARNING
    assert "TLSv1" in weak.said
    assert "1.2" in weak.remedy
