"""What a REFER asks for, and how its sender is told what comes of it."""

import pytest

from tests.simulation.bench import Bench
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request
from trunkline.sip.referral import Refer, Referral, Replaces, read_refer, sipfrag
from trunkline.sip.stack import ServerTransaction


def refer(*values: str, sub: str | None = None) -> Refer:
    request = Request("REFER", "sip:b@example.net", Headers())
    for value in values:
        request.headers.add("refer-to", value)
    if sub is not None:
        request.headers.add("refer-sub", sub)
    return read_refer(request)


@pytest.mark.parametrize(
    ("value", "dialled"),
    [
        ("<sip:+33140205050@example.net>", "+33140205050"),
        ("sip:33140205050@example.net;user=phone", "33140205050"),
        ('"Boss" <sips:33140205050@example.net;method=INVITE>', "33140205050"),
        ("<tel:+33-1-4020-5050;phone-context=x>", "+33-1-4020-5050;phone-context=x"),
        ("<sip:example.net>", ""),
        ("<sip:1@example.net;method=BYE>", ""),
        ("<http://example.net/1>", ""),
    ],
)
def test_the_number_in_the_target(value: str, dialled: str) -> None:
    assert refer(value).dialled == dialled


@pytest.mark.parametrize(
    "values", [(), ("<sip:1@a>", "<sip:2@a>"), ("<sip:1@a>, <sip:2@a>",), ("<sip:",), ("",)]
)
def test_anything_but_one_good_target(values: tuple[str, ...]) -> None:
    with pytest.raises(SipSyntaxError):
        refer(*values)


@pytest.mark.parametrize(
    ("value", "replaces"),
    [
        ("<sip:1@a?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>", Replaces(("x", "1", "2"), early_only=False)),
        (
            "<sip:1@a?Subject=x&rePL%41ces=y%40b%3B%20From-Tag%3D1%3bto-tag=2%3Bearly-only%3Bx%3D1>",
            Replaces(("y@b", "2", "1"), early_only=True),
        ),
        ("<sip:1@a?Subject=Replaces>", None),
        ("<sip:1@a>", None),
        ("<tel:+33140205050>", None),
    ],
)
def test_a_dialog_to_be_replaced(value: str, replaces: Replaces | None) -> None:
    assert refer(value).replaces == replaces


@pytest.mark.parametrize(
    "replaces",
    ["", "x", "x%3Bto-tag%3D1", "%3Bto-tag%3D1%3Bfrom-tag%3D2", "x%3Bto-tag%3D1%3Bto-tag%3D1%3Bfrom-tag%3D2"],
)
def test_a_dialog_that_is_not_named_whole(replaces: str) -> None:
    """RFC 3891 §6.1: exactly one of each tag."""
    with pytest.raises(SipSyntaxError):
        refer(f"<sip:1@a?Replaces={replaces}>")


def test_two_dialogs_to_be_replaced() -> None:
    one = "Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2"
    with pytest.raises(SipSyntaxError):
        refer(f"<sip:1@a?{one}&{one}>")


@pytest.mark.parametrize(
    ("sub", "quiet"), [(None, False), ("true", False), ("false", True), ("FALSE ;x=1", True)]
)
def test_whether_news_are_wanted(sub: str | None, *, quiet: bool) -> None:
    assert refer("<sip:1@a>", sub=sub).quiet is quiet


def test_a_status_line() -> None:
    assert sipfrag(486) == b"SIP/2.0 486 Busy Here\r\n"
    assert sipfrag(486, "Occupé") == "SIP/2.0 486 Occupé\r\n".encode()
    assert sipfrag(200, "OK\r\nBYE sip:x") == b"SIP/2.0 200 OK\r\n", "a phrase never breaks out of its line"
    assert sipfrag(299) == b"SIP/2.0 299 \r\n"


class Told:
    """A referral made by the peer of a bench."""

    def __init__(self, *, quiet: bool = False, numbered: bool = False) -> None:
        self.bench = Bench()
        self.bench.call_from_peer()
        self.referrals: list[Referral] = []
        phone = self.bench.phone

        def received(request: Request, transaction: ServerTransaction) -> None:
            self.referrals.append(
                Referral(phone.the_usage, request, transaction, quiet=quiet, numbered=numbered)
            )

        phone.refer_received = received  # type: ignore[method-assign]
        self.bench.within("REFER", headers=(("Refer-To", "<sip:1@a>"),))
        self.bench.settle()

    @property
    def referral(self) -> Referral:
        (one,) = self.referrals
        return one

    @property
    def news(self) -> list[bytes]:
        """The bodies of the NOTIFYs, repetitions left out."""
        sent = {
            packet.message.cseq.number: packet.message.body for packet in self.bench.network.sent("NOTIFY")
        }
        return list(sent.values())

    def answer(self, status: int = 200) -> None:
        self.bench.peer.respond(self.bench.peer.request_heard("NOTIFY"), status)
        self.bench.settle()


def test_news_go_one_by_one_and_only_the_latest_waits() -> None:
    told = Told()
    for status in (100, 180, 183, 200):
        told.referral.tell(status)
    told.bench.settle()
    assert told.news == [b"SIP/2.0 100 Trying\r\n"]
    told.answer()
    assert told.news[1:] == [b"SIP/2.0 200 OK\r\n"]
    told.referral.tell(486)
    told.answer()
    assert len(told.news) == 2, "nothing follows the final one"


def test_the_fields_of_a_notify() -> None:
    told = Told(numbered=True)
    told.referral.tell(100)
    told.bench.settle()
    notify = told.bench.peer.request_heard("NOTIFY")
    assert notify.headers.get("event") == f"refer;id={told.bench.cseq}"
    assert notify.headers.get("subscription-state") == "active;expires=300"
    assert notify.headers.get("content-type") == "message/sipfrag;version=2.0"
    assert "contact" in notify.headers
    told.answer()
    told.referral.tell(486, "Engaged")
    told.bench.settle()
    notify = told.bench.peer.request_heard("NOTIFY")
    assert notify.headers.get("subscription-state") == "terminated;reason=noresource"
    assert notify.body == b"SIP/2.0 486 Engaged\r\n"
    told.answer()


@pytest.mark.parametrize("status", [405, 408, 481, 500])
def test_a_refused_notify_ends_the_news_and_not_the_dialog(status: int) -> None:
    told = Told()
    told.referral.tell(100)
    told.bench.settle()
    told.answer(status)
    done: list[int] = []
    told.referral.tell(200, then=lambda: done.append(1))
    told.bench.clock.advance(2)
    assert len(told.news) == 1
    assert done == [1]
    assert not told.bench.phone.the_usage.ended


def test_a_notify_without_an_answer_harms_nobody() -> None:
    told = Told()
    done: list[int] = []
    told.referral.tell(200, then=lambda: done.append(1))
    told.bench.clock.advance(31)
    assert done == []
    told.bench.clock.advance(10)
    assert done == [1]
    assert not told.bench.phone.the_usage.ended


def test_without_a_subscription_nothing_is_sent() -> None:
    told = Told(quiet=True)
    done: list[int] = []
    told.referral.tell(100)
    told.referral.tell(200, then=lambda: done.append(1))
    told.bench.settle()
    assert told.news == []
    assert done == [1]
    assert told.bench.peer.response_heard(202, "REFER").headers.get("refer-sub") == "false"
