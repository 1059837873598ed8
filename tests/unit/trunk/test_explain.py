"""What would happen to a call: the plan of real calls, asked without one."""

from dataclasses import replace

from tests.unit.trunk.entities import ACME, ALPHA, BETA, DOMAIN, NUMBER, directory
from tests.unit.virtual_clock import FakeClock
from trunkline.trunk.account import AccountStatus
from trunkline.trunk.explain import explain_inbound, explain_outbound
from trunkline.trunk.limits import AccountLimits, Inbound
from trunkline.trunk.media_policy import SrtpPolicy
from trunkline.trunk.plan import endpoint_health_key
from trunkline.trunk.verdict import Slug, Verdict

OTHER = "447700900123"


def test_an_outbound_call_that_would_be_placed() -> None:
    answer = explain_outbound(directory(), "acme", f"00{NUMBER.e164}", OTHER, service_domain=DOMAIN)
    assert answer.refusal is None
    told = "\n".join(answer.steps)
    for part in (NUMBER.e164, "alpha", "gw1.alpha.example", "beta"):
        assert part in told


def test_the_codecs_that_a_call_could_have_are_told() -> None:
    strict = directory(carriers=[replace(ALPHA, codecs=("G729",), transcoding=False), BETA])
    out = explain_outbound(strict, "acme", NUMBER.e164, OTHER, service_domain=DOMAIN)
    assert [step.partition(":")[0] for step in out.steps[-3:]] == [
        "Audio with the account",
        "Audio with carrier alpha",
        "Audio with carrier beta",
    ]
    assert "needs G729 on both sides" in out.steps[-2]
    into = explain_inbound(directory(), NUMBER.e164, OTHER, service_domain=DOMAIN)
    assert "audio is transcoded" in into.steps[-1]


def test_srtp_whose_keys_would_travel_readable_is_told() -> None:
    secure = directory(carriers=[replace(ALPHA, srtp=SrtpPolicy.REQUIRED)])
    answer = explain_outbound(secure, "acme", NUMBER.e164, OTHER, service_domain=DOMAIN, srtp_needs_tls=True)
    assert any("readable" in step for step in answer.steps)


def test_an_outbound_call_that_would_be_refused() -> None:
    answer = explain_outbound(directory(), "acme", "12", OTHER, service_domain=DOMAIN)
    assert answer.refusal is not None
    assert answer.refusal.slug is Slug.MALFORMED_NUMBER
    assert answer.steps


def test_an_unknown_account() -> None:
    answer = explain_outbound(directory(), "nobody", NUMBER.e164, OTHER, service_domain=DOMAIN)
    assert answer.refusal is not None
    assert answer.refusal.slug is Slug.BAD_CREDENTIALS
    assert answer.steps == ("There is no account nobody.",)


def test_limits_are_asked_and_nothing_is_used_up() -> None:
    account = replace(ACME, max_concurrent=1)
    known = directory(accounts=(account,))
    limits = AccountLimits(FakeClock())
    for _ in range(3):
        free = explain_outbound(known, "acme", NUMBER.e164, OTHER, service_domain=DOMAIN, limits=limits)
        assert free.refusal is None
    assert not isinstance(limits.admit(account), Verdict)
    full = explain_outbound(known, "acme", NUMBER.e164, OTHER, service_domain=DOMAIN, limits=limits)
    assert full.refusal is not None
    assert full.refusal.slug is Slug.CALL_LIMIT
    assert full.steps[-1].startswith("A limit of the account is reached")


def test_the_limit_of_calls_to_its_numbers_is_asked_too() -> None:
    account = replace(ACME, max_inbound=1)
    known = directory(accounts=(account,))
    limits = AccountLimits(FakeClock())
    limits.enter(account)
    for _ in range(2):
        free = explain_inbound(known, NUMBER.e164, OTHER, service_domain=DOMAIN, limits=limits)
        assert free.refusal is None
    limits.enter(Inbound.of(account))
    full = explain_inbound(known, NUMBER.e164, OTHER, service_domain=DOMAIN, limits=limits)
    assert full.refusal is not None
    assert full.refusal.slug is Slug.NUMBERS_BUSY
    assert full.steps[-1] == "A limit of the account is reached: 1 of 1 calls are up."


def test_an_inbound_call_names_its_endpoints_in_order() -> None:
    answer = explain_inbound(directory(), NUMBER.e164, OTHER, service_domain=DOMAIN)
    assert answer.refusal is None
    told = "\n".join(answer.steps)
    assert told.index("pbx1.example") < told.index("pbx2.example")


def test_an_inbound_call_knows_who_is_down() -> None:
    down = endpoint_health_key(NUMBER, NUMBER.forwarding.endpoints[0])
    up = explain_inbound(directory(), NUMBER.e164, None, service_domain=DOMAIN)
    answer = explain_inbound(
        directory(), NUMBER.e164, None, service_domain=DOMAIN, is_up=lambda key: key != down
    )
    assert answer.steps != up.steps
    assert any("pbx1.example" in step and "down" in step for step in answer.steps)


def test_an_inbound_call_to_nobody() -> None:
    answer = explain_inbound(directory(), "15551234567", OTHER, service_domain=DOMAIN)
    assert answer.refusal is not None
    assert answer.refusal.slug is Slug.UNKNOWN_NUMBER


def test_a_blocked_account_gets_no_inbound_call() -> None:
    known = directory(accounts=(replace(ACME, status=AccountStatus.BLOCKED),))
    answer = explain_inbound(known, NUMBER.e164, OTHER, service_domain=DOMAIN, carrier="alpha")
    assert answer.refusal is not None
    assert answer.refusal.slug is Slug.ACCOUNT_BLOCKED
