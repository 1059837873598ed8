"""Calls between any two codecs and any two ways of digits over a bad network: both peers hear each other,
every digit arrives once, and the record names both codecs.
"""

import random
from dataclasses import replace
from itertools import permutations

import pytest

from tests.simulation.virtual_network import LinkQuality
from tests.simulation.world import ACCOUNT, CARRIER, CUSTOMER, GATEWAY, World
from trunkline.call.digits import RELAY, read_digit, relay_body
from trunkline.call.ports import Tone
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_terminal import FakeTerminal
from trunkline.pstn.talker import Talker
from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.sip.exchange import IncomingOffer
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Response
from trunkline.trunk.media_policy import DtmfMode
from trunkline.trunk.verdict import Slug

LOSSY = LinkQuality(loss=0.05, duplication=0.02, delay_s=0.02, jitter_s=0.05)
CALLER_HZ, CALLEE_HZ = 700.0, 1100.0
PATIENCE_S = 70.0


class Pair(World):
    """The customer calls the carrier: both are talkers that listen for each other's tone."""

    def __init__(
        self,
        caller: tuple[str, ...],
        callee: tuple[str, ...],
        *,
        seed: int,
        dtmf: tuple[DtmfMode, DtmfMode] = (DtmfMode.AUTO, DtmfMode.AUTO),
        secure: bool = False,
    ) -> None:
        super().__init__(
            account=replace(ACCOUNT, dtmf=dtmf[0]),
            carrier=replace(CARRIER, dtmf=dtmf[1]),
            seed=seed,
            quality=LOSSY,
        )
        media = self.node.engine.network
        engines = [FakeEngine(self.clock, network=media, address=one) for one in (CUSTOMER, GATEWAY)]
        self.caller = Talker(
            engines[0].open_terminal(Tone((CALLER_HZ,)), listen_for=(CALLEE_HZ,)),
            1,
            caller,
            key=bytes(30),
            secure=secure,
        )
        self.callee = Talker(
            engines[1].open_terminal(Tone((CALLEE_HZ,)), listen_for=(CALLER_HZ,)), 2, callee, key=b"k" * 30
        )
        self.gateway.on_invite = self.ring
        self.gateway.on_offer = self.follow

    def ring(self, phone: object, invite: IncomingInvite) -> None:
        del phone
        invite.accept(body=self.callee.answer(invite.request.body))

    def follow(self, phone: object, exchange: IncomingOffer) -> None:
        del phone
        exchange.accept(self.callee.answer(exchange.request.body))

    def talk(self) -> None:
        """Until it is answered, and two seconds more."""
        self.outbound(body=self.caller.offer())
        self.until("answered")
        self.caller.take_answer(self.customer.responses[-1].body)
        self.clock.advance(2)

    def until(self, event: str) -> None:
        end = self.clock.now() + PATIENCE_S
        while event not in self.customer.events and self.clock.now() < end:
            self.clock.advance(0.1)
        assert event in self.customer.events

    def heard_ms(self) -> tuple[int, int]:
        return self.caller.hearing().heard_ms(CALLEE_HZ), self.callee.hearing().heard_ms(CALLER_HZ)

    def end(self) -> None:
        self.caller.close()
        self.callee.close()
        self.customer.the_usage.bye()
        self.clock.advance(PATIENCE_S)
        self.finish()
        assert self.record.verdict is not None
        assert self.record.verdict.slug is Slug.ANSWERED


@pytest.mark.parametrize(("caller", "callee"), list(permutations(CODEC_NAMES, 2)))
def test_any_codec_talks_to_any_other(caller: str, callee: str) -> None:
    for seed in range(5):
        world = Pair((caller,), (callee,), seed=seed, secure=bool(seed % 2))
        world.talk()
        assert (world.caller.codec, world.callee.codec) == (caller, callee)
        assert min(world.heard_ms()) > 1500
        world.end()
        codecs = (world.record.caller_media.codec, world.record.callee_media.codec)
        assert codecs == (caller, callee)
        assert world.record.transcoded


@pytest.mark.parametrize("seed", range(40))
def test_peers_with_several_codecs_share_one_if_they_can_through_hold_and_change(seed: int) -> None:
    choose = random.Random(seed)
    caller, callee = (
        tuple(choose.sample(CODEC_NAMES, choose.randint(1, len(CODEC_NAMES)))) for _ in range(2)
    )
    world = Pair(caller, callee, seed=seed)
    world.talk()
    shared = set(caller) & set(callee)
    assert ((world.caller.codec, world.callee.codec) == (world.caller.codec,) * 2) is bool(shared)
    before = min(world.heard_ms())
    assert before > 1500
    for codecs in (tuple(choose.sample(CODEC_NAMES, 2)) for _ in range(3)):
        talker = world.caller
        talker._codecs = codecs
        offered = talker.offer()

        def answered(response: Response) -> None:
            world.caller.take_answer(response.body)
            world.customer.events.append("changed")

        world.customer.events.clear()
        world.customer.the_usage.reinvite(offered, answered, world.customer.note_refusal)
        world.until("changed")
        world.clock.advance(2)
        assert world.caller.codec in codecs
        heard = min(world.heard_ms())
        assert heard > before + 1500, codecs
        before = heard
    world.end()


WAYS = [
    (one, other)
    for one in (DtmfMode.AUTO, DtmfMode.RFC4733, DtmfMode.INFO)
    for other in (DtmfMode.AUTO, DtmfMode.RFC4733, DtmfMode.INFO)
]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtmf", WAYS, ids=lambda pair: f"{pair[0]} to {pair[1]}")
def test_each_digit_arrives_once_and_in_order(dtmf: tuple[DtmfMode, DtmfMode], seed: int) -> None:
    choose = random.Random(seed)
    caller, callee = choose.sample(CODEC_NAMES, 2)
    world = Pair((caller,), (callee,), seed=seed, dtmf=dtmf)
    world.talk()
    digits = "".join(choose.choices("0123456789*#ABCD", k=6))
    if dtmf[0] is DtmfMode.INFO:
        for digit in digits:
            world.customer.events.clear()
            world.customer.the_usage.info(
                RELAY, relay_body(digit, 100), world.customer.note_answer, world.customer.note_refusal
            )
            world.until("answer 200 INFO")
    else:
        terminal = world.caller.terminal
        assert isinstance(terminal, FakeTerminal)
        terminal.send_digits(digits)
    world.clock.advance(PATIENCE_S)
    if dtmf[1] is DtmfMode.INFO:
        told = [request for request in world.gateway.requests if request.method == "INFO"]
        read = [read_digit(RELAY, request.body) for request in told]
        assert "".join(digit.digit for digit in read if digit is not None) == digits
    else:
        assert world.callee.hearing().digits == digits
    world.end()
