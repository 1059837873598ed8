"""Digits in INFO: how they are written, and how they reach the other peer."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulation.phone import Phone
from tests.simulation.world import ACCOUNT, CARRIER, World, answer, early_media, ringing
from trunkline.call.digits import (
    MAX_BODY,
    MAX_WAITING,
    PLAIN,
    RELAY,
    Digit,
    DigitSender,
    holds_digit,
    read_digit,
    relay_body,
)
from trunkline.media.fake_leg import FakeLeg
from trunkline.media.fake_network import Sound
from trunkline.sip.message import Request, response_to
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.media_policy import DtmfMode


@pytest.mark.parametrize(
    ("content_type", "holds"),
    [
        (RELAY, True),
        ("Application/DTMF; charset=utf-8", True),
        ("application/dtmf-relays", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_which_info_is_about_digits(content_type: str, holds: bool) -> None:
    assert holds_digit(content_type) is holds


@pytest.mark.parametrize(
    ("content_type", "body", "digit"),
    [
        (RELAY, b"Signal=5\r\nDuration=160\r\n", Digit("5", 160)),
        (RELAY, b"Signal= 5\nDuration= 250", Digit("5", 250)),
        (RELAY, b"signal=#", Digit("#", 160)),
        (RELAY, b"Signal=d\r\nDuration=1", Digit("D", 40)),
        (RELAY, b"Signal=10\r\nDuration=99999", Digit("*", 5000)),
        (RELAY, b"Signal=11\r\nDuration=-5", Digit("#", 160)),
        (RELAY, b"Signal=15", Digit("D", 160)),
        (RELAY, b"Signal=16\r\nDuration=160", None),
        (RELAY, b"Signal=!", None),
        (RELAY, b"5", None),
        (RELAY, b"", None),
        (RELAY, b"Signal=5" + b" " * MAX_BODY, None),
        (RELAY, b"\xff\x00", None),
        (PLAIN, b"7", Digit("7", 160)),
        (PLAIN, b" *\r\n", Digit("*", 160)),
        (PLAIN, b"11", Digit("#", 160)),
        (PLAIN, b"Signal=3\r\nDuration=100", Digit("3", 100)),
        (PLAIN, b"123", None),
    ],
)
def test_what_telephones_write(content_type: str, body: bytes, digit: Digit | None) -> None:
    assert read_digit(content_type, body) == digit


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_what_is_written_reads_back(digit: str) -> None:
    assert read_digit(RELAY, relay_body(digit, 120)) == Digit(digit, 120)


# -- through a call --------------------------------------------------------------------------------


class Digits(World):
    """An answered call whose sides are told digits in these ways; G.711 on both, telephone-event unless said
    otherwise.
    """

    def __init__(
        self,
        customer: DtmfMode = DtmfMode.AUTO,
        carrier: DtmfMode = DtmfMode.AUTO,
        *,
        event: int | None = 101,
    ) -> None:
        super().__init__(
            account=replace(ACCOUNT, dtmf=customer), carrier=replace(CARRIER, dtmf=carrier), seed=1
        )
        self.gateway.on_invite = lambda phone, invite: answer(phone, invite, event=event)
        self.sent: list[tuple[str, Sound]] = []
        self.talking_outbound()
        call = self.node.the_call
        assert call.callee is not None
        for name, leg in (("customer", call.caller), ("gateway", call.callee)):
            self.spy(name, leg.media)

    def spy(self, name: str, leg: object) -> None:
        """Keep what digits the peer of a leg is sent."""
        assert isinstance(leg, FakeLeg)
        send = leg.send

        def kept(sound: Sound, hops: int) -> None:
            if sound.digits:
                self.sent.append((name, sound))
            send(sound, hops)

        leg.send = kept  # type: ignore[method-assign]

    def media(self, phone: Phone) -> FakeLeg:
        call = self.node.the_call
        leg = call.caller if phone is self.customer else call.callee
        assert leg is not None
        assert isinstance(leg.media, FakeLeg)
        return leg.media

    def press(self, phone: Phone, digits: str, payload_type: int = 101) -> None:
        """`phone` sends digits in its media."""
        self.media(phone).arrive(Sound(payload_type, 7.0, digits=digits), 0)
        self.clock.advance(1)

    def inform(self, phone: Phone, body: bytes, content_type: str = RELAY) -> str:
        """`phone` sends an INFO; what came back."""
        phone.the_usage.info(content_type, body, phone.note_answer, phone.note_refusal)
        self.clock.advance(1)
        return phone.events[-1]

    def told(self, phone: Phone) -> list[Request]:
        return self.heard_by(phone, "INFO")


@pytest.fixture
def worlds() -> Iterator[list[World]]:
    made: list[World] = []
    yield made
    for world in made:
        world.customer.the_usage.bye()
        world.finish()


@pytest.mark.parametrize(("event", "payload_type"), [(101, 101), (None, 8)], ids=["event", "tones"])
def test_a_digit_in_info_becomes_one_in_the_media(
    worlds: list[World], event: int | None, payload_type: int
) -> None:
    world = Digits(event=event)
    worlds.append(world)
    assert world.inform(world.customer, b"Signal=5\r\nDuration=160") == "answer 200 INFO"
    assert [(name, sound.digits, sound.payload_type) for name, sound in world.sent] == [
        ("gateway", "5", payload_type)
    ]
    assert world.told(world.gateway) == []
    world.inform(world.gateway, b"9", PLAIN)
    assert [(name, sound.digits) for name, sound in world.sent][1:] == [("customer", "9")]


def test_digits_in_info_cross_as_they_are_where_both_are_told_them_so(worlds: list[World]) -> None:
    world = Digits(carrier=DtmfMode.INFO)
    worlds.append(world)
    assert world.inform(world.customer, b"Signal=5\r\nDuration=999") == "answer 200 INFO"
    (info,) = world.told(world.gateway)
    assert info.body == b"Signal=5\r\nDuration=999"
    assert world.sent == []


def test_digits_in_the_media_are_told_in_info(worlds: list[World]) -> None:
    world = Digits(carrier=DtmfMode.INFO)
    worlds.append(world)
    world.press(world.customer, "42#")
    told = world.told(world.gateway)
    assert [info.headers.get("content-type") for info in told] == [RELAY] * 3
    assert [read_digit(RELAY, info.body) for info in told] == [Digit(one, 100) for one in "42#"]
    assert world.sent == []


def test_a_caller_is_told_digits_in_info_too(worlds: list[World]) -> None:
    world = Digits(customer=DtmfMode.INFO)
    worlds.append(world)
    world.press(world.gateway, "7")
    assert [info.body for info in world.told(world.customer)] == [relay_body("7", 100)]


@pytest.mark.parametrize("way", ["INFO to event", "event to INFO"])
def test_a_caller_presses_keys_before_the_answer(way: str) -> None:
    """What is heard before the answer may be a menu: of a prepaid service, of a switchboard."""
    told_so = way == "event to INFO"
    world = World(carrier=replace(CARRIER, dtmf=DtmfMode.INFO if told_so else DtmfMode.AUTO))
    world.gateway.on_invite = early_media
    world.outbound()
    world.clock.advance(2)
    call = world.node.the_call
    assert call.callee is not None
    assert isinstance(call.caller.media, FakeLeg)
    assert isinstance(call.callee.media, FakeLeg)
    if told_so:
        call.caller.media.arrive(Sound(101, 7.0, digits="5"), 0)
    else:
        world.customer.the_usage.info(
            RELAY, b"Signal=5", world.customer.note_answer, world.customer.note_refusal
        )
    sent = call.callee.media.figures().packets_sent
    world.clock.advance(0.05)
    if told_so:
        assert [info.body for info in world.heard_by(world.gateway, "INFO")] == [relay_body("5", 100)]
    else:
        assert world.customer.events[-1] == "answer 200 INFO"
        assert call.callee.media.figures().packets_sent >= sent + 8, "a digit more than audio"
    world.customer_cancels()
    world.finish()


def test_a_digit_for_somebody_who_has_not_described_himself_is_488() -> None:
    world = World(carrier=replace(CARRIER, dtmf=DtmfMode.RFC4733))
    world.gateway.on_invite = ringing
    world.outbound()
    world.clock.advance(2)
    world.customer.the_usage.info(RELAY, b"Signal=5", world.customer.note_answer, world.customer.note_refusal)
    world.clock.advance(1)
    assert world.customer.events[-1] == "refusal 488"
    world.customer_cancels()
    world.finish()


def test_tones_count_as_digits_only_where_they_are_listened_for(worlds: list[World]) -> None:
    for mode, heard in ((DtmfMode.INBAND, ["1"]), (DtmfMode.AUTO, [])):
        world = Digits(customer=mode, carrier=DtmfMode.INFO)
        worlds.append(world)
        world.press(world.customer, "1", payload_type=8)
        digits = [read_digit(RELAY, info.body) for info in world.told(world.gateway)]
        assert [digit.digit for digit in digits if digit is not None] == heard
        assert (world.sent == []) is (mode is DtmfMode.INBAND), "the tone itself is taken out of the audio"


def test_who_wants_telephone_events_only_and_has_none_hears_no_tones(worlds: list[World]) -> None:
    world = Digits(carrier=DtmfMode.RFC4733, event=None)
    worlds.append(world)
    assert world.inform(world.customer, b"Signal=5") == "refusal 488"
    world.press(world.customer, "5")
    assert (world.sent, world.told(world.gateway)) == ([], [])


def test_what_no_keypad_has_is_taken_and_goes_no_further(worlds: list[World]) -> None:
    world = Digits()
    worlds.append(world)
    assert world.inform(world.customer, b"Signal=16\r\nDuration=160") == "answer 200 INFO"
    assert world.inform(world.customer, b"\xff\x00 rubbish", PLAIN) == "answer 200 INFO"
    assert (world.sent, world.told(world.gateway)) == ([], [])


def test_a_digit_waits_until_the_one_before_it_is_answered(worlds: list[World]) -> None:
    world = Digits(carrier=DtmfMode.INFO)
    worlds.append(world)
    held: list[tuple[Request, ServerTransaction]] = []

    def hold(request: Request, transaction: ServerTransaction) -> None:
        held.append((request, transaction))

    world.gateway.info_received = hold  # type: ignore[method-assign]
    world.press(world.customer, "12")
    for count, status in ((1, 500), (2, 200)):
        assert len(held) == count
        info, transaction = held[-1]
        transaction.respond(response_to(info, status))
        world.clock.advance(1)
    assert [info.body[:8] for info, _ in held] == [b"Signal=1", b"Signal=2"], "none is sent twice"


def test_digits_that_wait_are_bounded(worlds: list[World]) -> None:
    world = Digits()
    worlds.append(world)
    sender = DigitSender()
    for _ in range(3 * MAX_WAITING):
        sender.send(world.gateway.the_usage, "1", 100)
    assert len(sender._waiting) == MAX_WAITING


def test_after_the_end_a_digit_goes_nowhere() -> None:
    world = Digits(carrier=DtmfMode.INFO)
    media, events = world.media(world.customer), world.media(world.customer).events
    world.customer.the_usage.bye()
    world.finish()
    assert events is not None
    events.digit_received(media, "1", 100)
    world.clock.advance(1)
    assert world.told(world.gateway) == []
