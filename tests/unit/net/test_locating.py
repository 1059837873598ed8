"""RFC 3263 §4 and RFC 2782, with answers out of a table."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from trunkline.net.locating import (
    MAX_TARGETS,
    Answer,
    Naptr,
    Outcome,
    Question,
    RecordType,
    Srv,
    direct,
    in_order,
    search,
)
from trunkline.sip.ports import LocateFailure, Target
from trunkline.sip.uri import SipUri

Zone = Mapping[tuple[str, RecordType], Answer]
A, AAAA, SRV, NAPTR = RecordType.A, RecordType.AAAA, RecordType.SRV, RecordType.NAPTR


def hosts(*addresses: str) -> Answer:
    return Answer(Outcome.FOUND, addresses=addresses)


def srv(*records: tuple[int, int, int, str]) -> Answer:
    return Answer(Outcome.FOUND, services=tuple(Srv(*record) for record in records))


def naptr(*records: tuple[int, int, str, str]) -> Answer:
    pointers = [Naptr(order, preference, "s", service, "", to) for order, preference, service, to in records]
    return Answer(Outcome.FOUND, pointers=tuple(pointers))


def locate(
    text: str, zone: Zone, *, ipv6: bool = True, chance: float = 0.999, asked: list[Question] | None = None
) -> list[str] | LocateFailure:
    """Where `text` leads in `zone`, as `TRANSPORT address:port name`. What the zone lacks doesn't exist."""
    uri = SipUri.parse(text)
    found = direct(uri)
    if found is None:
        found = run(uri, zone, ipv6=ipv6, chance=chance, asked=[] if asked is None else asked)
    if isinstance(found, LocateFailure):
        return found
    return [" ".join(filter(None, (each.transport, str(each.address), each.server_name))) for each in found]


def run(
    uri: SipUri, zone: Zone, *, ipv6: bool, chance: float, asked: list[Question]
) -> list[Target] | LocateFailure:
    searching = search(uri, ipv6=ipv6, chance=lambda: chance)
    try:
        questions: Sequence[Question] = next(searching)
        while True:
            asked += questions
            questions = searching.send({each: answer_of(each, zone) for each in questions})
    except StopIteration as end:
        found: list[Target] | LocateFailure = end.value
        return found


def answer_of(question: Question, zone: Zone) -> Answer:
    exists = any(name == question.name for name, _ in zone)
    missing = Answer(Outcome.NO_DATA if exists else Outcome.NO_NAME)
    return zone.get((question.name, question.kind), missing)


# literals


@pytest.mark.parametrize(
    ("uri", "targets"),
    [
        ("sip:192.0.2.1", ["UDP 192.0.2.1:5060"]),
        ("sip:100@192.0.2.1:5080", ["UDP 192.0.2.1:5080"]),
        ("sip:192.0.2.1;transport=tcp", ["TCP 192.0.2.1:5060"]),
        ("sip:192.0.2.1;transport=TLS", ["TLS 192.0.2.1:5061"]),
        ("sips:192.0.2.1", ["TLS 192.0.2.1:5061"]),
        ("sips:192.0.2.1:5071;transport=tcp", ["TLS 192.0.2.1:5071"]),
        ("sip:[2001:DB8::1]", ["UDP [2001:db8::1]:5060"]),
        ("sip:[2001:db8:0:0::1]:5070;transport=tcp", ["TCP [2001:db8::1]:5070"]),
        ("sip:[::ffff:192.0.2.1]", ["UDP 192.0.2.1:5060"]),
        ("sip:pbx.example.com;maddr=192.0.2.9", ["UDP 192.0.2.9:5060"]),
        ("sip:pbx.example.com:5070;maddr=[2001:db8::9]", ["UDP [2001:db8::9]:5070"]),
        ("sip:127.0.0.1", ["UDP 127.0.0.1:5060"]),
    ],
)
def test_a_literal_needs_no_dns(uri: str, targets: list[str]) -> None:
    assert locate(uri, {}) == targets


@pytest.mark.parametrize("host", ["0.0.0.0", "0.1.2.3", "224.0.1.75", "255.255.255.255", "[::]", "[ff02::1]"])
def test_an_address_that_no_host_has_is_refused(host: str) -> None:
    failure = locate(f"sip:{host}", {})
    assert isinstance(failure, LocateFailure)
    assert "not a host's address" in failure.reason


