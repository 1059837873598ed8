"""REGISTER at a node (RFC 3261 §10.3)."""

from dataclasses import replace
from email.utils import parsedate_to_datetime

from tests.simulation.phone import Phone
from tests.simulation.world import ACCOUNT, CUSTOMER, DOMAIN, KEY, NODE, SECRET, World, credential
from trunkline.call.registrar import PATH_MAX, SWEEP_S
from trunkline.sip.fronted import FrontedFlow
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import AccountStatus

CREDENTIALS = DigestUser(KEY, SECRET)


def register(
    world: World,
    contact: str | None,
    *,
    phone: Phone | None = None,
    expires: str | None = None,
    transport: str = "",
    credentials: DigestUser | None = CREDENTIALS,
    more: tuple[tuple[str, str], ...] = (),
) -> Response:
    """The final answer."""
    phone = world.customer if phone is None else phone
    headers = [] if contact is None else [("Contact", contact)]
    if expires is not None:
        headers.append(("Expires", expires))
    phone.agent.request(
        "REGISTER",
        SipUri.parse(f"sip:{NODE}{transport}"),
        from_=NameAddr(None, SipUri("sip", KEY, DOMAIN)),
        to=NameAddr(None, SipUri("sip", KEY, DOMAIN)),
        headers=(*headers, *more),
        credentials=credentials,
        on_response=phone.note_answer,
        on_failure=phone.note_refusal,
    )
    world.clock.advance(0.5)
    return phone.responses[-1]


def test_without_credentials_it_is_401() -> None:
    world = World()
    assert register(world, f"<sip:a@{CUSTOMER}>", credentials=None).status == 401


def test_register_query_refresh_and_remove() -> None:
    world = World()
    response = register(world, f"<sip:a@{CUSTOMER}>;q=0.5", expires="600")
    assert response.headers.all("contact") == [f"<sip:a@{CUSTOMER}>;q=0.5;expires=600"]
    world.clock.advance(100)
    assert "expires=500" in register(world, None).headers.all("contact")[0]
    refreshed = register(world, f"<sip:a@{CUSTOMER}>", expires="900")
    assert refreshed.headers.all("contact") == [f"<sip:a@{CUSTOMER}>;expires=900"]
    assert len(world.node.books.bindings[KEY]) == 1
    assert register(world, f"<sip:a@{CUSTOMER}>", expires="0").headers.all("contact") == []
    assert world.node.books.bindings[KEY] == ()
    world.finish()


def test_a_device_is_told_the_time() -> None:
    """RFC 3261 §10.3 step 8: phones without NTP set their clock by it."""
    world = World()
    date = register(world, f"<sip:a@{CUSTOMER}>").headers.get("date")
    assert date is not None
    assert date.endswith(" GMT")
    assert 0.0 <= world.clock.wall() - parsedate_to_datetime(date).timestamp() < 2.0
    world.finish()


def test_star_removes_all() -> None:
    world = World()
    for user in "ab":
        register(world, f"<sip:{user}@{CUSTOMER}>")
    assert register(world, "*", expires="3600").status == 400
    assert register(world, "*", expires="0").status == 200
    assert len(world.node.registrations) == 0


def test_star_beside_another_contact_is_400_and_removes_nothing() -> None:
    world = World()
    register(world, f"<sip:a@{CUSTOMER}>")
    other = ("Contact", f"<sip:b@{CUSTOMER}>")
    assert register(world, "*", expires="0", more=(other,)).status == 400
    assert len(world.node.registrations) == 1


def test_too_brief_is_423_with_min_expires() -> None:
    world = World()
    response = register(world, f"<sip:a@{CUSTOMER}>", expires="10")
    assert response.status == 423
    assert response.headers.get("min-expires") == "60"


def test_a_contact_that_is_no_sip_uri_is_400() -> None:
    world = World()
    assert register(world, "<tel:+4930>").status == 400
    assert register(world, "<<<").status == 400
    assert len(world.node.registrations) == 0


def test_a_blocked_account_is_403() -> None:
    world = World(account=replace(ACCOUNT, status=AccountStatus.BLOCKED))
    response = register(world, f"<sip:a@{CUSTOMER}>")
    assert response.status == 403
    assert response.headers.all("reason")[0] == 'SIP;cause=403;text="account-blocked"'


def test_bindings_expire_in_the_sweep() -> None:
    world = World()
    register(world, f"<sip:a@{CUSTOMER}>", expires="60")
    world.node.registrar.start()
    world.clock.advance(60 + SWEEP_S)
    assert world.node.books.bindings[KEY] == ()


def test_a_closed_connection_takes_its_binding_along() -> None:
    world = World()
    register(world, f"<sip:a@{CUSTOMER};transport=tcp>", transport=";transport=tcp")
    assert len(world.node.registrations) == 1
    flow = world.node.host.streams[Transport.TCP, world.customer.host.address]
    flow.close()
    world.node.registrar.flow_closed(flow)
    assert world.node.books.bindings[KEY] == ()


