"""Forwarding entries that stand for what an account has registered."""

import pytest

from tests.unit.observe.flows import PaperFlow
from tests.unit.trunk.entities import DOMAIN, directory
from tests.unit.trunk.test_plan import BLOCKED, inbound, legs_in, planned_in, to_devices
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.ports import Flow, Transport
from trunkline.trunk.account import Account
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.registrations import Contact, Registrations
from trunkline.trunk.verdict import Slug


def registered(
    *contacts: str, account: str = "acme", over: Transport = Transport.UDP
) -> tuple[Registrations, Flow]:
    registrations = Registrations(FakeClock())
    flow = PaperFlow(over)
    register(registrations, flow, *contacts, account=account)
    return registrations, flow


def register(registrations: Registrations, flow: Flow, *contacts: str, account: str = "acme") -> None:
    read = [contact for text in contacts if (contact := Contact.read(NameAddr.parse(text))) is not None]
    registrations.register(account, call_id="c", cseq=1, contacts=read, flow=flow)


def test_an_account_stands_for_its_devices_by_q() -> None:
    registrations, flow = registered("<sip:a@192.0.2.1:5060;ob>;q=0.5", "<sip:b@192.0.2.2>;q=1")
    legs = legs_in(planned_in(inbound(known=to_devices(), registrations=registrations)))
    assert [str(leg.request_uri) for leg in legs] == [
        "sip:b@192.0.2.2",
        "sip:a@192.0.2.1:5060;ob",
        "sip:100@pbx.example",
    ]
    assert [leg.next_hop for leg in legs] == [flow, flow, None]
    assert [leg.response_timeout_ms for leg in legs] == [2000, 2000, None]
    assert str(legs[0].to) == "<sip:441632960000@sip.example.net>"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"sip:acme@{DOMAIN}", "no device is registered for account acme"),
        (f"sip:441632960000@{DOMAIN}", "'441632960000' is not the key of the number's account"),
        (f"sip:{DOMAIN}", "'' is not the key of the number's account"),
    ],
)
def test_nobody_registered_is_like_unreachable(text: str, why: str) -> None:
    trace: list[str] = []
    plan = planned_in(inbound(known=to_devices(f"{text}, 100@pbx.example"), trace=trace))
    assert any(why in line for line in trace)
    hunt = plan.hunt()
    target = hunt.next()
    assert target is not None
    assert target.label == "sip:100@pbx.example"
    alone = planned_in(inbound(known=to_devices(text))).hunt()
    assert alone.next() is None
    assert (alone.verdict().slug, alone.verdict().status) == (Slug.NOT_REGISTERED, 480)


ENTRIES_BY_TLS = [f"sip:acme@{DOMAIN};media=srtp;transport=tls", f"sips:acme@{DOMAIN};media=srtp"]


@pytest.mark.parametrize("entry", ENTRIES_BY_TLS)
def test_an_entry_that_asks_for_tls_passes_over_a_device_that_is_registered_over_udp(entry: str) -> None:
    """Whatever that one's Contact says: the keys of the SRTP would be readable on the way."""
    registrations, _ = registered("<sip:b@192.0.2.2;transport=tls>;q=1")
    register(registrations, by_tls := PaperFlow(Transport.TLS), "<sip:a@192.0.2.1:40123>;q=0.5")
    trace: list[str] = []
    plan = planned_in(inbound(known=to_devices(entry), registrations=registrations, trace=trace))
    (leg,) = legs_in(plan)
    assert (str(leg.request_uri), leg.next_hop) == ("sip:a@192.0.2.1:40123", by_tls)
    told = str(ForwardingList.parse(entry).endpoints[0].uri)
    assert (f"{told} at sip:b@192.0.2.2;transport=tls is passed over: it is registered over UDP.") in trace


@pytest.mark.parametrize("entry", ENTRIES_BY_TLS)
def test_without_a_device_over_tls_it_fails_like_nobody_registered(entry: str) -> None:
    registrations, _ = registered("<sip:b@192.0.2.2>")
    trace: list[str] = []
    alone = planned_in(inbound(known=to_devices(entry), registrations=registrations, trace=trace)).hunt()
    assert alone.next() is None
    why = "the entry asks for TLS, and the devices of account acme are registered over UDP"
    verdict = alone.verdict()
    assert (verdict.slug, verdict.status, verdict.detail) == (Slug.REGISTERED_OTHERWISE, 480, why)
    assert f"{ForwardingList.parse(entry).endpoints[0].uri} can't be reached: {why}." in trace
    known = to_devices(f"{entry}, 100@pbx.example")
    then = planned_in(inbound(known=known, registrations=registrations)).hunt().next()
    assert then is not None
    assert then.label == "sip:100@pbx.example"


@pytest.mark.parametrize(("over", "reached"), [(Transport.UDP, False), (Transport.TLS, True)])
def test_where_keys_may_go_by_tls_alone_the_flow_of_a_device_counts_not_its_contact(
    over: Transport, reached: bool
) -> None:
    lie = "tls" if over is Transport.UDP else "udp"
    registrations, _ = registered(f"<sip:a@192.0.2.1;transport={lie}>", over=over)
    known = to_devices(f"acme@{DOMAIN};media=srtp")
    plan = planned_in(inbound(known=known, registrations=registrations, srtp_needs_tls=True))
    assert bool(legs_in(plan)) == reached


def test_devices_of_another_account_are_not_called_nor_told_of() -> None:
    """They would ring for anybody who knows the key, and he would read where they are."""
    registrations, _ = registered("<sip:a@192.0.2.1>")
    number = Number("441632960000", "other", ForwardingList.parse(f"acme@{DOMAIN}"))

    def told(*accounts: Account) -> str:
        trace: list[str] = []
        known = directory(accounts=[Account("other"), *accounts], numbers=[number])
        plan = planned_in(inbound(known=known, registrations=registrations, trace=trace))
        assert plan.hunt().next() is None
        return "\n".join(trace)

    assert told(Account("acme")) == told(BLOCKED) == told()
    assert "192.0.2.1" not in told(Account("acme"))
