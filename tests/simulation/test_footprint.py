"""What calls leave behind: nothing for the garbage collector, and little while their transactions linger."""

import gc
import sys
from enum import Enum
from types import FunctionType, ModuleType

from tests.simulation.world import World
from tests.unit.virtual_clock import FakeClock
from trunkline.call.attempt import Attempt
from trunkline.call.call import Call
from trunkline.call.leg import Leg
from trunkline.sip.dialog import Dialog
from trunkline.sip.message import Response
from trunkline.sip.stack import SipStack
from trunkline.sip.transactions.client import ClientTransaction
from trunkline.sip.transactions.server import ServerTransaction
from trunkline.sip.usage import Usage
from trunkline.sip.user_agent import UserAgent

SERVER_BYTES, CLIENT_BYTES = 2_000, 3_500
"""What a transaction may hold after its final response. The client's part includes the ACK, and what it takes
to end another fork's call.
"""
_LET_GO = (Call, Attempt, Leg, Usage, Dialog, Response)
_SHARED = (SipStack, UserAgent, FakeClock, Enum, FunctionType, ModuleType, type)


def place_call(world: World) -> None:
    """One outbound call from beginning to end."""
    world.talking_outbound()
    world.customer.the_usage.bye()
    world.clock.advance(6)  # past timer K, well before timers J, L and M


def held_by(transaction: object) -> list[object]:
    """Everything that `transaction` alone keeps alive, as far as objects of ours are concerned."""
    found: dict[int, object] = {}
    waiting = [transaction]
    while waiting:
        one = waiting.pop()
        if id(one) in found or isinstance(one, _SHARED) or type(one).__module__.startswith("tests."):
            continue
        found[id(one)] = one
        waiting += gc.get_referents(one)
    return list(found.values())


def lingering(kind: type[ServerTransaction | ClientTransaction], stack: SipStack) -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, kind) and one._wire is stack]


def test_an_ended_call_leaves_no_cycle() -> None:
    world = World()
    place_call(world)
    world.clock.advance(100)
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            place_call(world)
        world.clock.advance(100)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_lingering_transaction_keeps_neither_call_nor_messages() -> None:
    gc.collect()
    world = World()
    place_call(world)
    stack = world.node.agent.stack
    assert (stack.client_transactions, stack.server_transactions) == (1, 2)
    for kind, most in ((ServerTransaction, SERVER_BYTES), (ClientTransaction, CLIENT_BYTES)):
        transactions = lingering(kind, stack)
        assert transactions
        for transaction in transactions:
            held = held_by(transaction)
            assert not [one for one in held if isinstance(one, _LET_GO)]
            assert sum(map(sys.getsizeof, held)) <= most
    world.finish()