@pytest.mark.parametrize(
    "uri",
    [
        "sips:pbx.example.com;transport=udp",
        "sip:pbx.example.com;transport=sctp",
        "sip:192.0.2.1;transport=ws",
        "sips:192.0.2.1;transport=udp",
    ],
)
def test_a_transport_that_is_not_offered_leads_nowhere(uri: str) -> None:
    failure = locate(uri, {("pbx.example.com", A): hosts("192.0.2.1")})
    assert isinstance(failure, LocateFailure)
    assert "is not offered for a" in failure.reason


# an explicit port


def test_with_a_port_only_addresses_are_asked_for() -> None:
    asked: list[Question] = []
    zone = {
        ("pbx.example.com", A): hosts("192.0.2.1"),
        ("pbx.example.com", AAAA): hosts("2001:db8::1"),
        ("_sip._udp.pbx.example.com", SRV): srv((0, 0, 9, "wrong.example.com")),
    }
    assert locate("sip:pbx.example.com:5060", zone, asked=asked) == [
        "UDP 192.0.2.1:5060",
        "UDP [2001:db8::1]:5060",
    ]
    assert [question.kind for question in asked] == [A, AAAA]
    assert locate("sips:pbx.example.com:5070", zone, ipv6=False) == ["TLS 192.0.2.1:5070 pbx.example.com"]
    assert locate("sip:pbx.example.com:5070;transport=tcp", zone, ipv6=False) == ["TCP 192.0.2.1:5070"]


def test_names_are_asked_for_without_their_last_dot() -> None:
    zone = {("pbx.example.com", A): hosts("192.0.2.1")}
    assert locate("sips:PBX.example.com.:5061", zone) == ["TLS 192.0.2.1:5061 pbx.example.com"]


# a transport, no port


def test_with_a_transport_its_service_is_asked_for() -> None:
    zone = {
        ("_sip._tcp.example.com", SRV): srv((10, 0, 5070, "b.example.com"), (5, 0, 5080, "a.example.com")),
        ("_sip._udp.example.com", SRV): srv((0, 0, 1, "a.example.com")),
        ("_sips._tcp.example.com", SRV): srv((0, 0, 5091, "a.example.com")),
        ("example.com", NAPTR): naptr((1, 1, "SIP+D2U", "_sip._udp.example.com")),
        ("a.example.com", A): hosts("192.0.2.1"),
        ("b.example.com", A): hosts("192.0.2.2"),
    }
    assert locate("sip:example.com;transport=tcp", zone) == ["TCP 192.0.2.1:5080", "TCP 192.0.2.2:5070"]
    assert locate("sip:example.com;transport=tls", zone) == ["TLS 192.0.2.1:5091 example.com"]
    assert locate("sips:example.com;transport=tcp", zone) == ["TLS 192.0.2.1:5091 example.com"]


def test_without_a_service_the_host_itself_is_used() -> None:
    zone = {("example.com", A): hosts("192.0.2.1")}
    assert locate("sip:example.com;transport=tcp", zone) == ["TCP 192.0.2.1:5060"]
    assert locate("sip:example.com;transport=tls", zone) == ["TLS 192.0.2.1:5061 example.com"]


def test_a_service_declared_absent_is_not_looked_for_elsewhere() -> None:
    zone = {
        ("example.com", A): hosts("192.0.2.1"),
        ("_sip._tcp.example.com", SRV): srv((0, 0, 0, "")),
        ("_sip._udp.example.com", SRV): srv((0, 0, 0, "")),
    }
    failure = locate("sip:example.com;transport=tcp", zone)
    assert failure == LocateFailure("example.com declares that it offers no SIP over TCP")
    failure = locate("sip:example.com", zone)
    assert failure == LocateFailure("example.com declares that it offers no SIP over UDP")


def test_one_service_declared_absent_leaves_the_other() -> None:
    zone = {
        ("_sip._udp.example.com", SRV): srv((0, 0, 0, "")),
        ("_sip._tcp.example.com", SRV): srv((0, 0, 5060, "a.example.com")),
        ("a.example.com", A): hosts("192.0.2.1"),
    }
    assert locate("sip:example.com", zone) == ["TCP 192.0.2.1:5060"]
    del zone[("_sip._tcp.example.com", SRV)]
    zone[("example.com", A)] = hosts("192.0.2.2")
    assert locate("sip:example.com", zone) == ["TCP 192.0.2.2:5060"]


def test_a_service_whose_hosts_have_no_address_is_not_replaced_by_the_name_itself() -> None:
    zone = {
        ("_sip._udp.example.com", SRV): srv((0, 0, 5060, "typo.example.com")),
        ("example.com", A): hosts("192.0.2.1"),
    }
    failure = LocateFailure("no host that _sip._udp.example.com names has an address in DNS")
    assert locate("sip:example.com", zone) == failure
    assert locate("sip:example.com;transport=udp", zone) == failure


