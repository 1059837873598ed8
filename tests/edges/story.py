"""What is shown: the service comes up, customers call, a node is killed, and what became of everything.

Runs on the machine `core`. The timeline is printed as it happens; the figures at the end are counted from
what the customers saw and from the records in the database. The exit status is 0 only if nothing is wrong.
"""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.edges.customer import SILENCE_S, TALK_S, Placed
from tests.edges.ground import CUSTOMERS, DOMAIN, ONE_WAY_MS, Machine, within
from tests.edges.service import CALLED, KEY, LIMIT, SECRET, SMALL, TONE, Edge, Service, wait_until
from trunkline.call.record import CallRecord, RecordState
from trunkline.cli.output import say
from trunkline.config.edges import advice
from trunkline.store.calls import CallFilter
from trunkline.store.nodes import Standing
from trunkline.web.edge_list import edges_of

VICTIM: Final = "sip-us1"
RATE: Final = 2.0
"""Calls a second of each customer."""
BEFORE_S: Final = 12.0
AFTER_S: Final = 24.0
HZ: Final = 1004
PATIENT_S: Final = 3 * SILENCE_S
"""No new call may wait longer: one silent edge, the way to the next, and a busy machine."""
WRITTEN_S: Final = 0.5
"""Records are in the journal within 100 ms, on a busy machine within this; what was not a killed node takes
along.
"""


class Timeline:
    """Says what happens, and keeps what was wrong."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.wrong: list[str] = []

    def say(self, what: str) -> None:
        say(f"{time.monotonic() - self._began:7.1f} s  {what}")

    def must(self, well: bool, what: str) -> None:
        """A figure, and whether it is as it should be."""
        say(f"  {'ok' if well else 'WRONG':5}  {what}")
        if not well:
            self.wrong.append(what)


class Traffic:
    """The three customers at work. What became of their calls is in `placed`."""

    def __init__(self, service: Service, shared: tuple[Sequence[str], Sequence[str]], seconds: float) -> None:
        self.placed: list[Placed] = []
        self._failed = False
        self._threads: list[threading.Thread] = []
        by_region = {machine.region: machine for machine in CUSTOMERS}
        share, backup = shared
        us = {"key": KEY, "srv": f"us.{DOMAIN}"}
        ap = {"key": KEY, "share": list(share), "backup": list(backup)}
        eu = {"key": SMALL, "srv": DOMAIN}
        for region, rule in (("us", us), ("ap", ap), ("eu", eu)):
            machine = by_region[region]
            customer = {"name": machine.name, "folder": str(service.home / machine.name), "secret": SECRET}
            load = {"called": CALLED, "calls": int(seconds * RATE), "rate": RATE}
            order = {**customer, **load, **rule}
            self._begin(machine, order)

    def _begin(self, machine: Machine, order: dict[str, object]) -> None:
        command = within(machine, sys.executable, "-m", "tests.edges.customer", json.dumps(order))
        # Not in the terminal's group: whoever interrupts the show does not ask the customers.
        customer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        thread = threading.Thread(target=self._read, args=(customer,), daemon=True)
        thread.start()
        self._threads.append(thread)

    def _read(self, customer: "subprocess.Popen[str]") -> None:
        assert customer.stdout is not None
        for line in customer.stdout:
            self.placed.append(Placed(**json.loads(line)))
        self._failed |= customer.wait() != 0

    def wait(self) -> None:
        """Until the last call is over. Raises `RuntimeError` when a customer's program failed."""
        for thread in self._threads:
            thread.join()
        if self._failed:
            raise RuntimeError("a customer could not call: see above")


def heard(machine: Machine, uri: str, home: Path) -> bool:
    """Whether a test phone there hears the tone of the simulated carrier through the service."""
    dial = ("dial", uri, "--key", KEY, "--secret", SECRET, "--listen", f"{HZ}", "--tone", "440", "--for", "2")
    command = (sys.executable, "-m", "trunkline.cli", *dial, "--bind", machine.address)
    done = subprocess.run(within(machine, *command), cwd=home, capture_output=True, text=True, check=False)
    return done.returncode == 0


def listen(timeline: Timeline, service: Service) -> None:
    """An audio call from each region."""
    for machine in CUSTOMERS:
        uri = f"sip:{TONE}@{machine.region}.{DOMAIN};transport=udp"
        well = heard(machine, uri, service.home)
        timeline.must(well, f"a test phone in {machine.region} hears the far end through its own region")


