"""`python -m tests.fuzz TARGET [libFuzzer's options] [FOLDER…]`: look for inputs that a target can't bear,
guided by what of our code they reach (Atheris). It begins with the seeds of the target and, where given,
those of the folders. Without a target: the names of all.
"""

import sys
import tempfile

import atheris

with atheris.instrument_imports(include=["trunkline"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.seeds import write_seeds

if len(sys.argv) == 1:
    sys.stdout.write("\n".join(TARGETS) + "\n")
else:
    name = sys.argv.pop(1)
    seeds = tempfile.mkdtemp(prefix="seeds-")
    write_seeds(name, seeds)
    atheris.Setup([*sys.argv, seeds], TARGETS[name])
    atheris.Fuzz()
