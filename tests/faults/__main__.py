"""`python -m tests.faults NAME`: play one scenario and write what came of it, as JSON. Within a network
namespace of its own: see `world.within`."""

import asyncio
import json
import sys

from tests.faults.scenarios import SCENARIOS

sys.stdout.write(json.dumps(asyncio.run(SCENARIOS[sys.argv[1]]())) + "\n")