def test_a_path_is_followed_and_told_to_the_device() -> None:
    """RFC 3327 §5.3."""
    world = World()
    path = ("Path", "<sip:front.example;lr;received=sip:203.0.113.7:40000>, <sip:192.0.2.5;lr>")
    response = register(world, f"<sip:a@{CUSTOMER}>", more=(path, ("User-Agent", "desk phone")))
    assert response.headers.all("path") == [path[1]]
    (binding,) = world.node.books.bindings[KEY]
    assert binding.user_agent == "desk phone"
    assert binding.path == ("<sip:front.example;lr;received=sip:203.0.113.7:40000>", "<sip:192.0.2.5;lr>")
    assert binding.flow is None


def test_the_devices_of_an_account_that_is_shut_out_are_forgotten() -> None:
    world = World()
    register(world, f"<sip:a@{CUSTOMER}>")
    blocked = replace(ACCOUNT, status=AccountStatus.BLOCKED)
    world.node.registrar.review(KEY, ACCOUNT)
    assert len(world.node.registrations.bindings(KEY)) == 1
    world.node.registrar.review(KEY, blocked)
    assert (world.node.registrations.bindings(KEY), world.node.books.bindings[KEY]) == ((), ())
    del world.node.books.bindings[KEY]
    world.node.registrar.review(KEY, blocked)
    world.node.registrar.review(KEY, None)
    assert KEY not in world.node.books.bindings, "nobody is told of nothing"


def test_so_are_those_of_a_secret_that_is_revoked() -> None:
    """At once, or when it ends; and those of the others stay."""
    old, new = replace(credential(), name="1"), replace(credential(secret="another"), name="2")
    world = World(account=replace(ACCOUNT, credentials=(old, new)))
    register(world, f"<sip:thief@{CUSTOMER}>")
    register(world, f"<sip:desk@{CUSTOMER}>", credentials=DigestUser(KEY, "another"))
    ending = replace(old, expires_at=world.clock.wall() + 100.0)
    world.node.registrar.review(KEY, replace(ACCOUNT, credentials=(ending, new)))
    now = world.clock.now()
    assert [one.remaining_s(now) for one in world.node.books.bindings[KEY]] == [3600, 100]
    world.node.registrar.review(KEY, replace(ACCOUNT, credentials=(new,)))
    assert [one.uri.user for one in world.node.books.bindings[KEY]] == ["desk"]
    world.finish()


def test_who_registers_by_a_secret_that_ends_has_to_come_again_then() -> None:
    world = World(account=replace(ACCOUNT, credentials=(replace(credential(), name="1"),)))
    ending = replace(credential(), name="1", expires_at=world.clock.wall() + 100.0)
    world.node.put(replace(ACCOUNT, credentials=(ending,)))
    (contact,) = register(world, f"<sip:a@{CUSTOMER}>").headers.all("contact")
    assert contact.endswith((";expires=99", ";expires=100"))
    world.finish()


def test_a_path_that_can_not_be_followed_is_refused() -> None:
    world = World()
    hop = "<sip:192.0.2.5;lr>"
    for value in ("<tel:+4930123456>", ", ".join([hop] * (PATH_MAX + 1))):
        response = register(world, f"<sip:a@{CUSTOMER}>", more=(("Path", value),))
        assert response.status == 400
        words = f"a Path of at most {PATH_MAX} sip URIs is followed"
        assert response.headers.get("warning") == f'399 {DOMAIN} "{words}"'
    assert KEY not in world.node.books.bindings
    longest = ("Path", ", ".join([hop] * PATH_MAX))
    assert register(world, f"<sip:a@{CUSTOMER}>", more=(longest,)).status == 200


def test_a_path_that_no_route_can_repeat_is_refused() -> None:
    """A quoted string may hold a NUL (RFC 3261 §25.1), and calls would carry it in Route (RFC 3327 §5.3)."""
    world = World()
    request = parse_message(_register('Path: <sip:front.example;lr>;note="a\\\0b"'))
    assert isinstance(request, Request)
    response = world.node.registrar.register(request, world.flow_from(world.customer), ACCOUNT, "")
    assert response.status == 400
    assert KEY not in world.node.books.bindings


def test_a_front_says_what_it_has_to_the_device() -> None:
    """Its own way to us is another matter."""
    world = World()
    flow = FrontedFlow(world.flow_from(world.customer), Address("203.0.113.7", 40000), "TLS")
    request = parse_message(_register("Path: <sip:front.example;lr>"))
    assert isinstance(request, Request)
    assert world.node.registrar.register(request, flow, ACCOUNT, "").status == 200
    (binding,) = world.node.books.bindings[KEY]
    assert (binding.transport, binding.first_transport) == ("TLS", Transport.UDP)


def _register(path: str) -> bytes:
    fields = [
        "REGISTER sip:sip.example.net SIP/2.0",
        "Via: SIP/2.0/UDP front.example;branch=z9hG4bK1",
        f"From: <sip:{KEY}@{DOMAIN}>;tag=1",
        f"To: <sip:{KEY}@{DOMAIN}>",
        "Call-ID: 1",
        "CSeq: 1 REGISTER",
        "Contact: <sip:a@203.0.113.7:40000>",
        path,
    ]
    return "\r\n".join([*fields, "", ""]).encode()
