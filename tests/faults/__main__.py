"""`python -m tests.faults NAME`: play one scenario and write what came of it, as JSON. Within a network
namespace of its own: see `world.within`."""

import asyncio
import json
import sys

from tests.faults import overload, scenarios, spraying, strangers, times

SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        scenarios.bad_carriers,
        scenarios.bad_network,
        scenarios.database_gone,
        scenarios.database_locked,
        scenarios.dead_names,
        scenarios.disk_full,
        scenarios.everything_thrice,
        scenarios.journal_poisoned,
        scenarios.killed,
        scenarios.poor_network,
        scenarios.ports_exhausted,
        scenarios.slow_names,
        overload.overloaded,
        spraying.sprayed,
        strangers.connections_held,
        times.certificate_replaced,
        times.clock_stepped,
    )
}

sys.stdout.write(json.dumps(asyncio.run(SCENARIOS[sys.argv[1]]())) + "\n")
