"""The highest rate of calls that a system holds: each step lasts some seconds, with less than 0.1 % failures.

The load generators share the machine. START, STEP and STEP_S in the environment change the ladder.
"""

import os

from bench._calls import measure
from bench._systems import started, systems

START = int(os.environ.get("START", "200"))
STEP = int(os.environ.get("STEP", "40"))
STEP_S = int(os.environ.get("STEP_S", "15"))
MOST_FAILED = 0.001


def main() -> None:
    for name in systems():
        held, rate = 0, START
        while True:
            with started(name) as (system, folder):
                cost = measure(system, rate, rate * STEP_S, folder)
            if cost.failed > rate * STEP_S * MOST_FAILED:
                break
            held, rate = rate, rate + STEP
        print(f"  {name:21} holds {held}/s; at {rate}/s {cost.failed} of {rate * STEP_S} failed")