# neither


def test_the_example_of_rfc_3263_4_1() -> None:
    zone = {
        ("example.com", NAPTR): naptr(
            (50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
            (90, 50, "SIP+D2T", "_sip._tcp.example.com"),
            (100, 50, "SIP+D2U", "_sip._udp.example.com"),
        ),
        ("_sips._tcp.example.com", SRV): srv((0, 0, 5061, "tls.example.com")),
        ("_sip._tcp.example.com", SRV): srv((0, 1, 5060, "s1.example.com"), (0, 2, 5060, "s2.example.com")),
        ("tls.example.com", A): hosts("192.0.2.3"),
        ("s1.example.com", A): hosts("192.0.2.1"),
        ("s2.example.com", A): hosts("192.0.2.2"),
    }
    assert locate("sip:user@example.com", zone) == ["TLS 192.0.2.3:5061 example.com"]
    without_tls = {
        **zone,
        ("example.com", NAPTR): naptr(
            (90, 50, "SIP+D2T", "_sip._tcp.example.com"), (100, 50, "SIP+D2U", "_sip._udp.example.com")
        ),
    }
    assert locate("sip:user@example.com", without_tls) == ["TCP 192.0.2.2:5060", "TCP 192.0.2.1:5060"]


def test_pointers_of_one_order_are_tried_by_preference_and_may_lead_to_another_domain() -> None:
    zone = {
        ("example.com", NAPTR): naptr(
            (10, 20, "SIP+D2U", "_sip._udp.hosted.example.net"),
            (10, 10, "SIP+D2T", "_sip._tcp.hosted.example.net"),
            (20, 1, "SIPS+D2T", "_sips._tcp.hosted.example.net"),
        ),
        ("_sip._udp.hosted.example.net", SRV): srv((0, 0, 5060, "192.0.2.1")),
        ("_sip._tcp.hosted.example.net", SRV): srv((0, 0, 5062, "a.example.net")),
        ("_sips._tcp.hosted.example.net", SRV): srv((0, 0, 5061, "a.example.net")),
        ("a.example.net", A): hosts("192.0.2.1"),
    }
    assert locate("sip:example.com", zone) == ["TCP 192.0.2.1:5062", "UDP 192.0.2.1:5060"]


def test_a_sips_uri_takes_only_secure_pointers() -> None:
    zone = {
        ("example.com", NAPTR): naptr(
            (10, 0, "SIP+D2U", "_sip._udp.example.com"), (20, 0, "SIPS+D2T", "_sips._tcp.other.example.com")
        ),
        ("_sip._udp.example.com", SRV): srv((0, 0, 5060, "a.example.com")),
        ("_sips._tcp.other.example.com", SRV): srv((0, 0, 5099, "a.example.com")),
        ("a.example.com", A): hosts("192.0.2.1"),
    }
    assert locate("sips:example.com", zone) == ["TLS 192.0.2.1:5099 example.com"]
    del zone[("_sips._tcp.other.example.com", SRV)]
    zone[("example.com", A)] = hosts("192.0.2.8")
    assert locate("sips:example.com", zone) == ["TLS 192.0.2.8:5061 example.com"]


@pytest.mark.parametrize(
    "pointer",
    [
        Naptr(1, 1, "u", "SIP+D2T", "", "_sip._tcp.example.com"),
        Naptr(1, 1, "s", "SIP+D2T", "!^.*$!sip:x@y!", "_sip._tcp.example.com"),
        Naptr(1, 1, "s", "SIP+D2S", "", "_sip._sctp.example.com"),
        Naptr(1, 1, "s", "E2U+sip", "", "_sip._tcp.example.com"),
        Naptr(1, 1, "s", "SIP+D2T", "", ""),
    ],
)
def test_pointers_that_are_of_no_use_are_passed_over(pointer: Naptr) -> None:
    zone = {
        ("example.com", NAPTR): Answer(Outcome.FOUND, pointers=(pointer,)),
        ("_sip._udp.example.com", SRV): srv((0, 0, 5066, "a.example.com")),
        ("_sip._tcp.example.com", SRV): srv((0, 0, 9, "a.example.com")),
        ("a.example.com", A): hosts("192.0.2.1"),
    }
    assert locate("sip:example.com", zone) == ["UDP 192.0.2.1:5066", "TCP 192.0.2.1:9"]


def test_a_bare_host_is_reached_over_udp_and_a_secure_one_over_tls() -> None:
    zone = {("pbx.example.com", A): hosts("192.0.2.1"), ("pbx.example.com", AAAA): hosts("2001:db8::1")}
    assert locate("sip:pbx.example.com", zone) == ["UDP 192.0.2.1:5060", "UDP [2001:db8::1]:5060"]
    assert locate("sips:pbx.example.com", zone, ipv6=False) == ["TLS 192.0.2.1:5061 pbx.example.com"]


def test_a_bare_host_costs_one_round_of_questions() -> None:
    zone = {("pbx.example.com", A): hosts("192.0.2.1")}
    searching = search(SipUri.parse("sip:pbx.example.com"), ipv6=True, chance=lambda: 0.0)
    questions = next(searching)
    assert len(set(questions)) == len(questions) == 5
    with pytest.raises(StopIteration):
        searching.send({each: answer_of(each, zone) for each in questions})


def test_a_service_that_cannot_be_looked_up_counts_as_absent() -> None:
    zone = {
        ("example.com", NAPTR): Answer(Outcome.FAILED),
        ("_sip._udp.example.com", SRV): Answer(Outcome.FAILED),
        ("example.com", A): hosts("192.0.2.1"),
    }
    assert locate("sip:example.com", zone) == ["UDP 192.0.2.1:5060"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(Outcome.NO_NAME), "pbx.example.com does not exist in DNS"),
        (Answer(Outcome.NO_DATA), "pbx.example.com has no address in DNS"),
        (Answer(Outcome.FAILED), "DNS gives no answer about pbx.example.com"),
        (hosts("0.0.0.0", "224.0.0.1"), "pbx.example.com has no address in DNS"),
    ],
)
def test_a_name_that_leads_nowhere_says_why(answer: Answer, reason: str) -> None:
    zone = {("pbx.example.com", kind): Answer(Outcome.NO_DATA) for kind in RecordType}
    zone[("pbx.example.com", A)] = answer
    assert locate("sip:pbx.example.com:5060", zone) == LocateFailure(reason)
    assert locate("sip:pbx.example.com", zone) == LocateFailure(reason)


