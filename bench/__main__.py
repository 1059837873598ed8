"""`make bench`: run the benchmarks of this folder, all or those named, and print what each costs."""

import argparse
import ast
import importlib
from pathlib import Path

FILES = {path.stem: path for path in sorted(Path(__file__).parent.glob("[a-z]*.py"))}


def main() -> None:
    lines = [f"  {name:<10} {first_line(path)}" for name, path in FILES.items()]
    parser = argparse.ArgumentParser(
        prog="make bench",
        usage='make bench ARGS="[NAME ...]"',
        description="Run benchmarks, all of them if none is named. Each file says which sizes can be set.",
        epilog="\n".join(["benchmarks:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="one of those below")
    names = parser.parse_args().names
    for name in names:
        if name not in FILES:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(FILES)}")
    for name in names or FILES:
        print(f"{name}:", flush=True)
        importlib.import_module(f"bench.{name}").main()


def first_line(path: Path) -> str:
    """Of what the file says of itself, up to the first full stop or colon."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())
    return text.partition(". ")[0].partition(": ")[0].rstrip(".")


main()
