"""`python -m tests.fuzz TARGET [libFuzzer's options] [FOLDER…]`: look for inputs that a target can't bear,
guided by what of our code they reach (Atheris). It begins with the seeds of the target and, where given,
those of the folders. Without a target: the names of all.
"""

import os
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
    with tempfile.TemporaryDirectory(prefix="seeds-") as seeds:
        write_seeds(name, seeds)
        if not (child := os.fork()):
            atheris.Setup([*sys.argv, seeds], TARGETS[name])
            atheris.Fuzz()  # ends its process without a word to Python
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))