def come_up(timeline: Timeline, service: Service) -> None:
    ways = ", ".join(f"{'–'.join(sorted(pair))} {2 * ms} ms" for pair, ms in ONE_WAY_MS.items())
    timeline.say(f"Three regions; round trips between them: {ways}, by a TUN device (no netem needed).")
    service.share()
    timeline.say("PostgreSQL and Redis run in eu.")
    service.relay()
    service.answer()
    timeline.say(
        "An rtpengine in us and one in eu, for the nodes there; those in ap use the built-in engine."
    )
    service.install()
    for edge in service.edges:
        edge.start()
    for edge in service.edges:
        wait_until(f"{edge.machine.name} to be ready", edge.is_ready)
    timeline.say(f"Six nodes take calls: {', '.join(edge.machine.name for edge in service.edges)}.")
    service.publish()
    wait_until("the zone", lambda: len(service.published()) == len(service.edges))
    timeline.say(f"Knot serves {DOMAIN}, kept by `trunkline dns --follow`: all six are in it.")


class Killed(NamedTuple):
    """A node that was."""

    address: str
    at: float
    """By the wall clock."""
    up: int
    """Calls that it had."""


def kill(timeline: Timeline, service: Service, victim: Edge) -> Killed:
    """Within its calls, and watched until nobody is led there any more."""
    up = victim.calls()
    victim.kill()
    killed = Killed(victim.machine.address, time.time(), up)
    timeline.say(f"{VICTIM} (process {victim.pid}) is killed, with {killed.up} calls up.")
    others = {edge.machine.name for edge in service.edges if edge is not victim}
    store = service.edges[2].here.store
    lost = wait_until(
        f"{VICTIM} to be lost",
        lambda: any(node.name == VICTIM and node.standing is Standing.LOST for node in store.nodes.list()),
    )
    timeline.say(f"A survivor declares {VICTIM} lost, {lost:.1f} s after it was killed.")
    gone = lost + wait_until("the zone without it", lambda: service.published() == others)
    timeline.say(f"The zone leads to the other five, after {gone:.1f} s.")
    return killed


def come_back(timeline: Timeline, service: Service, victim: Edge) -> None:
    victim.start()
    took = wait_until(f"{VICTIM} to be ready", victim.is_ready)
    wait_until("the zone with it", lambda: len(service.published()) == len(service.edges))
    timeline.say(f"{VICTIM} is started again: ready after {took:.1f} s, and in the zone.")


def records(service: Service) -> list[CallRecord]:
    found: list[CallRecord] = []
    cursor: str | None = None
    while True:
        page = service.edges[2].here.store.calls.list(CallFilter(), limit=100, cursor=cursor)
        found += page.calls
        cursor = page.next_cursor
        if cursor is None:
            return found


def at_once(calls: Sequence[CallRecord]) -> int:
    """The most that were answered at the same time."""
    moments = [(call.answered_at, 1) for call in calls if call.answered_at is not None]
    moments += [
        (call.ended_at, -1) for call in calls if call.answered_at is not None and call.ended_at is not None
    ]
    most = now = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


def judge(timeline: Timeline, service: Service, placed: Sequence[Placed], killed: Killed) -> None:
    """Count what became of it."""
    store = service.edges[2].here.store
    wait_until("no open record", lambda: not store.calls.list(CallFilter(state=RecordState.OPEN)).calls)
    say("\nWhat customers saw:")
    _judge_calls(timeline, placed, killed)
    say("\nWhat the records say:")
    _judge_records(timeline, records(service), placed, killed)


def _judge_calls(timeline: Timeline, placed: Sequence[Placed], killed: Killed) -> None:
    for customer in sorted({call.customer for call in placed}):
        theirs = [call for call in placed if call.customer == customer]
        kinds = {"whole": "whole", "cut": "cut off", "refused": "refused", "silent": "without an answer"}
        counts = [f"{sum(call.outcome == kind for call in theirs)} {words}" for kind, words in kinds.items()]
        say(f"         {customer}: {len(theirs)} calls: {', '.join(counts)}")
    free = [call for call in placed if call.customer != "pbx-eu"]
    lost = [call for call in free if call.answered_at is None]
    timeline.must(
        not lost, f"{len(lost)} of {len(free)} calls of customers without a limit were not answered"
    )
    cut = [call for call in placed if call.outcome == "cut"]
    there = [call for call in cut if call.tried[-1] == killed.address and call.began_at < killed.at]
    words = f"{len(cut)} calls were cut off, all of them at {VICTIM}, which had {killed.up} up"
    timeline.must(len(there) == len(cut), words)
    after = [call for call in free if call.began_at > killed.at and call.answered_at is not None]
    led = [call for call in after if call.tried[0] == killed.address and call.tried[-1] != killed.address]
    timeline.must(
        bool(led), f"{len(led)} calls were led to it though it was gone, and answered by the next edge"
    )
    waits = [(call.answered_at or 0) - call.began_at for call in after]
    first = min((call.answered_at or 0) - killed.at for call in after)
    timeline.must(
        max(waits) < PATIENT_S,
        f"new calls flow {first:.1f} s after it; the longest wait for an answer was {max(waits):.1f} s; "
        f"a client gives a silent edge {SILENCE_S:g} s",
    )


