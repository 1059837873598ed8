"""PyPI's `vonage` SDK as its users have it, with nothing changed but the hosts in its own options: it finds,
buys, forwards and cancels numbers here, and the forwarding takes a call.
"""

from collections.abc import Iterator

import pytest
import vonage_http_client.errors as sdk_errors
from vonage import Auth, HttpClientOptions, Vonage
from vonage_numbers import (
    ListOwnedNumbersFilter,
    NumberFeatures,
    NumberParams,
    NumbersError,
    NumberType,
    SearchAvailableNumbersFilter,
    UpdateNumberParams,
    VoiceCallbackType,
)

from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.scenario import Callee, Caller, sdp
from tests.unit.net.certificates import self_signed

CARRIER, PBX = "127.0.0.40", "127.0.0.41"
OTHER, OTHER_SECRET = "0a1b2c3d", "aN0therAcc0unt"
LONDON = [f"4420794600{n:02}" for n in range(30)]
MOBILE = "447700900123"
DEAR = "442079469999"
WEB_PORT = free_port()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    directory = tmp_path_factory.mktemp("vonage")
    made = self_signed(directory, "trunk.test")
    settings = {
        "web.enabled": True,
        "web.tls": True,
        "web.bind": f"{HOST}:{WEB_PORT}",
        "tls.certificate": str(made.certificate),
        "tls.private_key": str(made.key),
    }
    with pytest.MonkeyPatch.context() as patch, running_node(directory / "node", settings) as node:
        patch.setenv("REQUESTS_CA_BUNDLE", str(made.certificate))
        node.command("account", "add", "--key", OTHER, "--secret", OTHER_SECRET)
        node.command("account", "credit", KEY, "10.28")
        node.command("carrier", "add", "main", "--source", CARRIER)
        node.command("number", "stock", "add", *LONDON, "--price", "1.50")
        node.command("number", "stock", "add", DEAR, "--price", "100")
        node.command(
            "number",
            "stock",
            "add",
            MOBILE,
            "--type",
            "mobile-lvn",
            "--feature",
            "SMS,VOICE",
            "--price",
            "0.90",
        )
        yield node


def sdk(key: str = KEY, secret: str = SECRET) -> Vonage:
    host = f"{HOST}:{WEB_PORT}"
    options = HttpClientOptions(api_host=host, rest_host=host, timeout=10, max_retries=0)
    return Vonage(Auth(api_key=key, api_secret=secret), options)


@pytest.fixture
def client(node: Node) -> Vonage:
    return sdk()


def owned(client: Vonage) -> list[str | None]:
    numbers, _, _ = client.numbers.list_owned_numbers()
    return [number.msisdn for number in numbers]


def test_numbers_are_searched_page_by_page(client: Vonage) -> None:
    search = client.numbers.search_available_numbers
    found, count, following = search(SearchAvailableNumbersFilter(country="GB", size=20))
    assert (len(found), count, following) == (20, 32, 2)
    rest, count, following = search(SearchAvailableNumbersFilter(country="GB", size=20, index=2))
    assert (len(rest), count, following) == (12, 32, None)
    (mobile,), count, _ = search(
        SearchAvailableNumbersFilter(
            country="GB",
            type=NumberType.MOBILE_LVN,
            features=NumberFeatures.SMS_VOICE,
            pattern="0123",
            search_pattern=2,
        )
    )
    assert count == 1
    assert (mobile.msisdn, mobile.cost, mobile.features) == (MOBILE, "0.90", ["SMS", "VOICE"])
    assert search(SearchAvailableNumbersFilter(country="FR")) == ([], 0, None)


