"""Plans of calls, both ways: order of the checks, targets, what goes into each INVITE, the trace in words."""

from dataclasses import replace

import pytest

from tests.unit.trunk.entities import (
    ACME,
    ALPHA,
    BETA,
    DOMAIN,
    NUMBER,
    caller,
    directory,
    first,
    gateway,
)
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import Account, AccountStatus, CallerIdPolicy
from trunkline.trunk.caller_id import CallerIdentity, read_identity
from trunkline.trunk.carrier import Carrier, CarrierCredentials, GatewayTransport, Rewrite
from trunkline.trunk.directory import Directory
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.gateway_addresses import NONE_BARRED, Places, places_of
from trunkline.trunk.health import HealthBook, HealthKey, HealthPolicy
from trunkline.trunk.hunt import AttemptEnd, EndKind
from trunkline.trunk.media_policy import DtmfMode, MediaPolicy, SrtpPolicy
from trunkline.trunk.number import Number
from trunkline.trunk.plan import (
    FarLeg,
    InboundPlan,
    OutboundPlan,
    endpoint_health_key,
    gateway_health_key,
    plan_inbound,
    plan_outbound,
)
from trunkline.trunk.registrations import Registrations
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.trunk.verdict import Slug, Verdict

WITHHELD = read_identity(
    NameAddr.parse('"Anonymous" <sip:anonymous@anonymous.invalid>'),
    asserted=["<sip:447700900123@pbx.example>"],
    privacy=["id"],
)


def outbound(
    dialled: str = "441632960000",
    *,
    account: Account = ACME,
    who: CallerIdentity | None = None,
    known: Directory | None = None,
    down: tuple[HealthKey, ...] = (),
    guarded: tuple[str, ...] = (),
    srtp_needs_tls: bool = False,
    trace: list[str] | None = None,
) -> OutboundPlan | Verdict:
    return plan_outbound(
        known or directory(),
        account,
        dialled,
        who or caller(),
        service_domain=DOMAIN,
        pick=first,
        guarded=guarded,
        srtp_needs_tls=srtp_needs_tls,
        is_up=lambda key: key not in down,
        trace=trace,
    )


def planned_out(result: OutboundPlan | Verdict) -> OutboundPlan:
    assert isinstance(result, OutboundPlan), result
    return result


def inbound(
    dialled: str = "441632960000",
    *,
    carrier: Carrier = ALPHA,
    who: CallerIdentity | None = None,
    known: Directory | None = None,
    down: tuple[HealthKey, ...] = (),
    registrations: Registrations | None = None,
    srtp_needs_tls: bool = False,
    barred: Places = NONE_BARRED,
    trace: list[str] | None = None,
) -> InboundPlan | Verdict:
    book = registrations or Registrations(FakeClock())
    return plan_inbound(
        known or directory(),
        carrier,
        dialled,
        who or caller(),
        service_domain=DOMAIN,
        srtp_needs_tls=srtp_needs_tls,
        barred=barred,
        is_up=lambda key: key not in down,
        bindings_of=book.bindings,
        trace=trace,
    )


def planned_in(result: InboundPlan | Verdict) -> InboundPlan:
    assert isinstance(result, InboundPlan), result
    return result


def refused(result: OutboundPlan | InboundPlan | Verdict) -> Verdict:
    assert isinstance(result, Verdict), result
    return result


def legs_out(plan: OutboundPlan) -> list[FarLeg]:
    return [plan.leg(target) for target in plan.targets if target.missing is None]


def to_devices(text: str = f"sip:acme@{DOMAIN};timeout=2000, 100@pbx.example") -> Directory:
    return directory(numbers=[Number("441632960000", "acme", ForwardingList.parse(text))])


def legs_in(plan: InboundPlan) -> list[FarLeg]:
    return [plan.leg(target) for target in plan.targets if target.missing is None]


# -- outbound --------------------------------------------------------------------------------------


def test_an_outbound_call() -> None:
    plan = planned_out(outbound("00441632960000"))
    assert (plan.called, plan.caller.presented) == ("441632960000", "447700900123")
    legs = legs_out(plan)
    assert [str(leg.request_uri) for leg in legs] == [
        "sip:441632960000@gw1.alpha.example",
        "sip:441632960000@gw2.alpha.example:5070",
        "sip:441632960000@192.0.2.50",
    ]
    assert [leg.carrier for leg in legs] == ["alpha", "alpha", "beta"]
    leg = legs[0]
    assert str(leg.from_) == "<sip:447700900123@sip.example.net>"
    assert str(leg.to) == "<sip:441632960000@gw1.alpha.example>"
    assert (leg.headers, leg.credentials, leg.next_hop, leg.media) == ((), None, None, MediaPolicy())
    assert (leg.response_timeout_ms, leg.ring_timeout_s, leg.verify_tls) == (None, None, False)
    assert leg.label == "sip:gw1.alpha.example"


