"""Whose calls are whose."""

from dataclasses import replace

import pytest

from tests.unit.store.entities import attempt_record, call_record, ended_call
from tests.unit.store.test_calls import write, write_course
from tests.unit.web.customers import ALPHA, BETA, OPERATOR, give_key_again, principal
from tests.unit.web.paper_node import CALL, MESSAGES, QUALITY, PaperNode
from trunkline.call.quality import Quality
from trunkline.call.record import Direction
from trunkline.observe.masking import mask_caller
from trunkline.store.calls import CallFilter
from trunkline.store.errors import NotFoundError
from trunkline.store.group_commit import Group, GroupWriter
from trunkline.store.record_rows import attempt_row
from trunkline.trunk.caller_id import ANONYMOUS
from trunkline.web.desk.calls import CallDesk
from trunkline.web.office import Office


def test_an_operator_sees_all_and_a_customer_the_own(office: Office) -> None:
    desk = office.desk(principal(OPERATOR)).calls
    assert {call.account for call in desk.page(CallFilter()).calls} == {"alpha", "beta"}
    assert {call.call_id for call in desk.live()} == {"live-alpha", "live-beta"}
    desk = office.desk(principal(BETA.key)).calls
    assert [call.call_id for call in desk.page(CallFilter()).calls] == ["call-beta"]
    assert [call.call_id for call in desk.live()] == ["live-beta"]
    assert len(desk.get("call-beta").attempts) == 1


def test_anothers_call_does_not_exist(office: Office, node: PaperNode) -> None:
    desk = office.desk(principal(ALPHA.key)).calls
    for act in (
        lambda: desk.get(BETA.call_id),
        lambda: desk.ladder(BETA.call_id),
        lambda: desk.ladder(BETA.live_call_id),
        lambda: desk.audio(BETA.call_id),
        lambda: desk.quality(BETA.call_id),
        lambda: desk.hang_up(BETA.live_call_id),
        lambda: desk.page(CallFilter(account="beta")),
    ):
        with pytest.raises(NotFoundError):
            act()
    assert len(node.live) == 2


def test_a_filter_can_not_widen_what_is_seen(office: Office) -> None:
    desk = office.desk(principal(ALPHA.key)).calls
    assert {call.account for call in desk.page(CallFilter(number=BETA.e164)).calls} <= {"alpha"}


def test_calls_of_an_earlier_account_with_the_same_key_are_the_operators(office: Office) -> None:
    """A customer's key is free again once its account is removed; its calls are kept."""
    born_at = give_key_again(office.store, ALPHA)
    write(office.store.database, replace(ended_call("new", account=ALPHA.key), setup_at=born_at + 1.0))

    def counted(desk: CallDesk) -> int:
        return desk.figures(0.0, born_at, 2)[0].calls

    customer, operator = (office.desk(principal(who)).calls for who in (ALPHA.key, OPERATOR))
    assert [call.call_id for call in customer.page(CallFilter()).calls] == ["new"]
    assert [call.call_id for page in customer.all(CallFilter(since_at=1.0)) for call in page] == ["new"]
    assert customer.page(CallFilter(since_at=born_at + 2.0)).calls == []
    assert [counted(customer), counted(operator)] == [0, 2]
    assert customer.get("new").call.call_id == "new"
    for act in (customer.get, customer.ladder, customer.audio, customer.quality):
        with pytest.raises(NotFoundError):
            act(ALPHA.call_id)
    assert operator.get(ALPHA.call_id).call.account == ALPHA.key
    assert [call.call_id for call in operator.page(CallFilter(account=ALPHA.key)).calls] == [
        "new",
        ALPHA.call_id,
    ]


def test_a_customer_hangs_up_the_own(office: Office, node: PaperNode) -> None:
    office.desk(principal(ALPHA.key)).calls.hang_up(ALPHA.live_call_id)
    assert [call.call_id for call in node.live] == ["live-beta"]
    with pytest.raises(NotFoundError, match="live call"):
        office.desk(principal(ALPHA.key)).calls.hang_up(ALPHA.live_call_id)


