"""The registrar's steps 6 to 8 (RFC 3261 §10.3), and the order in which devices are called."""

from dataclasses import replace

import pytest

from tests.unit.observe.flows import PaperFlow
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.ports import Flow, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.registrations import (
    Binding,
    Contact,
    RegistrationPolicy,
    RegistrationRefused,
    Registrations,
    read_expires,
)

HOME = "<sip:100@192.0.2.1:5060>"
DESK = "<sip:100@192.0.2.2:5060>"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def registrations(clock: FakeClock) -> Registrations:
    return Registrations(clock, RegistrationPolicy(min_expires_s=60, max_expires_s=7200, max_contacts=3))


def contact(text: str) -> Contact:
    read = Contact.read(NameAddr.parse(text))
    assert read is not None
    return read


def register(
    registrations: Registrations,
    *contacts: str,
    call_id: str = "c1",
    cseq: int = 1,
    expires_s: int | None = None,
    flow: Flow | None = None,
    secret: str = "",
    until: float | None = None,
) -> tuple[Binding, ...]:
    result = registrations.register(
        "acme",
        call_id=call_id,
        cseq=cseq,
        contacts=[contact(text) for text in contacts],
        expires_s=expires_s,
        flow=flow,
        secret=secret,
        until=until,
    )
    assert not isinstance(result, RegistrationRefused), result
    return result


def refuse(
    registrations: Registrations,
    *contacts: str,
    call_id: str = "c1",
    cseq: int = 1,
    expires_s: int | None = None,
) -> RegistrationRefused:
    before = registrations.bindings("acme")
    read = [contact(text) for text in contacts]
    result = registrations.register("acme", call_id=call_id, cseq=cseq, contacts=read, expires_s=expires_s)
    assert isinstance(result, RegistrationRefused)
    assert registrations.bindings("acme") == before, "all or nothing"
    return result


def uris(bindings: tuple[Binding, ...]) -> list[str]:
    return [f"<{binding.uri}>" for binding in bindings]


def test_a_binding_and_its_expiry(registrations: Registrations, clock: FakeClock) -> None:
    flow = PaperFlow()
    [binding] = register(registrations, HOME, expires_s=300, flow=flow)
    assert binding.uri == SipUri.parse("sip:100@192.0.2.1:5060")
    assert binding.flow is flow
    assert binding.remaining_s(clock.now()) == 300
    clock.advance(299.9)
    assert len(registrations.bindings("acme")) == 1
    clock.advance(0.1)
    assert registrations.bindings("acme") == ()
    assert len(registrations) == 0


@pytest.mark.parametrize(
    ("text", "expires_s", "granted"),
    [
        (HOME, None, 3600),
        (HOME, 300, 300),
        (HOME + ";expires=120", 300, 120),
        (HOME + ";expires=99999", None, 7200),
        (HOME + ";expires=99999999999999", None, 7200),
        (HOME + ";expires=soon", 300, 3600),
        (HOME + ";expires", 300, 3600),
        (HOME + ";expires=60", None, 60),
    ],
)
def test_the_interval(
    registrations: Registrations, clock: FakeClock, text: str, expires_s: int | None, granted: int
) -> None:
    [binding] = register(registrations, text, expires_s=expires_s)
    assert binding.remaining_s(clock.now()) == granted


@pytest.mark.parametrize("expires_s", [1, 59])
def test_too_brief(registrations: Registrations, expires_s: int) -> None:
    refused = refuse(registrations, HOME, expires_s=expires_s)
    assert (refused.status, refused.min_expires_s) == (423, 60)


def test_zero_removes(registrations: Registrations) -> None:
    register(registrations, HOME, DESK)
    assert uris(register(registrations, HOME + ";expires=0", cseq=2)) == [DESK]
    assert register(registrations, HOME + ";expires=0", cseq=3) != (), "removing what isn't there is no fault"