BLOCKED = Account("acme", status=AccountStatus.BLOCKED)
DENIED = Account("acme", denied_prefixes=("44",))
OWNED = Account("acme", caller_id_policy=CallerIdPolicy.OWNED)


@pytest.mark.parametrize(
    ("account", "dialled", "slug", "status"),
    [
        (BLOCKED, "12", Slug.ACCOUNT_BLOCKED, 403),
        (DENIED, "12", Slug.MALFORMED_NUMBER, 484),
        (ACME, "01632960000", Slug.MALFORMED_NUMBER, 484),
        (ACME, "1234567890123456", Slug.MALFORMED_NUMBER, 484),
        (ACME, "alice", Slug.MALFORMED_NUMBER, 484),
        (ACME, "", Slug.MALFORMED_NUMBER, 484),
        (
            replace(DENIED, caller_id_policy=CallerIdPolicy.OWNED),
            "441632960000",
            Slug.DESTINATION_FORBIDDEN,
            403,
        ),
        (Account("acme", allowed_prefixes=("1",)), "441632960000", Slug.DESTINATION_FORBIDDEN, 403),
        (OWNED, "331908817135", Slug.CALLER_ID_FORBIDDEN, 403),
        (ACME, "331908817135", Slug.NO_ROUTE, 404),
    ],
)
def test_outbound_refusals_in_their_order(account: Account, dialled: str, slug: Slug, status: int) -> None:
    verdict = refused(outbound(dialled, account=account))
    assert (verdict.slug, verdict.status) == (slug, status)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (outbound("12"), "the number has 2 digits; E.164 numbers have 7 to 15"),
        (outbound(account=DENIED), "prefix 44 decides"),
        (outbound(account=DENIED, guarded=("44",)), "prefix 44 decides"),
        (
            outbound(guarded=("44",)),
            "prefix 44 is guarded: it has to be allowed for the account by name",
        ),
        (outbound(account=OWNED), "the caller ID in From is 447700900123"),
        (outbound("331908817135"), "no route has a prefix of 331908817135"),
        (outbound(known=directory(carriers=[])), "route '44' leads to no carrier that takes calls"),
        (inbound("12"), "the number has 2 digits; E.164 numbers have 7 to 15"),
        (inbound("441632960009"), "no account has 441632960009"),
    ],
)
def test_the_words_of_a_refusal(verdict: OutboundPlan | InboundPlan | Verdict, words: str) -> None:
    assert refused(verdict).detail == words


def test_replaced_caller_id() -> None:
    account = Account("acme", caller_id_policy=CallerIdPolicy.REPLACE, caller_id_number="441632960000")
    plan = planned_out(outbound(account=account))
    assert str(legs_out(plan)[0].from_) == "<sip:441632960000@sip.example.net>"


def test_any_caller_id_passes_as_it_came() -> None:
    plan = planned_out(outbound(who=caller('"Front desk" <sip:reception@pbx.example>')))
    assert str(legs_out(plan)[0].from_) == '"Front desk" <sip:reception@sip.example.net>'


@pytest.mark.parametrize(
    ("dialled", "slug"),
    [
        ("449061234567", Slug.DESTINATION_FORBIDDEN),
        ("4409061234567", Slug.DESTINATION_FORBIDDEN),
        ("+44 (0)906 1234567", Slug.DESTINATION_FORBIDDEN),
        ("4400882123456", Slug.MALFORMED_NUMBER),
        ("1011882123456", Slug.MALFORMED_NUMBER),
        ("11900555012", Slug.MALFORMED_NUMBER),
    ],
)
def test_no_guarded_prefix_is_passed_by_digits_behind_the_country_code(dialled: str, slug: Slug) -> None:
    assert refused(outbound(dialled, guarded=("1900", "449", "882"))).slug is slug


@pytest.mark.parametrize("trusted", [True, False])
def test_a_withheld_number_is_told_only_to_a_trusted_carrier(trusted: bool) -> None:
    known = directory(carriers=[replace(ALPHA, trusted=trusted, caller_rules=(Rewrite("", 0, "+"),)), BETA])
    leg = legs_out(planned_out(outbound(who=WITHHELD, known=known)))[0]
    assert str(leg.from_) == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    told = [("P-Asserted-Identity", "<sip:+447700900123@sip.example.net>")] if trusted else []
    assert list(leg.headers) == [("Privacy", "id"), *told]