def test_the_ladder_of_an_own_call(office: Office) -> None:
    assert office.desk(principal(ALPHA.key)).calls.ladder(ALPHA.call_id) == []


def test_who_withholds_the_number_is_named_to_the_operator_alone(office: Office, node: PaperNode) -> None:
    """In the ladder, live and later: the carrier says who it is (RFC 3325 §9.1)."""
    withheld = replace(CALL, account=ALPHA.key, direction=Direction.INBOUND, caller=ANONYMOUS)
    record = call_record("c1", account=ALPHA.key)
    record.direction, record.caller = Direction.INBOUND, ANONYMOUS
    write(office.store.database, record)

    def first(who: str) -> bytes:
        return office.desk(principal(who)).calls.ladder("c1")[0].data

    named = MESSAGES[0].data
    node.live = [withheld]
    assert first(OPERATOR) == named
    assert first(ALPHA.key) == first(ALPHA.user) == mask_caller(named, sent=False) != named
    for call in (replace(withheld, caller="442079460000"), replace(withheld, direction=Direction.OUTBOUND)):
        node.live = [call]
        assert first(ALPHA.key) == named
    node.live = []
    assert first(ALPHA.key) != first(OPERATOR) == named


def test_nor_is_who_was_brought_from_another_call_by_a_transfer(
    office: Office, node: PaperNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 3325 §7: an outbound call, whose callee was given the anonymous caller of another one."""
    brought = attempt_record("c1", 2)
    brought.target = ANONYMOUS
    write(office.store.database, call_record("c1", account=ALPHA.key))
    writer = GroupWriter(office.store.database)
    writer.write([Group({"attempt": [attempt_row(brought, "run")]}, {})])
    writer.close()
    legs = [
        MESSAGES[0]._replace(
            leg=leg, data=b"BYE sip:1@h SIP/2.0\r\nCall-ID: %s\r\nFrom: <sip:2@h>\r\n\r\n" % call_id
        )
        for leg, call_id in enumerate((b"c1-leg-0", b"c1-leg-1", brought.sip_call_id.encode()))
    ]
    monkeypatch.setattr("tests.unit.web.paper_node.MESSAGES", legs)

    def named(who: str) -> list[bool]:
        return [b"sip:2@h" in one.data for one in office.desk(principal(who)).calls.ladder("c1")]

    assert named(ALPHA.key) == [True, True, False]
    assert named(OPERATOR) == [True, True, True]
    node.live = [replace(CALL, account=ALPHA.key, direction=Direction.OUTBOUND)]
    assert named(ALPHA.key) == [True, True, False], "while it is up too"


def test_all_records_of_a_customer(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.web.desk.calls.MAX_PAGE", 1)
    own = office.desk(principal(ALPHA.key)).calls.all(CallFilter())
    assert [[call.call_id for call in page] for page in own] == [["call-alpha"]]
    every = office.desk(principal(OPERATOR)).calls.all(CallFilter())
    assert sorted(call.call_id for page in every for call in page) == ["call-alpha", "call-beta"]
    with pytest.raises(NotFoundError):
        office.desk(principal(ALPHA.key)).calls.all(CallFilter(account="beta"))


def test_figures_are_of_the_own_calls(office: Office) -> None:
    def counted(who: str) -> int:
        return sum(hour.calls for hour in office.desk(principal(who)).calls.figures(0.0, 3600.0, 24))

    assert counted(OPERATOR) == 2
    assert counted(ALPHA.key) == counted(BETA.user) == 1


def test_quality_is_the_nodes_word_while_a_call_is_up(office: Office, node: PaperNode) -> None:
    desk = office.desk(principal(ALPHA.key)).calls
    write(office.store.database, call_record("c1", account=ALPHA.key))
    node.live = [replace(CALL, account=ALPHA.key)]
    assert desk.quality("c1") == QUALITY
    node.live = []
    assert desk.quality("c1") == Quality()
    write_course(office.store.database, ended_call(ALPHA.call_id, account=ALPHA.key))
    assert [point.received for point in desk.quality(ALPHA.call_id).caller] == [250, 3000 - 250]