def test_a_query_changes_nothing(registrations: Registrations) -> None:
    register(registrations, HOME)
    assert uris(register(registrations, cseq=1)) == [HOME]


def test_the_same_call_id_needs_a_higher_cseq(registrations: Registrations) -> None:
    register(registrations, HOME, cseq=5)
    assert refuse(registrations, HOME, cseq=5).status == 500
    assert refuse(registrations, HOME, cseq=4, expires_s=0).status == 500
    register(registrations, HOME, cseq=6)
    register(registrations, HOME, call_id="c2", cseq=1)


def test_two_contacts_of_one_device_in_one_request(registrations: Registrations) -> None:
    instance = ';+sip.instance="<urn:uuid:1>"'
    assert uris(register(registrations, HOME + instance, DESK + instance)) == [DESK]


def test_all_or_nothing(registrations: Registrations) -> None:
    register(registrations, HOME, cseq=5)
    refuse(registrations, DESK, HOME, cseq=5)
    refuse(registrations, DESK, HOME + ";expires=1", cseq=6)


def test_uris_are_compared_by_the_rules_of_sip(registrations: Registrations) -> None:
    register(registrations, "<sip:100@Pbx.example;ob>")
    assert uris(register(registrations, "<sip:%3100@pbx.EXAMPLE>", cseq=2)) == ["<sip:%3100@pbx.example>"]
    assert len(register(registrations, "<sip:100@pbx.example;transport=tcp>", cseq=3)) == 2


def test_the_same_device_replaces_itself(registrations: Registrations) -> None:
    instance = ';+sip.instance="<urn:uuid:1>";reg-id={}'
    register(registrations, HOME + instance.format(1))
    assert uris(register(registrations, DESK + instance.format(1), call_id="c2")) == [DESK]
    assert len(register(registrations, HOME + instance.format(2), call_id="c3")) == 2


def test_order_of_calling(registrations: Registrations, clock: FakeClock) -> None:
    register(registrations, "<sip:a@x.example>;q=0.5", "<sip:b@x.example>;q=1", "<sip:c@x.example>;q=0.25")
    assert uris(registrations.bindings("acme")) == [
        "<sip:b@x.example>",
        "<sip:a@x.example>",
        "<sip:c@x.example>",
    ]
    clock.advance(10)
    register(registrations, "<sip:c@x.example>", cseq=2)
    assert uris(registrations.bindings("acme"))[:2] == ["<sip:c@x.example>", "<sip:b@x.example>"], (
        "the later first"
    )


@pytest.mark.parametrize(
    ("q", "thousandths"),
    [
        ("1", 1000),
        ("0", 0),
        ("0.5", 500),
        ("0.123", 123),
        ("1.000", 1000),
        (".5", 500),
        ("2", 1000),
        ("x", 1000),
    ],
)
def test_q(q: str, thousandths: int) -> None:
    assert contact(f"{HOME};q={q}").q == thousandths


def test_of_too_many_the_one_that_ends_first_is_dropped(
    registrations: Registrations, clock: FakeClock
) -> None:
    for number in range(5):
        register(registrations, f"<sip:100@192.0.2.{number}>", call_id=f"c{number}")
        clock.advance(1)
    assert sorted(uris(registrations.bindings("acme"))) == [
        "<sip:100@192.0.2.2>",
        "<sip:100@192.0.2.3>",
        "<sip:100@192.0.2.4>",
    ]


def test_what_has_just_registered_is_not_the_one_that_is_dropped(
    registrations: Registrations, clock: FakeClock
) -> None:
    """RFC 3261 §10.3 step 8: a 200 lists the bindings that there are, and the device's is one of them."""
    for number in range(3):
        register(registrations, f"<sip:100@192.0.2.{number}>", call_id=f"c{number}", expires_s=3600)
    assert "<sip:200@192.0.2.9>" in uris(register(registrations, "<sip:200@192.0.2.9>", expires_s=60))
    assert len(registrations) == 3
    elsewhere = Binding(SipUri.parse("sip:300@192.0.2.9"), 1000, clock.now() + 60, "d", 1, PaperFlow())
    registrations.take_over("acme", elsewhere)
    assert elsewhere in registrations.bindings("acme")
    assert len(registrations) == 3