def test_everything_that_a_carrier_may_want() -> None:
    carrier = replace(
        ALPHA,
        called_rules=(Rewrite("44", 2, "0"),),
        caller_rules=(Rewrite("", 0, "+"),),
        credentials=CarrierCredentials("user", "secret"),
        codecs=("G729", "PCMA"),
        transport=GatewayTransport.TLS,
        verify_tls=True,
        response_timeout_ms=2500,
        ring_timeout_s=90.0,
        from_host="trunk.example.org",
    )
    leg = legs_out(planned_out(outbound(known=directory(carriers=[carrier, BETA]))))[0]
    assert str(leg.request_uri) == "sip:01632960000@gw1.alpha.example;transport=tls"
    assert str(leg.to) == "<sip:01632960000@gw1.alpha.example>"
    assert str(leg.from_) == "<sip:+447700900123@trunk.example.org>"
    assert leg.credentials == carrier.credentials
    assert (leg.media.codecs, leg.verify_tls) == (carrier.codecs, True)
    assert (leg.response_timeout_ms, leg.ring_timeout_s) == (2500, 90.0)


def test_each_side_of_an_outbound_call_has_its_own_wishes_for_its_media() -> None:
    carrier = replace(ALPHA, codecs=("G722", "PCMU"), transcoding=False, srtp=SrtpPolicy.REQUIRED)
    account = Account("acme", codecs=("PCMA", "G722"), dtmf=DtmfMode.INFO)
    plan = planned_out(outbound(account=account, known=directory(carriers=[carrier, BETA])))
    assert plan.caller_media == MediaPolicy(("PCMA", "G722"), dtmf=DtmfMode.INFO)
    assert legs_out(plan)[0].media == MediaPolicy(
        ("G722", "PCMU"), transcoding=False, srtp=SrtpPolicy.REQUIRED
    )


def test_srtp_keys_are_not_shown_to_a_carrier_where_they_must_not_be() -> None:
    carriers = [
        replace(ALPHA, srtp=SrtpPolicy.REQUIRED),
        replace(BETA, srtp=SrtpPolicy.REQUIRED, transport=GatewayTransport.TLS),
    ]
    trace: list[str] = []
    plan = planned_out(outbound(known=directory(carriers=carriers), srtp_needs_tls=True, trace=trace))
    assert [leg.carrier for leg in legs_out(plan)] == ["beta"]
    assert [step for step in trace if "readable" in step]
    refused = planned_out(outbound(known=directory(carriers=[carriers[0]]), srtp_needs_tls=True)).hunt()
    assert refused.next() is None
    assert (refused.verdict().slug, refused.verdict().status) == (Slug.SRTP_UNAVAILABLE, 488)


def test_carriers_that_take_no_calls_are_left_out() -> None:
    route = Route(
        "44", tuple(RouteCarrier(name, index) for index, name in enumerate(["gone", "off", "bare", "beta"]))
    )
    off = replace(ALPHA, name="off", enabled=False)
    trace: list[str] = []
    known = directory(carriers=[off, Carrier("bare", ()), BETA], routes=[route])
    plan = planned_out(outbound(known=known, trace=trace))
    assert [target.carrier.name for target in plan.targets] == ["beta"]
    assert [line for line in trace if "left out" in line] == [
        "Carrier gone is left out: it does not exist.",
        "Carrier off is left out: it is disabled.",
        "Carrier bare is left out: it has no gateway.",
    ]
    verdict = refused(outbound(known=directory(carriers=[off], routes=[Route("44", (RouteCarrier("off"),))])))
    assert (verdict.slug, verdict.status) == (Slug.NO_ROUTE, 404)


def test_a_down_gateway_is_kept_for_the_end() -> None:
    down = gateway_health_key(ALPHA, ALPHA.gateways[0])
    plan = planned_out(outbound(down=(down,)))
    assert [target.label for target in plan.targets] == [
        "sip:gw2.alpha.example:5070",
        "sip:192.0.2.50",
        "sip:gw1.alpha.example",
    ]


