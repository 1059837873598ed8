"""The `trunkline` command."""

import sys

from trunkline.cli.app import app
from trunkline.cli.denied import denied
from trunkline.errors import TrunklineError


def main() -> None:
    """Run the command line. Errors made on purpose, and files that can't be had, are one line on standard
    error, and exit status 1.
    """
    for argument in sys.argv[1:]:
        if not _is_text(argument):
            sys.stderr.write(f"trunkline: {argument!a} is not UTF-8: type it in a terminal that is\n")
            sys.exit(2)
    try:
        app(prog_name="trunkline")
    except TrunklineError as error:
        sys.stderr.write(f"trunkline: {error}{denied(error)}\n")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        sys.stderr.write(f"trunkline: {error.filename}: {error.strerror}{denied(error)}\n")
        sys.exit(1)


def _is_text(argument: str) -> bool:
    """Whether it is one; bytes that are not UTF-8 come as lone surrogates (PEP 383)."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


__all__ = ["main"]
