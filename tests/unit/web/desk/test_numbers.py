"""Whose numbers are whose."""

import time

import pytest

from tests.unit.store.entities import ended_call
from tests.unit.web.customers import ALPHA, BETA, OPERATOR, principal
from trunkline.store.errors import NotFoundError
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.numbers import NumberFilter
from trunkline.store.record_rows import call_row
from trunkline.trunk.forwarding import NOT_FORWARDED, PASSED_OVER, ForwardingList
from trunkline.trunk.number import Number
from trunkline.web.desk import numbers
from trunkline.web.errors import NotAllowedError, TooManyAttemptsError
from trunkline.web.office import Office


def test_an_operator_sees_all_and_a_customer_the_own(office: Office) -> None:
    desk = office.desk(principal(OPERATOR)).numbers
    assert [number.e164 for number in desk.page(NumberFilter()).numbers] == [ALPHA.e164, BETA.e164]
    assert [number.e164 for number in desk.page(NumberFilter("beta")).numbers] == [BETA.e164]
    desk = office.desk(principal(BETA.key)).numbers
    assert [number.e164 for number in desk.page(NumberFilter()).numbers] == [BETA.e164]
    assert desk.page(NumberFilter(starts_with=ALPHA.e164)).numbers == []
    assert desk.get(BETA.e164).account == "beta"


def test_anothers_number_does_not_exist(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).numbers
    for act in (
        lambda: desk.get(BETA.e164),
        lambda: desk.forward(BETA.e164, NOT_FORWARDED),
        lambda: desk.set_ring_timeout(BETA.e164, 5.0),
        lambda: desk.update(BETA.e164, ring_timeout_s=5.0),
        lambda: desk.ping(BETA.e164, 1),
        lambda: desk.trial_call(BETA.e164),
    ):
        with pytest.raises(NotFoundError, match=f"number '{BETA.e164}' does not exist"):
            act()
    with pytest.raises(NotFoundError, match="account 'beta' does not exist"):
        desk.page(NumberFilter("beta"))
    assert office.store.numbers.get(BETA.e164).forwarding


def test_which_numbers_there_are_is_the_operators(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).numbers
    for act in (
        lambda: desk.add(Number("441632960009", "alpha")),
        lambda: desk.update(ALPHA.e164, account="beta"),
        lambda: desk.remove(ALPHA.e164),
    ):
        with pytest.raises(NotAllowedError):
            act()
    desk = office.desk(principal(OPERATOR)).numbers
    desk.add(Number("441632960009", "alpha"))
    assert desk.update("441632960009", account="beta").account == "beta"
    desk.remove("441632960009")
    with pytest.raises(NotFoundError):
        desk.get("441632960009")


def test_a_customer_forwards_the_own(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).numbers
    desk.forward(ALPHA.e164, NOT_FORWARDED)
    desk.set_ring_timeout(ALPHA.e164, 5.0)
    number = office.store.numbers.get(ALPHA.e164)
    assert (number.forwarding, number.ring_timeout_s) == (NOT_FORWARDED, 5.0)


def test_a_guard_stops_the_change(office: Office) -> None:
    def refuse(_number: Number) -> None:
        raise KeyError("changed meanwhile")

    with pytest.raises(KeyError):
        office.desk(principal(ALPHA.key)).numbers.forward(ALPHA.e164, NOT_FORWARDED, guard=refuse)
    assert office.store.numbers.get(ALPHA.e164).forwarding


def test_an_endpoint_is_pinged_by_its_place_in_the_list(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).numbers
    assert desk.ping(ALPHA.e164, 1).status == 200
    assert desk.ping(ALPHA.e164, 2).status is None
    for position in (0, 3):
        with pytest.raises(NotFoundError, match="endpoint"):
            desk.ping(ALPHA.e164, position)


def test_a_trial_call_tells_what_came_of_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "RECORD_S", 0.0)
    report, call_id = office.desk(principal(ALPHA.key)).numbers.trial_call(ALPHA.e164)
    assert report.answered
    assert report.steps == ((0.1, f"to {ALPHA.e164}"),)
    assert call_id is None


def test_the_record_of_a_trial_call_may_come_a_moment_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = GroupWriter(office.store.database)

    def a_moment(_seconds: float) -> None:
        record = ended_call("tried", setup_at=time.time(), account=ALPHA.key)
        record.number, record.sip_call_id = ALPHA.e164, "c@phone"
        writer.write([Group({"call": [call_row(record, "run")]}, {})])

    monkeypatch.setattr(numbers, "sleep", a_moment)
    _, call_id = office.desk(principal(ALPHA.key)).numbers.trial_call(ALPHA.e164)
    writer.close()
    assert call_id == "tried"


def test_a_customers_pings_and_test_calls_are_few_at_a_time(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).numbers
    with office.node.slow(ALPHA.key), office.node.slow(ALPHA.key):
        for act in (lambda: desk.ping(ALPHA.e164, 1), lambda: desk.trial_call(ALPHA.e164)):
            with pytest.raises(TooManyAttemptsError, match="too many pings and test calls"):
                act()
    assert desk.ping(ALPHA.e164, 1).status == 200


def test_an_entry_with_another_accounts_key_is_warned_of(office: Office) -> None:
    domain = office.settings.service.domain
    typed = ForwardingList.parse(f"beta@{domain}")
    warnings = (f"entry 1: at {domain}, alpha@ alone reaches devices; {PASSED_OVER}",)
    desk = office.desk(principal(ALPHA.key)).numbers
    assert desk.forward(ALPHA.e164, typed).forwarding.warnings == warnings
    desk = office.desk(principal(OPERATOR)).numbers
    assert desk.update(ALPHA.e164, account="beta", forwarding=typed).forwarding.warnings == ()
    assert desk.add(Number("441632960009", "alpha", typed)).forwarding.warnings == warnings