def test_equal_carriers_and_gateways_are_drawn() -> None:
    equal = Carrier("alpha", (gateway("sip:a1.example"), gateway("sip:a2.example")))
    route = Route("44", (RouteCarrier("alpha"), RouteCarrier("beta")))
    known = directory(carriers=[equal, BETA], routes=[route])
    plan = plan_outbound(
        known, ACME, "441632960000", caller(), service_domain=DOMAIN, pick=lambda weights: len(weights) - 1
    )
    labels = [target.label for target in planned_out(plan).targets]
    assert labels == ["sip:192.0.2.50", "sip:a2.example", "sip:a1.example"]


def test_the_hunt_of_an_outbound_plan() -> None:
    health = HealthBook(FakeClock(), HealthPolicy(failures=1, window=1))
    hunt = planned_out(outbound()).hunt(health)
    hunt.next()
    assert hunt.ended(AttemptEnd(EndKind.RESPONSE, 408)) is None, "the rules are those of gateways"
    hunt.next()
    assert hunt.ended(AttemptEnd(EndKind.SILENT)) is None
    assert not health.is_up(gateway_health_key(ALPHA, ALPHA.gateways[1]))


def test_the_trace_of_an_outbound_call() -> None:
    trace: list[str] = []
    outbound("+441632960000", account=OWNED, who=caller("<sip:441632960000@pbx.example>"), trace=trace)
    assert trace == [
        "Account acme is active.",
        "+441632960000 is the number 441632960000.",
        "The account may call 441632960000: no prefix of the account's lists matches it.",
        "Caller ID 441632960000 (from From) is presented as 441632960000: policy 'owned'.",
        "Route 44 leads to alpha, then beta.",
        "Attempt 1: sip:gw1.alpha.example.",
        "Attempt 2: sip:gw2.alpha.example:5070.",
        "Attempt 3: sip:192.0.2.50.",
    ]


@pytest.mark.parametrize(
    ("account", "dialled", "last"),
    [
        (BLOCKED, "441632960000", "Account acme is blocked."),
        (
            ACME,
            "0163",
            "What was dialled is not an E.164 number: it has 4 digits; E.164 numbers have 7 to 15.",
        ),
        (DENIED, "441632960000", "The account may not call 441632960000: prefix 44 decides."),
        (
            OWNED,
            "441632960000",
            "Caller ID 447700900123 (from From) is refused: policy 'owned' wants a number of the account.",
        ),
        (ACME, "331908817135", "No route has a prefix of 331908817135."),
    ],
)
def test_the_trace_ends_with_the_reason(account: Account, dialled: str, last: str) -> None:
    trace: list[str] = []
    refused(outbound(dialled, account=account, trace=trace))
    assert trace[-1] == last


def test_the_trace_tells_of_a_withheld_number() -> None:
    trace: list[str] = []
    outbound(who=WITHHELD, trace=trace)
    assert (
        "Caller ID 447700900123 (from P-Asserted-Identity) is presented as 447700900123: policy 'any'; "
        "it is withheld from the callee."
    ) in trace


def test_a_number_sign_before_a_number_is_escaped() -> None:
    """A prefix of a carrier may end with one, and no user part may hold it (RFC 3261 §25.1)."""
    carrier = replace(ALPHA, called_rules=(Rewrite("", 0, "9901#"),), caller_rules=(Rewrite("", 0, "#31#"),))
    leg = legs_out(planned_out(outbound(known=directory(carriers=[carrier, BETA]))))[0]
    assert str(leg.request_uri) == "sip:9901%23441632960000@gw1.alpha.example"
    assert str(leg.to) == "<sip:9901%23441632960000@gw1.alpha.example>"
    assert str(leg.from_) == "<sip:%2331%23447700900123@sip.example.net>"


# -- inbound ---------------------------------------------------------------------------------------


def test_an_inbound_call() -> None:
    """Request-URI as typed, From and To of the service domain, the caller as received."""
    plan = planned_in(inbound("+441632960000", who=caller('"Ann" <sip:+447700900123@carrier.example>')))
    assert plan.called == "441632960000"
    legs = legs_in(plan)
    assert [str(leg.request_uri) for leg in legs] == ["sip:100@pbx1.example", "sip:100@pbx2.example"]
    leg = legs[0]
    assert str(leg.from_) == '"Ann" <sip:+447700900123@sip.example.net>'
    assert str(leg.to) == "<sip:441632960000@sip.example.net>"
    assert (leg.headers, leg.credentials, leg.next_hop, leg.carrier) == ((), None, None, None)
    assert leg.verify_tls is None


UNFORWARDED = Number("441632960001", "acme")


