"""`make bench`: run every benchmark of this folder, or those named as arguments, and print what each
costs."""

import importlib
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def main() -> None:
    for name in sys.argv[1:] or NAMES:
        print(f"{name}:")
        importlib.import_module(f"bench.{name}").main()


main()
