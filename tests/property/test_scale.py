"""What is kept small says the same as what would be kept plainly: numbers as records, health by server."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.virtual_clock import FakeClock
from trunkline.trunk.forwarding import Endpoint, ForwardingList, MediaProtection
from trunkline.trunk.health import HealthBook, HealthKey, HealthPolicy
from trunkline.trunk.number import Number
from trunkline.trunk.number_record import Checker, pack, servers_of, unpack, values_of
from trunkline.trunk.number_table import NumberTable

DIGITS = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)
FEW_DIGITS = st.sampled_from(["1234567", "12345670", "12345671", "123456700000000", "999999999999999"])
ENTRIES = st.sampled_from(
    [
        "100@pbx1.example",
        "sip:100@pbx1.example",
        "sips:a;b=c@PBX2.example:5062;media=srtp",
        "x%40y@192.0.2.7;timeout=2000;transport=tcp",
        "sip:[2001:db8::1]",
        "a:secret@pbx1.example;vendor=1",
    ]
)
PARSED = st.lists(ENTRIES, max_size=4).map(" ,\r\n ".join).map(ForwardingList.parse)
PLAIN_TEXT = st.text(st.characters(exclude_categories=(), exclude_characters="\x1d\x1e\x1f"), max_size=20)
ENDPOINTS = st.builds(
    Endpoint,
    ENTRIES.map(lambda text: ForwardingList.parse(text).endpoints[0].uri),
    st.none() | st.integers(0, 99_999),
    st.sampled_from(MediaProtection),
    PLAIN_TEXT,
)
ODD = st.builds(
    ForwardingList,
    st.lists(ENDPOINTS, max_size=3).map(tuple),
    st.lists(PLAIN_TEXT, max_size=3).map(tuple),
    PLAIN_TEXT,
)


def numbers(digits: st.SearchStrategy[str]) -> st.SearchStrategy[Number]:
    timeouts = st.none() | st.floats(1, 600)
    return st.builds(Number, digits, st.sampled_from(["acme", "b-2"]), PARSED | ODD, timeouts)


@given(numbers(DIGITS))
def test_a_number_comes_back_from_its_record(number: Number) -> None:
    record = pack(number)
    assert unpack(number.e164, record) == number
    values = values_of(record)
    servers = Checker().servers(number.e164, values.account, values.ring_timeout_s, values.endpoints)
    assert servers is None or tuple(servers) == servers_of(number)


@given(st.lists(numbers(FEW_DIGITS)), st.lists(numbers(FEW_DIGITS) | FEW_DIGITS, max_size=30))
def test_a_table_is_a_dictionary_of_numbers(loaded: list[Number], steps: list[Number | str]) -> None:
    table, plain = NumberTable(), {number.e164: number for number in loaded}
    for e164 in sorted(plain):
        table.append(e164, pack(plain[e164]), servers_of(plain[e164]))
    for step in steps:
        if isinstance(step, Number):
            assert table.put(step) == plain.get(step.e164)
            plain[step.e164] = step
        else:
            assert table.remove(step) == plain.pop(step, None)
        assert len(table) == len(plain)
    servers = {server for number in plain.values() for server in servers_of(number)}
    assert set(table.servers()) == servers
    for server in servers:
        there = sorted(number.e164 for number in plain.values() if server in servers_of(number))
        assert sorted(number.e164 for number in table.at(server)) == there
    for e164 in (
        "1234567",
        "12345670",
        "12345671",
        "123456700000000",
        "999999999999999",
        "7654321",
        "0",
        "é",
    ):
        assert table.number(e164) == plain.get(e164)


SERVERS = ["sip:a.example", "sip:b.example"]
KEYS = [HealthKey(f"441632960{index}", f"sip:{index}@x", SERVERS[index % 2]) for index in range(3)]
POLICIES = [HealthPolicy(3, 5, 2, 60), HealthPolicy(1, 2, 4, 60)]
RESULTS = st.tuples(st.sampled_from([*KEYS, *SERVERS]), st.booleans(), st.floats(0, 40))


@given(st.lists(RESULTS, min_size=20, max_size=60), st.booleans(), st.sampled_from(POLICIES))
def test_health_by_server_is_health_by_target(
    steps: list[tuple[HealthKey | str, bool, float]], pings: bool, policy: HealthPolicy
) -> None:
    """A flat book notes each ping once for every target at the server. Both are asked after every ping."""
    clock = FakeClock()
    book, flat = HealthBook(clock, policy), HealthBook(clock, policy)

    def note(key: HealthKey, good: bool) -> bool:
        alone = key._replace(server="")
        return flat.succeeded(alone) if good else flat.failed(alone, "unreachable")

    for what, good, after_s in steps:
        clock.advance(after_s)
        if isinstance(what, HealthKey):
            turned = book.succeeded(what) if good else book.failed(what, "unreachable")
            assert turned == note(what, good)
        elif pings:
            book.pinged(what, "" if good else "unreachable")
            for key in KEYS:
                if key.server == what:
                    note(key, good)
        for key in KEYS:
            mine, theirs = book.view(key), flat.view(key._replace(server=""))
            assert (mine.state, mine.results) == (theirs.state, theirs.results)
            assert book.is_up(key) == flat.is_up(key._replace(server=""))