@pytest.mark.parametrize(
    ("known", "dialled", "slug", "status"),
    [
        (directory(), "12", Slug.MALFORMED_NUMBER, 484),
        (directory(), "441632960009", Slug.UNKNOWN_NUMBER, 404),
        (directory(accounts=[]), "441632960000", Slug.UNKNOWN_NUMBER, 404),
        (directory(accounts=[BLOCKED]), "441632960000", Slug.ACCOUNT_BLOCKED, 403),
        (directory(numbers=[UNFORWARDED]), "441632960001", Slug.NO_FORWARDING, 480),
    ],
)
def test_inbound_refusals(known: Directory, dialled: str, slug: Slug, status: int) -> None:
    verdict = refused(inbound(dialled, known=known))
    assert (verdict.slug, verdict.status) == (slug, status)


def test_privacy_towards_the_customer() -> None:
    leg = legs_in(planned_in(inbound(who=WITHHELD, carrier=replace(ALPHA, trusted=True))))[0]
    assert str(leg.from_) == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert leg.headers == (("Privacy", "id"),), "a customer is outside the trust domain"


def test_inbound_rules_of_the_carrier() -> None:
    carrier = replace(
        ALPHA,
        inbound_called_rules=(Rewrite("0", 1, "44"),),
        inbound_caller_rules=(Rewrite("0", 1, "+44"),),
        codecs=("PCMU", "PCMA"),
    )
    plan = planned_in(inbound("01632960000;npdi", carrier=carrier, who=caller("<sip:07700900123@c.example>")))
    leg = legs_in(plan)[0]
    assert plan.called == "441632960000"
    assert plan.caller.number == "447700900123"
    assert str(leg.from_) == "<sip:+447700900123@sip.example.net>"
    assert plan.caller_media.codecs == ("PCMU", "PCMA")
    assert leg.media == MediaPolicy()


@pytest.mark.parametrize("dialled", ["01632960000", "%301632960000", "01632960000;npdi", "0163-2960000"])
def test_inbound_rules_see_the_number_as_it_was_dialled(dialled: str) -> None:
    carrier = replace(ALPHA, inbound_called_rules=(Rewrite("0", 1, "44"),))
    assert planned_in(inbound(dialled, carrier=carrier)).called == "441632960000"


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("Unavailable", "Unavailable"),
        ("Restricted", "Restricted"),
        ("alice.smith", "alice.smith"),
        ("441632960001", "+441632960001"),
        ("+441632960001", "+441632960001"),
        ("44-1632-960001", "+44-1632-960001"),
    ],
)
def test_inbound_rules_are_for_numbers(user: str, shown: str) -> None:
    """Carriers name a caller in words, whose number they don't have."""
    carrier = replace(ALPHA, inbound_caller_rules=(Rewrite("", 0, "+"),))
    plan = planned_in(inbound(carrier=carrier, who=caller(f"<sip:{user}@c.example>")))
    assert str(legs_in(plan)[0].from_) == f"<sip:{shown}@sip.example.net>"


def test_inbound_rules_leave_a_nameless_caller_alone() -> None:
    carrier = replace(ALPHA, inbound_caller_rules=(Rewrite("", 0, "+"),))
    plan = planned_in(inbound(carrier=carrier, who=caller("<sip:c.example>")))
    assert plan.caller.user is None


def test_entry_parameters() -> None:
    text = "sips:a@pbx.example;timeout=3000"
    number = Number("441632960000", "acme", ForwardingList.parse(text), ring_timeout_s=20.0)
    leg = legs_in(planned_in(inbound(known=directory(numbers=[number]))))[0]
    assert str(leg.request_uri) == "sips:a@pbx.example"
    assert (leg.response_timeout_ms, leg.ring_timeout_s, leg.media) == (3000, 20.0, MediaPolicy())


SRTP_THEN_PLAIN = Number(
    "441632960000", "acme", ForwardingList.parse("a@pbx.example;media=srtp, b@pbx.example")
)


def test_an_endpoint_that_asks_for_srtp_is_offered_nothing_else() -> None:
    legs = legs_in(planned_in(inbound(known=directory(numbers=[SRTP_THEN_PLAIN]))))
    assert [leg.media.srtp for leg in legs] == [SrtpPolicy.REQUIRED, SrtpPolicy.ALLOWED]