def test_star_removes_everything(registrations: Registrations) -> None:
    register(registrations, HOME, DESK)
    assert registrations.remove_all("acme", call_id="c1", cseq=2, expires_s=0) == ()
    assert registrations.bindings("acme") == ()
    assert registrations.remove_all("acme", call_id="c1", cseq=3, expires_s=0) == ()


@pytest.mark.parametrize("expires_s", [None, 1, 3600])
def test_star_needs_expires_zero(registrations: Registrations, expires_s: int | None) -> None:
    register(registrations, HOME)
    result = registrations.remove_all("acme", call_id="c1", cseq=2, expires_s=expires_s)
    assert isinstance(result, RegistrationRefused)
    assert result.status == 400
    assert len(registrations) == 1


def test_star_out_of_order(registrations: Registrations) -> None:
    register(registrations, HOME, cseq=5)
    result = registrations.remove_all("acme", call_id="c1", cseq=5, expires_s=0)
    assert isinstance(result, RegistrationRefused)
    assert result.status == 500
    assert registrations.remove_all("acme", call_id="other", cseq=1, expires_s=0) == ()


def test_a_closed_flow_takes_its_bindings_along(registrations: Registrations) -> None:
    flow, other = PaperFlow(), PaperFlow()
    register(registrations, HOME, flow=flow)
    register(registrations, DESK, call_id="c2", flow=other)
    assert registrations.flow_closed(flow) == ["acme"]
    assert uris(registrations.bindings("acme")) == [DESK]
    assert registrations.flow_closed(flow) == []


def test_expire_tells_whose(registrations: Registrations, clock: FakeClock) -> None:
    register(registrations, HOME, expires_s=60)
    register(registrations, DESK, expires_s=120, call_id="c2")
    assert registrations.expire() == []
    clock.advance(60)
    assert registrations.expire() == ["acme"]
    clock.advance(60)
    assert registrations.expire() == ["acme"]
    assert list(registrations.accounts()) == []


def test_of_secrets_that_are_gone_nothing_is_kept(registrations: Registrations) -> None:
    register(registrations, HOME, secret="old")
    register(registrations, DESK, secret="new")
    assert not registrations.keep("acme", {"old": None, "new": None})
    assert registrations.keep("acme", {"new": None})
    assert [one.secret for one in registrations.bindings("acme")] == ["new"]
    assert registrations.keep("acme", {})
    assert not registrations.keep("acme", {})
    assert registrations.bindings("acme") == ()


def test_nothing_is_kept_for_longer_than_its_secret_is_good(
    registrations: Registrations, clock: FakeClock
) -> None:
    register(registrations, HOME, secret="old", expires_s=600)
    register(registrations, DESK, secret="new", expires_s=600)
    ends = {"old": clock.now() + 100.0, "new": None}
    assert registrations.keep("acme", ends)
    assert not registrations.keep("acme", ends)
    assert [one.remaining_s(clock.now()) for one in registrations.bindings("acme")] == [600, 100]
    clock.advance(100)
    assert [one.secret for one in registrations.bindings("acme")] == ["new"]


def test_who_registers_by_a_secret_that_ends_is_told_when(
    registrations: Registrations, clock: FakeClock
) -> None:
    (binding,) = register(registrations, HOME, secret="old", expires_s=600, until=clock.now() + 90.7)
    assert binding.remaining_s(clock.now()) == 90
    assert register(registrations, HOME, secret="old", expires_s=0, until=clock.now() + 90.7, cseq=2) == ()


