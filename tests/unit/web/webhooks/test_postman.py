"""Delivering: retries on the virtual clock, and receivers that don't hold each other up."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tests.unit.virtual_clock import FakeClock
from tests.unit.web.webhooks.conftest import ACCOUNT, answering, receiver
from trunkline.store.errors import DatabaseError
from trunkline.store.keys import Keyring
from trunkline.store.store import Store
from trunkline.store.webhook_queue import LEASE_S, RETRY_FOR_S, Delivery, DeliveryState, NewEvent
from trunkline.store.webhooks import Webhooks
from trunkline.trunk.account import Account
from trunkline.web.webhooks.postman import AILING_SLOTS, HEALTHY_SLOTS, PER_RECEIVER, RETRY_S, Postman
from trunkline.web.webhooks.sender import Outcome, Sender

FINE = Outcome(True, True, 200, "")
BAD = Outcome(False, False, 500, "it answered 500")


@dataclass
class PaperSender:
    """Answers at once, or when it is let go."""

    outcome: Callable[[str], Outcome] = lambda _url: FINE
    held: set[str] = field(default_factory=set)
    sent: list[tuple[str, str, str, float]] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=dict)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, url: str, secret: str, event_id: str, _body: str, now: float) -> Outcome:
        self.sent.append((url, secret, event_id, now))
        self.under_way[url] = self.under_way.get(url, 0) + 1
        try:
            if url in self.held:
                await self.go.wait()
            return self.outcome(url)
        finally:
            self.under_way[url] -= 1

    @property
    def urls(self) -> list[str]:
        return [url for url, *_ in self.sent]


def postman(store: Store, sender: PaperSender, clock: FakeClock) -> Postman:
    return Postman(store, sender, clock.wall, lambda: 0.5)  # type: ignore[arg-type]


def put(store: Store, clock: FakeClock, count: int = 1, account: str = ACCOUNT, first: int = 0) -> None:
    now = clock.wall()
    events = [NewEvent(f"e{n}", "call.started", account, now, "{}") for n in range(first, first + count)]
    store.webhook_queue.put(events, now)


async def rounds(man: Postman, count: int = 3) -> None:
    for _ in range(count):
        await man.turn()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def only(store: Store, webhook: str) -> Delivery:
    (delivery,) = store.webhook_queue.list(webhook)
    return delivery


def test_what_waits_is_delivered_once_and_signed_with_the_webhook_s_secret(
    store: Store, webhooks: Webhooks, clock: FakeClock
) -> None:
    made, secret = webhooks.add(ACCOUNT, "http://a/")
    put(store, clock)

    async def run() -> None:
        sender = PaperSender()
        man = postman(store, sender, clock)
        await rounds(man, 5)
        assert sender.sent == [("http://a/", secret, "e0", clock.wall())]

    asyncio.run(run())
    delivery = only(store, made.id)
    assert (delivery.state, delivery.status, delivery.attempts) == (DeliveryState.DELIVERED, 200, 1)


def test_failures_are_tried_again_with_longer_pauses_for_a_day(
    store: Store, webhooks: Webhooks, clock: FakeClock
) -> None:
    made, _ = webhooks.add(ACCOUNT, "http://a/")
    put(store, clock)
    began = clock.wall()

    async def run() -> list[float]:
        sender = PaperSender(lambda _url: BAD)
        man = postman(store, sender, clock)
        await rounds(man)
        while (next_at := only(store, made.id).next_at) is not None:
            clock.advance(next_at - clock.wall() - 0.5)
            await rounds(man)
            before = len(sender.sent)
            clock.advance(1)
            await rounds(man)
            assert len(sender.sent) == before + 1
        return [now - began for *_, now in sender.sent]

    times = asyncio.run(run())
    pauses = [later - earlier for earlier, later in pairwise(times)]
    expected = [*RETRY_S, *[RETRY_S[-1]] * (len(pauses) - len(RETRY_S))]
    assert pauses == pytest.approx(expected, abs=1.5)
    assert RETRY_FOR_S - RETRY_S[-1] < times[-1] <= RETRY_FOR_S
    delivery = only(store, made.id)
    assert (delivery.state, delivery.status) == (DeliveryState.FAILED, 500)
    assert delivery.detail == "it answered 500"
    assert delivery.attempts == len(times)


def test_pauses_vary(store: Store, webhooks: Webhooks, clock: FakeClock) -> None:
    webhooks.add(ACCOUNT, "http://a/")
    now = clock.wall()
    delivery = Delivery(1, "w", "e", "t", "{}", now, DeliveryState.WAITING, 2, now, now + 9e9, None, None, "")
    pauses = []
    for chance in (0.0, 0.5, 0.999):
        man = Postman(store, PaperSender(), clock.wall, lambda chance=chance: chance)  # type: ignore[arg-type, misc]
        next_at = man._result(delivery, BAD).next_at
        assert next_at is not None
        pauses.append((next_at - now) / RETRY_S[2])
    assert pauses == pytest.approx([0.9, 1.0, 1.1], abs=0.01)


def test_what_is_gone_is_not_tried_again(store: Store, webhooks: Webhooks, clock: FakeClock) -> None:
    made, _ = webhooks.add(ACCOUNT, "http://a/")
    put(store, clock)

    async def run() -> None:
        await rounds(postman(store, PaperSender(lambda _url: Outcome(False, True, 410, "gone")), clock))

    asyncio.run(run())
    assert only(store, made.id).state is DeliveryState.FAILED


def test_a_slow_receiver_holds_up_nobody(store: Store, webhooks: Webhooks, clock: FakeClock) -> None:
    webhooks.add(ACCOUNT, "http://slow/")
    webhooks.add(ACCOUNT, "http://quick/")
    put(store, clock, 40)

    async def run() -> None:
        sender = PaperSender(held={"http://slow/"})
        man = postman(store, sender, clock)
        await rounds(man, 30)
        assert sender.urls.count("http://quick/") == 40
        assert sender.under_way["http://slow/"] == PER_RECEIVER
        sender.held.clear()
        sender.go.set()
        await rounds(man, 30)
        assert sender.urls.count("http://slow/") == 40

    asyncio.run(run())


def test_however_many_hang_the_others_have_their_share(
    store: Store, webhooks: Webhooks, clock: FakeClock
) -> None:
    hanging = []
    for n in range(AILING_SLOTS // 10 + 3):
        store.accounts.add(Account(f"bad{n}"))
        for m in range(10):
            url = f"http://bad{n}-{m}/"
            webhooks.add(f"bad{n}", url)
            hanging.append(url)
        put(store, clock, 2, f"bad{n}")
    webhooks.add(ACCOUNT, "http://quick/")

    async def run() -> None:
        sender = PaperSender(lambda url: FINE if url == "http://quick/" else BAD)
        man = postman(store, sender, clock)
        await rounds(man, 2)
        sender.held = set(hanging)
        clock.advance(LEASE_S)
        await rounds(man)
        busy = sum(sender.under_way[url] for url in hanging)
        assert busy == AILING_SLOTS
        assert all(sender.under_way[url] <= 1 for url in hanging)
        put(store, clock, 20)
        await rounds(man, 10)
        assert sender.urls.count("http://quick/") == 20
        sender.go.set()
        await man.settle()

    asyncio.run(run())
    assert HEALTHY_SLOTS > AILING_SLOTS


def test_whoever_dies_leaves_it_to_the_next(store: Store, webhooks: Webhooks, clock: FakeClock) -> None:
    made, _ = webhooks.add(ACCOUNT, "http://a/")
    put(store, clock)

    async def run() -> None:
        dead = PaperSender(held={"http://a/"})
        first = postman(store, dead, clock)
        await rounds(first)
        await first.close()
        assert only(store, made.id).state is DeliveryState.WAITING
        sender = PaperSender()
        second = postman(store, sender, clock)
        await rounds(second)
        assert sender.sent == []
        clock.advance(LEASE_S)
        await rounds(second)
        assert [event_id for _, _, event_id, _ in sender.sent] == ["e0"]

    asyncio.run(run())


def test_closing_writes_down_what_ended(store: Store, webhooks: Webhooks, clock: FakeClock) -> None:
    made, _ = webhooks.add(ACCOUNT, "http://a/")
    put(store, clock)

    async def run() -> None:
        man = postman(store, PaperSender(), clock)
        await man.turn()
        await man.settle()
        await man.close()

    asyncio.run(run())
    assert only(store, made.id).state is DeliveryState.DELIVERED


def test_results_outlive_a_database_that_is_away(
    store: Store, webhooks: Webhooks, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = webhooks.add(ACCOUNT, "http://a/")
    put(store, clock)

    def away(*_: object) -> None:
        raise DatabaseError("away")

    async def run() -> None:
        sender = PaperSender()
        man = postman(store, sender, clock)
        await man.turn()
        await man.settle()
        with monkeypatch.context() as patch:
            patch.setattr(store.webhook_queue, "note", away)
            with pytest.raises(DatabaseError):
                await man.turn()
        await man.turn()
        assert len(sender.sent) == 1

    asyncio.run(run())
    assert only(store, made.id).state is DeliveryState.DELIVERED


def test_a_webhook_that_is_removed_meanwhile(store: Store, webhooks: Webhooks, clock: FakeClock) -> None:
    made, _ = webhooks.add(ACCOUNT, "http://a/")
    put(store, clock)

    async def run() -> None:
        sender = PaperSender(held={"http://a/"})
        man = postman(store, sender, clock)
        await rounds(man)
        store.webhooks.remove(made.id)
        sender.go.set()
        await rounds(man)

    asyncio.run(run())
    assert store.webhook_queue.list(made.id) == []


def test_a_secret_that_another_key_file_has_sealed_holds_up_its_own_webhook_alone(
    store: Store, webhooks: Webhooks, clock: FakeClock, tmp_path: Path
) -> None:
    """As after the database was restored beside another key file."""
    strange = Webhooks(store.database, Keyring.create(tmp_path / "another.key"), wall=clock.wall)
    sealed, _ = strange.add(ACCOUNT, "http://sealed/")
    webhooks.add(ACCOUNT, "http://fine/")
    put(store, clock, 20)

    async def run() -> None:
        sender = PaperSender()
        await rounds(postman(store, sender, clock), 10)
        assert sender.urls == ["http://fine/"] * 20

    asyncio.run(run())
    last = store.webhook_queue.list(sealed.id, limit=100)[-1]
    assert (last.state, last.attempts, last.status) == (DeliveryState.WAITING, 1, None)
    assert last.next_at == clock.wall() + RETRY_S[0]
    assert last.detail == "the secret that signs it can't be read: give the webhook a new one"


def test_over_the_wire_until_it_works(store: Store, webhooks: Webhooks, clock: FakeClock) -> None:
    async def nowhere(_host: str) -> tuple[str, ...]:
        return ()

    async def run() -> None:
        statuses = iter((500, 503, 200))

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await answering(next(statuses))(reader, writer)

        async with receiver(answer) as received, Sender(nowhere, private=True, connections=8) as sender:
            made, _ = webhooks.add(ACCOUNT, received.url)
            put(store, clock)
            man = Postman(store, sender, clock.wall, lambda: 0.5)
            for _ in range(3):
                await man.turn()
                await man.settle()
                await man.turn()
                clock.advance(RETRY_S[1] + 1)
            assert received.ids == ["e0"] * 3
            assert only(store, made.id).state is DeliveryState.DELIVERED
            timestamps = {headers["webhook-timestamp"] for headers, _ in received.requests}
            assert len(timestamps) == 3

    asyncio.run(run())