def _judge_records(
    timeline: Timeline, kept: Sequence[CallRecord], placed: Sequence[Placed], killed: Killed
) -> None:
    ours = [record for record in kept if record.dialled == CALLED]
    answered = sum(record.answered_at is not None for record in ours)
    seen = sum(call.answered_at is not None for call in placed)
    fresh = [
        call
        for call in placed
        if call.tried[-1] == killed.address
        and call.outcome == "cut"
        and killed.at - (call.answered_at or 0) < WRITTEN_S
    ]
    timeline.must(
        0 <= seen - answered <= len(fresh),
        f"{answered} records of answered calls for {seen} answered calls: {seen - answered} missing, where "
        f"{len(fresh)} were answered by {VICTIM} in its last {WRITTEN_S:g} s, and not yet written",
    )
    names = [record.sip_call_id for record in ours]
    twice = len(names) - len(set(names))
    timeline.must(not twice, f"{twice} calls have two records")
    recovered = [record for record in kept if record.state is RecordState.RECOVERED]
    words = {one.verdict.detail for one in recovered if one.verdict is not None and one.verdict.detail}
    timeline.must(
        {record.node for record in recovered} <= {VICTIM} and len(words) <= 1,
        f"{len(recovered)} records of {VICTIM} were closed by another: {'; '.join(words) or 'none'}",
    )
    small = [record for record in kept if record.account == SMALL]
    most, refused = at_once(small), sum(record.answered_at is None for record in small)
    timeline.must(
        most <= LIMIT and refused > 0,
        f"limits exceeded: {max(0, most - LIMIT)}. {SMALL} may have {LIMIT} calls at once over all nodes, "
        f"had {most}, and was refused {refused} times",
    )
    counts = Counter(record.node for record in ours if record.answered_at is not None)
    say(f"         calls by node: {', '.join(f'{name} {number}' for name, number in sorted(counts.items()))}")


def play(home: Path) -> int:
    timeline, service = Timeline(), Service(home)
    come_up(timeline, service)
    listen(timeline, service)
    edges = edges_of(service.edges[0].here.settings, service.edges[0].here.store)
    (near,) = (one for one in advice(edges, DOMAIN) if one.region == "ap")
    timeline.say(
        f"Customers begin to call, {RATE:g} calls a second each, {TALK_S:g} s long: pbx-us by SRV of "
        f"us.{DOMAIN}, pbx-ap by the rule of the two nearest, pbx-eu by SRV of {DOMAIN} and with an account "
        f"of {LIMIT} calls at once."
    )
    traffic = Traffic(service, (near.share, near.backup), BEFORE_S + AFTER_S)
    time.sleep(BEFORE_S)
    victim = next(edge for edge in service.edges if edge.machine.name == VICTIM)
    killed = kill(timeline, service, victim)
    come_back(timeline, service, victim)
    traffic.wait()
    timeline.say("The customers have ended.")
    listen(timeline, service)
    judge(timeline, service, traffic.placed, killed)
    say(f"\n{'Not all was as it should be: see WRONG.' if timeline.wrong else 'All was as it should be.'}")
    return 1 if timeline.wrong else 0


def main() -> int:
    home = Path(sys.argv[1])
    try:
        return play(home)
    except KeyboardInterrupt:
        say("\nInterrupted.")
        return 130
    except (TimeoutError, RuntimeError) as error:
        say(f"It failed: {error}")
        for log in sorted(home.glob("*.log")):
            last = log.read_text(errors="replace").splitlines()[-3:]
            say("\n".join([f"--- {log.name}", *last]))
        return 1


if __name__ == "__main__":
    sys.exit(main())