def test_whose_secret_an_older_release_did_not_say_stays(registrations: Registrations) -> None:
    register(registrations, HOME)
    assert not registrations.keep("acme", {"new": None})
    assert registrations.keep("acme", {})


def test_only_sip_uris_can_be_called() -> None:
    assert Contact.read(NameAddr.parse("<mailto:a@x.example>")) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), (" 60 ", 60), ("", 3600), ("-1", 3600), ("1.5", 3600), ("9" * 30, 2**32 - 1)],
)
def test_read_expires(text: str, seconds: int) -> None:
    assert read_expires(text) == seconds


@pytest.mark.parametrize(
    "policy", [(0, 3600, 7200, 10), (3601, 3600, 7200, 10), (60, 60, 59, 10), (60, 60, 60, 0)]
)
def test_impossible_policies(policy: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="min_expires_s"):
        RegistrationPolicy(*policy)


def test_a_device_that_registered_elsewhere_replaces_what_it_had_here() -> None:
    clock = FakeClock()
    registrations = Registrations(clock, RegistrationPolicy(max_contacts=2))
    one, two, three = (SipUri.parse(f"sip:{user}@192.0.2.1") for user in ("1", "2", "3"))
    contacts = [Contact(one), Contact(two)]
    registrations.register("acme", call_id="c", cseq=1, contacts=contacts, expires_s=600)
    moved = Binding(one, 1000, clock.now() + 700, "c", 2, PaperFlow())
    registrations.take_over("acme", moved)
    assert [binding.uri for binding in registrations.bindings("acme")] == [one, two]
    registrations.take_over("acme", Binding(three, 1000, clock.now() + 900, "d", 1, PaperFlow()))
    assert [binding.uri for binding in registrations.bindings("acme")] == [three, one], "two at most"
    registrations.remove("acme", replace(moved))
    assert len(registrations.bindings("acme")) == 2, "another one, though equal"
    registrations.remove("acme", moved)
    assert [binding.uri for binding in registrations.bindings("acme")] == [three]


@pytest.mark.parametrize(
    ("contact", "flow", "path", "hop"),
    [
        ("sip:a@192.0.2.1", Transport.TLS, "", Transport.TLS),
        ("sip:a@192.0.2.1;transport=tls", Transport.UDP, "", Transport.UDP),
        ("sips:a@192.0.2.1", Transport.TCP, "", Transport.TCP),
        ("sips:a@192.0.2.1", None, "<sip:proxy.example;lr>", Transport.UDP),
        ("sip:a@192.0.2.1", None, "<sip:proxy.example;lr;transport=tls>", Transport.TLS),
    ],
)
def test_what_a_request_to_a_device_leaves_by(
    contact: str, flow: Transport | None, path: str, hop: Transport
) -> None:
    """Its Contact is not believed where something else leads to it."""
    binding = Binding(
        SipUri.parse(contact), 1000, 0.0, "c", 1, None if flow is None else PaperFlow(flow), source="TLS d"
    )
    binding = replace(binding, path=(path,) if path else ())
    assert (binding.first_transport, binding.transport) == (hop, hop)


@pytest.mark.parametrize("flow", [None, PaperFlow(Transport.TCP, closed=True)])
@pytest.mark.parametrize("over", ["UDP", "TCP", ""])
@pytest.mark.parametrize(
    ("contact", "hop"),
    [
        ("sip:a@192.0.2.1:40123", Transport.UDP),
        ("sip:a@192.0.2.1;transport=TCP", Transport.TCP),
        ("sips:a@192.0.2.1;transport=tcp", Transport.TLS),
        ("sip:a@192.0.2.1;transport=ws", Transport.UDP),
    ],
)
def test_its_contact_is_believed_where_no_flow_leads_to_it(
    contact: str, hop: Transport, over: str, flow: Flow | None
) -> None:
    binding = Binding(SipUri.parse(contact), 1000, 0.0, "c", 1, flow, source=f"{over} 192.0.2.1:40123")
    assert str(binding.next_hop) == contact
    assert (binding.first_transport, binding.transport) == (hop, hop)