def test_targets_are_deduplicated_and_bounded() -> None:
    many = [f"192.0.2.{index}" for index in range(1, 60)]
    zone = {
        ("_sip._udp.example.com", SRV): srv(
            *[(0, 0, 5060, name) for name in ("a.example.com", "b.example.com")]
        ),
        ("a.example.com", A): hosts("192.0.2.1", "192.0.2.1"),
        ("b.example.com", A): hosts("192.0.2.1", *many),
    }
    found = locate("sip:example.com", zone)
    assert isinstance(found, list)
    assert len(found) == len(set(found)) == MAX_TARGETS


def test_a_port_of_zero_is_no_target() -> None:
    zone = {
        ("_sip._udp.example.com", SRV): srv((0, 0, 0, "a.example.com"), (1, 0, 5060, "a.example.com")),
        ("a.example.com", A): hosts("192.0.2.1"),
    }
    assert locate("sip:example.com", zone) == ["UDP 192.0.2.1:5060"]


def test_addresses_of_one_name_take_turns() -> None:
    zone = {("pbx.example.com", A): hosts("192.0.2.1", "192.0.2.2", "192.0.2.3")}
    chance = random.Random(1)
    first: Counter[str] = Counter()
    for _ in range(300):
        found = run(
            SipUri.parse("sip:pbx.example.com:5060"), zone, ipv6=False, chance=chance.random(), asked=[]
        )
        assert isinstance(found, list)
        first[found[0].address.host] += 1
    assert set(first) == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}


# RFC 2782


def test_lower_priorities_come_first() -> None:
    records = [Srv(20, 100, 1, "c"), Srv(10, 0, 1, "b"), Srv(5, 65535, 1, "a")]
    assert [each.target for each in in_order(records, random.Random(1).random)] == ["a", "b", "c"]


def test_weights_share_the_load() -> None:
    records = [Srv(0, 10, 1, "small"), Srv(0, 30, 1, "big"), Srv(0, 0, 1, "none")]
    chance = random.Random(42).random
    first = Counter(in_order(records, chance)[0].target for _ in range(4100))
    # The draw is of 0..40 inclusive: 0 falls to the weightless one, 1..10 to the small, 11..40 to the big.
    assert first["none"] == pytest.approx(100, abs=35)
    assert first["small"] == pytest.approx(1000, abs=100)
    assert first["big"] == pytest.approx(3000, abs=120)


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.9999999])
def test_every_record_is_kept_once(chance: float) -> None:
    records = [Srv(0, weight, 1, str(weight)) for weight in (0, 0, 1, 5, 65535)]
    ordered = in_order(records, lambda: chance)
    assert sorted(ordered) == sorted(records)
    assert len(ordered) == len(records)
