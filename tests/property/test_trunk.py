"""What holds for any number, any forwarding list, any identity header, any sequence of calls."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trunk.entities import ACME, DOMAIN, caller, directory, first
from tests.unit.virtual_clock import FakeClock
from trunkline.errors import DirectoryError
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import Account
from trunkline.trunk.caller_id import from_address, identity_headers, read_identity
from trunkline.trunk.e164 import MalformedNumber, normalise, normalise_user
from trunkline.trunk.far_end import far_end_verdict
from trunkline.trunk.forwarding import ForwardingList, ForwardingSyntaxError
from trunkline.trunk.hunt import AttemptEnd, EndKind, Hunt, HuntTarget, Rules
from trunkline.trunk.limits import AccountLimits, Admission, Counted, Inbound
from trunkline.trunk.plan import OutboundPlan, plan_outbound
from trunkline.trunk.routes import Route, RouteCarrier, RouteTable, in_order
from trunkline.trunk.verdict import Verdict

DIGITS = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)
TYPED = st.text(alphabet="0123456789+-.()/ ;%abcé", max_size=80)


@given(TYPED)
def test_a_number_is_seven_to_fifteen_digits_or_malformed(text: str) -> None:
    for read in (normalise, normalise_user):
        try:
            digits = read(text)
        except MalformedNumber:
            continue
        assert digits.isascii()
        assert digits.isdigit()
        assert 7 <= len(digits) <= 15
        assert digits[0] != "0"
        assert normalise(digits) == digits


@given(
    DIGITS, st.sampled_from(["", "+", "00"]), st.lists(st.sampled_from(" -.()/"), max_size=8), st.randoms()
)
def test_prefix_and_separators_do_not_matter(
    digits: str, prefix: str, separators: list[str], random: object
) -> None:
    text = list(digits)
    for index, separator in enumerate(separators):
        text.insert((index * 7) % len(text) + 1, separator)
    assert normalise(prefix + "".join(text)) == digits


@given(
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.sampled_from(
                [
                    "100@pbx.example",
                    "sip:a@b.example;timeout=2000",
                    "sips:c@d.example:5062;media=srtp",
                    "a@[::1]",
                ]
            ),
        ),
        max_size=12,
    ).map(",".join)
)
def test_a_forwarding_list_is_read_or_refused_in_words(text: str) -> None:
    try:
        forwarding = ForwardingList.parse(text)
    except ForwardingSyntaxError as error:
        refused = error
    else:
        assert_sound(forwarding)
        return
    assert refused.reason
    assert 0 <= refused.position <= len(text)


def assert_sound(forwarding: ForwardingList) -> None:
    assert len(forwarding.endpoints) <= 10
    for endpoint in forwarding.endpoints:
        assert not {"timeout", "media"} & endpoint.uri.params.keys()
        assert SipUri.parse(str(endpoint.uri)) == endpoint.uri
        assert endpoint.timeout_ms is None or 2000 <= endpoint.timeout_ms <= 20000
    assert ForwardingList.parse(forwarding.text) == forwarding


HEADER = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["<sip:447700900123@x.example>", '"A" <tel:+447700900123>;privacy=full', "sip:a@b.example, <tel:+1>"]
    ),
)


@given(st.lists(HEADER, max_size=3), st.lists(HEADER, max_size=3), st.lists(st.text(max_size=20), max_size=3))
def test_no_identity_header_kills_a_call(asserted: list[str], party: list[str], privacy: list[str]) -> None:
    from_ = NameAddr.parse("<sip:447700900999@x.example>")
    identity = read_identity(from_, asserted=asserted, remote_party=party, privacy=privacy)
    if identity.restricted:
        assert identity.presented == "anonymous"
        text = str(from_address(identity, identity.user, DOMAIN))
        assert text == '"Anonymous" <sip:anonymous@anonymous.invalid>'
        assert identity_headers(identity, identity.user, DOMAIN, trusted=False) == (("Privacy", "id"),)


@given(st.text(max_size=40))
def test_any_request_uri_user_gets_a_plan_or_a_verdict(dialled: str) -> None:
    trace: list[str] = []
    plan = plan_outbound(directory(), ACME, dialled, caller(), service_domain=DOMAIN, pick=first, trace=trace)
    assert isinstance(plan, OutboundPlan | Verdict)
    assert trace


@given(st.sets(st.from_regex(r"[0-9]{0,6}", fullmatch=True), max_size=20), DIGITS)
def test_the_route_is_the_longest_prefix(prefixes: set[str], digits: str) -> None:
    found = RouteTable(Route(prefix, (RouteCarrier("a"),)) for prefix in prefixes).find(digits)
    matching = [prefix for prefix in prefixes if digits.startswith(prefix)]
    assert (found and found.prefix) == (max(matching, key=len) if matching else None)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=12), st.data())
def test_every_carrier_is_tried_once_and_by_priority(
    places: list[tuple[int, int]], data: st.DataObject
) -> None:
    items = [RouteCarrier(f"c{index}", priority, weight) for index, (priority, weight) in enumerate(places)]
    ordered = in_order(items, lambda weights: data.draw(st.integers(0, len(weights) - 1)))
    assert sorted(item.carrier for item in ordered) == sorted(item.carrier for item in items)
    assert [item.priority for item in ordered] == sorted(item.priority for item in items)


@given(st.integers(200, 699), st.one_of(st.none(), st.integers(1, 127)))
def test_the_far_ends_status_is_relayed_but_for_its_challenge(status: int, q850: int | None) -> None:
    verdict = far_end_verdict(status, q850)
    assert verdict.status == (403 if status in (401, 407) else status)
    if q850 is not None and status >= 300:
        assert verdict.q850 == q850


ENDS = st.builds(
    AttemptEnd,
    st.sampled_from(EndKind),
    st.integers(300, 699),
    rung=st.booleans(),
    early_media=st.booleans(),
)


@given(st.integers(1, 10), st.lists(ENDS, min_size=10, max_size=10), st.sampled_from(Rules))
def test_a_hunt_always_ends_and_tries_nothing_twice(count: int, ends: list[AttemptEnd], rules: Rules) -> None:
    hunt = Hunt([HuntTarget(str(index), None) for index in range(count)], rules)
    tried: list[str] = []
    verdict = None
    while (target := hunt.next()) is not None:
        assert verdict is None
        end = ends[len(tried)]
        tried.append(target.label)
        verdict = hunt.ended(end)
        if end.early_media:
            assert verdict is not None, "audio was heard: no other endpoint may be tried"
    assert tried == [str(index) for index in range(len(tried))]
    assert verdict is not None
    assert verdict is hunt.verdict()
    assert verdict.status >= 300


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from(["admit", "release", "answer"]), st.floats(0, 0.7)), max_size=60),
)
def test_limits_are_exact(concurrent: int, rate: int, steps: list[tuple[str, float]]) -> None:
    clock = FakeClock()
    limits = AccountLimits(clock)
    account = Account("acme", max_concurrent=concurrent, max_per_second=rate)
    up: list[Admission] = []
    begun: list[float] = []
    for step, seconds in steps:
        if step == "admit":
            now = clock.now()
            free = len(up) < concurrent and sum(now - moment < 1.0 for moment in begun) < rate
            result = limits.admit(account)
            assert isinstance(result, Admission) is free
            if isinstance(result, Admission):
                up.append(result)
                begun.append(now)
        elif up and step == "answer":
            up[0].answered(lambda _verdict: None)
        elif up:
            admission = up.pop()
            admission.release()
            admission.release()
        assert limits.calls_up("acme") == len(up)
        clock.advance(seconds)
    for admission in up:
        admission.release()
    assert limits.calls_up("acme") == 0
    assert limits.used_today_s("acme") >= 0


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(st.tuples(st.booleans(), st.sampled_from(["admit", "answer", "release"])), max_size=60),
)
def test_calls_out_and_in_are_counted_apart(out: int, into: int, steps: list[tuple[bool, str]]) -> None:
    limits = AccountLimits(FakeClock())
    account = Account("acme", max_concurrent=out, max_inbound=into)
    ways: dict[bool, tuple[Counted, int]] = {False: (account, out), True: (Inbound.of(account), into)}
    up: dict[bool, list[Admission]] = {False: [], True: []}
    for inbound, step in steps:
        counted, most = ways[inbound]
        if step == "admit":
            result = limits.admit(counted)
            assert isinstance(result, Admission) is (len(up[inbound]) < most)
            if isinstance(result, Admission):
                up[inbound].append(result)
        elif up[inbound] and step == "answer":
            up[inbound][0].answered(lambda _verdict: None)
        elif up[inbound]:
            admission = up[inbound].pop()
            admission.release()
            admission.release()
        for one, (counted, _) in ways.items():
            assert limits.calls_up(counted.key) == len(up[one])


@given(st.text(max_size=20))
def test_an_account_key_is_a_key_or_an_error(key: str) -> None:
    try:
        account = Account(key)
    except DirectoryError:
        return
    assert SipUri.parse(f"sip:{account.key}@{DOMAIN}").user == key