LOST = [None, PaperFlow(Transport.TLS, closed=True)]
"""What is known of a flow after a restart, and once it has closed."""


@pytest.mark.parametrize("flow", LOST)
@pytest.mark.parametrize(
    ("contact", "sought"),
    [
        ("sip:a@192.0.2.1", "sip:a@192.0.2.1;transport=tls"),
        ("sip:a@192.0.2.1;transport=TCP", "sip:a@192.0.2.1;transport=tls"),
        ("sips:a@192.0.2.1", "sips:a@192.0.2.1"),
    ],
)
def test_what_registered_over_tls_is_sought_by_tls(contact: str, sought: str, flow: Flow | None) -> None:
    """And counts as reached by it (RFC 4568 §8.3)."""
    binding = Binding(SipUri.parse(contact), 1000, 0.0, "c", 1, flow, source="TLS 192.0.2.1:40123")
    assert str(binding.next_hop) == sought
    assert (binding.first_transport, binding.transport) == (Transport.TLS, "TLS")


@pytest.mark.parametrize("flow", [*LOST, PaperFlow(Transport.TCP, closed=True)])
def test_so_is_what_a_front_had_over_tls_where_it_left_no_path(flow: Flow | None) -> None:
    uri = SipUri.parse("sip:a@192.0.2.1")
    binding = Binding(uri, 1000, 0.0, "c", 1, flow, source="TLS 192.0.2.1:40123", fronted=True)
    assert str(binding.next_hop) == "sip:a@192.0.2.1;transport=tls"


def test_the_first_of_a_path_is_sought_as_it_says() -> None:
    """Whoever has put it there: that is no NAT's guess."""
    uri = SipUri.parse("sip:a@192.0.2.1")
    path = ("<sip:proxy.example;lr>", "<sip:192.0.2.5;lr>")
    binding = Binding(uri, 1000, 0.0, "c", 1, None, source="TLS 192.0.2.5:40123", path=path)
    assert str(binding.next_hop) == "sip:proxy.example;lr"


def test_behind_a_front_it_is_what_the_front_has_to_the_device() -> None:
    path = ("<sip:front.example;lr;transport=tcp>",)
    uri = SipUri.parse("sip:a@192.0.2.1")
    binding = Binding(uri, 1000, 0.0, "c", 1, None, source="TLS 192.0.2.1:40123", path=path, fronted=True)
    assert (binding.first_transport, binding.transport) == (Transport.TCP, "TLS")


@pytest.mark.parametrize("fronted", [False, True])
def test_what_says_where_a_request_goes(registrations: Registrations, *, fronted: bool) -> None:
    """A device's own flow says it all, but for one that a front of ours holds."""
    (binding,) = register(registrations, HOME, flow=PaperFlow())
    here = (binding.uri,) if fronted else ()
    assert replace(binding, fronted=fronted).leads_by == here
    assert replace(binding, flow=None, fronted=fronted).leads_by == (binding.uri,)
    path = ("<sip:one.example;lr>", "<sip:two.example;lr>")
    through = replace(binding, flow=None, path=path, fronted=fronted).leads_by
    assert [uri.host for uri in through] == ["one.example", "two.example", binding.uri.host]


@pytest.mark.parametrize(
    ("received", "host"),
    [("sip:192.0.2.9:5062%3Btransport%3Dtcp", "192.0.2.9"), ("%00", None), ("", None)],
)
def test_a_front_says_in_its_path_where_it_sends_to(
    registrations: Registrations, received: str, host: str | None
) -> None:
    (binding,) = register(registrations, HOME)
    by = replace(binding, path=(f"<sip:front.example;lr;received={received}>",)).leads_by
    assert [uri.host for uri in by] == [
        "front.example",
        *([] if host is None else [host]),
        binding.uri.host,
    ]