def test_a_bought_number_is_forwarded_and_takes_a_call(
    node: Node, client: Vonage, sipp: Start, voice: Speak
) -> None:
    number = LONDON[0]
    assert client.account.get_balance().value == 10.28
    bought = client.numbers.buy_number(NumberParams(country="GB", msisdn=number))
    assert (bought.error_code, bought.error_code_label) == ("200", "success")
    assert client.account.get_balance().value == 8.78

    port = free_port(PBX)
    # A call with a JSON body before: from then on this SDK labels its forms as JSON.
    made = client.account.create_secret("Another-Secret-77")
    client.account.revoke_secret(made.id)
    value = f"sip:100@{PBX}:{free_port(PBX)};timeout=2000, sip:100@{PBX}:{port}"
    updated = client.numbers.update_number(
        UpdateNumberParams(
            country="GB",
            msisdn=number,
            voice_callback_type=VoiceCallbackType.SIP,
            voice_callback_value=value,
        )
    )
    assert updated.error_code == "200"
    (shown,), count, _ = client.numbers.list_owned_numbers(
        ListOwnedNumbersFilter(country="GB", pattern=number, search_pattern=0)
    )
    assert count == 1
    assert (shown.voice_callback_type, shown.voice_callback_value) == ("sip", value)

    mouth, ear = voice(440, CARRIER), voice(1000, PBX)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    pbx = sipp(callee, host=PBX, port=port)
    caller = Caller(number, caller="442071838750", body=sdp(mouth))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    phone = sipp(caller, host=CARRIER, to=(HOST, node.port))
    there, here = pbx.received("INVITE").audio, phone.answer().audio
    assert there is not None
    assert here is not None
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the PBX to hear the caller", lambda: ear.hears(440))
    wait_for("the caller to hear the PBX", lambda: mouth.hears(1000))
    phone.tell()
    phone.done()
    pbx.done()
    record = node.record(phone.call_id)
    assert (record["account"], record["number"], record["verdict"]) == (KEY, number, "answered")

    cancelled = client.numbers.cancel_number(NumberParams(country="GB", msisdn=number))
    assert cancelled.error_code == "200"
    assert number not in owned(client)
    found, _, _ = client.numbers.search_available_numbers(
        SearchAvailableNumbersFilter(country="GB", pattern=number, search_pattern=0)
    )
    assert [one.msisdn for one in found] == [number]


def test_what_is_refused_is_raised(client: Vonage) -> None:
    for params in (NumberParams(country="GB", msisdn=DEAR), NumberParams(country="DE", msisdn=LONDON[1])):
        with pytest.raises(sdk_errors.HttpRequestError, match="420 response") as caught:
            client.numbers.buy_number(params)
        assert "method failed" in caught.value.message
    with pytest.raises(sdk_errors.AuthenticationError, match="authentication failed"):
        sdk(KEY, "wrong-Secret-1").numbers.list_owned_numbers()
    with pytest.raises(NumbersError, match="is required"):
        UpdateNumberParams(country="GB", msisdn=DEAR, voice_callback_type=VoiceCallbackType.SIP)


def test_two_accounts_do_not_see_each_other(client: Vonage) -> None:
    client.numbers.buy_number(NumberParams(country="GB", msisdn=LONDON[2]))
    other = sdk(OTHER, OTHER_SECRET)
    assert owned(other) == []
    assert other.account.get_balance().value == 0
    for attempt in (other.numbers.cancel_number, other.numbers.buy_number):
        with pytest.raises(sdk_errors.HttpRequestError, match="420 response"):
            attempt(NumberParams(country="GB", msisdn=LONDON[2]))
    assert owned(client) == [LONDON[2]]
    client.numbers.cancel_number(NumberParams(country="GB", msisdn=LONDON[2]))


def test_secrets_are_rotated(node: Node) -> None:
    client = sdk(OTHER, OTHER_SECRET)
    (old,) = client.account.list_secrets()
    new = client.account.create_secret("Brand-New-Secret-1")
    assert client.account.get_secret(new.id) == new
    rotated = sdk(OTHER, "Brand-New-Secret-1")
    rotated.account.revoke_secret(old.id)
    assert [secret.id for secret in rotated.account.list_secrets()] == [new.id]
    with pytest.raises(sdk_errors.ForbiddenError, match="delete-last-secret"):
        rotated.account.revoke_secret(new.id)
    with pytest.raises(sdk_errors.AuthenticationError):
        client.account.get_balance()
