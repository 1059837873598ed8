"""REGISTER by SIPp, and forwarding entries that name an account."""

import time
from collections.abc import Iterator

import pytest

from tests.interop.addresses import free_port
from tests.interop.cases import Case, Program
from tests.interop.conftest import Start
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Message, Sipp
from tests.interop.sipp.scenario import Callee, Caller, Registration, silent_sdp

pytestmark = pytest.mark.program(Program.SIPP)

PHONES = "127.0.0.50"
CARRIER = "127.0.0.20"
FIRST, SECOND = free_port(PHONES), free_port(PHONES)
NUMBER, LEAKED_NUMBER = "12125550200", "12125550201"
NO_AUDIO = silent_sdp("127.0.0.20")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    settings = {f"registrar.{name}_expires_s": s for name, s in (("min", 1), ("default", 300), ("max", 600))}
    with running_node(tmp_path_factory.mktemp("registrations") / "node", settings) as node:
        node.command("carrier", "add", "main", "--source", CARRIER)
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"sip:{KEY}@{DOMAIN}")
        node.command("account", "add", "--key", "blocked", "--secret", SECRET)
        node.command("account", "block", "blocked")
        node.command("account", "add", "--key", "leaked", "--secret", SECRET)
        leaked = ("--account", "leaked", "--forward", f"sip:leaked@{DOMAIN}")
        node.command("number", "add", LEAKED_NUMBER, *leaked)
        yield node


class Registrar:
    """The node, as a phone sees it."""

    def __init__(self, node: Node, sipp: Start) -> None:
        self._node = node
        self._sipp = sipp

    def register(
        self, *contacts: str, expires: int | None = 600, status: int = 200, key: str = KEY, port: int = FIRST
    ) -> Message:
        """REGISTER from `port`; the last answer."""
        scenario = Registration(key, contacts, expires, status=status)
        to = (HOST, self._node.port)
        phone = self._sipp(scenario, host=PHONES, port=port, to=to, user=key, password=SECRET)
        phone.done()
        return phone.received(f"SIP/2.0 {status}")

    def call(self, status: int = 200, number: str = NUMBER) -> Sipp:
        """A call from the carrier to the number."""
        caller = Caller(number, caller="442071838750", body=NO_AUDIO)
        caller.invite()
        if status == 200:
            caller.answered()
            caller.bye()
        else:
            caller.refused(status)
        return self._sipp(caller, host=CARRIER, to=(HOST, self._node.port))


@pytest.fixture
def registrar(node: Node, sipp: Start) -> Iterator[Registrar]:
    registrar = Registrar(node, sipp)
    yield registrar
    registrar.register("*", expires=0)


def _contact(port: int, parameters: str = "") -> str:
    return f"<sip:phone@{PHONES}:{port}>{parameters}"


@pytest.mark.case(Case.REGISTER)
def test_contacts_are_called_in_the_order_of_q(node: Node, registrar: Registrar, sipp: Start) -> None:
    registrar.register(_contact(FIRST, ";q=0.5"))
    answer = registrar.register(_contact(SECOND, ";q=0.9;expires=60"), port=SECOND)
    listed = [line for line in answer.text.splitlines() if line.startswith("Contact:")]
    assert len(listed) == 2
    assert any(
        f":{SECOND}>;q=0.9;expires=60" in line or f":{SECOND}>;q=0.9;expires=59" in line for line in listed
    )
    assert [row["account"] for row in node.command("registration", "list")] == [KEY, KEY]

    failing = Callee()
    failing.invited()
    failing.refuse(500, "Server Internal Error")
    second = sipp(failing, host=PHONES, port=SECOND)
    first = sipp(Callee.answering(NO_AUDIO, ringing=False), host=PHONES, port=FIRST)
    phone = registrar.call()
    for program in (phone, first, second):
        program.done()
    record = node.record(phone.call_id)
    assert [attempt["resolved"] for attempt in record["attempt_records"]] == [
        f"UDP {PHONES}:{SECOND}",
        f"UDP {PHONES}:{FIRST}",
    ]
    assert first.received("INVITE").start_line == f"INVITE sip:phone@{PHONES}:{FIRST} SIP/2.0"


def test_a_contact_that_nobody_can_reach_is_called_where_it_registered_from(
    node: Node, registrar: Registrar, sipp: Start
) -> None:
    registrar.register("<sip:phone@10.99.0.7:5060>")
    phone = sipp(Callee.answering(NO_AUDIO, ringing=False), host=PHONES, port=FIRST)
    carrier = registrar.call()
    carrier.done()
    phone.done()
    assert phone.received("INVITE").start_line == "INVITE sip:phone@10.99.0.7:5060 SIP/2.0"


def test_a_registration_expires(node: Node, registrar: Registrar) -> None:
    registrar.register(_contact(FIRST), expires=1)
    time.sleep(1.2)  # the phone's clock, not ours
    carrier = registrar.call(480)
    carrier.done()
    assert node.record(carrier.call_id)["verdict"] == "not-registered"


def test_one_contact_goes_and_the_others_stay(registrar: Registrar) -> None:
    registrar.register(_contact(FIRST), _contact(SECOND))
    answer = registrar.register(_contact(SECOND, ";expires=0"), expires=None)
    assert f":{FIRST}>" in answer.text
    assert f":{SECOND}>" not in answer.text
    assert registrar.register("*", expires=0).header("Contact") is None


def test_a_query_lists_and_changes_nothing(registrar: Registrar) -> None:
    registrar.register(_contact(FIRST))
    assert f":{FIRST}>" in (registrar.register(expires=None).header("Contact") or "")


def test_long_wishes_are_shortened(registrar: Registrar) -> None:
    answer = registrar.register(_contact(FIRST), expires=86400)
    assert ";expires=600" in (answer.header("Contact") or "")


def test_who_has_a_revoked_secret_gets_no_more_calls(registrar: Registrar, node: Node) -> None:
    """Nor has to be waited for until it registers again."""
    registrar.register(_contact(FIRST), key="leaked")
    node.command("account", "rotate-secret", "leaked", "--overlap-s", "300")
    contact = registrar.register(_contact(FIRST), key="leaked").header("Contact") or ""
    assert 240 < int(contact.rpartition(";expires=")[2]) <= 300
    assert "leaked" in {one["account"] for one in node.command("registration", "list")}
    node.command("account", "rotate-secret", "leaked", "--overlap-s", "0")
    assert "leaked" not in {one["account"] for one in node.command("registration", "list")}
    registrar.call(480, number=LEAKED_NUMBER).done()


def test_a_blocked_account_and_a_wrong_password(registrar: Registrar, node: Node, sipp: Start) -> None:
    answer = registrar.register(_contact(FIRST), key="blocked", status=403)
    assert 'text="account-blocked"' in (answer.header("Reason") or "")
    scenario = Registration(KEY, [_contact(FIRST)], 60, status=401)
    phone = sipp(scenario, host=PHONES, to=(HOST, node.port), user=KEY, password="wrong")
    phone.done()