@pytest.mark.parametrize(
    ("account", "srtp_needs_tls"),
    [(replace(ACME, srtp=SrtpPolicy.FORBIDDEN), False), (ACME, True)],
    ids=["forbidden", "readable"],
)
def test_an_endpoint_that_may_not_have_the_srtp_it_asks_for_is_passed_over_never_sent_plain_audio(
    account: Account, srtp_needs_tls: bool
) -> None:
    trace: list[str] = []
    known = directory(numbers=[SRTP_THEN_PLAIN], accounts=[account])
    plan = planned_in(inbound(known=known, srtp_needs_tls=srtp_needs_tls, trace=trace))
    assert [str(leg.request_uri) for leg in legs_in(plan)] == ["sip:b@pbx.example"]
    assert [step for step in trace if step.startswith("sip:a@pbx.example is passed over: ")]


def test_srtp_alone_where_it_may_not_be_is_refused_with_488() -> None:
    forwarding = ForwardingList.parse("a@pbx.example;media=srtp")
    known = directory(numbers=[Number("441632960000", "acme", forwarding)])
    hunt = planned_in(inbound(known=known, srtp_needs_tls=True)).hunt()
    assert hunt.next() is None
    assert (hunt.verdict().slug, hunt.verdict().status) == (Slug.SRTP_UNAVAILABLE, 488)


def test_who_is_not_registered_is_told_as_that_where_keys_may_go_by_tls_alone_too() -> None:
    known = to_devices(f"acme@{DOMAIN};media=srtp")
    hunt = planned_in(inbound(known=known, srtp_needs_tls=True)).hunt()
    assert hunt.next() is None
    assert hunt.verdict().slug is Slug.NOT_REGISTERED


def test_a_down_endpoint_is_kept_for_the_end() -> None:
    down = endpoint_health_key(NUMBER, NUMBER.forwarding.endpoints[0])
    trace: list[str] = []
    plan = planned_in(inbound(down=(down,), trace=trace))
    assert [target.label for target in plan.targets] == ["sip:100@pbx2.example", "sip:100@pbx1.example"]
    assert trace[-3:] == [
        "sip:100@pbx1.example is down: it is kept for the end.",
        "Attempt 1: sip:100@pbx2.example.",
        "Attempt 2: sip:100@pbx1.example.",
    ]


def test_all_endpoints_down_means_all_in_order() -> None:
    down = tuple(endpoint_health_key(NUMBER, endpoint) for endpoint in NUMBER.forwarding.endpoints)
    plan = planned_in(inbound(down=down))
    assert [target.label for target in plan.targets] == ["sip:100@pbx1.example", "sip:100@pbx2.example"]


def test_an_endpoint_at_a_carriers_gateway_is_passed_over_in_words() -> None:
    known = directory(
        numbers=[Number("441632960000", "acme", ForwardingList.parse("a@pbx.example, b@192.0.2.1"))]
    )
    barred = places_of([SipUri.parse("sip:192.0.2.1")])
    trace: list[str] = []
    plan = planned_in(inbound(known=known, barred=barred, trace=trace))
    assert [str(leg.request_uri) for leg in legs_in(plan)] == ["sip:a@pbx.example"]
    assert "sip:b@192.0.2.1 is passed over: sip:b@192.0.2.1 is a carrier's gateway." in trace
    missing = plan.targets[1].missing
    assert missing is not None
    assert (missing.slug, plan.targets[1].health_key) == (Slug.FORWARDS_TO_GATEWAY, None)
    assert missing.detail == "sip:b@192.0.2.1: sip:b@192.0.2.1 is a carrier's gateway"


# -- registered devices ----------------------------------------------------------------------------


def test_the_hunt_of_an_inbound_plan() -> None:
    hunt = planned_in(inbound()).hunt(None, 480)
    hunt.next()
    hunt.ended(AttemptEnd(EndKind.SILENT))
    hunt.next()
    verdict = hunt.ended(AttemptEnd(EndKind.SILENT))
    assert verdict is not None
    assert (verdict.status, verdict.slug) == (480, Slug.ALL_SILENT)


def test_the_trace_of_an_inbound_call() -> None:
    trace: list[str] = []
    known = to_devices(f"acme@{DOMAIN}, 100@pbx.example")
    inbound("00441632960000", who=WITHHELD, known=known, trace=trace)
    assert trace == [
        "Carrier alpha calls 00441632960000: that is the number 441632960000.",
        "The number belongs to account acme, which is active.",
        "The caller is 447700900123 (from P-Asserted-Identity), withheld.",
        "sip:acme@sip.example.net can't be reached: no device is registered for account acme.",
        "Attempt 1: sip:100@pbx.example.",
    ]
